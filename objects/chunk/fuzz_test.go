package chunk

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"testing"

	"pgregory.net/rapid"
)

// seeds are small files of each format.
func seeds(t testing.TB) [][]byte {
	a, b := f32(1, "a", 40, 50), f32(2, "b", 300)
	return [][]byte{
		nil, []byte("text\n"), jsonFile(20, 0), safetensorsFile("x", a, b), ggufFile(32, 0, a, b), ggufFile(32, 2, b), onnxFile(100, a, b, a),
		npyFile("<f4", a), npzFile(a, b), deflatedNPZ(t, b), tfliteFile(a, b, a), a.data, random(5000),
	}
}

func FuzzCut(f *testing.F) {
	for _, b := range seeds(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) { checkCut(t, b) })
}

func TestHostileModels(t *testing.T) {
	base := append(seeds(t), safetensorsFile("", f32(1, "w", 300, 1000), f32(2, "v", 10)), onnxFile(0, f32(1, "w", 300, 1000)))
	rapid.Check(t, func(t *rapid.T) {
		b := bytes.Clone(rapid.SampledFrom(base).Draw(t, "model"))
		for range rapid.IntRange(0, 8).Draw(t, "edits") {
			if len(b) == 0 {
				break
			}
			at := rapid.IntRange(0, min(len(b)-1, 1000)).Draw(t, "at")
			switch rapid.IntRange(0, 3).Draw(t, "edit") {
			case 0:
				b[at] = rapid.Byte().Draw(t, "byte")
			case 1:
				b = b[:len(b)-at]
			case 2:
				b = append(b[:at:at], append(rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "new"), b[at:]...)...)
			case 3:
				copy(b[at:], bytes.Repeat([]byte{0xff}, 8))
			}
		}
		sizes := rapid.SliceOfN(rapid.IntRange(1, 100_000), 1, 5).Draw(t, "reads")
		want, got := cut(t, bytes.NewReader(b)), cut(t, &choppy{b: b, sizes: sizes})
		if fmt.Sprint(lengths(want)) != fmt.Sprint(lengths(got)) || !bytes.Equal(join(want), b) || !bytes.Equal(join(got), b) {
			t.Fatalf("pieces of %v bytes, and of %v, for %d", lengths(want), lengths(got), len(b))
		}
	})
}

func lengths(pieces []Piece) (n []int) {
	for _, p := range pieces {
		n = append(n, len(p.Raw))
	}
	return n
}

// choppy reads in the sizes given, over and over.
type choppy struct {
	b     []byte
	sizes []int
	reads int
}

func (c *choppy) Read(p []byte) (int, error) {
	if len(c.b) == 0 {
		return 0, io.EOF
	}
	n := min(len(p), len(c.b), c.sizes[c.reads%len(c.sizes)])
	copy(p, c.b[:n])
	c.b = c.b[n:]
	c.reads++
	return n, nil
}

// What a header claims costs no memory.
func TestClaimsCostNoMemory(t *testing.T) {
	huge := sample{"w", []uint64{1 << 30, 1 << 30}, []byte("little")}
	for name, b := range map[string][]byte{
		"safetensors": append([]byte("\x00\x00\x00\x04\x00\x00\x00\x00"), `{"a":{"dtype":"F32","data_offsets":[0,9]`...),
		"offsets":     rawSafetensors(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,1000000000000000]}}`, nil),
		"gguf":        append([]byte("GGUF\x03\x00\x00\x00"), bytes.Repeat([]byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}, 20)...),
		"gguf shape":  ggufFile(32, 0, huge),
		"npy":         npyFile("<f4", huge),
		"onnx":        protoBytes(protoUint(nil, 1, 8), 7, append([]byte{0x2a, 0xff, 0xff, 0xff, 0xff, 0x3f}, random(50)...)),
	} {
		if used := allocated(func() { checkCut(t, b) }); used > 8<<20 {
			t.Errorf("%s: %d bytes of memory for a file of %d", name, used, len(b))
		}
	}
	// A long header costs memory by its length, once; the pieces do not.
	head := `{"__metadata__":{"x":"` + string(bytes.Repeat([]byte("y"), 16<<20)) + `"}}`
	long := rawSafetensors(head, weights(1, 8<<20))
	buf := make([]byte, 0, Max+2*readSize)
	used := allocated(func() {
		for c := New(bytes.NewReader(long)); ; {
			p, err := c.Next(buf)
			if err != nil || cap(p.Raw) > cap(buf) {
				t.Fatal(err, cap(p.Raw))
			}
			if p.Last {
				break
			}
		}
	})
	if used > 80<<20 {
		t.Errorf("%d bytes of memory", used)
	}
}

func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
