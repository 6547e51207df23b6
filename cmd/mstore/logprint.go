package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/fatih/color"

	"github.com/mstore/mstore/store"
)

const (
	logModels = 8  // models that log shows of one version
	logValues = 10 // metrics, and parameters, that log shows of one version
)

// logPrinter prints versions one by one, newest first.
type logPrinter struct {
	app     *app
	out     io.Writer
	expired *store.Expired
	oneline bool
	tty     bool
	now     time.Time
	printed int
	width   int // of the first version's name: the longest, mostly
}

func (p *logPrinter) print(ctx context.Context, s *store.Store, v *store.Version) error {
	changes, err := changesOf(ctx, s, v)
	if err != nil {
		return err
	}
	out, st := p.out, p.app.style
	if p.printed++; p.printed == 1 {
		p.width = len(v.Name)
	}
	switch {
	case p.app.json:
		doc, err := newVersionDoc(v, changes).withNames(v).withExpired(ctx, p.expired, changes)
		if err != nil {
			return err
		}
		return writeJSON(out, doc)
	case p.oneline:
		p.header(v, cleanLine(firstLine(v.Message)))
	default:
		if p.printed > 1 {
			io.WriteString(out, "\n")
		}
		p.header(v, "")
		indent := strings.Repeat(" ", p.width+1)
		if len(v.Parents) > 1 {
			fmt.Fprintf(out, "%s%s\n", indent, st.dim.Sprint("merge of "+shortRefs(v.Ancestry())))
		}
		for line := range strings.Lines(strings.TrimSpace(v.Message)) {
			fmt.Fprintf(out, "%s%s\n", indent, cleanLine(strings.TrimRight(line, "\r\n")))
		}
		shown := changes
		if len(shown) > logModels+1 {
			shown = shown[:logModels]
		}
		table := columns{indent: indent}
		for _, c := range shown {
			row, err := st.markExpired(ctx, p.expired, c, st.changeRow(c))
			if err != nil {
				return err
			}
			table.add(row...)
		}
		table.write(out)
		if more := len(changes) - len(shown); more > 0 {
			fmt.Fprintf(out, "%s%s\n", indent, st.dim.Sprintf("… and %d more", more))
		}
		if values := p.values(v); values != "" {
			fmt.Fprintf(out, "%s%s\n", indent, values)
		}
	}
	if p.tty {
		p.app.out.Flush()
	}
	return p.app.out.failed()
}

func (p *logPrinter) close() error { return nil }

// header is the line that names a version.
func (p *logPrinter) header(v *store.Version, message string) {
	st := p.app.style
	parts := []string{st.version.Sprintf("%-*s %s", p.width, versionName(v), v.ID.Short())}
	if names := st.names(v); names != "" {
		parts[0] += " " + names
	}
	parts = append(parts, ago(v.Time, p.now))
	if !p.oneline && v.Author != "" {
		parts = append(parts, st.dim.Sprint(cleanLine(v.Author)))
	}
	if message != "" {
		parts = append(parts, message)
	}
	if p.oneline {
		if values := st.values(v.Metrics, st.bold); values != "" {
			parts = append(parts, values)
		}
	}
	io.WriteString(p.out, strings.Join(parts, "  ")+"\n")
}

// values is a version's metrics and parameters on one line.
func (p *logPrinter) values(v *store.Version) string {
	st := p.app.style
	metrics, params := st.values(v.Metrics, st.bold), st.values(v.Params, nil)
	if metrics != "" && params != "" {
		return metrics + st.dim.Sprint("  |  ") + params
	}
	return metrics + params
}

// names is "(main, tag: gold, alias: prod)" in git's colours.
func (st *style) names(v *store.Version) string {
	var names []string
	for _, n := range v.Heads {
		names = append(names, st.branch.Sprint(n))
	}
	for _, n := range v.Tags {
		names = append(names, st.tag.Sprint("tag: "+n))
	}
	for _, n := range v.Aliases {
		names = append(names, st.alias.Sprint("alias: "+n))
	}
	if len(names) == 0 {
		return ""
	}
	return st.version.Sprint("(") + strings.Join(names, st.version.Sprint(", ")) + st.version.Sprint(")")
}

// values is "loss 0.21  acc 0.93", in order of the keys.
func (st *style) values(m map[string]any, look *color.Color) string {
	var parts []string
	for i, k := range slices.Sorted(maps.Keys(m)) {
		if i == logValues {
			parts = append(parts, st.dim.Sprintf("… and %d more", len(m)-i))
			break
		}
		value := showValue(m[k])
		if look != nil {
			value = look.Sprint(value)
		}
		parts = append(parts, st.dim.Sprint(cleanLine(k))+" "+value)
	}
	return strings.Join(parts, "  ")
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return strings.TrimSpace(line)
}
