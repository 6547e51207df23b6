package chunk

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
)

// tflite finds the buffers of a TensorFlow Lite model, a FlatBuffer. Their types
// stand at the file's end, but where they are is told at its beginning, as what
// refers to a thing is written before it: the model's buffers field is a list of
// the places of tables, each right before its data. The types are told by
// sampling, and a buffer is known by its number and length.
type tflite struct {
	tables []tfliteTable // in the order of the file
	elem   Elem          // of the last buffer that was long enough to tell
}

type tfliteTable struct {
	off   int64
	index int
}

const (
	tfliteBuffers = 4  // the field of the model
	tfliteGap     = 64 // how far a table is from its data, at most
)

// tfliteLayout is that of a model that begins with head; nil for one whose list
// of buffers is elsewhere.
func tfliteLayout(head []byte) layout {
	f := flat(head)
	model := f.follow(0)
	list := f.follow(f.field(model, tfliteBuffers))
	n := f.u32(list)
	if list <= 0 || n > maxTensors || int64(n)*4 > int64(len(head)) {
		return nil
	}
	t := &tflite{}
	for i := range int(n) {
		if at := f.follow(list + 4 + 4*int64(i)); at > 0 {
			t.tables = append(t.tables, tfliteTable{at, i})
		}
	}
	slices.SortFunc(t.tables, func(a, b tfliteTable) int {
		return cmp.Or(cmp.Compare(a.off, b.off), cmp.Compare(a.index, b.index))
	})
	return t
}

// flat reads a FlatBuffer's beginning. What is not there is 0, and so is what
// follows from it.
type flat []byte

func (f flat) u32(at int64) uint32 {
	if at < 0 || at > int64(len(f))-4 {
		return 0
	}
	return binary.LittleEndian.Uint32(f[at:])
}

func (f flat) u16(at int64) int64 {
	if at < 0 || at > int64(len(f))-2 {
		return 0
	}
	return int64(binary.LittleEndian.Uint16(f[at:]))
}

// follow returns where the offset at a place leads; the place 0 has the root's.
func (f flat) follow(at int64) int64 {
	if at < 0 {
		return -1
	}
	if off := int64(f.u32(at)); off > 0 {
		return at + off
	}
	return -1
}

// field returns where a table's field stands, -1 if it has none.
func (f flat) field(table int64, i int64) int64 {
	if table <= 0 {
		return -1
	}
	vtable := table - int64(int32(f.u32(table)))
	if 4+2*i+2 > f.u16(vtable) {
		return -1
	}
	if off := f.u16(vtable + 4 + 2*i); off > 0 {
		return table + off
	}
	return -1
}

func (t *tflite) next(w *window, limit int64) (tensor, int64, bool) {
	for len(t.tables) > 0 {
		b := t.tables[0]
		if b.off > limit {
			return tensor{}, b.off, false
		}
		t.tables = t.tables[1:]
		if b.off < w.base { // one that lies
			continue
		}
		end := int64(math.MaxInt64 / 2)
		if len(t.tables) > 0 {
			end = t.tables[0].off
		}
		// A table is the place of its field list, then its only field.
		near := flat(w.at(b.off, tfliteGap+8))
		data := near.follow(4) + 4
		n := int64(near.u32(data - 4))
		if data < 8+4 || data > tfliteGap || n < smallTensor || n > end-b.off-data {
			continue
		}
		found := tensor{off: b.off + data, end: b.off + data + n}
		if s := w.at(found.off, int(min(n, shardRun*shardRuns))); len(s) >= minShard {
			t.elem = sampleElem(s)
		}
		found.elem = t.elem
		found.label = then(then(hashOf([]byte("tflite")), uint64(b.index)), uint64(n))
		return found, 0, true
	}
	return tensor{}, math.MaxInt64, false
}
