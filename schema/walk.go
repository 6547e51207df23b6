package schema

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
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
	num, _ := asFloat(v)
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

// level returns an empty here for the members of the next level, reusing the last.
func (w *walker) level() *here {
	n := len(w.stack)
	if n < cap(w.stack) {
		w.stack = w.stack[:n+1]
	} else {
		w.stack = append(w.stack, nil)
	}
	if w.stack[n] == nil {
		w.stack[n] = &here{}
	}
	h := w.stack[n]
	h.plans, h.paths = h.plans[:0], h.paths[:0]
	return h
}

func (w *walker) object(h *here, off int64) error {
	if _, err := w.d.ReadToken(); err != nil {
		return w.wrong(err)
	}
	var have map[string]any // names, for plans that judge them
	var seen []bool         // required members of all plans
	for i := range h.plans {
		seen = append(seen, make([]bool, len(h.plans[i].plan.required))...)
		if p := h.plans[i].plan; len(p.keys)+len(p.demands) > 0 && have == nil {
			have = map[string]any{}
		}
	}
	depth := len(w.stack)
	defer func() { w.stack = w.stack[:depth] }()
	var unquoted []byte
	n := int64(0)
	for {
		switch w.d.PeekKind() {
		case '}':
			if _, err := w.d.ReadToken(); err != nil {
				return w.wrong(err)
			}
			w.closeObject(h, off, n, seen, have)
			w.ended(h, n)
			return nil
		case '"':
		default:
			_, err := w.d.ReadToken()
			if err == nil {
				err = io.ErrUnexpectedEOF
			}
			return w.wrong(err)
		}
		raw, err := w.d.ReadValue()
		if err != nil {
			return w.wrong(err)
		}
		name := raw[1 : len(raw)-1]
		if strings.IndexByte(string(name), '\\') >= 0 {
			if unquoted, err = jsontext.AppendUnquote(unquoted[:0], raw); err == nil {
				name = unquoted
			}
		}
		n++
		w.stack = w.stack[:depth]
		next := w.level()
		at := 0
		for i := range h.plans {
			l := h.plans[i]
			for k, r := range l.plan.required {
				if r == string(name) {
					seen[at+k] = true
				}
			}
			at += len(l.plan.required)
			if l.plan.hasMembers {
				l.plan.member(name, func(sub *plan) {
					l.plan = sub
					next.plans = append(next.plans, l)
				})
			}
		}
		if have != nil {
			have[string(name)] = nil
		}
		next.member(h, name)
		for i := range h.paths {
			if f := &h.paths[i]; f.node == f.run.top && f.run.onMember != nil {
				f.run.onMember(string(name), next)
			}
		}
		if err := w.value(next); err != nil {
			return err
		}
	}
}

// member calls f with each plan for the member of that name.
func (p *plan) member(name []byte, f func(*plan)) {
	sub, named := p.props[string(name)]
	if named {
		f(sub)
	}
	for _, x := range p.patterns {
		if x.re.Match(name) {
			named = true
			f(x.plan)
		}
	}
	if !named && p.extra != nil {
		f(p.extra)
	}
}

// member adds those who follow paths through the member of that name.
func (h *here) member(from *here, name []byte) {
	for i := range from.paths {
		f := from.paths[i]
		for _, e := range f.node.edges {
			if e.node.live > 0 && (e.step.wild || e.step.byName && e.step.name == string(name)) {
				h.paths = append(h.paths, follow{f.run, e.node})
				if e.node.named { // somebody wants to know the name
					e.node.name = string(name)
				}
			}
		}
	}
}

func (w *walker) closeObject(h *here, off, n int64, seen []bool, have map[string]any) {
	at := 0
	for i := range h.plans {
		l, p := h.plans[i], h.plans[i].plan
		for k, r := range p.required {
			if !seen[at+k] {
				w.find(l, off, strconv.Quote(r), "a member "+strconv.Quote(r), "required")
			}
		}
		at += len(p.required)
		for _, d := range p.demands {
			if _, ok := have[d.member]; !ok {
				continue
			}
			for _, o := range d.others {
				if _, ok := have[o]; !ok {
					w.find(l, off, strconv.Quote(o), "a member "+strconv.Quote(o)+" beside "+strconv.Quote(d.member), "dependentRequired")
				}
			}
		}
		if p.minP != nil && n < int64(*p.minP) {
			w.find(l, off, fmt.Sprintf("an object of %d", n), fmt.Sprintf("at least %d members", *p.minP), "minProperties")
		}
		if p.maxP != nil && n > int64(*p.maxP) {
			w.find(l, off, fmt.Sprintf("an object of %d", n), fmt.Sprintf("at most %d members", *p.maxP), "maxProperties")
		}
		for k := range p.keys {
			if j := &p.keys[k]; !j.ok(have) {
				w.find(l, off, "an object", j.want, j.keyword)
			}
		}
	}
}

func (w *walker) array(h *here, off int64) error {
	if _, err := w.d.ReadToken(); err != nil {
		return w.wrong(err)
	}
	depth := len(w.stack)
	defer func() { w.stack = w.stack[:depth] }()
	for n := int64(0); ; n++ {
		if w.d.PeekKind() == ']' {
			if _, err := w.d.ReadToken(); err != nil {
				return w.wrong(err)
			}
			w.closeArray(h, off, n)
			w.ended(h, n)
			return nil
		}
		w.stack = w.stack[:depth]
		next := w.level()
		for i := range h.plans {
			l := h.plans[i]
			if n < int64(len(l.plan.prefix)) {
				l.plan = l.plan.prefix[n]
				next.plans = append(next.plans, l)
			} else if l.plan.items != nil {
				l.plan = l.plan.items
				next.plans = append(next.plans, l)
			}
		}
		for i := range h.paths {
			f := h.paths[i]
			for _, e := range f.node.edges {
				if e.node.live > 0 && e.step.matchesIndex(n) {
					next.paths = append(next.paths, follow{f.run, e.node})
					if e.node.named {
						e.node.name = strconv.FormatInt(n, 10)
					}
				}
			}
		}
		if err := w.value(next); err != nil {
			return err
		}
	}
}

func (w *walker) closeArray(h *here, off, n int64) {
	for i := range h.plans {
		l, p := h.plans[i], h.plans[i].plan
		if p.minI != nil && n < int64(*p.minI) {
			w.find(l, off, fmt.Sprintf("an array of %d", n), fmt.Sprintf("at least %d elements", *p.minI), "minItems")
		}
		if p.maxI != nil && n > int64(*p.maxI) {
			w.find(l, off, fmt.Sprintf("an array of %d", n), fmt.Sprintf("at most %d elements", *p.maxI), "maxItems")
		}
	}
}
