package store

import (
	"maps"
	"math"
	"slices"

	"github.com/mstore/mstore/internal/expr"
	"github.com/mstore/mstore/objects"
)

// FieldDiff is a field of two versions that differs.
type FieldDiff struct {
	Group string // metrics, params, message, author, source, quality or meta
	Name  string // in its group; "" for message, author and source
	// From and To are string, int64, float64 or bool; nil where there is none.
	From, To any
}

// String is the field's name as expressions have it: metrics.loss, message.
func (f *FieldDiff) String() string {
	if f.Name == "" {
		return f.Group
	}
	return f.Group + "." + f.Name
}

// Change is by how much a number moved; ok is false unless both sides are numbers.
// Relative is Change through the size of what it was, and NaN where that is 0.
func (f *FieldDiff) Change() (change, relative float64, ok bool) {
	a, okA := expr.Float(f.From)
	b, okB := expr.Float(f.To)
	if !okA || !okB {
		return 0, 0, false
	}
	change = b - a
	if a == 0 {
		return change, math.NaN(), true
	}
	return change, change / math.Abs(a), true
}

// diffFields lists the fields that differ, in the order in which people ask for them.
// Times always do, and what follows from the models is theirs.
func diffFields(a, b *objects.Version) (out []FieldDiff) {
	group := func(name string, a, b map[string]any) {
		keys := maps.Clone(a)
		if keys == nil {
			keys = map[string]any{}
		}
		maps.Copy(keys, b)
		for _, k := range slices.Sorted(maps.Keys(keys)) {
			if from, to := a[k], b[k]; !sameValue(from, to) {
				out = append(out, FieldDiff{name, k, from, to})
			}
		}
	}
	text := func(name, a, b string) {
		if a != b {
			out = append(out, FieldDiff{name, "", orNil(a), orNil(b)})
		}
	}
	group("metrics", a.Metrics, b.Metrics)
	group("params", a.Params, b.Params)
	text("message", a.Message, b.Message)
	text("author", a.Author, b.Author)
	text("source", a.Source, b.Source)
	group("quality", quality(a), quality(b))
	group("meta", a.Meta, b.Meta)
	return out
}

// sameValue takes 1 and 1.0 for the same.
func sameValue(a, b any) bool {
	x, okX := expr.Float(a)
	y, okY := expr.Float(b)
	if okX && okY {
		_, intX := a.(int64)
		_, intY := b.(int64)
		return x == y && (intX != intY || a == b)
	}
	return a == b
}

func orNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func quality(v *objects.Version) map[string]any {
	return map[string]any{"errors": int64(v.Quality.Errors), "warnings": int64(v.Quality.Warnings)}
}
