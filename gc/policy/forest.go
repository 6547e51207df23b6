package policy

// forest numbers versions so that whatever descends from a version by first
// parents stands directly after it: its descendants and itself are the numbers
// from its own until before its end.
type forest struct {
	pre   []int32 // by version
	order []int32 // versions by number
	end   []int32 // by number
}

func newForest(versions []Version) *forest {
	n := len(versions)
	f := &forest{pre: make([]int32, n), order: make([]int32, n), end: make([]int32, n)}
	size := make([]int32, n)
	// Parents stand before children.
	for v := n - 1; v >= 0; v-- {
		size[v]++
		if p := versions[v].Parent; p >= 0 {
			size[p] += size[v]
		}
	}
	roots := int32(0)
	next := make([]int32, n) // number of the next child
	for v := range n {
		at := &roots
		if p := versions[v].Parent; p >= 0 {
			at = &next[p]
		}
		f.pre[v] = *at
		*at += size[v]
		next[v] = f.pre[v] + 1
		f.order[f.pre[v]] = int32(v)
		f.end[f.pre[v]] = f.pre[v] + size[v]
	}
	return f
}

// sums adds up the versions that are marked, by number: those of a range are
// sums[end] - sums[start]. nil if none is marked.
func (f *forest) sums(marked func(v int32) bool) []int32 {
	sums := make([]int32, len(f.order)+1)
	for i, v := range f.order {
		sums[i+1] = sums[i]
		if marked(v) {
			sums[i+1]++
		}
	}
	if sums[len(f.order)] == 0 {
		return nil
	}
	return sums
}
