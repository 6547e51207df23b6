package tensor

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSafetensors(t *testing.T) {
	all := []sample{f32(1, "a", 2, 3), {"b", "BF16", []uint64{4}, random(2, 8)}, {"mask", "BOOL", []uint64{3}, random(3, 3)},
		{"empty", "I64", []uint64{0, 7}, nil}, {"scalar", "F64", nil, random(4, 8)}, {"four", "F4", []uint64{2, 3}, random(5, 3)},
		{"six", "F6_E2M3", []uint64{4}, random(6, 3)}, {"é\n", "F8_E4M3", []uint64{5}, random(7, 5)}}
	want := &Report{Tensors: 8, Parameters: 6 + 4 + 3 + 1 + 6 + 4 + 5, Bytes: 24 + 8 + 3 + 8 + 3 + 3 + 5, Metadata: map[string]string{"format": "pt"},
		DTypes: map[string]int{"F32": 1, "BF16": 1, "BOOL": 1, "I64": 1, "F64": 1, "F4": 1, "F6_E2M3": 1, "F8_E4M3": 1}}
	if diff := cmp.Diff(want, valid(t, Safetensors, safetensorsFile(all...))); diff != "" {
		t.Error(diff)
	}
	valid(t, Safetensors, rawSafetensors("{}", nil))
	valid(t, Safetensors, rawSafetensors(safetensorsHead(all[:2]...)+"     ", append(all[0].data, all[1].data...)))
}

