package tensordiff

import (
	"cmp"
	"slices"

	"github.com/mstore/mstore/schema/tensor"
)

// metadata compares what the files say about themselves. Of a key that a file
// has twice, the last counts.
func metadata(a, b []tensor.Pair) []Metadata {
	all := []Metadata{}
	before, after := byKey(a), byKey(b)
	for key, x := range before {
		y, ok := after[key]
		switch {
		case !ok:
			all = append(all, Metadata{Key: key, Status: Removed, Before: x.Value})
		case x != y:
			all = append(all, Metadata{Key: key, Status: Changed, Before: x.Value, After: y.Value})
		}
	}
	for key, y := range after {
		if _, ok := before[key]; !ok {
			all = append(all, Metadata{Key: key, Status: Added, After: y.Value})
		}
	}
	slices.SortFunc(all, func(x, y Metadata) int { return cmp.Compare(x.Key, y.Key) })
	return all
}

func byKey(pairs []tensor.Pair) map[string]tensor.Pair {
	m := make(map[string]tensor.Pair, len(pairs))
	for _, p := range pairs {
		m[p.Key] = p
	}
	return m
}
