package index

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"

	"github.com/mstore/mstore/internal/expr"
	"github.com/mstore/mstore/internal/wire"
	"github.com/mstore/mstore/objects/codec"
)

// How a field's column is written.
const (
	kindDict   byte = iota + 1 // distinct values, and of each row the number of its own
	kindFloats                 // float64s
	kindInts                   // int64s, as small differences to the least
)

// Tags of values in a kindDict column.
const (
	tagString byte = iota + 1
	tagInt
	tagFloat
	tagFalse
	tagTrue
)

// Types is the set of the types that a field's values have.
type Types uint8

// The types of values.
const (
	Numbers Types = 1 << iota
	Strings
	Bools
)

// column is a decoded field of a block.
type column struct {
	kind   byte
	values []value // kindDict: row r has values[code-1], or nothing where its code is 0
	codes  []byte  // one byte a row, or two where there are more than 255 values
	wide   bool
	has    expr.Set // of numbers: the rows that have the field
	nums   []byte   // of these, in order, 8 bytes or width
	base   int64
	width  int
}

// value is one of a kindDict column.
type value struct {
	tag  byte
	bits uint64 // of a number
	text string
}

func (v value) any() any {
	switch v.tag {
	case tagString:
		return v.text
	case tagInt:
		return int64(v.bits)
	case tagFloat:
		return math.Float64frombits(v.bits)
	}
	return v.tag == tagTrue
}

func (b *block) loadColumn(name string) (*column, error) {
	data, err := b.column(name)
	if err != nil || data == nil {
		return nil, err
	}
	c, err := b.decodeColumn(data)
	if err != nil {
		return nil, fmt.Errorf("%w: field %q of block %d: %w", errDamaged, name, b.first, err)
	}
	return c, nil
}

func (b *block) decodeColumn(data []byte) (*column, error) {
	rows := b.rows
	d := wire.NewDecoder(data)
	c := &column{kind: d.Byte(), width: 8}
	switch c.kind {
	case kindDict:
		c.decodeDict(d, rows, b.scratch)
	case kindFloats, kindInts:
		c.has = expr.AllRows(rows)
		if d.Byte() == 0 {
			c.has = expr.NewSet(rows)
			for i := range c.has {
				if p := d.Raw(8); p != nil {
					c.has[i] = binary.LittleEndian.Uint64(p)
				}
			}
			if rest := rows % 64; rest != 0 && c.has[len(c.has)-1]>>rest != 0 {
				d.Fail("a row that is not there")
			}
		}
		if c.kind == kindInts {
			c.base, c.width = d.Int(), int(d.Byte())
		}
		switch c.width {
		case 1, 2, 4, 8:
			c.nums = d.Raw(c.has.Len() * c.width)
		default:
			d.Fail("numbers of %d bytes", c.width)
		}
	default:
		d.Fail("kind %d of a column", c.kind)
	}
	return c, d.End()
}

func (c *column) decodeDict(d *wire.Decoder, rows int, lend *scratch) {
	n, how, size := d.Uint(), codec.ID(d.Byte()), d.Uint()
	if n == 0 || n > uint64(rows) || size > maxColumn {
		d.Fail("%d values in %d bytes", n, size)
		return
	}
	buf := lend.take()
	raw, err := codec.Decode(buf, how, d.Bytes(), int(size), nil)
	if err != nil {
		d.Fail("values: %v", err)
		return
	}
	lend.keep(buf, raw)
	text := string(raw) // that all strings are parts of
	v := wire.NewDecoder(raw)
	c.values = make([]value, 0, n)
	for range n {
		x := value{tag: v.Byte()}
		switch x.tag {
		case tagString:
			part := v.Bytes()
			end := len(text) - v.Len()
			x.text = text[end-len(part) : end]
		case tagInt:
			x.bits = uint64(v.Int())
		case tagFloat:
			if p := v.Raw(8); p != nil {
				x.bits = binary.LittleEndian.Uint64(p)
			}
		case tagFalse, tagTrue:
		default:
			v.Fail("tag %d", x.tag)
		}
		c.values = append(c.values, x)
	}
	if err := v.End(); err != nil {
		d.Fail("values: %v", err)
	}
	if c.wide = n > 255; c.wide {
		rows *= 2
	}
	c.codes = d.Raw(rows)
	for i := 0; i < len(c.codes); i++ {
		code := int(c.codes[i])
		if c.wide {
			code = int(binary.LittleEndian.Uint16(c.codes[i:]))
			i++
		}
		if code > len(c.values) {
			d.Fail("value number %d of %d", code, n)
			return
		}
	}
}

