package codec

import (
	"math"
	"math/bits"
	"sync"
)

// Binary floats and decimals are turned into each other with one multiplication
// of 64 by 128 bits, whose result keeps two more bits: one half, and whether
// anything is left below it. The method is Russ Cox's "unrounded scaling"
// (Floating-Point Printing and Parsing Can Be Simple And Fast, 2026); the choice
// of the scale, with its constants, is that of Raffaello Giulietti's Schubfach.

const (
	minPow10 = -348
	maxPow10 = 348
)

// A pow10 is 10^p = (hi<<64 - lo) * 2^(log2Pow10(p)-127), rounded up to 128 bits.
type pow10 struct{ hi, lo uint64 }

type pow10Table [maxPow10 - minPow10 + 1]pow10

// powers is made when it is first used: a command that touches no numbers does
// not pay for it.
var powers = sync.OnceValue(func() *pow10Table {
	t := new(pow10Table)
	// 256 bits are exact up to 10^110, and beyond that wrong far below bit 128.
	w := [4]uint64{1 << 63}
	for p := 0; p <= maxPow10; p++ {
		t[p-minPow10] = roundPow10(w)
		var carry uint64
		for i := 3; i >= 0; i-- {
			hi, lo := bits.Mul64(w[i], 10)
			var c uint64
			w[i], c = bits.Add64(lo, carry, 0)
			carry = hi + c
		}
		shiftIn(&w, carry)
	}
	w = [4]uint64{1 << 63}
	for p := -1; p >= minPow10; p-- {
		// Divided with the top bits moved down, so that no bit is lost.
		var q [5]uint64
		var rem uint64
		for i := range q {
			var d uint64
			if i < 4 {
				d = w[i]
			}
			q[i], rem = bits.Div64(rem, d, 10)
		}
		n := bits.LeadingZeros64(q[0])
		for i := range w {
			w[i] = q[i]<<n | q[i+1]>>(64-n)
		}
		t[p-minPow10] = roundPow10(w)
	}
	return t
})

// shiftIn moves w down to make room for carry above it, so that the top bit is
// set again.
func shiftIn(w *[4]uint64, carry uint64) {
	n := bits.Len64(carry)
	for i := 3; i > 0; i-- {
		w[i] = w[i]>>n | w[i-1]<<(64-n)
	}
	w[0] = w[0]>>n | carry<<(64-n)
}

func roundPow10(w [4]uint64) pow10 {
	hi, lo := w[0], w[1]
	if w[2]|w[3] != 0 {
		var c uint64
		lo, c = bits.Add64(lo, 1, 0)
		hi += c
	}
	if lo != 0 {
		hi++
	}
	return pow10{hi, -lo}
}

func log10Pow2(e int) int { return e * 78913 >> 18 }  // floor(log10(2^e))
func log2Pow10(p int) int { return p * 108853 >> 15 } // floor(log2(10^p))

// log10ThreeQuarters is floor(log10(3/4 * 2^e)).
func log10ThreeQuarters(e int) int { return (e*631305 - 261663) >> 21 }

// scaled multiplies x by the power and shifts right by 128+s bits; the lowest
// bit is also set when anything was cut off.
func scaled(x uint64, f *pow10, s uint) uint64 {
	h, mid := bits.Mul64(x, f.hi)
	if h&(1<<(s&63)-1) != 0 {
		return h>>(s&63) | 1
	}
	return scaledFully(x, h, mid, f.lo, s)
}

func scaledFully(x, h, mid, lo uint64, s uint) uint64 {
	mid2, _ := bits.Mul64(x, lo)
	rest := mid - mid2
	if mid < mid2 {
		h--
	}
	h >>= s & 63
	if rest > 1 {
		h |= 1
	}
	return h
}

// roundEven takes the two extra bits off.
func roundEven(u uint64) uint64 { return (u + 1 + u>>2&1) >> 2 }

// unpack returns a positive float as m * 2^e, m with the top bit set and z zero
// bits below its unit in the last place.
func unpack(x uint64) (m uint64, e, z int) {
	exp := int(x >> 52)
	if exp == 0 {
		z = bits.LeadingZeros64(x)
		return x << z, -1074 - z, z
	}
	return 1<<63 | x<<11, exp - 1086, 11
}

