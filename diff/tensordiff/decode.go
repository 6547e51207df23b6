package tensordiff

import (
	"encoding/binary"
	"math"
	"sync"

	"github.com/mstore/mstore/schema/tensor"
)

// decoder turns little-endian numbers into float64; dst has as many elements.
type decoder func(dst []float64, src []byte)

// codec is how a type's numbers are read.
type codec struct {
	width  int // bytes
	decode decoder
}

// codecs are the types whose values are compared. All others are opaque.
var codecs = map[string]codec{
	"U16": {2, func(dst []float64, src []byte) {
		for i := range dst {
			dst[i] = float64(binary.LittleEndian.Uint16(src[2*i:]))
		}
	}},
	"I16": {2, func(dst []float64, src []byte) {
		for i := range dst {
			dst[i] = float64(int16(binary.LittleEndian.Uint16(src[2*i:])))
		}
	}},
	"U32": {4, func(dst []float64, src []byte) {
		for i := range dst {
			dst[i] = float64(binary.LittleEndian.Uint32(src[4*i:]))
		}
	}},
	"I32": {4, func(dst []float64, src []byte) {
		for i := range dst {
			dst[i] = float64(int32(binary.LittleEndian.Uint32(src[4*i:])))
		}
	}},
	"U64": {8, func(dst []float64, src []byte) {
		for i := range dst {
			dst[i] = float64(binary.LittleEndian.Uint64(src[8*i:]))
		}
	}},
	"I64": {8, func(dst []float64, src []byte) {
		for i := range dst {
			dst[i] = float64(int64(binary.LittleEndian.Uint64(src[8*i:])))
		}
	}},
	"F16":  {2, decode16},
	"BF16": {2, decodeBrain},
	"F32":  {4, decode32},
	"F64": {8, func(dst []float64, src []byte) {
		for i := range dst {
			dst[i] = math.Float64frombits(binary.LittleEndian.Uint64(src[8*i:]))
		}
	}},
}

// The types that models are mostly of are decoded several numbers at a time.

func decodeBrain(dst []float64, src []byte) {
	for len(dst) >= 4 && len(src) >= 8 {
		u, v := binary.LittleEndian.Uint64(src), (*[4]float64)(dst)
		v[0] = float64(math.Float32frombits(uint32(u) << 16))
		v[1] = float64(math.Float32frombits(uint32(u) & 0xffff0000))
		v[2] = float64(math.Float32frombits(uint32(u>>16) & 0xffff0000))
		v[3] = float64(math.Float32frombits(uint32(u>>32) & 0xffff0000))
		dst, src = dst[4:], src[8:]
	}
	for i := range dst {
		dst[i] = float64(math.Float32frombits(uint32(binary.LittleEndian.Uint16(src[2*i:])) << 16))
	}
}

func decode16(dst []float64, src []byte) {
	for len(dst) >= 4 && len(src) >= 8 {
		u, v := binary.LittleEndian.Uint64(src), (*[4]float64)(dst)
		v[0] = float16(uint16(u))
		v[1] = float16(uint16(u >> 16))
		v[2] = float16(uint16(u >> 32))
		v[3] = float16(uint16(u >> 48))
		dst, src = dst[4:], src[8:]
	}
	for i := range dst {
		dst[i] = float16(binary.LittleEndian.Uint16(src[2*i:]))
	}
}

func decode32(dst []float64, src []byte) {
	for len(dst) >= 4 && len(src) >= 16 {
		u, v := (*[16]byte)(src), (*[4]float64)(dst)
		v[0] = float64(math.Float32frombits(binary.LittleEndian.Uint32(u[0:])))
		v[1] = float64(math.Float32frombits(binary.LittleEndian.Uint32(u[4:])))
		v[2] = float64(math.Float32frombits(binary.LittleEndian.Uint32(u[8:])))
		v[3] = float64(math.Float32frombits(binary.LittleEndian.Uint32(u[12:])))
		dst, src = dst[4:], src[16:]
	}
	for i := range dst {
		dst[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:])))
	}
}

