package tensor

import (
	"fmt"
	"hash/maphash"
	"math"
	"strconv"
	"strings"
)

// The fields of a TensorProto that hold its data.
const (
	floatData  = 4
	int32Data  = 5
	stringData = 6
	int64Data  = 7
	rawData    = 9
	doubleData = 10
	uint64Data = 11
)

var dataNames = [...]string{floatData: "float_data", int32Data: "int32_data", stringData: "string_data", int64Data: "int64_data",
	rawData: "raw_data", doubleData: "double_data", uint64Data: "uint64_data"}

// onnxType is an element type, and the field that holds its data if raw_data
// does not.
type onnxType struct {
	elem  *elem
	field uint64
}

// onnxTypes has the numbers of TensorProto.DataType.
var onnxTypes = [...]onnxType{
	1: {elems["F32"], floatData}, 2: {elems["U8"], int32Data}, 3: {elems["I8"], int32Data}, 4: {elems["U16"], int32Data},
	5: {elems["I16"], int32Data}, 6: {elems["I32"], int32Data}, 7: {elems["I64"], int64Data}, 8: {elems["STRING"], stringData},
	9: {elems["BOOL"], int32Data}, 10: {elems["F16"], int32Data}, 11: {elems["F64"], doubleData}, 12: {elems["U32"], uint64Data},
	13: {elems["U64"], uint64Data}, 14: {elems["C64"], floatData}, 15: {elems["C128"], doubleData}, 16: {elems["BF16"], int32Data},
	17: {elems["F8_E4M3"], int32Data}, 18: {elems["F8_E4M3FNUZ"], int32Data}, 19: {elems["F8_E5M2"], int32Data},
	20: {elems["F8_E5M2FNUZ"], int32Data}, 21: {elems["U4"], int32Data}, 22: {elems["I4"], int32Data}, 23: {elems["F4"], int32Data},
	24: {elems["F8_E8M0"], int32Data}, 25: {elems["U2"], int32Data}, 26: {elems["I2"], int32Data},
}

const (
	maxONNXName = 4 << 10 // of which names are compared
	maxRank     = 256
)

// onnxTensor is what a TensorProto has.
type onnxTensor struct {
	name     string
	dims     []int64
	dtype    uint64
	external bool
	location *string
	offset   string
	length   string

	entries [len(dataNames)]int64 // of each data field: numbers, or bytes of raw_data
	data    span                  // where raw_data, float_data or double_data is, in one piece
	pieces  int
	first   int64 // where the first of the pieces begins
}

// tensor reads a TensorProto and checks it.
func (o *onnxReader) tensor(m *message, owner string, in *names) {
	at := m.at
	if o.rep.Tensors == maxONNXTensors {
		o.fault("", at, "initializer", "there are more than %d tensors", maxONNXTensors)
		return
	}
	o.rep.Tensors++
	t := onnxTensor{name: owner}
	named := false
	for f, ok := m.next(); ok; f, ok = m.next() {
		switch f.num {
		case 1:
			m.varints(f, t.name, "dims", func(d uint64) {
				if len(t.dims) <= maxRank {
					t.dims = append(t.dims, int64(d))
				}
			})
		case 2:
			if m.is(f, wireVarint) {
				t.dtype = f.value
			}
		case 8:
			if s := m.text(f, maxONNXName, "name"); s != "" {
				t.name, named = s, true
			}
		case 13:
			if inner, ok := m.inner(f, "external_data"); ok {
				t.entry(&inner)
			}
		case 14:
			t.external = m.is(f, wireVarint) && f.value == 1
		case floatData, int32Data, stringData, int64Data, rawData, doubleData, uint64Data:
			t.take(m, f)
		default:
			m.whole(t.name, f, "field "+strconv.FormatUint(f.num, 10))
		}
	}
	if o.over {
		return
	}
	if in != nil {
		h := maphash.String(in.seed, t.name)
		_, twice := in.seen[h]
		in.seen[h] = struct{}{}
		switch {
		case !named:
			o.problem("", at, "name", "an initializer has none")
		case twice && len(t.name) < maxONNXName:
			o.problem(t.name, at, "name", "two initializers of the graph have it")
		}
	}
	o.check(&t, at)
}

