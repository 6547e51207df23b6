package tensordiff

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"sync/atomic"
	"testing"
)

// memory is a file, and counts what is read of it.
type memory struct {
	*bytes.Reader
	read atomic.Int64
	id   string
}

func file(b []byte) *memory { return &memory{Reader: bytes.NewReader(b)} }

func (m *memory) ID() string { return m.id }

func (m *memory) ReadAt(p []byte, off int64) (int, error) {
	n, err := m.Reader.ReadAt(p, off)
	m.read.Add(int64(n))
	return n, err
}

// sample is a tensor of a file that a test builds.
type sample struct {
	name, dtype string
	shape       []int64
	data        []byte
}

// numbers is a sample of these values.
func numbers(name, dtype string, shape []int64, values ...float64) sample {
	s := sample{name: name, dtype: dtype, shape: shape}
	for _, x := range values {
		s.data = encode(s.data, dtype, x)
	}
	return s
}

// vector is a sample of F32.
func vector(name string, values ...float64) sample {
	return numbers(name, "F32", []int64{int64(len(values))}, values...)
}

func jsonText(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// safetensors is a file with this metadata, keys and values in turn.
func safetensors(metadata []string, all ...sample) *memory {
	head, data := "{", []byte(nil)
	if metadata != nil {
		m := map[string]string{}
		for i := 0; i < len(metadata); i += 2 {
			m[metadata[i]] = metadata[i+1]
		}
		head += `"__metadata__":` + jsonText(m) + ","
	}
	for _, t := range all {
		shape := jsonText(append([]int64{}, t.shape...))
		head += fmt.Sprintf(`%s:{"dtype":%q,"shape":%s,"data_offsets":[%d,%d]},`, jsonText(t.name), t.dtype, shape, len(data), len(data)+len(t.data))
		data = append(data, t.data...)
	}
	head = strings.TrimSuffix(head, ",") + "}"
	b := append(binary.LittleEndian.AppendUint64(nil, uint64(len(head))), head...)
	return file(append(b, data...))
}

// npy is an array; descr is its type.
func npy(descr string, fortran bool, shape []int64, data []byte) []byte {
	tuple := strings.Trim(jsonText(append([]int64{}, shape...)), "[]")
	if len(shape) == 1 {
		tuple += ","
	}
	order := "False"
	if fortran {
		order = "True"
	}
	head := fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': (%s), }\n", descr, order, tuple)
	b := append([]byte("\x93NUMPY\x01\x00"), byte(len(head)), byte(len(head)>>8))
	return append(append(b, head...), data...)
}

// npz is an archive of arrays of f4.
func npz(t testing.TB, method uint16, all ...sample) *memory {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, s := range all {
		w, err := z.CreateHeader(&zip.FileHeader{Name: s.name + ".npy", Method: method})
		if err == nil {
			_, err = w.Write(npy("<f4", false, s.shape, s.data))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return file(b.Bytes())
}

// gguf has tensors of one type, with 32 bytes between their beginnings or more,
// and one string in its metadata.
func gguf(typ uint32, value string, all ...sample) *memory {
	le := binary.LittleEndian
	text := func(b []byte, s string) []byte { return append(le.AppendUint64(b, uint64(len(s))), s...) }
	b := le.AppendUint64(le.AppendUint64(append([]byte("GGUF"), 3, 0, 0, 0), uint64(len(all))), 1)
	b = text(le.AppendUint32(text(b, "general.name"), 8), value)
	var data []byte
	for _, t := range all {
		for len(data)%32 != 0 {
			data = append(data, 0)
		}
		b = le.AppendUint32(text(b, t.name), uint32(len(t.shape)))
		for i := range t.shape {
			b = le.AppendUint64(b, uint64(t.shape[len(t.shape)-1-i]))
		}
		b = le.AppendUint64(le.AppendUint32(b, typ), uint64(len(data)))
		data = append(data, t.data...)
	}
	for len(b)%32 != 0 {
		b = append(b, 0)
	}
	return file(append(b, data...))
}

func diff(t testing.TB, a, b Source, o Options) *Result {
	t.Helper()
	r, err := Diff(context.Background(), a, b, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// statuses are the listed tensors: "name status".
func statuses(r *Result) (all []string) {
	for _, t := range r.Tensors {
		s := t.Name + " " + string(t.Status)
		if t.From != "" {
			s = t.From + " -> " + s
		}
		all = append(all, s)
	}
	return all
}

// encode appends a number of a type.
func encode(b []byte, dtype string, x float64) []byte {
	le := binary.LittleEndian
	switch dtype {
	case "BF16":
		u := math.Float32bits(float32(x))
		return le.AppendUint16(b, uint16((u+0x7fff+u>>16&1)>>16))
	case "F16":
		return le.AppendUint16(b, toFloat16(x))
	case "F32":
		return le.AppendUint32(b, math.Float32bits(float32(x)))
	case "F64":
		return le.AppendUint64(b, math.Float64bits(x))
	}
	panic("no encoding of " + dtype)
}

// toFloat16 cuts a number off to a binary16.
func toFloat16(x float64) uint16 {
	sign := uint16(0)
	if math.Signbit(x) {
		sign, x = 1<<15, -x
	}
	switch {
	case x != x:
		return sign | 0x7e00
	case x >= 65536:
		return sign | 0x7c00
	}
	frac, e := math.Frexp(x) // frac is at least 1/2
	if e < -13 {
		return sign | uint16(x*(1<<24))
	}
	return sign | uint16(e+14)<<10 | uint16(frac*2048)&0x3ff
}
