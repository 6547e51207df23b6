package jsondoc

import (
	"encoding/binary"
	"fmt"
)

func (d *Doc) wrong(off int64, err error) error { return d.wrongText(off, err.Error(), err) }

func (d *Doc) wrongText(off int64, text string, err error) error {
	return &SyntaxError{Side: d.side, Off: off, Text: text, Err: err}
}

// unexpected is the error for the byte at pos.
func (d *Doc) unexpected(where string) error {
	c := d.w.buf[d.w.pos]
	what := fmt.Sprintf("%q", c)
	if c < ' ' || c >= 0x7f {
		what = fmt.Sprintf("byte 0x%02x", c)
	}
	return d.wrongText(d.w.off(), "unexpected "+what+" "+where, nil)
}

// space skips white space and returns the byte behind it, unread. At the end of the
// document its error is ErrTruncated.
func (d *Doc) space() (byte, error) {
	w := &d.w
	if w.pos < len(w.buf) && w.buf[w.pos] > ' ' {
		return w.buf[w.pos], nil
	}
	return d.skip()
}

func (d *Doc) skip() (byte, error) {
	w := &d.w
	for {
		for len(w.buf)-w.pos > 8 && binary.LittleEndian.Uint64(w.buf[w.pos+1:]) == 0x2020202020202020 && w.buf[w.pos] <= ' ' {
			if c := w.buf[w.pos]; c != ' ' && c != '\n' && c != '\r' && c != '\t' {
				break
			}
			w.pos += 9
		}
		for i, c := range w.buf[w.pos:] {
			if c != ' ' && c != '\n' && c != '\r' && c != '\t' {
				w.pos += i
				return c, nil
			}
		}
		w.pos = len(w.buf)
		ok, err := w.more(w.pos)
		if err != nil {
			return 0, err
		}
		if !ok {
			return 0, d.wrong(w.off(), ErrTruncated)
		}
	}
}

// scan reads the value at pos, and indexes its containers while the document is opened.
func (d *Doc) scan() (v Value, err error) {
	d.stack = d.stack[:0]
	for {
		c, err := d.space()
		if err != nil {
			return v, err
		}
		closed := false
		if c == '{' || c == '[' {
			closed, err = d.push(Kind(c))
		} else {
			v, err = d.scalar(c)
			closed = true
		}
		for closed && err == nil {
			if c != 0 && (c == '{' || c == '[') {
				v = d.pop()
				c = 0
			}
			if len(d.stack) == 0 {
				return v, nil
			}
			f := &d.stack[len(d.stack)-1]
			f.add(&v)
			if closed, err = d.next(f); closed {
				c = byte(f.v.Kind)
			}
		}
		if err != nil {
			return v, err
		}
	}
}

// push opens a container, and tells whether it is closed at once.
func (d *Doc) push(k Kind) (closed bool, err error) {
	n := len(d.stack)
	if n >= MaxDepth {
		return false, d.wrong(d.w.off(), ErrDepth)
	}
	if n < cap(d.stack) {
		d.stack = d.stack[:n+1]
	} else {
		d.stack = append(d.stack, frame{})
	}
	f := &d.stack[n]
	f.v = Value{Start: d.w.off(), Kind: k, Objects: k == Object}
	f.names.reset()
	f.slot = -1 // coarsen looks at those that are in the index only
	d.w.pos++
	c, err := d.space()
	if err != nil {
		return false, err
	}
	f.slot = d.note(f.v)
	if c == byte(k)+2 { // ] and } lie two behind [ and {
		return true, nil
	}
	if k == Object {
		return false, d.member(f)
	}
	return false, nil
}

// pop closes the innermost container, at whose bracket pos is.
func (d *Doc) pop() Value {
	n := len(d.stack) - 1
	f := &d.stack[n]
	d.w.pos++
	v := f.close(d.w.off())
	if f.slot >= 0 {
		d.closed(f.slot, v)
	}
	d.stack = d.stack[:n]
	return v
}

// next reads what comes behind a child: a comma and what leads to the next one, or the
// bracket, which stays unread.
func (d *Doc) next(f *frame) (closed bool, err error) {
	c, err := d.space()
	if err != nil {
		return false, err
	}
	if c == byte(f.v.Kind)+2 {
		return true, nil
	}
	if c != ',' {
		if f.v.Kind == Object {
			return false, d.unexpected("behind a member, where a comma or } is expected")
		}
		return false, d.unexpected("behind an element, where a comma or ] is expected")
	}
	d.w.pos++
	if f.v.Kind == Object {
		return false, d.member(f)
	}
	return false, nil
}

// member reads a name and its colon.
func (d *Doc) member(f *frame) error {
	if _, err := d.space(); err != nil {
		return err
	}
	at := d.w.off()
	s, err := d.name()
	if err != nil {
		return err
	}
	f.key = s.hash
	if !d.indexed {
		if f.v.Count >= MaxMembers {
			return d.wrongText(at, fmt.Sprintf("an object of more than %d members is larger than can be compared", MaxMembers), ErrTooLarge)
		}
		if !f.names.add(s.hash) {
			text, err := d.w.bytes(at, min(s.end, at+80))
			if err != nil {
				return err
			}
			return d.wrongText(at, fmt.Sprintf("the name %s occurs twice in one object", text), ErrDuplicate)
		}
	}
	return nil
}

