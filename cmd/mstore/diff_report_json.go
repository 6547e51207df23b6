package main

import (
	"fmt"
	"math"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/fatih/color"

	"github.com/mstore/mstore/diff/jsondiff"
)

// json prints the changes of a JSON document, the weightiest first.
func (p *diffReport) json(r *jsondiff.Result) {
	shown := r.Changes[:min(len(r.Changes), p.limit)]
	for i := range shown {
		p.line(p.jsonLook(shown[i].Sort), jsonChange(&shown[i]))
	}
	p.more(len(r.Changes)-len(shown)+int(r.Omitted), "    ", "change")
}

func (p *diffReport) jsonLook(s jsondiff.Sort) *color.Color {
	switch s {
	case jsondiff.Added:
		return p.a.style.added
	case jsondiff.Removed:
		return p.a.style.removed
	}
	return nil
}

// jsonChange is one change on one line.
func jsonChange(c *jsondiff.Change) string {
	path := cleanLine(c.Path)
	switch c.Sort {
	case jsondiff.Added:
		return "+ " + path + "  " + jsonValue(c.B)
	case jsondiff.Removed:
		return "- " + path + "  " + jsonValue(c.A)
	case jsondiff.Moved:
		return "> " + path + "  from " + cleanLine(c.PointerA)
	case jsondiff.Retyped:
		return fmt.Sprintf("~ %s  %s %s -> %s %s", path, c.A.Type, jsonValue(c.A), c.B.Type, jsonValue(c.B))
	case jsondiff.Array:
		return "~ " + path + "  " + arraySummary(c.Summary)
	}
	s := fmt.Sprintf("~ %s  %s -> %s", path, jsonValue(c.A), jsonValue(c.B))
	if c.Relative != nil {
		s += inBrackets(relativeChange(*c.Relative))
	} else if c.Delta != nil {
		s += inBrackets(fmt.Sprintf("%+g", *c.Delta))
	}
	return s
}

// maxShown is how many characters of a value are shown.
const maxShown = 60

// jsonValue is a value, or its beginning and how large it is.
func jsonValue(v *jsondiff.Value) string {
	if v == nil {
		return ""
	}
	text := []rune(v.Text)
	if !v.Cut && len(text) <= maxShown {
		return cleanLine(v.Text)
	}
	s := cleanLine(string(text[:min(len(text), maxShown)])) + "…"
	switch v.Type {
	case "object":
		return s + inBrackets(plural(int(v.Len), "member")+", "+humanBytes(v.Size))
	case "array":
		return s + inBrackets(plural(int(v.Len), "element")+", "+humanBytes(v.Size))
	}
	return s + inBrackets(humanBytes(v.Size))
}

// arraySummary is what happened in a long array of numbers.
func arraySummary(s *jsondiff.Summary) string {
	var parts []string
	count := func(n int64, what string) {
		if n > 0 {
			parts = append(parts, humanize.Comma(n)+" "+what)
		}
	}
	if s.Changed > 0 {
		parts = append(parts, fmt.Sprintf("%s of %s numbers changed", humanize.Comma(s.Changed), humanize.Comma(s.NumbersA)))
	}
	count(s.Added, "added")
	count(s.Removed, "removed")
	count(s.Other, "others changed")
	if s.Changed > s.NotFinite {
		parts = append(parts, "by "+shortFloat(s.MeanChange)+" in the mean", "at most "+shortFloat(s.MaxChange)+" at "+place(s.MaxAt))
		if r := relativeChange(math.Abs(s.MaxRelative)); r != "" {
			parts = append(parts, "relative at most "+strings.TrimPrefix(r, "+"))
		}
	}
	count(s.NotFinite, "from or to NaN or infinity")
	if s.First != nil && len(s.Last) > 0 && place(s.First) != place(s.Last) {
		parts = append(parts, "between "+place(s.First)+" and "+place(s.Last))
	}
	return strings.Join(parts, ", ")
}

// place is "[3][7]".
func place(indices []int64) string {
	var b strings.Builder
	for _, i := range indices {
		fmt.Fprintf(&b, "[%d]", i)
	}
	return b.String()
}

// jsonSummary counts changes: "1,204 numbers changed, 2 values added".
func jsonSummary(t *jsondiff.Totals) string {
	var parts []string
	count := func(n int64, noun, what string) {
		if n > 0 {
			parts = append(parts, plural(int(n), noun)+" "+what)
		}
	}
	count(t.Added, "value", "added")
	count(t.Removed, "value", "removed")
	count(t.Retyped, "value", "of another type")
	count(t.Changed, "value", "changed")
	count(t.Numbers, "number", "changed")
	if t.Arrays > 0 {
		parts = append(parts, fmt.Sprintf("%s changed in %s", plural(int(t.InArrays), "number"), plural(int(t.Arrays), "array")))
	}
	count(t.Moved, "element", "moved")
	if len(parts) == 0 {
		parts = append(parts, "no value changed")
	}
	count(t.Within, "number", "within the tolerance")
	count(t.Respelled, "value", "written otherwise")
	return strings.Join(parts, ", ")
}
