package tensor

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

var le = binary.LittleEndian

// sample is a tensor of a file that a test builds.
type sample struct {
	name, dtype string
	shape       []uint64
	data        []byte
}

// random are n bytes of finite numbers of any type: no exponent is all ones.
func random(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32()) & 0xbb
	}
	return b
}

func floats(x ...float64) (b []byte) {
	for _, f := range x {
		b = le.AppendUint32(b, math.Float32bits(float32(f)))
	}
	return b
}

func f32(seed uint64, name string, shape ...uint64) sample {
	n, _ := product(shape)
	return sample{name, "F32", shape, random(seed, 4*int(n))}
}

func dimsText(dims []uint64) string { return strings.ReplaceAll(fmt.Sprint(dims), " ", ",") }

func safetensorsHead(all ...sample) string {
	var head strings.Builder
	head.WriteString(`{"__metadata__":{"format":"pt"}`)
	from := 0
	for _, t := range all {
		fmt.Fprintf(&head, `,%q:{"dtype":%q,"shape":%s,"data_offsets":[%d,%d]}`, t.name, t.dtype, dimsText(t.shape), from, from+len(t.data))
		from += len(t.data)
	}
	return head.String() + "}"
}

func rawSafetensors(head string, data []byte) []byte {
	return append(append(le.AppendUint64(nil, uint64(len(head))), head...), data...)
}

func safetensorsFile(all ...sample) []byte {
	var data []byte
	for _, t := range all {
		data = append(data, t.data...)
	}
	return rawSafetensors(safetensorsHead(all...), data)
}

func ggufText(b []byte, s string) []byte { return append(le.AppendUint64(b, uint64(len(s))), s...) }

// kv is a pair: a key, the number of a type, and the value.
func kv(key string, typ uint32, value []byte) []byte {
	return append(le.AppendUint32(ggufText(nil, key), typ), value...)
}

func u32(x ...uint32) (b []byte) {
	for _, v := range x {
		b = le.AppendUint32(b, v)
	}
	return b
}

func u64(x ...uint64) (b []byte) {
	for _, v := range x {
		b = le.AppendUint64(b, v)
	}
	return b
}

// ggufPairs are of every kind.
func ggufPairs() [][]byte {
	return [][]byte{
		kv("general.name", ggufString, ggufText(nil, "a model")),
		kv("layers", 4, u32(32)),
		kv("low", 5, u32(math.MaxUint32)),
		kv("eps", 6, floats(0.5)),
		kv("wide", 12, u64(math.Float64bits(-2))),
		kv("flag", ggufBool, []byte{1}),
		kv("tokens", ggufArray, ggufText(ggufText(append(u32(ggufString), u64(2)...), "one"), "")),
		kv("nested", ggufArray, append(append(append(u32(ggufArray), u64(1)...), u32(2)...), append(u64(2), 1, 2, 3, 4)...)),
		kv("numbers", ggufArray, append(append(u32(6), u64(3)...), floats(1, 2, 3)...)),
	}
}

// ggufInfo is an entry of the list of tensors.
func ggufInfo(name string, typ uint32, offset uint64, dims ...uint64) []byte {
	b := u32(uint32(len(dims)))
	b = append(ggufText(nil, name), b...)
	return append(append(append(b, u64(dims...)...), u32(typ)...), u64(offset)...)
}

func rawGGUF(align int, pairs, infos [][]byte, data []byte) []byte {
	b := append(append([]byte(ggufMagic), u32(3)...), u64(uint64(len(infos)), uint64(len(pairs)))...)
	b = append(append(b, bytes.Join(pairs, nil)...), bytes.Join(infos, nil)...)
	for len(b)%align != 0 {
		b = append(b, 0)
	}
	return append(b, data...)
}

// ggufFile has tensors of the given type, by its number.
func ggufFile(typ uint32, all ...sample) []byte {
	var infos [][]byte
	var data []byte
	for _, t := range all {
		for len(data)%ggufAlign != 0 {
			data = append(data, 0)
		}
		infos = append(infos, ggufInfo(t.name, typ, uint64(len(data)), t.shape...))
		data = append(data, t.data...)
	}
	return rawGGUF(ggufAlign, ggufPairs(), infos, data)
}

func protoBytes(b []byte, num uint64, v []byte) []byte {
	b = binary.AppendUvarint(binary.AppendUvarint(b, num<<3|wireBytes), uint64(len(v)))
	return append(b, v...)
}

func protoUint(b []byte, num, v uint64) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(b, num<<3), v)
}

// proto is a message: numbers are varints, strings and bytes are bytes.
func proto(fields ...any) (b []byte) {
	for i := 0; i < len(fields); i += 2 {
		num := uint64(fields[i].(int))
		switch v := fields[i+1].(type) {
		case int:
			b = protoUint(b, num, uint64(v))
		case string:
			b = protoBytes(b, num, []byte(v))
		case []byte:
			b = protoBytes(b, num, v)
		}
	}
	return b
}

func onnxTensorOf(t sample) (b []byte) {
	for _, d := range t.shape {
		b = protoUint(b, 1, d)
	}
	return append(b, proto(2, 1, 8, t.name, 9, t.data)...)
}

// onnxModel has a graph with these fields.
func onnxModel(graph []byte) []byte {
	return proto(1, 8, 2, "pytorch", 7, append(proto(1, proto(1, "x", 2, "y", 4, "Relu"), 2, "main"), graph...), 8, proto(2, 17), 8, proto(1, "ai.onnx.ml", 2, 3))
}

// onnxFile has the first tensor as the constant of a node of a subgraph, and
// the others as initializers.
func onnxFile(constant sample, all ...sample) []byte {
	node := proto(2, "c_out", 4, "Constant", 5, proto(1, "value", 5, onnxTensorOf(constant)))
	branch := proto(1, "then_branch", 6, proto(1, node, 2, "sub"))
	graph := proto(1, proto(2, "if_out", 4, "If", 5, branch))
	for _, t := range all {
		graph = protoBytes(graph, 5, onnxTensorOf(t))
	}
	return onnxModel(graph)
}

func pyTupleText(dims []uint64) string {
	s := strings.Trim(strings.Join(strings.Fields(fmt.Sprint(dims)), ", "), "[]")
	if len(dims) == 1 {
		s += ","
	}
	return "(" + s + ")"
}

// rawNPY pads the header as NumPy does.
func rawNPY(version byte, dict string, data []byte) []byte {
	prefix := 10
	if version > 1 {
		prefix = 12
	}
	dict += strings.Repeat(" ", 63-(prefix+len(dict))%64) + "\n"
	b := append([]byte(npyMagic), version, 0)
	if version > 1 {
		b = le.AppendUint32(b, uint32(len(dict)))
	} else {
		b = le.AppendUint16(b, uint16(len(dict)))
	}
	return append(append(b, dict...), data...)
}

func npyFile(descr string, t sample) []byte {
	return rawNPY(1, fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s, }", descr, pyTupleText(t.shape)), t.data)
}

// zipMember is a member of an archive.
type zipMember struct {
	name string
	data []byte
}

func zipFile(t testing.TB, method uint16, all ...zipMember) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, m := range all {
		w, err := z.CreateHeader(&zip.FileHeader{Name: m.name, Method: method})
		if err == nil {
			_, err = w.Write(m.data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func npzFile(t testing.TB, method uint16, all ...sample) []byte {
	var members []zipMember
	for _, s := range all {
		members = append(members, zipMember{s.name + ".npy", npyFile("<f4", s)})
	}
	return zipFile(t, method, members...)
}
