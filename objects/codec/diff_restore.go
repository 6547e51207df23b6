package codec

import (
	"encoding/binary"
	"fmt"
)

// tops finds the tops of the up to chunk elements y.
func (r *residual) tops(tops *[chunk]byte, y []byte) {
	switch r.size {
	case 1:
		copy(tops[:], y)
	case 2:
		n := 0
		for ; len(y) >= 8 && n <= chunk-4; n += 4 {
			v := binary.LittleEndian.Uint64(y) >> 7
			tops[n], tops[n+1], tops[n+2], tops[n+3] = byte(v), byte(v>>16), byte(v>>32), byte(v>>48)
			y = y[8:]
		}
		for ; len(y) >= 2; y = y[2:] {
			tops[n] = byte(binary.LittleEndian.Uint16(y) >> 7)
			n++
		}
	case 4:
		for n := 0; len(y) >= 4 && n < chunk; n++ {
			tops[n] = byte(binary.LittleEndian.Uint32(y) >> 23)
			y = y[4:]
		}
	default:
		for n := 0; len(y) >= 8 && n < chunk; n++ {
			tops[n] = top64(binary.LittleEndian.Uint64(y))
			y = y[8:]
		}
	}
}

// decode is the inverse of encode: it sets x from the symbols, the elements y
// of the base and the raw bits.
func (r *residual) decode(x, y []byte, syms *[chunk]byte, b *bitReader) error {
	n := len(x) / r.size
	switch r.size {
	case 1:
		for i := range x {
			x[i] = y[i] + syms[i]
		}
	case 2:
		r.decode16(x, y, syms[:n], b)
	case 4:
		r.decode32(x, y, syms[:n], b)
	default:
		r.decode64(x, y, syms[:n], b)
	}
	if b.over() {
		return fmt.Errorf("%w: too few bits", ErrCorrupt)
	}
	return nil
}

func (r *residual) decode16(x, y, syms []byte, b *bitReader) {
	in := *b
	for len(syms) > 0 {
		k := min(4, len(syms))
		var xs, ys uint64
		if len(y) >= 8 {
			ys, y = binary.LittleEndian.Uint64(y), y[8:]
		} else {
			ys = partWord(y)
		}
		v, used := in.peek(), uint(0) // enough for four near elements
		for _, sym := range syms[:k] {
			if i := int(sym)<<near16Bits | int(v&(1<<near16Bits-1)); i < len(r.back16) {
				// The number of bits does not come from the same table, so that
				// the next element need not wait for it.
				n := uint(r.raw16[sym])
				xs = xs>>16 | (ys+uint64(r.back16[i]))<<48
				v >>= n & 63
				used += n
			} else {
				in.at += int(used)
				xs = xs>>16 | r.fresh16(ys, sym, &in)<<48
				v, used = in.peek(), 0
			}
			ys >>= 16
		}
		in.at += int(used)
		if len(x) >= 8 {
			binary.LittleEndian.PutUint64(x, xs)
			x = x[8:]
		} else {
			xs >>= 16 * (4 - k)
			for i := range x {
				x[i] = byte(xs >> (8 * i))
			}
		}
		syms = syms[k:]
	}
	*b = in
}

func (r *residual) fresh16(y uint64, sym byte, in *bitReader) uint64 {
	s, v := &r.steps[sym], in.peek()
	in.at += 7
	k := y>>7 + s.add
	if sym >= 254 {
		k = v >> 7
		in.at += 8
	}
	return (y&0x8000 | k&0xff<<7 | v&0x7f) ^ s.sign
}

func (r *residual) decode32(x, y, syms []byte, b *bitReader) {
	buf, at := b.buf, b.at
	last := len(buf) - spare
	for _, sym := range syms {
		if len(x) < 4 || len(y) < 4 {
			break
		}
		u := uint64(binary.LittleEndian.Uint32(y))
		s := &r.steps[sym]
		v := binary.LittleEndian.Uint64(buf[min(at>>3, last):]) >> (at & 7)
		at += int(s.bits)
		m := v & s.mask
		if !s.fresh {
			u += ((s.add + m) ^ s.sign) - s.sign
		} else {
			k := u>>23 + s.add
			if sym >= 254 {
				k = v >> 23
				at += 8
			}
			u = (u&(1<<31) | k&0xff<<23 | m) ^ s.sign
		}
		binary.LittleEndian.PutUint32(x, uint32(u))
		x, y = x[4:], y[4:]
	}
	b.at = at
}

func (r *residual) decode64(x, y, syms []byte, in *bitReader) {
	for i, sym := range syms {
		u := binary.LittleEndian.Uint64(y[8*i:])
		s := &r.steps[sym]
		m := in.peek() & s.mask
		in.at += int(s.bits)
		if !s.fresh {
			u += ((s.add + m) ^ s.sign) - s.sign
		} else {
			k := u>>52 + s.add
			if sym >= 254 {
				k = in.peek()
				in.at += 11
			}
			u = (u&(1<<63) | k&0x7ff<<52 | m) ^ s.sign
		}
		binary.LittleEndian.PutUint64(x[8*i:], u)
	}
}
