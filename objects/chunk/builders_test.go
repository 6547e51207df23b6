package chunk

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

// sample is a tensor of a model that a test builds.
type sample struct {
	name  string
	shape []uint64
	data  []byte
}

// weights are n numbers of type F32, like those of a trained layer.
func weights(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, 0, 4*n)
	for range n {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(r.NormFloat64()*0.02)))
	}
	return b
}

func f32(seed uint64, name string, dims ...uint64) sample {
	n, _ := product(dims...)
	return sample{name, dims, weights(seed, int(n))}
}

func dimsText(dims []uint64) string {
	return strings.ReplaceAll(fmt.Sprint(dims), " ", ",")
}

// safetensorsFile has the tensors in the order given, of type F32.
func safetensorsFile(meta string, all ...sample) []byte {
	var head, data bytes.Buffer
	fmt.Fprintf(&head, `{"__metadata__":{"note":%q}`, meta)
	for _, t := range all {
		from := data.Len()
		data.Write(t.data)
		fmt.Fprintf(&head, `,%q:{"dtype":"F32","shape":%s,"data_offsets":[%d,%d]}`, t.name, dimsText(t.shape), from, data.Len())
	}
	head.WriteString("}")
	return rawSafetensors(head.String(), data.Bytes())
}

func rawSafetensors(head string, data []byte) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(head)))
	return append(append(b, head...), data...)
}

func ggufText(b []byte, s string) []byte {
	return append(binary.LittleEndian.AppendUint64(b, uint64(len(s))), s...)
}

// ggufFile has tensors of the type with that number, after metadata of every
// kind.
func ggufFile(align uint32, typ uint32, all ...sample) []byte {
	le := binary.LittleEndian
	b := le.AppendUint32([]byte("GGUF"), 3)
	b = le.AppendUint64(b, uint64(len(all)))
	b = le.AppendUint64(b, 5)
	b = le.AppendUint32(le.AppendUint32(ggufText(b, "general.alignment"), ggufUint32), align)
	b = ggufText(le.AppendUint32(ggufText(b, "general.name"), ggufString), "a model")
	b = le.AppendUint64(le.AppendUint32(ggufText(b, "weight"), 12), math.Float64bits(1))
	b = le.AppendUint64(le.AppendUint32(le.AppendUint32(ggufText(b, "tokens"), ggufArray), ggufString), 3)
	b = ggufText(ggufText(ggufText(b, "one"), "two"), "")
	b = le.AppendUint64(le.AppendUint32(le.AppendUint32(ggufText(b, "nested"), ggufArray), ggufArray), 1)
	b = append(le.AppendUint64(le.AppendUint32(b, 2), 2), 1, 2, 3, 4)
	off := 0
	for _, t := range all {
		b = le.AppendUint32(ggufText(b, t.name), uint32(len(t.shape)))
		for i := len(t.shape) - 1; i >= 0; i-- {
			b = le.AppendUint64(b, t.shape[i])
		}
		b = le.AppendUint64(le.AppendUint32(b, typ), uint64(off))
		off = (off + len(t.data) + int(align) - 1) / int(align) * int(align)
	}
	for _, t := range all {
		for len(b)%int(align) != 0 {
			b = append(b, 0)
		}
		b = append(b, t.data...)
	}
	return b
}

func protoBytes(b []byte, num uint64, v []byte) []byte {
	b = binary.AppendUvarint(binary.AppendUvarint(b, num<<3|wireBytes), uint64(len(v)))
	return append(b, v...)
}

func protoUint(b []byte, num, v uint64) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(b, num<<3), v)
}

func onnxTensorOf(t sample) (b []byte) {
	for _, d := range t.shape {
		b = protoUint(b, 1, d)
	}
	b = protoUint(b, 2, 1)
	if t.name != "" {
		b = protoBytes(b, 8, []byte(t.name))
	}
	return protoBytes(b, 9, t.data)
}

