package tensor

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tensorProto is one with other fields before its name.
func tensorProto(name string, fields ...any) []byte {
	return append(proto(fields...), proto(8, name)...)
}

// packed are varints one after another.
func packed(x ...uint64) (b []byte) {
	for _, v := range x {
		b = binary.AppendUvarint(b, v)
	}
	return b
}

func external(fields ...string) []any {
	all := []any{1, 4, 2, 1, 14, 1}
	for i := 0; i < len(fields); i += 2 {
		all = append(all, 13, proto(1, fields[i], 2, fields[i+1]))
	}
	return all
}

func initializer(name string, fields ...any) []byte {
	return onnxModel(proto(5, tensorProto(name, fields...)))
}

func TestONNX(t *testing.T) {
	b := onnxFile(f32(1, "", 3), f32(2, "w", 4, 5), f32(3, "b", 5))
	want := &Report{Tensors: 3, Parameters: 28, Bytes: 112, DTypes: map[string]int{"F32": 3},
		Metadata: map[string]string{"ir_version": "8", "producer_name": "pytorch", "graph_name": "main", "opset": "17, ai.onnx.ml 3"}}
	if diff := cmp.Diff(want, valid(t, ONNX, b)); diff != "" {
		t.Error(diff)
	}
	if r := valid(t, ONNX, initializer("w", external("location", "dir/w.bin", "offset", "16", "length", "16")...)); r.Metadata["external_tensors"] != "1" || r.Parameters != 4 || r.Bytes != 0 {
		t.Errorf("%+v", r)
	}
	sparse := onnxModel(proto(15, proto(1, tensorProto("v", 1, 2, 2, 1, 9, random(1, 8)), 2, tensorProto("i", 1, 2, 2, 7, 9, random(1, 16)), 3, 9)))
	if r := valid(t, ONNX, sparse); r.Tensors != 2 {
		t.Errorf("%+v", r)
	}
}

func TestONNXData(t *testing.T) {
	for name, b := range map[string][]byte{
		"raw":                     initializer("w", 1, 2, 2, 1, 9, random(1, 8)),
		"scalar":                  initializer("w", 2, 1, 9, random(1, 4)),
		"no elements":             initializer("w", 1, 0, 2, 1),
		"packed dims":             initializer("w", 1, packed(2, 3), 2, 10, 9, random(1, 12)),
		"float_data":              initializer("w", 1, 2, 2, 1, 4, floats(1, 2)),
		"float_data, not packed":  initializer("w", 1, 2, 2, 1, 4, floats(1), 4, floats(2)),
		"float_data, complex":     initializer("w", 1, 2, 2, 14, 4, floats(1, 2, 3, 4)),
		"float_data, one by one":  onnxModel(proto(5, append(tensorProto("w", 1, 1, 2, 1), 4<<3|wire32, 0, 0, 0, 1))),
		"double_data":             initializer("w", 1, 1, 2, 11, 10, u64(1)),
		"double_data, complex":    initializer("w", 1, 1, 2, 15, 10, u64(1, 2)),
		"int32_data":              initializer("w", 1, 3, 2, 6, 5, packed(1, 300, math.MaxUint64)),
		"int32_data, one by one":  initializer("w", 1, 2, 2, 3, 5, 1, 5, 200),
		"int32_data of half":      initializer("w", 1, 2, 2, 10, 5, packed(1, 0x3c00)),
		"int32_data of 4 bits":    initializer("w", 1, 5, 2, 22, 5, packed(1, 2, 3)),
		"int32_data of 2 bits":    initializer("w", 1, 5, 2, 25, 5, packed(1, 2)),
		"raw of 4 bits":           initializer("w", 1, 5, 2, 21, 9, random(1, 3)),
		"int64_data":              initializer("w", 1, 2, 2, 7, 7, packed(1, 2)),
		"uint64_data":             initializer("w", 1, 2, 2, 12, 11, packed(1, 2)),
		"string_data":             initializer("w", 1, 2, 2, 8, 6, "a", 6, ""),
		"no opset in old version": proto(1, 2, 7, proto(2, "g")),
		"a later field":           proto(1, 8, 7, proto(2, "g"), 8, proto(2, 17), 99, "x"),
	} {
		t.Run(name, func(t *testing.T) { valid(t, ONNX, b) })
	}
	for name, fields := range map[string][]any{
		"raw_data":    {1, 3, 2, 1, 9, floats(1, math.NaN(), math.Inf(1))},
		"float_data":  {1, 3, 2, 1, 4, floats(1, math.NaN(), math.Inf(1))},
		"double_data": {1, 3, 2, 11, 10, u64(0, math.Float64bits(math.NaN()), math.Float64bits(math.Inf(-1)))},
		"half":        {1, 3, 2, 10, 9, []byte{0, 0, 1, 0x7c, 0, 0xfc}},
	} {
		if r := valid(t, ONNX, initializer("w", fields...)); r.NaNValues != 1 || r.InfValues != 1 || len(r.Notes) != 2 || r.Notes[0].Tensor != "w" {
			t.Errorf("%s: %+v", name, r)
		}
	}
	constant := onnxFile(sample{"", "F32", []uint64{2}, make([]byte, 8)})
	if r := valid(t, ONNX, constant); r.Zero != 1 || r.Notes[0].Tensor != "c_out" {
		t.Errorf("%+v", r)
	}
}