// name reads a member's name and the colon behind it, up to the value.
func (d *Doc) name() (token, error) {
	if d.w.buf[d.w.pos] != '"' {
		return token{}, d.unexpected("where a member's name is expected")
	}
	s, err := d.text(MaxName)
	if err != nil {
		return s, err
	}
	c, err := d.space()
	if err != nil {
		return s, err
	}
	if c != ':' {
		return s, d.unexpected("behind a member's name, where a colon is expected")
	}
	d.w.pos++
	return s, nil
}

// scalar reads a value that is no container.
func (d *Doc) scalar(c byte) (Value, error) {
	start := d.w.off()
	v := Value{Start: start, Kind: Kind(c), Leaves: 1}
	switch c {
	case '"':
		s, err := d.text(0)
		v.End, v.Hash, v.Spelling = s.end, mix(s.hash, uint64(String)), s.spelling
		return v, err
	case 't':
		return d.literal(v, "true")
	case 'f':
		return d.literal(v, "false")
	case 'n':
		return d.literal(v, "null")
	}
	return d.number(v)
}

// literal reads a word.
func (d *Doc) literal(v Value, word string) (Value, error) {
	for len(d.w.buf)-d.w.pos < len(word) {
		ok, err := d.w.more(d.w.pos)
		if err != nil {
			return v, err
		}
		if !ok {
			break
		}
	}
	rest := d.w.buf[d.w.pos:]
	n := 0
	for n < len(word) && n < len(rest) && rest[n] == word[n] {
		n++
	}
	if n == len(word) && (n == len(rest) || !isWord(rest[n])) {
		d.w.pos += n
		v.End = v.Start + int64(n)
		v.Hash = mix(uint64(len(word)), uint64(v.Kind))
		v.Spelling = v.Hash
		return v, nil
	}
	if n == len(rest) && n < len(word) {
		return v, d.wrong(d.w.off()+int64(n), ErrTruncated)
	}
	return v, d.unexpected("where a value is expected")
}

func isWord(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '.'
}

// number reads a number, or a word of Python's that stands for one.
func (d *Doc) number(v Value) (Value, error) {
	w := &d.w
	v.Kind, v.Numbers = Number, 1
	for {
		b := w.buf[w.pos:]
		n, h, spelling := number(b)
		if n < len(b) && n > 0 {
			if isWord(b[n]) {
				w.pos += n
				return v, d.unexpected("in a number")
			}
			w.pos += n
			v.End = v.Start + int64(n)
			v.Hash, v.Spelling = h, spelling
			return v, nil
		}
		if n == 0 && len(b) > 20 && !numberGoesOn(b) {
			return d.word(v)
		}
		if len(b) > maxNumber {
			return v, d.wrongText(v.Start, fmt.Sprintf("a number of more than %d digits is larger than can be compared", maxNumber), ErrTooLarge)
		}
		ok, err := w.more(w.pos)
		if err != nil {
			return v, err
		}
		if ok {
			continue
		}
		if n > 0 {
			w.pos += n
			v.End = v.Start + int64(n)
			v.Hash, v.Spelling = h, spelling
			return v, nil
		}
		return d.word(v)
	}
}

// numberGoesOn tells whether all of b might be the beginning of a number.
func numberGoesOn(b []byte) bool {
	for _, c := range b {
		if c-'0' > 9 && c != '-' && c != '+' && c != '.' && c|0x20 != 'e' {
			return false
		}
	}
	return true
}

// word reads NaN or an infinity.
func (d *Doc) word(v Value) (Value, error) {
	rest := d.w.buf[d.w.pos:]
	for i, word := range words {
		if len(rest) > 0 && rest[0] == word[0] && (len(rest) == 1 || rest[1] == word[1]) {
			at := d.w.off()
			v.Kind = Null // so that the hash of literal is no number's
			u, err := d.literal(v, word)
			if err != nil {
				return v, err
			}
			if d.Word < 0 {
				d.Word = at
			}
			u.Kind, u.Hash = Number, wordHash(i)
			u.Spelling = u.Hash
			return u, nil
		}
	}
	if n := len(rest); n > 0 && rest[0] == '-' || n > 0 && rest[0]-'0' <= 9 {
		return v, d.badNumber()
	}
	return v, d.unexpected("where a value is expected")
}

// badNumber is the error for a number that is none.
func (d *Doc) badNumber() error {
	b := d.w.buf[d.w.pos:]
	n := 0
	for n < len(b) && numberGoesOn(b[n:n+1]) {
		n++
	}
	if n == len(b) {
		return d.wrong(d.w.off()+int64(n), ErrTruncated)
	}
	return d.wrongText(d.w.off(), fmt.Sprintf("%q is no number", b[:min(n, 40)]), nil)
}
