package codec

import (
	"encoding/binary"
	"math/bits"
	"sync"
)

// An element x is stored against the base's element y as a symbol and raw bits.
// With d = x-y, a signed integer of the element's size, there are two kinds:
//
//	near   |d| < 2·2^mantissa: 2·bucket(|d|), plus 1 if d < 0; the bits of |d|
//	       below its bucket are raw
//	fresh  otherwise: first + 2·k, plus 1 if the top bits of x and y differ, where
//	       k is the exponent of x less that of y, plus bias; the mantissa is raw,
//	       and after it the exponent if k is the highest, which stands for all
//	       that have no symbol
//
// bucket(v) is v itself below 2^(fine+1); from there on it keeps the fine bits
// below the leading one. Floats of one sign are in the order of their bits, so d
// counts the values between them; after a change of sign nothing but the
// exponent of y is of use, hence the second kind. The exponent of an integer is
// just the bits where a float has it. Elements of 1 byte are the symbol d.
type alphabet struct {
	mantissa, exponent uint // bits
	fine               uint
	first              int // symbol
	kinds, bias        int // of k
}

var alphabets = [...]alphabet{ // by the binary logarithm of the size
	1: newAlphabet(7, 8, 3),
	2: newAlphabet(23, 8, 2),
	3: newAlphabet(52, 11, 1),
}

func newAlphabet(mantissa, exponent, fine uint) alphabet {
	a := alphabet{mantissa: mantissa, exponent: exponent, fine: fine}
	a.first = 2 * int((mantissa-fine)<<fine+2<<fine)
	a.kinds = (256 - a.first) / 2
	a.bias = a.kinds * 2 / 3
	return a
}

// near is the symbol of |d| = v, and how many of its low bits are raw.
func (a *alphabet) near(v uint64) (sym byte, raw uint) {
	raw = uint(max(bits.Len64(v)-1-int(a.fine), 0))
	return byte((uint64(raw)<<a.fine + v>>raw) << 1), raw
}

// fresh is the symbol for two exponents, and whether that of x must follow.
func (a *alphabet) fresh(x, y uint64, flip byte) (sym byte, follows bool) {
	k := int(x) - int(y) + a.bias
	if uint(k) >= uint(a.kinds-1) {
		k, follows = a.kinds-1, true
	}
	return byte(a.first+2*k) + flip, follows
}

// residual is an alphabet set up for one size of elements.
type residual struct {
	alphabet
	size  int
	steps [256]step
	// near16 holds for d of 2 bytes the symbol, from bit 8 on the number of raw
	// bits, and from bit 16 on these; index 0 is the lowest d.
	near16 [near16Span]uint32
	// raw16 holds the number of raw bits by near symbol, back16 d by that symbol
	// and the 4 bits that come next, not all of which are its own.
	raw16  [256]uint8
	back16 [near16Symbols << near16Bits]uint16
}

const (
	near16Span    = 2*256 - 1
	near16Symbols = 96
	near16Bits    = 4
)

// step is what the decoder does for one symbol.
type step struct {
	add   uint64 // d, apart from raw bits that are 0; of fresh elements k less bias
	sign  uint64 // all ones if d < 0; of fresh elements the top bit if it differs
	mask  uint64 // of the raw bits
	bits  uint8
	fresh bool
}

// residuals by the binary logarithm of the size; they do not change.
var residuals = [...]func() *residual{
	sync.OnceValue(func() *residual { return newResidual(1) }),
	sync.OnceValue(func() *residual { return newResidual(2) }),
	sync.OnceValue(func() *residual { return newResidual(4) }),
	sync.OnceValue(func() *residual { return newResidual(8) }),
}

func (e Elem) residual() *residual { return residuals[bits.TrailingZeros8(e.Size)]() }

func newResidual(size int) *residual {
	r := &residual{size: size}
	if r.size == 1 {
		return r
	}
	r.alphabet = alphabets[bits.TrailingZeros(uint(size))]
	for s := range r.steps {
		v := uint64(s / 2)
		t := step{add: v, sign: -uint64(s & 1)}
		switch {
		case s >= r.first:
			t.add, t.bits, t.fresh = uint64((s-r.first)/2-r.bias), uint8(r.mantissa), true
			t.sign &= 1 << (8*r.size - 1)
		case v >= 2<<r.fine:
			n := v>>r.fine - 1
			t.add, t.bits = (v&(1<<r.fine-1)|1<<r.fine)<<n, uint8(n)
		}
		t.mask = 1<<t.bits - 1
		r.steps[s] = t
	}
	if r.size == 2 {
		for i := range r.near16 {
			d := i - near16Span/2
			sym, raw := r.near(uint64(max(d, -d)))
			if d < 0 {
				sym++
			}
			own := max(d, -d) & (1<<raw - 1)
			r.near16[i] = uint32(sym) | uint32(raw)<<8 | uint32(own)<<16
			r.raw16[sym] = uint8(raw)
			for rest := range 1 << (near16Bits - raw) {
				r.back16[int(sym)<<near16Bits|rest<<raw|own] = uint16(d)
			}
		}
	}
	return r
}

