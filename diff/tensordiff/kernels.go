package tensordiff

import (
	"encoding/binary"
	"math"
)

// The loops below decode and add up at once, for the types that models are
// mostly of, in half the time that decoding into a buffer first takes. Numbers of
// 32 bits and less have squares, and differences squares, that a float64 holds
// without overflow or underflow, so that the largest difference is told by its
// square, which is at hand. x and y are of one length, whole numbers.

// kernel adds up all but changed and max of a chunk. The result is of no use if
// the sum of a side's squares is not below limit: then numbers may not be finite.
type kernel struct {
	add   func(p *partial, x, y []byte)
	limit float64
}

// kernels are by type. An Inf or NaN makes the sum Inf or NaN; of F16, where it
// is taken for the number that would follow the largest, at least 2^32.
var kernels = map[string]kernel{"BF16": {(*partial).bf16, math.MaxFloat64}, "F16": {(*partial).f16, 1 << 32}, "F32": {(*partial).f32, math.MaxFloat64}}

func (p *partial) bf16(x, y []byte) {
	var a, b, aa, bb, ab, dd float64
	most, at := p.square, 0
	n := len(x)
	for i := 0; len(x) >= 8 && len(y) >= 8; i += 4 {
		u, w := binary.LittleEndian.Uint64(x), binary.LittleEndian.Uint64(y)
		x, y = x[8:], y[8:]

		f, g := float64(math.Float32frombits(uint32(u)<<16)), float64(math.Float32frombits(uint32(w)<<16))
		d := g - f
		d *= d
		a += f
		b += g
		aa += f * f
		bb += g * g
		ab += f * g
		dd += d
		if d > most {
			most, at = d, i
		}

		f, g = float64(math.Float32frombits(uint32(u)&0xffff0000)), float64(math.Float32frombits(uint32(w)&0xffff0000))
		d = g - f
		d *= d
		a += f
		b += g
		aa += f * f
		bb += g * g
		ab += f * g
		dd += d
		if d > most {
			most, at = d, i+1
		}

		f, g = float64(math.Float32frombits(uint32(u>>16)&0xffff0000)), float64(math.Float32frombits(uint32(w>>16)&0xffff0000))
		d = g - f
		d *= d
		a += f
		b += g
		aa += f * f
		bb += g * g
		ab += f * g
		dd += d
		if d > most {
			most, at = d, i+2
		}

		f, g = float64(math.Float32frombits(uint32(u>>32)&0xffff0000)), float64(math.Float32frombits(uint32(w>>32)&0xffff0000))
		d = g - f
		d *= d
		a += f
		b += g
		aa += f * f
		bb += g * g
		ab += f * g
		dd += d
		if d > most {
			most, at = d, i+3
		}
	}
	for i := n - len(x); len(x) >= 2 && len(y) >= 2; i += 2 {
		f := float64(math.Float32frombits(uint32(binary.LittleEndian.Uint16(x)) << 16))
		g := float64(math.Float32frombits(uint32(binary.LittleEndian.Uint16(y)) << 16))
		x, y = x[2:], y[2:]
		d := g - f
		d *= d
		a += f
		b += g
		aa += f * f
		bb += g * g
		ab += f * g
		dd += d
		if d > most {
			most, at = d, i/2
		}
	}
	p.a, p.b, p.aa, p.bb, p.ab, p.dd, p.square, p.at = a, b, aa, bb, ab, dd, most, at
}

func (p *partial) f32(x, y []byte) {
	var a, b, aa, bb, ab, dd float64
	most, at := p.square, 0
	n := len(x)
	for i := 0; len(x) >= 8 && len(y) >= 8; i += 2 {
		u, w := binary.LittleEndian.Uint64(x), binary.LittleEndian.Uint64(y)
		x, y = x[8:], y[8:]

		f, g := float64(math.Float32frombits(uint32(u))), float64(math.Float32frombits(uint32(w)))
		d := g - f
		d *= d
		a += f
		b += g
		aa += f * f
		bb += g * g
		ab += f * g
		dd += d
		if d > most {
			most, at = d, i
		}

		f, g = float64(math.Float32frombits(uint32(u>>32))), float64(math.Float32frombits(uint32(w>>32)))
		d = g - f
		d *= d
		a += f
		b += g
		aa += f * f
		bb += g * g
		ab += f * g
		dd += d
		if d > most {
			most, at = d, i+1
		}
	}
	if len(x) >= 4 && len(y) >= 4 {
		f, g := float64(math.Float32frombits(binary.LittleEndian.Uint32(x))), float64(math.Float32frombits(binary.LittleEndian.Uint32(y)))
		d := g - f
		d *= d
		a += f
		b += g
		aa += f * f
		bb += g * g
		ab += f * g
		dd += d
		if d > most {
			most, at = d, n/4-1
		}
	}
	p.a, p.b, p.aa, p.bb, p.ab, p.dd, p.square, p.at = a, b, aa, bb, ab, dd, most, at
}

func (p *partial) f16(x, y []byte) {
	var a, b, aa, bb, ab, dd float64
	most, at := p.square, 0
	n := len(x)
	for i := 0; len(x) >= 4 && len(y) >= 4; i += 2 {
		u, w := binary.LittleEndian.Uint32(x), binary.LittleEndian.Uint32(y)
		x, y = x[4:], y[4:]

		f, g := scaled16(uint64(u)), scaled16(uint64(w))
		d := g - f
		d *= d
		a += f
		b += g
		aa += f * f
		bb += g * g
		ab += f * g
		dd += d
		if d > most {
			most, at = d, i
		}

		f, g = scaled16(uint64(u>>16)), scaled16(uint64(w>>16))
		d = g - f
		d *= d
		a += f
		b += g
		aa += f * f
		bb += g * g
		ab += f * g
		dd += d
		if d > most {
			most, at = d, i+1
		}
	}
	if len(x) >= 2 && len(y) >= 2 {
		f, g := scaled16(uint64(binary.LittleEndian.Uint16(x))), scaled16(uint64(binary.LittleEndian.Uint16(y)))
		d := g - f
		d *= d
		a += f
		b += g
		aa += f * f
		bb += g * g
		ab += f * g
		dd += d
		if d > most {
			most, at = d, n/2-1
		}
	}
	p.a, p.b, p.aa, p.bb, p.ab, p.dd, p.square, p.at = a, b, aa, bb, ab, dd, most, at
}

// scaled16 is a finite binary16 in the low bits of h.
func scaled16(h uint64) float64 {
	return math.Float64frombits(h&0x7fff<<42|h&0x8000<<48) * 0x1p1008
}
