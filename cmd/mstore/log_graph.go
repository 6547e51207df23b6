package main

import (
	"bytes"
	"context"
	"slices"
	"strings"

	"github.com/mstore/mstore/store"
)

// graphPrinter draws lanes beside versions: each lane leads to the parent of what stands
// above.
type graphPrinter struct {
	*logPrinter
	text  bytes.Buffer
	lanes graph
}

func newGraphPrinter(p *logPrinter) *graphPrinter {
	g := &graphPrinter{logPrinter: p}
	p.out = &g.text
	return g
}

func (p *graphPrinter) print(ctx context.Context, s *store.Store, v *store.Version) error {
	p.text.Reset()
	if err := p.logPrinter.print(ctx, s, v); err != nil {
		return err
	}
	mark, beside, after := p.lanes.next(v.Entry, v.ParentEntries())
	text := bytes.TrimPrefix(p.text.Bytes(), []byte("\n")) // the space between versions
	out := p.app.out
	for line := range bytes.Lines(text) {
		out.WriteString(strings.TrimRight(p.app.style.dim.Sprint(mark)+" "+string(line), " \n") + "\n")
		mark = beside
	}
	for _, row := range after {
		out.WriteString(p.app.style.dim.Sprint(row) + "\n")
	}
	if !p.oneline {
		out.WriteString(p.app.style.dim.Sprint(p.lanes.row(-1)) + "\n")
	}
	return out.failed()
}

// graph is the state between two versions: for each lane the journal entry of the version
// that it leads to. No two lead to the same.
type graph struct{ lanes []uint64 }

// row is a row of lanes; that of column at is a version.
func (g *graph) row(at int) string {
	marks := make([]string, len(g.lanes))
	for i := range marks {
		marks[i] = "|"
		if i == at {
			marks[i] = "*"
		}
	}
	return strings.Join(marks, " ")
}

// next draws a version: the row with its mark, what stands beside the rest of its text, and
// the rows that lead to its parents. Versions come children first.
func (g *graph) next(entry uint64, parents []uint64) (mark, beside string, after []string) {
	at := slices.Index(g.lanes, entry)
	if at < 0 {
		at = len(g.lanes)
		g.lanes = append(g.lanes, entry)
	}
	mark, beside = g.row(at), g.row(-1)
	if len(parents) == 0 {
		if at < len(g.lanes)-1 {
			beside = beside[:2*at] + " " + beside[2*at+1:]
			after = append(after, g.shift(at))
		}
		g.lanes = slices.Delete(g.lanes, at, at+1)
		return mark, beside, after
	}
	for _, p := range parents[1:] {
		to := slices.Index(g.lanes, p)
		if to < 0 {
			g.lanes = slices.Insert(g.lanes, at+1, p)
			after = append(after, g.branch(at))
			continue
		}
		if to != at {
			after = append(after, g.edge(at, to))
		}
	}
	if to := slices.Index(g.lanes, parents[0]); to >= 0 && to != at {
		after = append(after, g.join(at, to))
		g.lanes = slices.Delete(g.lanes, at, at+1)
		return mark, beside, after
	}
	g.lanes[at] = parents[0]
	return mark, beside, after
}

// blank is a row of lanes as bytes.
func (g *graph) blank(n int) []byte {
	row := bytes.Repeat([]byte("| "), n)
	return row[:max(0, len(row)-1)]
}

// branch draws a new lane to the right of one, those beyond it moved.
func (g *graph) branch(at int) string {
	row := g.blank(len(g.lanes))
	for i := at + 1; i < len(g.lanes); i++ {
		row[2*i-1], row[2*i] = '\\', ' '
	}
	return strings.TrimRight(string(row), " ")
}

// edge draws a line from a version to a lane that is there.
func (g *graph) edge(from, to int) string {
	row := g.blank(len(g.lanes))
	if to > from {
		for i := 2*from + 1; i < 2*to-1; i += 2 {
			row[i] = '_'
		}
		row[2*to-1] = '\\'
	} else {
		for i := 2*to + 3; i < 2*from; i += 2 {
			row[i] = '_'
		}
		row[2*to+1] = '/'
	}
	return string(row)
}

// join draws the end of a lane that goes over into another, and those beyond it moving to
// the left.
func (g *graph) join(from, to int) string {
	row := []byte(g.edge(from, to))
	if to > from {
		row = g.blank(len(g.lanes))
		for i := from + 1; i <= to; i++ {
			row[2*i-1] = '_'
		}
		row[2*from] = '\\'
	} else {
		row[2*from] = ' '
	}
	for i := max(from, to) + 1; i < len(g.lanes); i++ {
		row[2*i-1], row[2*i] = '/', ' '
	}
	return strings.TrimRight(string(row), " ")
}

// shift draws the lanes right of one that ends moving to the left.
func (g *graph) shift(at int) string {
	row := g.blank(len(g.lanes))
	row[2*at] = ' '
	for i := at + 1; i < len(g.lanes); i++ {
		row[2*i-1], row[2*i] = '/', ' '
	}
	return strings.TrimRight(string(row), " ")
}
