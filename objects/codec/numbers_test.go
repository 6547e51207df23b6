package codec

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// hostile are texts of numbers that are easily taken for others.
var hostile = []string{
	"-0", "0", "-0.0", "0.0", "00", "007", "-007", "1.", ".5", "+1", "-.5", "--1", "-", "1E5", "1e5", "1e+05", "1e-05", "1e-7", "1e+21", "1.5e300",
	"1e400", "1e-400", "1e", "1e+", "1e-x", "1e5x", "NaN", "Infinity", "-Infinity", "5e-324", "4.9e-324", "2.2250738585072014e-308",
	"1.7976931348623157e+308", "9007199254740993", "9007199254740993.0", "0.30000000000000004", "0.1", "0.10000000000000001", "0.10",
	"1.0", "1.00", "100.0", "1e16", "1e+16", "10000000000000000.0", "9999999999999998.0", "123456789012345678", "1234567890123456789",
	"999999999999999999", "1000000000000000000", "9223372036854775808", "-9223372036854775808", "18446744073709551616",
	"0.0001", "0.00001", "0.000123", "9.999999999999999e-05", "0.00011234567890123456", "0.00000000000000000000001", "123456.7890123456789012",
	"0.00000000000000000000000000000001", "1.2.3", "1..2", "12:34", "2025-08-16T09:35:42.418028", "0x1f", "1f", "f1", "cee0dae768512010",
	"-1.5", "12.50", "12.5", "440.0", "-12.50", "0.000000", "-0.000000", "1.0000000180025095e-35", "0.0053638388149675302", "1e22", "1e23",
	"2.194125717070849468e+00", "-5.302435720657634466e-01", "1.0e0", "1e00", "1e000000000000000000000005", "3.4028234663852886e+38",
}

func init() {
	for e := -324; e <= 309; e += 3 {
		hostile = append(hostile, fmt.Sprintf("1e%+03d", e), fmt.Sprintf("1e%d", e), fmt.Sprintf("9.9e%+03d", e))
	}
	for n := 1; n <= 24; n++ {
		hostile = append(hostile, strings.Repeat("9", n), "1"+strings.Repeat("0", n), "0."+strings.Repeat("9", n), "0."+strings.Repeat("0", n)+"1")
	}
	hostile = append(hostile, strings.Repeat("1234567890", 40), "0."+strings.Repeat("1234567890", 40))
}

func drawNumber(t *rapid.T) string {
	switch rapid.IntRange(0, 9).Draw(t, "kind") {
	case 0:
		return rapid.SampledFrom(hostile).Draw(t, "hostile")
	case 1:
		return rapid.StringMatching(`-?[0-9]{1,25}(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,4})?`).Draw(t, "text")
	case 2, 3:
		return python(rapid.Float64().Draw(t, "float64"))
	case 4:
		return python(float64(rapid.Float32().Draw(t, "float32")))
	case 5:
		b, _ := json.Marshal(rapid.Float64().Draw(t, "json"))
		return string(b)
	case 6:
		if rapid.Bool().Draw(t, "science") {
			return fmt.Sprintf("%.18e", rapid.Float64().Draw(t, "e"))
		}
		return fmt.Sprintf("%.17g", rapid.Float64().Draw(t, "c"))
	case 7:
		return fmt.Sprintf("%.*f", rapid.IntRange(0, 8).Draw(t, "digits"), rapid.Float64Range(-1000, 1000).Draw(t, "fixed"))
	case 8:
		return fmt.Sprint(rapid.Float64().Draw(t, "go"))
	}
	return fmt.Sprint(rapid.Int64().Draw(t, "int"))
}

