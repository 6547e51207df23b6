package jsondoc

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/bits"
	"strconv"
)

// maxNumber bounds the length of a number's text.
const maxNumber = 64 << 10

// number reads the number that b begins with, and returns its length and the hashes of
// its exact decimal value and of its text. n is 0 when there is no number; one that
// touches the end of b may go on.
func number(b []byte) (n int, hash, spelling uint64) {
	i := 0
	neg := false
	if i < len(b) && b[i] == '-' {
		neg = true
		i++
	}
	first := i
	var m uint64 // the digits, while they fit
	digits := 0  // significant ones
	for i < len(b) && b[i]-'0' <= 9 {
		m = m*10 + uint64(b[i]-'0')
		i++
	}
	if i == first || b[first] == '0' && i > first+1 {
		return 0, 0, 0
	}
	digits = i - first
	exp := 0
	if i < len(b) && b[i] == '.' {
		i++
		from := i
		for len(b)-i >= 8 {
			x, ok := eightDigits(b[i:])
			if !ok {
				break
			}
			m = m*1e8 + x
			i += 8
		}
		for i < len(b) && b[i]-'0' <= 9 {
			m = m*10 + uint64(b[i]-'0')
			i++
		}
		if i == from {
			return 0, 0, 0
		}
		exp = from - i
		digits += i - from
	}
	mantissa, plain := i, true
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		plain = false
		minus := false
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			minus = b[i] == '-'
			i++
		}
		from, e := i, 0
		for i < len(b) && b[i]-'0' <= 9 {
			if e < 1<<40 {
				e = e*10 + int(b[i]-'0')
			}
			i++
		}
		if i == from {
			return 0, 0, 0
		}
		if minus {
			e = -e
		}
		exp += e
	}
	for k := first; digits > 19 && k < mantissa && (b[k] == '0' || b[k] == '.'); k++ {
		if b[k] == '0' {
			digits--
		}
	}
	if digits > 19 { // m has overflowed
		hash = longNumber(b[first:mantissa], exp, neg)
	} else {
		for m != 0 && m%10 == 0 {
			m /= 10
			exp++
		}
		hash = numberHash(m, exp, neg)
	}
	if plain { // value and length leave no choice
		return i, hash, mix(hash, uint64(i))
	}
	return i, hash, hashBytes(b[:i])
}

// eightDigits is the number of eight digits; ok is false when they are not all digits.
// The method is that of the fast_float library: pairs, then fours, then eight.
func eightDigits(b []byte) (n uint64, ok bool) {
	x := binary.LittleEndian.Uint64(b)
	const high = 0xf0f0f0f0f0f0f0f0
	if x&high|(x+0x0606060606060606)&high>>4 != 0x3333333333333333 {
		return 0, false
	}
	x = x & 0x0f0f0f0f0f0f0f0f * 2561 >> 8
	x = x & 0x00ff00ff00ff00ff * 6553601 >> 16
	return x & 0x0000ffff0000ffff * 42949672960001 >> 32, true
}

// numberHash is the hash of m*10^exp, where m does not end in 0.
func numberHash(m uint64, exp int, neg bool) uint64 {
	if m == 0 {
		return mix(0, uint64(Number))
	}
	x := uint64(int64(exp))<<8 | uint64(Number)
	if neg {
		x |= 1 << 7
	}
	return mix(m, x)
}

// longNumber hashes a mantissa of many digits, exp being the exponent of the last.
func longNumber(mantissa []byte, exp int, neg bool) uint64 {
	d := bytes.TrimLeft(bytes.Replace(mantissa, []byte("."), nil, 1), "0")
	short := bytes.TrimRight(d, "0")
	exp += len(d) - len(short)
	if len(short) <= 19 {
		m := uint64(0)
		for _, c := range short {
			m = m*10 + uint64(c-'0')
		}
		return numberHash(m, exp, neg)
	}
	return numberHash(hashBytes(short)|1, exp, neg)
}

// Float is the float64 nearest to the number that text spells. What is beyond all of them
// is the largest: only the words are infinite.
func Float(text []byte) float64 {
	switch string(text) {
	case "NaN":
		return math.NaN()
	case "Infinity":
		return math.Inf(1)
	case "-Infinity":
		return math.Inf(-1)
	}
	f, _ := strconv.ParseFloat(string(text), 64)
	return max(-math.MaxFloat64, min(math.MaxFloat64, f))
}

// words are the numbers that are no JSON.
var words = [...]string{"NaN", "Infinity", "-Infinity"}

func wordHash(i int) uint64 { return mix(uint64(i)+1, bits.Reverse64(uint64(Number))) }
