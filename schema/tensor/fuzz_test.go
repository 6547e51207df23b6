package tensor

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
)

// seeds are small files of a format, valid and not.
func seeds(t testing.TB, f Format) [][]byte {
	a, b := f32(1, "a", 4, 5), f32(2, "b", 3)
	nan := sample{"n", "F32", []uint64{2}, floats(math.NaN(), math.Inf(1))}
	switch f {
	case Safetensors:
		return [][]byte{safetensorsFile(a, b, nan), rawSafetensors("{}", nil), rawSafetensors(`{"a":[[{}]]}`, nil)}
	case GGUF:
		return [][]byte{ggufFile(0, a, nan), ggufFile(2, sample{"q", "", []uint64{32, 2}, random(3, 36)}), []byte("GGUF\x00\x00\x00\x03")}
	case ONNX:
		return [][]byte{onnxFile(nan, a, b), initializer("w", external("location", "x")...), initializer("w", 1, 2, 2, 7, 7, packed(1, 1<<60)),
			initializer("w", 1, 2, 2, 1, 4, floats(1, 2))}
	case NPY:
		all := [][]byte{npyFile("<f4", a), npyFile(">f8", sample{shape: []uint64{2}, data: random(1, 16)})}
		for _, b := range brokenNPY("") {
			all = append(all, b.file)
		}
		return all
	}
	return [][]byte{npzFile(t, zip.Store, a, nan), npzFile(t, zip.Deflate, a, b), zipFile(t, zip.Deflate, zipMember{"x", []byte("text")})}
}

// checkFuzz checks that a report is one, and that a check reads each byte only
// a few times.
func checkFuzz(t testing.TB, f Format, b []byte) {
	checkList(t, f, b)
	for _, o := range []Options{{}, {Limit: 3}, {NoValues: true}} {
		m := &meter{b: b}
		r, err := Check(context.Background(), f, m, int64(len(b)), o)
		if err != nil {
			t.Fatal(err)
		}
		if limit := int64(len(b))*8 + 1<<17; m.read > limit && f != NPZ { // a directory is searched for, and read anew
			t.Fatalf("%d bytes were read of a file of %d", m.read, len(b))
		}
		if r.Tensors < 0 || r.Parameters < 0 || r.Bytes < 0 || min(r.NaN, r.Inf, r.Zero, r.MoreProblems) < 0 || min(r.NaNValues, r.InfValues) < 0 {
			t.Fatalf("negative numbers: %+v", r)
		}
		if limit := max(o.Limit, 3); o.Limit == 3 && (len(r.Problems) > limit || len(r.Notes) > 3*limit) {
			t.Fatalf("%d problems, %d notes", len(r.Problems), len(r.Notes))
		}
		if r.NaN > r.Tensors || r.Inf > r.Tensors || r.Zero > r.Tensors || int64(r.NaN) > r.NaNValues {
			t.Fatalf("the counts do not fit: %+v", r)
		}
		for _, p := range r.Problems {
			if p.Field == "" || p.Text == "" || p.Off < -1 {
				t.Fatalf("problem %+v", p)
			}
		}
		for _, n := range r.Notes {
			if n.Count <= 0 || n.Count > n.Of {
				t.Fatalf("note %+v", n)
			}
		}
	}
}

func fuzz(f *testing.F, format Format) {
	for _, b := range seeds(f, format) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) { checkFuzz(t, format, b) })
}

func FuzzSafetensors(f *testing.F) { fuzz(f, Safetensors) }
func FuzzGGUF(f *testing.F)        { fuzz(f, GGUF) }
func FuzzONNX(f *testing.F)        { fuzz(f, ONNX) }
func FuzzNPY(f *testing.F)         { fuzz(f, NPY) }

// FuzzNPZ also takes the bytes for a member, of which the checksum is right.
func FuzzNPZ(f *testing.F) {
	for _, b := range append(seeds(f, NPZ), seeds(f, NPY)...) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		checkFuzz(t, NPZ, b)
		checkFuzz(t, NPZ, zipFile(t, zip.Deflate, zipMember{"w.npy", b}))
	})
}