// drawText draws text of a few gaps and many numbers.
func drawText(t *rapid.T) []byte {
	gaps := rapid.SliceOfN(rapid.OneOf(
		rapid.SampledFrom([]string{", ", ",\n    ", "\n", "", " ", "], [", `": `, `, "`, "(", "_", "x", "-", "e", "."}),
		rapid.StringN(0, 20, 100)), 1, 12).Draw(t, "gaps")
	numbers := rapid.SliceOfN(rapid.Custom(drawNumber), 1, 40).Draw(t, "numbers")
	r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 3))
	var b []byte
	for range rapid.IntRange(0, 800).Draw(t, "length") {
		b = append(b, gaps[r.IntN(1+r.IntN(len(gaps)))]...)
		b = append(b, numbers[r.IntN(len(numbers))]...)
	}
	return append(b, gaps[0]...)
}

// checkNumbers encodes raw and decodes it again, into exactly the room that the
// contract promises; it returns the stored bytes.
func checkNumbers(t interface {
	Helper()
	Fatalf(string, ...any)
}, raw []byte, l Level) ([]byte, bool) {
	t.Helper()
	out, ok := encodeNumbers([]byte("pre"), raw, l)
	if string(out[:3]) != "pre" || !ok && len(out) != 3 {
		t.Fatalf("dst was changed: %d bytes, %v", len(out), ok)
	}
	if !ok {
		return nil, false
	}
	if len(out)-3 >= len(raw) {
		t.Fatalf("%d bytes for %d", len(out)-3, len(raw))
	}
	dst := append(make([]byte, 0, 4+len(raw)), "dst:"...)
	back, err := decodeNumbers(dst, out[3:], len(raw))
	if err != nil || string(back[:4]) != "dst:" || !bytes.Equal(back[4:], raw) {
		t.Fatalf("does not come back: %v\n%.300q\n%.300q", err, raw, back)
	}
	for _, size := range []int{len(raw) - 1, len(raw) + 1, 0} {
		if back, err := decodeNumbers(nil, out[3:], size); err == nil {
			t.Fatalf("decoded as %d bytes of %d: %d", size, len(raw), len(back))
		}
	}
	return out[3:], true
}

func TestNumbersRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		checkNumbers(t, drawText(t), rapid.SampledFrom([]Level{Default, Fast, Thorough}).Draw(t, "level"))
	})
}

// Everything hostile, between texts that let it be taken for a number.
func TestNumbersHostileTexts(t *testing.T) {
	for _, sep := range []string{", ", "\n", "", "-", ".", "e", "x", "\x00", "_", "é"} {
		for _, around := range []string{"0.5, ", "1, ", "0.25\n"} {
			text := strings.Repeat(around, 20) + strings.Join(hostile, sep) + sep + strings.Repeat(around, 200)
			if _, ok := checkNumbers(t, []byte(text), Default); !ok && sep == ", " {
				t.Error("not encoded")
			}
			for cut := len(text) - 70; cut < len(text); cut++ {
				checkNumbers(t, []byte(text[:cut]), Fast)
			}
		}
	}
}

func TestNumbersOddTexts(t *testing.T) {
	doc := string(randomJSON(1, 20000))
	utf16 := func(s string) (b []byte) {
		for _, c := range s {
			b = binary.LittleEndian.AppendUint16(b, uint16(c))
		}
		return b
	}
	for name, raw := range map[string][]byte{
		"empty":        nil,
		"one":          []byte("1"),
		"digits":       bytes.Repeat([]byte("1234567890"), 1000),
		"ones":         bytes.Repeat([]byte("1"), 10000),
		"no numbers":   bytes.Repeat([]byte("words and words "), 1000),
		"UTF-16":       utf16(doc),
		"BOM":          append([]byte("\xef\xbb\xbf"), doc...),
		"CRLF":         []byte(strings.ReplaceAll(doc, ", ", ",\r\n")),
		"one a line":   bytes.Repeat([]byte("0.125\n"), 1000),
		"single digit": bytes.Repeat([]byte("1 2 "), 5000),
		"minus":        bytes.Repeat([]byte("-"), 5000),
		"points":       bytes.Repeat([]byte("1."), 5000),
		"exponents":    bytes.Repeat([]byte("1e"), 5000),
		"zeros":        make([]byte, 5000),
		"two ways":     bytes.Repeat([]byte("1e-7, 0.0000000, 1e-06, 0.10000, "), 50),
	} {
		t.Run(name, func(t *testing.T) {
			checkNumbers(t, raw, Default)
			for at := range min(100, len(raw)) {
				checkNumbers(t, raw[at:len(raw)-at/2], Default)
			}
		})
	}
}

