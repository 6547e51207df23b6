package expr

// Rows evaluates the expression for n rows at once. leaf returns the rows that satisfy one
// comparison as a bitmap, bit i%64 of word i/64 for row i, with (n+63)/64 words and no bit
// set from n on; Rows owns it afterwards, and so does the caller what Rows returns. An
// error of leaf ends the evaluation. Comparisons that cannot change the result any more
// are not asked for.
func (e *Expr) Rows(n int, leaf func(Cond) ([]uint64, error)) ([]uint64, error) {
	return rows(e.root, n, leaf)
}

func rows(n node, count int, leaf func(Cond) ([]uint64, error)) ([]uint64, error) {
	switch n := n.(type) {
	case *comparison:
		return leaf(n.Cond)
	case *negation:
		set, err := rows(n.x, count, leaf)
		if err != nil {
			return nil, err
		}
		for i := range set {
			set[i] = ^set[i]
		}
		if rest := count % 64; rest != 0 {
			set[len(set)-1] &= 1<<rest - 1
		}
		return set, nil
	}
	l := n.(*logic)
	set, err := rows(l.operands[0], count, leaf)
	for _, x := range l.operands[1:] {
		if err != nil || l.op == "and" && isEmpty(set) {
			break
		}
		var other []uint64
		if other, err = rows(x, count, leaf); err != nil {
			break
		}
		for i := range set {
			if l.op == "and" {
				set[i] &= other[i]
			} else {
				set[i] |= other[i]
			}
		}
	}
	return set, err
}

func isEmpty(set []uint64) bool {
	for _, w := range set {
		if w != 0 {
			return false
		}
	}
	return true
}
