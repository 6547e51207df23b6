package jsondiff

import "sort"

// move takes the item at from out of a list, and puts it in so that it is at to.
type move struct{ item, from, to int }

// moves are the fewest moves that sort a list of different numbers, to be done one after
// another. What is in a longest increasing subsequence stays; each other item, from the
// smallest on, goes right behind the one before it in order.
func moves(list []int) []move {
	stay := increasing(list)
	if len(list) == 0 || len(list) == countTrue(stay) {
		return nil
	}
	sorted := make([]int, len(list)) // items by their number
	for i := range sorted {
		sorted[i] = i
	}
	sort.Slice(sorted, func(i, j int) bool { return list[sorted[i]] < list[sorted[j]] })

	// Each item has a place: 1 and its index at first, afterwards that of the item that
	// stays behind which it was put, or 0. Where it is in the list is how many have lower
	// places; those put at one place are in order of their numbers.
	n := newTally(len(list) + 1)
	for i := range list {
		n.add(i+1, 1)
	}
	var out []move
	anchor := 0
	for _, i := range sorted {
		if stay[i] {
			anchor = i + 1
			continue
		}
		from := n.below(i + 1)
		n.add(i+1, -1)
		to := n.below(anchor + 1)
		n.add(anchor, 1)
		if from != to {
			out = append(out, move{i, from, to})
		}
	}
	return out
}

func countTrue(list []bool) (n int) {
	for _, ok := range list {
		if ok {
			n++
		}
	}
	return n
}

// increasing marks a longest increasing subsequence.
func increasing(list []int) []bool {
	var tails []int // index of the least end of a subsequence, by its length
	before := make([]int, len(list))
	for i, x := range list {
		k := sort.Search(len(tails), func(k int) bool { return list[tails[k]] >= x })
		before[i] = -1
		if k > 0 {
			before[i] = tails[k-1]
		}
		if k == len(tails) {
			tails = append(tails, i)
		} else {
			tails[k] = i
		}
	}
	marks := make([]bool, len(list))
	if len(tails) > 0 {
		for i := tails[len(tails)-1]; i >= 0; i = before[i] {
			marks[i] = true
		}
	}
	return marks
}

// tally counts items at places (a Fenwick tree).
type tally []int

func newTally(n int) tally { return make(tally, n+1) }

func (t tally) add(place, n int) {
	for i := place + 1; i < len(t); i += i & -i {
		t[i] += n
	}
}

// below is how many items are at lower places.
func (t tally) below(place int) (n int) {
	for i := place; i > 0; i -= i & -i {
		n += t[i]
	}
	return n
}
