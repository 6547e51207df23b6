package codec

import (
	"encoding/binary"
	"math"
	"math/bits"
	"strconv"
)

// A numberKind says what a number's value is, and by which function it is
// printed.
type numberKind uint8

const (
	kindInt      numberKind = iota // an int64: up to 18 digits, canonical
	kindFloat                      // bits of a float64, printed by its shortest decimal
	kindC                          // bits of a float64, printed with 17 digits
	kindScience                    // bits of a float64, printed with 19 digits and an exponent
	kindFixed                      // an int64 to be divided by a power of ten, printed with all zeros
	kindPadded                     // an integer of up to 16 digits with zeros before it
	kindVerbatim                   // the length of the text
)

// scanMargin is how far parseNumber may look without asking for the end of the
// text; the last bytes of a text therefore belong to its last gap.
const scanMargin = 64

// Classes of bytes.
const (
	classOther = iota
	classDigit
	classLetter // joins digits to a word: not a number
)

var classes = func() (c [256]uint8) {
	for i := range c {
		switch b := byte(i); {
		case b >= '0' && b <= '9':
			c[i] = classDigit
		case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b >= 0x80:
			c[i] = classLetter
		}
	}
	return c
}()

// digitRun returns how many of the eight bytes of x are digits, from the lowest
// one on, and their value.
func digitRun(x uint64) (n int, v uint64) {
	x ^= zeros8
	n = bits.TrailingZeros64(((x+0x0606060606060606)|x)&0xf0f0f0f0f0f0f0f0) >> 3
	x <<= 64 - 8*uint(n) // a shift by 64 gives 0
	x = x*10 + x>>8
	return n, ((x&0x000000ff000000ff)*0x000f424000000064 + (x>>16&0x000000ff000000ff)*0x0000271000000001) >> 32
}

// minus is 1 for a minus sign, else 0.
func minus(c byte) uint64 { return (uint64(c^'-') - 1) >> 63 }

// A parser turns the text of numbers into values.
type parser struct {
	raw    []byte
	tab    *pow10Table
	layout uint8
	sure   bool // a number has been seen that only this layout prints
	buf    [maxPrinted]byte
}

// parse reads the number at raw[at:], which begins with a digit, or a sign and a
// digit. end is 0 when the digits belong to a word. scale is the number of
// digits after the point of a fixed number, and of all digits of a padded one.
func (p *parser) parse(at int) (end int, kind numberKind, v uint64, scale uint8) {
	raw := p.raw
	// Without a branch: signs cannot be predicted.
	sign := minus(raw[at])
	s := at + int(sign)
	n, d := digitRun(binary.LittleEndian.Uint64(raw[s:]))
	i := s + n
	digits := n
	if n == 8 {
		for i < len(raw) && classes[raw[i]] == classDigit {
			d = d*10 + uint64(raw[i]-'0')
			i++
		}
		digits = i - s
		if digits > 18 {
			return p.long(at, i)
		}
	}
	c := raw[i]
	if c != '.' || classes[raw[i+1]] != classDigit {
		if c == 'e' || c == 'E' {
			return p.slow(at, i, d, 0)
		}
		if classes[c] == classLetter {
			return 0, 0, 0, 0
		}
		if digits > 1 && raw[s] == '0' || sign != 0 && d == 0 {
			if sign != 0 || digits > maxScale {
				return i, kindVerbatim, uint64(i - at), 0
			}
			return i, kindPadded, d, uint8(digits)
		}
		return i, kindInt, (d ^ -sign) + sign, 0
	}
	i++
	point := i
	for {
		n, v := digitRun(binary.LittleEndian.Uint64(raw[i:]))
		d = d*tens[n] + v
		i += n
		if n < 8 {
			break
		}
		if i-point > 16 { // no more than 24 digits are looked at
			return p.long(at, i)
		}
	}
	frac := i - point
	if digits+frac > 19 && !fits(raw[s:i], digits+frac-19) {
		return p.long(at, i)
	}
	c = raw[i]
	if classes[c] == classLetter {
		if c == 'e' || c == 'E' {
			return p.slow(at, i, d, -frac)
		}
		return 0, 0, 0, 0
	}
	if raw[i-1] == '0' || digits > 1 && raw[s] == '0' {
		return p.slow(at, i, d, -frac)
	}
	x, ok := toFloat(p.tab, d, -frac)
	if ok && x >= smallest && x < largest {
		if d2, p2 := shortest(p.tab, x); d2 == d && p2 == -frac {
			return i, kindFloat, x | sign<<63, 0
		}
	}
	return p.slow(at, i, d, -frac)
}

