package codec

import (
	"encoding/binary"
	"math/bits"
)

// A layout is a way to print a decimal: without exponent when the point stands
// from low to high digits after the beginning of its digits.
type layout struct {
	low, high int
	point     bool // integers end in ".0"
	twoDigits bool // exponents have at least two digits
}

// The layouts, by their number in the format.
const (
	layoutPython = iota // repr, json.dumps
	layoutScript        // ECMAScript, encoding/json of Go
	layoutGo            // fmt %v of Go
	layoutC             // %.17g
)

var layouts = [...]layout{
	layoutPython: {low: -3, high: 16, point: true, twoDigits: true},
	layoutScript: {low: -5, high: 17},
	layoutGo:     {low: -3, high: 17, twoDigits: true},
	layoutC:      {low: -3, high: 17, twoDigits: true},
}

// maxPrinted is the room that the put functions want, in bytes.
const maxPrinted = 40

const zeros8 = 0x3030303030303030

var tens = [20]uint64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19}

// digits8 returns v < 1e8 as eight digits, the first one in the lowest byte, of
// values 0 to 9.
func digits8(v uint64) uint64 {
	hi := v * 109951163 >> 40 // v / 1e4
	x := hi | (v-hi*10000)<<32
	y := x * 10486 >> 20 & 0x7f_0000007f
	x = y | (x-y*100)<<16
	y = x * 103 >> 10 & 0x000f000f000f000f
	return y | (x-y*10)<<8
}

// digitCount is 1 for 0.
func digitCount(v uint64) int {
	n := bits.Len64(v|1) * 1233 >> 12
	if v >= tens[n] {
		n++
	}
	return max(n, 1)
}

func put8(b []byte, v uint64) { binary.LittleEndian.PutUint64(b, digits8(v)+zeros8) }

// put16 writes v < 1e16 as 16 digits.
func put16(b []byte, v uint64) {
	_ = b[15]
	hi := v / 1e8
	put8(b, hi)
	put8(b[8:], v-hi*1e8)
}

// putUint writes v and returns the number of its digits.
func putUint(b []byte, v uint64) int {
	if v < 1e8 {
		n := digitCount(v)
		binary.LittleEndian.PutUint64(b, (digits8(v)+zeros8)>>(64-8*n))
		return n
	}
	hi := v / 1e8
	n := putUint(b, hi)
	put8(b[n:], v-hi*1e8)
	return n + 8
}

// putInt writes v and returns its length.
func putInt(b []byte, v int64) int {
	if v < 0 {
		b[0] = '-'
		return 1 + putUint(b[1:], -uint64(v))
	}
	return putUint(b, uint64(v))
}

// putFixed writes v / 10^f with f digits after the point, 1 to 16, and returns
// the length.
func putFixed(b []byte, v int64, f int) int {
	n, u := 0, uint64(v)
	if v < 0 {
		b[0] = '-'
		n, u = 1, -u
	}
	ip := u / tens[f]
	n += putUint(b[n:], ip)
	b[n] = '.'
	put16(b[n+1:], (u-ip*tens[f])*tens[16-f])
	return n + 1 + f
}

// putScaled writes v / 10^f as a float is written.
func putScaled(b []byte, v int64, f int, l *layout) int {
	n, u := 0, uint64(v)
	if v < 0 {
		b[0] = '-'
		n, u = 1, -u
	}
	if u >= 1e17 { // no encoder writes it
		u = 0
	}
	d, p := trimZeros(u, -f)
	if d == 0 {
		p = 0
	}
	return n + putDecimal(b[n:], d, p, l)
}

// putFloat writes the float of bits x, by its shortest decimal, or 17 digits for
// layoutC, and returns the length. What is not finite comes out as anything.
func putFloat(b []byte, t *pow10Table, x uint64, l *layout) int {
	b[0] = '-' // without a branch: signs cannot be predicted
	n := int(x >> 63)
	x &^= 1 << 63
	if x == 0 {
		return n + putDecimal(b[n:], 0, 0, l)
	}
	x = min(x, 0x7fefffffffffffff)
	var d uint64
	var p int
	if l == &layouts[layoutC] {
		d, p = round17(t, x)
	} else {
		d, p = shortest(t, x)
	}
	return n + putDecimal(b[n:], d, p, l)
}

// putScience writes the float of bits x as %.18e does, and returns the length.
func putScience(b []byte, t *pow10Table, x uint64) int {
	n := 0
	if x>>63 != 0 {
		b[0] = '-'
		n = 1
		x &^= 1 << 63
	}
	var d uint64
	p := -18
	if x != 0 {
		d, p = round19(t, min(x, 0x7fefffffffffffff))
	}
	lead := d / 1e18
	d -= lead * 1e18
	b[n], b[n+1] = byte('0'+lead), '.'
	pair := d / 1e16
	b[n+2], b[n+3] = byte('0'+pair/10), byte('0'+pair%10)
	put16(b[n+4:], d-pair*1e16)
	n += 20
	return n + putExponent(b[n:], p+18, &layouts[layoutC])
}

// putDecimal writes d * 10^p, d of at most 17 digits without trailing zeros,
// and returns the length.
func putDecimal(b []byte, d uint64, p int, l *layout) int {
	nd := digitCount(d)
	at := nd + p // where the point stands
	full := d * tens[17-nd]
	switch {
	case at < l.low || at > l.high:
		lead := full / 1e16
		b[0] = byte('0' + lead)
		n := 1
		if nd > 1 {
			b[1] = '.'
			put16(b[2:], full-lead*1e16)
			n = 1 + nd
		}
		return n + putExponent(b[n:], at-1, l)
	case p >= 0:
		n := putUint(b, d*tens[p])
		if l.point {
			b[n], b[n+1] = '.', '0'
			n += 2
		}
		return n
	case at <= 1:
		binary.LittleEndian.PutUint64(b, 0x3030303030302e30) // "0.000000"
		n := 2 - at
		lead := full / 1e16
		b[n-int(uint(-at)>>63)] = byte('0' + lead) // a digit before the point takes the place of the 0
		put16(b[n+1:], full-lead*1e16)
		return n + nd
	}
	k := 17 - at
	ip := full / tens[k]
	n := putUint(b, ip)
	b[n] = '.'
	put16(b[n+1:], (full-ip*tens[k])*tens[at-1])
	return n + 1 - p
}

func putExponent(b []byte, e int, l *layout) int {
	b[0], b[1] = 'e', '+'
	if e < 0 {
		b[1] = '-'
		e = -e
	}
	if l.twoDigits && e < 10 {
		b[2], b[3] = '0', byte('0'+e)
		return 4
	}
	return 2 + putUint(b[2:], uint64(e))
}
