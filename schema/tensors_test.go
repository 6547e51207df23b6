package schema

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// namedTensor is a tensor of float32.
type namedTensor struct {
	name   string
	values []float32
}

// safetensors is a file of tensors.
func safetensors(all ...namedTensor) string {
	head := `{"__metadata__":{"format":"pt"}`
	var data []byte
	for _, x := range all {
		from := len(data)
		for _, v := range x.values {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
		}
		head += fmt.Sprintf(`,%q:{"dtype":"F32","shape":[%d],"data_offsets":[%d,%d]}`, x.name, len(x.values), from, len(data))
	}
	head += "}"
	return string(binary.LittleEndian.AppendUint64(nil, uint64(len(head)))) + head + string(data)
}

// npy is a file of one array of float32.
func npy(values ...float32) string {
	head := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d,), }", len(values))
	head += strings.Repeat(" ", 128-10-1-len(head)) + "\n"
	b := append([]byte("\x93NUMPY\x01\x00"), binary.LittleEndian.AppendUint16(nil, uint16(len(head)))...)
	b = append(b, head...)
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return string(b)
}

// gguf is a file without tensors.
func gguf() string {
	return "GGUF\x03\x00\x00\x00" + strings.Repeat("\x00", 16)
}

func TestTensors(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	good := namedTensor{"layer.0.weight", []float32{0, 0.5, -1, 2}}
	for _, w := range []struct {
		about, name, file, kind, rules, message string
	}{
		{"nothing wrong", "m.safetensors", safetensors(good), "safetensors", "", ""},
		{"another name", "m.bin", safetensors(good), "safetensors", "", ""},
		{"the name of another kind", "x_rhythm_oracle.safetensors", safetensors(good), "safetensors", "", ""},
		{"no tensors", "m.safetensors", safetensors(), "safetensors", "no-tensors", "has no tensors"},
		{"NaN", "m.safetensors", safetensors(good, namedTensor{"b", []float32{1, nan, nan}}), "safetensors", "nan",
			"1 tensors have values that are not numbers (NaN), such as b: 2 of 3"},
		{"infinite", "m.safetensors", safetensors(namedTensor{"a", []float32{inf, 1}}, namedTensor{"b", []float32{-inf}}), "safetensors", "inf",
			"2 tensors have infinite values, such as a: 1 of 2"},
		{"all zero", "m.safetensors", safetensors(good, namedTensor{"bias", make([]float32, 8)}), "safetensors", "zero",
			"1 tensors are all zero, such as bias, of 8 values"},
		{"one zero", "m.safetensors", safetensors(good, namedTensor{"bias", []float32{0}}), "safetensors", "", ""},
		{"everything", "m.safetensors", safetensors(namedTensor{"a", []float32{nan, inf}}, namedTensor{"b", make([]float32, 2)}), "safetensors", "inf nan zero", ""},
		{"an array", "m.npy", npy(1, 2), "numpy", "", ""},
		{"an array with NaN", "m.npy", npy(1, nan), "numpy", "nan", ""},
		{"a GGUF without tensors", "m.gguf", gguf(), "gguf", "no-tensors", "has no tensors"},
		{"an empty ONNX", "m.onnx", "", "onnx", "onnx!", ""},
		{"cut off", "m.safetensors", safetensors(good)[:80], "safetensors", "safetensors!", ""},
		{"cut off within a NaN", "m.safetensors", safetensors(namedTensor{"a", []float32{nan, nan}})[:70], "safetensors", "safetensors!", ""},
		{"an array that is cut off", "m.npy", npy(1, nan)[:130], "numpy", "npy!", ""},
	} {
		rep := check(t, w.name, w.file)
		if rep.Kind != w.kind || rep.Damaged != strings.Contains(w.rules, "!") {
			t.Errorf("%s: kind %q, damaged %v", w.about, rep.Kind, rep.Damaged)
		}
		if got := rules(rep); !slices.Equal(got, strings.Fields(w.rules)) {
			t.Errorf("%s: found %v, want %q: %v", w.about, got, w.rules, rep.Findings)
		}
		for _, f := range rep.Findings {
			if f.Line != 0 || f.Column != 0 {
				t.Errorf("%s: place %d:%d in a file without lines", w.about, f.Line, f.Column)
			}
		}
		if w.message != "" && rep.Findings[0].Message != w.message {
			t.Errorf("%s: %s", w.about, rep.Findings[0].Message)
		}
	}
	rep := check(t, "m.safetensors", safetensors(good, good))
	if rep.Valid() || !rep.Damaged { // the name is there twice
		t.Errorf("%+v", rep)
	}
	rep = check(t, "m.safetensors", safetensors(good))
	if d := cmp.Diff([]Value{{"tensors", int64(1)}, {"parameters", int64(4)}, {"bytes", int64(16)}}, rep.Stats); d != "" {
		t.Error(d)
	}
}

