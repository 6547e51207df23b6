package jsondoc

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"unicode/utf8"
)

// token is a string that was read.
type token struct {
	end      int64
	hash     uint64 // decoded
	spelling uint64
}

// text reads the string at pos. With a limit it is an error to be longer.
func (d *Doc) text(limit int) (token, error) {
	w := &d.w
	for {
		b := w.buf[w.pos+1:]
		n, plain, ascii := stringEnd(b)
		if n >= 0 {
			if limit > 0 && n > limit {
				break
			}
			s := b[:n]
			if !ascii && !utf8.Valid(s) {
				return token{}, d.badUTF8(s)
			}
			h := hashBytes(s)
			t := token{hash: h, spelling: h, end: w.off() + int64(n) + 2}
			if !plain {
				out, bad := unescape(d.scratch[:0], s)
				if bad >= 0 {
					return token{}, d.badEscape(w.off()+1+int64(bad), s[bad:])
				}
				d.scratch = out
				t.hash = hashBytes(out)
			}
			w.pos += n + 2
			return t, nil
		}
		if n == -2 {
			i := bytes.IndexFunc(b, func(r rune) bool { return r < ' ' })
			return token{}, d.wrongText(w.off()+1+int64(i), fmt.Sprintf("a control character, 0x%02x, in a string", b[i]), nil)
		}
		if limit > 0 && len(b) > limit {
			break
		}
		if limit == 0 && len(b) > w.limit && !w.whole {
			return d.longText()
		}
		ok, err := w.more(w.pos)
		if err != nil {
			return token{}, err
		}
		if !ok {
			return token{}, d.wrong(w.base+int64(len(w.buf)), ErrTruncated)
		}
	}
	return token{}, d.wrongText(w.off(), fmt.Sprintf("a name of more than %d bytes is larger than can be compared", limit), ErrTooLarge)
}

// stringEnd finds the quotation mark that ends a string: -1 when it is not in b, -2 when
// a control character comes first. plain is false with escapes, ascii with other bytes.
func stringEnd(b []byte) (n int, plain, ascii bool) {
	plain = true
	var or byte
	for i := 0; i < len(b); i++ {
		c := b[i]
		or |= c
		if class[c] != 0 {
			switch c {
			case '"':
				return i, plain, or < utf8.RuneSelf
			case '\\':
				plain = false
				i++
			default:
				return -2, plain, false
			}
		}
	}
	return -1, plain, or < utf8.RuneSelf
}

// class marks the bytes at which a string's text needs a closer look.
var class = func() (t [256]byte) {
	for i := range ' ' {
		t[i] = 1
	}
	t['"'], t['\\'] = 1, 1
	return t
}()

// longText hashes a string of any length, a part at a time.
func (d *Doc) longText() (token, error) {
	w := &d.w
	var raw, decoded maphash.Hash
	raw.SetSeed(seed)
	decoded.SetSeed(seed)
	plain := true
	w.pos++
	for {
		b := w.buf[w.pos:]
		n, p, ascii := stringEnd(b)
		plain = plain && p
		if n == -2 {
			i := bytes.IndexFunc(b, func(r rune) bool { return r < ' ' })
			return token{}, d.wrongText(w.off()+int64(i), fmt.Sprintf("a control character, 0x%02x, in a string", b[i]), nil)
		}
		part := b
		if n >= 0 {
			part = b[:n]
		} else {
			part = b[:wholePart(b)]
		}
		if !ascii && !utf8.Valid(part) {
			w.pos--
			return token{}, d.badUTF8(part)
		}
		out, bad := unescape(d.scratch[:0], part)
		if bad >= 0 {
			return token{}, d.badEscape(w.off()+int64(bad), part[bad:])
		}
		d.scratch = out
		raw.Write(part)
		decoded.Write(out)
		w.pos += len(part)
		if n >= 0 {
			w.pos++
			return token{end: w.off(), hash: decoded.Sum64(), spelling: raw.Sum64()}, nil
		}
		ok, err := w.more(w.pos)
		if err != nil {
			return token{}, err
		}
		if !ok {
			return token{}, d.wrong(w.base+int64(len(w.buf)), ErrTruncated)
		}
	}
}

