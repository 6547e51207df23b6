package main

import (
	"math"
	"testing"

	"github.com/mstore/mstore/diff/jsondiff"
	"github.com/mstore/mstore/store"
)

func TestFieldChange(t *testing.T) {
	for _, c := range []struct {
		from, to any
		want     string
	}{
		{0.31, 0.27, "0.31 -> 0.27 (-12.9%)"},
		{int64(10), int64(11), "10 -> 11 (+10.0%)"},
		{int64(10), 2.5, "10 -> 2.5 (-75.0%)"},
		{0.0, 1.0, "0 -> 1"},
		{-1.0, -2.0, "-1 -> -2 (-100%)"},
		{-1.0, 1.0, "-1 -> 1 (+200%)"},
		{nil, 1.0, "(none) -> 1"},
		{"adam", nil, "adam -> (none)"},
		{"a b", "\x1b[31m", `"a b" -> "\x1b[31m"`},
		{true, false, "true -> false"},
	} {
		if got := fieldChange(&store.FieldDiff{From: c.from, To: c.to}); got != c.want {
			t.Errorf("%v, %v: %q, want %q", c.from, c.to, got, c.want)
		}
	}
}

func TestRelativeChange(t *testing.T) {
	for r, want := range map[float64]string{
		-0.04: "-4.0%", 0.5: "+50.0%", 1.004: "+100%", 12.344: "+1234%", 1e5: "+1.0e+07%", 0.0001: "+0.01%", -0.0000123: "-0.001%",
		0: "", math.Inf(1): "", math.NaN(): "",
	} {
		if got := relativeChange(r); got != want {
			t.Errorf("%v: %q, want %q", r, got, want)
		}
	}
}

func TestArraySummary(t *testing.T) {
	for _, c := range []struct {
		s    jsondiff.Summary
		want string
	}{
		{jsondiff.Summary{NumbersA: 5000, Changed: 1200, MeanChange: 0.00123456, MaxChange: 0.5, MaxRelative: 0.25, MaxAt: []int64{3, 4}, First: []int64{0, 1}, Last: []int64{9, 9}},
			"1,200 of 5,000 numbers changed, by 0.001235 in the mean, at most 0.5 at [3][4], relative at most 25.0%, between [0][1] and [9][9]"},
		{jsondiff.Summary{NumbersA: 2, Added: 3, Removed: 1, Other: 1, First: []int64{2}, Last: []int64{2}}, "3 added, 1 removed, 1 others changed"},
		{jsondiff.Summary{NumbersA: 2, Changed: 1, NotFinite: 1}, "1 of 2 numbers changed, 1 from or to NaN or infinity"},
	} {
		if got := arraySummary(&c.s); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// Text of a model must not reach the terminal as it is.
func TestJSONChangeIsClean(t *testing.T) {
	v := &jsondiff.Value{Type: "string", Text: "\"\x1b]0;x\a\u202e\"", Size: 10}
	for _, s := range []jsondiff.Sort{jsondiff.Added, jsondiff.Removed, jsondiff.Retyped, jsondiff.Changed, jsondiff.Moved} {
		got := jsonChange(&jsondiff.Change{Sort: s, Path: "$.a\nb\x1b", PointerA: "/x\x1b", A: v, B: v})
		for _, r := range got {
			if r < ' ' || r == 0x202e {
				t.Errorf("%s: %q", s, got)
			}
		}
	}
}

func TestBar(t *testing.T) {
	for _, c := range []struct {
		n, most int64
		want    string
	}{{0, 10, ""}, {3, 10, "+++"}, {1, 1000, "+"}, {1000, 1000, "++++++++++++++++++++++++++++++++++++++++"}, {500, 1000, "++++++++++++++++++++"}} {
		if got := bar("+", c.n, c.most); got != c.want {
			t.Errorf("%d of %d: %q", c.n, c.most, got)
		}
	}
}
