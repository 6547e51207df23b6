package chunk

import "math"

// message is a kind of Protocol Buffers message in an ONNX model.
type message uint8

// The messages that tensors are in.
const (
	onnxOther message = iota
	onnxModel
	onnxGraph
	onnxNode
	onnxAttribute
	onnxTensor
	onnxSparse
	onnxFunction
)

// onnxFields tells which fields of a message hold messages to look into.
var onnxFields = map[message]map[uint64]message{
	onnxModel:     {7: onnxGraph, 25: onnxFunction},
	onnxGraph:     {1: onnxNode, 5: onnxTensor, 15: onnxSparse},
	onnxFunction:  {7: onnxNode},
	onnxNode:      {5: onnxAttribute},
	onnxAttribute: {5: onnxTensor, 6: onnxGraph, 10: onnxTensor, 11: onnxGraph, 22: onnxSparse, 23: onnxSparse},
	onnxSparse:    {1: onnxTensor, 2: onnxTensor},
}

// onnxTypes are the names of TensorProto.DataType.
var onnxTypes = map[uint64]string{1: "F32", 2: "U8", 3: "I8", 4: "U16", 5: "I16", 6: "I32", 7: "I64", 9: "BOOL", 10: "F16",
	11: "F64", 12: "U32", 13: "U64", 14: "C64", 15: "C128", 16: "BF16", 17: "F8_E4M3", 19: "F8_E5M2"}

const (
	onnxDepth = 64       // of messages in messages
	onnxName  = 4 << 10  // how much of a name is looked at
	onnxHead  = 64 << 10 // where the graph begins at the latest
)

// onnx walks through a model, field by field, and looks only into what can hold
// a tensor. The first thing that is not well formed ends it.
type onnx struct {
	pos   int64
	stack []onnxFrame
	// unnamed counts the tensors without a name, whose place tells them apart.
	unnamed uint64
}

// onnxFrame is a message that pos is in.
type onnxFrame struct {
	kind  message
	end   int64
	named bool
	name  uint64 // a tensor's, or the first output of its node
	path  uint64 // the attributes that a subgraph lies in
	dtype uint64
	dims  shape
}

func newONNX() *onnx { return &onnx{stack: []onnxFrame{{kind: onnxModel, end: math.MaxInt64 / 2}}} }

func (o *onnx) next(w *window, limit int64) (tensor, int64, bool) {
	for o.pos <= limit && len(o.stack) > 0 {
		f := &o.stack[len(o.stack)-1]
		if o.pos >= f.end {
			o.stack = o.stack[:len(o.stack)-1]
			continue
		}
		field, ok := readField(w.at(o.pos, maxField))
		if !ok || field.size > f.end-o.pos {
			o.stack = nil
			break
		}
		from, end := o.pos+int64(field.head), o.pos+field.size
		if field.wire == wireBytes {
			if t, ok := o.enter(w, f, field, from, end); ok {
				return t, 0, true
			}
			continue
		}
		o.pos = end
		if f.kind == onnxTensor && field.wire == wireVarint {
			f.number(field)
		}
	}
	if len(o.stack) == 0 {
		return tensor{}, math.MaxInt64, false
	}
	return tensor{}, o.pos, false
}

// number takes a tensor's field.
func (f *onnxFrame) number(field protoField) {
	switch field.num {
	case 1:
		f.dims.add(field.value)
	case 2:
		f.dtype = field.value
	}
}

// enter takes a field of bytes: it goes into it, or past it. ok tells that it is
// a tensor's data.
func (o *onnx) enter(w *window, f *onnxFrame, field protoField, from, end int64) (t tensor, ok bool) {
	o.pos = end
	if kind := onnxFields[f.kind][field.num]; kind != onnxOther {
		if end-from < smallTensor {
			return t, false
		}
		if len(o.stack) == onnxDepth {
			o.stack = nil
			return t, false
		}
		inner := onnxFrame{kind: kind, end: end, path: f.path}
		if kind != onnxGraph { // a tensor without a name has that of its node
			inner.name, inner.named = f.name, f.named
		}
		o.pos = from
		o.stack = append(o.stack, inner)
		return t, false
	}
	switch {
	case f.kind == onnxNode && field.num == 2 && !f.named, f.kind == onnxTensor && field.num == 8 && end > from:
		f.name, f.named = hashOf(w.at(from, int(min(end-from, onnxName)))), true
	case f.kind == onnxAttribute && field.num == 1:
		f.path = then(f.path, hashOf(w.at(from, int(min(end-from, onnxName)))))
	case f.kind == onnxTensor && field.num == 1: // dimensions, packed
		for b := w.at(from, int(min(end-from, onnxName))); len(b) > 0; {
			d, n := uvarint(b)
			if n == 0 {
				break
			}
			f.dims.add(d)
			b = b[n:]
		}
	case f.kind == onnxTensor && end-from >= smallTensor:
		return o.data(f, field, from, end)
	}
	return t, false
}

// data makes a tensor of the field that holds its numbers.
func (o *onnx) data(f *onnxFrame, field protoField, from, end int64) (t tensor, ok bool) {
	dtype := onnxTypes[f.dtype]
	t = tensor{off: from, end: end, elem: elems[dtype]}
	switch field.num {
	case 9: // raw_data
	case 4: // float_data
		dtype, t.elem = "F32", elems["F32"]
	case 10: // double_data
		dtype, t.elem = "F64", elems["F64"]
	default:
		return t, false
	}
	name := f.name
	if !f.named {
		o.unnamed++
		name = o.unnamed
	}
	if f.path != 0 { // the branches of an If often have tensors of the same names
		name = then(name, f.path)
	}
	t.label = tensorLabel(name, dtype, f.dims)
	return t, true
}

// isONNX tells whether head begins as a ModelProto does: its version, then
// fields it has, up to the graph.
func isONNX(head []byte) bool {
	if len(head) < 16 || head[0] != 8 || head[1] == 0 || head[1] > 64 {
		return false
	}
	for at := 2; at < min(len(head), onnxHead); {
		f, ok := readField(head[at:min(len(head), at+maxField)])
		if !ok {
			return false
		}
		switch {
		case f.num == 7 && f.wire == wireBytes:
			graph, ok := readField(head[min(len(head), at+f.head):])
			return ok && graph.num >= 1 && graph.num <= 16 && graph.wire == wireBytes
		case f.num == 5 && f.wire == wireVarint:
		case (f.num >= 2 && f.num <= 8 || f.num == 14 || f.num == 20 || f.num == 25 || f.num == 26) && f.wire == wireBytes:
		default:
			return false
		}
		if f.size > onnxHead {
			return false
		}
		at += int(f.size)
	}
	return false
}