// wholePart is how much of b, the middle of a string, cuts no character, no escape and no
// pair of them.
func wholePart(b []byte) int {
	n := len(b)
	for i := 1; i < utf8.UTFMax && i <= n; i++ {
		if c := b[n-i]; utf8.RuneStart(c) {
			if !utf8.FullRune(b[n-i:]) {
				n -= i
			}
			break
		}
	}
	for i := 0; ; {
		j := bytes.IndexByte(b[i:n], '\\')
		if j < 0 {
			return n
		}
		i += j
		size := escapeSize(b[i:n])
		if size == 0 {
			return i
		}
		i += size
	}
}

// escapeSize is the length of the escape that b begins with, both halves of a surrogate
// pair being one; 0 when b may end within it.
func escapeSize(b []byte) int {
	switch {
	case len(b) < 2:
		return 0
	case b[1] != 'u':
		return 2
	case len(b) < 6:
		return 0
	}
	if r := hex4(b[2:]); r < 0xd800 || r >= 0xdc00 {
		return 6
	}
	switch {
	case len(b) > 6 && b[6] != '\\', len(b) > 7 && b[7] != 'u':
		return 6
	case len(b) < 12:
		return 0
	}
	if r := hex4(b[8:]); r < 0xdc00 || r >= 0xe000 {
		return 6
	}
	return 12
}

func (d *Doc) badUTF8(s []byte) error {
	off := d.w.off() + 1
	for len(s) > 0 {
		r, n := utf8.DecodeRune(s)
		if r == utf8.RuneError && n == 1 {
			break
		}
		s, off = s[n:], off+int64(n)
	}
	return d.wrong(off, ErrUTF8)
}

func (d *Doc) badEscape(off int64, s []byte) error {
	return d.wrongText(off, fmt.Sprintf("%q is no escape", s[:min(len(s), 6)]), nil)
}

// unescape appends the decoded text of a string without its quotation marks. Lone
// surrogates become the three bytes that UTF-8 would have for them. bad is where an
// escape is wrong, or -1.
func unescape(dst, s []byte) (out []byte, bad int) {
	for i := 0; i < len(s); {
		c := s[i]
		if c != '\\' {
			j := bytes.IndexByte(s[i:], '\\')
			if j < 0 {
				j = len(s) - i
			}
			dst = append(dst, s[i:i+j]...)
			i += j
			continue
		}
		if i+1 >= len(s) {
			return dst, i
		}
		switch e := s[i+1]; e {
		case '"', '\\', '/':
			dst = append(dst, e)
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r := hex4(s[i+2:])
			if r < 0 {
				return dst, i
			}
			i += 6
			if 0xd800 <= r && r < 0xdc00 && i+1 < len(s) && s[i] == '\\' && s[i+1] == 'u' {
				if low := hex4(s[i+2:]); 0xdc00 <= low && low < 0xe000 {
					r = (r-0xd800)<<10 | (low - 0xdc00) + 0x10000
					i += 6
				}
			}
			dst = appendRune(dst, r)
			continue
		default:
			return dst, i
		}
		i += 2
	}
	return dst, -1
}

func appendRune(dst []byte, r rune) []byte {
	if 0xd800 <= r && r < 0xe000 {
		return append(dst, 0xe0|byte(r>>12), 0x80|byte(r>>6)&0xbf, 0x80|byte(r)&0xbf)
	}
	return utf8.AppendRune(dst, r)
}

// hex4 is the number of four hex digits, or -1.
func hex4(s []byte) rune {
	if len(s) < 4 {
		return -1
	}
	var r rune
	for _, c := range s[:4] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}
