package tensor

import (
	"fmt"
	"strconv"
)

// npyType is a type of NumPy.
type npyType struct {
	elem *elem
	size uint64 // of one element, in bytes
	swap bool   // the high byte comes first
}

// npyKinds are the types whose elements have names only here: text, bytes and
// time, and those of several fields.
var npyKinds = map[string]*elem{"S": {name: "S", block: 1}, "U": {name: "U", block: 1}, "V": {name: "V", block: 1},
	"M8": {name: "M8", block: 1}, "m8": {name: "m8", block: 1}, "F96": {name: "F96", block: 1}, "F128": {name: "F128", block: 1},
	"C192": {name: "C192", block: 1}, "C256": {name: "C256", block: 1}, "struct": {name: "struct", block: 1}}

// npyWidths are the sizes that numbers have, in bytes.
var npyWidths = map[byte][]uint64{'b': {1}, 'i': {1, 2, 4, 8}, 'u': {1, 2, 4, 8}, 'f': {2, 4, 8, 12, 16}, 'c': {8, 16, 24, 32}}

const maxItem = 1 << 31 // bytes of one element

// parseDescr reads a type: a string such as <f4, a list of fields, or a tuple of
// a type and a shape.
func parseDescr(v pyValue) (t npyType, err error) {
	bad := func(format string, args ...any) (npyType, error) {
		return t, &npyError{v.at, "descr", fmt.Sprintf(format, args...)}
	}
	switch {
	case v.kind == pyString:
		t, text := simpleType(v.text)
		if text != "" {
			return bad("%s %s", quote(v.text), text)
		}
		return t, nil
	case v.kind == pyTuple && len(v.items) == 2:
		inner, err := parseDescr(v.items[0])
		if err != nil {
			return t, err
		}
		n, err := fieldShape(v.items[1])
		if err != nil {
			return t, err
		}
		return sum(v, t, inner, n)
	case v.kind == pyList && len(v.items) > 0:
		t.elem = npyKinds["struct"]
		for _, f := range v.items {
			if f.kind != pyTuple || len(f.items) < 2 || len(f.items) > 3 || !isFieldName(f.items[0]) {
				return bad("a field of a structured type must be a tuple of a name, a type and perhaps a shape")
			}
			inner, err := parseDescr(f.items[1])
			if err != nil {
				return t, err
			}
			n := uint64(1)
			if len(f.items) == 3 {
				if n, err = fieldShape(f.items[2]); err != nil {
					return t, err
				}
			}
			if t, err = sum(f, t, inner, n); err != nil {
				return t, err
			}
		}
		return t, nil
	}
	return bad("it is %s, it must be a string or a list of fields", v.kind)
}

// sum makes a type longer by n elements of another.
func sum(v pyValue, t, inner npyType, n uint64) (npyType, error) {
	more, ok := times(inner.size, n)
	if !ok || more > maxItem || t.size+more > maxItem {
		return t, &npyError{v.at, "descr", "an element has more than 2 GB"}
	}
	return npyType{elem: npyKinds["struct"], size: t.size + more}, nil
}

// isFieldName tells whether v is a name, or a title and a name.
func isFieldName(v pyValue) bool {
	if v.kind == pyTuple && len(v.items) == 2 {
		return v.items[0].kind == pyString && v.items[1].kind == pyString
	}
	return v.kind == pyString
}

// fieldShape is the number of elements of a field, whose shape may be a number.
func fieldShape(v pyValue) (uint64, error) {
	if v.kind == pyInt {
		v = pyValue{kind: pyTuple, at: v.at, items: []pyValue{v}}
	}
	return pyShape(v, v.kind)
}

// pyShape multiplies the lengths of a shape.
func pyShape(v pyValue, want pyKind) (n uint64, err error) {
	if v.kind != want || v.kind != pyTuple && v.kind != pyList {
		return 0, &npyError{v.at, "shape", "it is " + v.kind.String() + ", it must be a tuple"}
	}
	n = 1
	for _, d := range v.items {
		if d.kind != pyInt || d.n < 0 {
			return 0, &npyError{d.at, "shape", "a length is not a whole number of 0 or more"}
		}
		var ok bool
		if n, ok = times(n, uint64(d.n)); !ok {
			return 0, &npyError{v.at, "shape", "it has more elements than a file can hold"}
		}
	}
	return n, nil
}

// simpleType reads a type such as <f4: the order of the bytes, a kind, and a
// size. text says what is wrong with it.
func simpleType(s string) (t npyType, text string) {
	const unknown = "is not a known type"
	order := byte('=')
	if s != "" && (s[0] == '<' || s[0] == '>' || s[0] == '|' || s[0] == '=') {
		order, s = s[0], s[1:]
	}
	if s == "" {
		return t, unknown
	}
	kind := s[0]
	if kind == 'O' {
		return t, "holds pickled Python objects, which are code"
	}
	if kind == '?' && len(s) == 1 {
		s, kind = "b1", 'b'
	}
	digits := 1
	for digits < len(s) && s[digits] >= '0' && s[digits] <= '9' {
		digits++
	}
	n, err := strconv.ParseUint(s[1:digits], 10, 31)
	if err != nil {
		return t, unknown
	}
	rest := s[digits:]
	switch kind {
	case 'M', 'm':
		if n != 8 || rest != "" && (rest[0] != '[' || rest[len(rest)-1] != ']') {
			return t, unknown
		}
		return npyType{elem: npyKinds[string(kind)+"8"], size: n}, ""
	case 'S', 'a', 'V', 'U':
		if rest != "" {
			return t, unknown
		}
		switch kind {
		case 'a':
			kind = 'S'
		case 'U':
			n *= 4
		}
		return npyType{elem: npyKinds[string(kind)], size: n}, ""
	}
	for _, width := range npyWidths[kind] {
		if width != n || rest != "" {
			continue
		}
		name := fmt.Sprintf("%c%d", kind-'a'+'A', 8*n)
		if kind == 'b' {
			name = "BOOL"
		}
		e := elems[name]
		if e == nil {
			e = npyKinds[name]
		}
		return npyType{elem: e, size: n, swap: order == '>'}, ""
	}
	return t, unknown
}
