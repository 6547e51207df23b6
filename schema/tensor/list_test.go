package tensor

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func list(t testing.TB, f Format, b []byte) *Listing {
	t.Helper()
	l, err := List(context.Background(), f, bytes.NewReader(b), int64(len(b)), Options{})
	if err != nil {
		t.Fatalf("listing %s: %v", f, err)
	}
	return l
}

// dataOf reads the data of a tensor that is in the file itself.
func dataOf(t testing.TB, file []byte, e *Entry) []byte {
	t.Helper()
	if e.Off >= 0 {
		return file[e.Off : e.Off+e.Bytes]
	}
	r, err := e.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestList(t *testing.T) {
	a, b := f32(1, "a", 4, 5), f32(2, "b", 3)
	half := sample{"h", "F16", []uint64{2, 2}, random(3, 8)}
	float := func(name string, off, bytes int64, shape ...int64) Entry {
		e := Entry{Name: name, DType: "F32", Shape: shape, Elements: bytes / 4, Block: 1, BlockBits: 32, Off: off, Bytes: bytes}
		return e
	}
	text := safetensorsFile(a, half)
	begin := int64(len(text)) - 88
	stored, squeezed := npzFile(t, zip.Store, a), npzFile(t, zip.Deflate, a, b)
	gguf := ggufFile(0, a, b)
	ggufData := int64(bytes.Index(gguf, a.data))
	constant := sample{"c", "F32", []uint64{1}, floats(7)}
	onnx := onnxFile(constant, b)
	big := sample{shape: []uint64{2}, data: random(1, 16)}
	for _, c := range []struct {
		name string
		f    Format
		file []byte
		want []Entry
		data [][]byte
	}{
		{"safetensors", Safetensors, text, []Entry{float("a", begin, 80, 4, 5), {Name: "h", DType: "F16", Shape: []int64{2, 2}, Elements: 4, Block: 1, BlockBits: 16, Off: begin + 80, Bytes: 8}}, [][]byte{a.data, half.data}},
		{"gguf", GGUF, gguf, []Entry{float("a", ggufData, 80, 5, 4), float("b", ggufData+96, 12, 3)}, [][]byte{a.data, b.data}},
		{"gguf quantised", GGUF, ggufFile(2, sample{"q", "", []uint64{32, 2}, random(3, 36)}),
			[]Entry{{Name: "q", DType: "Q4_0", Shape: []int64{2, 32}, Elements: 64, Block: 32, BlockBits: 144, Bytes: 36}}, [][]byte{random(3, 36)}},
		{"onnx", ONNX, onnx, []Entry{float("c", int64(bytes.Index(onnx, constant.data)), 4, 1), float("b", int64(bytes.Index(onnx, b.data)), 12, 3)}, [][]byte{constant.data, b.data}},
		{"npy", NPY, npyFile(">f8", big), []Entry{{DType: "F64", Shape: []int64{2}, Elements: 2, Block: 1, BlockBits: 64, Off: 128, Bytes: 16, BigEndian: true}}, [][]byte{big.data}},
		{"npy in Fortran's order", NPY, rawNPY(1, "{'descr': '<U2', 'fortran_order': True, 'shape': (1, 2)}", make([]byte, 16)),
			[]Entry{{DType: "U", Shape: []int64{1, 2}, Elements: 2, Block: 1, BlockBits: 64, Off: 128, Bytes: 16, Fortran: true}}, [][]byte{make([]byte, 16)}},
		{"npz", NPZ, stored, []Entry{float("a", int64(bytes.Index(stored, a.data)), 80, 4, 5)}, [][]byte{a.data}},
		{"npz compressed", NPZ, squeezed, []Entry{float("a", -1, 80, 4, 5), float("b", -1, 12, 3)}, [][]byte{a.data, b.data}},
	} {
		l := list(t, c.f, c.file)
		if c.name == "gguf quantised" {
			c.want[0].Off = int64(len(c.file)) - 36
		}
		if d := cmp.Diff(c.want, l.Tensors, cmpopts.IgnoreUnexported(Entry{})); d != "" || !l.Complete {
			t.Errorf("%s, complete %v: -want +got: %s", c.name, l.Complete, d)
			continue
		}
		for i := range l.Tensors {
			if got := dataOf(t, c.file, &l.Tensors[i]); !bytes.Equal(got, c.data[i]) {
				t.Errorf("%s: the data of %q is %x", c.name, l.Tensors[i].Name, got)
			}
		}
	}
	if _, err := List(context.Background(), "text", bytes.NewReader(nil), 0, Options{}); !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
	if _, err := new(Entry).Open(); !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
}

// TestListONNX has data that is no array, and data in other files.
func TestListONNX(t *testing.T) {
	ints := list(t, ONNX, initializer("w", 1, 2, 2, 7, 7, packed(1, 1<<40)))
	if e := ints.Tensors[0]; !e.Packed || e.Bytes != 7 || e.DType != "I64" || !ints.Complete {
		t.Errorf("%+v", e)
	}
	outside := list(t, ONNX, initializer("w", external("location", "x/y.bin", "offset", "16")...))
	want := []Entry{{Name: "w", DType: "F32", Shape: []int64{4}, Elements: 4, Block: 1, BlockBits: 32, Files: []string{"x/y.bin"}, Off: 16, Bytes: 16}}
	if d := cmp.Diff(want, outside.Tensors, cmpopts.IgnoreUnexported(Entry{})); d != "" {
		t.Errorf("-want +got: %s", d)
	}
	if l := list(t, ONNX, initializer("w", external("location", "../y.bin")...)); l.Complete || len(l.Tensors) > 0 {
		t.Errorf("it leaves the directory: %+v", l)
	}
}

func TestListMetadata(t *testing.T) {
	values := func(l *Listing) map[string]string {
		m := map[string]string{}
		for _, p := range l.Metadata {
			m[p.Key] = p.Value
		}
		return m
	}
	gguf := list(t, GGUF, ggufFile(0, f32(1, "a", 3)))
	want := map[string]string{"general.name": "a model", "layers": "32", "low": "-1", "eps": "0.5", "wide": "-2", "flag": "true",
		"tokens": "array of 2", "nested": "array of 1", "numbers": "array of 3"}
	if d := cmp.Diff(want, values(gguf)); d != "" {
		t.Errorf("-want +got: %s", d)
	}
	onnx := values(list(t, ONNX, onnxFile(f32(1, "c", 1), f32(2, "b", 3))))
	for key, want := range map[string]string{"producer_name": "pytorch", "ir_version": "8", "nodes If": "1", "nodes Constant": "1", "nodes Relu": "1"} {
		if onnx[key] != want {
			t.Errorf("%s is %q, want %q", key, onnx[key], want)
		}
	}
	sum := func(end string) Pair {
		return list(t, Safetensors, rawSafetensors(`{"__metadata__":{"k":"`+strings.Repeat("x", 300)+end+`"}}`, nil)).Metadata[0]
	}
	if a, b := sum("a"), sum("b"); a == b || a.Value != b.Value || len(a.Value) > maxName || a != sum("a") {
		t.Errorf("%+v and %+v", a, b)
	}
	array := func(x float64) Pair {
		pair := kv("numbers", ggufArray, append(append(u32(6), u64(1)...), floats(x)...))
		return list(t, GGUF, rawGGUF(1, [][]byte{pair}, nil, nil)).Metadata[0]
	}
	if a, b := array(1), array(2); a == b || a != array(1) {
		t.Errorf("arrays: %+v, %+v", a, b)
	}
}

func TestListTFJS(t *testing.T) {
	const groups = `[{"paths":["a.bin","b.bin"],"weights":[{"name":"k","shape":[2,3],"dtype":"float32"},
		{"name":"q","shape":[],"dtype":"float32","quantization":{"dtype":"uint8","scale":0.5,"min":-1}}]},
		{"paths":["c.bin"],"weights":[{"name":"s","shape":[4],"dtype":"int32"}]}]`
	files := []string{"a.bin", "b.bin"}
	want := []Entry{
		{Name: "k", DType: "F32", Shape: []int64{2, 3}, Elements: 6, Block: 1, BlockBits: 32, Files: files, Bytes: 24},
		{Name: "q", DType: "U8", Shape: []int64{}, Elements: 1, Block: 1, BlockBits: 8, Files: files, Off: 24, Bytes: 1, Scale: 0.5, Min: -1},
		{Name: "s", DType: "I32", Shape: []int64{4}, Elements: 4, Block: 1, BlockBits: 32, Files: []string{"c.bin"}, Bytes: 16},
	}
	for _, file := range []string{groups, `{"format":"x","modelTopology":{"a":[1,{}]},"weightsManifest":` + groups + `,"n":1}`} {
		l := list(t, TFJS, []byte(file))
		if d := cmp.Diff(want, l.Tensors, cmpopts.IgnoreUnexported(Entry{})); d != "" || !l.Complete || !IsTFJS([]byte(file)) {
			t.Errorf("complete %v: -want +got: %s", l.Complete, d)
		}
		if file[0] == '{' && (len(l.Metadata) != 3 || l.Metadata[1].Key != "modelTopology" || l.Metadata[1].Sum == [32]byte{}) {
			t.Errorf("%+v", l.Metadata)
		}
	}
	for name, c := range map[string]struct{ file, text string }{
		"no JSON":      {`{"weightsManifest":[`, "EOF"},
		"a number":     {`1`, "expected an object"},
		"no manifest":  {`{"modelTopology":{}}`, "missing"},
		"no array":     {`{"weightsManifest":{}}`, "expected an array"},
		"no group":     {`[1]`, "expected an object"},
		"text":         {`[{"paths":["x"],"weights":[{"name":"w","shape":[2],"dtype":"string"}]}]`, "length of type"},
		"huge":         {`[{"paths":["x"],"weights":[{"name":"w","shape":[4294967296,4294967296],"dtype":"int32"}]}]`, "than a file can hold"},
		"huge in sum":  {`[{"paths":["x"],"weights":[` + strings.Repeat(`{"name":"w","shape":[1000000000000000000],"dtype":"int32"},`, 9) + `{}]}]`, "than a file can hold"},
		"no file":      {`[{"weights":[{"name":"w","shape":[2],"dtype":"bool"}]}]`, "there is none"},
		"outside":      {`[{"paths":["a/../../x"],"weights":[{"name":"w","shape":[2],"dtype":"bool"}]}]`, "no file beside"},
		"a long shape": {`[{"paths":["x"],"weights":[{"name":"w","shape":[2.5],"dtype":"bool"}]}]`, "2.5"},
	} {
		l := list(t, TFJS, []byte(c.file))
		if l.Complete || len(l.Problems) == 0 || !strings.Contains(l.Problems[0].Text, c.text) {
			t.Errorf("%s: complete %v, %v", name, l.Complete, l.Problems)
		}
	}
	for _, s := range []string{"", "x", `{"a":1}`, `[1]`} {
		if IsTFJS([]byte(s)) {
			t.Errorf("%q is taken for a model", s)
		}
	}
}

// checkList checks that what a file of any bytes lists is within it, and that a
// listing misses nothing that a check counts.
func checkList(t testing.TB, f Format, b []byte) {
	l := list(t, f, b)
	for i := range l.Tensors {
		e := &l.Tensors[i]
		n := int64(1)
		for _, d := range e.Shape {
			if d < 0 {
				t.Fatalf("%+v", e)
			}
			if n > 0 && d > math.MaxInt64/n {
				n = math.MaxInt64 // next to a 0
				continue
			}
			n *= d
		}
		if n != e.Elements && e.Elements != 0 || e.Bytes < 0 || e.Off < -1 || e.Block < 1 {
			t.Fatalf("%d elements, %+v", n, e)
		}
		if e.Files == nil && e.Off >= 0 && (e.Off > int64(len(b)) || e.Bytes > int64(len(b))-e.Off) {
			t.Fatalf("beyond %d bytes: %+v", len(b), e)
		}
		if !e.Packed && e.BlockBits%8 == 0 && e.BlockBits > 0 && e.Bytes != e.Elements/e.Block*e.BlockBits/8 {
			t.Fatalf("the length does not fit: %+v", e)
		}
	}
	if f == TFJS {
		return
	}
	r := check(t, f, b, Options{NoValues: true, Limit: 1 << 20})
	if l.Complete && len(l.Tensors) != r.Tensors || len(l.Tensors) > r.Tensors {
		t.Fatalf("%d of %d tensors are listed, complete: %v", len(l.Tensors), r.Tensors, l.Complete)
	}
	if !l.Complete && len(r.Problems) == 0 {
		t.Fatalf("a valid %s is not listed completely: %q, %+v", f, b, l)
	}
}

func FuzzTFJS(f *testing.F) {
	f.Add([]byte(`{"modelTopology":{},"weightsManifest":[{"paths":["a"],"weights":[{"name":"w","shape":[2],"dtype":"float32"}]}]}`))
	f.Add([]byte(`[{"paths":["a"],"weights":[{"name":"w","shape":[2],"dtype":"float32","quantization":{"dtype":"uint8","scale":1,"min":0}}]}]`))
	f.Fuzz(func(t *testing.T, b []byte) { checkList(t, TFJS, b) })
}

func TestDamagedTFJS(t *testing.T) {
	seed := []byte(`{"modelTopology":{},"weightsManifest":[{"paths":["a"],"weights":[{"name":"w","shape":[2,12345],"dtype":"float32"}]}]}`)
	r := rand.New(rand.NewPCG(8, 8))
	for range 5000 {
		b := bytes.Clone(seed)
		for range 1 + r.IntN(2) {
			b[r.IntN(len(b))] = seed[r.IntN(len(seed))]
		}
		checkList(t, TFJS, b)
	}
}
