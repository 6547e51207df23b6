package codec

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"pgregory.net/rapid"
)

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.SliceOfN(rapid.Byte(), 0, 4000).Draw(t, "raw")
		if n := rapid.IntRange(0, 50).Draw(t, "repeat"); n > 0 {
			raw = bytes.Repeat(raw, n)
		}
		pre := []byte("before")
		enc, id := Encode(pre, raw, rapid.Bool().Draw(t, "fast"))
		if !bytes.HasPrefix(enc, pre) || len(enc)-len(pre) > len(raw) {
			t.Fatalf("%d bytes for %d", len(enc)-len(pre), len(raw))
		}
		dec, err := Decode(pre, id, enc[len(pre):], len(raw))
		if err != nil || string(dec) != "before"+string(raw) {
			t.Fatalf("%v: does not come back: %v", id, err)
		}
	})
}

func TestWrongSizeIsAnError(t *testing.T) {
	raw := bytes.Repeat([]byte("0.123456789 "), 1000)
	enc, id := Encode(nil, raw, false)
	if id != Zstd {
		t.Fatalf("stored with %v", id)
	}
	for _, size := range []int{0, 1, len(raw) - 1, len(raw) + 1, MaxPiece, MaxPiece + 1, -1} {
		if _, err := Decode(nil, id, enc, size); err == nil {
			t.Errorf("decoded as %d bytes", size)
		}
	}
	if _, err := Decode(nil, 77, enc, len(raw)); err == nil {
		t.Error("unknown codec accepted")
	}
}

func FuzzDecode(f *testing.F) {
	for _, raw := range []string{"", "a", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", fmt.Sprint(rand.Perm(100))} {
		enc, id := Encode(nil, []byte(raw), false)
		f.Add(byte(id), enc, len(raw))
	}
	f.Fuzz(func(t *testing.T, id byte, stored []byte, size int) {
		out, err := Decode(nil, ID(id), stored, size)
		if err == nil && len(out) != size {
			t.Fatalf("%d bytes, want %d", len(out), size)
		}
	})
}

// BenchmarkCodec runs on the file that MSTORE_BENCH_FILE names, else on text
// of random floats.
func BenchmarkCodec(b *testing.B) {
	raw, err := os.ReadFile(os.Getenv("MSTORE_BENCH_FILE"))
	if err != nil {
		r := rand.New(rand.NewPCG(1, 2))
		for len(raw) < 4<<20 {
			raw = fmt.Appendf(raw, "%v, ", r.NormFloat64())
		}
	}
	raw = raw[:min(len(raw), 4<<20)]
	for _, fast := range []bool{false, true} {
		enc, id := Encode(nil, raw, fast)
		b.Run(fmt.Sprintf("encode/fast=%v", fast), func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			b.ReportMetric(float64(len(enc))/float64(len(raw)), "ratio")
			for b.Loop() {
				enc, _ = Encode(enc[:0], raw, fast)
			}
		})
		b.Run(fmt.Sprintf("decode/fast=%v", fast), func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			var out []byte
			for b.Loop() {
				out, _ = Decode(out[:0], id, enc, len(raw))
			}
		})
	}
}
