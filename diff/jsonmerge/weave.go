package jsonmerge

import (
	"slices"

	"github.com/mstore/mstore/diff/internal/jsondoc"
)

// run writes the elements: in the order of the lead, which is ours unless only theirs
// moved elements; what only the other side has follows what it follows there.
func (w *weave) run(t triple) error {
	lead, err := w.lead(t)
	if err != nil {
		return err
	}
	waiting := w.waiting(lead)
	anchor := -1
	var alone []int // of the lead, since the anchor
	for j := range w.lists[lead] {
		i := w.from[lead][j]
		if i < 0 || w.to[other(lead)][i] < 0 {
			alone = append(alone, j)
			continue
		}
		if err := w.region(lead, alone, waiting[anchor]); err != nil {
			return err
		}
		alone, anchor = alone[:0], j
		if err := w.inAll(i); err != nil {
			return err
		}
	}
	return w.region(lead, alone, waiting[anchor])
}

// lead is the side whose order counts.
func (w *weave) lead(t triple) (int, error) {
	if w.key == nil {
		return ours, nil
	}
	var order [3][]int // of the elements that all have
	for _, side := range []int{ours, theirs} {
		for _, i := range w.from[side] {
			if i >= 0 && w.to[other(side)][i] >= 0 {
				order[side] = append(order[side], i)
			}
		}
	}
	switch {
	case slices.IsSorted(order[theirs]) || slices.Equal(order[ours], order[theirs]):
		return ours, nil
	case slices.IsSorted(order[ours]):
		w.m.took(theirs)
		return theirs, nil
	}
	return w.m.conflict(Reorder, t)
}

// waiting are the elements that only the side that does not lead has, or that the lead
// deleted, by the element of the lead that they follow; -1 is the beginning.
func (w *weave) waiting(lead int) map[int][]int {
	side := other(lead)
	list := map[int][]int{}
	anchor := -1
	for k, i := range w.from[side] {
		switch {
		case i >= 0 && w.to[lead][i] >= 0:
			anchor = w.to[lead][i]
		case i >= 0 || w.twin[side][k] < 0:
			list[anchor] = append(list[anchor], k)
		}
	}
	return list
}

// region writes what each side alone has between two elements that all have.
func (w *weave) region(lead int, alone, others []int) error {
	follow := other(lead)
	if len(alone) > 0 && len(others) > 0 && w.key == nil {
		x, y := w.fresh(lead, alone), w.fresh(follow, others)
		if len(x) > 0 && len(y) > 0 {
			side := lead
			if w.same(lead, x, y) {
				w.m.res.Both++
			} else {
				var err error
				if side, err = w.conflict(lead, x, y); err != nil {
					return err
				}
			}
			if side == lead {
				others = slices.DeleteFunc(slices.Clone(others), func(k int) bool { return w.from[follow][k] < 0 })
			} else {
				alone = slices.DeleteFunc(slices.Clone(alone), func(j int) bool { return w.from[lead][j] < 0 })
			}
		}
	}
	for _, j := range alone {
		if err := w.inOne(lead, j); err != nil {
			return err
		}
	}
	for _, k := range others {
		if err := w.inOne(follow, k); err != nil {
			return err
		}
	}
	return nil
}

// fresh are those that base does not have.
func (w *weave) fresh(side int, list []int) (out []int) {
	for _, j := range list {
		if w.from[side][j] < 0 {
			out = append(out, j)
		}
	}
	return out
}

func (w *weave) same(lead int, x, y []int) bool {
	return slices.EqualFunc(x, y, func(j, k int) bool {
		return w.lists[lead][j].Hash == w.lists[other(lead)][k].Hash
	})
}

// conflict is that of two runs of new elements at one place.
func (w *weave) conflict(lead int, x, y []int) (int, error) {
	run := func(side int, list []int) value {
		first, last := list[0], list[len(list)-1]
		return value{Kind: jsondoc.Several, Count: int64(len(list)), Start: w.lists[side][first].Start, End: w.lists[side][last].End}
	}
	var e triple
	e[lead], e[other(lead)] = run(lead, x), run(other(lead), y)
	place := 0 // in base: behind the nearest element before it
	for j := x[0]; j >= 0; j-- {
		if i := w.from[lead][j]; i >= 0 {
			place = i + 1
			break
		}
	}
	w.m.path = append(w.m.path, segment{A: int64(place), Between: true})
	side, err := w.m.conflict(Inserted, e)
	w.m.path = w.m.path[:len(w.m.path)-1]
	return side, err
}

// inAll merges an element that all have.
func (w *weave) inAll(i int) error {
	j, k := w.to[ours][i], w.to[theirs][i]
	w.begin(ours, j)
	return w.m.at(w.segment(base, i), triple{w.lists[base][i], w.lists[ours][j], w.lists[theirs][k]})
}

// inOne writes an element that one side alone has, if it stays; with a key both may have
// added it.
func (w *weave) inOne(side, j int) error {
	m := w.m
	var e triple
	e[side] = w.lists[side][j]
	at := w.segment(side, j)
	if i := w.from[side][j]; i >= 0 {
		e[base] = w.lists[base][i]
		at = w.segment(base, i)
	} else if k := w.twin[side][j]; k >= 0 {
		e[other(side)] = w.lists[other(side)][k]
	}
	m.path = append(m.path, at)
	defer func() { m.path = m.path[:len(m.path)-1] }()
	if e[other(side)].Kind != 0 {
		if side == ours {
			w.begin(ours, j)
		} else {
			w.begin(ours, w.twin[side][j])
		}
		return m.inserted(e)
	}
	stays, err := m.staysOf(side, e)
	if err == nil && stays {
		w.begin(side, j)
		m.take(side, e[side])
	}
	return err
}

// begin writes what stands before an element.
func (w *weave) begin(side, j int) {
	if side != ours || j == 0 {
		w.a.child(0, 0)
		return
	}
	w.a.child(w.lists[ours][j-1].End, w.lists[ours][j].Start)
}

// segment is the step to an element.
func (w *weave) segment(side, j int) segment {
	s := segment{A: int64(j), B: int64(j)}
	if w.key != nil {
		s.Doc, s.Key, s.KeyHash, s.Element = w.m.docs[side], w.key.Name, w.key.Hash, w.lists[side][j]
	}
	return s
}
