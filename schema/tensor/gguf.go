package tensor

import (
	"encoding/binary"
	"math"
	"slices"
	"strconv"
)

const (
	ggufMagic = "GGUF"
	ggufBig   = "FUGG" // as a program writes it that takes the magic for a number
	ggufAlign = 32     // unless the metadata says otherwise

	maxKey        = 1<<16 - 1 // the specification's
	maxGGUFName   = 64        // the specification's, for tensors
	maxGGUFDims   = 4
	maxGGUFPairs  = 1 << 20
	maxGGUFTensor = 1 << 20
	maxKeys       = 16 << 20 // the length of all keys together
	maxArrays     = 8        // of arrays in arrays

	minGGUFPair   = 8 + 1 + 4 + 1     // bytes: a key of one letter, a type, a byte
	minGGUFTensor = 8 + 1 + 4 + 4 + 8 // a name of one letter, no lengths, a type, an offset
)

// gguf checks the header, then its pairs of key and value, then the list of
// tensors, of which the places are relative to the end of the list, aligned.
// The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md.
func (c *checker) gguf() {
	g := ggufReader{checker: c, align: ggufAlign, keys: map[string]struct{}{}, names: map[string]struct{}{}}
	pairs, tensors := g.header()
	for i := uint64(0); i < pairs && !g.over; i++ {
		g.pair(i)
	}
	for i := uint64(0); i < tensors && !g.over; i++ {
		g.tensor(i)
	}
	if g.over {
		return
	}
	g.toEnd = true
	data := (g.at + g.align - 1) / g.align * g.align
	for i := range g.all {
		g.all[i].off += data
		g.all[i].end += data
	}
	c.layout(g.all, data, c.size, false, "offset")
}

// ggufReader reads the header in order. What makes it lose its place ends it.
type ggufReader struct {
	*checker
	at      int64
	over    bool
	what    string // what is read, in a text
	align   int64
	keys    map[string]struct{}
	keySize int
	names   map[string]struct{}
	all     []span
}

// end reports a problem, and that what follows it cannot be found.
func (g *ggufReader) end(off int64, field, format string, args ...any) {
	if !g.over {
		g.problem("", off, field, format, args...)
		g.over = true
	}
}

// need tells whether the file has n more bytes.
func (g *ggufReader) need(n uint64) bool {
	if g.over || n <= uint64(g.size-g.at) {
		return !g.over
	}
	g.cut("", g.what, g.at, g.at+int64(min(n, math.MaxInt64/2)))
	g.over = true
	return false
}

// bytes returns the next few bytes, until the next call. It returns nil when
// they are not there.
func (g *ggufReader) bytes(n int) []byte {
	if !g.need(uint64(n)) {
		return nil
	}
	if n == 0 {
		return []byte{}
	}
	b := g.view(g.at, n, n)
	g.over = b == nil
	g.at += int64(n)
	return b
}

func (g *ggufReader) skip(n uint64) {
	if g.need(n) {
		g.at += int64(n)
	}
}

func (g *ggufReader) u32() uint32 {
	if b := g.bytes(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (g *ggufReader) u64() uint64 {
	if b := g.bytes(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// short reads a string of 1 to limit bytes, such as a name.
func (g *ggufReader) short(limit uint64, field string) string {
	at := g.at
	switch n := g.u64(); {
	case !g.need(n):
	case n == 0:
		g.problem("", at, field, "%s is empty", g.what)
	case n > limit:
		g.problem("", at, field, "%s has a name of %d bytes, at most %d are allowed", g.what, n, limit)
		if n > maxKey {
			g.skip(n)
			return ""
		}
		fallthrough
	default:
		return string(g.bytes(int(n)))
	}
	return ""
}

// header returns how many pairs and tensors follow.
func (g *ggufReader) header() (pairs, tensors uint64) {
	g.what = "the header"
	b := g.bytes(4)
	if b == nil {
		return 0, 0
	}
	if magic := string(b); magic != ggufMagic {
		if magic == ggufBig {
			g.end(0, "magic", "it is %q: the file is big-endian, which is not supported", magic)
		}
		g.end(0, "magic", "it is %q, it must be %q", magic, ggufMagic)
		return 0, 0
	}
	switch v := g.u32(); {
	case g.over:
		return 0, 0
	case v == 2 || v == 3:
	case v&0xffff == 0 && v != 0: // read from the wrong end
		g.end(4, "version", "it is %d, the bytes of %d turned around: the file is big-endian, which is not supported", v, v>>24|v>>8&0xff00)
	default:
		g.end(4, "version", "version %d is not supported, 2 and 3 are", v)
	}
	tensors, pairs = g.u64(), g.u64()
	switch left := uint64(g.size - g.at); {
	case g.over:
	case tensors > maxGGUFTensor || tensors > left/minGGUFTensor:
		g.end(8, "tensor_count", "%d tensors are announced, %d at most can be in the %d bytes that follow", tensors, min(maxGGUFTensor, left/minGGUFTensor), left)
	case pairs > maxGGUFPairs || pairs > left/minGGUFPair:
		g.end(16, "metadata_kv_count", "%d keys are announced, %d at most can be in the %d bytes that follow", pairs, min(maxGGUFPairs, left/minGGUFPair), left)
	}
	return pairs, tensors
}

// tensor reads an entry of the list.
func (g *ggufReader) tensor(i uint64) {
	at := g.at
	g.what = "the entry of tensor " + strconv.FormatUint(i, 10)
	name := g.short(maxGGUFName, "name")
	if g.over {
		return
	}
	g.rep.Tensors++
	if _, twice := g.names[name]; twice && name != "" {
		g.problem(name, at, "name", "two tensors have it")
	}
	g.names[name] = struct{}{}
	g.what = "the entry of tensor " + quote(name)
	n := g.u32()
	if n > maxGGUFDims {
		g.end(g.at-4, "n_dimensions", "tensor %s has %d, at most %d are allowed", quote(name), n, maxGGUFDims)
		return
	}
	var dims [maxGGUFDims]uint64
	for i := range dims[:n] {
		dims[i] = g.u64()
	}
	number := g.u32()
	offset := g.u64()
	if g.over {
		return
	}
	e := ggmlTypes[number]
	elements, ok := product(dims[:n])
	var size uint64
	if ok && e != nil {
		size, ok = e.size(elements)
	}
	row := uint64(1)
	if n > 0 {
		row = dims[0]
	}
	switch {
	case e == nil:
		g.problem(name, at, "type", "%d is not a known type", number)
	case !ok:
		g.problem(name, at, "dimensions", "%v has more elements than a file can hold", dims[:n])
	case row%e.block != 0:
		g.problem(name, at, "dimensions", "a row has %d elements, type %s needs a multiple of %d", row, e.name, e.block)
	case offset%uint64(g.align) != 0:
		g.problem(name, at, "offset", "%d is not a multiple of the alignment %d", offset, g.align)
	case offset > 1<<62:
		g.problem(name, at, "offset", "%d is beyond any file", offset)
	default:
		g.count(e, elements, size/8)
		s := span{name: name, off: int64(offset), end: int64(offset + size/8), elements: int64(elements), elem: e}
		if g.list != nil {
			s.shape = lengths(dims[:n])
			slices.Reverse(s.shape)
		}
		g.all = append(g.all, s)
	}
}