func TestRealSafetensors(t *testing.T) {
	files, err := filepath.Glob("../../testdata/models/safetensors/*/*.safetensors")
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if f := Detect("model.bin", b[:min(len(b), 64<<10)]); f != Safetensors {
			t.Errorf("%s is detected as %q", name, f)
		}
		r := valid(t, Safetensors, b)
		if r.Tensors < 10 || r.DTypes["BF16"] != r.Tensors || r.Bytes != 2*r.Parameters || len(r.Notes) != 0 {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestBrokenSafetensors(t *testing.T) {
	data := random(1, 16)
	one := func(entry string) []byte { return rawSafetensors(`{"w":`+entry+`}`, data) }
	two := func(a, b string) []byte {
		const entry = `{"dtype":"U8","shape":[8],"data_offsets":[%s]}`
		return rawSafetensors(fmt.Sprintf(`{"a":`+entry+`,"b":`+entry+`}`, a, b), data)
	}
	for _, b := range []broken{
		{"short", []byte("\x10\x00"), "size", "needs bytes 0 to 8, the file has 2", ""},
		{"no length", make([]byte, 20), "header", "given as 0 bytes", ""},
		{"too long", append(u64(1<<40), data...), "header", "must be 2 to 100000000", ""},
		{"cut header", append(u64(100), data...), "size", "the header needs bytes 8 to 108, the file has 24", ""},
		{"array", rawSafetensors("[]", nil), "header", "begin with '{'", ""},
		{"space first", rawSafetensors(" {}", nil), "header", "begin with '{'", ""},
		{"not UTF-8", rawSafetensors("{\"\xff\":1}", nil), "header", "UTF-8", ""},
		{"JSON", rawSafetensors(`{"a":{}`, nil), "header", "not well-formed JSON: unexpected end", ""},
		{"comma", rawSafetensors(`{"a":{},}`, nil), "header", "not well-formed JSON", ""},
		{"text behind", rawSafetensors("{} x", nil), "header", "not well-formed JSON: invalid character 'x' after", ""},
		{"newline behind", rawSafetensors("{}\n", nil), "header", "only spaces may", ""},
		{"second object", rawSafetensors("{}{}", nil), "header", "after top-level value", ""},
		{"metadata", rawSafetensors(`{"__metadata__":[1]}`, nil), "__metadata__", "found an array", ""},
		{"metadata value", rawSafetensors(`{"__metadata__":{"a":[{"b":1}],"c":"d"}}`, nil), "__metadata__", "must be a string", ""},
		{"entry", one(`3`), "entry", "found 3", "w"},
		{"dtype", one(`{"dtype":"F99","shape":[4],"data_offsets":[0,16]}`), "dtype", `"F99" is not a known type`, "w"},
		{"dtype of another kind", one(`{"dtype":["F32"],"shape":[4],"data_offsets":[0,16]}`), "dtype", "expected a string", "w"},
		{"shape", one(`{"dtype":"F32","shape":4,"data_offsets":[0,16]}`), "shape", "found 4, expected an array", "w"},
		{"negative", one(`{"dtype":"F32","shape":[-4],"data_offsets":[0,16]}`), "shape", "found -4", "w"},
		{"fraction", one(`{"dtype":"F32","shape":[4.0],"data_offsets":[0,16]}`), "shape", "found 4.0", "w"},
		{"exponent", one(`{"dtype":"F32","shape":[4],"data_offsets":[0,16e0]}`), "data_offsets", "found 16e0", "w"},
		{"a list in a shape", one(`{"dtype":"F32","shape":[[4]],"data_offsets":[0,16]}`), "shape", "found an array", "w"},
		{"overflow", one(`{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,16]}`), "shape", "more elements than", "w"},
		{"overflow in bits", one(`{"dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,16]}`), "shape", "more elements than", "w"},
		{"bits", one(`{"dtype":"F4","shape":[3],"data_offsets":[0,16]}`), "shape", "12 bits", "w"},
		{"size", one(`{"dtype":"F32","shape":[2,3],"data_offsets":[0,16]}`), "data_offsets", "span 16 bytes, [2 3] of type F32 takes 24", "w"},
		{"one offset", one(`{"dtype":"F32","shape":[4],"data_offsets":[0]}`), "data_offsets", "2", "w"},
		{"three offsets", one(`{"dtype":"F32","shape":[4],"data_offsets":[0,16,16]}`), "data_offsets", "2", "w"},
		{"order", one(`{"dtype":"F32","shape":[4],"data_offsets":[16,0]}`), "data_offsets", "before the beginning", "w"},
		{"far", one(`{"dtype":"F32","shape":[4],"data_offsets":[0,18446744073709551615]}`), "data_offsets", "beyond any file", "w"},
		{"missing", one(`{"dtype":"F32","shape":[4]}`), "data_offsets", "missing", "w"},
		{"unknown field", one(`{"dtype":"F32","shape":[4],"data_offsets":[0,16],"x":{"y":[1]}}`), "entry", `a field "x"`, "w"},
		{"field twice", one(`{"dtype":"F32","dtype":"F32","shape":[4],"data_offsets":[0,16]}`), "name", `"dtype" is there twice`, "w"},
		{"nested", one(strings.Repeat("[", 50) + strings.Repeat("]", 50)), "entry", "found an array", "w"},
		{"deep", one(strings.Repeat("[", 20000) + strings.Repeat("]", 20000)), "header", "max depth", ""},
		{"name twice", rawSafetensors(`{"w":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},"w":{"dtype":"U8","shape":[8],"data_offsets":[8,16]}}`, data),
			"name", `"w" is there twice`, ""},
		{"cut", one(`{"dtype":"F32","shape":[8],"data_offsets":[0,32]}`), "size", `tensor "w" needs bytes 63 to 95, the file has 79`, "w"},
		{"hole", two("0,8", "9,17"), "data_offsets", "belong to no tensor", "b"},
		{"hole first", two("8,16", "16,24"), "data_offsets", "belong to no tensor", "a"},
		{"overlap", two("0,8", "7,15"), "data_offsets", `tensor "a" before it ends`, "b"},
		{"same place", two("0,8", "0,8"), "data_offsets", "before it ends", "b"},
		{"long shape", one(`{"dtype":"F32","shape":[1` + strings.Repeat(",1", 30) + `],"data_offsets":[0,16]}`), "data_offsets", "1 1 ...]", "w"},
		{"null", one(`null`), "entry", "found null", "w"},
		{"bool", one(`{"dtype":true,"shape":"4","data_offsets":{}}`), "dtype", "found true", "w"},
		{"string", one(`{"dtype":true,"shape":"4","data_offsets":{}}`), "shape", `the string "4"`, "w"},
		{"object", one(`{"dtype":true,"shape":"4","data_offsets":{}}`), "data_offsets", "an object", "w"},
		{"trailing", append(two("0,8", "8,16"), 0), "data_offsets", "at the end belong to no tensor", ""},
	} {
		b.test(t, Safetensors)
	}
	r := check(t, Safetensors, rawSafetensors(`{"w":{"dtype":"U8","shape":[8],"data_offsets":[0,9]}}`, data[:9]), Options{})
	if s := fmt.Sprint(r.Problems); s != `[byte 9: tensor "w": data_offsets: they span 9 bytes, [8] of type U8 takes 8]` {
		t.Error(s)
	}
	if r := check(t, Safetensors, one(`{"dtype":"F99","shape":[4],"data_offsets":[0,16]}`), Options{}); len(r.Problems) != 1 {
		t.Errorf("an unknown type hides others or makes more: %v", r.Problems)
	}
	if r := check(t, Safetensors, one(`{"dtype":"F32","shape":[4]}`), Options{}); len(r.Problems) != 1 {
		t.Errorf("a tensor without a place makes holes: %v", r.Problems)
	}
}

func TestTruncatedSafetensors(t *testing.T) {
	truncate(t, Safetensors, safetensorsFile(f32(1, "a", 2, 3), sample{"n", "F32", []uint64{1}, floats(math.NaN())}), nil)
}

func TestLimits(t *testing.T) {
	var head strings.Builder
	head.WriteString(`{"__metadata__":{"long":"` + strings.Repeat("x", 300) + `"`)
	for i := range 300 {
		fmt.Fprintf(&head, `,"%d":"v"`, i)
	}
	head.WriteString("}")
	for i := range 300 {
		fmt.Fprintf(&head, `,"%d%s":{"dtype":"?","shape":[],"data_offsets":[0,0]}`, i, strings.Repeat("é", 500))
	}
	b := rawSafetensors(head.String()+"}", nil)
	r := check(t, Safetensors, b, Options{})
	if len(r.Problems) != 100 || r.MoreProblems != 200 || len(r.Metadata) != 100 || len(r.Problems[0].Tensor) > maxName || len(r.DTypes) != 0 {
		t.Errorf("%d problems, %d more, %d entries, %d types", len(r.Problems), r.MoreProblems, len(r.Metadata), len(r.DTypes))
	}
	if r = check(t, Safetensors, b, Options{Limit: 7}); len(r.Problems) != 7 || r.MoreProblems != 293 {
		t.Errorf("%d problems, %d more", len(r.Problems), r.MoreProblems)
	}
}
