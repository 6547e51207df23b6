package codec

import (
	"encoding/binary"
	"sync"
)

// minColumn is how many numbers a column of its own needs; smaller ones are
// joined by the last byte of the gap.
const minColumn = 24

type numbersEncoder struct {
	words   []uint64
	text    []byte
	columns []int // of each gap: its column's number + 1, 0 when it begins none
	tables  []table
	order   column
	place   column
	store   []uint64
	b       builder
}

// A table is the numbers of one column before it is split: those up to end. Its
// rows have row numbers, when that is more than 1.
type table struct {
	end, row int
	first    int // the number of its first column
}

var encoders = sync.Pool{New: func() any { return new(numbersEncoder) }}

// arrange brings the numbers into columns and returns how many there are.
func (e *numbersEncoder) arrange(s *scanner) int {
	e.assign(s)
	e.gather(s)
	return e.split(s.tab)
}

func (e *numbersEncoder) append(dst []byte, s *scanner, columns int, l Level) []byte {
	gaps := s.gaps[1:]
	dst = append(dst, s.layout)
	for _, n := range []int{len(s.values), len(gaps), len(s.misses), columns, len(s.raw) - s.tail} {
		dst = binary.AppendUvarint(dst, uint64(n))
	}
	e.words, e.text = sized(e.words, len(gaps)), e.text[:0]
	for i, g := range gaps {
		e.words[i] = uint64(g.len)
		e.text = append(e.text, s.raw[g.at:g.at+g.len]...)
	}
	e.text = append(e.text, s.raw[s.tail:]...)
	dst = appendWords(dst, e.words, repeats, l)
	dst = appendStream(dst, e.text, repeats, l)
	e.words = sized(e.words, len(s.gaps))
	for i, k := range e.columns {
		e.words[i] = 0
		if k > 0 {
			e.words[i] = uint64(e.tables[k-1].first) + 1
		}
	}
	dst = appendWords(dst, e.words, repeats, l)
	dst = appendStream(dst, s.runs, repeats, l)
	e.words = sized(e.words, len(s.misses))
	for i, m := range s.misses {
		e.words[i] = uint64(m)
	}
	dst = appendWords(dst, e.words, repeats, l)
	dst = appendStream(dst, s.verbatim, repeats, l)

	e.store = sized(e.store, len(s.values))
	b := &e.b
	b.tab, b.level, b.parts, b.store = s.tab, l, b.parts[:0], e.store
	at := 0
	for _, t := range e.tables {
		c := e.order.cut(at, t.end)
		at = t.end
		if t.row == 1 {
			dst = b.append(append(dst, columnAlone), c)
			continue
		}
		for k := range t.row {
			c.place(&e.place, k, t.row)
			follow := byte(columnFollowed)
			if k == t.row-1 {
				follow = columnAlone
			}
			dst = b.append(append(dst, follow), e.place)
		}
	}
	return dst
}

// assign gives gaps their columns; the end of each is where its numbers begin.
func (e *numbersEncoder) assign(s *scanner) {
	e.columns = sized(e.columns, len(s.gaps))
	e.tables = e.tables[:0]
	var joined [256]int
	for i := range s.gaps {
		g := &s.gaps[i]
		e.columns[i] = 0
		if g.column == 0 {
			continue
		}
		last := byte(0)
		if g.len > 0 {
			last = s.raw[g.at+g.len-1]
		}
		k := 0
		if g.column < minColumn {
			k = joined[last]
		}
		if k == 0 {
			t := table{row: 1}
			k = len(e.tables) + 1
			if g.column < minColumn {
				joined[last] = k
			} else if i > 0 {
				t.row = int(max(g.row, 1))
			}
			e.tables = append(e.tables, t)
		}
		e.columns[i] = k
		e.tables[k-1].end += int(g.column)
	}
	sum := 0
	for k := range e.tables {
		n := e.tables[k].end
		e.tables[k].end = sum
		sum += n
	}
}

// gather brings the numbers into the order of their columns.
func (e *numbersEncoder) gather(s *scanner) {
	n := len(s.values)
	e.order.values, e.order.kinds, e.order.scales = sized(e.order.values, n), sized(e.order.kinds, n), sized(e.order.scales, n)
	for i, v := range s.values {
		at := &e.tables[e.columns[s.owners[i]]-1].end
		e.order.values[*at] = v
		e.order.kinds[*at] = s.kinds[i]
		e.order.scales[*at] = s.scales[i]
		*at++
	}
}

// split decides which tables are split and returns the number of columns.
func (e *numbersEncoder) split(t *pow10Table) int {
	columns, at := 0, 0
	for i := range e.tables {
		k := &e.tables[i]
		if k.row > 1 && !unlike(t, e.order.cut(at, k.end), k.row) {
			k.row = 1
		}
		at = k.end
		k.first = columns
		columns += k.row
	}
	return columns
}
