package schema

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/mstore/mstore/schema/tensor"
)

// Input is a model to look at.
type Input struct {
	Name string // its path; the extension and the name tell formats and kinds apart
	Size int64
	At   io.ReaderAt
	// Open returns the content from its beginning, where At is slow at that. nil: At is
	// used.
	Open func() (io.ReadCloser, error)
}

func (in *Input) open() (io.ReadCloser, error) {
	if in.Open != nil {
		return in.Open()
	}
	return io.NopCloser(io.NewSectionReader(in.At, 0, in.Size)), nil
}

// Options are the settings of Check.
type Options struct {
	Limit           int       // findings that are kept; 0: 100
	Params, Metrics []Extract // from documents of any kind, before what the kind takes
	NoValues        bool      // do not look at the values of tensors
}

const headSize = 64 << 10

// Check tells the kind of a model, and what is wrong with it: its format, its JSON
// Schema, its quality. The error is the input's own, or the context's. The content is
// read once, as a stream, and a second time up to the last finding; memory is bounded
// by what the schema asks for, not by the model's size.
func (r *Registry) Check(ctx context.Context, in Input, o Options) (*Report, error) {
	if o.Limit <= 0 {
		o.Limit = 100
	}
	head, err := readHead(&in)
	if err != nil {
		return nil, err
	}
	if f := tensor.Detect(in.Name, head); f != "" {
		return r.checkTensors(ctx, f, &in, &o)
	}
	named := strings.EqualFold(path.Ext(in.Name), ".json")
	if !named && !looksLikeJSON(head) {
		return &Report{}, nil
	}
	rep, err := r.checkJSON(ctx, &in, &o)
	if err == nil && rep.Damaged && !named { // it only looked like JSON
		return &Report{}, nil
	}
	return rep, err
}

func readHead(in *Input) ([]byte, error) {
	f, err := in.open()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, headSize)
	n, err := io.ReadFull(f, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, err
	}
	return head[:n], nil
}

func looksLikeJSON(head []byte) bool {
	head = bytes.TrimLeft(head, " \t\r\n")
	return len(head) > 1 && (head[0] == '{' || head[0] == '[') && bytes.IndexByte(head, 0) < 0
}

func (r *Registry) checkJSON(ctx context.Context, in *Input, o *Options) (*Report, error) {
	f, err := in.open()
	if err != nil {
		return nil, err
	}
	d := r.newDocument(in.Name, FormatJSON, o)
	err = d.read(ctx, f)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return nil, err
	}
	rep := d.report()
	if !slices.ContainsFunc(rep.Findings, func(f Finding) bool { return f.off >= 0 }) {
		return rep, nil
	}
	if f, err = in.open(); err != nil {
		return nil, err
	}
	defer f.Close()
	if err := rep.locate(&stream{ctx, f}); err != nil {
		return nil, err
	}
	return rep, nil
}

// document is one document that all candidates look at.
type document struct {
	o       *Options
	format  string
	decided bool
	runs    []*run // on the document
	inner   []*run // on the data of a wrapper
	meta    *wrapperMeta
	broken  *Finding
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
	d.meta = newWrapperMeta()
	outer := d.runs[0]
	outer.onMember = func(name string, next *here) {
		for _, r := range d.runs {
			r.members[name] = true
		}
		switch name {
		case "data":
			for _, r := range d.inner {
				r.join(next)
			}
		case "metadata":
			next.paths = append(next.paths, follow{d.meta.run, d.meta.run.top})
		}
	}
	d.inner[0].onMember = func(name string, next *here) {
		for _, r := range d.inner {
			r.members[name] = true
		}
	}
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
	outer := d.runs[0].members
	wrapped := len(outer) == 2 && outer["metadata"] && outer["data"]
	runs := d.runs
	if wrapped {
		runs = d.inner
	}
	r := runs[len(runs)-1]
	for _, c := range runs {
		if c.cand.kind != nil && (d.decided || c.cand.fits(c.members)) {
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

// checkTensors looks at the structure of a tensor file, and then at what was found
// there, as a document that rules can ask.
func (r *Registry) checkTensors(ctx context.Context, f tensor.Format, in *Input, o *Options) (*Report, error) {
	t, err := tensor.Check(ctx, f, in.At, in.Size, tensor.Options{Limit: o.Limit, NoValues: o.NoValues})
	if err != nil {
		return nil, err
	}
	doc, err := json.Marshal(tensorDoc(t, in.Size))
	if err != nil {
		return nil, err
	}
	d := r.newDocument(in.Name, string(f), o)
	if err := d.read(ctx, bytes.NewReader(doc)); err != nil {
		return nil, err
	}
	rep := d.report()
	for i := range rep.Findings { // these places are not the file's
		rep.Findings[i].off = -1
	}
	if len(t.Problems) > 0 {
		rep.Damaged = true
		kept := rep.Findings
		rep.Findings, rep.Errors, rep.Warnings = nil, 0, 0 // quality is no matter then
		for _, f := range kept {
			if f.Severity == Error {
				rep.add(f, o.Limit)
			}
		}
		for _, p := range t.Problems {
			msg := p.Text
			if p.Field != "" {
				msg = p.Field + ": " + msg
			}
			if p.Off >= 0 {
				msg += fmt.Sprintf(" (byte %d)", p.Off)
			}
			rep.add(Finding{Severity: Error, Rule: string(f), Path: p.Tensor, Message: msg, off: -1}, o.Limit)
		}
		rep.Errors += t.MoreProblems
	}
	rep.sort(o.Limit)
	return rep, nil
}

// tensorDoc is what rules see of a tensor file.
func tensorDoc(t *tensor.Report, size int64) map[string]any {
	notes := map[string][]any{"nan": {}, "inf": {}, "zero": {}}
	for _, n := range t.Notes {
		notes[n.Sort] = append(notes[n.Sort], map[string]any{"tensor": n.Tensor, "values": n.Count, "of": n.Of})
	}
	doc := map[string]any{"file_bytes": size, "tensors": t.Tensors, "parameters": t.Parameters, "bytes": t.Bytes, "dtypes": t.DTypes,
		"metadata": t.Metadata, "nan_tensors": t.NaN, "inf_tensors": t.Inf, "zero_tensors": t.Zero, "nan_values": t.NaNValues, "inf_values": t.InfValues}
	for k, v := range notes {
		doc[k] = v
	}
	return doc
}
