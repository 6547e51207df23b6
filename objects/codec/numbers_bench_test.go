package codec

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// benchPieces are the pieces of the files that MSTORE_BENCH_FILE, a pattern,
// names, else text of random floats.
func benchPieces(tb testing.TB) (pieces [][]byte, total int) {
	names, _ := filepath.Glob(os.Getenv("MSTORE_BENCH_FILE"))
	for _, name := range names {
		raw, err := os.ReadFile(name)
		if err != nil {
			tb.Fatal(err)
		}
		for len(raw) > 0 {
			k := min(len(raw), 2<<20)
			pieces = append(pieces, raw[:k])
			total += k
			raw = raw[k:]
		}
	}
	if pieces == nil {
		pieces = [][]byte{randomJSON(1, 2<<20)}
		total = len(pieces[0])
	}
	return pieces, total
}

// randomJSON is a document of about n bytes as a training run would write it.
func randomJSON(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 2))
	b := []byte(`{"model": "m", "states": {`)
	for i := 0; len(b) < n; i++ {
		b = fmt.Appendf(b, `"%d": {"len": %d, "time": %s, "loss": %s, "features": [`, i, i, python(1.75e9+float64(i)/3), python(r.NormFloat64()))
		for range 12 {
			b = fmt.Appendf(b, "%s, ", python(float64(float32(r.NormFloat64()))))
		}
		b = append(b, `0.5], "tags": ["a1", "b"]}, `...)
	}
	return append(b, "}}"...)
}

func BenchmarkNumbers(b *testing.B) {
	pieces, total := benchPieces(b)
	for _, l := range []Level{Default, Fast, Thorough} {
		var enc [][]byte
		size := 0
		for _, p := range pieces {
			e, ok := encodeNumbers(nil, p, l)
			if !ok {
				e = nil
				size += len(p)
			}
			enc = append(enc, e)
			size += len(e)
		}
		b.Run(fmt.Sprintf("encode-%d", l), func(b *testing.B) {
			b.SetBytes(int64(total))
			var out []byte
			for b.Loop() {
				for _, p := range pieces {
					out, _ = encodeNumbers(out[:0], p, l)
				}
			}
			b.ReportMetric(float64(size)/float64(total), "ratio")
			b.ReportMetric(float64(size), "stored")
		})
		b.Run(fmt.Sprintf("decode-%d", l), func(b *testing.B) {
			b.SetBytes(int64(total))
			out := make([]byte, 0, 2<<20)
			for b.Loop() {
				for i, e := range enc {
					if e == nil {
						continue
					}
					var err error
					if out, err = decodeNumbers(out[:0], e, len(pieces[i])); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
		for i, e := range enc {
			if e == nil {
				continue
			}
			out, err := decodeNumbers(nil, e, len(pieces[i]))
			if err != nil || !bytes.Equal(out, pieces[i]) {
				b.Fatal("does not come back", err)
			}
		}
		b.Run(fmt.Sprintf("zstd-%d", l), func(b *testing.B) {
			b.SetBytes(int64(total))
			var out []byte
			for b.Loop() {
				size = 0
				for _, p := range pieces {
					out = encodeZstd(out[:0], p, l)
					size += len(out)
				}
			}
			b.ReportMetric(float64(size)/float64(total), "ratio")
			b.ReportMetric(float64(size), "stored")
		})
	}
}