// What each way of storing numbers is there for, with a bound on its cost.
func TestNumbersSizes(t *testing.T) {
	const n = 5000
	r := rand.New(rand.NewPCG(5, 5))
	list := func(f func(i int) string) []byte {
		b := []byte("[")
		for i := range n {
			b = append(append(b, f(i)...), ", "...)
		}
		return append(b, bytes.Repeat([]byte(" "), scanMargin)...)
	}
	for name, c := range map[string]struct {
		raw  []byte
		bits float64 // of each number
	}{
		"float32":           {list(func(int) string { return python(float64(float32(r.NormFloat64()))) }), 27.5},
		"float64":           {list(func(int) string { return python(r.NormFloat64()) }), 57},
		"integers":          {list(func(int) string { return fmt.Sprint(r.IntN(1000)) }), 10.5},
		"counting":          {list(func(i int) string { return fmt.Sprint(1e6 + i) }), 0.3},
		"times":             {list(func(i int) string { return python(1.75e9 + float64(i) + r.Float64()) }), 26},
		"two digits":        {list(func(int) string { return fmt.Sprintf("%.2f", 1+r.Float64()) }), 8.5},
		"six digits":        {list(func(int) string { return fmt.Sprintf("%.6f", -r.Float64()) }), 21.5},
		"few digits":        {list(func(int) string { return python(float64(r.IntN(1000)) / 100) }), 10.5},
		"17 digits":         {list(func(int) string { return fmt.Sprintf("%.17g", r.NormFloat64()) }), 57},
		"JavaScript":        {list(func(int) string { b, _ := json.Marshal(r.NormFloat64() / 1e6); return string(b) }), 57},
		"Go":                {list(func(int) string { return fmt.Sprint(r.NormFloat64() * 1e18) }), 57},
		"thresholds":        {list(func(int) string { return fmt.Sprintf("%.17g", float64(r.IntN(200))+0.1) }), 10},
		"again":             {list(func(i int) string { return python(math.Sqrt(float64(i%1000) + 2)) }), 13},
		"padded":            {list(func(int) string { return fmt.Sprintf("%03d", r.IntN(1000)) }), 10.5},
		"science":           {list(func(int) string { return fmt.Sprintf("%.18e", r.NormFloat64()) }), 57},
		"integers in float": {list(func(i int) string { return fmt.Sprint(float64(i % 3)) }), 2.2},
	} {
		enc, ok := checkNumbers(t, c.raw, Default)
		if got := float64(8*(len(enc)-150)) / n; !ok || got > c.bits {
			t.Errorf("%s: %.1f bits a number, want at most %.1f", name, got, c.bits)
		}
	}
	var b []byte
	for range n {
		x := r.Float64()
		b = fmt.Appendf(b, `{"t": %v, "u": %v}, `, x, x)
	}
	if enc, _ := checkNumbers(t, b[8:], Default); len(enc) > n*58/8 {
		t.Errorf("a column like another: %d bytes", len(enc))
	}
	b = b[:0]
	for i := range n {
		b = fmt.Appendf(b, "%d,%.2f,%s,%d\n", i, r.Float64(), python(r.NormFloat64()), r.IntN(4))
	}
	if enc, _ := checkNumbers(t, b, Default); len(enc) > n*66/8 {
		t.Errorf("a table: %d bytes", len(enc))
	}
}

