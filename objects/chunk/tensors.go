package chunk

import (
	"cmp"
	"math"
	"slices"
)

// Lengths in bytes.
const (
	partSize    = 2 << 20   // of a large tensor's parts; a multiple of every element's length
	largeTensor = 128 << 10 // from which on a tensor is not grouped with others
	groupSize   = 1 << 20   // up to which small tensors are grouped
	// smallTensor is from which on one is looked for where tensors lie among
	// other things.
	smallTensor = 1 << 10
	// maxGap is how much between two tensors goes to the piece before it, as
	// pieces of a few bytes cost more than they hold.
	maxGap = 4 << 10
	// maxShift is up to which length a tensor joins a group in which its
	// elements are not aligned.
	maxShift = 16 << 10
)

// tensor is a run of elements in a model.
type tensor struct {
	off, end int64
	label    uint64
	elem     Elem
}

// layout finds the tensors of a model, in order and not overlapping.
type layout interface {
	// next returns the next tensor, one that does not begin before w.base.
	// When there is none up to limit it may stop there: ok is false, and none
	// begins before until, which is beyond limit.
	next(w *window, limit int64) (t tensor, until int64, ok bool)
}

// tensors looks at the next tensor of a layout without taking it.
type tensors struct {
	layout  layout // nil: none
	ahead   tensor
	found   bool
	noneTil int64
}

func (s *tensors) peek(w *window, limit int64) (tensor, bool) {
	if !s.found && s.layout != nil && s.noneTil <= limit {
		s.ahead, s.noneTil, s.found = s.layout.next(w, limit)
	}
	return s.ahead, s.found
}

func (s *tensors) take() { s.found, s.noneTil = false, s.ahead.end }

// list is the layout of a model whose header names every tensor.
type list []tensor

// maxTensors bounds what a header costs in memory.
const maxTensors = 1 << 20

// newList drops what cannot be true: tensors that begin before from, are empty,
// or overlap one that begins earlier.
func newList(all []tensor, from int64) *list {
	slices.SortFunc(all, func(a, b tensor) int {
		return cmp.Or(cmp.Compare(a.off, b.off), cmp.Compare(a.end, b.end), cmp.Compare(a.label, b.label))
	})
	good := all[:0]
	for _, t := range all {
		if t.off >= from && t.end > t.off {
			good = append(good, t)
			from = t.end
		}
	}
	l := list(good)
	return &l
}

func (l *list) next(*window, int64) (tensor, int64, bool) {
	if len(*l) == 0 {
		return tensor{}, math.MaxInt64, false
	}
	t := (*l)[0]
	*l = (*l)[1:]
	return t, 0, true
}

// tensorPart cuts the open tensor.
func (c *Cutter) tensorPart(pos int64) (Piece, int) {
	t := c.open
	p := Piece{Elem: t.elem, Label: partLabel(t.label, (pos-t.off)/c.part)}
	if t.end-pos > c.part {
		c.w.at(pos, int(c.part))
		return p, int(c.part)
	}
	c.w.at(pos, int(t.end-pos))
	return p, c.closeAt(pos, t.end)
}

// closeAt returns the length of a piece that ends with a tensor, at end: that
// of the gap after it is included when it is short.
func (c *Cutter) closeAt(pos, end int64) int {
	if t, ok := c.peek(&c.w, end+maxGap); ok && t.off-end <= maxGap {
		end = t.off
	}
	n := int(end - pos)
	c.w.at(pos, n)
	return n
}

// group joins small tensors that follow each other.
func (c *Cutter) group(pos int64) (Piece, int) {
	var label uint64
	t, _ := c.peek(&c.w, pos)
	elem, shifted := t.elem, int64(0) // bytes of elements that are not aligned
	for end := pos; ; {
		label, end = then(label, t.label), t.end
		if !aligned(t.off-pos, elem) {
			shifted += t.end - t.off
		}
		c.take()
		c.w.at(pos, int(end-pos))
		next, ok := c.peek(&c.w, end+maxGap)
		if !ok || next.off-end > maxGap || next.elem != elem || next.end-next.off >= largeTensor || next.end-pos > groupSize ||
			next.end-next.off >= maxShift && !aligned(next.off-pos, elem) {
			if shifted > (end-pos)/8 {
				elem = Elem{}
			}
			return Piece{Elem: elem, Label: partLabel(label, 0)}, c.closeAt(pos, end)
		}
		t = next
	}
}

func aligned(n int64, e Elem) bool { return e.Size <= 1 || n%int64(e.Size) == 0 }

// plain cuts by content, up to the next tensor at most.
func (c *Cutter) plain(pos int64) (Piece, int) {
	var s scan
	for {
		n := min(len(c.w.buf), Max) // looking for a tensor may make buf longer
		t, ok := c.peek(&c.w, pos+int64(n))
		if ok {
			n = int(min(int64(n), t.off-pos))
		}
		if cut := s.to(c.w.buf[:n]); cut > 0 {
			return plainPiece(&s), cut
		}
		if ok && n == int(t.off-pos) || c.w.ended() && n == len(c.w.buf) {
			return plainPiece(&s), n
		}
		if n == len(c.w.buf) {
			c.w.fill(readSize)
		}
	}
}

func plainPiece(s *scan) (p Piece) {
	p.Label, p.More = s.labels()
	return p
}
