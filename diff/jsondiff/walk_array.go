package jsondiff

import "github.com/mstore/mstore/diff/internal/jsondoc"

// arrays aligns the elements: by a key, by their longest common subsequence, or by
// position.
func (w *walker) arrays(a, b value) error {
	n := a.Count + b.Count
	if a.Hash == b.Hash || a.Numeric() && b.Numeric() && a.Count == b.Count ||
		max(a.Count, b.Count) > jsondoc.MaxElements || w.held+n > maxHeld {
		return w.byPosition(a, b)
	}
	w.held += n
	defer func() { w.held -= n }()
	ea, err := w.a.Elements(a)
	if err != nil {
		return err
	}
	eb, err := w.b.Elements(b)
	if err != nil {
		return err
	}
	key, err := jsondoc.FindKey([]*jsondoc.Doc{w.a, w.b}, []jsondoc.Elements{ea, eb})
	if err != nil {
		return err
	}
	if key != nil {
		return w.byKey(key, ea, eb)
	}
	return w.byRuns(w.aligner.Pairs(ea, eb), ea, eb)
}

// byPosition goes through both at the same pace.
func (w *walker) byPosition(a, b value) error {
	inA, inB := w.a.Children(a), w.b.Children(b)
	for i := int64(0); ; i++ {
		moreA, err := inA.Next()
		if err != nil {
			return err
		}
		moreB, err := inB.Next()
		if err != nil {
			return err
		}
		switch {
		case moreA && moreB:
			err = w.at(segment{A: i, B: i}, inA.Value, inB.Value)
		case moreA:
			err = w.remove(segment{A: i, B: b.Count}, inA.Value)
		case moreB:
			err = w.add(segment{A: a.Count, B: i}, inB.Value)
		default:
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// byRuns goes from one run of pairs to the next.
func (w *walker) byRuns(runs []jsondoc.Run, ea, eb jsondoc.Elements) error {
	i, j := 0, 0
	for _, r := range append(runs, jsondoc.Run{A: len(ea), B: len(eb)}) {
		for ; i < r.A; i++ {
			if err := w.remove(segment{A: int64(i), B: int64(j)}, ea[i]); err != nil {
				return err
			}
		}
		for ; j < r.B; j++ {
			if err := w.add(segment{A: int64(i), B: int64(j)}, eb[j]); err != nil {
				return err
			}
		}
		for range r.N {
			if err := w.at(segment{A: int64(i), B: int64(j)}, ea[i], eb[j]); err != nil {
				return err
			}
			i, j = i+1, j+1
		}
	}
	return nil
}

// byKey removes what has no partner, from the end, then moves what is left into the order
// of b, then goes through b.
func (w *walker) byKey(key *jsondoc.Key, ea, eb jsondoc.Elements) error {
	inB := make(map[uint64]int, len(eb))
	for j, h := range key.Of[1] {
		inB[h] = j
	}
	partner := make([]int, len(eb)) // index in a and 1
	var order []int                 // of those in both, in order of a: index in b
	var from []int                  // and in a
	for i, h := range key.Of[0] {
		if j, ok := inB[h]; ok {
			partner[j] = i + 1
			order, from = append(order, j), append(from, i)
		}
	}
	for i := len(ea) - 1; i >= 0; i-- {
		if _, ok := inB[key.Of[0][i]]; !ok {
			s := segment{A: int64(i), B: int64(i), Doc: w.a, Key: key.Name, KeyHash: key.Hash, Element: ea[i]}
			if err := w.remove(s, ea[i]); err != nil {
				return err
			}
		}
	}
	for _, m := range moves(order) {
		i, j := from[m.item], order[m.item]
		w.push(segment{A: int64(i), B: int64(j), Doc: w.b, Key: key.Name, KeyHash: key.Hash, Element: eb[j]})
		err := w.to.moved(ea[i], eb[j], int64(m.from), int64(m.to))
		w.pop()
		if err != nil {
			return err
		}
	}
	for j := range eb {
		s := segment{A: int64(partner[j] - 1), B: int64(j), Doc: w.b, Key: key.Name, KeyHash: key.Hash, Element: eb[j]}
		var err error
		if partner[j] == 0 {
			s.A = int64(j)
			err = w.add(s, eb[j])
		} else {
			err = w.at(s, ea[partner[j]-1], eb[j])
		}
		if err != nil {
			return err
		}
	}
	return nil
}
