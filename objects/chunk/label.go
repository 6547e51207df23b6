package chunk

import "encoding/binary"

// mix is the finalizer of splitmix64 (Steele, Lea and Flood, 2014): a
// permutation after which every bit depends on every bit.
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// then continues a hash with another number; the order counts.
func then(h, x uint64) uint64 { return mix(h*0x9e3779b97f4a7c15 + x + 1) }

// hashOf is a hash of a string, the same everywhere.
func hashOf(s []byte) uint64 {
	h := uint64(len(s))
	for ; len(s) >= 8; s = s[8:] {
		h = then(h, binary.LittleEndian.Uint64(s))
	}
	var tail [8]byte
	copy(tail[:], s)
	return then(h, binary.LittleEndian.Uint64(tail[:]))
}

// shape is a hash of a tensor's dimensions, outermost first.
type shape uint64

func (s *shape) add(dim uint64) { *s = shape(then(uint64(*s), dim)) }

// tensorLabel is that of a whole tensor; partLabel, of one part of it.
func tensorLabel(name uint64, dtype string, s shape) uint64 {
	return then(then(name, hashOf([]byte(dtype))), uint64(s))
}

func partLabel(tensor uint64, part int64) uint64 { return max(1, then(tensor, uint64(part))) }
