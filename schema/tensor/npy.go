package tensor

import (
	"encoding/binary"
	"errors"
	"io"
)

const (
	npyMagic = "\x93NUMPY"
	// maxNPY bounds a header. NumPy reads 10,000 bytes unless told otherwise;
	// long ones are of structured types.
	maxNPY = 1 << 20
)

// npyHeader is what the header of an array says.
type npyHeader struct {
	length   int64 // of the header, in bytes
	elements uint64
	size     uint64 // of the array, in bytes
	dtype    npyType
	shape    []int64
	fortran  bool
}

// npy checks a file of one array: a magic number, a version, the length of a
// Python dictionary, and that; then the numbers. The format:
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html.
func (c *checker) npy() {
	h, ok, err := c.npyHeader(io.NewSectionReader(c, 0, c.size), "", 0, uint64(c.size))
	if err != nil || !ok {
		return // the error is the file's, which has kept it
	}
	end := uint64(h.length) + h.size
	switch {
	case end > uint64(c.size):
		c.cut("", "the array", h.length, int64(end))
		return
	case end < uint64(c.size):
		c.problem("", int64(end), "size", "the array ends at byte %d, the file has %d", end, c.size)
	}
	c.count(h.dtype.elem, h.elements, h.size)
	if c.toEnd = true; c.list != nil {
		c.list.array(&h, "", h.length)
	}
	c.scan(span{off: h.length, end: int64(end), elements: int64(h.elements), elem: h.dtype.elem}, h.dtype.swap)
}

// npyHeader reads the header of an array from r, which has size bytes; base is
// where it begins in the file, -1 if it has no such place. What is wrong with it
// is reported, then ok is false. The error is r's.
func (c *checker) npyHeader(r io.Reader, name string, base int64, size uint64) (h npyHeader, ok bool, err error) {
	c.rep.Tensors++
	at := func(off int64) int64 {
		if base < 0 {
			return -1
		}
		return base + off
	}
	cut := func(what string, end uint64) {
		c.problem(name, at(int64(size)), "size", "%s needs %d bytes, there are %d", what, end, size)
	}
	b := make([]byte, min(size, 12))
	if _, err := io.ReadFull(r, b[:min(len(b), 8)]); err != nil {
		return h, false, err
	}
	if n := min(len(b), len(npyMagic)); string(b[:n]) != npyMagic[:n] {
		c.problem(name, at(0), "magic", "it is %q, it must be %q", b[:n], npyMagic)
		return h, false, nil
	}
	if size < 8 {
		cut("the version", 8)
		return h, false, nil
	}
	prefix := uint64(12)
	switch b[6] {
	case 1:
		prefix = 10
	case 2, 3:
	default:
		c.problem(name, at(6), "version", "version %d.%d is not known, 1.0, 2.0 and 3.0 are", b[6], b[7])
		return h, false, nil
	}
	if b[7] != 0 {
		c.problem(name, at(7), "version", "version %d.%d is not known, %[1]d.0 is", b[6], b[7])
	}
	if size < prefix {
		cut("the length of the header", prefix)
		return h, false, nil
	}
	if _, err := io.ReadFull(r, b[8:prefix]); err != nil {
		return h, false, err
	}
	n := uint64(binary.LittleEndian.Uint16(b[8:]))
	if prefix == 12 {
		n = uint64(binary.LittleEndian.Uint32(b[8:]))
	}
	switch {
	case n > maxNPY:
		c.problem(name, at(8), "header", "it has %d bytes, at most %d are read", n, maxNPY)
		return h, false, nil
	case n > size-prefix:
		cut("the header", prefix+n)
		return h, false, nil
	}
	head := make([]byte, n)
	if _, err := io.ReadFull(r, head); err != nil {
		return h, false, err
	}
	h.length = int64(prefix + n)
	bad := h.parse(head)
	var e *npyError
	if errors.As(bad, &e) {
		c.problem(name, at(int64(prefix)+int64(e.at)), e.field, "%s", e.text)
	}
	return h, bad == nil, nil
}

// npyError is a problem of a header, at a byte of it.
type npyError struct {
	at    int
	field string
	text  string
}

func (e *npyError) Error() string { return e.field + ": " + e.text }

// parse reads the dictionary, which has three keys, and what they say.
func (h *npyHeader) parse(head []byte) error {
	p := pyParser{b: head}
	dict, err := p.whole()
	if err != nil {
		return err
	}
	if dict.kind != pyDict {
		return &npyError{dict.at, "header", "it is " + dict.kind.String() + ", it must be a dictionary"}
	}
	have := map[string]pyValue{}
	for i := 0; i < len(dict.items); i += 2 {
		key, value := dict.items[i], dict.items[i+1]
		_, twice := have[key.text]
		switch {
		case key.kind != pyString || key.text != "descr" && key.text != "fortran_order" && key.text != "shape":
			return &npyError{key.at, "header", "it has a key that is not descr, fortran_order or shape"}
		case twice:
			return &npyError{key.at, key.text, "it is there twice"}
		}
		have[key.text] = value
	}
	for _, key := range []string{"descr", "fortran_order", "shape"} {
		if _, ok := have[key]; !ok {
			return &npyError{dict.at, key, "it is missing"}
		}
	}
	if v := have["fortran_order"]; v.kind != pyBool {
		return &npyError{v.at, "fortran_order", "it is " + v.kind.String() + ", it must be True or False"}
	}
	h.fortran = have["fortran_order"].n == 1
	if h.dtype, err = parseDescr(have["descr"]); err != nil {
		return err
	}
	var ok bool
	if h.elements, err = pyShape(have["shape"], pyTuple); err != nil {
		return err
	}
	for _, d := range have["shape"].items {
		h.shape = append(h.shape, d.n)
	}
	if h.size, ok = times(h.elements, h.dtype.size); !ok || h.size > 1<<62 {
		return &npyError{have["shape"].at, "shape", "it has more elements than a file can hold"}
	}
	return nil
}
