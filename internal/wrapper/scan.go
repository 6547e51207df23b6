package wrapper

import (
	"fmt"
	"io"
)

const (
	bufferSize = 64 << 10
	// maxDepth is that of jsontext, so that what passes here passes there.
	maxDepth = 10000
)

// scanner checks JSON as it streams by. jsontext.Decoder would do the same,
// but keeps each string and each run of white space whole in memory, and
// models hold whole tensors as one string.
type scanner struct {
	r        io.Reader
	buf      []byte
	pos, end int    // the unread part of buf
	base     int64  // offset of buf[0] in the document
	err      error  // of r; kept once it occurred
	stack    []byte // '{' and '[' that are open

	keeping  bool
	keepFrom int // in buf: where what is not in kept yet begins
	limit    int
	kept     []byte
}

func newScanner(r io.Reader) *scanner { return &scanner{r: r, buf: make([]byte, bufferSize)} }

func (s *scanner) off() int64 { return s.base + int64(s.pos) }

// more demands an unread byte, and tells whether there is one.
func (s *scanner) more() bool {
	if s.pos < s.end {
		return true
	}
	if s.err != nil {
		return false
	}
	s.flushKept()
	s.base += int64(s.end)
	s.pos, s.end, s.keepFrom = 0, 0, 0
	for range 100 {
		s.end, s.err = s.r.Read(s.buf)
		if s.end > 0 {
			return true
		}
		if s.err != nil {
			return false
		}
	}
	s.err = io.ErrNoProgress
	return false
}

// keep begins to copy what is read from here on. Of more than limit bytes it
// keeps limit+1.
func (s *scanner) keep(limit int) {
	s.keeping, s.keepFrom, s.limit, s.kept = true, s.pos, limit, nil
}

// taken ends keep and returns the bytes; ok is false when they were too many.
// They are the caller's.
func (s *scanner) taken() (b []byte, ok bool) {
	s.flushKept()
	s.keeping = false
	return s.kept, len(s.kept) <= s.limit
}

func (s *scanner) flushKept() {
	if s.keeping {
		b := s.buf[s.keepFrom:s.pos]
		s.kept = append(s.kept, b[:min(len(b), s.limit+1-len(s.kept))]...)
		s.keepFrom = s.pos
	}
}

func (s *scanner) syntax(off int64, text string) error { return &SyntaxError{Off: off, Text: text} }

// ended is the error for input that stops where it must not.
func (s *scanner) ended(where string) error {
	if s.err != io.EOF {
		return s.err
	}
	return s.syntax(s.off(), "the file ends "+where)
}

// unexpected is the error for the unread byte.
func (s *scanner) unexpected(where string) error {
	c := s.buf[s.pos]
	what := fmt.Sprintf("%q", c)
	if c < ' ' || c >= 0x7f {
		what = fmt.Sprintf("byte 0x%02x", c)
	}
	return s.syntax(s.off(), "unexpected "+what+" "+where)
}

// space skips white space and returns the byte behind it, unread; ok is false
// when the input ends before that.
func (s *scanner) space() (c byte, ok bool) {
	for s.more() {
		b := s.buf[s.pos:s.end]
		for i, c := range b {
			if c != ' ' && c != '\n' && c != '\r' && c != '\t' {
				s.pos += i
				return c, true
			}
		}
		s.pos = s.end
	}
	return 0, false
}

func (s *scanner) next() (byte, error) {
	if s.pos < s.end && s.buf[s.pos] > ' ' {
		return s.buf[s.pos], nil
	}
	c, ok := s.space()
	if !ok {
		return 0, s.ended("in the middle of the document")
	}
	return c, nil
}

// value skips one value and the white space before it.
func (s *scanner) value() error {
	depth := len(s.stack)
	for {
		c, err := s.next()
		if err != nil {
			return err
		}
		opened := c == '{' || c == '['
		if opened {
			err = s.open(c)
		} else {
			err = s.scalar(c)
		}
		if err != nil {
			return err
		}
		again := false
		for first := opened; !again && len(s.stack) > depth; first = false {
			if again, err = s.step(first); err != nil {
				return err
			}
		}
		if !again {
			return nil
		}
	}
}

func (s *scanner) open(c byte) error {
	if len(s.stack) == maxDepth {
		return s.syntax(s.off(), fmt.Sprintf("nested more than %d deep", maxDepth))
	}
	s.stack = append(s.stack, c)
	s.pos++
	return nil
}

// step reads on in the innermost object or array to where a value stands, the
// name before it included, or through its end; again is true for a value.
// first says that nothing has been read of it.
func (s *scanner) step(first bool) (again bool, err error) {
	again, err = s.comma(first)
	if !again || err != nil || s.stack[len(s.stack)-1] == '[' {
		return again, err
	}
	if err := s.name(); err != nil {
		return false, err
	}
	return true, s.colon()
}

// comma is the part of step before the name.
func (s *scanner) comma(first bool) (again bool, err error) {
	c, err := s.next()
	if err != nil {
		return false, err
	}
	top := len(s.stack) - 1
	object := s.stack[top] == '{'
	switch {
	case c == '}' && object || c == ']' && !object:
		s.stack = s.stack[:top]
		s.pos++
		return false, nil
	case first:
	case c == ',':
		s.pos++
	case object:
		return false, s.unexpected("where a comma or } must stand")
	default:
		return false, s.unexpected("where a comma or ] must stand")
	}
	return true, nil
}

func (s *scanner) name() error {
	c, err := s.next()
	if err != nil {
		return err
	}
	if c != '"' {
		return s.unexpected(`where a name in "" must stand`)
	}
	return s.str()
}

func (s *scanner) colon() error {
	c, err := s.next()
	if err != nil {
		return err
	}
	if c != ':' {
		return s.unexpected("where a colon must stand")
	}
	s.pos++
	return nil
}

// finish demands that nothing but white space follows.
func (s *scanner) finish() error {
	if _, ok := s.space(); ok {
		return s.unexpected("after the end of the document")
	}
	if s.err != io.EOF {
		return s.err
	}
	return nil
}

// begin returns the first byte of the document, unread.
func (s *scanner) begin() (byte, error) {
	c, ok := s.space()
	switch {
	case ok && c == 0xef && s.off() == 0:
		return 0, s.syntax(0, "the file begins with a byte order mark")
	case ok:
		return c, nil
	case s.err != io.EOF:
		return 0, s.err
	case s.off() == 0:
		return 0, s.syntax(0, "the file is empty")
	}
	return 0, s.syntax(s.off(), "the file holds nothing but white space")
}
