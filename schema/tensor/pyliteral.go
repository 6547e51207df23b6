package tensor

import (
	"fmt"
	"strconv"
)

// pyKind is a kind of Python literal.
type pyKind uint8

const (
	pyNone pyKind = iota
	pyBool
	pyInt
	pyString
	pyTuple
	pyList
	pyDict
)

func (k pyKind) String() string {
	return [...]string{"None", "a bool", "a number", "a string", "a tuple", "a list", "a dictionary"}[k]
}

// pyValue is a Python literal of the kinds that headers of arrays have.
type pyValue struct {
	kind  pyKind
	at    int   // in the header
	n     int64 // of a number; 1 for True
	text  string
	items []pyValue // of a dictionary: keys and values in turn
}

const maxPyDepth = 32

// pyParser reads one literal.
type pyParser struct {
	b  []byte
	at int
}

func (p *pyParser) fail(format string, args ...any) error {
	return &npyError{p.at, "header", "not a Python literal: " + fmt.Sprintf(format, args...)}
}

// peek returns the next byte that is not blank, 0 at the end.
func (p *pyParser) peek() byte {
	for ; p.at < len(p.b); p.at++ {
		switch c := p.b[p.at]; c {
		case ' ', '\t', '\n', '\r', '\f':
		default:
			return c
		}
	}
	return 0
}

// whole reads a literal that nothing but blanks follows.
func (p *pyParser) whole() (v pyValue, err error) {
	if v, err = p.value(0); err != nil {
		return v, err
	}
	if c := p.peek(); p.at < len(p.b) {
		return v, p.fail("%q follows it", c)
	}
	return v, nil
}

func (p *pyParser) value(depth int) (v pyValue, err error) {
	if depth > maxPyDepth {
		return v, p.fail("it is nested more than %d deep", maxPyDepth)
	}
	c := p.peek()
	v.at = p.at
	switch {
	case c == '{':
		return p.list(v, pyDict, '}', depth)
	case c == '[':
		return p.list(v, pyList, ']', depth)
	case c == '(':
		return p.list(v, pyTuple, ')', depth)
	case c == '\'' || c == '"':
		v.kind = pyString
		v.text, err = p.str(c)
		return v, err
	case c == '-' || c >= '0' && c <= '9':
		return p.number(v)
	}
	return p.word(v)
}

// list reads items between brackets, with a comma after each, perhaps after the
// last too. One item between round brackets without a comma is only that item.
func (p *pyParser) list(v pyValue, kind pyKind, end byte, depth int) (pyValue, error) {
	v.kind = kind
	p.at++
	comma := true
	for {
		c := p.peek()
		if c == end {
			p.at++
			if kind == pyTuple && len(v.items) == 1 && !comma {
				return v.items[0], nil
			}
			return v, nil
		}
		if !comma {
			return v, p.fail("a comma or %q is missing", end)
		}
		item, err := p.value(depth + 1)
		if err != nil {
			return v, err
		}
		v.items = append(v.items, item)
		if kind == pyDict {
			if p.peek() != ':' {
				return v, p.fail("a colon is missing")
			}
			p.at++
			if item, err = p.value(depth + 1); err != nil {
				return v, err
			}
			v.items = append(v.items, item)
		}
		if comma = p.peek() == ','; comma {
			p.at++
		}
	}
}

// str reads a string. Escapes stand for themselves: only names of fields may
// have them, and those are not looked at.
func (p *pyParser) str(quote byte) (string, error) {
	from := p.at + 1
	for p.at = from; p.at < len(p.b) && p.b[p.at] != quote && p.b[p.at] != '\n'; p.at++ {
		if p.b[p.at] == '\\' {
			p.at++
		}
	}
	if p.at >= len(p.b) || p.b[p.at] != quote {
		p.at = min(p.at, len(p.b))
		return "", p.fail("a string does not end")
	}
	p.at++
	return string(p.b[from : p.at-1]), nil
}

// number reads a whole number, perhaps with the L of Python 2 after it.
func (p *pyParser) number(v pyValue) (pyValue, error) {
	from := p.at
	for p.at++; p.at < len(p.b) && p.b[p.at] >= '0' && p.b[p.at] <= '9'; p.at++ {
	}
	n, err := strconv.ParseInt(string(p.b[from:min(p.at, from+32)]), 10, 64)
	if err != nil {
		p.at = from
		return v, p.fail("a number is not a whole one, or too large")
	}
	if p.at < len(p.b) && p.b[p.at] == 'L' {
		p.at++
	}
	v.kind, v.n = pyInt, n
	return v, nil
}

func (p *pyParser) word(v pyValue) (pyValue, error) {
	from := p.at
	for p.at < len(p.b) && (p.b[p.at]|0x20 >= 'a' && p.b[p.at]|0x20 <= 'z') {
		p.at++
	}
	switch string(p.b[from:p.at]) {
	case "True", "False":
		v.kind = pyBool
		if p.b[from] == 'T' {
			v.n = 1
		}
	case "None":
		v.kind = pyNone
	case "u", "b": // before a string
		if c := p.peek(); c == '\'' || c == '"' {
			var err error
			v.kind = pyString
			v.text, err = p.str(c)
			return v, err
		}
		fallthrough
	default:
		p.at = from
		return v, p.fail("there is %.20q where a value should begin", p.b[from:])
	}
	return v, nil
}
