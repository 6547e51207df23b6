package tensordiff

import (
	"fmt"

	"github.com/mstore/mstore/schema/tensor"
)

// mode is how the bytes of two tensors of one shape are compared.
type mode struct {
	opaque   bool
	alike    bool // equal bytes are equal elements
	a, b     codec
	bigA     bool
	bigB     bool
	kernel   kernel // of types that have one, if only alike elements are compared
	elements int64
	bytes    int64 // of opaque data, on either side
}

// modeOf finds it. note says why there is none.
func modeOf(x, y *tensor.Entry) (m mode, note string) {
	if x.Fortran != y.Fortran {
		return m, "one side has its first index run fastest, the other its last"
	}
	var okA, okB bool
	m.a, okA = codecOf(x)
	m.b, okB = codecOf(y)
	m.elements = x.Elements
	m.bigA, m.bigB = x.BigEndian && m.a.width > 1, y.BigEndian && m.b.width > 1
	m.alike = x.DType == y.DType && x.Scale == y.Scale && x.Min == y.Min
	switch {
	case okA && okB:
		if m.alike && x.Scale == 0 {
			m.kernel = kernels[x.DType]
		}
	case x.DType != y.DType:
		return m, fmt.Sprintf("values of type %s are not compared with those of %s", x.DType, y.DType)
	case x.Packed != y.Packed || x.BigEndian != y.BigEndian:
		return m, "the two sides write its values in different ways"
	default:
		m.opaque, m.bytes = true, max(x.Bytes, y.Bytes)
	}
	return m, ""
}

// blockSize is how much of a side is read at once.
const blockSize = 256 << 10

// span is how many elements, of opaque data bytes, a tensor has; block how many
// of them are read at once.
func (m *mode) span() (n, block int64) {
	if m.opaque {
		return m.bytes, blockSize
	}
	return m.elements, blockSize / int64(max(m.a.width, m.b.width))
}