// codecOf tells how the numbers of a tensor are read; ok is false if they are
// opaque.
func codecOf(e *tensor.Entry) (c codec, ok bool) {
	if e.Packed {
		return c, false
	}
	if c, ok = byteCodecs()[e.DType]; ok {
		return c, true
	}
	c, ok = codecs[e.DType]
	return c, ok
}

// float16 is the value of an IEEE 754 binary16. Shifted to where a float64 has
// its exponent and fraction, it is too small by the difference of the biases,
// 1023-15, whatever it is, subnormal too; only an exponent of all ones must be
// told apart.
func float16(h uint16) float64 {
	f := math.Float64frombits(uint64(h&0x7fff)<<42|uint64(h&0x8000)<<48) * 0x1p1008
	if h&0x7c00 == 0x7c00 {
		f = math.Float64frombits(math.Float64bits(f) | 0x7ff<<52)
	}
	return f
}

// bytesOf are the types of one byte.
var bytesOf = map[string]func(byte) float64{
	"BOOL": func(b byte) float64 { return float64(b) },
	"U8":   func(b byte) float64 { return float64(b) },
	"I8":   func(b byte) float64 { return float64(int8(b)) },
	// OCP 8-bit Floating Point Specification: E4M3 has no Inf, E5M2 is IEEE-like.
	"F8_E4M3": func(b byte) float64 {
		if b&0x7f == 0x7f {
			return math.NaN()
		}
		return float8(b, 4, 7)
	},
	"F8_E5M2": func(b byte) float64 {
		switch {
		case b&0x7f > 0x7c:
			return math.NaN()
		case b&0x7f == 0x7c:
			return math.Inf(1 - 2*int(b>>7))
		}
		return float8(b, 5, 15)
	},
	// "8-bit Numerical Formats for Deep Neural Networks": one zero, one NaN.
	"F8_E4M3FNUZ": func(b byte) float64 { return float8fnuz(b, 4, 8) },
	"F8_E5M2FNUZ": func(b byte) float64 { return float8fnuz(b, 5, 16) },
	// OCP Microscaling Formats: a power of two.
	"F8_E8M0": func(b byte) float64 {
		if b == 0xff {
			return math.NaN()
		}
		return math.Ldexp(1, int(b)-127)
	},
}

// byteCodecs are those of the types of one byte, each by a table.
var byteCodecs = sync.OnceValue(func() map[string]codec {
	m := map[string]codec{}
	for dtype, value := range bytesOf {
		var table [256]float64
		for i := range table {
			table[i] = value(byte(i))
		}
		m[dtype] = codec{1, func(dst []float64, src []byte) {
			src = src[:len(dst)]
			for i := range dst {
				dst[i] = table[src[i]]
			}
		}}
	}
	return m
})

// float8 is a number with a sign, so many bits of exponent with a bias, and the
// rest a fraction.
func float8(b byte, exponent, bias int) float64 {
	fraction := 7 - exponent
	m, e := int(b&(1<<fraction-1)), int(b&0x7f)>>fraction
	if e == 0 {
		e = 1
	} else {
		m |= 1 << fraction
	}
	f := math.Ldexp(float64(m), e-bias-fraction)
	if b&0x80 != 0 {
		f = -f
	}
	return f
}

func float8fnuz(b byte, exponent, bias int) float64 {
	if b == 0x80 {
		return math.NaN()
	}
	return float8(b, exponent, bias)
}

// swap turns numbers of width bytes around.
func swap(b []byte, width int) {
	switch width {
	case 2:
		for ; len(b) >= 2; b = b[2:] {
			b[0], b[1] = b[1], b[0]
		}
	case 4:
		for ; len(b) >= 4; b = b[4:] {
			binary.LittleEndian.PutUint32(b, binary.BigEndian.Uint32(b))
		}
	case 8:
		for ; len(b) >= 8; b = b[8:] {
			binary.LittleEndian.PutUint64(b, binary.BigEndian.Uint64(b))
		}
	}
}
