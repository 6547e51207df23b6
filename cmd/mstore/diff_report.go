package main

import (
	"fmt"
	"strings"

	"github.com/fatih/color"

	"github.com/mstore/mstore/store"
)

// diffReport prints a comparison for people: versions and fields, then each model with
// a line of its own and its changes below.
type diffReport struct {
	a      *app
	limit  int // changes of one model, and fields
	d      *store.Diff
	models int
}

func (p *diffReport) begin(d *store.Diff) error {
	p.d = d
	p.a.progress.close()
	if d.Len() > 0 || len(d.Fields) > 0 {
		p.header()
	}
	return p.a.out.failed()
}

func (p *diffReport) header() {
	out, st := p.a.out, p.a.style
	fmt.Fprintf(out, "%s -> %s\n", p.version(p.d.From), p.version(p.d.To))
	table := columns{indent: "  "}
	for _, f := range p.d.Fields[:min(len(p.d.Fields), p.limit)] {
		table.add(cell{text: cleanLine(f.String()), look: st.dim}, cell{text: fieldChange(&f)})
	}
	table.write(out)
	p.more(len(p.d.Fields)-p.limit, "  ", "field")
}

// version names a side, and when it was made.
func (p *diffReport) version(v *store.Version) string {
	if v == nil {
		return p.a.style.bold.Sprint("working directory")
	}
	return p.a.style.version.Sprintf("%s %s", v.Name, v.ID.Short()) + ", " + ago(v.Time, p.a.now())
}

// more says how much is not shown.
func (p *diffReport) more(n int, indent, noun string) {
	if n > 0 {
		fmt.Fprintf(p.a.out, "%s%s\n", indent, p.a.style.dim.Sprintf("… and %s", strings.Replace(plural(n, noun), " ", " more ", 1)))
	}
}

func (p *diffReport) model(m *store.ModelDiff) error {
	out, st := p.a.out, p.a.style
	if p.d.Len() == 0 && p.models == 0 && len(p.d.Fields) == 0 { // two models that were named
		p.header()
	}
	p.models++
	sign, look := "~", st.changed
	switch m.Status {
	case store.DiffAdded:
		sign, look = "+", st.added
	case store.DiffRemoved:
		sign, look = "-", st.removed
	case store.DiffSame:
		sign, look = "=", nil
	case store.DiffRenamed:
		sign = ">"
	}
	title := sign + " " + cleanLine(m.Path())
	if look != nil {
		title = look.Sprint(title)
	}
	if m.From != nil && m.To != nil && m.From.Path != m.To.Path {
		title += st.dim.Sprint(" from ") + cleanLine(m.From.Path)
	}
	facts := []string{title}
	add := func(s string) {
		if s != "" {
			facts = append(facts, s)
		}
	}
	add(string(m.Kind))
	add(diffSizes(m))
	summary := diffSummary(m)
	if summary != "" {
		summary = st.bold.Sprint(summary)
	}
	add(summary)
	fmt.Fprintf(out, "\n%s\n", strings.Join(facts, "  "))
	if m.Note != "" {
		fmt.Fprintf(out, "    %s\n", st.warn.Sprint(cleanLine(m.Note)))
	}
	switch {
	case m.JSON != nil:
		p.json(m.JSON)
	case m.Tensors != nil:
		p.tensors(m.Tensors)
	case m.Text != nil:
		p.text(m.Text)
	case m.Err != nil, m.Kind == store.DiffBinary:
		p.blobs(m)
	}
	return out.failed()
}

// blobs shows what is known of contents that are not compared.
func (p *diffReport) blobs(m *store.ModelDiff) {
	st := p.a.style
	table := columns{indent: "    "}
	for i, side := range []*store.DiffModel{m.From, m.To} {
		if side == nil {
			continue
		}
		look, sign := st.removed, "-"
		if i == 1 {
			look, sign = st.added, "+"
		}
		row := []cell{{text: sign + " " + side.Blob.String(), look: look}, {text: humanBytes(side.Size), right: true}}
		if side.Expired != nil {
			row = append(row, cell{text: cleanLine(side.Expired.String()), look: st.warn})
		}
		table.add(row...)
	}
	table.write(p.a.out)
}

func (p *diffReport) end() error {
	switch {
	case p.models > 0:
	case len(p.d.Fields) > 0:
		fmt.Fprintln(p.a.out, "\nthe models are the same")
	default:
		p.a.say("no differences")
	}
	return p.a.out.failed()
}

// diffSizes is "5.0 MB -> 5.2 MB", or one size where there is but one.
func diffSizes(m *store.ModelDiff) string {
	switch {
	case m.From == nil:
		return humanBytes(m.To.Size)
	case m.To == nil:
		return humanBytes(m.From.Size)
	}
	size := humanBytes(m.To.Size)
	if change := sizeChange(m.From.Size, m.To.Size); change != "" {
		size += " (" + change + ")"
	}
	return size
}

// diffSummary is how a model changed, in a few words.
func diffSummary(m *store.ModelDiff) string {
	switch {
	case m.Err != nil && (m.From != nil && m.From.Expired != nil || m.To != nil && m.To.Expired != nil):
		return "expired, not compared"
	case m.Err != nil:
		return "not compared"
	case m.JSON != nil:
		return jsonSummary(&m.JSON.Totals)
	case m.Tensors != nil:
		return cleanLine(m.Tensors.Summary)
	case m.Text != nil:
		return textSummary(m.Text)
	case m.Status == store.DiffSame:
		return "the same content"
	case m.Status == store.DiffRenamed && m.Similarity == 1:
		return "the same content"
	case m.Status == store.DiffChanged || m.Status == store.DiffRenamed:
		return "content differs"
	}
	return string(m.Status)
}

// line prints one change of a model.
func (p *diffReport) line(look *color.Color, text string) {
	if look != nil {
		text = look.Sprint(text)
	}
	fmt.Fprintf(p.a.out, "    %s\n", text)
}
