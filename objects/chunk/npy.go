package chunk

import (
	"bytes"
	"encoding/binary"
	"math"
	"strconv"
	"strings"
)

// npyHeader is what the header of a .npy file says: a magic number, a length,
// and a Python dictionary with the keys descr, fortran_order and shape.
type npyHeader struct {
	elem   Elem
	dtype  string
	dims   shape
	length int    // of the header, in bytes
	size   uint64 // of the array, in bytes
}

// npyMax bounds a header, in bytes.
const npyMax = 64 << 10

// parseNPY reads the header that b begins with. It understands arrays of
// numbers only.
func parseNPY(b []byte) (h npyHeader, ok bool) {
	if len(b) < 12 || string(b[:6]) != "\x93NUMPY" {
		return h, false
	}
	from, n := 10, uint32(binary.LittleEndian.Uint16(b[8:]))
	if b[6] > 1 { // version 2 and 3
		from, n = 12, binary.LittleEndian.Uint32(b[8:])
	}
	if n > npyMax || from+int(n) > len(b) {
		return h, false
	}
	h.length = from + int(n)
	dict := b[from:h.length]
	descr := npyValue(dict, "descr")
	if len(descr) < 2 || descr[0] != '\'' && descr[0] != '"' {
		return h, false
	}
	descr, _, _ = bytes.Cut(descr[1:], descr[:1])
	if h.dtype, h.elem, h.size = npyType(string(descr)); h.size == 0 {
		return h, false
	}
	if bytes.HasPrefix(npyValue(dict, "fortran_order"), []byte("True")) {
		h.dims.add(math.MaxUint64)
	}
	dims := npyValue(dict, "shape")
	end := bytes.IndexByte(dims, ')')
	if end < 1 || dims[0] != '(' {
		return h, false
	}
	for field := range strings.SplitSeq(string(dims[1:end]), ",") {
		if field = strings.TrimSpace(field); field == "" {
			continue
		}
		d, err := strconv.ParseUint(field, 10, 63)
		if err != nil {
			return h, false
		}
		h.dims.add(d)
		if h.size, ok = product(h.size, d); !ok {
			return h, false
		}
	}
	return h, true
}

// npyValue returns what follows a key of the dictionary.
func npyValue(dict []byte, key string) []byte {
	_, v, _ := bytes.Cut(dict, []byte(key))
	_, v, _ = bytes.Cut(v, []byte(":"))
	return bytes.TrimLeft(v, " ")
}

// npyType reads a type such as <f4; size is that of one number, 0 for what is
// not understood.
func npyType(descr string) (dtype string, e Elem, size uint64) {
	if len(descr) < 3 {
		return "", e, 0
	}
	size, err := strconv.ParseUint(descr[2:], 10, 8)
	if err != nil || size == 0 || size > 32 {
		return "", e, 0
	}
	switch descr[1] {
	case 'f', 'i', 'u', 'c':
		dtype = strings.ToUpper(descr[1:2]) + strconv.FormatUint(8*size, 10)
	case 'b':
		dtype = "BOOL"
	default:
		return "", e, 0
	}
	e = elems[dtype]
	if descr[0] == '>' && size > 1 {
		dtype, e.Float = descr, false
	}
	return dtype, e, size
}

// npyLayout is that of a .npy file that begins with head.
func npyLayout(head []byte) layout {
	h, ok := parseNPY(head)
	if !ok {
		return nil
	}
	t := tensor{off: int64(h.length), end: int64(h.length) + int64(h.size), elem: h.elem, label: tensorLabel(0, h.dtype, h.dims)}
	return newList([]tensor{t}, t.off)
}
