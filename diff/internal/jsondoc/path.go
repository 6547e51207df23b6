package jsondoc

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/mstore/mstore/internal/jsonpath"
)

// Segment is one step of the path to values that are compared. Names and keys are read
// when somebody asks for them.
type Segment struct {
	Doc     *Doc   // where the name, or the key, is read
	Member  bool   // it is a member, by its Name; otherwise an element
	Name    Name   // of a member
	A, B    int64  // of an element: its index in each document
	Key     string // by which an element was aligned, if it was
	KeyHash uint64 // of that name
	Element Value  // in Doc, with the key
	Between bool   // it is no element, but the place before that of index A

	text   string // the decoded name, or the key as it is shown, once it was read
	texted bool
}

// read makes text what it should be.
func (s *Segment) read() (err error) {
	if s.texted {
		return nil
	}
	switch {
	case s.Member:
		s.text, err = s.Doc.Text(s.Name.Start, s.Name.End)
	case s.Key != "":
		s.text, err = s.Doc.keyOf(s.Element, s.KeyHash)
	}
	s.texted = err == nil
	return err
}

// keyOf is the text of an element's key.
func (d *Doc) keyOf(element Value, name uint64) (string, error) {
	for it := d.Children(element); ; {
		ok, err := it.Next()
		if !ok || err != nil {
			return "", err
		}
		if it.Name.Hash == name {
			text, _, err := d.Preview(it.Value, maxShownName)
			return text, err
		}
	}
}

// What paths for people are cut to.
const (
	maxShownName = 100
	maxPath      = 4 << 10
)

// Path leads to a value.
type Path []Segment

// Format writes a path for people: JSONPath, with keys in the place of indices where there
// are any. Indices are those in a or in b. Long names are cut, and where there are very many
// steps those in the middle are left out, with an ellipsis.
func (path Path) Format(inA bool) (string, error) {
	var b strings.Builder
	b.WriteByte('$')
	cut := false
	for i := range path {
		if cut = b.Len() > maxPath; cut && i+1 < len(path) {
			continue
		}
		if cut {
			b.WriteString("…")
		}
		s := &path[i]
		if err := s.read(); err != nil {
			return "", err
		}
		switch {
		case s.Member && len(s.text) > maxShownName:
			b.WriteString(jsonpath.Member(s.text[:wholeRunes([]byte(s.text[:maxShownName]))] + "…"))
		case s.Member:
			b.WriteString(jsonpath.Member(s.text))
		case s.Key != "":
			name := s.Key
			if !jsonpath.IsPlain(name) {
				name = strconv.Quote(name)
			}
			fmt.Fprintf(&b, "[%s=%s]", name, s.text)
		case s.Between:
			fmt.Fprintf(&b, "[%d:%d]", s.A, s.A)
		default:
			n := s.B
			if inA {
				n = s.A
			}
			fmt.Fprintf(&b, "[%d]", n)
		}
	}
	return b.String(), nil
}

var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1")

// Pointer appends the JSON Pointer into a or b.
func (path Path) Pointer(dst []byte, inA bool) ([]byte, error) {
	for i := range path {
		s := &path[i]
		dst = append(dst, '/')
		if !s.Member {
			n := s.B
			if inA {
				n = s.A
			}
			dst = strconv.AppendInt(dst, n, 10)
			continue
		}
		if err := s.read(); err != nil {
			return nil, err
		}
		dst = append(dst, pointerEscapes.Replace(s.text)...)
	}
	return dst, nil
}

// AppendString appends a string as JSON. Lone surrogates, three bytes each as
// Doc.Text has them, become escapes again.
func AppendString(dst []byte, s []byte) []byte {
	dst = append(dst, '"')
	for len(s) > 0 {
		c := s[0]
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < ' ':
			dst = fmt.Appendf(dst, `\u%04x`, c)
		case c < utf8.RuneSelf:
			dst = append(dst, c)
		default:
			r, n := utf8.DecodeRune(s)
			if r == utf8.RuneError && n == 1 && len(s) >= 3 {
				dst = fmt.Appendf(dst, `\u%04x`, rune(c&0xf)<<12|rune(s[1]&0x3f)<<6|rune(s[2]&0x3f))
				n = 3
			} else {
				dst = append(dst, s[:n]...)
			}
			s = s[n:]
			continue
		}
		s = s[1:]
	}
	return append(dst, '"')
}
