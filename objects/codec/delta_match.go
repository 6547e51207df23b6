package codec

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"sync"
)

// matcher finds what of a piece is in its base. Most saves change a model here
// and there, so it follows the base, and after a difference looks for the
// continuation close by; only when that fails it asks a table of all places.
type matcher struct {
	raw, base []byte
	ops       []deltaOp
	table     *[]uint32 // place in base + 1 by hash; nil until it is needed
	shift     uint

	lit  int // where the current literal begins
	diag int // base place less raw place of the last long copy
}

const (
	// A copy costs three to six bytes, and the literals around it lose their
	// connection: shorter ones made the deltas of text up to twice as large.
	minFar    = 32  // from somewhere else
	minNear   = 32  // going on close by
	nearReach = 160 // how far a near continuation is looked for, in bytes
	nearShift = 40  // by how much it may have moved
	skipReach = 16 << 10
	longCopy  = 256
	// A large piece of which less than a quarter is found after giveUp bytes
	// will not be a delta.
	giveUp = 384 << 10
)

func newMatcher(raw, base []byte) *matcher { return &matcher{raw: raw, base: base} }

func (m *matcher) release() {
	if m.table != nil {
		tables.Put(m.table)
	}
}

var tables = sync.Pool{New: func() any { return new([]uint32) }}

// common is the number of equal bytes that a and b begin with.
func common(a, b []byte) int {
	n := min(len(a), len(b))
	a, b = a[:n], b[:n]
	i := 0
	for ; i+8 <= n; i += 8 {
		if x := binary.LittleEndian.Uint64(a[i:]) ^ binary.LittleEndian.Uint64(b[i:]); x != 0 {
			return i + bits.TrailingZeros64(x)/8
		}
	}
	for i < n && a[i] == b[i] {
		i++
	}
	return i
}

// run fills ops. It is false when the base does not help.
func (m *matcher) run() bool {
	i, j := 0, 0 // in raw, in base
	copied := 0
	for i < len(m.raw) {
		n := 0
		if j <= len(m.base) {
			n = common(m.raw[i:], m.base[j:])
		}
		if n >= minNear || n == len(m.raw)-i {
			m.add(i, j, n)
			copied += n
			i, j = i+n, j+n
			continue
		}
		var found bool
		if i, j, found = m.next(i+n, j+n); !found {
			break
		}
		if i > giveUp && copied < i/4 {
			return false
		}
	}
	m.tail(len(m.raw) - m.lit)
	return copied*2 >= len(m.raw)
}

// tail notes the literal at the end, which goes with an empty copy.
func (m *matcher) tail(literal int) {
	if literal > 0 {
		m.ops = append(m.ops, deltaOp{literal: literal, from: min(m.end()+literal, len(m.base))})
	}
}

// end is where the last copy ended in the base.
func (m *matcher) end() int {
	if len(m.ops) == 0 {
		return 0
	}
	op := m.ops[len(m.ops)-1]
	return op.from + op.copied
}

// add notes a copy, and with it the literal before it.
func (m *matcher) add(i, j, n int) {
	if n == 0 {
		return
	}
	m.ops = append(m.ops, deltaOp{literal: i - m.lit, from: j, copied: n})
	m.lit = i + n
	if n >= longCopy {
		m.diag = j - i
	}
}

// next finds where the base goes on after raw and base have parted at i and j.
func (m *matcher) next(i, j int) (int, int, bool) {
	if p, q, ok := m.near(i, j-i); ok {
		return p, q, true
	}
	if m.diag != j-i {
		if p, q, ok := m.near(i, m.diag); ok {
			return p, q, true
		}
	}
	if p, q, ok := m.skipped(i, j); ok {
		return p, q, true
	}
	return m.far(i)
}

// skipped looks for a run that was put in or taken out, no longer than
// skipReach: what the base has here comes later in raw, or the other way round.
// Numbers close by may have changed as well, so it tries twice.
func (m *matcher) skipped(i, j int) (int, int, bool) {
	for _, d := range [...]int{0, 96} {
		if at := j + d; at+minFar <= len(m.base) && at >= 0 {
			if k := bytes.Index(m.raw[i:min(i+skipReach, len(m.raw))], m.base[at:at+minFar]); k >= 0 {
				b, _ := m.around(i+k, at)
				return i + k - b, at - b, true
			}
		}
		if at := i + d; at+minFar <= len(m.raw) && j >= 0 && j < len(m.base) {
			if k := bytes.Index(m.base[j:min(j+skipReach, len(m.base))], m.raw[at:at+minFar]); k >= 0 {
				b, _ := m.around(at, j+k)
				return at - b, j + k - b, true
			}
		}
	}
	return 0, 0, false
}

// near looks for eight bytes of raw, not far behind i, about where they would
// be if they had not moved.
func (m *matcher) near(i, diag int) (int, int, bool) {
	for p := i + 4; p <= i+nearReach && p+8 <= len(m.raw); p += 8 {
		lo, hi := p+diag-nearShift, p+diag+nearShift+8
		lo, hi = max(lo, 0), min(hi, len(m.base))
		if hi-lo < 8 {
			return 0, 0, false
		}
		window := m.base[lo:hi]
		// The place that has not moved is the likeliest.
		if q := p + diag; q >= lo && q+8 <= hi && bytes.Equal(m.base[q:q+8], m.raw[p:p+8]) {
			if b, e := m.around(p, q); b+e >= minNear {
				return p - b, q - b, true
			}
			continue
		}
		k := bytes.Index(window, m.raw[p:p+8])
		if k < 0 {
			continue
		}
		if b, e := m.around(p, lo+k); b+e >= minNear {
			return p - b, lo + k - b, true
		}
	}
	return 0, 0, false
}

// around tells how far the bytes before and from p and q agree, forward as far
// as it takes to know that it pays.
func (m *matcher) around(p, q int) (before, after int) {
	for before < p-m.lit && before < q && m.raw[p-before-1] == m.base[q-before-1] {
		before++
	}
	return before, common(m.raw[p:min(p+64, len(m.raw))], m.base[q:])
}

// far looks for bytes of raw anywhere in the base, in ever larger steps.
func (m *matcher) far(i int) (int, int, bool) {
	if m.table == nil {
		m.index()
	}
	table := *m.table
	missed := 0
	for p := i; p+8 <= len(m.raw); p += 1 + missed>>9 {
		w := binary.LittleEndian.Uint64(m.raw[p:])
		q := int(table[hash8(w)>>m.shift]) - 1
		missed++
		if q < 0 || binary.LittleEndian.Uint64(m.base[q:]) != w {
			continue
		}
		if b, e := m.around(p, q); b+e >= minFar {
			return p - b, q - b, true
		}
	}
	return 0, 0, false
}

func hash8(w uint64) uint64 { return w * 0x9e3779b97f4a7c15 }

// index notes the places of every eighth byte of the base.
func (m *matcher) index() {
	n := bits.Len(uint(len(m.base)/8)) + 1
	m.shift = uint(64 - n)
	m.table = tables.Get().(*[]uint32)
	if cap(*m.table) < 1<<n {
		*m.table = make([]uint32, 1<<n)
	} else {
		*m.table = (*m.table)[:1<<n]
		clear(*m.table)
	}
	table := *m.table
	for q := len(m.base)&^7 - 8; q >= 0; q -= 8 { // the first of equal places stays
		table[hash8(binary.LittleEndian.Uint64(m.base[q:]))>>m.shift] = uint32(q + 1)
	}
}
