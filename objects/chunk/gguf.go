package chunk

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// ggmlType is an element type of GGUF: quantised ones come in blocks.
type ggmlType struct {
	name         string
	block, bytes uint64
}

// ggmlTypes has the numbers that ggml gives them.
var ggmlTypes = map[uint32]ggmlType{
	0: {"F32", 1, 4}, 1: {"F16", 1, 2}, 2: {"Q4_0", 32, 18}, 3: {"Q4_1", 32, 20}, 6: {"Q5_0", 32, 22}, 7: {"Q5_1", 32, 24},
	8: {"Q8_0", 32, 34}, 9: {"Q8_1", 32, 36}, 10: {"Q2_K", 256, 84}, 11: {"Q3_K", 256, 110}, 12: {"Q4_K", 256, 144},
	13: {"Q5_K", 256, 176}, 14: {"Q6_K", 256, 210}, 15: {"Q8_K", 256, 292}, 16: {"IQ2_XXS", 256, 66}, 17: {"IQ2_XS", 256, 74},
	18: {"IQ3_XXS", 256, 98}, 19: {"IQ1_S", 256, 50}, 20: {"IQ4_NL", 32, 18}, 21: {"IQ3_S", 256, 110}, 22: {"IQ2_S", 256, 82},
	23: {"IQ4_XS", 256, 136}, 24: {"I8", 1, 1}, 25: {"I16", 1, 2}, 26: {"I32", 1, 4}, 27: {"I64", 1, 8}, 28: {"F64", 1, 8},
	29: {"IQ1_M", 256, 56}, 30: {"BF16", 1, 2}, 34: {"TQ1_0", 256, 54}, 35: {"TQ2_0", 256, 66}, 39: {"MXFP4", 32, 17},
}

// ggufSizes are the lengths of the metadata types that have one.
var ggufSizes = [...]uint64{0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}

const (
	ggufUint32 = 4
	ggufString = 8
	ggufArray  = 9
)

// ggufLayout reads the header: counts, metadata, then name, shape, type and
// place of each tensor. Where it ends is known only at its end, so it is read
// again when more of it is needed. A header that is not understood: nil.
func ggufLayout(w *window) layout {
	for n := sampleSize; ; n *= 2 {
		head := w.lookahead(min(n, maxHeader))
		g := ggufHeader{b: head, align: 32}
		if l := g.layout(); l != nil {
			return l
		}
		if !g.short || len(head) < n || n >= maxHeader {
			return nil
		}
	}
}

type ggufHeader struct {
	b     []byte
	at    int
	short bool // the header goes on after b
	bad   bool
	align uint64
}

func (g *ggufHeader) layout() layout {
	g.bytes(4)
	if v := g.u32(); v != 2 && v != 3 {
		return nil
	}
	tensors, pairs := g.u64(), g.u64()
	for i := uint64(0); i < pairs && g.ok(); i++ {
		g.pair()
	}
	var all []tensor
	for i := uint64(0); i < tensors && g.ok(); i++ {
		t, ok := g.tensor()
		if ok && g.ok() && len(all) < maxTensors {
			all = append(all, t)
		}
	}
	if !g.ok() || g.align == 0 || g.align > 1<<20 {
		return nil
	}
	data := int64((uint64(g.at) + g.align - 1) / g.align * g.align)
	for i := range all {
		all[i].off += data
		all[i].end += data
	}
	return newList(all, int64(g.at))
}

func (g *ggufHeader) ok() bool { return !g.bad && !g.short }

// bytes returns the next n bytes, nil when they are not there.
func (g *ggufHeader) bytes(n uint64) []byte {
	if !g.ok() {
		return nil
	}
	if n > uint64(len(g.b)-g.at) {
		g.short = true
		return nil
	}
	g.at += int(n)
	return g.b[g.at-int(n) : g.at]
}

func (g *ggufHeader) u32() uint32 {
	if b := g.bytes(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (g *ggufHeader) u64() uint64 {
	if b := g.bytes(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (g *ggufHeader) str() []byte { return g.bytes(g.u64()) }

func (g *ggufHeader) pair() {
	key, typ := g.str(), g.u32()
	if string(key) == "general.alignment" && typ == ggufUint32 {
		g.align = uint64(g.u32())
		return
	}
	g.skip(typ, 1, 0)
}

// skip passes over count values.
func (g *ggufHeader) skip(typ uint32, count uint64, depth int) {
	switch {
	case typ == ggufString:
		for ; count > 0 && g.ok(); count-- {
			g.str()
		}
	case typ == ggufArray && depth < 8:
		for ; count > 0 && g.ok(); count-- {
			inner := g.u32()
			g.skip(inner, g.u64(), depth+1)
		}
	case typ < uint32(len(ggufSizes)) && ggufSizes[typ] > 0:
		hi, n := bits.Mul64(ggufSizes[typ], count)
		g.bad = g.bad || hi != 0 || n > maxHeader
		g.bytes(n)
	default:
		g.bad = true
	}
}

// tensor reads one entry. Offsets are from the end of the header.
func (g *ggufHeader) tensor() (t tensor, ok bool) {
	name := hashOf(g.str())
	n := g.u32()
	if n > 8 {
		g.bad = true
		return t, false
	}
	var dims [8]uint64
	for i := range n {
		dims[i] = g.u64()
	}
	var s shape
	for i := int(n) - 1; i >= 0; i-- { // innermost first, in the file
		s.add(dims[i])
	}
	typ, known := ggmlTypes[g.u32()]
	off := g.u64()
	count, ok := product(dims[:n]...)
	if !known || !ok || count%typ.block != 0 || off >= math.MaxInt64/4 {
		return t, false
	}
	size, ok := product(count/typ.block, typ.bytes)
	elem := elems[typ.name]
	if typ.block > 1 {
		elem = Elem{Size: 1}
	}
	return tensor{off: int64(off), end: int64(off + size), elem: elem, label: tensorLabel(name, typ.name, s)}, ok
}
