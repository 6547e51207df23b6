package codec

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// skewed makes n symbols, nearly all of them 0 or a little more, and one of
// every so many any byte.
func skewed(seed uint64, n int, sigma float64, any int) []byte {
	r := rand.New(rand.NewPCG(seed, 7))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(min(max(r.NormFloat64()*sigma, 0), 255))
		if r.IntN(any) == 0 {
			b[i] = byte(r.Uint32())
		}
	}
	return b
}

func TestPairs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.SampledFrom([]int{1, 2, 7, 8, 9, 15, 16, 17, 1000, 9999, blockSize}).Draw(t, "n")
		b := skewed(rapid.Uint64().Draw(t, "seed"), n, rapid.Float64Range(0.1, 20).Draw(t, "sigma"), rapid.IntRange(1, 9999).Draw(t, "any"))
		enc := appendPairs([]byte("x"), b, new(scratch), Default)
		out, rest, err := readBlock([]byte("y"), append(enc[1:], "rest"...), n, false)
		if err != nil || string(rest) != "rest" || !bytes.Equal(out[1:], b) || out[0] != 'y' {
			t.Fatal("does not come back:", err)
		}
		if _, _, err := readBlock(nil, enc[1:], n, true); err == nil {
			t.Fatal("pairs of pairs were decoded")
		}
	})
}

func TestBlockIsNearEntropy(t *testing.T) {
	for _, sigma := range []float64{0.3, 0.5, 0.8, 1.5, 3, 10} {
		b := skewed(1, blockSize, sigma, 2000)
		counts := countBytes(b)
		floor := entropy(&counts) * float64(len(b)) / 8
		if got := float64(len(appendBlock(nil, b, false, Default))); got > floor*1.035+300 {
			t.Errorf("sigma %v: %.0f bytes, the entropy is %.0f", sigma, got, floor)
		}
	}
}

func TestHuffmanSize(t *testing.T) {
	for _, c := range []struct {
		counts []uint32
		bits   int
	}{
		{[]uint32{5}, 0},
		{[]uint32{5, 3}, 8},
		{[]uint32{1, 1, 2, 4}, 3 + 3 + 4 + 4},
		{[]uint32{7, 7, 7, 7}, 56},
	} {
		var counts [256]uint32
		copy(counts[9:], c.counts)
		if got := huffmanSize(&counts); got != (c.bits+7)/8 {
			t.Errorf("%v: %d bytes, want %d bits", c.counts, got, c.bits)
		}
	}
}
