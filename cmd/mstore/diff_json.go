package main

import (
	"bytes"
	"context"
	"io"

	"github.com/mstore/mstore/store"
)

// begin waits for the first model, so that an error before it leaves no half of a
// document.
func (p *diffDocument) begin(d *store.Diff) error {
	p.d = d
	return nil
}

// head writes the document up to its models.
func (p *diffDocument) head() error {
	if p.begun {
		return nil
	}
	p.begun = true
	var b bytes.Buffer
	if err := writeJSON(&b, newDiffHeadDoc(p.d)); err != nil {
		return err
	}
	_, err := p.a.out.WriteString(string(bytes.TrimSuffix(b.Bytes(), []byte("}\n"))) + `,"models":[`)
	return err
}

func (p *diffDocument) model(m *store.ModelDiff) error {
	if err := p.head(); err != nil {
		return err
	}
	if p.models++; p.models > 1 {
		p.a.out.WriteByte(',')
	}
	switch m.Status {
	case store.DiffAdded:
		p.totals.Added++
	case store.DiffRemoved:
		p.totals.Removed++
	case store.DiffChanged:
		p.totals.Changed++
	case store.DiffRenamed:
		p.totals.Renamed++
	}
	return writeJSON(withoutBreak{p.a.out}, newDiffModelDoc(m, exitCode(context.Background(), m.Err)))
}

func (p *diffDocument) end() error {
	if err := p.head(); err != nil {
		return err
	}
	p.a.out.WriteString(`],"totals":`)
	if err := writeJSON(withoutBreak{p.a.out}, p.totals); err != nil {
		return err
	}
	_, err := p.a.out.WriteString("}\n")
	return err
}

// withoutBreak leaves out the line break after a document.
type withoutBreak struct{ w io.Writer }

func (w withoutBreak) Write(b []byte) (int, error) {
	if _, err := w.w.Write(bytes.TrimSuffix(b, []byte("\n"))); err != nil {
		return 0, err
	}
	return len(b), nil
}
