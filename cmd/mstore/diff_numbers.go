package main

import (
	"fmt"
	"math"
	"strconv"

	"github.com/mstore/mstore/store"
)

// fieldChange is how a field of a version moved: "0.31 -> 0.27 (-12.9%)".
func fieldChange(f *store.FieldDiff) string {
	value := func(v any) string {
		if v == nil {
			return "(none)"
		}
		return showValue(v)
	}
	s := value(f.From) + " -> " + value(f.To)
	if _, relative, ok := f.Change(); ok {
		s += inBrackets(relativeChange(relative))
	}
	return s
}

func inBrackets(s string) string {
	if s == "" {
		return ""
	}
	return " (" + s + ")"
}

// relativeChange is "-4.0%"; empty where there is none to tell.
func relativeChange(r float64) string {
	p := 100 * r
	switch abs := math.Abs(p); {
	case math.IsNaN(p) || math.IsInf(p, 0) || p == 0:
		return ""
	case abs >= 1e6:
		return fmt.Sprintf("%+.1e%%", p)
	case abs >= 100:
		return fmt.Sprintf("%+.0f%%", p)
	case abs >= 0.1:
		return fmt.Sprintf("%+.1f%%", p)
	}
	return fmt.Sprintf("%+.1g%%", p)
}

// shortFloat has four digits, enough to compare; empty of what is no number.
func shortFloat(x float64) string {
	if math.IsNaN(x) {
		return ""
	}
	return strconv.FormatFloat(x, 'g', 4, 64)
}