// shortest returns the decimal d * 10^p of the fewest digits that is read as the
// positive float of bits x, and of these the one closest to it.
func shortest(t *pow10Table, x uint64) (d uint64, p int) {
	m, e, z := unpack(x)
	lower := m - 1<<(z-1)
	upper := m + 1<<(z-1)
	power := m == 1<<63 && x>>52 > 1
	if power { // the float below is only half as far away
		p = -log10ThreeQuarters(e + z)
		lower = m - 1<<(z-2)
	} else {
		p = -log10Pow2(e + z)
	}
	f := &t[p-minPow10]
	s := uint(-(e + log2Pow10(p) + 3))
	odd := m >> z & 1
	dmin := (scaled(lower, f, s) + odd + 3) >> 2
	dmax := (scaled(upper, f, s) - odd) >> 2
	if q := dmax / 10; q*10 >= dmin {
		return trimZeros(q, 1-p)
	}
	if dmin < dmax {
		dmin = max(dmin, roundEven(scaled(m, f, s)))
	}
	return dmin, -p
}

// round17 returns the positive float of bits x rounded to 17 digits, without
// trailing zeros.
func round17(t *pow10Table, x uint64) (d uint64, p int) {
	m, e, _ := unpack(x)
	p = 16 - log10Pow2(e+63)
	if p > maxPow10 {
		return shortest(t, x)
	}
	d = roundEven(scaled(m, &t[p-minPow10], uint(-(e + log2Pow10(p) + 3))))
	if d >= 1e17 {
		// One digit too many: scaled again, so that it is rounded once.
		p--
		d = roundEven(scaled(m, &t[p-minPow10], uint(-(e + log2Pow10(p) + 3))))
	}
	return trimZeros(d, -p)
}

// round19 returns the positive float of bits x rounded to 19 digits.
func round19(t *pow10Table, x uint64) (d uint64, p int) {
	m, e, _ := unpack(x)
	for p = 18 - log10Pow2(e+63); ; p-- {
		f := &t[p-minPow10]
		h, mid := bits.Mul64(m, f.hi)
		mid2, _ := bits.Mul64(m, f.lo)
		mid, c := bits.Sub64(mid, mid2, 0)
		h -= c
		s := -(e + log2Pow10(p) + 1)
		if s < 0 {
			if s < -1 || h>>63 != 0 {
				continue // one digit too many
			}
			h, mid, s = h<<1|mid>>63, mid<<1, 0
		}
		d = h >> s
		rest := h<<(64-s) | mid>>s
		if rest > 1<<63 || rest == 1<<63 && d&1 != 0 {
			d++
		}
		if d < 1e19 {
			return d, -p
		}
	}
}

func trimZeros(d uint64, p int) (uint64, int) {
	for d != 0 {
		q := d / 10
		if q*10 != d {
			break
		}
		d = q
		p++
	}
	return d, p
}

// toFloat returns the bits of the float closest to d * 10^p; ok is false when d
// is 0 or the float is not a normal one.
func toFloat(t *pow10Table, d uint64, p int) (x uint64, ok bool) {
	if d == 0 || p < minPow10 || p > maxPow10 {
		return 0, false
	}
	b := bits.Len64(d)
	exp := 1021 + b + log2Pow10(p)
	u := scaled(d<<(64-b), &t[p-minPow10], 8)
	if u >= 1<<55 {
		u = u>>1 | u&1
		exp++
	}
	if exp < 1 || exp > 2045 {
		return 0, false
	}
	return uint64(exp)<<52 + roundEven(u), true
}

// narrow tells whether the float of bits x comes from a float32, and its bits.
func narrow(x uint64) (uint32, bool) {
	v := float32(math.Float64frombits(x))
	return math.Float32bits(v), math.Float64bits(float64(v)) == x
}

// widen undoes narrow.
func widen(x uint32) uint64 { return math.Float64bits(float64(math.Float32frombits(x))) }
