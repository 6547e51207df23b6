package jsonmerge

import (
	"slices"

	"github.com/mstore/mstore/diff/internal/jsondoc"
)

// arrays merges element by element, aligned by a key, by longest common subsequences, or
// by position. Where arrays are too long for that, or of different lengths then, one
// side's array is taken as a whole.
func (m *merger) arrays(t triple) error {
	numeric := t[base].Numeric() && t[ours].Numeric() && t[theirs].Numeric()
	level := t[base].Count == t[ours].Count && t[base].Count == t[theirs].Count
	n := t[base].Count + t[ours].Count + t[theirs].Count
	short := max(t[base].Count, t[ours].Count, t[theirs].Count) <= jsondoc.MaxElements && m.held+n <= maxHeld
	switch {
	case level && (numeric || !short):
		return m.byPosition(t)
	case !short:
		side := theirs
		if t.changed(ours) {
			var err error
			if side, err = m.conflict(Reshaped, t); err != nil {
				return err
			}
		} else {
			m.took(theirs)
		}
		m.take(side, t[side])
		return nil
	}
	m.held += n
	defer func() { m.held -= n }()
	var lists [3]jsondoc.Elements
	for i, d := range m.docs {
		var err error
		if lists[i], err = d.Elements(t[i]); err != nil {
			return err
		}
	}
	key, err := jsondoc.FindKey(m.docs[:], lists[:])
	if err != nil {
		return err
	}
	a, err := m.assemble(t)
	if err != nil {
		return err
	}
	var w *weave
	if key != nil {
		w = keyed(m, a, lists, key)
	} else {
		w = sequenced(m, a, lists)
	}
	if err := w.run(t); err != nil {
		return err
	}
	return a.finish()
}

// byPosition goes through arrays of one length.
func (m *merger) byPosition(t triple) error {
	a, err := m.assemble(t)
	if err != nil {
		return err
	}
	var its [3]jsondoc.Children
	for i, d := range m.docs {
		its[i] = d.Children(t[i])
	}
	before := int64(0)
	for n := int64(0); n < t[ours].Count; n++ {
		var e triple
		for i := range its {
			if _, err := its[i].Next(); err != nil {
				return err
			}
			e[i] = its[i].Value
		}
		a.child(before, e[ours].Start)
		if err := m.at(segment{A: n, B: n}, e); err != nil {
			return err
		}
		before = e[ours].End
	}
	return a.finish()
}

// weave merges the elements of arrays that are aligned: which element of base is which of
// each side, and the other way round, -1 being none.
type weave struct {
	m     *merger
	a     *assembly
	lists [3]jsondoc.Elements
	key   *jsondoc.Key // nil when aligned as sequences
	to    [3][]int     // by index in base
	from  [3][]int     // to base
	twin  [3][]int     // with a key: the new element of the other side that has the same
}

func none(n int) []int { return slices.Repeat([]int{-1}, n) }

func newWeave(m *merger, a *assembly, lists [3]jsondoc.Elements) *weave {
	w := &weave{m: m, a: a, lists: lists}
	for _, side := range []int{ours, theirs} {
		w.to[side], w.from[side] = none(len(lists[base])), none(len(lists[side]))
		w.twin[side] = none(len(lists[side]))
	}
	return w
}

func (w *weave) match(side, i, j int) { w.to[side][i], w.from[side][j] = j, i }

// keyed aligns by keys.
func keyed(m *merger, a *assembly, lists [3]jsondoc.Elements, key *jsondoc.Key) *weave {
	w := newWeave(m, a, lists)
	w.key = key
	index := make(map[uint64]int, len(key.Of[base]))
	for i, h := range key.Of[base] {
		index[h] = i
	}
	added := map[uint64]int{}
	for _, side := range []int{ours, theirs} {
		for j, h := range key.Of[side] {
			if i, ok := index[h]; ok {
				w.match(side, i, j)
			} else if side == ours {
				added[h] = j
			} else if i, ok := added[h]; ok {
				w.twin[theirs][j], w.twin[ours][i] = i, j
			}
		}
	}
	return w
}

// sequenced aligns each side with base as sequences.
func sequenced(m *merger, a *assembly, lists [3]jsondoc.Elements) *weave {
	w := newWeave(m, a, lists)
	for _, side := range []int{ours, theirs} {
		for _, r := range m.aligner.Pairs(lists[base], lists[side]) {
			for n := range r.N {
				w.match(side, r.A+n, r.B+n)
			}
		}
	}
	return w
}
