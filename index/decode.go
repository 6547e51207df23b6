package index

import (
	"encoding/binary"
	"fmt"
	"math"
	"sort"
	"time"

	"github.com/mstore/mstore/internal/wire"
	"github.com/mstore/mstore/objects"
)

// rowColumn is the decoded #rows and #ids.
type rowColumn struct {
	entry, line, seq []uint64
	time             []time.Time
	elided           []bool
	ids              []byte
}

func (b *block) loadRows() (*rowColumn, error) {
	n := b.rows
	c := &rowColumn{
		entry: make([]uint64, n), line: make([]uint64, n), seq: make([]uint64, n),
		time: make([]time.Time, n), elided: make([]bool, n),
	}
	data, err := b.column(colRows)
	if err != nil {
		return nil, err
	}
	if c.ids, err = b.column(colIDs); err != nil {
		return nil, err
	}
	d := wire.NewDecoder(data)
	entry, line, seq, sec := b.first-1, uint64(0), uint64(0), int64(0)
	for i := range n {
		e := d.Uint()
		entry += e >> 1
		line += uint64(d.Int())
		seq += uint64(d.Int())
		sec += d.Int()
		c.entry[i], c.line[i], c.seq[i], c.elided[i] = entry, line, seq, e&1 != 0
		c.time[i] = time.Unix(sec, int64(d.Uint())).UTC()
	}
	if err := d.End(); err != nil || len(c.ids) != n*objects.IDSize {
		return nil, fmt.Errorf("%w: rows of block %d: %w", errDamaged, b.first, err)
	}
	return c, nil
}

func (c *rowColumn) hit(i int) Hit {
	return Hit{
		Entry: c.entry[i], Line: c.line[i], Seq: c.seq[i], Time: c.time[i],
		ID: objects.VersionID(c.ids[i*objects.IDSize:]),
	}
}

// pathColumn is the decoded #paths: change i is of names[path[i]], and row r
// has the changes start[r] to start[r+1].
type pathColumn struct {
	names  []string
	start  []uint32
	path   []uint32
	status []objects.Status
}

func (b *block) loadPaths() (*pathColumn, error) {
	c := &pathColumn{start: make([]uint32, b.rows+1)}
	data, err := b.column(colPaths)
	if err != nil || data == nil {
		return c, err
	}
	d := wire.NewDecoder(data)
	c.names = make([]string, 0, d.Count(2))
	prev := []byte(nil)
	for range cap(c.names) {
		shared := d.Uint()
		rest := d.Bytes()
		if shared > uint64(len(prev)) {
			d.Fail("shared prefix")
			break
		}
		prev = append(prev[:shared], rest...)
		c.names = append(c.names, string(prev))
	}
	for r := range b.rows {
		at := int64(0)
		for range d.Count(1) {
			v := d.Int()
			at += v >> 2
			if at < 0 || at >= int64(len(c.names)) {
				d.Fail("path number")
				break
			}
			c.path = append(c.path, uint32(at))
			c.status = append(c.status, objects.Status(v&3))
		}
		c.start[r+1] = uint32(len(c.path))
	}
	if err := d.End(); err != nil {
		return nil, fmt.Errorf("%w: paths of block %d: %w", errDamaged, b.first, err)
	}
	return c, nil
}

// fieldColumn is a decoded field: row r has values[at[r]], or nothing when
// that is negative.
type fieldColumn struct {
	values []any
	at     []int32
}

func (b *block) loadField(name string) (*fieldColumn, error) {
	data, err := b.column(name)
	if err != nil || data == nil {
		return nil, err
	}
	c := &fieldColumn{at: make([]int32, b.rows)}
	for i := range c.at {
		c.at[i] = -1
	}
	d := wire.NewDecoder(data)
	c.values = make([]any, 0, d.Count(1))
	for range cap(c.values) {
		var v any
		switch tag := d.Byte(); tag {
		case tagString:
			v = d.String()
		case tagInt:
			v = d.Int()
		case tagFloat:
			if raw := d.Raw(8); len(raw) == 8 {
				v = math.Float64frombits(binary.LittleEndian.Uint64(raw))
			}
		case tagFalse, tagTrue:
			v = tag == tagTrue
		default:
			d.Fail("tag %d", tag)
		}
		c.values = append(c.values, v)
	}
	row, newest := uint64(0), int64(-1)
	for d.Err() == nil && d.Len() > 0 {
		row += d.Uint()
		n := d.Uint()
		if n > uint64(b.rows) || row > uint64(b.rows)-n {
			d.Fail("run of rows")
			break
		}
		for range n {
			at := newest + 1
			if back := d.Uint(); back == 0 {
				newest++
			} else {
				at = newest - int64(back-1)
			}
			if at < 0 || at >= int64(len(c.values)) {
				d.Fail("value number")
				break
			}
			c.at[row] = int32(at)
			row++
		}
	}
	if err := d.End(); err != nil {
		return nil, fmt.Errorf("%w: field %q of block %d: %w", errDamaged, name, b.first, err)
	}
	return c, nil
}

// mayHave asks the filter.
func (b *block) mayHave(mark uint32) (bool, error) {
	data, err := b.column(colFilter)
	if err != nil {
		return false, err
	}
	n := len(data) / 4
	at := func(i int) uint32 { return binary.LittleEndian.Uint32(data[4*i:]) }
	i := sort.Search(n, func(i int) bool { return at(i) >= mark })
	return i < n && at(i) == mark, nil
}
