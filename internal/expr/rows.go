package expr

import (
	"math"
	"math/bits"
)

// Set has a bit for each of some rows: bit i%64 of word i/64 for row i, and none beyond
// the last.
type Set []uint64

// NewSet is the empty set of n rows.
func NewSet(n int) Set { return make(Set, (n+63)/64) }

// AllRows is the set of all n rows.
func AllRows(n int) Set {
	s := NewSet(n)
	for i := range s {
		s[i] = math.MaxUint64
	}
	s.trim(n)
	return s
}

func (s Set) trim(n int) {
	if rest := n % 64; rest != 0 {
		s[len(s)-1] &= 1<<rest - 1
	}
}

// Add puts a row in.
func (s Set) Add(row int) { s[row/64] |= 1 << (row % 64) }

// Remove takes a row out.
func (s Set) Remove(row int) { s[row/64] &^= 1 << (row % 64) }

// Has tells whether a row is in the set.
func (s Set) Has(row int) bool { return s[row/64]&(1<<(row%64)) != 0 }

// And takes out what is not in t, which is of as many rows.
func (s Set) And(t Set) {
	for i := range s {
		s[i] &= t[i]
	}
}

// Or puts in what is in t, which is of as many rows.
func (s Set) Or(t Set) {
	for i := range s {
		s[i] |= t[i]
	}
}

// Empty tells whether no row is in the set.
func (s Set) Empty() bool {
	for _, w := range s {
		if w != 0 {
			return false
		}
	}
	return true
}

// Before counts the rows of the set that come before row.
func (s Set) Before(row int) int {
	n := bits.OnesCount64(s[row/64] & (1<<(row%64) - 1))
	for _, w := range s[:row/64] {
		n += bits.OnesCount64(w)
	}
	return n
}

// Len counts the rows of the set.
func (s Set) Len() (n int) {
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	return n
}

// Backwards calls fn for each row of the set, the last first, until fn returns false. fn
// may take out the row that it is called for.
func (s Set) Backwards(fn func(row int) bool) {
	for i := len(s) - 1; i >= 0; i-- {
		for w := s[i]; w != 0; {
			b := 63 - bits.LeadingZeros64(w)
			w &^= 1 << b
			if !fn(64*i + b) {
				return
			}
		}
	}
}

// Rows evaluates the expression for n rows at once. leaf returns the rows that satisfy one
// comparison; Rows owns that set afterwards, and so does the caller what Rows returns. An
// error of leaf ends the evaluation. Comparisons that cannot change the result any more
// are not asked for.
func (e *Expr) Rows(n int, leaf func(Cond) (Set, error)) (Set, error) {
	return rows(e.root, n, leaf)
}

func rows(n node, count int, leaf func(Cond) (Set, error)) (Set, error) {
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
		set.trim(count)
		return set, nil
	}
	l := n.(*logic)
	set, err := rows(l.operands[0], count, leaf)
	for _, x := range l.operands[1:] {
		if err != nil || l.op == "and" && set.Empty() {
			break
		}
		var other Set
		if other, err = rows(x, count, leaf); err != nil {
			break
		}
		if l.op == "and" {
			set.And(other)
		} else {
			set.Or(other)
		}
	}
	return set, err
}
