package schema

import (
	"fmt"
	"strings"

	"github.com/mstore/mstore/internal/jsonpath"
)

// path is where the value at hand lies.
func (w *walker) path() string {
	depth := w.d.StackDepth()
	var names []string
	for t := range w.d.StackPointer().Tokens() {
		names = append(names, t)
	}
	var b strings.Builder
	b.WriteString(w.in)
	for i := 1; i <= depth; i++ {
		kind, n := w.d.StackIndex(i)
		if kind == '[' {
			if i < depth || !w.ahead {
				n--
			}
			if n < 0 {
				break
			}
			fmt.Fprintf(&b, "[%d]", n)
			continue
		}
		if n == 0 || i > len(names) {
			break
		}
		b.WriteString(jsonpath.Member(names[i-1]))
	}
	return b.String()
}

// find notes what a plan objects to in the value at hand.
func (w *walker) find(l lookup, off int64, found, want, keyword string) {
	if l.run.report.full(l.sev, l.run.limit) { // it counts, but nobody will read it
		l.run.add(Finding{Severity: l.sev})
		return
	}
	msg := "is " + found + ", expected " + want
	switch keyword {
	case "required":
		msg = "has no member " + found + ", which is required"
		if l.sev == Warning {
			msg = "has no member " + found + ", which is expected"
		}
		found = ""
	case "dependentRequired":
		msg = "has no member " + found + ", expected " + want
		found = ""
	case "false":
		msg = "is not allowed here"
		want = ""
	}
	l.run.add(Finding{Severity: l.sev, Rule: l.rule, Path: w.path(), Found: found, Expected: want, Message: msg, off: off})
}
