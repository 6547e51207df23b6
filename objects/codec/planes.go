package codec

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"sync"
)

// Codec Planes stores elements as byte planes, each of which has statistics of
// its own: of floats only the exponent can be compressed.
//
//	u8 planeLayout: bits 0–1 the binary logarithm of the element's size, bit 2 floats
//	   (rotated left by one bit before the cut), bits 3–5 the number of leading bytes
//	the leading bytes, before the first whole element
//	a stream for each plane, from the lowest byte on
//	the bytes after the last whole element

// planeLayout describes how size bytes fall into elements.
type planeLayout struct {
	elem       Elem
	lead, tail int
	n          int // elements
}

func newLayout(size int, e Elem, lead int) planeLayout {
	lead = min(lead, size)
	n := (size - lead) / int(e.Size)
	return planeLayout{elem: e, lead: lead, n: n, tail: size - lead - n*int(e.Size)}
}

func (a planeLayout) header() byte {
	h := byte(bits.TrailingZeros8(a.elem.Size)) | byte(a.lead)<<3
	if a.elem.Float {
		h |= 4
	}
	return h
}

// body is the part of b that consists of whole elements.
func (a planeLayout) body(b []byte) []byte { return b[a.lead : len(b)-a.tail] }

func parseLayout(h byte, size int) (planeLayout, error) {
	e := Elem{Size: 1 << (h & 3), Float: h&4 != 0}
	lead := int(h >> 3)
	if lead >= int(e.Size) || lead > size {
		return planeLayout{}, fmt.Errorf("%w: planeLayout %#x of %d bytes", ErrCorrupt, h, size)
	}
	return newLayout(size, e, lead), nil
}

// readLayout reads the layout of size bytes and appends those that come before
// the first element.
func readLayout(dst, stored []byte, size int) (a planeLayout, out, rest []byte, err error) {
	if len(stored) == 0 {
		return a, nil, nil, errTruncated
	}
	if a, err = parseLayout(stored[0], size); err != nil {
		return a, nil, nil, err
	}
	src := stored[1:]
	if len(src) < a.lead {
		return a, nil, nil, errTruncated
	}
	return a, append(dst, src[:a.lead]...), src[a.lead:], nil
}

func (e Elem) valid() bool { return e.Size == 1 || e.Size == 2 || e.Size == 4 || e.Size == 8 }

// encodePlanes appends raw, cut into elements e after lead bytes (fewer than an
// element has); a size that is not known is guessed, and lead with it. ok is
// false, and dst comes back as it was, when raw would not become smaller.
func encodePlanes(dst, raw []byte, e Elem, lead int, l Level) (out []byte, ok bool) {
	if !e.valid() {
		e, lead = guessElem(raw)
	}
	a := newLayout(len(raw), e, lead)
	if a.n == 0 {
		return dst, false
	}
	start := len(dst)
	out = append(dst, a.header())
	out = append(out, raw[:a.lead]...)
	body := a.body(raw)
	mode := order0
	if l != Fast && hasRepeats(body) {
		mode = repeats
	}
	planes := body
	if e.Size > 1 {
		buf := buffers.Get().(*[]byte)
		defer buffers.Put(buf)
		planes = grown(buf, len(body))
		splitPlanes(planes, body, e)
	}
	for len(planes) > 0 {
		out = appendStream(out, planes[:a.n], mode, l)
		planes = planes[a.n:]
	}
	out = append(out, raw[len(raw)-a.tail:]...)
	if len(out)-start >= len(raw) {
		return dst, false
	}
	return out, true
}

// decodePlanes appends the size bytes that encodePlanes was given.
func decodePlanes(dst, stored []byte, size int) ([]byte, error) {
	a, dst, src, err := readLayout(dst, stored, size)
	if err != nil {
		return nil, err
	}
	if a.elem.Size == 1 {
		if dst, src, err = readPlane(dst, src, a.n); err != nil {
			return nil, err
		}
	} else {
		buf := buffers.Get().(*[]byte)
		defer buffers.Put(buf)
		planes := grown(buf, a.n*int(a.elem.Size))[:0]
		for range a.elem.Size {
			if planes, src, err = readPlane(planes, src, a.n); err != nil {
				return nil, err
			}
		}
		at := len(dst)
		dst = extended(dst, len(planes))
		mergePlanes(dst[at:], planes, a.elem)
	}
	if len(src) != a.tail {
		return nil, fmt.Errorf("%w: %d bytes after the planes, want %d", ErrCorrupt, len(src), a.tail)
	}
	return append(dst, src...), nil
}

// readPlane reads a stream of exactly n bytes.
func readPlane(dst, src []byte, n int) (out, rest []byte, err error) {
	at := len(dst)
	if out, rest, err = readStream(dst, src, n); err != nil {
		return nil, nil, err
	}
	if len(out)-at != n {
		return nil, nil, fmt.Errorf("%w: plane of %d bytes, want %d", ErrCorrupt, len(out)-at, n)
	}
	return out, rest, nil
}

// hasRepeats tells whether b repeats itself at any distance (equal rows, zero
// blocks, quantised values), so that looking for matches may pay. It compares
// words chosen by their content, one of 64, because copies choose the same ones.
func hasRepeats(b []byte) bool {
	const slots = 1 << 12
	var seen [slots]uint64
	var chosen, again int
	total := len(b) / 8
	for len(b) >= 8 {
		w := binary.LittleEndian.Uint64(b)
		b = b[8:]
		if h := w * 0x9e3779b97f4a7c15; h>>58 == 0 {
			chosen++
			slot := &seen[h>>46&(slots-1)]
			if *slot == h { // true of zeros at once
				again++
			}
			*slot = h
		}
	}
	// A word that never repeats may stand for all: then few or very many are chosen.
	return again*16 > chosen && again > 8 || chosen*16 > total && total > 16
}

// buffers holds what one call needs for its planes or symbols.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// grown returns n bytes of *buf, larger now if need be; what they hold is undefined.
func grown(buf *[]byte, n int) []byte {
	if cap(*buf) < n {
		*buf = make([]byte, n)
	}
	return (*buf)[:n]
}

// extended makes dst longer by n bytes of undefined content.
func extended(dst []byte, n int) []byte {
	if cap(dst)-len(dst) < n {
		return append(dst, make([]byte, n)...)
	}
	return dst[:len(dst)+n]
}