// fits tells whether the first n digits of the text are zeros.
func fits(text []byte, n int) bool {
	for _, c := range text {
		if c != '.' {
			if c != '0' {
				return false
			}
			if n--; n == 0 {
				break
			}
		}
	}
	return true
}

// Between these floats, all layouts print without exponent.
var (
	smallest = math.Float64bits(1e-4)
	largest  = math.Float64bits(1e16)
)

// long skips a number of many digits, of which raw[at:i] has been read.
func (p *parser) long(at, i int) (end int, kind numberKind, v uint64, scale uint8) {
	raw := p.raw
	for i < len(raw) && (classes[raw[i]] == classDigit || raw[i] == '.') {
		i++
	}
	if i < len(raw) && classes[raw[i]] == classLetter {
		if raw[i]|0x20 != 'e' {
			return 0, 0, 0, 0
		}
		if i = exponentEnd(raw, i); i == 0 {
			return 0, 0, 0, 0
		}
	}
	return i, kindVerbatim, uint64(i - at), 0
}

// exponentEnd returns where the exponent at raw[i:] ends, 0 when it is none.
func exponentEnd(raw []byte, i int) int {
	i++
	if i < len(raw) && (raw[i] == '-' || raw[i] == '+') {
		i++
	}
	digits := i
	for i < len(raw) && classes[raw[i]] == classDigit {
		i++
	}
	if i == digits || i < len(raw) && classes[raw[i]] == classLetter {
		return 0
	}
	return i
}

// slow reads a number with an exponent, with zeros at its end or beginning, or
// with digits that are not the shortest; d * 10^e is its value so far, raw[at:i]
// its text.
func (p *parser) slow(at, i int, d uint64, e int) (end int, kind numberKind, v uint64, scale uint8) {
	raw := p.raw
	whole := i // where the exponent begins
	if raw[i]|0x20 == 'e' {
		if i = exponentEnd(raw, i); i == 0 {
			return 0, 0, 0, 0
		}
	}
	text := raw[at:i]
	if len(text) >= maxPrinted-8 {
		return i, kindVerbatim, uint64(len(text)), 0
	}
	neg := raw[at] == '-'
	if i > whole {
		exp, err := strconv.Atoi(string(raw[whole+1 : i]))
		if err != nil || exp < -400 || exp > 400 {
			return i, kindVerbatim, uint64(len(text)), 0
		}
		e += exp
	}
	x, ok := toFloat(p.tab, d, e)
	if !ok && d != 0 {
		f, err := strconv.ParseFloat(string(text), 64)
		if err != nil {
			return i, kindVerbatim, uint64(len(text)), 0
		}
		x, ok = math.Float64bits(math.Abs(f)), true
	}
	if neg {
		x |= 1 << 63
	}
	if d >= 1e17 || i > whole && d == 0 {
		if string(p.buf[:putScience(p.buf[:], p.tab, x)]) == string(text) {
			return i, kindScience, x, 0
		}
	}
	if p.printsAs(x, text) {
		return i, kindFloat, x, 0
	}
	if i == whole && -e <= maxScale && d < 1e17 && (!neg || d != 0) {
		m := int64(d)
		if neg {
			m = -m
		}
		if string(p.buf[:putFixed(p.buf[:], m, -e)]) == string(text) && raw[i-1] == '0' {
			return i, kindFixed, uint64(m), uint8(-e)
		}
	}
	if string(p.buf[:putFloat(p.buf[:], p.tab, x, &layouts[layoutC])]) == string(text) {
		return i, kindC, x, 0
	}
	return i, kindVerbatim, uint64(len(text)), 0
}

// printsAs tells whether the layout prints x as text; the first number that asks
// for another one decides for all.
func (p *parser) printsAs(x uint64, text []byte) bool {
	for l := p.layout; l < layoutC; l++ {
		if string(p.buf[:putFloat(p.buf[:], p.tab, x, &layouts[l])]) == string(text) {
			if a := x &^ (1 << 63); l != p.layout || a < smallest || a >= largest || text[len(text)-1] == '0' {
				p.sure = true
			}
			p.layout = l
			return true
		}
		if p.sure {
			break
		}
	}
	return false
}
