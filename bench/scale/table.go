package main

import (
	"fmt"
	"io"

	"github.com/mstore/mstore/internal/backend"
)

// requests says how many there were on average and at the most, and of which kinds.
func (t tally) requests() string {
	if t.n == 0 {
		return "none"
	}
	avg := float64(requests(t.sum)) / float64(t.n)
	return fmt.Sprintf("%.1f (most: %s)", avg, kinds(t.max))
}

func kinds(c backend.Counts) string {
	out := ""
	for _, k := range []struct {
		what string
		n    int64
	}{{"list", c.Lists}, {"get", c.Gets}, {"put", c.Puts + c.Creates}, {"delete", c.Deletes}, {"head", c.Stats}} {
		if k.n > 0 {
			if out != "" {
				out += ", "
			}
			out += fmt.Sprintf("%d %s", k.n, k.what)
		}
	}
	return out
}

func size(n int64) string {
	switch {
	case n < 10_000:
		return fmt.Sprintf("%d B", n)
	case n < 10_000_000:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}

// printTable prints Markdown, sizes side by side.
func printTable(w io.Writer, columns []column) {
	fmt.Fprint(w, "| |")
	for _, c := range columns {
		fmt.Fprintf(w, " %d versions |", c.versions)
	}
	fmt.Fprint(w, "\n|---|")
	for range columns {
		fmt.Fprint(w, "---|")
	}
	fmt.Fprintln(w)
	for _, r := range columns[len(columns)-1].rows {
		fmt.Fprintf(w, "| %s |", r.what)
		for _, c := range columns {
			value := ""
			for _, x := range c.rows {
				if x.what == r.what {
					value = x.value
				}
			}
			fmt.Fprintf(w, " %s |", value)
		}
		fmt.Fprintln(w)
	}
}
