package codec

import (
	"encoding/binary"
	"slices"
)

// A column of numbers is stored as
//
//	u8 1 when the numbers after its numbers belong to the next column, unless
//	    their gap says otherwise; 0: to the same one
//	uvarint count
//	u8 number of parts; of each u8 type, and u8 scale when it has one
//	when there are several: a stream with the part of each number
//	the values of each part
//
// A builder collects the parts of the columns of one piece.
type builder struct {
	tab   *pow10Table
	level Level
	parts []part // of all columns so far
	which []byte // the part of each number of a column
	words []uint64
	store []uint64 // what the parts' values are cut from
}

// A column is what the scanner has found, in the order of the text.
type column struct {
	values []uint64
	kinds  []numberKind
	scales []uint8
}

const (
	columnAlone    = 0
	columnFollowed = 1
)

// cut is a part of the column.
func (c *column) cut(from, to int) column {
	return column{c.values[from:to], c.kinds[from:to], c.scales[from:to]}
}

// append appends the column to dst.
func (b *builder) append(dst []byte, c column) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(c.values)))
	b.which = sized(b.which, len(c.values))
	b.words = sized(b.words, len(c.values))
	first := len(b.parts)
	b.split(c)
	parts := b.parts[first:]
	dst = append(dst, byte(len(parts)))
	for i := range parts {
		dst = append(dst, byte(parts[i].typ))
		if parts[i].scaled() {
			dst = append(dst, parts[i].scale)
		}
	}
	if len(parts) > 1 {
		dst = appendStream(dst, b.which, repeats, b.level)
	}
	for i := range parts {
		dst = appendPart(dst, &parts[i], b.parts[:first+i], b.words, b.level)
	}
	return dst
}

// split adds the parts of a column and fills b.which.
func (b *builder) split(c column) {
	var counts [kindVerbatim + 1]int
	for _, k := range c.kinds {
		counts[k]++
	}
	n := len(c.values)
	for k, count := range counts {
		if count == n && k != int(kindFloat) && k != int(kindFixed) && k != int(kindPadded) {
			b.parts = append(b.parts, part{typ: [...]valueType{kindInt: typeInt, kindC: typeC, kindScience: typeScience, kindVerbatim: typeVerbatim}[k], values: b.take(c.values)})
			return
		}
	}
	floats := b.floats(c, counts[kindFloat])
	if counts[kindFloat] == n && !floats.decimal && !floats.narrow {
		b.parts = append(b.parts, part{typ: typeFloat, values: b.take(c.values)})
		return
	}
	padded := 0
	if counts[kindPadded] > 0 {
		padded = int(c.scales[slices.Index(c.kinds, kindPadded)])
	}
	var index [typeCount][maxScale + 1]uint8 // part number + 1
	first := len(b.parts)
	for i, v := range c.values {
		t, scale := typeInt, uint8(0)
		switch c.kinds[i] {
		case kindFloat:
			t, scale, v = b.floatType(&floats, v, counts[kindC] > 0)
		case kindC:
			t = typeC
		case kindScience:
			t = typeScience
		case kindFixed:
			t, scale = typeFixed, c.scales[i]
		case kindPadded:
			t, scale = typePadded, c.scales[i]
		case kindInt:
			if padded > 0 && digitCount(v) == padded && v < tens[padded] {
				t, scale = typePadded, uint8(padded)
			}
		case kindVerbatim:
			t = typeVerbatim
		}
		k := index[t][scale]
		if k == 0 {
			b.parts = append(b.parts, part{typ: t, scale: scale})
			k = uint8(len(b.parts) - first)
			index[t][scale] = k
		}
		b.which[i] = k - 1
		b.words[i] = v
	}
	parts := b.parts[first:]
	if len(parts) == 1 {
		parts[0].values = b.take(b.words)
		return
	}
	var lengths [256]int
	for _, k := range b.which {
		lengths[k]++
	}
	for k := range parts {
		parts[k].values = b.room(lengths[k])[:0]
	}
	for i, k := range b.which {
		parts[k].values = append(parts[k].values, b.words[i])
	}
}

// take copies values, which would not last.
func (b *builder) take(values []uint64) []uint64 {
	r := b.room(len(values))
	copy(r, values)
	return r
}

// room is cut from one slice, which the numbers of a piece fill exactly.
func (b *builder) room(n int) []uint64 {
	r := b.store[:n:n]
	b.store = b.store[n:]
	return r
}
