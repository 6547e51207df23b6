package tensordiff

import (
	"archive/zip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestStatuses(t *testing.T) {
	a := safetensors(nil, vector("same", 1, 2), vector("gone", 1), vector("old", 5, 6, 7), numbers("shape", "F32", []int64{2, 2}, 1, 2, 3, 4),
		numbers("type", "F32", []int64{2}, 1, 2), vector("little", 100, 100), vector("much", 1, 1), numbers("scalar", "F32", nil, 1), numbers("none", "F32", []int64{0, 3}))
	b := safetensors(nil, vector("new", 5, 6, 7), vector("same", 1, 2), vector("more", 2), numbers("shape", "F32", []int64{4}, 1, 2, 3, 4),
		numbers("type", "BF16", []int64{2}, 1, 3), vector("little", 100, 101), vector("much", 1, 3), numbers("scalar", "F32", nil, 2), numbers("none", "F32", []int64{0, 3}))
	r := diff(t, a, b, Options{})
	want := []string{"gone removed", "more added", "old -> new renamed", "shape reshaped", "type retyped", "much changed", "scalar changed", "little changed"}
	if d := cmp.Diff(want, statuses(r)); d != "" {
		t.Errorf("-want +got: %s", d)
	}
	if want := (Counts{Removed: 1, Added: 1, Renamed: 1, Reshaped: 1, Retyped: 1, Changed: 3, Equal: 2}); r.Counts != want {
		t.Errorf("counts %+v", r.Counts)
	}
	scalar := r.Tensors[6]
	if v := scalar.Delta.Values; v.MaxAbs != 1 || v.MaxAbsIndex == nil || len(v.MaxAbsIndex) > 0 || scalar.ShapeBefore == nil {
		t.Errorf("the scalar: %+v, %+v", scalar, v)
	}
	if v := r.Tensors[4].Delta.Values; v.ElementsChanged != 1 || v.L2 != 1 || !slices.Equal(v.MaxAbsIndex, []int64{1}) {
		t.Errorf("the retyped: %+v", v)
	}
	if r.Before.Tensors != 9 || r.Before.Elements != 17 || r.Before.Bytes != 68 || r.Before.Format != "safetensors" {
		t.Errorf("the file before: %+v", r.Before)
	}
	cut := diff(t, a, b, Options{Limit: 2})
	if len(cut.Tensors) != 2 || cut.Omitted.Tensors != 6 || cut.Summary != r.Summary || cut.Counts != r.Counts {
		t.Errorf("limited: %d tensors, omitted %+v", len(cut.Tensors), cut.Omitted)
	}
	if r := diff(t, a, a, Options{}); !r.Equal || r.Summary != "no tensor differs" || len(r.Tensors) > 0 {
		t.Errorf("with itself: %+v", r)
	}
}

func TestValuesOfOne(t *testing.T) {
	a := safetensors(nil, numbers("w", "F32", []int64{2, 3}, 3, 4, 0, 0, math.NaN(), 1))
	b := safetensors(nil, numbers("w", "F32", []int64{2, 3}, 3, 4, 0, 5, 2, math.Inf(-1)))
	r := diff(t, a, b, Options{})
	want := &Values{ElementsChanged: 3, L2: 5, RelativeL2: 1, L2Before: 5, MaxAbs: 5, MaxAbsIndex: []int64{1, 0}, Cosine: Number(25 / 5 / math.Sqrt(50)),
		Before: Moments{Mean: 1.6, Std: Number(math.Sqrt(26./5 - 1.6*1.6)), NaN: 1}, After: Moments{Mean: 2.8, Std: Number(math.Sqrt(54./5 - 2.8*2.8)), Inf: 1}}
	near := cmp.Comparer(func(x, y Number) bool { return math.Abs(float64(x-y)) < 1e-12 })
	if d := cmp.Diff(want, r.Tensors[0].Delta.Values, near); d != "" {
		t.Errorf("-want +got: %s", d)
	}
}

