package tensor

import "strconv"

// The wire types of Protocol Buffers that are in use
// (https://protobuf.dev/programming-guides/encoding).
const (
	wireVarint = 0
	wire64     = 1
	wireBytes  = 2
	wire32     = 5
)

const (
	maxVarint = 10            // bytes
	maxField  = 2 * maxVarint // bytes before those of a field
	maxDepth  = 100           // of messages in messages, as implementations have it
)

// field is one field of a message.
type field struct {
	num, value uint64 // value of a varint, length of bytes
	wire       uint8
	at         int64 // where it begins
	off, end   int64 // its value, if that is not a varint
}

// uvarint reads a varint. n is 0 if b does not hold all of it, -1 if it is too
// long.
func uvarint(b []byte) (v uint64, n int) {
	for i, c := range b[:min(len(b), maxVarint)] {
		v |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			if i == maxVarint-1 && c > 1 {
				return 0, -1
			}
			return v, i + 1
		}
	}
	if len(b) < maxVarint {
		return 0, 0
	}
	return 0, -1
}

// parseField reads what stands before a field's value, and a varint. n is its
// length, 0 if b does not hold all of it, -1 if it is not well-formed.
func parseField(b []byte) (f field, n int) {
	tag, n := uvarint(b)
	if n <= 0 {
		return f, n
	}
	f.num, f.wire = tag>>3, uint8(tag&7)
	if f.num == 0 || f.num >= 1<<29 {
		return f, -1
	}
	switch f.wire {
	case wireVarint, wireBytes:
		v, k := uvarint(b[n:])
		if k <= 0 {
			return f, k
		}
		f.value = v
		return f, n + k
	case wire64, wire32:
		return f, n
	}
	return f, -1 // groups, which ONNX has none of
}

// message is a message that is read field by field.
type message struct {
	*protoReader
	what  string // in a text
	depth int
	at    int64
	end   int64 // beyond the file's end if that is cut off
}

// protoReader reads messages. What is not well-formed ends it.
type protoReader struct {
	*checker
	over bool
}

// fault reports a problem, and that what follows it cannot be read.
func (p *protoReader) fault(tensor string, off int64, field, format string, args ...any) {
	if !p.over {
		p.problem(tensor, off, field, format, args...)
		p.over = true
	}
}

func (p *protoReader) short(tensor, what string, off, end int64) {
	if !p.over {
		p.cut(tensor, what, off, end)
		p.over = true
	}
}

// next reads a field. It is not there at the message's end, and after a fault.
func (m *message) next() (f field, ok bool) {
	if m.over || m.at >= m.end {
		return f, false
	}
	if m.at >= m.size {
		if m.depth > 0 { // the file is the outermost message
			m.short("", m.what, m.at, m.end)
		}
		return f, false
	}
	most := int(min(maxField, m.size-m.at))
	b := m.view(m.at, most, most)
	if b == nil {
		m.over = true
		return f, false
	}
	f, n := parseField(b)
	switch {
	case n == 0 && most == maxField, n < 0:
		m.fault("", m.at, "field", "%s is not well-formed: there is no field %x", m.what, b[:min(len(b), 4)])
		return f, false
	case n == 0:
		m.short("", "a field of "+m.what, m.at, m.size+1)
		return f, false
	}
	f.at, f.off = m.at, m.at+int64(n)
	f.end = f.off
	switch f.wire {
	case wireBytes:
		if f.value >= 1<<61 {
			m.fault("", f.at, "field", "field %d of %s has a length of %d bytes", f.num, m.what, f.value)
			return f, false
		}
		f.end += int64(f.value)
	case wire64:
		f.end += 8
	case wire32:
		f.end += 4
	}
	if f.end > m.end {
		m.fault("", f.at, "field", "field %d of %s goes on to byte %d, %s ends at %d", f.num, m.what, f.end, m.what, m.end)
		return f, false
	}
	m.at = f.end
	return f, true
}

// is tells whether a field has the wire type it must have.
func (m *message) is(f field, wire uint8) bool {
	if f.wire != wire {
		m.fault("", f.at, "field", "field %d of %s is of wire type %d, it must be of %d", f.num, m.what, f.wire, wire)
	}
	return !m.over
}

// whole tells whether the file has all of a field.
func (m *message) whole(tensor string, f field, name string) bool {
	if f.end > m.size {
		what := name + " of " + m.what
		if tensor != "" {
			what = "tensor " + quote(tensor)
		}
		m.short(tensor, what, f.off, f.end)
	}
	return !m.over
}

// inner is the message in a field.
func (m *message) inner(f field, what string) (message, bool) {
	if !m.is(f, wireBytes) {
		return message{}, false
	}
	if m.depth == maxDepth {
		m.fault("", f.at, "field", "messages are nested more than %d deep", maxDepth)
		return message{}, false
	}
	return message{protoReader: m.protoReader, what: what, depth: m.depth + 1, at: f.off, end: f.end}, true
}

// text returns the beginning of a string.
func (m *message) text(f field, most int, name string) string {
	if !m.is(f, wireBytes) || !m.whole("", f, name) || f.value == 0 {
		return ""
	}
	n := int(min(f.value, uint64(most)))
	b := m.view(f.off, n, n)
	m.over = b == nil
	return string(b)
}

// varints calls each for the varints of a field, packed or not. n is how many
// there are; each may be nil.
func (m *message) varints(f field, tensor, name string, each func(uint64)) (n int64) {
	if f.wire == wireVarint {
		if each != nil {
			each(f.value)
		}
		return 1
	}
	if !m.is(f, wireBytes) || !m.whole(tensor, f, name) {
		return 0
	}
	long := 0 // bytes of the varint that goes on
	var v uint64
	for at := f.off; at < f.end; {
		b := m.view(at, 1, int(min(f.end-at, bufSize)))
		if b == nil {
			m.over = true
			return 0
		}
		for i, c := range b {
			if long == maxVarint {
				m.fault(tensor, at+int64(i), name, "a number has more than %d bytes", maxVarint)
				return 0
			}
			v |= uint64(c&0x7f) << (7 * long)
			long++
			if c < 0x80 {
				if each != nil {
					each(v)
				}
				n++
				long, v = 0, 0
			}
		}
		at += int64(len(b))
	}
	if long > 0 {
		m.fault(tensor, f.end, name, "its last number goes on after its end")
	}
	return n
}

// fixed returns how many numbers of width bytes a field has, packed or not.
func (m *message) fixed(f field, tensor, name string, width int64) (n int64) {
	if f.wire == wire32 && width == 4 || f.wire == wire64 && width == 8 {
		m.whole(tensor, f, name)
		return 1
	}
	if !m.is(f, wireBytes) || !m.whole(tensor, f, name) {
		return 0
	}
	if (f.end-f.off)%width != 0 {
		m.problem(tensor, f.off, name, "it has %s bytes, numbers of %d do not fit", strconv.FormatInt(f.end-f.off, 10), width)
	}
	return (f.end - f.off) / width
}
