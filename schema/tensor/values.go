package tensor

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// look is how NaN, Inf and zero show in the bits of a type. There are three
// ways: IEEE numbers, side by side in a 64-bit word, with a sign, an exponent
// and a fraction from the top down; bytes of which one is NaN; and blocks with
// IEEE numbers of 16 bits, the scales, at some places.
type look struct {
	width uint   // of a value, in bits
	exp   uint64 // the exponent's bits of every value in a word
	low   uint64 // the lowest of them
	sign  uint64
	frac  uint64
	noInf bool // an exponent of all ones is always NaN

	nan    byte // the byte that is NaN, 0 in the other ways
	noZero bool

	scales []int // where a block's scales stand, nil in the other ways
	block  int   // its length in bytes
}

// ieee makes the look of a number of width bits with a fraction of frac bits.
func ieee(width, frac uint) *look {
	l := &look{width: width}
	for at := uint(0); at < 64; at += width {
		l.low |= 1 << (at + frac)
		l.sign |= 1 << (at + width - 1)
		l.frac |= (1<<frac - 1) << at
	}
	l.exp = l.sign - l.low // a one in every place between them
	return l
}

var looks = map[string]*look{
	"F64": ieee(64, 52), "C128": ieee(64, 52), "F32": ieee(32, 23), "C64": ieee(32, 23), "F16": ieee(16, 10), "BF16": ieee(16, 7),
	"F8_E5M2": ieee(8, 2),
	// There is no Inf, and NaN is all ones but for the sign: as if all were exponent.
	"F8_E4M3":     {width: 8, exp: 0x7f * ones, low: ones, sign: 0x80 * ones, noInf: true},
	"F8_E8M0":     {width: 8, nan: 0xff, noZero: true}, // powers of two
	"F8_E4M3FNUZ": {width: 8, nan: 0x80},               // what would be -0
	"F8_E5M2FNUZ": {width: 8, nan: 0x80},
}

const ones = 0x0101010101010101

// values counts what stands out among a tensor's values.
type values struct {
	*look
	seen, nan, inf int64
	any            uint64 // is 0 as long as all values are
}

// unit is what the length of all pieces but the last must be a multiple of.
func (l *look) unit() int {
	if l.scales != nil {
		return l.block
	}
	return smallest
}

// add looks at the next piece.
func (v *values) add(b []byte) {
	switch {
	case v.scales != nil:
		v.addScales(b)
		return
	case v.look.nan != 0:
		v.nan += int64(bytes.Count(b, []byte{v.look.nan}))
		if v.noZero {
			v.any = 1
		} else if v.any == 0 {
			v.any = either(b)
		}
	default:
		v.addWords(b)
		if n := len(b) % 8; n > 0 {
			var last [8]byte // zeros change nothing
			copy(last[:], b[len(b)-n:])
			v.addWords(last[:])
		}
	}
	v.seen += int64(uint(len(b)) * 8 / v.width)
}

// addWords looks at whole words. An exponent of all ones, plus its lowest bit,
// carries into the place of the sign, which was cleared: that is found in four
// words at once, and only then counted.
func (v *values) addWords(b []byte) {
	exp, low, sign := v.exp, v.low, v.sign
	var any uint64
	for len(b) >= 32 {
		w := (*[32]byte)(b)
		x0, x1 := binary.LittleEndian.Uint64(w[0:]), binary.LittleEndian.Uint64(w[8:])
		x2, x3 := binary.LittleEndian.Uint64(w[16:]), binary.LittleEndian.Uint64(w[24:])
		any |= x0 | x1 | x2 | x3
		if (((x0&exp)+low)|((x1&exp)+low)|((x2&exp)+low)|((x3&exp)+low))&sign != 0 {
			v.hits(x0)
			v.hits(x1)
			v.hits(x2)
			v.hits(x3)
		}
		b = b[32:]
	}
	for ; len(b) >= 8; b = b[8:] {
		x := binary.LittleEndian.Uint64(b)
		any |= x
		v.hits(x)
	}
	v.any |= any &^ sign
}

// hits counts the values of a word whose exponent is all ones: a fraction that
// is not 0 carries, like that, into the place of the exponent's lowest bit.
func (v *values) hits(x uint64) {
	hit := ((x & v.exp) + v.low) & v.sign
	if hit == 0 {
		return
	}
	all := bits.OnesCount64(hit)
	nan := all
	if !v.noInf {
		fraction := ((x & v.frac) + v.frac) & v.low
		nan = bits.OnesCount64((hit >> bits.TrailingZeros64(v.sign)) & (fraction >> bits.TrailingZeros64(v.low)))
	}
	v.nan += int64(nan)
	v.inf += int64(all - nan)
}

// addScales looks at whole blocks.
func (v *values) addScales(b []byte) {
	for ; len(b) >= v.block; b = b[v.block:] {
		for _, at := range v.scales {
			x := uint64(binary.LittleEndian.Uint16(b[at:]))
			v.any |= x &^ v.sign
			v.hits(x)
		}
		v.seen += int64(len(v.scales))
	}
}

// either is 0 if all bytes are.
func either(b []byte) (x uint64) {
	for ; len(b) >= 8; b = b[8:] {
		x |= binary.LittleEndian.Uint64(b)
	}
	for _, c := range b {
		x |= uint64(c)
	}
	return x
}

// swap turns numbers of width bits around; b is as long as whole numbers.
func swap(b []byte, width uint) {
	switch width {
	case 16:
		for ; len(b) >= 2; b = b[2:] {
			b[0], b[1] = b[1], b[0]
		}
	case 32:
		for ; len(b) >= 4; b = b[4:] {
			binary.LittleEndian.PutUint32(b, binary.BigEndian.Uint32(b))
		}
	case 64:
		for ; len(b) >= 8; b = b[8:] {
			binary.LittleEndian.PutUint64(b, binary.BigEndian.Uint64(b))
		}
	}
}
