package chunk

import "math/bits"

// elems maps the names of element types to what coding needs to know of them.
// They are those of safetensors; the other formats' types are given the same
// names, so that a tensor has the same label in each.
var elems = map[string]Elem{
	"F64": {8, true}, "F32": {4, true}, "F16": {2, true}, "BF16": {2, true}, "F8_E4M3": {1, true}, "F8_E5M2": {1, true},
	"I64": {8, false}, "I32": {4, false}, "I16": {2, false}, "I8": {1, false},
	"U64": {8, false}, "U32": {4, false}, "U16": {2, false}, "U8": {1, false}, "BOOL": {1, false},
	"C64": {4, true}, "C128": {8, true}, // pairs
}

// product multiplies lengths; ok is false when the result is 2^62 or more.
func product(n ...uint64) (p uint64, ok bool) {
	p = 1
	for _, x := range n {
		hi, lo := bits.Mul64(p, x)
		if hi != 0 || lo >= 1<<62 {
			return 0, false
		}
		p = lo
	}
	return p, true
}