// chunk is the number of elements that the loops take at a time.
const chunk = 512

// encode sets for each of the up to chunk elements x against y its symbol, and
// the top of y, by which contexts are told apart.
func (r *residual) encode(w *bitWriter, syms, tops *[chunk]byte, x, y []byte) {
	w.reserve()
	n := len(x) / r.size
	switch r.size {
	case 1:
		for i, c := range x {
			syms[i], tops[i] = c-y[i], y[i]
		}
	case 2:
		r.encode16(w, syms[:n], tops[:n], x, y)
	case 4:
		r.encode32(w, syms[:n], tops[:n], x, y)
	default:
		r.encode64(w, syms[:n], tops[:n], x, y)
	}
}

func (r *residual) encode16(w *bitWriter, syms, tops, x, y []byte) {
	b := *w
	for len(syms) > 0 && len(tops) > 0 {
		k := min(4, len(syms), len(tops))
		var xs, ys uint64
		if len(x) >= 8 && len(y) >= 8 {
			xs, ys = binary.LittleEndian.Uint64(x), binary.LittleEndian.Uint64(y)
			x, y = x[8:], y[8:]
		} else {
			xs, ys = partWord(x), partWord(y)
		}
		ss, ts := syms[:k], tops[:k]
		for i := range ss {
			u, v := uint32(xs&0xffff), uint32(ys&0xffff)
			ts[i&3] = byte(v >> 7)
			if d := int(int16(u-v)) + near16Span/2; uint(d) < near16Span {
				t := r.near16[d]
				ss[i] = byte(t)
				b.acc |= uint64(t>>16) << (b.n & 63)
				b.n += uint(t >> 8 & 0xff)
			} else {
				sym, follows := r.fresh(uint64(u>>7&0xff), uint64(v>>7&0xff), byte((u^v)>>15))
				ss[i] = sym
				b.put(uint64(u&0x7f), 7)
				if follows {
					b.put(uint64(u>>7&0xff), 8)
				}
			}
			xs, ys = xs>>16, ys>>16
		}
		b.flush() // at most 7+4·4 bits are waiting
		syms, tops = syms[k:], tops[k:]
	}
	*w = b
}

// partWord reads the last fewer than 8 bytes.
func partWord(b []byte) (v uint64) {
	for i := len(b) - 1; i >= 0; i-- {
		v = v<<8 | uint64(b[i])
	}
	return v
}

func (r *residual) encode32(w *bitWriter, syms, tops, x, y []byte) {
	b, fine := *w, r.fine&31
	tops = tops[:len(syms)]
	for i := range syms {
		if len(x) < 4 || len(y) < 4 {
			break
		}
		u, v := binary.LittleEndian.Uint32(x), binary.LittleEndian.Uint32(y)
		x, y = x[4:], y[4:]
		tops[i] = byte(v >> 23)
		d := int32(u - v)
		neg := uint32(d >> 31)
		if a := (uint32(d) ^ neg) - neg; a < 2<<23 {
			n := uint(max(bits.Len32(a)-1-int(fine), 0)) & 31
			syms[i] = byte((uint32(n)<<fine+a>>n)<<1 | neg&1)
			b.put(uint64(a&(1<<n-1)), n)
			continue
		}
		sym, follows := r.fresh(uint64(u>>23&0xff), uint64(v>>23&0xff), byte((u^v)>>31))
		syms[i] = sym
		b.put(uint64(u&(1<<23-1)), 23)
		if follows {
			b.put(uint64(u>>23&0xff), 8)
		}
	}
	*w = b
}

// top64 is the top of a double. Its exponent has more bits than a top.
func top64(y uint64) byte { return byte(min(max(int(y>>52&0x7ff)-896, 0), 255)) }

func (r *residual) encode64(w *bitWriter, syms, tops, x, y []byte) {
	for i := range syms {
		u, v := binary.LittleEndian.Uint64(x[8*i:]), binary.LittleEndian.Uint64(y[8*i:])
		tops[i] = top64(v)
		d := int64(u - v)
		neg := uint64(d >> 63)
		if a := (uint64(d) ^ neg) - neg; a < 2<<52 {
			sym, n := r.near(a)
			syms[i] = sym | byte(neg&1)
			w.put(a&(1<<n-1), n)
			continue
		}
		sym, follows := r.fresh(u>>52&0x7ff, v>>52&0x7ff, byte((u^v)>>63))
		syms[i] = sym
		w.put(u&(1<<52-1), 52)
		if follows {
			w.put(u>>52&0x7ff, 11)
		}
	}
}
