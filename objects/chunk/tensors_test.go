package chunk

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"testing"
	"testing/iotest"
)

// checkCut cuts data in several ways of reading it, and returns the pieces.
func checkCut(t testing.TB, data []byte) []Piece {
	t.Helper()
	pieces := cut(t, bytes.NewReader(data))
	if !bytes.Equal(join(pieces), data) {
		t.Fatalf("%d bytes do not come back", len(data))
	}
	readers := []io.Reader{iotest.HalfReader(bytes.NewReader(data)), iotest.DataErrReader(bytes.NewReader(data))}
	if len(data) < 1<<16 {
		readers = append(readers, iotest.OneByteReader(bytes.NewReader(data)))
	}
	for _, r := range readers {
		got := cut(t, r)
		if len(got) != len(pieces) {
			t.Fatalf("%d pieces, and %d when read otherwise", len(pieces), len(got))
		}
		for i, p := range pieces {
			if len(p.Raw) != len(got[i].Raw) || p.Elem != got[i].Elem || p.Label != got[i].Label || p.Last != got[i].Last {
				t.Fatalf("piece %d depends on how it is read", i)
			}
		}
	}
	for i, p := range pieces {
		if len(p.Raw) == 0 || len(p.Raw) > Max || p.Last != (i == len(pieces)-1) {
			t.Fatalf("piece %d of %d: %d bytes, last: %v", i, len(pieces), len(p.Raw), p.Last)
		}
	}
	return pieces
}

// wantPieces looks for the pieces of given content and type.
func wantPieces(t *testing.T, pieces []Piece, e Elem, contents ...[]byte) (labels []uint64) {
	t.Helper()
	for i, want := range contents {
		found := false
		for _, p := range pieces {
			if bytes.Equal(p.Raw, want) && p.Elem == e && p.Label != 0 {
				labels, found = append(labels, p.Label), true
				break
			}
		}
		if !found {
			t.Fatalf("content %d of %d bytes is no piece of its own", i, len(want))
		}
	}
	return labels
}

var f32Elem = Elem{4, true}

// model has tensors of every kind of length: a is cut into parts, b and c are
// grouped, d is large, e and f are grouped.
func model() (a, b, c, d, e, f sample) {
	return f32(1, "a", 300, 2048), f32(2, "b", 512), f32(3, "c", 512), f32(4, "d", 256, 256), f32(5, "e", 64, 64), f32(6, "f", 1024)
}

func concat(all ...sample) (b []byte) {
	for _, t := range all {
		b = append(b, t.data...)
	}
	return b
}

func TestSafetensors(t *testing.T) {
	a, b, c, d, e, f := model()
	first := checkCut(t, safetensorsFile("one", a, b, c, d, e, f))
	contents := [][]byte{a.data[:partSize], a.data[partSize:], concat(b, c), d.data, concat(e, f)}
	labels := wantPieces(t, first, f32Elem, contents...)
	if len(first) != 1+len(contents) {
		t.Errorf("%d pieces", len(first))
	}
	for i := range labels {
		for j := range i {
			if labels[i] == labels[j] {
				t.Errorf("pieces %d and %d have the same label", j, i)
			}
		}
	}
	// Another header, order and values of a: the same labels, and the same
	// pieces but for a.
	other := f32(99, "a", 300, 2048)
	second := checkCut(t, safetensorsFile("another and longer one", d, e, f, other, b, c))
	contents[0], contents[1] = other.data[:partSize], other.data[partSize:]
	for i, l := range wantPieces(t, second, f32Elem, contents...) {
		if l != labels[i] {
			t.Errorf("piece %d has another label in another file", i)
		}
	}
}

func TestGGUF(t *testing.T) {
	a, b, c, d, e, f := model()
	_, blocks, _, _, _, _ := model()
	blocks.shape, blocks.data = []uint64{64, 256 * 16}, random(64*16*144)
	st := wantPieces(t, checkCut(t, safetensorsFile("", a, d)), f32Elem, a.data[:partSize], d.data)
	for _, align := range []uint32{32, 64, 4096} {
		pieces := checkCut(t, ggufFile(align, 0, a, b, c, d, e, f))
		labels := wantPieces(t, pieces, f32Elem, a.data[:partSize], d.data)
		if labels[0] != st[0] || labels[1] != st[1] {
			t.Error("a tensor has another label than in a .safetensors file")
		}
		if !bytes.HasPrefix(pieces[0].Raw, []byte("GGUF")) || len(pieces[0].Raw)%int(align) != 0 {
			t.Errorf("a header of %d bytes", len(pieces[0].Raw))
		}
		wantPieces(t, checkCut(t, ggufFile(align, 12, blocks)), Elem{Size: 1}, blocks.data)
	}
	// A header longer than the sample is read on.
	var many []sample
	for i := range 8000 {
		many = append(many, sample{fmt.Sprintf("model.layers.%d.weight", i), []uint64{8}, weights(uint64(i), 8)})
	}
	pieces := checkCut(t, ggufFile(32, 0, append(many, d)...))
	wantPieces(t, pieces, f32Elem, d.data)
}