// match returns the rows whose value satisfies the condition.
func (c *column) match(cond expr.Cond, rows int) expr.Set {
	set := expr.NewSet(rows)
	switch c.kind {
	case kindDict:
		ok := make([]bool, len(c.values)+1)
		any := false
		for i, v := range c.values {
			if v.tag == tagString {
				ok[i+1] = cond.MatchString(v.text)
			} else {
				ok[i+1] = cond.Match(v.any())
			}
			any = any || ok[i+1]
		}
		if !any {
			break
		}
		for r := range rows {
			if ok[c.code(r)] {
				set.Add(r)
			}
		}
	case kindFloats:
		if test := floatTest(cond); test != nil {
			c.eachBits(func(r int, u uint64) {
				if test(math.Float64frombits(u)) {
					set.Add(r)
				}
			})
			break
		}
		c.eachBits(func(r int, u uint64) {
			if cond.Match(math.Float64frombits(u)) {
				set.Add(r)
			}
		})
	case kindInts:
		c.eachBits(func(r int, u uint64) {
			if cond.Match(c.base + int64(u)) {
				set.Add(r)
			}
		})
	}
	return set
}

// floatTest is a condition with a number, without the boxes; nil for others.
func floatTest(c expr.Cond) func(float64) bool {
	var x float64
	switch v := c.Value.(type) {
	case float64:
		x = v
	case int64:
		if x = float64(v); v > 1<<53 || v < -1<<53 {
			return nil
		}
	default:
		return nil
	}
	switch c.Op {
	case "=":
		return func(v float64) bool { return v == x }
	case "!=":
		return func(v float64) bool { return v < x || v > x }
	case "<":
		return func(v float64) bool { return v < x }
	case "<=":
		return func(v float64) bool { return v <= x }
	case ">":
		return func(v float64) bool { return v > x }
	case ">=":
		return func(v float64) bool { return v >= x }
	}
	return nil
}

func (c *column) code(row int) int {
	if c.wide {
		return int(binary.LittleEndian.Uint16(c.codes[2*row:]))
	}
	return int(c.codes[row])
}

// eachBits calls fn for every row that has a number, in order.
func (c *column) eachBits(fn func(row int, u uint64)) {
	p := c.nums
	for i, w := range c.has {
		for ; w != 0; w &= w - 1 {
			fn(64*i+bits.TrailingZeros64(w), c.number(p))
			p = p[c.width:]
		}
	}
}

func (c *column) number(p []byte) uint64 {
	switch c.width {
	case 1:
		return uint64(p[0])
	case 2:
		return uint64(binary.LittleEndian.Uint16(p))
	case 4:
		return uint64(binary.LittleEndian.Uint32(p))
	}
	return binary.LittleEndian.Uint64(p)
}

// present returns the rows that have the field.
func (c *column) present(rows int) expr.Set {
	if c.kind != kindDict {
		return c.has
	}
	set := expr.NewSet(rows)
	for r := range rows {
		if c.code(r) != 0 {
			set.Add(r)
		}
	}
	return set
}

// at returns the value of a row that has the field.
func (c *column) at(row int) any {
	if c.kind == kindDict {
		return c.values[c.code(row)-1].any()
	}
	u := c.number(c.nums[c.has.Before(row)*c.width:])
	if c.kind == kindInts {
		return c.base + int64(u)
	}
	return math.Float64frombits(u)
}

// dropLate takes the rows out of set whose value comes too late.
func (c *column) dropLate(set expr.Set, f *floor) {
	switch {
	case c.kind == kindDict:
		late := make([]bool, len(c.values))
		for i, v := range c.values {
			late[i] = f.late(v.any())
		}
		set.Backwards(func(row int) bool {
			if late[c.code(row)-1] {
				set.Remove(row)
			}
			return true
		})
	case c.kind == kindFloats:
		c.eachBits(func(row int, u uint64) {
			if f.lateNumber(math.Float64frombits(u)) {
				set.Remove(row)
			}
		})
	default:
		c.eachBits(func(row int, u uint64) {
			if v := c.base + int64(u); set.Has(row) && f.late(v) {
				set.Remove(row)
			}
		})
	}
}
