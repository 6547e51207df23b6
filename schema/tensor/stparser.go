package tensor

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// stParser goes through the header of a safetensors file token by token. It is
// known to be well-formed JSON in UTF-8, an object: so every token is followed
// by the one that must be, and none is missing.
type stParser struct {
	*checker
	head []byte
	at   int
	data int64 // where the tensors begin
	seen map[string]struct{}
	all  []span
	lost bool   // some tensors have no place, so that holes mean nothing
	name string // of the tensor that is read
}

// stToken is a bracket, a string, a number or a literal, told by its first byte.
type stToken []byte

func (p *stParser) blanks() {
	for strings.IndexByte(" \t\r\n,:", p.head[p.at]) >= 0 {
		p.at++
	}
}

// here is where the next token stands in the file.
func (p *stParser) here() int64 {
	p.blanks()
	return 8 + int64(p.at)
}

func (p *stParser) token() stToken {
	p.blanks()
	from := p.at
	switch p.head[p.at] {
	case '{', '}', '[', ']':
		p.at++
	case '"':
		for p.at++; p.head[p.at] != '"'; p.at++ {
			if p.head[p.at] == '\\' {
				p.at++
			}
		}
		p.at++
	default:
		for strings.IndexByte(" \t\r\n,:}]", p.head[p.at]) < 0 {
			p.at++
		}
	}
	return p.head[from:p.at]
}

// more tells whether the object or array has another member; if not, its end is
// passed over.
func (p *stParser) more() bool {
	p.blanks()
	if c := p.head[p.at]; c == '}' || c == ']' {
		p.at++
		return false
	}
	return true
}

// text is the string that a token is.
func (t stToken) text() (s string, ok bool) {
	if t[0] != '"' {
		return "", false
	}
	if bytes.IndexByte(t, '\\') < 0 {
		return string(t[1 : len(t)-1]), true
	}
	err := json.Unmarshal(t, &s)
	return s, err == nil
}

// open reads the token that should open an object or array. If it is another
// one, the whole value is passed over.
func (p *stParser) open(delim byte, field, want string) bool {
	at := p.here()
	t := p.token()
	if t[0] == delim {
		return true
	}
	p.problem(p.name, at, field, "found %s, expected %s", t.describe(), want)
	p.skip(t)
	return false
}

// members calls member for each key of an object whose opening was read, and
// reports those that are there twice. member reads the value.
func (p *stParser) members(seen map[string]struct{}, member func(key string, at int64)) {
	for p.more() {
		at := p.here()
		key, _ := p.token().text()
		if _, twice := seen[key]; twice {
			p.problem(p.name, at, "name", "%s is there twice", quote(key))
		}
		seen[key] = struct{}{}
		member(key, at)
	}
}

// numbers reads an array of numbers without sign or fraction.
func (p *stParser) numbers(field string, each func(uint64)) (ok bool) {
	if !p.open('[', field, "an array of numbers") {
		return false
	}
	ok = true
	for p.more() {
		at := p.here()
		t := p.token()
		if n, err := strconv.ParseUint(string(t), 10, 64); err == nil {
			each(n)
			continue
		}
		if ok {
			p.problem(p.name, at, field, "found %s, expected a whole number from 0 to 2^64-1", t.describe())
		}
		ok = false
		p.skip(t)
	}
	return ok
}

// skip passes over the rest of a value that begins with t.
func (p *stParser) skip(t stToken) {
	for depth := 0; ; t = p.token() {
		switch t[0] {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		if depth == 0 {
			return
		}
	}
}

// describe names a token for a text.
func (t stToken) describe() string {
	switch t[0] {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		s, _ := t.text()
		return "the string " + quote(s)
	}
	return clip(string(t)) // a number, true, false or null
}

// shapeText is a shape for a text, cut if it is long.
func shapeText(dims []uint64) string {
	if len(dims) > maxShown {
		return strings.TrimSuffix(fmt.Sprint(dims[:maxShown]), "]") + " ...]"
	}
	return fmt.Sprint(dims)
}
