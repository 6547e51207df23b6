package index

import (
	"fmt"
	"time"

	"github.com/mstore/mstore/internal/expr"
	"github.com/mstore/mstore/internal/wire"
	"github.com/mstore/mstore/objects"
)

// rowColumn is the decoded #rows.
type rowColumn struct {
	entry, line, seq []uint64
	elided           expr.Set
}

func (b *block) loadRows() (*rowColumn, error) {
	data, err := b.column(colRows)
	if err != nil {
		return nil, err
	}
	n := b.rows
	all := make([]uint64, 3*n)
	c := &rowColumn{entry: all[:n:n], line: all[n : 2*n : 2*n], seq: all[2*n:], elided: expr.NewSet(n)}
	d := wire.NewDecoder(data)
	entry, line, seq := b.first-1, uint64(0), uint64(0)
	for i := range n {
		e := d.Uint()
		entry += e >> 1
		line += uint64(d.Int())
		seq += uint64(d.Int())
		c.entry[i], c.line[i], c.seq[i] = entry, line, seq
		if e&1 != 0 {
			c.elided.Add(i)
		}
	}
	if err := d.End(); err != nil {
		return nil, fmt.Errorf("%w: rows of block %d: %w", errDamaged, b.first, err)
	}
	return c, nil
}

// loadTimes returns the times of the rows, in UTC.
func (b *block) loadTimes() ([]time.Time, error) {
	data, err := b.column(colTimes)
	if err != nil {
		return nil, err
	}
	times := make([]time.Time, b.rows)
	d := wire.NewDecoder(data)
	sec := int64(0)
	for i := range times {
		sec += d.Int()
		times[i] = time.Unix(sec, int64(d.Uint())).UTC()
	}
	if err := d.End(); err != nil {
		return nil, fmt.Errorf("%w: times of block %d: %w", errDamaged, b.first, err)
	}
	return times, nil
}

// loadIDs returns the IDs of the rows, one after the other.
func (b *block) loadIDs() ([]byte, error) {
	ids, err := b.column(colIDs)
	if err == nil && len(ids) != b.rows*objects.IDSize {
		err = fmt.Errorf("%w: IDs of block %d", errDamaged, b.first)
	}
	return ids, err
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
	c.path, c.status = make([]uint32, 0, b.rows), make([]objects.Status, 0, b.rows)
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

// puts counts the changes that put something.
func (c *pathColumn) puts() int {
	n := 0
	for _, st := range c.status {
		if st != objects.Removed {
			n++
		}
	}
	return n
}

func (b *block) loadBlobs(paths *pathColumn) ([]byte, error) {
	blobs, err := b.column(colBlobs)
	if err == nil && len(blobs) != paths.puts()*objects.IDSize {
		err = fmt.Errorf("%w: blobs of block %d", errDamaged, b.first)
	}
	return blobs, err
}

// loadKinds returns the distinct kinds, and of each change that put something the number
// of its own; nil where no kind is known.
func (b *block) loadKinds(paths *pathColumn) (names []string, of []uint32, err error) {
	data, err := b.column(colKinds)
	if err != nil || data == nil {
		return nil, nil, err
	}
	d := wire.NewDecoder(data)
	for range d.Count(1) {
		names = append(names, d.String())
	}
	of = make([]uint32, paths.puts())
	for i := range of {
		k := d.Uint()
		if k >= uint64(len(names)) {
			d.Fail("kind %d", k)
			break
		}
		of[i] = uint32(k)
	}
	if err := d.End(); err != nil {
		return nil, nil, fmt.Errorf("%w: kinds of block %d: %w", errDamaged, b.first, err)
	}
	return names, of, nil
}