func TestTensorsValuesAreSkipped(t *testing.T) {
	file := safetensors(namedTensor{"a", []float32{float32(math.NaN()), 0}})
	rep := checkWith(t, registry(t), "m.safetensors", file, Options{NoValues: true})
	if rep.Kind != "safetensors" || len(rep.Findings) != 0 {
		t.Errorf("%+v", rep)
	}
}

// What Python's pickle, text and other files hold is nobody's business here.
func TestOtherFilesAreLeftAlone(t *testing.T) {
	for name, content := range map[string]string{
		"m.pt": "PK\x03\x04\x00\x00", "m.pkl": "\x80\x04\x95", "m.txt": "tree\nversion=v4\n", "m": "", "m.yaml": "{", "README": "{}}",
	} {
		rep := check(t, name, content)
		if rep.Format != "" || rep.Kind != "" || rep.Damaged || len(rep.Findings) > 0 {
			t.Errorf("%s: %+v", name, rep)
		}
	}
}

// A kind of one's own may ask what was found in tensors.
func TestTensorsOfOwnKind(t *testing.T) {
	r := registry(t, `
kind: small
match: {format: [safetensors, npy], name: 'small-*'}
stats: {size: {value: $.file_bytes}, f32: {value: $.dtypes.F32}, from: {value: $.metadata.format}}
metrics: {parameters: $.parameters}
rules:
  - {rule: too-large, severity: error, must: size < 100, message: "{size} bytes"}
`)
	small, large := safetensors(), safetensors(namedTensor{"a", []float32{1, 2}})
	for name, want := range map[string][]string{"small-1.safetensors": {}, "large-1.safetensors": {"no-tensors"}} {
		if rep := checkWith(t, r, name, small, Options{}); !slices.Equal(rules(rep), want) {
			t.Errorf("%s: %v", name, rep.Findings)
		}
	}
	rep := checkWith(t, r, "small-2.safetensors", large, Options{})
	if f := only(t, rep); f.Rule != "too-large" || rep.Valid() || rep.Damaged || f.Message != fmt.Sprint(len(large))+" bytes" {
		t.Errorf("%+v", rep)
	}
	if d := cmp.Diff([]Value{{"size", int64(len(large))}, {"f32", int64(1)}, {"from", "pt"}}, rep.Stats); d != "" || rep.Metrics["parameters"] != int64(2) {
		t.Error(d, rep.Metrics)
	}
}

func TestTensorsThatCannotBeRead(t *testing.T) {
	file := safetensors(namedTensor{"a", make([]float32, 100_000)})
	_, err := registry(t).Check(context.Background(), Input{Name: "a.safetensors", Size: int64(len(file)), At: &broken{file, 200_000}}, Options{})
	if !isBroken(err) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := registry(t).Check(ctx, input("a.safetensors", file), Options{}); err != context.Canceled {
		t.Error(err)
	}
}