// The decoder's memory is bounded by the size of the text, also for the text
// with the most numbers and for the one with the most gaps.
func TestNumbersMemory(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6))
	var gaps []byte
	for range 1 << 16 {
		i := r.IntN(2000)
		gaps = fmt.Appendf(gaps, "%c%c%c,,,,,,,,,,,,%d ", 'a'+i%26, 'a'+i/26%26, 'a'+i/676%26, r.IntN(10))
	}
	for name, raw := range map[string][]byte{
		"numbers": bytes.Repeat([]byte("1 2 3,4 5 6 7 8\n"), 1<<16),
		"floats":  randomJSON(7, 1<<20),
		"gaps":    gaps,
	} {
		enc, ok := checkNumbers(t, raw, Default)
		if !ok {
			t.Fatalf("%s: not encoded", name)
		}
		dst := make([]byte, 0, len(raw))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := decodeNumbers(dst, enc, len(raw)); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > uint64(10*len(raw)+1<<20) {
			t.Errorf("%s: %d bytes allocated for %d", name, got, len(raw))
		}
	}
}

func TestNumbersPay(t *testing.T) {
	doc := randomJSON(3, 100000)
	for name, c := range map[string]struct {
		raw  []byte
		want bool
	}{
		"JSON":  {doc, true},
		"short": {doc[:100], false},
		"words": {bytes.Repeat([]byte("some words without any numbers, and so on; "), 1000), false},
		"hex":   {[]byte(strings.Repeat("cee0dae768512010 ", 5000)), false},
		"noise": {symbols(1, 100000, 256, 0.001), false},
		"zeros": {make([]byte, 100000), false},
	} {
		if got := numbersPay(c.raw); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	rare := bytes.Repeat([]byte("words without any number among them, and so on, until in the end there comes 1; "), 9000)
	if _, ok := encodeNumbers(nil, rare, Default); ok {
		t.Error("text with few numbers was taken")
	}
}

func FuzzNumbersRoundTrip(f *testing.F) {
	f.Add(randomJSON(1, 2000))
	for i := 0; i+20 < len(hostile); i += 20 {
		f.Add([]byte(strings.Repeat(strings.Join(hostile[i:i+20], ", "), 3)))
		f.Add([]byte(strings.Repeat(strings.Join(hostile[i:i+20], "\n"), 3)))
	}
	f.Fuzz(func(t *testing.T, raw []byte) { checkNumbers(t, raw, Default) })
}

func FuzzNumbersDecode(f *testing.F) {
	for i, raw := range [][]byte{
		randomJSON(1, 3000),
		[]byte(strings.Repeat(strings.Join(hostile, ", "), 2)),
		bytes.Repeat([]byte("12, 0.50, 1.25, "), 100),
		[]byte(strings.Repeat("0.10000000000000001 7 ", 60)),
	} {
		enc, ok := encodeNumbers(nil, raw, Level(i%3))
		if !ok {
			f.Fatal("not encoded")
		}
		f.Add(enc, len(raw))
	}
	f.Fuzz(func(t *testing.T, stored []byte, size int) {
		if size < 0 || size > 1<<20 {
			return
		}
		out, err := decodeNumbers(nil, stored, size)
		if err == nil && len(out) != size {
			t.Fatalf("%d bytes, want %d", len(out), size)
		}
	})
}

// Bits that no encoder writes are printed too, in the room that there is.
func TestPrintingStaysInItsRoom(t *testing.T) {
	tab := powers()
	r := rand.New(rand.NewPCG(1, 1))
	var b [maxPrinted]byte
	for i := range 200000 {
		v := r.Uint64() >> (i % 64)
		for l := range layouts {
			putFloat(b[:], tab, v, &layouts[l])
			putScaled(b[:], int64(v), i%17, &layouts[l])
		}
		putFixed(b[:], int64(v), i%17)
		putScience(b[:], tab, v)
	}
	for _, x := range []float64{math.Inf(1), math.Inf(-1), math.NaN()} {
		putFloat(b[:], tab, math.Float64bits(x), &layouts[0])
	}
	putFixed(b[:], math.MinInt64, 16)
	putInt(b[:], math.MinInt64)
}
