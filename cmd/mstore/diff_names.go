package main

import (
	"fmt"
	"math"

	"github.com/mstore/mstore/store"
)

// diffNames prints paths, with a letter of what happened if that is asked for, as git
// does.
type diffNames struct {
	a      *app
	status bool
}

func (p *diffNames) begin(*store.Diff) error { return nil }
func (p *diffNames) end() error              { return p.a.out.failed() }

func (p *diffNames) model(m *store.ModelDiff) error {
	path := cleanLine(m.Path())
	switch {
	case m.Status == store.DiffSame:
		return nil
	case !p.status:
		fmt.Fprintln(p.a.out, path)
	case m.Status == store.DiffRenamed:
		fmt.Fprintf(p.a.out, "R%03.0f\t%s\t%s\n", math.Floor(100*m.Similarity), cleanLine(m.From.Path), path)
	default:
		fmt.Fprintf(p.a.out, "%s\t%s\n", statusLetter[m.Status], path)
	}
	return p.a.out.failed()
}

var statusLetter = map[store.DiffStatus]string{store.DiffAdded: "A", store.DiffRemoved: "D", store.DiffChanged: "M"}
