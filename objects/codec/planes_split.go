package codec

import "encoding/binary"

// splitPlanes cuts the elements of src into byte planes: plane p, the p-th byte
// of every element from the lowest on, goes to dst[p*n:(p+1)*n] for n elements.
// Floats are rotated left by one bit before, so that the exponent fills whole
// bytes from the top and the sign joins the lowest mantissa bits, as random as
// itself. len(src) is n times the size.
func splitPlanes(dst, src []byte, e Elem) {
	n := len(src) / int(e.Size)
	switch {
	case e.Size == 1:
		copy(dst, src)
	case e.Size == 2:
		split2(dst[:n], dst[n:2*n], src, e.Float)
	case e.Size == 4:
		split4(dst[:n], dst[n:2*n], dst[2*n:3*n], dst[3*n:4*n], src, e.Float)
	default:
		split8(dst, src, n, e.Float)
	}
}

// mergePlanes is the inverse of splitPlanes; len(dst) is n times the size.
func mergePlanes(dst, src []byte, e Elem) {
	n := len(dst) / int(e.Size)
	switch {
	case e.Size == 1:
		copy(dst, src)
	case e.Size == 2:
		merge2(dst, src[:n], src[n:2*n], e.Float)
	case e.Size == 4:
		merge4(dst, src[:n], src[n:2*n], src[2*n:3*n], src[3*n:4*n], e.Float)
	default:
		merge8(dst, src, n, e.Float)
	}
}

// The loops below take eight bytes at a time as one word of two, four or eight
// lanes. Slices move along instead of an index, because the compiler then drops
// the bounds checks.

const (
	even8  = 0x00ff00ff00ff00ff
	even16 = 0x0000ffff0000ffff
	low16  = 0x0001000100010001
	low32  = 0x0000000100000001
	byte32 = 0x000000ff000000ff
)

func rotl16(v uint64) uint64 { return v<<1&^low16 | v>>15&low16 }
func rotr16(v uint64) uint64 { return v>>1&^(low16<<15) | v&low16<<15 }
func rotl32(v uint64) uint64 { return v<<1&^low32 | v>>31&low32 }
func rotr32(v uint64) uint64 { return v>>1&^(low32<<31) | v&low32<<31 }

// pack8 gathers the lower bytes of four 16-bit lanes, spread8 is its inverse.
func pack8(v uint64) uint64 {
	v &= even8
	v = (v | v>>8) & even16
	return (v | v>>16) & 0xffffffff
}

func spread8(v uint64) uint64 {
	v &= 0xffffffff
	v = (v | v<<16) & even16
	return (v | v<<8) & even8
}

func split2(lo, hi, src []byte, float bool) {
	for len(src) >= 16 && len(lo) >= 8 && len(hi) >= 8 {
		a, b := binary.LittleEndian.Uint64(src), binary.LittleEndian.Uint64(src[8:])
		if float {
			a, b = rotl16(a), rotl16(b)
		}
		binary.LittleEndian.PutUint64(lo, pack8(a)|pack8(b)<<32)
		binary.LittleEndian.PutUint64(hi, pack8(a>>8)|pack8(b>>8)<<32)
		src, lo, hi = src[16:], lo[8:], hi[8:]
	}
	for i := range lo {
		v := uint64(binary.LittleEndian.Uint16(src[2*i:]))
		if float {
			v = rotl16(v)
		}
		lo[i], hi[i] = byte(v), byte(v>>8)
	}
}

func merge2(dst, lo, hi []byte, float bool) {
	for len(dst) >= 16 && len(lo) >= 8 && len(hi) >= 8 {
		l, h := binary.LittleEndian.Uint64(lo), binary.LittleEndian.Uint64(hi)
		a, b := spread8(l)|spread8(h)<<8, spread8(l>>32)|spread8(h>>32)<<8
		if float {
			a, b = rotr16(a), rotr16(b)
		}
		binary.LittleEndian.PutUint64(dst, a)
		binary.LittleEndian.PutUint64(dst[8:], b)
		dst, lo, hi = dst[16:], lo[8:], hi[8:]
	}
	for i := range lo {
		v := uint64(lo[i]) | uint64(hi[i])<<8
		if float {
			v = rotr16(v)
		}
		binary.LittleEndian.PutUint16(dst[2*i:], uint16(v))
	}
}

// pair gathers the lowest bytes of two 32-bit lanes, unpair is its inverse.
func pair(v uint64) uint64   { v &= byte32; return (v | v>>24) & 0xffff }
func unpair(v uint64) uint64 { v &= 0xffff; return (v | v<<24) & byte32 }

