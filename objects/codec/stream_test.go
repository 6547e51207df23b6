package codec

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// symbols draws n bytes over an alphabet, the skew rising with s.
func symbols(seed uint64, n, alphabet int, s float64) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(min(r.ExpFloat64()/s, 1) * float64(alphabet-1))
	}
	return b
}

func TestStreamRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.SampledFrom([]int{0, 1, 5, 15, 16, 100, 4000, blockSize - 1, blockSize, blockSize + 1, 3*blockSize + 7}).Draw(t, "n")
		b := symbols(rapid.Uint64().Draw(t, "seed"), n, rapid.IntRange(1, 256).Draw(t, "alphabet"), rapid.Float64Range(0.3, 40).Draw(t, "skew"))
		mode := rapid.SampledFrom([]streamMode{order0, repeats}).Draw(t, "mode")
		enc := appendStream([]byte("x"), b, mode, Default)
		if len(enc) > len(b)+len(b)/blockSize+8 {
			t.Fatalf("%d bytes for %d", len(enc), len(b))
		}
		out, rest, err := readStream([]byte("y"), append(enc[1:], "rest"...), n)
		if err != nil || string(rest) != "rest" || !bytes.Equal(out[1:], b) || out[0] != 'y' {
			t.Fatalf("does not come back: %v, %d bytes of %d", err, len(out), n)
		}
		if n > 0 {
			if _, _, err := readStream(nil, enc[1:], n-1); err == nil {
				t.Fatal("more than allowed was decoded")
			}
		}
	})
}

func TestStreamTakesTheCheapestMethod(t *testing.T) {
	for name, c := range map[string]struct {
		b    []byte
		most int
	}{
		"one byte":         {bytes.Repeat([]byte{7}, 100000), 20},
		"noise":            {symbols(1, 100000, 256, 0.001), 100010},
		"digits":           {symbols(2, 100000, 11, 1e-9+1), 45000},
		"nearly all alike": {symbols(3, 100000, 3, 30), 3000},
		"repetitions":      {bytes.Repeat(symbols(4, 1000, 256, 1), 100), 2500},
	} {
		if got := len(appendStream(nil, c.b, repeats, Default)); got > c.most {
			t.Errorf("%s: %d bytes, want at most %d", name, got, c.most)
		}
	}
}

func FuzzStream(f *testing.F) {
	for _, b := range [][]byte{nil, []byte("a"), symbols(1, 3000, 9, 3), symbols(2, 3000, 256, 9), bytes.Repeat([]byte("abcdefgh"), 900)} {
		f.Add(appendStream(nil, b, repeats, Default))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		if out, _, err := readStream(nil, src, 1<<16); err == nil && len(out) > 1<<16 {
			t.Fatalf("%d bytes", len(out))
		}
	})
}
