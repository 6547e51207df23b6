package tensordiff

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"

	"pgregory.net/rapid"
)

// widths are the types that the property test draws from, in bytes.
var widths = map[string]int{"BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "U16": 2, "I16": 2, "F16": 2, "BF16": 2, "U32": 4, "I32": 4, "F32": 4, "U64": 8, "I64": 8, "F64": 8}

var dtypes = []string{"BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "U16", "I16", "F16", "BF16", "U32", "I32", "F32", "U64", "I64", "F64"}

// naiveValue is a number of a type, put together from its parts.
func naiveValue(dtype string, b []byte) float64 {
	var u uint64
	for i, c := range b {
		u |= uint64(c) << (8 * i)
	}
	float := func(exponent, fraction int, inf bool) float64 {
		bias := 1<<(exponent-1) - 1
		sign := 1 - 2*float64(u>>(exponent+fraction)&1)
		e, f := int(u>>fraction)&(1<<exponent-1), float64(u&(1<<fraction-1))/math.Exp2(float64(fraction))
		switch top := 1<<exponent - 1; {
		case inf && e == top && f != 0, !inf && e == top && f == 1-math.Exp2(-float64(fraction)):
			return math.NaN()
		case inf && e == top:
			return sign * math.Inf(1)
		case e == 0:
			return sign * f * math.Exp2(float64(1-bias))
		default:
			return sign * (1 + f) * math.Exp2(float64(e-bias))
		}
	}
	switch dtype {
	case "I8":
		return float64(int8(u))
	case "I16":
		return float64(int16(u))
	case "I32":
		return float64(int32(u))
	case "I64":
		return float64(int64(u))
	case "F8_E4M3":
		return float(4, 3, false)
	case "F8_E5M2":
		return float(5, 2, true)
	case "F16":
		return float(5, 10, true)
	case "BF16":
		return float(8, 7, true)
	case "F32":
		return float(8, 23, true)
	case "F64":
		return math.Float64frombits(u)
	}
	return float64(u)
}

// naive computes the values as the documentation has the formulas.
func naive(a, b sample, tolerance float64) *Values {
	type moment struct {
		x        []float64
		nan, inf int64
	}
	var ma, mb moment
	add := func(m *moment, x float64) bool {
		switch {
		case math.IsNaN(x):
			m.nan++
		case math.IsInf(x, 0):
			m.inf++
		default:
			m.x = append(m.x, x)
			return true
		}
		return false
	}
	v := &Values{}
	var aa, bb, ab, dd float64
	wa, wb := widths[a.dtype], widths[b.dtype]
	for i := 0; i < len(a.data)/wa; i++ {
		rawA, rawB := a.data[i*wa:(i+1)*wa], b.data[i*wb:(i+1)*wb]
		x, y := naiveValue(a.dtype, rawA), naiveValue(b.dtype, rawB)
		okA, okB := add(&ma, x), add(&mb, y)
		byValue := math.Abs(y-x) > tolerance
		if !okA || !okB {
			byValue = x != y && !(math.IsNaN(x) && math.IsNaN(y))
		} else {
			aa, bb, ab, dd = aa+x*x, bb+y*y, ab+x*y, dd+(y-x)*(y-x)
			if d := math.Abs(y - x); d > float64(v.MaxAbs) {
				v.MaxAbs, v.MaxAbsIndex = Number(d), []int64{int64(i)}
			}
		}
		if a.dtype == b.dtype && tolerance == 0 {
			byValue = !bytes.Equal(rawA, rawB)
		}
		if byValue {
			v.ElementsChanged++
		}
	}
	moments := func(m *moment) Moments {
		mean, variance := 0.0, 0.0
		for _, x := range m.x {
			mean += x / float64(len(m.x))
		}
		for _, x := range m.x {
			variance += (x - mean) * (x - mean) / float64(len(m.x))
		}
		if len(m.x) == 0 {
			mean, variance = math.NaN(), math.NaN()
		}
		return Moments{Mean: Number(mean), Std: Number(math.Sqrt(variance)), NaN: m.nan, Inf: m.inf}
	}
	v.Before, v.After = moments(&ma), moments(&mb)
	v.L2, v.L2Before = Number(math.Sqrt(dd)), Number(math.Sqrt(aa))
	v.RelativeL2 = v.L2 / v.L2Before
	if dd == 0 {
		v.RelativeL2 = 0
	} else if aa == 0 {
		v.RelativeL2 = Number(math.NaN())
	}
	v.Cosine = Number(ab / math.Sqrt(aa) / math.Sqrt(bb))
	return v
}

// near tells whether two numbers are within a millionth, of them or of scale.
func near(a, b Number, scale float64) bool {
	x, y := float64(a), float64(b)
	if math.IsNaN(x) || math.IsNaN(y) {
		return math.IsNaN(x) == math.IsNaN(y)
	}
	return x == y || math.Abs(x-y) <= 1e-6*max(math.Abs(x), math.Abs(y), scale)
}

// beyond tells whether squares of values leave what a float64 holds well.
func beyond(s sample) bool {
	if s.dtype != "F64" {
		return false
	}
	for i := 0; i < len(s.data); i += 8 {
		x := math.Abs(naiveValue("F64", s.data[i:i+8]))
		if x > 1e140 && !math.IsInf(x, 0) || x < 1e-140 && x > 0 {
			return true
		}
	}
	return false
}

func checkValues(t *rapid.T, got, want *Values) {
	t.Helper()
	size := float64(want.L2Before) + float64(want.L2)
	rms := func(m Moments) float64 { return math.Hypot(float64(m.Mean), float64(m.Std)) }
	for _, c := range []struct {
		what      string
		got, want Number
		scale     float64
	}{
		{"l2", got.L2, want.L2, 0},
		{"l2_before", got.L2Before, want.L2Before, 0},
		{"relative_l2", got.RelativeL2, want.RelativeL2, 0},
		{"max_abs", got.MaxAbs, want.MaxAbs, 0},
		{"cosine", got.Cosine, want.Cosine, 1},
		{"mean before", got.Before.Mean, want.Before.Mean, 1e-6 * rms(want.Before)},
		{"mean after", got.After.Mean, want.After.Mean, 1e-6 * rms(want.After)},
		{"std before", got.Before.Std, want.Before.Std, rms(want.Before)},
		{"std after", got.After.Std, want.After.Std, rms(want.After)},
	} {
		if !near(c.got, c.want, c.scale) {
			t.Errorf("%s is %v, want %v (norms %v)", c.what, c.got, c.want, size)
		}
	}
	if got.ElementsChanged != want.ElementsChanged {
		t.Errorf("%d elements changed, want %d", got.ElementsChanged, want.ElementsChanged)
	}
	if got.Before.NaN != want.Before.NaN || got.Before.Inf != want.Before.Inf || got.After.NaN != want.After.NaN || got.After.Inf != want.After.Inf {
		t.Errorf("NaN and Inf: %+v %+v, want %+v %+v", got.Before, got.After, want.Before, want.After)
	}
}

// content draws numbers: of sensible size, any bits, or zeros.
func content(t *rapid.T, dtype string, n int) []byte {
	w := widths[dtype]
	seed := rapid.Uint64().Draw(t, "seed")
	wild := rapid.Bool().Draw(t, "wild")
	b := make([]byte, 0, n*w)
	for range n {
		seed = seed*6364136223846793005 + 1442695040888963407
		u := seed >> 11
		if x := float64(u)/(1<<53) - 0.5; !wild && dtype[0] == 'F' && w > 1 || dtype == "BF16" && !wild {
			b = encode(b, dtype, x)
			continue
		}
		b = append(b, binary.LittleEndian.AppendUint64(nil, u)[:w]...)
	}
	return b
}

// TestValues compares with what a plain loop over whole arrays computes.
func TestValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.OneOf(rapid.IntRange(1, 40), rapid.IntRange(1000, 5000), rapid.IntRange(32_000, 34_000)).Draw(t, "elements")
		a := sample{name: "w", dtype: rapid.SampledFrom(dtypes).Draw(t, "before"), shape: []int64{int64(n)}}
		a.data = content(t, a.dtype, n)
		b := a
		b.data = bytes.Clone(a.data)
		switch rapid.IntRange(0, 3).Draw(t, "change") {
		case 0: // of all
			b.data = content(t, b.dtype, n)
		case 1: // of the type
			b.dtype = rapid.SampledFrom(dtypes).Draw(t, "after")
			b.data = content(t, b.dtype, n)
		default: // of some
			for range rapid.IntRange(1, 5).Draw(t, "changes") {
				b.data[rapid.IntRange(0, len(b.data)-1).Draw(t, "at")] ^= byte(rapid.IntRange(0, 255).Draw(t, "xor"))
			}
		}
		if beyond(a) || beyond(b) {
			t.Skip("squares overflow")
		}
		o := Options{Workers: rapid.IntRange(1, 3).Draw(t, "workers"), Tolerance: rapid.SampledFrom([]float64{0, 0, 1e-3, 2}).Draw(t, "tolerance")}
		x, y := safetensors(nil, a), safetensors(nil, b)
		if rapid.Bool().Draw(t, "same") {
			o.Same = sameOf(x, y)
		}
		r, err := Diff(t.Context(), x, y, o)
		if err != nil {
			t.Fatal(err)
		}
		want := naive(a, b, o.Tolerance)
		status := Changed
		switch {
		case a.dtype != b.dtype:
			status = Retyped
		case want.ElementsChanged == 0:
			status = Equal
		}
		if status == Equal {
			if len(r.Tensors) > 0 || r.Counts.Equal != 1 || !r.Equal {
				t.Fatalf("found %v, want one equal", statuses(r))
			}
			return
		}
		if len(r.Tensors) != 1 || r.Tensors[0].Status != status {
			t.Fatalf("found %v, want %s", statuses(r), status)
		}
		checkValues(t, r.Tensors[0].Delta.Values, want)
		if share := float64(r.Tensors[0].Delta.Share); math.Abs(share-float64(want.ElementsChanged)/float64(n)) > 1e-12 {
			t.Errorf("share %v of %d", share, n)
		}
	})
}

// sameOf knows of equal ranges in two files of one layout.
func sameOf(x, y *memory) func(a, b, n int64) bool {
	all := func(m *memory) []byte {
		b := make([]byte, m.Size())
		m.Reader.ReadAt(b, 0)
		return b
	}
	p, q := all(x), all(y)
	return func(a, b, n int64) bool { return bytes.Equal(p[a:a+n], q[b:b+n]) }
}
