package jsondoc

import (
	"hash/maphash"
	"math/bits"
)

// The keys of all hashes. A document's author does not know them, so that collisions
// cannot be made.
var (
	seed   = maphash.MakeSeed()
	keyOne = maphash.String(seed, "one") | 1
	keyTwo = maphash.String(seed, "two") | 1
)

// mix is the folded multiplication of wyhash.
func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a^keyOne, b^keyTwo)
	return hi ^ lo
}

func hashBytes(b []byte) uint64 { return maphash.Bytes(seed, b) }

// frame is a container that is open.
type frame struct {
	v     Value
	slot  int    // in the index; -1 when nothing is indexed
	key   uint64 // hash of the member's name at hand
	names nameSet
}

// add takes a child into its container.
func (f *frame) add(c *Value) {
	v := &f.v
	v.Count++
	v.Leaves += c.Leaves
	v.Numbers += c.Numbers
	v.Objects = v.Objects || c.Objects
	if v.Kind == Object {
		v.Hash += mix(f.key, c.Hash)
		v.Spelling += mix(f.key, c.Spelling)
		return
	}
	v.Hash = mix(v.Hash+1, c.Hash)
	v.Spelling = mix(v.Spelling+1, c.Spelling)
}

// close ends the container at an offset.
func (f *frame) close(end int64) Value {
	v := f.v
	v.End = end
	v.Hash = mix(v.Hash, uint64(v.Count)<<8|uint64(v.Kind))
	v.Spelling = mix(v.Spelling, uint64(v.Count)<<8|uint64(v.Kind))
	return v
}

// nameSet tells names that occurred before, by their hashes. It is a list while it is
// short, then a table with open addressing.
type nameSet struct {
	list  []uint64
	table []uint64
	n     int
}

const shortNames = 12

func (s *nameSet) reset() {
	s.list = s.list[:0]
	s.n = 0
	if len(s.table) > 1<<12 {
		s.table = nil // not to be kept for every level that once was large
	}
	s.table = s.table[:0]
}

// add reports false when the name was there already.
func (s *nameSet) add(h uint64) bool {
	if h == 0 {
		h = 1
	}
	if len(s.table) == 0 {
		for _, x := range s.list {
			if x == h {
				return false
			}
		}
		s.list = append(s.list, h)
		if len(s.list) > shortNames {
			s.grow(4 * shortNames)
		}
		return true
	}
	if 4*(s.n+1) > 3*len(s.table) {
		s.grow(2 * len(s.table))
	}
	return s.put(h)
}

func (s *nameSet) put(h uint64) bool {
	mask := uint64(len(s.table) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		switch s.table[i] {
		case 0:
			s.table[i] = h
			s.n++
			return true
		case h:
			return false
		}
	}
}

// grow makes a table of at least n places, and moves what is there.
func (s *nameSet) grow(n int) {
	size := 1 << bits.Len(uint(n-1))
	old := s.list
	if len(s.table) > 0 {
		old = s.table
	}
	if cap(s.table) >= size && len(s.table) == 0 {
		s.table = s.table[:size]
		clear(s.table)
	} else {
		s.table = make([]uint64, size)
	}
	s.n = 0
	for _, h := range old {
		if h != 0 {
			s.put(h)
		}
	}
}
