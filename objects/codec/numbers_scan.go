package codec

import (
	"encoding/binary"
	"slices"
	"sync"
)

// A gap is the text before a number, after the number before it.
type gap struct {
	at, len int32  // where it stands in the text
	column  int32  // numbers after it, and after what keeps its column
	next    uint32 // the gap that is expected after it
	keep    bool   // its number belongs to the column of the number before
	unlike  bool   // the last time, another gap than next followed
	row     int32  // how many numbers follow up to the next gap that does not keep its column; -1: it varies
	hash    uint32
}

// A scanner cuts text into gaps and numbers. Its slices are reused.
type scanner struct {
	parser
	gaps   []gap
	hashes []uint32 // gap number + 1, open addressing

	values []uint64
	kinds  []numberKind
	owners []uint32 // the gap whose column the number belongs to
	scales []uint8

	verbatim []byte // the texts of verbatim numbers

	// Gaps that were not expected: how many expected ones precede each, and
	// its number + 1, or 0 for a new one.
	runs   []byte
	misses []uint32
	tail   int // where the last gap begins
	dict   int // the length of all gaps
}

var scanners = sync.Pool{New: func() any { return new(scanner) }}

func (s *scanner) reset(raw []byte) {
	s.parser = parser{raw: raw, tab: powers()}
	s.gaps = s.gaps[:0]
	s.hashes = sized(s.hashes, 1<<12)
	clear(s.hashes)
	s.values, s.kinds, s.owners, s.scales = s.values[:0], s.kinds[:0], s.owners[:0], s.scales[:0]
	s.verbatim, s.runs, s.misses = s.verbatim[:0], s.runs[:0], s.misses[:0]
	s.dict = 0
}

// isStart tells whether a number may begin at raw[i].
func isStart(raw []byte, i int) bool {
	sign := minus(raw[i])
	return classes[raw[i+int(sign)]] == classDigit && (sign == 0 || i == 0 || classes[raw[i-1]] == classOther)
}

// scan cuts the text; it is false when the text is found to have too few numbers
// for its length.
func (s *scanner) scan(raw []byte) bool {
	s.reset(raw)
	limit := len(raw) - scanMargin
	i, run, row := 0, 0, int32(0)
	var last, owner uint32
	s.gaps = append(s.gaps, gap{}) // what the first gap comes after
	checked := 1 << 16
	for i < limit {
		g := s.gaps[last].next
		e := &s.gaps[g]
		n := int(e.len)
		at := i + n
		var end int
		var kind numberKind
		var v uint64
		var scale uint8
		if g != 0 && at < limit && equalShort(raw, i, int(e.at), n) && isStart(raw, at) {
			end, kind, v, scale = s.parse(at)
		}
		if end != 0 {
			run++
			s.gaps[last].unlike = false
		} else {
			for at = i; ; at = end {
				for at < limit && classes[raw[at]] == classOther && (raw[at] != '-' || !isStart(raw, at)) {
					at++
				}
				if at >= limit {
					break
				}
				if classes[raw[at]] != classLetter {
					if end, kind, v, scale = s.parse(at); end != 0 {
						break
					}
				}
				for end = at + 1; end < limit && classes[raw[end]] != classOther; {
					end++
				}
			}
			if at >= limit {
				break
			}
			g = s.find(i, at-i)
			p := &s.gaps[last]
			p.next, p.unlike = expect(p.next, p.unlike, g)
			s.endRun(run)
			run = 0
			e = &s.gaps[g]
		}
		if !e.keep {
			s.endRow(owner, row)
			owner, row = g, 0
		}
		row++
		s.gaps[owner].column++
		if kind == kindVerbatim {
			s.verbatim = append(s.verbatim, raw[at:end]...)
		}
		s.values = append(s.values, v)
		s.kinds = append(s.kinds, kind)
		s.owners = append(s.owners, owner)
		s.scales = append(s.scales, scale)
		last = g
		i = end
		if i > checked {
			if len(s.values) < 1024 || s.dict > i/4*3 {
				return false
			}
			checked += 1 << 18
			s.reserve(len(s.values) + int(int64(len(s.values))*int64(len(raw)-i)/int64(i)))
		}
	}
	s.endRun(run)
	if row > s.gaps[owner].row { // the last row may have been cut off
		s.endRow(owner, row)
	}
	s.tail = i
	return len(s.values) > 0
}