func split4(p0, p1, p2, p3, src []byte, float bool) {
	for len(src) >= 32 && len(p0) >= 8 && len(p1) >= 8 && len(p2) >= 8 && len(p3) >= 8 {
		a, b := binary.LittleEndian.Uint64(src), binary.LittleEndian.Uint64(src[8:])
		c, d := binary.LittleEndian.Uint64(src[16:]), binary.LittleEndian.Uint64(src[24:])
		if float {
			a, b, c, d = rotl32(a), rotl32(b), rotl32(c), rotl32(d)
		}
		binary.LittleEndian.PutUint64(p0, pair(a)|pair(b)<<16|pair(c)<<32|pair(d)<<48)
		binary.LittleEndian.PutUint64(p1, pair(a>>8)|pair(b>>8)<<16|pair(c>>8)<<32|pair(d>>8)<<48)
		binary.LittleEndian.PutUint64(p2, pair(a>>16)|pair(b>>16)<<16|pair(c>>16)<<32|pair(d>>16)<<48)
		binary.LittleEndian.PutUint64(p3, pair(a>>24)|pair(b>>24)<<16|pair(c>>24)<<32|pair(d>>24)<<48)
		src, p0, p1, p2, p3 = src[32:], p0[8:], p1[8:], p2[8:], p3[8:]
	}
	for i := range p0 {
		v := uint64(binary.LittleEndian.Uint32(src[4*i:]))
		if float {
			v = rotl32(v)
		}
		p0[i], p1[i], p2[i], p3[i] = byte(v), byte(v>>8), byte(v>>16), byte(v>>24)
	}
}

func merge4(dst, p0, p1, p2, p3 []byte, float bool) {
	for len(dst) >= 32 && len(p0) >= 8 && len(p1) >= 8 && len(p2) >= 8 && len(p3) >= 8 {
		a, b := binary.LittleEndian.Uint64(p0), binary.LittleEndian.Uint64(p1)
		c, d := binary.LittleEndian.Uint64(p2), binary.LittleEndian.Uint64(p3)
		out := dst[:32]
		for len(out) >= 8 {
			v := unpair(a) | unpair(b)<<8 | unpair(c)<<16 | unpair(d)<<24
			if float {
				v = rotr32(v)
			}
			binary.LittleEndian.PutUint64(out, v)
			a, b, c, d, out = a>>16, b>>16, c>>16, d>>16, out[8:]
		}
		dst, p0, p1, p2, p3 = dst[32:], p0[8:], p1[8:], p2[8:], p3[8:]
	}
	for i := range p0 {
		v := uint64(p0[i]) | uint64(p1[i])<<8 | uint64(p2[i])<<16 | uint64(p3[i])<<24
		if float {
			v = rotr32(v)
		}
		binary.LittleEndian.PutUint32(dst[4*i:], uint32(v))
	}
}

// transpose turns an 8×8 matrix of bytes, a row a word, by swapping blocks of
// 4×4, 2×2 and single bytes.
func transpose(m *[8]uint64) {
	for i := range 4 {
		t := (m[i]>>32 ^ m[i+4]) & 0xffffffff
		m[i], m[i+4] = m[i]^t<<32, m[i+4]^t
	}
	for _, i := range [4]int{0, 1, 4, 5} {
		t := (m[i]>>16 ^ m[i+2]) & even16
		m[i], m[i+2] = m[i]^t<<16, m[i+2]^t
	}
	for i := 0; i < 8; i += 2 {
		t := (m[i]>>8 ^ m[i+1]) & even8
		m[i], m[i+1] = m[i]^t<<8, m[i+1]^t
	}
}

func split8(dst, src []byte, n int, float bool) {
	var m [8]uint64
	i := 0
	for ; i+8 <= n; i += 8 {
		for k := range m {
			v := binary.LittleEndian.Uint64(src[8*(i+k):])
			if float {
				v = v<<1 | v>>63
			}
			m[k] = v
		}
		transpose(&m)
		for p, v := range m {
			binary.LittleEndian.PutUint64(dst[p*n+i:], v)
		}
	}
	for ; i < n; i++ {
		v := binary.LittleEndian.Uint64(src[8*i:])
		if float {
			v = v<<1 | v>>63
		}
		for p := range 8 {
			dst[p*n+i] = byte(v >> (8 * p))
		}
	}
}

func merge8(dst, src []byte, n int, float bool) {
	var m [8]uint64
	i := 0
	for ; i+8 <= n; i += 8 {
		for p := range m {
			m[p] = binary.LittleEndian.Uint64(src[p*n+i:])
		}
		transpose(&m)
		for k, v := range m {
			if float {
				v = v>>1 | v<<63
			}
			binary.LittleEndian.PutUint64(dst[8*(i+k):], v)
		}
	}
	for ; i < n; i++ {
		var v uint64
		for p := range 8 {
			v |= uint64(src[p*n+i]) << (8 * p)
		}
		if float {
			v = v>>1 | v<<63
		}
		binary.LittleEndian.PutUint64(dst[8*i:], v)
	}
}
