package codec

import (
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/mstore/mstore/internal/sampling"
)

func TestPowersOfTen(t *testing.T) {
	tab := powers()
	for p := minPow10; p <= maxPow10; p++ {
		v := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(p, -p))), nil))
		if p < 0 {
			v.Inv(v)
		}
		k := 127 - log2Pow10(p)
		two := new(big.Rat).SetInt(new(big.Int).Lsh(big.NewInt(1), uint(max(k, -k))))
		if k < 0 {
			two.Inv(two)
		}
		v.Mul(v, two)
		want := new(big.Int).Div(new(big.Int).Add(v.Num(), new(big.Int).Sub(v.Denom(), big.NewInt(1))), v.Denom())
		got := new(big.Int).Lsh(new(big.Int).SetUint64(tab[p-minPow10].hi), 64)
		got.Sub(got, new(big.Int).SetUint64(tab[p-minPow10].lo))
		if got.Cmp(want) != 0 || want.BitLen() != 128 {
			t.Errorf("10^%d: %x, want %x", p, got, want)
		}
	}
}

func TestLogarithms(t *testing.T) {
	for e := -1200; e < 1200; e++ {
		x := new(big.Float).SetMantExp(big.NewFloat(1), e)
		if got := decimalExponent(x); log10Pow2(e) != got {
			t.Errorf("log10(2^%d): %d, want %d", e, log10Pow2(e), got)
		}
		x.Mul(x, big.NewFloat(0.75))
		if got := decimalExponent(x); log10ThreeQuarters(e) != got {
			t.Errorf("log10(3/4*2^%d): %d, want %d", e, log10ThreeQuarters(e), got)
		}
	}
}

// decimalExponent is floor(log10(x)).
func decimalExponent(x *big.Float) int {
	s := x.Text('e', 400)
	e, _ := strconv.Atoi(s[strings.IndexByte(s, 'e')+1:])
	return e
}