func TestSignOfZero(t *testing.T) {
	a, b := safetensors(nil, vector("w", 0, 1)), safetensors(nil, vector("w", math.Copysign(0, -1), 1))
	v := diff(t, a, b, Options{}).Tensors[0].Delta.Values
	if v.ElementsChanged != 1 || v.L2 != 0 || v.MaxAbsIndex != nil {
		t.Errorf("%+v", v)
	}
	if r := diff(t, a, b, Options{Tolerance: 1e-9}); !r.Equal {
		t.Errorf("with a tolerance: %v", statuses(r))
	}
}

func TestConstant(t *testing.T) {
	x := make([]float64, 9999)
	for i := range x {
		x[i] = 0.1
	}
	y := slices.Clone(x)
	y[5] = 0.2
	v := diff(t, safetensors(nil, vector("w", x...)), safetensors(nil, vector("w", y...)), Options{}).Tensors[0].Delta.Values
	if v.Before.Std != 0 || v.After.Std == 0 {
		t.Errorf("%+v", v)
	}
}

// TestFormats compares one tensor across formats, orders of bytes and of
// indexes.
func TestFormats(t *testing.T) {
	be := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, math.Float32bits(1)), math.Float32bits(3))
	w := vector("w", 1, 2)
	for name, c := range map[string]struct {
		a, b    *memory
		changed bool
	}{
		"npz and safetensors":  {npz(t, zip.Store, w), safetensors(nil, vector("w", 1, 3)), true},
		"compressed":           {npz(t, zip.Deflate, w), npz(t, zip.Deflate, vector("w", 1, 3)), true},
		"gguf and safetensors": {gguf(0, "x", w), safetensors(nil, vector("w", 1, 3)), true},
		"equal":                {npz(t, zip.Deflate, w), gguf(0, "x", w), false},
	} {
		r := diff(t, c.a, c.b, Options{})
		if c.changed != (len(r.Tensors) == 1) || r.Counts.Changed+r.Counts.Equal != 1 {
			t.Errorf("%s: %v", name, statuses(r))
		}
	}
	shape := []int64{2}
	r := diff(t, file(npy("<f4", false, shape, w.data)), file(npy(">f4", false, shape, be)), Options{})
	if got := r.Tensors[0]; got.Name != "array" || got.Delta.ElementsChanged != 1 || got.Delta.MaxAbs != 1 {
		t.Errorf("big-endian: %+v", got)
	}
	shape = []int64{2, 3}
	x, y := vector("", 1, 2, 3, 4, 5, 6), vector("", 1, 2, 3, 4, 7, 6)
	r = diff(t, file(npy("<f4", true, shape, x.data)), file(npy("<f4", true, shape, y.data)), Options{})
	if at := r.Tensors[0].Delta.MaxAbsIndex; !slices.Equal(at, []int64{0, 2}) {
		t.Errorf("in Fortran's order it is at %v", at)
	}
	r = diff(t, file(npy("<f4", true, shape, x.data)), file(npy("<f4", false, shape, x.data)), Options{})
	if r.Counts.Unknown != 1 || r.Tensors[0].Note == "" || r.Equal {
		t.Errorf("two orders: %+v", r.Tensors)
	}
}

func TestOpaque(t *testing.T) {
	x := sample{"w", "", []int64{2, 32}, make([]byte, 36)}
	y := sample{"w", "", []int64{2, 32}, make([]byte, 36)}
	y.data[3], y.data[35] = 1, 1
	r := diff(t, gguf(2, "x", x), gguf(2, "y", y), Options{})
	if d := r.Tensors[0].Delta; !d.Opaque || d.Bytes != 36 || d.BytesChanged != 2 || d.Share != 2./36 || d.Values != nil {
		t.Errorf("%+v", d)
	}
	if d := cmp.Diff([]Metadata{{"general.name", Changed, "x", "y"}}, r.Metadata); d != "" {
		t.Errorf("-want +got: %s", d)
	}
	r = diff(t, gguf(2, "x", x), gguf(0, "x", sample{"w", "", []int64{2, 32}, make([]byte, 256)}), Options{})
	if got := r.Tensors[0]; got.Status != Retyped || got.Delta != nil || got.Note == "" {
		t.Errorf("retyped: %+v", got)
	}
}