func TestBrokenONNX(t *testing.T) {
	deep := proto(2, "g")
	for range 40 {
		deep = proto(1, proto(4, "If", 5, proto(1, "then", 6, deep)))
	}
	good := tensorProto("w", 1, 2, 2, 1, 9, random(1, 8))
	for _, b := range []broken{
		{"empty", nil, "graph", "empty", ""},
		{"no graph", proto(1, 8, 8, proto(2, 17)), "graph", "there are 0", ""},
		{"two graphs", proto(1, 8, 7, proto(2, "g"), 7, proto(2, "g"), 8, proto(2, 17)), "graph", "there are 2", ""},
		{"no version", proto(7, proto(2, "g"), 8, proto(2, 17)), "ir_version", "missing", ""},
		{"no opset", proto(1, 8, 7, proto(2, "g")), "opset_import", "missing", ""},
		{"text", []byte("this is no model"), "field", "not well-formed", ""},
		{"long varint", bytes.Repeat([]byte{0x88}, 30), "field", "not well-formed", ""},
		{"group", []byte{8, 8, 0x3b, 0, 0}, "field", "not well-formed", ""},
		{"field 0", []byte{8, 8, 2, 0}, "field", "not well-formed", ""},
		{"endless", protoUint([]byte{8, 8, 7<<3 | 2}, 0, 0)[:3:3], "size", "a field of the model", ""},
		{"huge", append([]byte{8, 8, 7<<3 | 2}, packed(1<<62)...), "field", "has a length", ""},
		{"graph as number", proto(1, 8, 7, 3), "field", "wire type 0, it must be of 2", ""},
		{"version as bytes", proto(1, "8", 7, proto(2, "g"), 8, proto(2, 17)), "field", "wire type 2, it must be of 0", ""},
		{"beyond its message", onnxModel(proto(5, append(tensorProto("w", 1, 2, 2, 1), 9<<3|2, 50))), "field", "goes on to byte", ""},
		{"deep", onnxModel(deep), "field", "nested more than 100 deep", ""},
		{"no name", onnxModel(proto(5, proto(1, 2, 2, 1, 9, random(1, 8)))), "name", "has none", ""},
		{"name twice", onnxModel(proto(5, good, 5, good)), "name", "two initializers", "w"},
		{"negative", initializer("w", 1, -2, 2, 1), "dims", "-2", "w"},
		{"overflow", initializer("w", 1, packed(1<<40, 1<<40), 2, 1), "dims", "more elements than", "w"},
		{"rank", initializer("w", 1, bytes.Repeat([]byte{1}, 1000), 2, 1), "dims", "more than 256", "w"},
		{"dims cut", initializer("w", 1, []byte{1, 0x80}, 2, 1), "dims", "goes on after its end", ""},
		{"no type", initializer("w", 1, 2, 9, random(1, 8)), "data_type", "0 is not a known type", "w"},
		{"unknown type", initializer("w", 1, 2, 2, 99, 9, random(1, 8)), "data_type", "99 is not", "w"},
		{"no data", initializer("w", 1, 2, 2, 1), "data", "there is none", "w"},
		{"data twice", initializer("w", 1, 2, 2, 1, 9, random(1, 8), 4, floats(1, 2)), "data", "float_data and raw_data", "w"},
		{"raw twice", initializer("w", 1, 2, 2, 1, 9, random(1, 8), 9, random(1, 8)), "raw_data", "twice", "c"}, // named below
		{"raw too short", initializer("w", 1, 2, 2, 1, 9, random(1, 7)), "raw_data", "it has 7 bytes, [2] of type F32 takes 8", "w"},
		{"raw strings", initializer("w", 1, 2, 2, 8, 9, random(1, 7)), "raw_data", "string_data", "w"},
		{"other field", initializer("w", 1, 2, 2, 1, 7, packed(1, 2)), "int64_data", "must be in float_data", "w"},
		{"float count", initializer("w", 1, 2, 2, 1, 4, floats(1)), "float_data", "it has 1 numbers", "w"},
		{"float bytes", initializer("w", 1, 2, 2, 1, 4, random(1, 9)), "float_data", "do not fit", "c"},
		{"varint count", initializer("w", 1, 2, 2, 7, 7, packed(1, 2, 3)), "int64_data", "it has 3 numbers", "w"},
		{"varint cut", initializer("w", 1, 2, 2, 7, 7, []byte{1, 0x80}), "int64_data", "goes on after its end", ""},
		{"varint long", initializer("w", 1, 2, 2, 7, 7, bytes.Repeat([]byte{0x80}, 12)), "int64_data", "more than 10 bytes", ""},
		{"4 bits", initializer("w", 1, 5, 2, 22, 5, packed(1, 2)), "int32_data", "takes 3", "w"},
		{"complex", initializer("w", 1, 2, 2, 14, 4, floats(1, 2)), "float_data", "takes 4", "w"},
		{"data of nothing", initializer("w", 1, 0, 2, 1, 9, random(1, 4)), "dims", "no elements", "w"},
		{"external and data", initializer("w", append(external("location", "x"), 9, random(1, 16))...), "data_location", "it is external", "w"},
		{"no location", initializer("w", external("offset", "1")...), "external_data", "no location", "w"},
		{"absolute", initializer("w", external("location", "/etc/passwd")...), "external_data", "not relative", "w"},
		{"drive", initializer("w", external("location", `C:\w`)...), "external_data", "not relative", "w"},
		{"parent", initializer("w", external("location", "a/../../w")...), "external_data", "leaves", "w"},
		{"parent in Windows", initializer("w", external("location", `..\w`)...), "external_data", "leaves", "w"},
		{"offset", initializer("w", external("location", "w", "offset", "-1")...), "external_data", "offset", "w"},
		{"length", initializer("w", external("location", "w", "length", "17")...), "external_data", "takes 16", "w"},
		{"external strings", initializer("w", 1, 1, 2, 8, 14, 1, 13, proto(1, "location", 2, "w")), "data_location", "strings cannot", "w"},
		{"NUL", initializer("w", external("location", "w\x00")...), "external_data", "NUL", "w"},
		{"long shape", initializer("w", 1, bytes.Repeat([]byte{1}, 30), 2, 1, 9, random(1, 3)), "raw_data", "1 1 ...]", "w"},
		{"float as number", initializer("w", 1, 2, 2, 1, 4, 7), "field", "wire type 0", ""},
		{"sparse", onnxModel(proto(15, proto(1, tensorProto("v", 1, 2, 2, 1)))), "data", "none", "v"},
		{"function", append(onnxModel(nil), proto(25, proto(7, proto(5, proto(5, tensorProto("v", 1, 2, 2, 1)))))...), "data", "none", "v"},
		{"cut", initializer("w", 1, 2, 2, 1, 9, random(1, 8))[:40], "size", "needs bytes", ""},
	} {
		if b.tensor == "c" { // what is wrong with it is found before its name
			b.tensor = ""
		}
		b.test(t, ONNX)
	}
}

func TestTruncatedONNX(t *testing.T) {
	b := onnxFile(f32(1, "", 3), f32(2, "w", 2, 3))
	opset := proto(8, proto(1, "ai.onnx.ml", 2, 3)) // the last field: a model may end before it
	truncate(t, ONNX, b, func(n int) bool { return n == len(b)-len(opset) })
	more := proto(14, proto(1, "key", 2, "value"))
	truncate(t, ONNX, append(bytes.Clone(b), more...), func(n int) bool { return n == len(b) || n == len(b)-len(opset) })
	r := check(t, ONNX, onnxModel(proto(5, onnxTensorOf(f32(1, "w", 100))))[:200], Options{})
	if len(r.Problems) != 1 || r.Problems[0].Tensor != "w" || r.Problems[0].Text != `tensor "w" needs bytes 47 to 447, the file has 200` {
		t.Errorf("problems %v", r.Problems)
	}
}
