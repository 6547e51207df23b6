package index

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/mstore/mstore/internal/expr"
)

// Sorted returns the versions that w asks for and that have the field, sorted
// by its value: numbers, then strings, then false and true, and the other way
// round when desc; NaN always last; equal values newest first. A limit of 0 is
// none.
func (q *Query) Sorted(field string, desc bool, limit int, w Where) ([]Hit, error) {
	if !Sortable(field) {
		return nil, fmt.Errorf("field %q cannot be sorted by", field)
	}
	var hits []Hit
	f := &floor{desc: desc}
	sort := func() {
		slices.SortStableFunc(hits, func(a, b Hit) int { return compareValues(a.Value, b.Value, desc) })
		if limit > 0 && len(hits) > limit {
			clear(hits[limit:])
			hits = hits[:limit]
		}
		if limit > 0 && len(hits) == limit {
			f.set(hits[limit-1].Value)
		}
	}
	err := q.finder.find(&w, field, f, func(h Hit) bool {
		hits = append(hits, h)
		if limit > 0 && len(hits) >= 2*limit+100 {
			sort() // stable, and what follows is older
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	sort()
	return hits, nil
}

// floor is the last value that still counts among the first of a sorted list. What has an
// equal one and is older comes too late.
type floor struct {
	desc   bool
	has    bool
	value  any
	number float64
	isNum  bool
}

func (f *floor) set(v any) {
	f.has, f.value = true, v
	f.number, f.isNum = v.(float64)
	f.isNum = f.isNum && f.number == f.number
}

// late tells whether a value comes too late.
func (f *floor) late(v any) bool {
	return f != nil && f.has && compareValues(v, f.value, f.desc) >= 0
}

// lateNumber is late, quickly, where it can tell.
func (f *floor) lateNumber(v float64) bool {
	if f == nil || !f.has || !f.isNum {
		return false
	}
	if f.desc {
		return v <= f.number
	}
	return v >= f.number
}

func compareValues(a, b any, desc bool) int {
	ra, rb := valueRank(a), valueRank(b)
	if ra == nanRank || rb == nanRank {
		return cmp.Compare(ra, rb)
	}
	c := cmp.Compare(ra, rb)
	if c == 0 {
		c, _ = expr.Compare(a, b)
	}
	if desc {
		return -c
	}
	return c
}

const nanRank = 3

func valueRank(v any) int {
	switch v := v.(type) {
	case string:
		return 1
	case bool:
		return 2
	case float64:
		if math.IsNaN(v) {
			return nanRank
		}
	}
	return 0
}