func TestMetadata(t *testing.T) {
	long := string(make([]byte, 300))
	a := safetensors([]string{"gone", "1", "kept", "2", "other", "3", "long", long + "a"}, vector("w", 1))
	b := safetensors([]string{"kept", "2", "other", "4", "new", "5", "long", long + "b"}, vector("w", 1))
	r := diff(t, a, b, Options{})
	if len(r.Metadata) != 4 || r.Metadata[1].Key != "long" || r.Metadata[1].Status != Changed {
		t.Fatalf("%+v", r.Metadata)
	}
	if d := cmp.Diff([]Metadata{{"gone", Removed, "1", ""}, {"new", Added, "", "5"}, {"other", Changed, "3", "4"}}, slices.Delete(r.Metadata, 1, 2)); d != "" {
		t.Errorf("-want +got: %s", d)
	}
	if r.Equal || r.Summary != "no tensor differs; 4 metadata entries differ" {
		t.Errorf("%v, %s", r.Equal, r.Summary)
	}
}

func TestDuplicates(t *testing.T) {
	a := safetensors(nil, vector("w", 1), vector("w", 2), vector("w (2)", 3))
	b := safetensors(nil, vector("w", 1), vector("w", 5), vector("w (2)", 4))
	r := diff(t, a, b, Options{})
	if d := cmp.Diff([]string{"w (2) changed", "w (2) (2) changed"}, statuses(r)); d != "" {
		t.Errorf("-want +got: %s", d)
	}
	if len(r.Problems) != 2 || r.Problems[1].Side != After {
		t.Errorf("%+v", r.Problems)
	}
}

// TestSame checks that what is known to be equal is read on no side, in tensors
// that differ elsewhere on one.
func TestSame(t *testing.T) {
	n := 3 * blockSize
	big := make([]float64, n/4)
	for i := range big {
		big[i] = float64(i)
	}
	other := slices.Clone(big)
	other[len(other)-1]++
	a, b := safetensors(nil, vector("same", big...), vector("w", big...)), safetensors(nil, vector("same", big...), vector("w", other...))
	plain := diff(t, a, b, Options{})
	a.read.Store(0)
	b.read.Store(0)
	r := diff(t, a, b, Options{Same: sameOf(a, b)})
	const head = 2 * maxHead // of the listing, and more
	if k := a.read.Load(); k > int64(n+head) || k < int64(n) {
		t.Errorf("%d bytes were read before", k)
	}
	if k := b.read.Load(); k > blockSize+head || k < blockSize {
		t.Errorf("%d bytes were read after", k)
	}
	if d := cmp.Diff(plain, r); d != "" {
		t.Errorf("-without +with: %s", d)
	}
	a.read.Store(0)
	if r := diff(t, a, a, Options{Same: func(_, _, _ int64) bool { return true }}); !r.Equal || a.read.Load() > 2*head {
		t.Errorf("all is the same: %v, %d bytes were read", statuses(r), a.read.Load())
	}
}

func TestWorkers(t *testing.T) {
	values := make([]float64, 3<<20)
	for i := range values {
		values[i] = math.Sin(float64(i))
	}
	other := slices.Clone(values)
	for i := 1 << 20; i < 2<<20; i += 3 {
		other[i] += 0.01
	}
	a, b := safetensors(nil, vector("w", values...)), safetensors(nil, vector("w", other...))
	one := diff(t, a, b, Options{Workers: 1})
	for _, n := range []int{2, 5} {
		if d := cmp.Diff(one, diff(t, a, b, Options{Workers: n})); d != "" {
			t.Errorf("%d workers: %s", n, d)
		}
	}
}