func FuzzDetect(f *testing.F) {
	for _, format := range []Format{Safetensors, GGUF, ONNX, NPY, NPZ} {
		for _, b := range seeds(f, format) {
			f.Add("x", b)
		}
	}
	f.Fuzz(func(t *testing.T, name string, b []byte) {
		if format := Detect(name, b); format != "" {
			checkFuzz(t, format, b)
		}
	})
}

// TestDamage changes bytes of valid files, and puts large numbers in.
func TestDamage(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	for _, f := range []Format{Safetensors, GGUF, ONNX, NPY, NPZ} {
		for _, seed := range seeds(t, f) {
			for range 2000 {
				b := bytes.Clone(seed)
				for range 1 + r.IntN(3) {
					if len(b) < 9 {
						break
					}
					switch at := r.IntN(len(b) - 8); r.IntN(4) {
					case 0:
						b[at] ^= 1 << r.IntN(8)
					case 1:
						binary.LittleEndian.PutUint64(b[at:], 1<<r.IntN(64)-uint64(r.IntN(2)))
					case 2:
						b = b[:at]
					case 3:
						b = append(b[:at:at], b[r.IntN(len(b)):]...)
					}
				}
				checkFuzz(t, f, b)
			}
		}
	}
}

// TestMemory checks that what a file announces is not allocated.
func TestMemory(t *testing.T) {
	huge := func(head string) []byte {
		return append([]byte(head), bytes.Repeat([]byte{0xff, 0xff, 0xff, 0x7f}, 50)...)
	}
	for name, c := range map[string]struct {
		f Format
		b []byte
	}{
		"safetensors":   {Safetensors, append(u64(99_000_000), "{}"...)},
		"gguf":          {GGUF, huge("GGUF\x03\x00\x00\x00")},
		"gguf string":   {GGUF, rawGGUF(1, [][]byte{kv("k", ggufString, u64(1<<40))}, nil, nil)},
		"npy header":    {NPY, append([]byte(npyMagic+"\x02\x00"), u32(1<<31)...)},
		"npy":           {NPY, rawNPY(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,)}", nil)},
		"onnx":          {ONNX, append([]byte{8, 8, 7<<3 | 2}, packed(1<<40)...)},
		"npz directory": {NPZ, bytes.Replace(npzFile(t, zip.Store, f32(1, "a", 3)), []byte("PK\x05\x06\x00\x00\x00\x00\x01\x00\x01\x00"), []byte("PK\x05\x06\x00\x00\x00\x00\xfe\xff\xfe\xff"), 1)},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r := check(t, c.f, c.b, Options{})
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 2<<20 {
			t.Errorf("%s: %d bytes were allocated", name, n)
		}
		if len(r.Problems) == 0 {
			t.Errorf("%s: no problem", name)
		}
	}
}

func TestReaderErrors(t *testing.T) {
	broken := errors.New("broken disk")
	for _, f := range []Format{Safetensors, GGUF, ONNX, NPY, NPZ} {
		b := seeds(t, f)[0]
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := Check(ctx, f, bytes.NewReader(b), int64(len(b)), Options{}); !errors.Is(err, context.Canceled) {
			t.Errorf("%s, cancelled: %v", f, err)
		}
		for n := 0; ; n++ {
			r, err := Check(context.Background(), f, &failing{bytes.NewReader(b), n, broken}, int64(len(b)), Options{})
			if err == nil {
				if n == 0 || len(r.Problems) > 0 {
					t.Errorf("%s, %d reads: %+v", f, n, r)
				}
				break
			}
			if !errors.Is(err, broken) || r != nil {
				t.Errorf("%s fails at read %d: %v", f, n, err)
			}
		}
		if _, err := Check(context.Background(), f, bytes.NewReader(b[:len(b)-1]), int64(len(b)), Options{}); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s with a wrong size: %v", f, err)
		}
		checkFuzz(t, f, nil)
		if _, err := Check(context.Background(), f, bytes.NewReader(nil), -5, Options{}); err != nil {
			t.Errorf("%s of a negative size: %v", f, err)
		}
	}
	if _, err := Check(context.Background(), "text", bytes.NewReader(nil), 0, Options{}); !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
}