// expect says which gap is expected in future when g was met instead of next,
// and whether that was so the last time, too.
func expect(next uint32, unlike bool, g uint32) (uint32, bool) {
	if next == 0 || unlike {
		return g, false
	}
	return next, true
}

// reserve makes room for n numbers in all, if they go on as they began: growing step by
// step would copy them several times.
func (s *scanner) reserve(n int) {
	if n <= cap(s.values) {
		return
	}
	more := n + n/32 - len(s.values)
	s.values, s.kinds = slices.Grow(s.values, more), slices.Grow(s.kinds, more)
	s.owners, s.scales = slices.Grow(s.owners, more), slices.Grow(s.scales, more)
}

// endRun notes that a miss, or the end, follows after n expected gaps.
func (s *scanner) endRun(n int) {
	for ; n >= 255; n -= 255 {
		s.runs = append(s.runs, 255)
	}
	s.runs = append(s.runs, byte(n))
}

// endRow notes that n numbers belong to a gap, and the next one to another.
func (s *scanner) endRow(owner uint32, n int32) {
	switch g := &s.gaps[owner]; {
	case g.row == 0:
		g.row = n
	case g.row != n:
		g.row = -1
	}
}

// equalShort tells whether the n bytes at raw[i:] and raw[j:] are equal; eight
// more bytes must follow.
func equalShort(raw []byte, i, j, n int) bool {
	a, b := raw[i:], raw[j:]
	for ; n > 8; n -= 8 {
		if binary.LittleEndian.Uint64(a) != binary.LittleEndian.Uint64(b) {
			return false
		}
		a, b = a[8:], b[8:]
	}
	return (binary.LittleEndian.Uint64(a)^binary.LittleEndian.Uint64(b))<<(64-8*uint(n)) == 0
}

// find returns the number of the gap raw[at:at+n], a new one if need be.
func (s *scanner) find(at, n int) uint32 {
	text := s.raw[at : at+n]
	mask := uint32(len(s.hashes) - 1)
	h := hashText(text)
	k := h & mask
	for s.hashes[k] != 0 {
		g := s.hashes[k]
		if e := &s.gaps[g]; e.hash == h && int(e.len) == n && string(s.raw[e.at:int(e.at)+n]) == string(text) {
			s.misses = append(s.misses, g)
			return g
		}
		k = (k + 1) & mask
	}
	g := uint32(len(s.gaps))
	s.gaps = append(s.gaps, gap{at: int32(at), len: int32(n), keep: keepsColumn(text), hash: h})
	s.hashes[k] = g
	s.misses = append(s.misses, 0)
	s.dict += n + 2
	if len(s.gaps) > len(s.hashes)/2 {
		s.hashes = sized(s.hashes, 4*len(s.hashes))
		clear(s.hashes)
		mask = uint32(len(s.hashes) - 1)
		for g := 1; g < len(s.gaps); g++ {
			k := s.gaps[g].hash & mask
			for s.hashes[k] != 0 {
				k = (k + 1) & mask
			}
			s.hashes[k] = uint32(g)
		}
	}
	return g
}

func hashText(b []byte) uint32 {
	h := uint64(len(b)) * hashFactor
	for ; len(b) >= 8; b = b[8:] {
		h = (h ^ binary.LittleEndian.Uint64(b)) * hashFactor
		h ^= h >> 32
	}
	for _, c := range b {
		h = (h ^ uint64(c)) * hashFactor
		h ^= h >> 32
	}
	return uint32(h>>32) ^ uint32(h)
}

// keepsColumn tells whether the numbers on both sides of a gap are alike as far
// as the gap can tell: elements of an array.
func keepsColumn(text []byte) bool {
	if len(text) == 0 {
		return false
	}
	for i, c := range text {
		switch c {
		case ' ', ',', '\t':
		case '\r', '\n':
			if i == 0 {
				return false // a new line of a table
			}
		default:
			return false
		}
	}
	return true
}
