package main

import (
	"fmt"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/mstore/mstore/store"
)

// diffStat prints a line a model when all are known: the largest count is the length
// of the longest bar.
type diffStat struct {
	a                               *app
	rows                            []statRow
	added, removed, changed, rename int
}

// statRow is one model in numbers of values, lines or tensors.
type statRow struct {
	path, kind              string
	added, removed, changed int64
	unit                    string
	text                    string // instead of a bar
}

// barWidth is the length of the longest bar.
const barWidth = 40

func (p *diffStat) begin(*store.Diff) error { return nil }

func (p *diffStat) model(m *store.ModelDiff) error {
	if m.Status == store.DiffSame {
		return nil
	}
	switch m.Status {
	case store.DiffAdded:
		p.added++
	case store.DiffRemoved:
		p.removed++
	case store.DiffRenamed:
		p.rename++
	default:
		p.changed++
	}
	r := statRow{path: cleanLine(m.Path()), kind: string(m.Kind)}
	if m.From != nil && m.To != nil && m.From.Path != m.To.Path {
		r.path = cleanLine(m.From.Path) + " => " + r.path
	}
	switch {
	case m.JSON != nil:
		t := m.JSON.Totals
		r.unit = "value"
		r.added, r.removed, r.changed = t.Added, t.Removed, t.Retyped+t.Changed+t.Numbers+t.InArrays+t.Moved
	case m.Tensors != nil:
		c := m.Tensors.Counts
		r.unit = "tensor"
		r.added, r.removed = int64(c.Added), int64(c.Removed)
		r.changed = int64(c.Renamed + c.Reshaped + c.Retyped + c.Changed + c.Unknown)
	case m.Text != nil && !m.Text.TooLarge:
		r.unit = "line"
		r.added, r.removed = m.Text.Added, m.Text.Removed
	case m.From == nil:
		r.text = "added, " + humanBytes(m.To.Size)
	case m.To == nil:
		r.text = "removed, " + humanBytes(m.From.Size)
	case m.Status == store.DiffRenamed && m.Similarity == 1:
		r.text = "the same content"
	default:
		r.text = diffSummary(m) + ", " + humanBytes(m.From.Size) + " -> " + humanBytes(m.To.Size)
	}
	p.rows = append(p.rows, r)
	return nil
}

func (p *diffStat) end() error {
	st := p.a.style
	var most int64
	for _, r := range p.rows {
		most = max(most, r.total())
	}
	table := columns{indent: " "}
	for _, r := range p.rows {
		row := []cell{{text: r.path}, {text: r.kind, look: st.dim}}
		if r.text != "" {
			table.add(append(row, cell{text: r.text, wide: true})...)
			continue
		}
		count := plural(int(r.total()), r.unit)
		bar := st.added.Sprint(bar("+", r.added, most)) + st.removed.Sprint(bar("-", r.removed, most)) + st.changed.Sprint(bar("~", r.changed, most))
		table.add(append(row, cell{text: count, right: true}, cell{text: bar})...)
	}
	if err := table.write(p.a.out); err != nil {
		return err
	}
	if len(p.rows) == 0 {
		p.a.say("no differences")
		return nil
	}
	fmt.Fprintf(p.a.out, " %s\n", p.totals())
	return p.a.out.failed()
}

func (r *statRow) total() int64 { return r.added + r.removed + r.changed }

// bar is as long as n is of the most; what there is has one sign at least.
func bar(sign string, n, most int64) string {
	if n == 0 {
		return ""
	}
	width := n
	if most > barWidth {
		width = max(1, n*barWidth/most)
	}
	return strings.Repeat(sign, int(width))
}

func (p *diffStat) totals() string {
	var parts []string
	for _, x := range []struct {
		n    int
		what string
	}{{p.added, "added"}, {p.removed, "removed"}, {p.changed, "changed"}, {p.rename, "renamed"}} {
		if x.n > 0 {
			parts = append(parts, humanize.Comma(int64(x.n))+" "+x.what)
		}
	}
	return plural(len(p.rows), "model") + ": " + strings.Join(parts, ", ")
}
