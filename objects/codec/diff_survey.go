package codec

import (
	"bytes"
	"math"
	"sync"
)

// maxContexts bounds the tables of one diff.
const maxContexts = 16

// Of large tensors surveys look at a twelfth at most, in windows of elements.
const (
	surveyWindow = 512
	fewWindows   = 12
	manyWindows  = 32
)

// A survey looks at samples of a tensor and its base, to find what a diff would
// cost and which tops of base elements should share a context.
type survey struct {
	syms  [256][256]uint32 // by top, of elements outside equal groups
	plane [8][256]uint32   // the bytes of all elements, as Planes would cut them
	bits  int              // raw
	n     int              // elements looked at
	total int              // of so many that are coded

	windows [][2]int
	cut     []byte
	runs    []byte // of diffCost
	w       bitWriter
}

var surveys = sync.Pool{New: func() any { return new(survey) }}

// look takes the samples, from the groups of x that runs say are coded; y is the
// base. Both are whole elements.
func (s *survey) look(r *residual, e Elem, x, y, runs []byte) {
	clear(s.syms[:])
	clear(s.plane[:])
	s.bits, s.n, s.total = 0, 0, 0
	size := r.size
	eachCoded(runs, len(x), group*size, func(from, to int) error {
		s.total += (to - from) / size
		return nil
	})
	s.windows = s.windows[:0]
	count := min(max(s.total/surveyWindow/12, fewWindows), manyWindows)
	forWindows(s.total, surveyWindow, count, func(from, to int) {
		s.windows = append(s.windows, [2]int{from, to})
	})
	at, next := 0, 0 // coded elements before the run; window
	eachCoded(runs, len(x), group*size, func(from, to int) error {
		n := (to - from) / size
		for next < len(s.windows) && s.windows[next][0] < at+n {
			w := &s.windows[next]
			end := min(w[1], at+n)
			a, b := from+(w[0]-at)*size, from+(end-at)*size
			s.sample(r, e, x[a:b], y[a:b])
			if w[0] = end; w[0] < w[1] {
				break
			}
			next++
		}
		at += n
		return nil
	})
}

func (s *survey) sample(r *residual, e Elem, x, y []byte) {
	n := len(x) / r.size
	s.n += n
	s.cut = grown(&s.cut, len(x))
	splitPlanes(s.cut, x, e)
	for p := range r.size {
		for _, c := range s.cut[p*n : (p+1)*n] {
			s.plane[p][c]++
		}
	}
	var syms, tops [chunk]byte
	for len(x) > 0 {
		k := min(len(x), group*r.size)
		if !bytes.Equal(x[:k], y[:k]) {
			s.w.reset()
			r.encode(&s.w, &syms, &tops, x[:k], y[:k])
			s.bits += s.w.count()
			for i, c := range syms[:k/r.size] {
				s.syms[tops[i]][c]++
			}
		}
		x, y = x[k:], y[k:]
	}
}

// planes is the estimated cost of Planes in bits per byte.
func (s *survey) planes(size int) (bits float64) {
	for p := range size {
		bits += entropy(&s.plane[p])
	}
	return bits / float64(size)
}

// span is a range of tops that share a context.
type span struct {
	to     int // the last one
	counts *[256]uint32
	cost   float64
}

// tableCost is about what a table costs: so much, and so much for each symbol in use.
const (
	tableCost  = 400
	symbolBits = 5
)

// contexts chooses the ranges of tops and returns the last top of each, and the
// cost of all elements in bits. It begins with a range for
// each top, and merges neighbours as long as that saves more in tables than it
// loses in the codes. It uses up s.
func (s *survey) contexts() (ends []byte, bits float64) {
	if s.n == 0 {
		return []byte{255}, 0
	}
	scale := float64(s.total) / float64(s.n)
	cost := func(counts *[256]uint32) float64 {
		var n uint32
		used, sum := 0, 0.0
		for _, c := range counts {
			if c > 0 {
				n += c
				used++
				sum += xlog2(c)
			}
		}
		return scale*(xlog2(n)-sum) + float64(tableCost+used*symbolBits)
	}
	var spans []span
	var few uint32 // in the last span
	for top := range s.syms {
		row := &s.syms[top]
		var n uint32
		for _, c := range row {
			n += c
		}
		// Tops that hardly occur are not worth a search.
		if k := len(spans); k > 0 && (n < 24 || few < 24) {
			if n > 0 {
				add(spans[k-1].counts, row)
			}
			spans[k-1].to, few = top, few+n
			continue
		}
		spans, few = append(spans, span{to: top, counts: row}), n
	}
	for i := range spans {
		spans[i].cost = cost(spans[i].counts)
	}
	gains := make([]float64, len(spans)) // of merging each with the next
	gain := func(i int) float64 {
		both := *spans[i].counts
		add(&both, spans[i+1].counts)
		return spans[i].cost + spans[i+1].cost - cost(&both)
	}
	for i := range len(spans) - 1 {
		gains[i] = gain(i)
	}
	for len(spans) > 1 {
		at := 0
		for i := range len(spans) - 1 {
			if gains[i] > gains[at] {
				at = i
			}
		}
		if gains[at] <= 0 && len(spans) <= maxContexts {
			break
		}
		add(spans[at].counts, spans[at+1].counts)
		spans[at].to = spans[at+1].to
		spans[at].cost = cost(spans[at].counts)
		spans = append(spans[:at+1], spans[at+2:]...)
		gains = append(gains[:at+1], gains[at+2:]...)
		for i := max(at-1, 0); i <= at && i < len(spans)-1; i++ {
			gains[i] = gain(i)
		}
	}
	sum := float64(s.bits) * scale
	for _, p := range spans {
		ends = append(ends, byte(p.to))
		sum += p.cost
	}
	return ends, sum
}

func add(to, from *[256]uint32) {
	for i, c := range from {
		to[i] += c
	}
}

// diffCost estimates from samples what encodeDiff would need, in bits per byte
// of raw, infinite if base is none for raw.
func diffCost(raw, base []byte, e Elem) (bits float64) {
	if len(raw) != len(base) {
		return math.Inf(1)
	}
	lead := 0
	if !e.valid() {
		e, lead = guessElem(raw)
	}
	a := newLayout(len(raw), e, lead)
	if a.n == 0 {
		return 8
	}
	s := surveys.Get().(*survey)
	defer surveys.Put(s)
	x, y := a.body(raw), a.body(base)
	s.runs = appendRuns(s.runs[:0], x, y, group*int(e.Size))
	s.look(e.residual(), e, x, y, s.runs)
	_, bits = s.contexts()
	return bits / float64(len(raw))
}
