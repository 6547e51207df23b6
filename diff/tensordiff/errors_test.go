package tensordiff

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
)

// failing fails from its nth read on.
type failing struct {
	*memory
	left int
}

var errDisk = errors.New("broken disk")

func (f *failing) ReadAt(p []byte, off int64) (int, error) {
	if f.left--; f.left < 0 {
		return 0, errDisk
	}
	return f.memory.ReadAt(p, off)
}

func bytesOfFile(m *memory) []byte {
	b, err := io.ReadAll(io.NewSectionReader(m.Reader, 0, m.Size()))
	if err != nil {
		panic(err)
	}
	return b
}

func TestDamagedFiles(t *testing.T) {
	good := safetensors(nil, vector("w", 1, 2))
	whole := bytesOfFile(good)
	overlap := bytes.Replace(bytesOfFile(safetensors(nil, vector("v", 1), vector("w", 2))), []byte("[4,8]"), []byte("[0,4]"), 1)
	squeezed := bytesOfFile(npz(t, zip.Deflate, vector("w", make([]float64, 5000)...)))
	squeezed[50] ^= 0xff
	for name, c := range map[string]struct {
		file []byte
		name string
		want string
	}{
		"cut":        {whole[:len(whole)-1], "", `tensor "w"`},
		"no header":  {whole[:4], "x.safetensors", "the length of the header"},
		"overlap":    {overlap[:len(overlap)-4], "", `tensor "w"`},
		"gigantic":   {bytes.Replace(whole, []byte("[2]"), []byte("[9]"), 1), "", `tensor "w": data_offsets`},
		"empty":      {nil, "x.gguf", "the header"},
		"compressed": {squeezed, "", `tensor "w"`},
		"manifest":   {[]byte(`[{"weights":[{"name":"w","shape":[-1],"dtype":"float32"}],"paths":["x"]}]`), "", "json"},
		"leaves":     {[]byte(`[{"weights":[{"name":"w","shape":[1],"dtype":"float32"}],"paths":["../x"]}]`), "", "../x"},
	} {
		for i, side := range []Side{Before, After} {
			o := Options{Names: [2]string{c.name, c.name}}
			files := [2]Source{file(whole), file(whole)}
			if name == "compressed" {
				files = [2]Source{npz(t, zip.Deflate, vector("w", make([]float64, 5000)...)), npz(t, zip.Deflate, vector("w", make([]float64, 5000)...))}
			}
			files[i] = file(c.file)
			_, err := Diff(t.Context(), files[0], files[1], o)
			var e *FileError
			if !errors.As(err, &e) || e.Side != side || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), string(side)) {
				t.Errorf("%s %s: %v", name, side, err)
			}
		}
	}
	if _, err := Diff(t.Context(), good, file([]byte("text")), Options{}); !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), "after") {
		t.Errorf("text: %v", err)
	}
}