// onnxFile has the first tensor as the constant of a node of a subgraph, and
// the others as initializers, after as many bytes of nodes.
func onnxFile(nodes int, constant sample, all ...sample) []byte {
	attr := protoBytes(protoBytes(nil, 1, []byte("value")), 5, onnxTensorOf(constant))
	node := protoBytes(protoBytes(protoBytes(nil, 2, []byte("c_out")), 4, []byte("Constant")), 5, attr)
	branch := protoBytes(protoBytes(nil, 1, []byte("then_branch")), 6, protoBytes(protoBytes(nil, 1, node), 2, []byte("sub")))
	graph := protoBytes(nil, 1, protoBytes(protoBytes(nil, 4, []byte("If")), 5, branch))
	for len(graph) < nodes {
		n := protoBytes(protoBytes(nil, 2, fmt.Appendf(nil, "out_%d", len(graph))), 4, []byte("Relu"))
		graph = protoBytes(graph, 1, n)
	}
	graph = protoBytes(graph, 2, []byte("main"))
	for _, t := range all {
		graph = protoBytes(graph, 5, onnxTensorOf(t))
	}
	b := protoBytes(protoUint(nil, 1, 8), 2, []byte("pytorch"))
	b = protoBytes(b, 7, graph)
	return protoBytes(b, 8, protoUint(nil, 2, 17))
}

func npyFile(descr string, t sample) []byte {
	dims := strings.Trim(strings.Join(strings.Fields(fmt.Sprint(t.shape)), ", "), "[]") + ","
	head := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, dims)
	head += strings.Repeat(" ", 63-(10+len(head))%64) + "\n"
	b := binary.LittleEndian.AppendUint16([]byte("\x93NUMPY\x01\x00"), uint16(len(head)))
	return append(append(b, head...), t.data...)
}

// npzFile writes headers as numpy does: with the lengths in a zip64 field.
func npzFile(all ...sample) (b []byte) {
	le := binary.LittleEndian
	for _, t := range all {
		raw, name := npyFile("<f4", t), t.name+".npy"
		b = append(b, "PK\x03\x04\x2d\x00\x00\x00\x00\x00\x00\x00\x21\x00CRC!\xff\xff\xff\xff\xff\xff\xff\xff"...)
		b = le.AppendUint16(le.AppendUint16(b, uint16(len(name))), 20)
		b = le.AppendUint16(le.AppendUint16(append(b, name...), 1), 16)
		b = le.AppendUint64(le.AppendUint64(b, uint64(len(raw))), uint64(len(raw)))
		b = append(b, raw...)
	}
	return append(b, "PK\x01\x02 the directory"...)
}

// tfliteFile has what is looked at: the model's table, the list of buffers, and
// before each buffer its table.
func tfliteFile(all ...sample) []byte {
	le := binary.LittleEndian
	b := le.AppendUint32(nil, 24)                                  // the model's table
	b = append(b, "TFL3"...)                                       //
	b = append(b, 14, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0) // at 8: its field list, with the fifth field at 4
	b = le.AppendUint32(b, 16)                                     // at 24: back to the field list
	b = le.AppendUint32(b, 4)                                      // its field: the list of buffers
	b = le.AppendUint32(b, uint32(len(all)))                       // at 32
	places := len(b)
	b = append(b, make([]byte, 4*len(all))...)
	for i, t := range all {
		for len(b)%16 != 4 {
			b = append(b, 0)
		}
		at := places + 4*i
		le.PutUint32(b[at:], uint32(len(b)-at))
		b = le.AppendUint32(le.AppendUint32(b, 0), 4)
		b = append(le.AppendUint32(b, uint32(len(t.data))), t.data...)
	}
	return append(b, "operators and so on"...)
}

func deflatedNPZ(t testing.TB, s sample) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create(s.name + ".npy")
	if err == nil {
		_, err = w.Write(npyFile("<f4", s))
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// jsonFile is a list of n numbers, of which a share of 1/edited is another one
// than in the file that is not edited.
func jsonFile(n, edited int) []byte {
	r, e := rand.New(rand.NewPCG(7, 7)), rand.New(rand.NewPCG(8, 8))
	b := []byte(`{"weights": [`)
	for i := range n {
		v := r.NormFloat64()
		if edited > 0 && e.IntN(edited) == 0 {
			v += 0.5
		}
		if i > 0 {
			b = append(b, ", "...)
		}
		b = fmt.Appendf(b, "%.6f", v)
	}
	return append(b, "]}\n"...)
}
