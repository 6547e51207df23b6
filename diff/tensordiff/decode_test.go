package tensordiff

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/mstore/mstore/schema/tensor"
)

// TestDecode decodes every number of the narrow types.
func TestDecode(t *testing.T) {
	for dtype, width := range widths {
		if width > 2 {
			continue
		}
		c, ok := codecOf(&tensor.Entry{DType: dtype})
		if !ok || c.width != width {
			t.Fatalf("%s has %d bytes, %v", dtype, c.width, ok)
		}
		for u := range 1 << (8 * width) {
			b := binary.LittleEndian.AppendUint64(nil, uint64(u))[:width]
			var got [5]float64 // so many go through the loops of several and of one
			c.decode(got[:], bytes.Repeat(b, len(got)))
			for _, x := range got {
				if want := naiveValue(dtype, b); math.Float64bits(x) != math.Float64bits(want) && !(x != x && want != want) {
					t.Fatalf("%s %x is %v, want %v", dtype, b, got, want)
				}
			}
		}
	}
}

func TestFloat8(t *testing.T) {
	for _, c := range []struct {
		dtype string
		b     byte
		want  float64
	}{
		{"F8_E4M3", 0x7e, 448}, {"F8_E4M3", 0x01, 0x1p-9}, {"F8_E4M3", 0x80, math.Copysign(0, -1)},
		{"F8_E5M2", 0x7b, 57344}, {"F8_E5M2", 0xfc, math.Inf(-1)}, {"F8_E5M2", 0x7c, math.Inf(1)}, {"F8_E5M2", 0x01, 0x1p-16},
		{"F8_E4M3FNUZ", 0x7f, 240}, {"F8_E4M3FNUZ", 0x01, 0x1p-10}, {"F8_E4M3FNUZ", 0xff, -240},
		{"F8_E5M2FNUZ", 0x7f, 57344}, {"F8_E5M2FNUZ", 0x01, 0x1p-17},
		{"F8_E8M0", 127, 1}, {"F8_E8M0", 0, 0x1p-127}, {"F8_E8M0", 254, 0x1p127},
	} {
		if got := bytesOf[c.dtype](c.b); math.Float64bits(got) != math.Float64bits(c.want) {
			t.Errorf("%s %#x is %v, want %v", c.dtype, c.b, got, c.want)
		}
	}
	for dtype, b := range map[string]byte{"F8_E4M3": 0xff, "F8_E5M2": 0x7d, "F8_E4M3FNUZ": 0x80, "F8_E5M2FNUZ": 0x80, "F8_E8M0": 0xff} {
		if got := bytesOf[dtype](b); got == got {
			t.Errorf("%s %#x is %v, want NaN", dtype, b, got)
		}
	}
}

// TestKernels compares the loops with the one over decoded values, for all
// lengths that end in another way, and with Inf and NaN at every place.
func TestKernels(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	for dtype := range kernels {
		c := codecs[dtype]
		for n := 1; n < 40; n++ {
			var x, y []byte
			for range n {
				x, y = encode(x, dtype, r.NormFloat64()), encode(y, dtype, r.NormFloat64())
			}
			u, v := make([]float64, n), make([]float64, n)
			c.decode(u, x)
			c.decode(v, y)
			var got, want partial
			kernels[dtype].add(&got, x, y)
			want.float64s(u, v, 0)
			d := math.Float64frombits(want.max)
			want.square, want.max, want.changed = d*d, 0, 0
			near := func(a, b float64) bool { return math.Abs(a-b) < 1e-12*float64(n) }
			if got.at != want.at || got.square != want.square || !near(got.a, want.a) || !near(got.b, want.b) ||
				!near(got.aa, want.aa) || !near(got.bb, want.bb) || !near(got.ab, want.ab) || !near(got.dd, want.dd) {
				t.Fatalf("%d of %s: %+v, want %+v", n, dtype, got, want)
			}
			for at := range n {
				for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
					z := bytes.Clone(y)
					copy(z[at*c.width:], encode(nil, dtype, bad))
					var p partial
					kernels[dtype].add(&p, x, z)
					if p.aa < kernels[dtype].limit && p.bb < kernels[dtype].limit {
						t.Fatalf("%v at %d of %d of %s is not seen: %+v", bad, at, n, dtype, p)
					}
				}
			}
		}
	}
}

func TestUnequal(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6))
	for _, width := range []int{1, 2, 4, 8} {
		for n := range 30 {
			x := make([]byte, n*width)
			for i := range x {
				x[i] = byte(r.Uint32())
			}
			y, want := bytes.Clone(x), int64(0)
			for i := range n {
				if r.IntN(2) == 0 {
					y[i*width+r.IntN(width)] ^= 1 << r.IntN(8)
					want++
				}
			}
			if got := unequal(x, y, width); got != want {
				t.Fatalf("%d of %d bytes: %d differ, want %d", n, width, got, want)
			}
		}
	}
}
