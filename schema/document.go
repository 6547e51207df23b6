package schema

import (
	"context"
	"errors"
	"io"
	"slices"
)

// document is one document that all candidates look at.
type document struct {
	o       *Options
	format  string
	decided bool
	runs    []*run // on the document
	inner   []*run // on the data of a wrapper
	meta    *wrapperMeta
	broken  *Finding

	// What is at the top of the document, and of the data of a wrapper.
	has, hasInside members
}

// members are those at the top of a document that somebody asks for: it may have
// millions.
type members struct {
	asked map[string]bool // name to whether it is there
	other bool            // there are others
}

func (m *members) note(name string) {
	if _, ok := m.asked[name]; ok {
		m.asked[name] = true
	} else {
		m.other = true
	}
}

func newMembers(list []candidate) members {
	m := members{asked: map[string]bool{"metadata": false, "data": false}}
	for _, c := range list {
		for _, x := range c.matches {
			for _, name := range slices.Concat(x.Has, x.Lacks) {
				m.asked[name] = false
			}
		}
	}
	return m
}

// isWrapper tells whether a document has the members of a wrapper and no others.
func (m *members) isWrapper() bool {
	for name, there := range m.asked {
		if there != (name == "metadata" || name == "data") {
			return false
		}
	}
	return !m.other
}

func (r *Registry) newDocument(name, format string, o *Options) *document {
	d := &document{o: o, format: format}
	var list []candidate
	list, d.decided = r.candidates(name, format)
	list = append(list, candidate{}) // no kind at all
	for _, c := range list {
		d.runs = append(d.runs, newRun(c, o))
		d.inner = append(d.inner, newRun(c, o))
	}
	d.has, d.hasInside = newMembers(list), newMembers(list)
	d.meta = newWrapperMeta()
	outer := d.runs[0]
	outer.onMember = func(name string, next *here) {
		d.has.note(name)
		switch name {
		case "data":
			for _, r := range d.inner {
				r.join(next)
			}
		case "metadata":
			next.paths = append(next.paths, follow{d.meta.run, d.meta.run.top})
		}
	}
	d.inner[0].onMember = func(name string, _ *here) { d.hasInside.note(name) }
	return d
}

// read goes through the document.
func (d *document) read(ctx context.Context, in io.Reader) error {
	w := &walker{d: newDecoder(&stream{ctx, in}), in: "$"}
	h := &here{}
	for _, r := range d.runs {
		r.join(h)
	}
	err := d.one(w, h)
	var se *syntaxError
	if !errors.As(err, &se) {
		return err
	}
	text := se.text
	d.broken = &Finding{Severity: Error, Rule: "json", Message: "not well-formed JSON: " + text, Expected: "one JSON document", off: se.off}
	return nil
}

func (d *document) one(w *walker, h *here) error {
	if kind := w.d.PeekKind(); kind == 0 {
		_, err := w.d.ReadToken()
		if err == io.EOF {
			return &syntaxError{0, "the file is empty"}
		}
		if err != nil {
			return w.wrong(err)
		}
	}
	if err := w.value(h); err != nil {
		return err
	}
	_, off := w.peek()
	if _, err := w.d.ReadToken(); err == nil {
		return &syntaxError{off, "there is more than one document"}
	} else if err != io.EOF {
		return w.wrong(err)
	}
	return nil
}

// report chooses the kind, and puts together what its run found.
func (d *document) report() *Report {
	wrapped := d.has.isWrapper()
	runs, has := d.runs, d.has.asked
	if wrapped {
		runs, has = d.inner, d.hasInside.asked
	}
	r := runs[len(runs)-1]
	for _, c := range runs {
		if c.cand.kind != nil && (d.decided || c.cand.fits(has)) {
			r = c
			break
		}
	}
	rep := &r.report
	rep.Format, rep.Wrapped = d.format, wrapped
	if r.cand.kind != nil {
		rep.Kind = r.cand.kind.Name
	}
	if d.broken != nil {
		*rep = Report{Format: d.format, Kind: rep.Kind, Damaged: true}
		if !d.decided { // what is missing might have made it another
			rep.Kind = ""
		}
		rep.add(*d.broken, d.o.Limit)
		return rep
	}
	r.finish()
	if wrapped {
		rep.Metadata = d.meta.values
		if d.meta.kind != '{' {
			rep.add(Finding{Severity: Error, Rule: "wrapper", Path: "$.metadata", Found: d.meta.found, Expected: "an object", off: d.meta.off,
				Message: "is " + d.meta.found + ", but the metadata of a wrapper is an object"}, d.o.Limit)
		}
	}
	rep.sort(d.o.Limit)
	return rep
}