func TestONNX(t *testing.T) {
	a, _, _, d, e, f := model()
	e.name = ""
	for _, nodes := range []int{0, 100 << 10, 2 << 20} {
		pieces := checkCut(t, onnxFile(nodes, e, a, d, f))
		labels := wantPieces(t, pieces, f32Elem, a.data[:partSize])
		st := wantPieces(t, checkCut(t, safetensorsFile("", a)), f32Elem, a.data[:partSize])
		if labels[0] != st[0] {
			t.Error("a tensor has another label than in a .safetensors file")
		}
		// What is between two tensors goes with the one before; f has another
		// phase than d, and is small.
		starts := 0
		for _, p := range pieces {
			for _, want := range [][]byte{a.data[partSize:], d.data, e.data} {
				if bytes.HasPrefix(p.Raw, want) && p.Elem == f32Elem {
					starts++
				}
			}
		}
		if starts != 3 {
			t.Errorf("%d of 3 tensors begin a piece", starts)
		}
	}
}

// Numbers may also stand in fields of their own, and before the name.
func TestONNXTypedFields(t *testing.T) {
	dims := protoBytes(nil, 1, binary.AppendUvarint(binary.AppendUvarint(nil, 300), 1000)) // packed
	for num, want := range map[uint64]Elem{4: f32Elem, 10: {8, true}, 7: {}} {
		data := random(2_400_000)
		b := protoBytes(protoUint(bytes.Clone(dims), 2, 1), num, data)
		b = protoBytes(b, 8, []byte("late"))
		graph := protoBytes(protoBytes(nil, 2, []byte("main")), 5, b)
		pieces := checkCut(t, protoBytes(protoUint(nil, 1, 8), 7, graph))
		if want.Size > 0 {
			wantPieces(t, pieces, want, data[:partSize])
			continue
		}
		for _, p := range pieces {
			if p.Elem != want {
				t.Errorf("varints are taken for %v", p.Elem)
			}
		}
	}
	deep := onnxTensorOf(f32(1, "w", 1000))
	for range 2 * onnxDepth {
		deep = protoBytes(nil, 6, protoBytes(nil, 1, protoBytes(nil, 5, deep)))
	}
	checkCut(t, protoBytes(protoUint(nil, 1, 8), 7, protoBytes(nil, 1, protoBytes(nil, 5, deep))))
}

func TestNPYAndNPZ(t *testing.T) {
	a, b, _, d, e, _ := model()
	for descr, want := range map[string]Elem{"<f4": {4, true}, ">f4": {4, false}, "<i4": {4, false}, "|u1": {1, false}, "<f2": {2, true}, "|b1": {1, false}} {
		s := a
		_, _, size := npyType(descr)
		s.data = a.data[:300*2048*size]
		pieces := checkCut(t, npyFile(descr, s))
		wantPieces(t, pieces, want, s.data[:min(partSize, len(s.data))])
	}
	for _, descr := range []string{"|O", "<U10", "<f0", "", "<f400", "<fx"} {
		for _, p := range checkCut(t, npyFile(descr, e)) {
			if p.Elem != (Elem{}) {
				t.Errorf("%q is taken for numbers", descr)
			}
		}
	}
	pieces := checkCut(t, npzFile(a, d, e, b))
	wantPieces(t, pieces, f32Elem, a.data[:partSize])
	if n := len(pieces); n != 6 || !bytes.HasPrefix(pieces[3].Raw, d.data) || !bytes.HasPrefix(pieces[4].Raw, e.data) {
		t.Errorf("%d pieces", n)
	}
	for _, p := range checkCut(t, deflatedNPZ(t, a)) {
		if p.Elem != (Elem{}) {
			t.Error("compressed data are taken for numbers")
		}
	}
}

func TestTFLite(t *testing.T) {
	a, b, c, d, e, f := model()
	bytesOnly := sample{"", nil, random(200_000)}
	pieces := checkCut(t, tfliteFile(b, a, d, bytesOnly, e, c, f))
	labels := wantPieces(t, pieces, f32Elem, a.data[:partSize])
	for _, want := range []struct {
		data []byte
		elem Elem
	}{{d.data, f32Elem}, {bytesOnly.data, Elem{}}, {e.data, f32Elem}} {
		found := false
		for _, p := range pieces {
			found = found || bytes.HasPrefix(p.Raw, want.data) && p.Elem == want.elem
		}
		if !found {
			t.Errorf("the buffer of %d bytes begins no piece of elements %v", len(want.data), want.elem)
		}
	}
	other := f32(9, "a", 300, 2048)
	again := checkCut(t, tfliteFile(f, other, d))
	if l := wantPieces(t, again, f32Elem, other.data[:partSize]); l[0] != labels[0] {
		t.Error("a buffer of the same number and length has another label")
	}
}