// TestTensorFlow reads weights from several files, quantised and not.
func TestTensorFlow(t *testing.T) {
	model := func(scale float64) *memory {
		return file(fmt.Appendf(nil, `{"format":"layers-model","modelTopology":{"a":[1]},"weightsManifest":[{"paths":["one.bin","dir/two.bin"],"weights":[
			{"name":"dense_1/kernel","shape":[3],"dtype":"float32"},
			{"name":"dense_1/bias","shape":[2],"dtype":"float32","quantization":{"dtype":"uint8","scale":%v,"min":-1}}]}]}`, scale))
	}
	w := vector("", 1, 2, 3).data
	files := map[Side]map[string]*memory{
		Before: {"one.bin": file(w[:5]), "dir/two.bin": file(append(slices.Clone(w[5:]), 0, 4))},
		After:  {"one.bin": file(w[:5]), "dir/two.bin": file(append(slices.Clone(w[5:]), 0, 6))},
	}
	open := func(s Side, name string) (Source, error) {
		if f := files[s][name]; f != nil {
			return f, nil
		}
		return nil, fs.ErrNotExist
	}
	r := diff(t, model(0.5), model(0.5), Options{Open: open})
	if d := cmp.Diff([]string{"dense_1/bias changed"}, statuses(r)); d != "" {
		t.Errorf("-want +got: %s", d)
	}
	if v := r.Tensors[0].Delta.Values; v.MaxAbs != 1 || v.Before.Mean != 0 || v.After.Mean != 0.5 || v.ElementsChanged != 1 {
		t.Errorf("%+v", v)
	}
	if v := diff(t, model(0.5), model(0.25), Options{Open: open}).Tensors[0].Delta.Values; v.After.Mean != -0.25 {
		t.Errorf("scaled in another way: %+v", v)
	}
	if r := diff(t, model(0.5), model(0.5), Options{}); r.Counts.Unknown != 2 || r.Tensors[0].Note == "" || r.Summary != "2 of 2 tensors could not be compared" {
		t.Errorf("without files: %+v", r)
	}
	files[After]["one.bin"] = file(w[:4])
	if r := diff(t, model(0.5), model(0.5), Options{Open: open}); r.Counts.Unknown != 1 {
		t.Errorf("a file is short: %+v", r.Counts)
	}
	for _, f := range []map[string]*memory{files[Before], files[After]} {
		f["one.bin"], f["dir/two.bin"] = file(make([]byte, 5)), file(make([]byte, 9))
		f["one.bin"].id, f["dir/two.bin"].id = "1", "2"
	}
	if r := diff(t, model(0.5), model(0.5), Options{Open: open}); !r.Equal || files[After]["one.bin"].read.Load() > 0 {
		t.Errorf("files with IDs: %v", statuses(r))
	}
}

func TestNumber(t *testing.T) {
	r := diff(t, safetensors(nil, vector("w", 0, 0)), safetensors(nil, vector("w", math.NaN(), 1)), Options{})
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var back struct {
		Tensors []struct {
			Delta struct {
				Relative Number `json:"relative_l2"`
				Cosine   *Number
				L2       Number
			}
		}
	}
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if d := back.Tensors[0].Delta; !math.IsNaN(float64(d.Relative)) || d.Cosine != nil || d.L2 != 1 {
		t.Errorf("%+v of %s", d, b)
	}
	if err := json.Unmarshal([]byte(`"x"`), new(Number)); err == nil {
		t.Error("a string is a number")
	}
}

func TestTolerance(t *testing.T) {
	a, b := safetensors(nil, vector("w", 1, 2, 3)), safetensors(nil, vector("w", 1.5, 2, 5))
	for _, c := range []struct {
		tolerance float64
		changed   int64
	}{{0, 2}, {0.4, 2}, {0.5, 1}, {1.9, 1}} {
		if v := diff(t, a, b, Options{Tolerance: c.tolerance}).Tensors[0].Delta.Values; v.ElementsChanged != c.changed || v.MaxAbs != 2 {
			t.Errorf("tolerance %v: %+v", c.tolerance, v)
		}
	}
	if r := diff(t, a, b, Options{Tolerance: 2}); !r.Equal {
		t.Errorf("tolerance 2: %v", statuses(r))
	}
	if _, err := Diff(t.Context(), a, b, Options{Tolerance: math.NaN()}); err == nil || errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("NaN as tolerance: %v", err)
	}
}
