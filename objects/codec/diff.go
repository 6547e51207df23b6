package codec

import (
	"encoding/binary"
	"sync"
)

// Codec Diff stores elements by their difference to those of one base, as
// symbols and raw bits (see alphabet). How far training moves an element depends
// on its exponent, which the base tells well enough: so the symbols fall into
// contexts by the top of the base's element, each with codes of its own. The top
// of an element are the 8 bits below the highest one; of 8 bytes, the 11 bits
// there less 896, kept within 0 and 255; of 1 byte, the byte.
//
//	u8 planeLayout and the leading bytes, as in Planes
//	uvarint length, and as many uvarints: by turns numbers of groups of 64 elements
//	   (the last may be shorter) that are as in the base and that are coded, from
//	   the former on; what they leave over is as in the base
//	uvarint c ≥ 1, contexts; then the last top of each but the last context,
//	   rising; then a stream for each: the symbols, in the order of the elements
//	uvarint length, and the raw bits, from the lowest bit of the first byte on
//	the bytes after the last whole element

// payoff is what a diff must come to, against planes, to be worth a base.
const payoff = 0.99

// encodeDiff appends raw as its difference to base. The elements e begin at the
// first byte; a size that is not known is guessed. ok is false, and dst comes
// back as it was, when the lengths differ or when base does not pay: then no
// more than samples were coded.
func encodeDiff(dst, raw, base []byte, e Elem, l Level) (out []byte, ok bool) {
	if len(base) != len(raw) {
		return dst, false
	}
	lead := 0
	if !e.valid() {
		e, lead = guessElem(raw)
	}
	a := newLayout(len(raw), e, lead)
	if a.n == 0 {
		return dst, false
	}
	x, y := a.body(raw), a.body(base)
	s := diffs.Get().(*diffScratch)
	defer diffs.Put(s)
	r := e.residual()
	s.runs = appendRuns(s.runs[:0], x, y, group*r.size)
	s.survey.look(r, e, x, y, s.runs)
	planes := s.survey.planes(r.size)
	ends, bits := s.survey.contexts()
	if bits > planes*payoff*float64(len(x)) {
		return dst, false
	}
	out = s.appendDiff(dst, raw, base, a, ends, l)
	if len(out)-len(dst) >= len(raw) {
		return dst, false
	}
	return out, true
}

// appendDiff encodes what s.runs says, with the contexts that ends gives.
func (s *diffScratch) appendDiff(dst, raw, base []byte, a planeLayout, ends []byte, l Level) []byte {
	r, x, y := a.elem.residual(), a.body(raw), a.body(base)
	dst = append(dst, a.header())
	dst = append(dst, raw[:a.lead]...)
	dst = binary.AppendUvarint(dst, uint64(len(s.runs)))
	dst = append(dst, s.runs...)
	s.gather(r, x, y, ends)
	dst = binary.AppendUvarint(dst, uint64(len(ends)))
	dst = append(dst, ends[:len(ends)-1]...)
	for c := range ends {
		dst = appendStream(dst, s.symbols[c], order0, l)
	}
	raws := s.w.bytes()
	dst = binary.AppendUvarint(dst, uint64(len(raws)))
	dst = append(dst, raws...)
	return append(dst, raw[len(raw)-a.tail:]...)
}

// diffScratch is what one call needs.
type diffScratch struct {
	survey  survey
	runs    []byte
	symbols [maxContexts][]byte
	w       bitWriter
	bits    []byte
}

var diffs = sync.Pool{New: func() any { return new(diffScratch) }}

// contextsOf maps tops to contexts.
func contextsOf(ends []byte) (m [256]uint8) {
	c := 0
	for top := range m {
		if c < len(ends) && top > int(ends[c]) {
			c++
		}
		m[top] = uint8(c)
	}
	return m
}

// gather codes what runs say, and collects the symbols by context.
func (s *diffScratch) gather(r *residual, x, y, ends []byte) {
	m := contextsOf(ends[:len(ends)-1])
	var at [maxContexts]int
	symbols := s.symbols // a copy, which the loop need not load again
	for c, b := range symbols {
		symbols[c] = b[:cap(b)]
	}
	var syms, tops [chunk]byte
	s.w.reset()
	eachCoded(s.runs, len(x), group*r.size, func(from, to int) error {
		for ; from < to; from += chunk * r.size {
			end := min(from+chunk*r.size, to)
			r.encode(&s.w, &syms, &tops, x[from:end], y[from:end])
			for c := range ends {
				if b := symbols[c]; len(b) < at[c]+chunk {
					symbols[c] = append(b, make([]byte, len(b)+chunk*16)...)
				}
			}
			n := (end - from) / r.size
			for i, top := range tops[:n] {
				c := m[top] & (maxContexts - 1)
				symbols[c][at[c]] = syms[i]
				at[c]++
			}
		}
		return nil
	})
	for c := range ends {
		s.symbols[c] = symbols[c][:at[c]]
	}
}
