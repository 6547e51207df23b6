package codec

import (
	"encoding/binary"
	"sort"
)

// A delta describes a piece as copies from its bases, which count as one run of
// bytes in the order given, and literals between them:
//
//	uvarint operations
//	stream of literal lengths, stream of copy lengths, stream of places
//	stream of the short literals
//	u8 codec, uvarint raw length, uvarint stored length, stored: the long literals
//
// Lengths are uvarints. A place is the zigzag varint of how far the copy begins
// from where the last copy ended plus the literal between: 0 where something was
// replaced by as many bytes. Literals of at least longLiteral bytes are kept
// apart: they are text or numbers of their own, the short ones are digits.
const longLiteral = 48

type deltaOp struct {
	literal int // bytes of the piece before the copy
	from    int // in the bases
	copied  int
}

// encodeDelta appends raw as a delta to the bases, and tells which of them it
// needs. It is not ok when less than half of a large piece is found in them.
func encodeDelta(dst, raw []byte, bases [][]byte) (out []byte, used []int, ok bool) {
	base, release := joined(bases)
	defer release()
	m := newMatcher(raw, base)
	defer m.release()
	if !m.run() {
		return dst, nil, false
	}
	used = m.dropUnused(bases)
	return m.encode(dst), used, len(used) > 0
}

// dropUnused takes out the bases that hardly anything was copied from, and
// lists the others.
func (m *matcher) dropUnused(bases [][]byte) (used []int) {
	const worthBase = 64 // naming a base costs about as much
	ends := make([]int, len(bases))
	copied := make([]int, len(bases))
	at := 0
	for i, b := range bases {
		at += len(b)
		ends[i] = at
	}
	for _, op := range m.ops {
		i := sort.SearchInts(ends, op.from+1)
		for from, left := op.from, op.copied; left > 0; i++ { // a copy may reach into the next base
			n := min(left, ends[i]-from)
			copied[i] += n
			from, left = from+n, left-n
		}
	}
	gone := make([]int, len(bases)) // bytes taken out before the end of each
	sum := 0
	for i, b := range bases {
		if copied[i] >= worthBase {
			used = append(used, i)
		} else {
			sum += len(b)
		}
		gone[i] = sum
	}
	if len(used) == len(bases) {
		return used
	}
	var kept []deltaOp
	literal := 0
	for _, op := range m.ops {
		literal += op.literal
		for i := sort.SearchInts(ends, op.from+1); op.copied > 0; i++ {
			n := min(op.copied, ends[i]-op.from)
			if copied[i] >= worthBase {
				kept = append(kept, deltaOp{literal: literal, from: op.from - gone[i], copied: n})
				literal = 0
			} else {
				literal += n
			}
			op.from, op.copied = op.from+n, op.copied-n
		}
	}
	m.ops, m.base = kept, m.base[:len(m.base)-sum]
	m.tail(literal)
	return used
}

func (m *matcher) encode(dst []byte) []byte {
	var lits, lens, places, short, long []byte
	at, expect := 0, 0
	for _, op := range m.ops {
		lit := m.raw[at : at+op.literal]
		lits = binary.AppendUvarint(lits, uint64(op.literal))
		lens = binary.AppendUvarint(lens, uint64(op.copied))
		places = binary.AppendVarint(places, int64(op.from-(expect+op.literal)))
		if len(lit) >= longLiteral {
			long = append(long, lit...)
		} else {
			short = append(short, lit...)
		}
		at += op.literal + op.copied
		expect = op.from + op.copied
	}
	dst = binary.AppendUvarint(dst, uint64(len(m.ops)))
	const l = Thorough // there is little of it
	for _, b := range [][]byte{lits, lens, places, short} {
		dst = appendStream(dst, b, repeats, l)
	}
	coded, id, _ := Encode(nil, Input{Raw: long, Level: l})
	dst = append(dst, byte(id))
	dst = binary.AppendUvarint(dst, uint64(len(long)))
	dst = binary.AppendUvarint(dst, uint64(len(coded)))
	return append(dst, coded...)
}

// decodeDelta appends size bytes.
func decodeDelta(dst, stored []byte, size int, bases [][]byte) ([]byte, error) {
	p, err := ParsePatch(stored, size)
	if err != nil {
		return nil, err
	}
	sizes := make([]int, len(bases))
	for i, b := range bases {
		sizes[i] = len(b)
	}
	if err := p.Over(sizes); err != nil {
		return nil, err
	}
	return p.Apply(dst, bases)
}

// joined makes one run of bytes of the bases. Call release when it is no longer
// used.
func joined(bases [][]byte) (b []byte, release func()) {
	if len(bases) == 1 {
		return bases[0], func() {}
	}
	buf := buffers.Get().(*[]byte)
	*buf = (*buf)[:0]
	for _, p := range bases {
		*buf = append(*buf, p...)
	}
	return *buf, func() { buffers.Put(buf) }
}
