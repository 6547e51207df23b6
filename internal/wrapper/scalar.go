package wrapper

import (
	"io"
	"strings"
)

const pythonNaN = " is not JSON; Python's json.dump writes it unless allow_nan=False"

// plain are the bytes that stand for themselves in a string.
var plain = func() (t [256]bool) {
	for c := range t {
		t[c] = c >= ' ' && c != '"' && c != '\\'
	}
	return t
}()

// scalar skips the string, number or literal that begins with the unread
// byte c.
func (s *scanner) scalar(c byte) error {
	switch {
	case c == '"':
		return s.str()
	case c == '-' || isDigit(c):
		return s.number()
	case c == 't':
		return s.literal("true")
	case c == 'f':
		return s.literal("false")
	case c == 'n':
		return s.literal("null")
	}
	return s.notNumber("")
}

func (s *scanner) literal(word string) error {
	if b := s.buf[s.pos:s.end]; len(b) >= len(word) && string(b[:len(word)]) == word {
		s.pos += len(word)
		return nil
	}
	for i := range len(word) {
		if !s.more() {
			return s.ended("in the middle of " + word)
		}
		if s.buf[s.pos] != word[i] {
			return s.unexpected("in the middle of " + word)
		}
		s.pos++
	}
	return nil
}

// str skips a string; its quotation mark is the unread byte.
func (s *scanner) str() error {
	s.pos++
	for s.more() {
		b := s.buf[s.pos:s.end]
		i := 0
		for i < len(b) && plain[b[i]] {
			i++
		}
		s.pos += i
		if i == len(b) {
			continue
		}
		switch b[i] {
		case '"':
			s.pos++
			return nil
		case '\\':
			if err := s.escape(); err != nil {
				return err
			}
		default:
			return s.unexpected("in a string, where control characters are escaped")
		}
	}
	return s.ended("in the middle of a string")
}

func (s *scanner) escape() error {
	s.pos++
	if !s.more() {
		return s.ended("in the middle of a string")
	}
	c := s.buf[s.pos]
	switch c {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.pos++
		return nil
	case 'u':
		s.pos++
	default:
		return s.unexpected(`after \ in a string`)
	}
	for range 4 {
		if !s.more() {
			return s.ended("in the middle of a string")
		}
		c := s.buf[s.pos] | 0x20 // digits have the bit, A to F get it
		if s.buf[s.pos] < '0' || !isDigit(c) && (c < 'a' || c > 'f') {
			return s.unexpected(`where a hexadecimal digit of \u must stand`)
		}
		s.pos++
	}
	return nil
}

// simpleNumber is the length of the number at the start of b; 0 when it has
// an exponent, is wrong or may go on behind b.
func simpleNumber(b []byte) int {
	i := 0
	if len(b) > 0 && b[0] == '-' {
		i++
	}
	from := i
	for i < len(b) && isDigit(b[i]) {
		i++
	}
	if i == from || b[from] == '0' && i > from+1 {
		return 0
	}
	if i < len(b) && b[i] == '.' {
		i++
		from = i
		for i < len(b) && isDigit(b[i]) {
			i++
		}
		if i == from {
			return 0
		}
	}
	if i == len(b) || b[i]|0x20 == 'e' {
		return 0
	}
	return i
}

func (s *scanner) number() error {
	if n := simpleNumber(s.buf[s.pos:s.end]); n > 0 {
		s.pos += n
		return nil
	}
	if s.buf[s.pos] == '-' {
		s.pos++
		if !s.more() {
			return s.ended("in the middle of a number")
		}
		if !isDigit(s.buf[s.pos]) {
			return s.notNumber("-")
		}
	}
	if s.buf[s.pos] == '0' {
		s.pos++
		if s.more() && isDigit(s.buf[s.pos]) {
			return s.unexpected("after the leading 0 of a number")
		}
	} else if err := s.digits(); err != nil {
		return err
	}
	if s.more() && s.buf[s.pos] == '.' {
		s.pos++
		if err := s.digits(); err != nil {
			return err
		}
	}
	if s.more() && s.buf[s.pos]|0x20 == 'e' {
		s.pos++
		if s.more() && (s.buf[s.pos] == '+' || s.buf[s.pos] == '-') {
			s.pos++
		}
		return s.digits()
	}
	return nil
}

// digits skips one digit or more.
func (s *scanner) digits() error {
	if !s.more() {
		return s.ended("in the middle of a number")
	}
	if !isDigit(s.buf[s.pos]) {
		return s.unexpected("where a digit must stand")
	}
	for s.more() {
		b := s.buf[s.pos:s.end]
		for i, c := range b {
			if !isDigit(c) {
				s.pos += i
				return nil
			}
		}
		s.pos = s.end
	}
	return nil
}

// notNumber is the error where NaN or an infinity stands, else the general
// one; sign is what was read before the unread byte.
func (s *scanner) notNumber(sign string) error {
	at := s.off() - int64(len(sign))
	general := s.unexpected("where a value must stand")
	word := "NaN"
	if s.buf[s.pos] == 'I' {
		word = "Infinity"
	}
	var got strings.Builder
	for got.Len() < len(word) && s.more() {
		got.WriteByte(s.buf[s.pos])
		s.pos++
	}
	switch {
	case got.String() == word:
		return s.syntax(at, sign+word+pythonNaN)
	case got.Len() < len(word) && s.err != io.EOF:
		return s.err
	}
	return general
}

func isDigit(c byte) bool { return c-'0' <= 9 }
