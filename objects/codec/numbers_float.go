package codec

import "math/bits"

// A floatChoice says how a column keeps its floats.
type floatChoice struct {
	narrow  bool // those that come from a float32 are kept apart
	decimal bool // as integers, where that is possible
	fixed   bool // the same, printed with all digits
	scale   int
}

// floats chooses by a sample of the column.
func (b *builder) floats(c column, count int) floatChoice {
	var f floatChoice
	for i, k := range c.kinds {
		if k == kindFixed {
			f.fixed, f.scale = true, int(c.scales[i])
			return f
		}
	}
	if count == 0 {
		return f
	}
	n, narrows, fitting, length, top := 0, 0, 0, 0, 0
	var ds [sampleSize + 1]uint64
	var ps [sampleSize + 1]int
	step := max(1, len(c.values)/sampleSize)
	for i := 0; i < len(c.values) && n < len(ds); i += step {
		if c.kinds[i] != kindFloat {
			continue
		}
		x := c.values[i] &^ (1 << 63)
		if _, ok := narrow(x); ok {
			narrows++
		}
		ds[n], ps[n] = 0, 0
		if x != 0 {
			ds[n], ps[n] = shortest(b.tab, x)
		}
		if ds[n] < 1e10 && ps[n] > -12 {
			top = max(top, -ps[n])
			fitting++
		}
		n++
	}
	if n == 0 {
		return f
	}
	for i := range n {
		if ds[i] < 1e10 && ps[i] > -12 && ps[i]+top <= maxScale {
			length += bits.Len64(ds[i]*tens[ps[i]+top]) + 1
		}
	}
	cost := 55
	if narrows*4 >= n {
		f.narrow = true
		cost = 27
	}
	if fitting*10 >= n*9 && length < cost*fitting {
		f.decimal, f.scale = true, top
	}
	return f
}

// floatType says how to keep one float, and as what value.
func (b *builder) floatType(f *floatChoice, v uint64, hasC bool) (valueType, uint8, uint64) {
	x := v &^ (1 << 63)
	if f.decimal || f.fixed {
		d, p := uint64(0), 0
		if x != 0 {
			d, p = shortest(b.tab, x)
		}
		k := p + f.scale
		fits := k >= 0 && k <= maxScale && d < 1e15 && d*tens[k]/tens[k] == d && d*tens[k] < 1<<53
		if f.fixed { // without exponent, and with just as many digits
			fits = fits && k == 0 && x >= smallest && x < largest
		}
		if fits && (d != 0 || v == 0) { // v is not 0 for -0.0
			m := d * tens[k]
			if v != x {
				m = -m
			}
			if f.fixed {
				return typeFixed, uint8(f.scale), m
			}
			return typeDecimal, uint8(f.scale), m
		}
	}
	if hasC {
		d, p := uint64(0), 0
		if x != 0 {
			d, p = shortest(b.tab, x)
			if d2, p2 := round17(b.tab, x); d2 == d && p2 == p && x >= smallest && x < largest && p < 0 {
				return typeC, 0, v
			}
		}
	}
	if f.narrow {
		if w, ok := narrow(v); ok {
			return typeNarrow, 0, uint64(w)
		}
	}
	return typeFloat, 0, v
}
