package schema

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/mstore/mstore/internal/expr"
)

// walker goes through a JSON document once, and looks only at what somebody asks for:
// all else is skipped at the speed of the decoder.
type walker struct {
	d     *jsontext.Decoder
	base  int64  // where d's input begins in the file
	in    string // path of what d reads
	ahead bool   // the value at hand has not been read yet
	stack []*here
}

// here is who looks at the value that comes next.
type here struct {
	plans []lookup
	paths []follow
}

type lookup struct {
	run  *run
	sev  Severity
	rule string
	plan *plan
}

type follow struct {
	run  *run
	node *pathNode
}

func (h *here) empty() bool { return len(h.plans) == 0 && len(h.paths) == 0 }

// syntaxError is an error of the document, not of reading it.
type syntaxError struct {
	off  int64
	text string
}

func (e *syntaxError) Error() string { return e.text }

// stream ends with the context, and keeps the decoder from knowing more of what it
// reads than that.
type stream struct {
	ctx context.Context
	in  io.Reader
}

func (r *stream) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.in.Read(p)
}

func newDecoder(r io.Reader) *jsontext.Decoder {
	return jsontext.NewDecoder(r, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// wrong tells errors of the document from those of its reader.
func (w *walker) wrong(err error) error {
	var se *jsontext.SyntacticError
	if errors.As(err, &se) {
		text := strings.TrimPrefix(se.Err.Error(), "jsontext: ")
		if errors.Is(se.Err, io.ErrUnexpectedEOF) {
			text = "the file ends in the middle of the document"
		} else if word := w.numberWord(se.ByteOffset); word != "" {
			text = word + " is no JSON (Python's json.dump writes it unless allow_nan=False)"
		}
		return &syntaxError{w.base + se.ByteOffset, text}
	}
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return &syntaxError{w.base + w.d.InputOffset(), "the file ends in the middle of the document"}
	}
	return err
}

// numberWord is the NaN or Infinity in which an error at that offset lies.
func (w *walker) numberWord(off int64) string {
	rest := w.d.UnreadBuffer()
	i := off - w.d.InputOffset()
	if i < 0 || i > int64(len(rest)) {
		return ""
	}
	for i > 0 && rest[i-1] == '-' {
		i--
	}
	for _, word := range []string{"NaN", "Infinity", "-Infinity"} {
		if bytes.HasPrefix(rest[i:], []byte(word)) {
			return word
		}
	}
	return ""
}

// peek returns the kind of the next value and where it begins.
func (w *walker) peek() (kind byte, off int64) {
	k := byte(w.d.PeekKind())
	if k == '-' {
		k = '0'
	}
	rest := w.d.UnreadBuffer()
	n := 0
	for n < len(rest) && strings.IndexByte(" \t\r\n,:", rest[n]) >= 0 {
		n++
	}
	return k, w.base + w.d.InputOffset() + int64(n)
}

// value reads one value with all who look at it.
func (w *walker) value(h *here) error {
	if h.empty() {
		if err := w.d.SkipValue(); err != nil {
			return w.wrong(err)
		}
		return nil
	}
	kind, off := w.peek()
	h.join()
	for i := range h.plans {
		if l := &h.plans[i]; l.plan.needsWhole(kind) {
			return w.wholly(h, kind, off)
		}
	}
	w.began(h, kind, off)
	switch kind {
	case '{':
		return w.object(h, off)
	case '[':
		return w.array(h, off)
	}
	return w.scalar(h, kind, off)
}

// join adds the plans that others stand for, each once.
func (h *here) join() {
	for i := 0; i < len(h.plans); i++ {
		for _, p := range h.plans[i].plan.also {
			l := h.plans[i]
			l.plan = p
			if !slices.Contains(h.plans, l) {
				h.plans = append(h.plans, l)
			}
		}
	}
}

func (p *plan) needsWhole(kind byte) bool {
	for i := range p.whole {
		if on := p.whole[i].on; on == 0 || on == kind {
			return true
		}
	}
	return false
}

// wholly reads a value into memory, for the keywords that need it so, and then goes
// through it for all others.
func (w *walker) wholly(h *here, kind byte, off int64) error {
	raw, err := w.d.ReadValue()
	if err != nil {
		return w.wrong(err)
	}
	raw = raw.Clone()
	v, err := decode(newDecoder(bytes.NewReader(raw)))
	if err != nil {
		return err // not possible: it has just been read
	}
	rest := *h
	rest.plans = nil
	for _, l := range h.plans {
		for i := range l.plan.whole {
			j := &l.plan.whole[i]
			if (j.on == 0 || j.on == kind) && !j.ok(v) {
				w.find(l, off, excerptOf(v), j.want, j.keyword)
			}
		}
		q := *l.plan
		q.whole, q.also = nil, nil // join has been here
		l.plan = &q
		rest.plans = append(rest.plans, l)
	}
	sub := &walker{d: newDecoder(bytes.NewReader(raw)), base: off, in: w.path()}
	return sub.value(&rest)
}

// began tells who follows paths that a value is there.
func (w *walker) began(h *here, kind byte, off int64) {
	w.ahead = true
	defer func() { w.ahead = false }()
	for i := range h.paths {
		f := &h.paths[i]
		for _, c := range f.node.ends {
			c.begin(w, kind, off)
		}
	}
	found := "an object"
	switch kind {
	case '[':
		found = "an array"
	case '{':
	default:
		return // scalar judges, when it knows the value
	}
	for i := range h.plans {
		l := &h.plans[i]
		if k := l.plan.wrongType(kind, 0); k != "" {
			w.find(*l, off, found, strings.Join(l.plan.types, " or "), k)
		}
		for k := range l.plan.scalar {
			if j := &l.plan.scalar[k]; j.on == 0 { // enum or const, of scalars
				w.find(*l, off, found, j.want, j.keyword)
			}
		}
	}
}

func (w *walker) scalar(h *here, kind byte, off int64) error {
	tok, err := w.d.ReadToken()
	if err != nil {
		return w.wrong(err)
	}
	v := scalarOf(tok)
	num, _ := expr.Float(v)
	for i := range h.plans {
		l := &h.plans[i]
		if k := l.plan.wrongType(kind, num); k != "" {
			w.find(*l, off, excerptOf(v), strings.Join(l.plan.types, " or "), k)
		}
		for k := range l.plan.scalar {
			if j := &l.plan.scalar[k]; (j.on == 0 || j.on == kind) && !j.ok(v) {
				w.find(*l, off, excerptOf(v), j.want, j.keyword)
			}
		}
	}
	for i := range h.paths {
		f := &h.paths[i]
		for _, c := range f.node.ends {
			c.scalar(v)
		}
	}
	w.ended(h, 0)
	return nil
}

// ended tells who follows paths that a value is over; n is how many members it had.
func (w *walker) ended(h *here, n int64) {
	for i := range h.paths {
		f := &h.paths[i]
		for _, c := range f.node.ends {
			c.end(w, n)
		}
	}
}
