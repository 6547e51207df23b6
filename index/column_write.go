package index

import (
	"encoding/binary"
	"math"

	"github.com/mstore/mstore/internal/expr"
	"github.com/mstore/mstore/internal/wire"
	"github.com/mstore/mstore/objects/codec"
)

// columnBuilder collects the values of one field of a block.
type columnBuilder struct {
	types   Types
	tags    []byte
	bits    []uint64 // of a string its number
	rows    []uint16 // which has it
	strings map[string]uint64
	list    []string
	only    byte // the tag of all values; 0 for different ones
}

// add takes a row's value: a string, int64, float64 or bool. Others are left out.
func (f *columnBuilder) add(row int, v any) {
	var tag byte
	var u uint64
	switch v := v.(type) {
	case string:
		at, ok := f.strings[v]
		if !ok {
			if f.strings == nil {
				f.strings = map[string]uint64{}
			}
			at = uint64(len(f.list))
			f.strings[v] = at
			f.list = append(f.list, v)
		}
		tag, u = tagString, at
		f.types |= Strings
	case int64:
		tag, u = tagInt, uint64(v)
		f.types |= Numbers
	case float64:
		tag, u = tagFloat, math.Float64bits(v)
		f.types |= Numbers
	case bool:
		tag = tagFalse
		if v {
			tag = tagTrue
		}
		f.types |= Bools
	default:
		return
	}
	if len(f.rows) == 0 {
		f.only = tag
	} else if f.only != tag {
		f.only = 0
	}
	f.tags, f.bits, f.rows = append(f.tags, tag), append(f.bits, u), append(f.rows, uint16(row))
}

// encode writes the column of a block of rows; a field without values is empty.
func (f *columnBuilder) encode(rows int) []byte {
	switch {
	case len(f.rows) == 0:
		return nil
	case f.only == tagFloat && !f.few(8):
		return f.encodeNumbers(kindFloats, rows, 0, 8)
	case f.only == tagInt:
		if base, width := f.span(); width == 1 || !f.few(width) {
			return f.encodeNumbers(kindInts, rows, base, width)
		}
	}
	return f.encodeDict(rows)
}

// few tells whether numbers of so many bytes recur so often that naming them pays.
func (f *columnBuilder) few(width int) bool {
	distinct := map[uint64]struct{}{}
	for _, u := range f.bits {
		if distinct[u] = struct{}{}; len(distinct) > 255 {
			return false
		}
	}
	return len(distinct)*10+len(f.bits) < len(f.bits)*width
}

// span returns the least of the integers, and the bytes that differences to it need.
func (f *columnBuilder) span() (base int64, width int) {
	least, most := int64(f.bits[0]), int64(f.bits[0])
	for _, u := range f.bits {
		least, most = min(least, int64(u)), max(most, int64(u))
	}
	switch d := uint64(most) - uint64(least); {
	case d < 1<<8:
		return least, 1
	case d < 1<<16:
		return least, 2
	case d < 1<<32:
		return least, 4
	}
	return least, 8
}

func (f *columnBuilder) encodeNumbers(kind byte, rows int, base int64, width int) []byte {
	var e wire.Encoder
	e.Byte(kind)
	if len(f.rows) == rows {
		e.Byte(1)
	} else {
		e.Byte(0)
		has := expr.NewSet(rows)
		for _, r := range f.rows {
			has.Add(int(r))
		}
		for _, w := range has {
			e.B = binary.LittleEndian.AppendUint64(e.B, w)
		}
	}
	if kind == kindInts {
		e.Int(base)
		e.Byte(byte(width))
	}
	for _, u := range f.bits {
		if kind == kindInts {
			u -= uint64(base)
		}
		switch width {
		case 1:
			e.B = append(e.B, byte(u))
		case 2:
			e.B = binary.LittleEndian.AppendUint16(e.B, uint16(u))
		case 4:
			e.B = binary.LittleEndian.AppendUint32(e.B, uint32(u))
		default:
			e.B = binary.LittleEndian.AppendUint64(e.B, u)
		}
	}
	return e.B
}

// compressFrom is the size of a column's values from which they are compressed.
const compressFrom = 512

func (f *columnBuilder) encodeDict(rows int) []byte {
	type key struct {
		tag byte
		u   uint64
	}
	numbers := map[key]uint16{}
	codes := make([]uint16, rows)
	var values wire.Encoder
	n := uint16(0)
	for i, row := range f.rows {
		k := key{f.tags[i], f.bits[i]}
		code, ok := numbers[k]
		if !ok {
			n++
			code = n
			numbers[k] = code
			values.Byte(k.tag)
			switch k.tag {
			case tagString:
				values.String(f.list[k.u])
			case tagInt:
				values.Int(int64(k.u))
			case tagFloat:
				values.B = binary.LittleEndian.AppendUint64(values.B, k.u)
			}
		}
		codes[row] = code
	}
	var e wire.Encoder
	e.Byte(kindDict)
	e.Uint(uint64(n))
	text, how := values.B, codec.Raw
	if len(text) >= compressFrom {
		text, how = codec.Compress(nil, text)
	}
	e.Byte(byte(how))
	e.Uint(uint64(len(values.B)))
	e.Bytes(text)
	for _, c := range codes {
		if n > 255 {
			e.B = binary.LittleEndian.AppendUint16(e.B, c)
		} else {
			e.B = append(e.B, byte(c))
		}
	}
	return e.B
}