// take counts the numbers in a field of data.
func (t *onnxTensor) take(m *message, f field) {
	name := dataNames[f.num]
	n := int64(1)
	switch f.num {
	case rawData:
		if !m.is(f, wireBytes) || !m.whole(t.name, f, name) {
			return
		}
		n = f.end - f.off
		if t.entries[rawData] > 0 {
			m.problem(t.name, f.at, name, "it is there twice")
			t.entries[rawData] = 0
		}
	case stringData:
		if !m.is(f, wireBytes) || !m.whole(t.name, f, name) {
			return
		}
	case floatData:
		n = m.fixed(f, t.name, name, 4)
	case doubleData:
		n = m.fixed(f, t.name, name, 8)
	default:
		n = m.varints(f, t.name, name, nil)
	}
	if t.entries[f.num] += n; n > 0 {
		if t.pieces == 0 {
			t.first = f.off
		}
		t.data = span{off: f.off, end: f.end}
		t.pieces++
	}
}

// check compares a tensor's type and shape with its data, and looks at that.
func (o *onnxReader) check(t *onnxTensor, at int64) {
	elements, fits := uint64(1), true
	for _, d := range t.dims {
		if d < 0 {
			o.problem(t.name, at, "dims", "a length is %d", d)
			return
		}
		if fits {
			elements, fits = times(elements, uint64(d))
		}
	}
	if len(t.dims) > maxRank {
		o.problem(t.name, at, "dims", "there are more than %d", maxRank)
		return
	}
	if t.dtype == 0 || t.dtype >= uint64(len(onnxTypes)) {
		o.problem(t.name, at, "data_type", "%d is not a known type", t.dtype)
		return
	}
	typ := onnxTypes[t.dtype]
	var size uint64
	if fits {
		size, fits = typ.elem.size(elements)
		size = (size + 7) / 8 // types of less than a byte are packed
	}
	if !fits {
		o.problem(t.name, at, "dims", "%d lengths make more elements than a file can hold", len(t.dims))
		return
	}
	var have []string
	for n, entries := range t.entries {
		if entries > 0 {
			have = append(have, dataNames[n])
		}
	}
	if t.external {
		if len(have) > 0 {
			o.problem(t.name, at, "data_location", "it is external, but there is %s", strings.Join(have, " and "))
		}
		o.outside(t, at, size, typ.field == stringData)
		o.count(typ.elem, elements, 0)
		if o.list != nil {
			o.list.outside(t, typ.elem, elements, size)
		}
		return
	}
	raw, numbers := uint64(t.entries[rawData]), uint64(t.entries[typ.field])
	switch want := entries(typ, elements, size); {
	case elements == 0 && len(have) > 0:
		o.problem(t.name, at, "dims", "there are no elements, but there is %s", strings.Join(have, " and "))
	case elements > 0 && len(have) == 0:
		o.problem(t.name, at, "data", "there is none for %v of type %s", showDims(t.dims), typ.elem.name)
	case len(have) > 1:
		o.problem(t.name, at, "data", "there is %s, one must be", strings.Join(have, " and "))
	case raw > 0 && typ.field == stringData:
		o.problem(t.name, at, "raw_data", "strings must be in string_data")
	case raw > 0 && raw != size:
		o.problem(t.name, at, "raw_data", "it has %d bytes, %s of type %s takes %d", raw, showDims(t.dims), typ.elem.name, size)
	case len(have) > 0 && raw == 0 && numbers == 0:
		o.problem(t.name, at, have[0], "type %s must be in %s or raw_data", typ.elem.name, dataNames[typ.field])
	case raw == 0 && numbers != want:
		o.problem(t.name, at, dataNames[typ.field], "it has %d numbers, %s of type %s takes %d", numbers, showDims(t.dims), typ.elem.name, want)
	default:
		o.count(typ.elem, elements, uint64(t.data.end-t.data.off))
		plain := t.pieces == 1 && (raw > 0 || typ.field == floatData || typ.field == doubleData)
		if o.list != nil {
			o.list.add(Entry{Name: t.name, Shape: t.dims, Elements: int64(elements), Off: t.first, Bytes: t.data.end - t.first, Packed: elements > 0 && !(plain && uint64(t.data.end-t.data.off) == size)}, typ.elem)
		}
		if plain {
			t.data.name, t.data.elem, t.data.elements = t.name, typ.elem, int64(min(elements, math.MaxInt64))
			o.scan(t.data, false)
		}
	}
}

// entries is how many numbers or strings a field of data has for so many
// elements, or so many bytes.
func entries(t onnxType, elements, size uint64) uint64 {
	switch {
	case t.elem == elems["C64"], t.elem == elems["C128"]:
		return 2 * elements
	case t.elem.bits > 0 && t.elem.bits < 8: // as many as there are bytes
		return size
	}
	return elements
}

// showDims is a shape for a text, cut if it is long.
func showDims(dims []int64) string {
	if len(dims) > maxShown {
		return strings.TrimSuffix(fmt.Sprint(dims[:maxShown]), "]") + " ...]"
	}
	return fmt.Sprint(dims)
}