func TestShard(t *testing.T) {
	one, two := checkCut(t, weights(1, 700_000)), checkCut(t, weights(2, 700_000))
	if len(one) != 3 || len(one[0].Raw) != shardPart {
		t.Fatalf("%d pieces", len(one))
	}
	for i := range one {
		if one[i].Label != two[i].Label || one[i].Elem != f32Elem || one[i].Label == one[(i+1)%3].Label {
			t.Errorf("piece %d: %v", i, one[i].Elem)
		}
	}
}

// Headers that lie cost good cuts, never bytes.
func TestLyingHeaders(t *testing.T) {
	data := random(1 << 20)
	entry := func(from, to uint64) string {
		return fmt.Sprintf(`{"dtype":"F32","shape":[1],"data_offsets":[%d,%d]}`, from, to)
	}
	var many bytes.Buffer
	for i := range 5000 {
		fmt.Fprintf(&many, `"%d":%s,`, i, entry(0, uint64(i)))
	}
	for name, head := range map[string]string{
		"overlapping":      `{"a":` + entry(0, 300000) + `,"b":` + entry(100, 300100) + `,"c":` + entry(300000, 1<<20) + `}`,
		"unsorted":         `{"b":` + entry(500000, 1<<20) + `,"a":` + entry(0, 500000) + `}`,
		"beyond the end":   `{"a":` + entry(0, 1<<40) + `}`,
		"far away":         `{"a":` + entry(1<<59, 1<<59+10) + `,"b":` + entry(math.MaxUint64-1, math.MaxUint64) + `}`,
		"backwards":        `{"a":` + entry(10, 5) + `}`,
		"empty":            `{"a":` + entry(5, 5) + `,"b":` + entry(5, 5) + `}`,
		"twice":            `{"a":` + entry(0, 200000) + `,"a":` + entry(0, 200000) + `}`,
		"many at one":      `{` + many.String() + `"x":` + entry(0, 7) + `}`,
		"gaps":             `{"a":` + entry(10, 200000) + `,"b":` + entry(200100, 200200) + `,"c":` + entry(900000, 900004) + `}`,
		"unknown type":     `{"a":{"dtype":"Q9","shape":[3],"data_offsets":[0,200000]}}`,
		"no offsets":       `{"a":{"dtype":"F32","shape":[1]}}`,
		"three offsets":    `{"a":{"data_offsets":[0,1,2]}}`,
		"negative":         `{"a":{"data_offsets":[-1,2]}}`,
		"not an object":    `{"a":3,"b":"x","c":null}`,
		"nothing":          `{}`,
		"unclosed":         `{"a":{"data_offsets":[0,`,
		"unclosed string":  `{"a\`,
		"deep":             `{"__metadata__":` + string(bytes.Repeat([]byte("["), 1<<20)),
		"closing too much": `{"__metadata__":]}`,
		"escapes":          `{"a\"\\":` + entry(0, 1<<20) + `}`,
	} {
		t.Run(name, func(t *testing.T) {
			whole := rawSafetensors(head, data)
			checkCut(t, whole)
			for _, n := range []int{9, 20, 8 + len(head)/2, 8 + len(head), 8 + len(head) + 1, len(whole) - 1} {
				checkCut(t, whole[:min(n, len(whole))])
			}
		})
	}
	small := f32(1, "w", 200, 200)
	for name, b := range map[string][]byte{
		"gguf":        ggufFile(32, 0, small, small),
		"gguf blocks": ggufFile(32, 8, small),
		"gguf type":   ggufFile(32, 99, small),
		"onnx":        onnxFile(5000, small, small, small),
		"npy":         npyFile("<f4", sample{"", []uint64{1 << 40, 1 << 40}, data}),
		"npy short":   npyFile("<f4", sample{"", []uint64{3}, data}),
		"npz":         npzFile(small, small),
		"tflite":      tfliteFile(small, small, small),
	} {
		t.Run(name, func(t *testing.T) {
			for _, n := range []int{4, 7, 11, 12, 30, 64, 100, 200, 300, len(b) / 2, len(b) - 1, len(b)} {
				checkCut(t, b[:n])
			}
			// Every length and count may be anything.
			step := 1
			if testing.Short() {
				step = 5
			}
			for at := 4; at < 400; at += step {
				for _, v := range []uint64{0, math.MaxUint64, 1 << 62, 1 << 31} {
					bad := bytes.Clone(b[:min(len(b), 64<<10)])
					binary.LittleEndian.PutUint64(bad[at:], v)
					if got := join(cut(t, bytes.NewReader(bad))); !bytes.Equal(got, bad) {
						t.Fatalf("%x at %d: the bytes do not come back", v, at)
					}
				}
			}
		})
	}
}
