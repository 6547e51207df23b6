// Package wire is the canonical binary encoding that records are written in:
// unsigned varints in their shortest form, length-prefixed strings, fixed-size
// arrays, little-endian fixed integers. What a Decoder accepts, an Encoder
// writes, byte for byte.
package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"sort"
)

// ErrMalformed: bytes that no Encoder writes.
var ErrMalformed = errors.New("malformed record")

// Encoder appends to B. The zero value is ready.
type Encoder struct{ B []byte }

// Uint appends an unsigned varint.
func (e *Encoder) Uint(v uint64) { e.B = binary.AppendUvarint(e.B, v) }

// Int appends a signed integer, zigzag coded.
func (e *Encoder) Int(v int64) { e.B = binary.AppendVarint(e.B, v) }

// Byte appends one byte.
func (e *Encoder) Byte(v byte) { e.B = append(e.B, v) }

// Raw appends bytes without their length.
func (e *Encoder) Raw(p []byte) { e.B = append(e.B, p...) }

// Bytes appends a length and the bytes.
func (e *Encoder) Bytes(p []byte) {
	e.Uint(uint64(len(p)))
	e.B = append(e.B, p...)
}

// String appends a length and the bytes of s.
func (e *Encoder) String(s string) {
	e.Uint(uint64(len(s)))
	e.B = append(e.B, s...)
}

// Decoder reads what an Encoder wrote. The first error sticks; the values read
// after it are zero.
type Decoder struct {
	b   []byte
	err error
}

// NewDecoder reads from b, which it keeps.
func NewDecoder(b []byte) *Decoder { return &Decoder{b: b} }

// Err returns the first error.
func (d *Decoder) Err() error { return d.err }

// Fail makes the Decoder fail with a reason, unless it already did.
func (d *Decoder) Fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
	}
}

// Len is how many bytes are left.
func (d *Decoder) Len() int { return len(d.b) }

// End demands that nothing is left, and returns the first error.
func (d *Decoder) End() error {
	if d.err == nil && len(d.b) > 0 {
		d.Fail("%d bytes after the end", len(d.b))
	}
	return d.err
}

// Uint reads an unsigned varint in its shortest form.
func (d *Decoder) Uint() uint64 {
	if d.err != nil {
		return 0
	}
	v, n := binary.Uvarint(d.b)
	if n <= 0 || (n > 1 && d.b[n-1] == 0) {
		d.Fail("bad varint")
		return 0
	}
	d.b = d.b[n:]
	return v
}

// Int reads a signed integer.
func (d *Decoder) Int() int64 {
	u := d.Uint()
	v := int64(u >> 1)
	if u&1 != 0 {
		v = ^v
	}
	return v
}

// Count reads a number of things that take at least size bytes each, so that
// nobody allocates for more than can be there.
func (d *Decoder) Count(size int) int {
	n := d.Uint()
	if n > uint64(len(d.b)/max(size, 1)) {
		d.Fail("count %d is beyond the end", n)
		return 0
	}
	return int(n)
}

// Byte reads one byte.
func (d *Decoder) Byte() byte {
	p := d.Raw(1)
	if p == nil {
		return 0
	}
	return p[0]
}

// Raw reads n bytes, which alias the input; nil when there are fewer.
func (d *Decoder) Raw(n int) []byte {
	if d.err != nil || n < 0 || n > len(d.b) {
		d.Fail("want %d bytes, have %d", n, len(d.b))
		d.b = nil
		return nil
	}
	p := d.b[:n:n]
	d.b = d.b[n:]
	return p
}

// Fixed fills p.
func (d *Decoder) Fixed(p []byte) { copy(p, d.Raw(len(p))) }

// Bytes reads a length and that many bytes, which alias the input.
func (d *Decoder) Bytes() []byte {
	n := d.Count(1)
	return d.Raw(n)
}

// String reads a length and that many bytes.
func (d *Decoder) String() string { return string(d.Bytes()) }

// Value tags, in the order of the format.
const (
	tagFalse = iota
	tagTrue
	tagInt
	tagFloat
	tagString
)

// Values appends a map of string, int64, float64 and bool, sorted by key.
// Another type, NaN and an infinity are errors of the caller and panic.
func (e *Encoder) Values(m map[string]any) {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	e.Uint(uint64(len(keys)))
	for _, k := range keys {
		e.String(k)
		switch v := m[k].(type) {
		case bool:
			if v {
				e.Byte(tagTrue)
			} else {
				e.Byte(tagFalse)
			}
		case int64:
			e.Byte(tagInt)
			e.Int(v)
		case float64:
			if math.IsNaN(v) || math.IsInf(v, 0) {
				panic("wire: not a finite number")
			}
			e.Byte(tagFloat)
			e.B = binary.LittleEndian.AppendUint64(e.B, math.Float64bits(v))
		case string:
			e.Byte(tagString)
			e.String(v)
		default:
			panic(fmt.Sprintf("wire: value of type %T", v))
		}
	}
}

// Values reads a map that Encoder.Values wrote; nil when it is empty.
func (d *Decoder) Values() map[string]any {
	n := d.Count(2)
	if n == 0 {
		return nil
	}
	m := make(map[string]any, min(n, 1024)) // grow by what is really there
	last := ""
	for i := 0; i < n && d.err == nil; i++ {
		k := d.String()
		if i > 0 && k <= last {
			d.Fail("keys out of order")
		}
		last = k
		switch tag := d.Byte(); tag {
		case tagFalse, tagTrue:
			m[k] = tag == tagTrue
		case tagInt:
			m[k] = d.Int()
		case tagFloat:
			p := d.Raw(8)
			if p == nil {
				break
			}
			v := math.Float64frombits(binary.LittleEndian.Uint64(p))
			if math.IsNaN(v) || math.IsInf(v, 0) {
				d.Fail("not a finite number")
			}
			m[k] = v
		case tagString:
			m[k] = d.String()
		default:
			d.Fail("unknown value tag %d", tag)
		}
	}
	return m
}
