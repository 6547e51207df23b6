package jsondoc

import (
	"io"
	"unicode/utf8"
)

// Compact appends a part of a document without the white space between tokens. inside
// tells whether the part begins within a string, and is returned for the next part. A
// part must not end between a backslash and what it escapes.
func Compact(dst, part []byte, inside bool) ([]byte, bool) {
	for i := 0; i < len(part); i++ {
		c := part[i]
		switch {
		case inside && c == '\\' && i+1 < len(part):
			dst = append(dst, c)
			i++
			c = part[i]
		case c == '"':
			inside = !inside
		case !inside && (c == ' ' || c == '\n' || c == '\r' || c == '\t'):
			continue
		}
		dst = append(dst, c)
	}
	return dst, inside
}

// wholeRunes is the length of b without a character that is cut at its end.
func wholeRunes(b []byte) int {
	for i := 1; i < utf8.UTFMax && i <= len(b); i++ {
		if utf8.RuneStart(b[len(b)-i]) {
			if !utf8.FullRune(b[len(b)-i:]) {
				return len(b) - i
			}
			break
		}
	}
	return len(b)
}

const copySize = 64 << 10

// Copy writes the bytes between two offsets as they are.
func (d *Doc) Copy(w io.Writer, start, end int64) error {
	for start < end {
		n := min(end-start, copySize)
		b, err := d.w.bytes(start, start+n)
		if err != nil {
			return err
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
		start += n
	}
	return nil
}

// CopyCompact writes a value without the white space between its tokens.
func (d *Doc) CopyCompact(w io.Writer, v Value) error {
	var out []byte
	inside := false
	for start := v.Start; start < v.End; {
		n := min(v.End-start, copySize)
		b, err := d.w.bytes(start, start+n)
		if err != nil {
			return err
		}
		if start+n < v.End { // not behind a backslash
			odd := 0
			for odd < len(b) && b[len(b)-1-odd] == '\\' {
				odd++
			}
			if odd%2 == 1 && len(b) > 1 {
				b = b[:len(b)-1]
			}
		}
		out, inside = Compact(out[:0], b, inside)
		if _, err := w.Write(out); err != nil {
			return err
		}
		start += int64(len(b))
	}
	return nil
}
