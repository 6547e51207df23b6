package jsondiff

import (
	"container/heap"
	"slices"
)

// Classes of changes, the weightiest first.
const (
	structural = iota
	plain
	numeric
	movement
)

// weighed is a change with what it is sorted by.
type weighed struct {
	change Change
	class  int
	weight float64
	seq    int64
}

func (x *weighed) compare(y *weighed) int {
	switch {
	case x.class != y.class:
		return x.class - y.class
	case x.weight > y.weight:
		return -1
	case x.weight < y.weight:
		return 1
	case x.seq < y.seq:
		return -1
	}
	return 1
}

// top keeps the weightiest changes: a heap with the lightest at its root.
type top struct {
	limit int
	list  []weighed
	seq   int64
}

func (t *top) Len() int           { return len(t.list) }
func (t *top) Less(i, j int) bool { return t.list[i].compare(&t.list[j]) > 0 }
func (t *top) Swap(i, j int)      { t.list[i], t.list[j] = t.list[j], t.list[i] }
func (t *top) Push(x any)         { t.list = append(t.list, x.(weighed)) }
func (t *top) Pop() any {
	x := t.list[len(t.list)-1]
	t.list = t.list[:len(t.list)-1]
	return x
}

// wants tells whether there is room for such a change.
func (t *top) wants(class int, weight float64) bool {
	if len(t.list) < t.limit {
		return true
	}
	return t.limit > 0 && (&weighed{class: class, weight: weight, seq: t.seq}).compare(&t.list[0]) < 0
}

func (t *top) put(c Change, class int, weight float64) {
	x := weighed{c, class, weight, t.seq}
	t.seq++
	if len(t.list) < t.limit {
		heap.Push(t, x)
		return
	}
	t.list[0] = x
	heap.Fix(t, 0)
}

// sorted empties the heap.
func (t *top) sorted() []Change {
	slices.SortFunc(t.list, func(x, y weighed) int { return x.compare(&y) })
	out := make([]Change, len(t.list))
	for i := range t.list {
		out[i] = t.list[i].change
	}
	return out
}