func TestReadErrors(t *testing.T) {
	values := make([]float64, 200_000)
	a := safetensors(nil, vector("w", values...), vector("gone", 1))
	values[150_000] = 1
	b := safetensors(nil, vector("w", values...), vector("new", 1))
	for side := range 2 {
		for n := 0; ; n++ {
			files := [2]Source{a, b}
			files[side] = &failing{files[side].(*memory), n}
			r, err := Diff(t.Context(), files[0], files[1], Options{Workers: 1})
			if err == nil {
				if n < 5 || r.Counts.Changed != 1 || r.Counts.Renamed != 1 {
					t.Errorf("after %d reads: %+v", n, r.Counts)
				}
				break
			}
			if !errors.Is(err, errDisk) || !strings.Contains(err.Error(), []string{"before", "after"}[side]) {
				t.Errorf("read %d: %v", n, err)
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Diff(ctx, a, b, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// endless is a file with a header, and zeros after it.
type endless struct {
	head []byte
	size int64
	bias byte
}

func (e *endless) Size() int64 { return e.size }

func (e *endless) ReadAt(p []byte, off int64) (int, error) {
	for i := range p {
		p[i] = e.bias
	}
	if off < int64(len(e.head)) {
		copy(p, e.head[off:])
	}
	return len(p), nil
}

// TestMemory compares tensors that are larger than what may be held.
func TestMemory(t *testing.T) {
	head := bytesOfFile(safetensors(nil, sample{"w", "F32", []int64{1 << 24}, nil}))
	head = bytes.Replace(head, []byte("[0,0]"), []byte("[0,67108864]"), 1)
	head[0] += byte(len("67108864") - 1)
	size := int64(len(head)) + 1<<26
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r := diff(t, &endless{head, size, 0}, &endless{head, size, 1}, Options{Workers: 2})
	runtime.ReadMemStats(&after)
	if v := r.Tensors[0].Delta.Values; v.ElementsChanged != 1<<24 {
		t.Errorf("%+v", v)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 8<<20 {
		t.Errorf("%d bytes were allocated", n)
	}
}

// seeds are files of every format.
func seeds(t testing.TB) (all [][]byte) {
	w := vector("layers.0.w", 1, 2, 3)
	for _, m := range []*memory{safetensors([]string{"k", "v"}, w, vector("b", 4)), safetensors(nil, numbers("h", "BF16", []int64{2, 2}, 1, 2, 3, 4)),
		gguf(0, "x", w), gguf(2, "x", sample{"q", "", []int64{32}, make([]byte, 18)}), npz(t, zip.Deflate, w), npz(t, zip.Store, w)} {
		all = append(all, bytesOfFile(m))
	}
	return append(all, npy(">f4", true, []int64{1, 3}, w.data), []byte(`[{"weights":[{"name":"w","shape":[1],"dtype":"float32"}],"paths":["x"]}]`))
}

// checkResult compares two files of any bytes, of which each is a sibling of all.
func checkResult(t testing.TB, a, b []byte) {
	open := func(Side, string) (Source, error) { return file(a), nil }
	r, err := Diff(context.Background(), file(a), file(b), Options{Open: open, Workers: 2})
	if err != nil {
		return
	}
	n := r.Counts
	if sum := n.Removed + n.Added + n.Renamed + n.Reshaped + n.Retyped + n.Changed + n.Unknown; sum != len(r.Tensors) {
		t.Fatalf("%d tensors are listed of %+v", len(r.Tensors), n)
	}
	if r.Before.Tensors != sumOf(n)-n.Added || r.After.Tensors != sumOf(n)-n.Removed {
		t.Fatalf("the tensors do not add up: %+v, %+v, %+v", r.Before, r.After, n)
	}
	for _, x := range r.Tensors {
		if x.Delta == nil {
			continue
		}
		if s := x.Delta.Share; !(s >= 0 && s <= 1) {
			t.Fatalf("the share of %q is %v", x.Name, s)
		}
		if v := x.Delta.Values; v != nil && (v.ElementsChanged > x.Elements || v.Before.NaN+v.Before.Inf > x.Elements || v.Cosine > 1 || v.Cosine < -1) {
			t.Fatalf("%q: %+v", x.Name, v)
		}
	}
	if jsonText(r) == "" || r.Summary == "" {
		t.Fatal("no text")
	}
	same, err := Diff(context.Background(), file(a), file(a), Options{Open: open})
	var damage *FileError // of a member that was not read before
	if err != nil && !errors.As(err, &damage) || err == nil && !same.Equal {
		t.Fatalf("a file and itself: %v, %+v", err, same)
	}
}

func sumOf(n Counts) int {
	return n.Removed + n.Added + n.Renamed + n.Reshaped + n.Retyped + n.Changed + n.Unknown + n.Equal
}

func FuzzDiff(f *testing.F) {
	all := seeds(f)
	for i, b := range all {
		f.Add(b, all[(i+1)%len(all)])
		f.Add(b, b)
	}
	f.Fuzz(func(t *testing.T, a, b []byte) { checkResult(t, a, b) })
}

// TestDamage changes bytes of files, and compares them with what they were.
func TestDamage(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for _, seed := range seeds(t) {
		checkResult(t, seed, seed)
		for range 400 {
			b := bytes.Clone(seed)
			for range 1 + r.IntN(3) {
				if at := r.IntN(len(b)); r.IntN(8) == 0 {
					b = b[:max(at, 1)]
				} else {
					b[at] ^= 1 << r.IntN(8)
				}
			}
			checkResult(t, seed, b)
			checkResult(t, b, seed)
		}
	}
}
