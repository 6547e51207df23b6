package tensor

import (
	"math"
	"math/bits"
)

// elem is a type of elements.
type elem struct {
	name  string
	block uint64 // how many elements a block has, 1 unless quantised
	bits  uint64 // of a block
	look  *look  // how NaN shows in its values; nil for a type that has none
}

// elems are the types that are not quantised, by the names that safetensors
// gives them, or in its manner: STRING, U4, I4, U2 and I2 are those of ONNX.
var elems = func() map[string]*elem {
	m := map[string]*elem{}
	for name, n := range map[string]uint64{
		"BOOL": 8, "U8": 8, "I8": 8, "U16": 16, "I16": 16, "U32": 32, "I32": 32, "U64": 64, "I64": 64,
		"F16": 16, "BF16": 16, "F32": 32, "F64": 64, "C64": 64, "C128": 128,
		"F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
		"F6_E2M3": 6, "F6_E3M2": 6, "F4": 4, "U4": 4, "I4": 4, "U2": 2, "I2": 2, "STRING": 0,
	} {
		m[name] = &elem{name: name, block: 1, bits: n, look: looks[name]}
	}
	return m
}()

// safetensorsTypes are the types that safetensors knows.
var safetensorsTypes = func() map[string]*elem {
	m := map[string]*elem{}
	for _, name := range []string{"BOOL", "F4", "F6_E2M3", "F6_E3M2", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ",
		"F8_E5M2FNUZ", "I16", "U16", "F16", "BF16", "I32", "U32", "F32", "C64", "F64", "I64", "U64"} {
		m[name] = elems[name]
	}
	return m
}()

// size returns how many bits so many elements take. ok is false if there is no
// file of that size.
func (e *elem) size(elements uint64) (n uint64, ok bool) {
	hi, lo := bits.Mul64(elements/e.block, e.bits)
	return lo, hi == 0 && lo <= math.MaxInt64
}

// product multiplies the lengths of a shape, from the left, as the reference
// implementations do: what is too much before a length of 0 stays too much.
func product(dims []uint64) (p uint64, ok bool) {
	p = 1
	for _, d := range dims {
		if p, ok = times(p, d); !ok {
			return 0, false
		}
	}
	return p, true
}

// times multiplies; ok is false if the product is no int64.
func times(a, b uint64) (p uint64, ok bool) {
	hi, lo := bits.Mul64(a, b)
	return lo, hi == 0 && lo <= math.MaxInt64
}
