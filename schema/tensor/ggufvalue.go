package tensor

import (
	"encoding/binary"
	"math"
	"strconv"
)

// The types of values in GGUF metadata that are not plain numbers.
const (
	ggufUint32 = 4
	ggufBool   = 7
	ggufString = 8
	ggufArray  = 9
)

// ggufWidths are the lengths of the types that have one, in bytes.
var ggufWidths = [...]uint64{0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, ggufBool: 1, 10: 8, 11: 8, 12: 8}

// pair reads a key and its value.
func (g *ggufReader) pair(i uint64) {
	at := g.at
	g.what = "key " + strconv.FormatUint(i, 10)
	key := g.short(maxKey, "key")
	if g.over {
		return
	}
	if g.keySize += len(key); g.keySize > maxKeys {
		g.end(at, "key", "all keys together have more than %d bytes", maxKeys)
		return
	}
	if _, twice := g.keys[key]; twice && key != "" {
		g.problem("", at, "key", "%s is there twice", quote(key))
	}
	g.keys[key] = struct{}{}
	g.what = "the value of key " + quote(key)
	typ := g.u32()
	at = g.at
	if g.list != nil {
		defer func(listed int) { g.metaLong(key, typ, at, listed) }(len(g.list.Metadata))
	}
	switch {
	case key == "general.alignment" && !g.over:
		if typ != ggufUint32 {
			g.end(at, key, "it is of type %d, it must be of type %d, uint32", typ, ggufUint32)
			return
		}
		if n := g.u32(); !g.over {
			if n < 8 || n&(n-1) != 0 {
				g.end(at, key, "it is %d, it must be a power of two from 8 on", n)
				return
			}
			g.align = int64(n)
			g.meta(key, strconv.FormatUint(uint64(n), 10))
		}
	case typ == ggufString:
		if n := g.u64(); n <= maxName && g.need(n) {
			if b := g.bytes(int(n)); b != nil {
				g.meta(key, string(b))
			}
		} else {
			g.skip(n)
		}
	case typ < uint32(len(ggufWidths)) && ggufWidths[typ] > 0:
		if b := g.bytes(int(ggufWidths[typ])); b != nil {
			if typ == ggufBool && b[0] > 1 {
				g.problem("", at, "value", "the bool of key %s is %d, it must be 0 or 1", quote(key), b[0])
			}
			g.meta(key, ggufNumber(typ, b))
		}
	default:
		g.values(typ, 1, 0)
	}
}

// values passes over so many values of a type.
func (g *ggufReader) values(typ uint32, n uint64, depth int) {
	at := g.at - 4
	switch {
	case g.over:
	case typ == ggufString:
		if !g.room(n, 8) {
			return
		}
		for ; n > 0 && !g.over; n-- {
			g.skip(g.u64())
		}
	case typ == ggufArray && depth == maxArrays:
		g.end(at, "value_type", "%s has arrays nested more than %d deep", g.what, maxArrays)
	case typ == ggufArray:
		if !g.room(n, 12) {
			return
		}
		for ; n > 0 && !g.over; n-- {
			inner := g.u32()
			g.values(inner, g.u64(), depth+1)
		}
	case typ < uint32(len(ggufWidths)) && ggufWidths[typ] > 0:
		if g.room(n, ggufWidths[typ]) {
			g.skip(n * ggufWidths[typ])
		}
	default:
		g.end(at, "value_type", "%s is of type %d, which is not known", g.what, typ)
	}
}

// room tells whether the file has place for n values of at least width bytes.
func (g *ggufReader) room(n, width uint64) bool {
	size, ok := times(n, width)
	if !ok {
		size = math.MaxInt64
	}
	return g.need(size)
}

// ggufNumber is a number or bool for the report.
func ggufNumber(typ uint32, b []byte) string {
	var v uint64
	switch len(b) {
	case 1:
		v = uint64(b[0])
	case 2:
		v = uint64(binary.LittleEndian.Uint16(b))
	case 4:
		v = uint64(binary.LittleEndian.Uint32(b))
	case 8:
		v = binary.LittleEndian.Uint64(b)
	}
	switch typ {
	case 1, 3, 5, 11: // signed
		unused := 64 - 8*len(b)
		return strconv.FormatInt(int64(v<<unused)>>unused, 10)
	case 6:
		return strconv.FormatFloat(float64(math.Float32frombits(uint32(v))), 'g', -1, 32)
	case 12:
		return strconv.FormatFloat(math.Float64frombits(v), 'g', -1, 64)
	case ggufBool:
		return strconv.FormatBool(v != 0)
	}
	return strconv.FormatUint(v, 10)
}
