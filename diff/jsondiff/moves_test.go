package jsondiff

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// The moves sort the list, and are as few as what is not in a longest increasing
// subsequence.
func TestMoves(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 30).Draw(t, "n")
		ordered := make([]int, n)
		for i := range ordered {
			ordered[i] = 3 * i
		}
		list := rapid.Permutation(ordered).Draw(t, "list")
		now := slices.Clone(list)
		ms := moves(list)
		for _, m := range ms {
			x := now[m.from]
			if x != list[m.item] {
				t.Fatalf("%d is at %d, not %d", x, m.from, list[m.item])
			}
			now = slices.Insert(slices.Delete(now, m.from, m.from+1), m.to, x)
		}
		if !slices.Equal(now, ordered) {
			t.Fatalf("%v moved %v is %v", list, ms, now)
		}
		best := make([]int, n)
		most := 0
		for i := range list {
			best[i] = 1
			for j := range i {
				if list[j] < list[i] {
					best[i] = max(best[i], best[j]+1)
				}
			}
			most = max(most, best[i])
		}
		if len(ms) > n-most {
			t.Fatalf("%d moves of %v, where %d will do", len(ms), list, n-most)
		}
	})
}
