package tensordiff

import (
	"cmp"
	"context"
	"fmt"
	"hash/maphash"
	"slices"
)

// comparison is the state of one Diff.
type comparison struct {
	ctx   context.Context
	o     Options
	a, b  *side
	pairs []*pair
}

// pair is a tensor, by its places in the two lists; -1 where a side lacks it.
type pair struct {
	i, j   int
	status Status
	note   string
	a, b   *data // if the bytes are compared
	mode   mode
	units  []unit
	delta  *Delta
	sums   sums
}

// match pairs the tensors by name, and tells what needs no bytes to be told.
func (c *comparison) match() {
	at := make(map[string]int, len(c.b.names))
	for j, name := range c.b.names {
		at[name] = j
	}
	paired := make([]bool, len(c.b.names))
	for i, name := range c.a.names {
		j, ok := at[name]
		if !ok {
			c.pairs = append(c.pairs, &pair{i: i, j: -1, status: Removed})
			continue
		}
		paired[j] = true
		c.pairs = append(c.pairs, c.paired(i, j))
	}
	for j := range c.b.names {
		if !paired[j] {
			c.pairs = append(c.pairs, &pair{i: -1, j: j, status: Added})
		}
	}
}

// paired tells what became of a tensor that both sides have. Its status stays ""
// until its bytes were compared.
func (c *comparison) paired(i, j int) *pair {
	p := &pair{i: i, j: j}
	x, y := &c.a.list.Tensors[i], &c.b.list.Tensors[j]
	switch {
	case !slices.Equal(x.Shape, y.Shape):
		p.status = Reshaped
		return p
	case x.DType != y.DType:
		p.status = Retyped
	}
	mode, note := modeOf(x, y)
	if note == "" {
		note = c.attach(p)
	}
	if note != "" {
		p.note = note
		p.status = cmp.Or(p.status, Unknown)
		return p
	}
	p.mode = mode
	return p
}

// attach finds the bytes of both sides. note says why they are not at hand.
func (c *comparison) attach(p *pair) (note string) {
	var err error
	if p.a, err = c.a.data(p.i); err == nil {
		p.b, err = c.b.data(p.j)
	}
	if err != nil {
		p.a, p.b = nil, nil
		return err.Error()
	}
	return ""
}

// form is what two tensors have in common of which one may be the other's new
// name. Bytes are those of the hash.
type form struct {
	dtype, shape string
	bytes        int64
	fortran      bool
	bigEndian    bool
	packed       bool
	scale, min   float64
	sum          uint64
}

// rename makes one pair of each removed and added tensor that are equal in type,
// shape and bytes; of several, the first goes with the first.
func (c *comparison) rename() error {
	forms := map[form][2][]*pair{}
	for _, p := range c.pairs {
		if p.status == Removed || p.status == Added {
			f, side := c.form(p)
			e := forms[f]
			e[side] = append(e[side], p)
			forms[f] = e
		}
	}
	seed := maphash.MakeSeed()
	gone := map[*pair]bool{}
	for _, p := range c.pairs {
		if p.status != Removed {
			continue
		}
		f, _ := c.form(p)
		sets := forms[f]
		if len(sets[0]) == 0 || len(sets[1]) == 0 {
			continue
		}
		delete(forms, f)
		if err := c.renameAmong(seed, f, sets, gone); err != nil {
			return err
		}
	}
	c.pairs = slices.DeleteFunc(c.pairs, func(p *pair) bool { return gone[p] })
	return nil
}

// form tells all but the hash, and the side that p is on.
func (c *comparison) form(p *pair) (f form, side int) {
	s, i := c.a, p.i
	if p.status == Added {
		s, i, side = c.b, p.j, 1
	}
	e := &s.list.Tensors[i]
	return form{dtype: e.DType, shape: fmt.Sprint(e.Shape), bytes: e.Bytes, fortran: e.Fortran, bigEndian: e.BigEndian, packed: e.Packed, scale: e.Scale, min: e.Min}, side
}

// renameAmong looks for equal bytes among tensors of one form.
func (c *comparison) renameAmong(seed maphash.Seed, f form, sets [2][]*pair, gone map[*pair]bool) error {
	added := map[form][]*pair{}
	for side, set := range []([]*pair){sets[1], sets[0]} {
		for _, p := range set {
			s, i := c.b, p.j
			if side == 1 {
				s, i = c.a, p.i
			}
			d, err := s.data(i)
			if err != nil {
				continue // not at hand: it stays removed or added
			}
			if f.sum, err = c.hash(seed, d); err != nil {
				return err
			}
			if side == 0 {
				added[f] = append(added[f], p)
			} else if like := added[f]; len(like) > 0 {
				added[f] = like[1:]
				p.j, p.status = like[0].j, Renamed
				gone[like[0]] = true
			}
		}
	}
	return nil
}

// hash is of a tensor's bytes, with a seed that no file can know.
func (c *comparison) hash(seed maphash.Seed, d *data) (uint64, error) {
	r := reader{data: d}
	defer r.close()
	var h maphash.Hash
	h.SetSeed(seed)
	buf := make([]byte, min(blockSize, d.entry.Bytes))
	for off := int64(0); off < d.entry.Bytes; off += int64(len(buf)) {
		if err := c.ctx.Err(); err != nil {
			return 0, err
		}
		b := buf[:min(int64(len(buf)), d.entry.Bytes-off)]
		if err := r.read(b, off); err != nil {
			return 0, err
		}
		h.Write(b)
	}
	return h.Sum64(), nil
}
