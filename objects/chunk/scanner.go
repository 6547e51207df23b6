package chunk

import "bytes"

// scanner goes through JSON without building values. The first byte that does
// not fit sets bad, and ends everything.
type scanner struct {
	b   []byte // what is left
	bad bool
}

// peek returns the next byte that is not blank, 0 at the end.
func (s *scanner) peek() byte {
	for len(s.b) > 0 {
		switch c := s.b[0]; c {
		case ' ', '\t', '\n', '\r':
			s.b = s.b[1:]
		default:
			return c
		}
	}
	return 0
}

func (s *scanner) fail() {
	s.b, s.bad = nil, true
}

func (s *scanner) expect(c byte) {
	if s.peek() != c {
		s.fail()
		return
	}
	s.b = s.b[1:]
}

// list calls item until the closing byte.
func (s *scanner) list(open, end byte, item func()) {
	s.expect(open)
	for first := true; !s.bad; first = false {
		if s.peek() == end {
			s.b = s.b[1:]
			return
		}
		if !first {
			s.expect(',')
		}
		item()
	}
}

// members calls value after each key of an object, to read what follows.
func (s *scanner) members(value func(key []byte)) {
	s.list('{', '}', func() {
		key := s.str()
		s.expect(':')
		value(key)
	})
}

// numbers reads an array of numbers without sign or fraction.
func (s *scanner) numbers(each func(uint64)) {
	s.list('[', ']', func() {
		s.peek()
		n, digits := uint64(0), 0
		for ; digits < len(s.b) && s.b[digits] >= '0' && s.b[digits] <= '9'; digits++ {
			if n < tooMuch { // and stays so
				n = n*10 + uint64(s.b[digits]-'0')
			}
		}
		if digits == 0 {
			s.fail()
			return
		}
		s.b = s.b[digits:]
		each(n)
	})
}

// str returns a string as it is written, with its escapes.
func (s *scanner) str() []byte {
	s.expect('"')
	for i := 0; ; {
		n := bytes.IndexByte(s.b[i:], '"')
		if n < 0 {
			s.fail()
			return nil
		}
		i += n
		escapes := 0
		for escapes < i && s.b[i-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			str := s.b[:i]
			s.b = s.b[i+1:]
			return str
		}
		i++
	}
}

// skip passes over any value. Brackets are only counted.
func (s *scanner) skip() {
	for depth := 0; !s.bad; {
		switch c := s.peek(); c {
		case 0:
			s.fail()
		case '"':
			s.str()
		case '{', '[':
			depth++
			s.b = s.b[1:]
		case '}', ']':
			depth--
			if depth < 0 {
				s.fail()
				return
			}
			s.b = s.b[1:]
		default: // number, literal, comma, colon
			s.b = s.b[1:]
			for depth == 0 && len(s.b) > 0 && bytes.IndexByte([]byte(",}] \t\r\n"), s.b[0]) < 0 {
				s.b = s.b[1:]
			}
		}
		if depth == 0 {
			return
		}
	}
}
