package tensor

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"unicode/utf8"
)

const (
	// maxSafetensors bounds a header; it is the limit of the reference
	// implementation (safetensors/src/tensor.rs).
	maxSafetensors = 100_000_000
	maxShown       = 16 // lengths of a shape in a text
)

// safetensors checks the length of the header, the header, a JSON object, and
// that the tensors follow one another and fill the rest of the file.
func (c *checker) safetensors() {
	if c.size < 8 {
		c.cut("", "the length of the header", 0, 8)
		return
	}
	b := c.view(0, 8, 8)
	if b == nil {
		return
	}
	n := binary.LittleEndian.Uint64(b)
	switch {
	case n < 2 || n > maxSafetensors:
		c.problem("", 0, "header", "its length is given as %d bytes, it must be 2 to %d", n, maxSafetensors)
		return
	case int64(n) > c.size-8:
		c.cut("", "the header", 8, 8+int64(n))
		return
	}
	head := make([]byte, n)
	if !c.read(head, 8) {
		return
	}
	switch {
	case head[0] != '{':
		c.problem("", 8, "header", "it begins with %q, it must be a JSON object and begin with '{'", head[0])
		return
	case !utf8.Valid(head):
		c.problem("", 8, "header", "it is not UTF-8")
		return
	}
	if !json.Valid(head) {
		err, off := json.Unmarshal(head, &json.RawMessage{}), int64(0)
		if e, ok := errors.AsType[*json.SyntaxError](err); ok {
			off = max(e.Offset-1, 0)
		}
		c.problem("", 8+off, "header", "not well-formed JSON: %v", err)
		return
	}
	end := bytes.LastIndexByte(head, '}') + 1
	if rest := bytes.TrimLeft(head[end:], " "); len(rest) > 0 {
		c.problem("", 8+int64(len(head)-len(rest)), "header", "%q follows the JSON object, only spaces may", rest[0])
	}
	p := stParser{checker: c, head: head[:end], data: 8 + int64(n), seen: map[string]struct{}{}}
	p.token()
	p.members(p.seen, p.member)
	p.toEnd = true
	c.layout(p.all, p.data, c.size, !p.lost, "data_offsets")
}

// member reads an entry of the header.
func (p *stParser) member(name string, at int64) {
	if name == "__metadata__" {
		if p.open('{', name, "an object of strings") {
			p.members(map[string]struct{}{}, func(key string, at int64) {
				t := p.token()
				if s, ok := t.text(); ok {
					p.meta(key, s)
					return
				}
				p.problem("", at, name, "the value of %s is %s, it must be a string", quote(key), t.describe())
				p.skip(t)
			})
		}
		return
	}
	p.rep.Tensors++
	p.name = name
	if p.open('{', "entry", "an object with dtype, shape and data_offsets") {
		p.entry(at)
	}
	p.name = ""
}

// stEntry is what the header says about a tensor.
type stEntry struct {
	at       int64
	dtype    string
	dims     []uint64 // the first ones, all if they are to be listed
	elements uint64
	fits     bool // there can be so many elements
	offsets  []uint64
	bad      bool // a field is missing or not of its type
}

// entry reads the fields, in any order.
func (p *stParser) entry(at int64) {
	e := stEntry{at: at}
	have := map[string]struct{}{}
	p.members(have, func(key string, at int64) {
		switch key {
		case "dtype":
			t := p.token()
			var ok bool
			if e.dtype, ok = t.text(); !ok {
				p.problem(p.name, at, key, "found %s, expected a string", t.describe())
				p.skip(t)
				e.bad = true
			}
		case "shape":
			e.dims, e.elements, e.fits = nil, 1, true
			e.bad = !p.numbers(key, func(n uint64) {
				if len(e.dims) <= maxShown || p.list != nil {
					e.dims = append(e.dims, n)
				}
				if e.fits {
					e.elements, e.fits = times(e.elements, n)
				}
			}) || e.bad
		case "data_offsets":
			e.offsets = nil
			e.bad = !p.numbers(key, func(n uint64) {
				if len(e.offsets) < 3 {
					e.offsets = append(e.offsets, n)
				}
			}) || e.bad
		default:
			p.problem(p.name, at, "entry", "it has a field %s, it may have dtype, shape and data_offsets only", quote(key))
			p.skip(p.token())
		}
	})
	for _, key := range []string{"dtype", "shape", "data_offsets"} {
		if _, there := have[key]; !there {
			p.problem(p.name, at, key, "it is missing")
			e.bad = true
		}
	}
	if e.bad {
		p.lost = true
		return
	}
	if s, ok := p.place(&e); ok {
		if p.fits(&e, s.end-s.off) {
			s.elem, s.elements = safetensorsTypes[e.dtype], int64(e.elements)
			if p.list != nil {
				s.shape = lengths(e.dims)
			}
			p.count(s.elem, e.elements, uint64(s.end-s.off))
		}
		p.all = append(p.all, s)
	} else {
		p.lost = true
	}
}

// place is where an entry says that its tensor is.
func (p *stParser) place(e *stEntry) (s span, ok bool) {
	switch o := e.offsets; {
	case len(o) != 2:
		p.problem(p.name, e.at, "data_offsets", "there must be 2, the beginning and the end")
	case o[0] > o[1]:
		p.problem(p.name, e.at, "data_offsets", "the end %d is before the beginning %d", o[1], o[0])
	case o[1] > 1<<62:
		p.problem(p.name, e.at, "data_offsets", "the end %d is beyond any file", o[1])
	default:
		return span{name: p.name, off: p.data + int64(o[0]), end: p.data + int64(o[1])}, true
	}
	return s, false
}

// fits tells whether a tensor of that type and shape takes so many bytes.
func (p *stParser) fits(e *stEntry, have int64) bool {
	t := safetensorsTypes[e.dtype]
	if t == nil {
		p.problem(p.name, e.at, "dtype", "%s is not a known type", quote(e.dtype))
		return false
	}
	size, ok := uint64(0), e.fits
	if ok {
		size, ok = t.size(e.elements)
	}
	switch {
	case !ok:
		p.problem(p.name, e.at, "shape", "%s has more elements than a file can hold", shapeText(e.dims))
	case size%8 != 0:
		p.problem(p.name, e.at, "shape", "%s of type %s takes %d bits, which are no whole bytes", shapeText(e.dims), t.name, size)
	case size/8 != uint64(have):
		p.problem(p.name, e.at, "data_offsets", "they span %d bytes, %s of type %s takes %d", have, shapeText(e.dims), t.name, size/8)
	default:
		return true
	}
	return false
}
