package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/fatih/color"

	"github.com/mstore/mstore/diff/tensordiff"
)

// tensors prints what differs between two files of tensors: metadata, then tensors as
// a table, the most changed first.
func (p *diffReport) tensors(r *tensordiff.Result) {
	st := p.a.style
	for _, x := range r.Problems {
		p.line(st.warn, fmt.Sprintf("the file %s: %s", x.Side, cleanLine(x.Text)))
	}
	meta := r.Metadata[:min(len(r.Metadata), p.limit)]
	for _, m := range meta {
		key := cleanLine(m.Key)
		switch m.Status {
		case tensordiff.Added:
			p.line(st.added, "+ metadata "+key+"  "+shortText(m.After))
		case tensordiff.Removed:
			p.line(st.removed, "- metadata "+key+"  "+shortText(m.Before))
		default:
			p.line(nil, "~ metadata "+key+"  "+shortText(m.Before)+" -> "+shortText(m.After))
		}
	}
	p.more(len(r.Metadata)-len(meta)+r.Omitted.Metadata, "    ", "metadata value")
	shown := r.Tensors[:min(len(r.Tensors), p.limit)]
	table := columns{indent: "    "}
	if len(shown) > 0 {
		table.add(p.tensorHead()...)
	}
	for i := range shown {
		table.add(p.tensorRow(&shown[i])...)
	}
	table.write(p.a.out)
	p.more(len(r.Tensors)-len(shown)+r.Omitted.Tensors, "    ", "tensor")
}

func (p *diffReport) tensorHead() []cell {
	row := []cell{{text: "  tensor", look: p.a.style.dim}}
	for _, name := range []string{"changed", "relative", "largest", "cosine", "mean", "std"} {
		row = append(row, cell{text: name, look: p.a.style.dim, right: true})
	}
	return row
}

// tensorRow is one tensor: of one that changed by how much, else what became of it.
func (p *diffReport) tensorRow(t *tensordiff.Tensor) []cell {
	st := p.a.style
	sign, look := "~", (*color.Color)(nil)
	var rest string
	switch t.Status {
	case tensordiff.Added:
		sign, look, rest = "+", st.added, tensorType(t.DTypeAfter, t.ShapeAfter)
	case tensordiff.Removed:
		sign, look, rest = "-", st.removed, tensorType(t.DTypeBefore, t.ShapeBefore)
	case tensordiff.Renamed:
		sign, rest = ">", "from "+cleanLine(t.From)
	case tensordiff.Reshaped, tensordiff.Retyped:
		sign, rest = "!", tensorType(t.DTypeBefore, t.ShapeBefore)+" -> "+tensorType(t.DTypeAfter, t.ShapeAfter)
	case tensordiff.Unknown:
		sign, rest = "?", "not compared"
	}
	row := []cell{{text: sign + " " + cleanLine(t.Name), look: look}}
	d := t.Delta
	if d != nil && rest == "" {
		row = append(row, cell{text: changedShare(float64(d.Share)), right: true})
	} else if d != nil {
		rest += ", " + changedShare(float64(d.Share)) + " of the values changed"
	}
	switch {
	case rest != "":
		row = append(row, cell{text: rest, wide: true})
		if d == nil || d.Values == nil {
			break
		}
		row[1].text += ", relative " + shortFloat(float64(d.RelativeL2))
	case d != nil && d.Values != nil:
		v := d.Values
		row = append(row,
			cell{text: strings.TrimPrefix(relativeChange(float64(v.RelativeL2)), "+"), right: true},
			cell{text: shortFloat(float64(v.MaxAbs)) + atPlace(v.MaxAbsIndex), right: true},
			cell{text: strconv.FormatFloat(float64(v.Cosine), 'f', 6, 64), right: true},
			cell{text: fromTo(float64(v.Before.Mean), float64(v.After.Mean)), right: true},
			cell{text: fromTo(float64(v.Before.Std), float64(v.After.Std)), right: true})
		if v.Before.NaN+v.Before.Inf+v.After.NaN+v.After.Inf > 0 {
			row = append(row, cell{text: fmt.Sprintf("NaN %d -> %d, Inf %d -> %d", v.Before.NaN, v.After.NaN, v.Before.Inf, v.After.Inf), look: st.bad})
		}
	case d != nil:
		row = append(row, cell{text: fmt.Sprintf("%s of %s bytes", humanize.Comma(d.BytesChanged), humanize.Comma(d.Bytes)), wide: true})
	}
	if t.Note != "" {
		row = append(row, cell{text: cleanLine(t.Note), look: st.dim, wide: true})
	}
	return row
}

func atPlace(index []int64) string {
	if len(index) == 0 {
		return ""
	}
	return " at " + place(index)
}

// fromTo is "0.1 -> 0.12"; empty where there is nothing.
func fromTo(a, b float64) string {
	x, y := shortFloat(a), shortFloat(b)
	if x == y {
		return x
	}
	return x + " -> " + y
}

// changedShare is a part of a whole: "12.3%".
func changedShare(x float64) string {
	switch {
	case x > 0 && x < 0.0001:
		return "<0.01%"
	case x > 0.9999 && x < 1:
		return ">99.99%"
	}
	return strconv.FormatFloat(100*x, 'f', 2, 64) + "%"
}

// tensorType is "F32 [2 3]".
func tensorType(dtype string, shape []int64) string {
	return cleanLine(dtype) + " " + fmt.Sprint(shape)
}

func shortText(s string) string {
	r := []rune(s)
	if len(r) > maxShown {
		return strconv.Quote(cleanLine(string(r[:maxShown]))) + "…"
	}
	return strconv.Quote(s)
}
