package bisect

import (
	"errors"
	"fmt"
	"math/bits"
	"testing"

	"pgregory.net/rapid"
)

// search plays a whole search: the first bad place is given, and what cannot be tested.
func search(n, first uint64, untestable func(uint64) bool) (s *Search, tests, skips int, err error) {
	s = New(n)
	seen := map[uint64]bool{}
	for {
		at, ok := s.Next()
		if !ok {
			return s, tests, skips, nil
		}
		if good, bad := s.Range(); at <= good || at >= bad || seen[at] {
			return s, tests, skips, fmt.Errorf("place %d is to be tested, between %d and %d, seen before: %v", at, good, bad, seen[at])
		}
		seen[at] = true
		v := Good
		switch {
		case untestable(at):
			v = Skip
			skips++
		case at >= first:
			v = Bad
			fallthrough
		default:
			tests++
		}
		if err := s.Mark(at, v); err != nil {
			return s, tests, skips, fmt.Errorf("place %d is %s: %w", at, v, err)
		}
	}
}

// ceilLog2 is the least number of halvings that leave one of n.
func ceilLog2(n uint64) int { return bits.Len64(n - 1) }

// Whatever the history, and whatever can be tested of it, the result is right: the first
// bad version, or all between the newest good and the oldest bad one that can be tested.
// Without skips the number of tests is the least that there can be.
func TestSearchIsRight(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Uint64Range(1, 3000).Draw(t, "n")
		first := rapid.Uint64Range(1, n).Draw(t, "first bad")
		untestable := map[uint64]bool{}
		for _, r := range rapid.SliceOfN(rapid.Uint64Range(1, n), 0, 8).Draw(t, "skipped from") {
			length := rapid.Uint64Range(1, 40).Draw(t, "length")
			for at := r; at < min(r+length, n); at++ { // place n is known to be bad
				untestable[at] = true
			}
		}
		s, tests, skips, err := search(n, first, func(at uint64) bool { return untestable[at] })
		if err != nil {
			t.Fatal(err)
		}
		good, bad := first-1, first
		for good > 0 && untestable[good] {
			good--
		}
		for untestable[bad] {
			bad++
		}
		if g, b := s.Range(); g != good || b != bad {
			t.Fatalf("between %d and %d, want %d and %d", g, b, good, bad)
		}
		if at, ok := s.Found(); ok != (bad == good+1) || ok && at != first {
			t.Fatalf("found %d %v, want %d", at, ok, first)
		}
		if most := ceilLog2(n) + skips; tests > most {
			t.Fatalf("%d tests and %d skips among %d, want %d tests at the most", tests, skips, n, most)
		}
		if skips == 0 && tests > ceilLog2(n) {
			t.Fatalf("%d tests among %d", tests, n)
		}
	})
}

// A long stretch that cannot be tested does not have to be walked through.
func TestSearchLeavesStretches(t *testing.T) {
	const n = 1 << 20
	for _, c := range []struct{ from, to, first uint64 }{
		{n / 4, 3 * n / 4, n / 8},
		{n / 4, 3 * n / 4, 7 * n / 8},
		{n/2 - 1000, n/2 + 1000, 5},
		{1, n / 2, 3 * n / 4},
		{n / 2, n - 1, n / 3},
		{100, n - 100, 50},
	} {
		_, tests, skips, err := search(n, c.first, func(at uint64) bool { return at >= c.from && at <= c.to })
		if err != nil {
			t.Fatal(err)
		}
		// In the last case 199 of a million can be tested: nothing finds these quickly.
		if c.to-c.from < n*9/10 && tests+skips > 3*20 {
			t.Errorf("%v: %d tests and %d skips", c, tests, skips)
		}
		if tests > 2*20 {
			t.Errorf("%v: %d tests", c, tests)
		}
	}
}

func TestContradictions(t *testing.T) {
	s := New(10)
	for _, m := range []struct {
		at   uint64
		v    Verdict
		want bool
	}{
		{0, Bad, false}, {10, Good, false}, {11, Good, false}, {10, Skip, false}, {0, Skip, false},
		{4, Good, true}, {4, Bad, false}, {3, Bad, false}, {3, Good, true}, {4, Skip, false},
		{7, Bad, true}, {9, Bad, true}, {8, Good, false}, {7, Skip, false}, {5, "fine", false},
		{5, Skip, true}, {5, Skip, true}, {5, Bad, true},
	} {
		err := s.Mark(m.at, m.v)
		if (err == nil) != m.want {
			t.Errorf("%d is %s: %v", m.at, m.v, err)
		}
		if err != nil && m.v.Valid() && !errors.Is(err, ErrContradiction) {
			t.Errorf("%d is %s: %v is no contradiction", m.at, m.v, err)
		}
	}
	if at, ok := s.Found(); !ok || at != 5 {
		t.Errorf("found %d %v, want 5", at, ok)
	}
}