// python prints x as repr does.
func python(x float64) string {
	if a := math.Abs(x); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.FormatFloat(x, 'e', -1, 64)
	}
	s := strconv.FormatFloat(x, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

func checkFloat(t *testing.T, tab *pow10Table, x float64) {
	t.Helper()
	var b [maxPrinted]byte
	v := math.Float64bits(x)
	if got, want := string(b[:putFloat(b[:], tab, v, &layouts[layoutPython])]), python(x); got != want {
		t.Fatalf("%x: %s, want %s", v, got, want)
	}
	if got, want := string(b[:putFloat(b[:], tab, v, &layouts[layoutC])]), trimG(strconv.FormatFloat(x, 'e', 16, 64)); plainG(got) != want && x != 0 {
		t.Fatalf("%x: 17 digits: %s, want %s", v, got, want)
	}
	if got, want := string(b[:putScience(b[:], tab, v)]), strconv.FormatFloat(x, 'e', 18, 64); got != want {
		t.Fatalf("%x: 19 digits: %s, want %s", v, got, want)
	}
	if a := v &^ (1 << 63); a != 0 {
		d, p := shortest(tab, a)
		if got, ok := toFloat(tab, d, p); ok && got != a || !ok && a>>52 > 1 && a>>52 < 2046 {
			t.Fatalf("%de%d: %x, want %x", d, p, got, a)
		}
		d, p = round17(tab, a)
		if got, ok := toFloat(tab, d, p); ok && got != a {
			t.Fatalf("%de%d: %x, want %x", d, p, got, a)
		}
	}
}

// trimG takes the zeros off the end of a mantissa.
func trimG(s string) string {
	m, e, _ := strings.Cut(s, "e")
	return strings.TrimSuffix(strings.TrimRight(m, "0"), ".") + "e" + e
}

// plainG turns what %.17g prints into the form with an exponent.
func plainG(s string) string {
	f, _, err := big.ParseFloat(s, 10, 2000, big.ToNearestEven)
	if err != nil {
		return s
	}
	return trimG(f.Text('e', 16))
}

func TestFloats(t *testing.T) {
	tab := powers()
	for _, x := range []float64{0, math.Copysign(0, -1), 5e-324, 0.1, 0.2, 0.1 + 0.2, 1, 9007199254740993, math.MaxFloat64,
		math.SmallestNonzeroFloat64, 2.2250738585072014e-308, 2.225073858507201e-308, 1e23, 9e-265, 5.5e-5, 1e-4, 9.999999999999999e-5} {
		checkFloat(t, tab, x)
		checkFloat(t, tab, -x)
	}
	for e := -1074; e < 1024; e++ {
		for d := -2; d <= 2; d++ {
			if v := int64(math.Float64bits(math.Ldexp(1, e))) + int64(d); v > 0 {
				checkFloat(t, tab, math.Float64frombits(uint64(v)))
			}
		}
	}
	for e := -323; e <= 308; e++ {
		x, _ := strconv.ParseFloat("1e"+strconv.Itoa(e), 64)
		for d := -20; d <= 20; d++ {
			if v := int64(math.Float64bits(x)) + int64(d); v > 0 && v < 0x7ff<<52 {
				checkFloat(t, tab, math.Float64frombits(uint64(v)))
			}
		}
	}
}

func TestRandomFloats(t *testing.T) {
	n := 3_000_000 / sampling.Step(10, 30)
	tab := powers()
	r := rand.New(rand.NewPCG(7, rand.Uint64()))
	var b [maxPrinted]byte
	for i := range n {
		v := r.Uint64()
		switch i & 3 {
		case 1: // from float32
			v = widen(uint32(v))
		case 2: // of the usual size
			v = v&^(0x7ff<<52) | (1023+v>>52%40-30)<<52
		case 3: // of few digits
			v = math.Float64bits(float64(v%1e9) / math.Pow10(int(v>>40%20)))
		}
		x := math.Float64frombits(v)
		if math.IsNaN(x) || math.IsInf(x, 0) {
			continue
		}
		if got, want := string(b[:putFloat(b[:], tab, v, &layouts[layoutPython])]), python(x); got != want {
			t.Fatalf("%x: %s, want %s", v, got, want)
		}
		if i%64 < 4 {
			checkFloat(t, tab, x)
		}
	}
}

func TestRandomDecimals(t *testing.T) {
	n := 2_000_000 / sampling.Step(10, 30)
	tab := powers()
	r := rand.New(rand.NewPCG(8, rand.Uint64()))
	for range n {
		d := r.Uint64() >> r.IntN(64)
		p := r.IntN(60) - 40
		if r.IntN(8) == 0 {
			p = r.IntN(700) - 350
		}
		want, _ := strconv.ParseFloat(strconv.FormatUint(d, 10)+"e"+strconv.Itoa(p), 64)
		if got, ok := toFloat(tab, d, p); ok && got != math.Float64bits(want) {
			t.Fatalf("%de%d: %v, want %v", d, p, math.Float64frombits(got), want)
		}
	}
}

func TestPutIntegers(t *testing.T) {
	var b [maxPrinted]byte
	r := rand.New(rand.NewPCG(9, 9))
	check := func(v int64) {
		if got, want := string(b[:putInt(b[:], v)]), strconv.FormatInt(v, 10); got != want {
			t.Fatalf("%s, want %s", got, want)
		}
	}
	for _, p := range tens[:19] {
		for d := int64(-2); d <= 2; d++ {
			check(int64(p) + d)
			check(-int64(p) + d)
		}
	}
	for range 100000 {
		check(int64(r.Uint64()) >> r.IntN(64))
	}
	for v := int64(0); v < 20000; v++ {
		check(v)
	}
}

func BenchmarkPutFloat(b *testing.B) {
	tab := powers()
	r := rand.New(rand.NewPCG(1, 2))
	for name, f := range map[string]func(float64) float64{
		"float32": func(x float64) float64 { return float64(float32(x)) },
		"float64": func(x float64) float64 { return x },
	} {
		var v [4096]uint64
		for i := range v {
			v[i] = math.Float64bits(f(r.NormFloat64()))
		}
		b.Run(name, func(b *testing.B) {
			var out [maxPrinted]byte
			n := 0
			for b.Loop() {
				for _, v := range v {
					n += putFloat(out[:], tab, v, &layouts[layoutPython])
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(v)), "ns/number")
		})
	}
}
