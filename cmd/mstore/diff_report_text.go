package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/mstore/mstore/diff/textdiff"
)

// text prints the hunks of a unified diff.
func (p *diffReport) text(r *textdiff.Result) {
	st := p.a.style
	left := 10 * p.limit
	hidden := 0
	for line := range bytes.Lines(r.Hunks) {
		if left--; left < 0 {
			hidden++
			continue
		}
		text := cleanText(strings.TrimSuffix(string(line), "\n"))
		switch line[0] {
		case '+':
			p.line(st.added, text)
		case '-':
			p.line(st.removed, text)
		case '@':
			p.line(st.alias, text)
		default:
			p.line(nil, text)
		}
	}
	p.more(hidden, "    ", "line")
}

func textSummary(r *textdiff.Result) string {
	if r.TooLarge {
		return fmt.Sprintf("too large to compare line by line, %s -> %s lines", humanize.Comma(r.FromLines), humanize.Comma(r.ToLines))
	}
	return fmt.Sprintf("%s added, %s removed", plural(int(r.Added), "line"), humanize.Comma(r.Removed))
}
