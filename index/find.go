package index

import (
	"context"
	"errors"
	"sort"

	"github.com/mstore/mstore/internal/expr"
	"github.com/mstore/mstore/objects"
)

// blockFinder answers from blocks: those in badger, and the tail's in memory.
type blockFinder struct {
	ctx     context.Context
	src     Source
	session *session
	tail    []block
	hasTail bool
	damaged bool
}

func (f *blockFinder) find(w Where, field string, elided bool, yield func(Hit) bool) error {
	s := &search{Where: w, field: field, elidedOnly: elided}
	if more, err := f.findTail(s, yield); !more {
		return err
	}
	for i := len(f.session.blocks) - 1; i >= 0; i-- {
		b := &f.session.blocks[i]
		more, err := f.emit(s, b, yield)
		if errors.Is(err, errDamaged) {
			// The journal has the same versions.
			f.damaged = true
			healed, herr := readRange(f.ctx, f.src, b.first, b.last)
			if herr != nil {
				return herr
			}
			for more, err = true, nil; more && len(healed) > 0; healed = healed[:len(healed)-1] {
				more, err = f.emit(s, &healed[len(healed)-1], yield)
			}
		}
		if !more {
			return err
		}
	}
	return nil
}

// maxTail is how many entries of a tail are kept in memory. One that is longer,
// because the index cannot be written, is walked.
const maxTail = 10_000

func (f *blockFinder) findTail(s *search, yield func(Hit) bool) (more bool, err error) {
	from := f.session.watermark()
	last, _ := f.src.Last()
	if from+maxTail < last {
		more = true
		err := (&walker{f.ctx, f.src, from}).find(s.Where, s.field, s.elidedOnly, func(h Hit) bool {
			more = yield(h)
			return more
		})
		return more && err == nil, err
	}
	if !f.hasTail && from < last {
		if f.tail, err = readRange(f.ctx, f.src, from+1, last); err != nil {
			return false, err
		}
	}
	f.hasTail = true
	for i := len(f.tail) - 1; i >= 0; i-- {
		if more, err := f.emit(s, &f.tail[i], yield); !more {
			return false, err
		}
	}
	return true, nil
}

// emit yields a block's hits, after it has all of them. It reports false when
// there is an error, or yield wants no more.
func (f *blockFinder) emit(s *search, b *block, yield func(Hit) bool) (bool, error) {
	if err := f.ctx.Err(); err != nil {
		return false, err
	}
	hits, err := s.block(b)
	if err != nil {
		return false, err
	}
	for _, h := range hits {
		if !yield(h) {
			return false, nil
		}
	}
	return true, nil
}

// search is one question, asked of block after block.
type search struct {
	Where
	field      string
	elidedOnly bool
	buf        []Hit
}

// block returns the block's hits, newest first, until the next call.
func (s *search) block(b *block) ([]Hit, error) {
	switch {
	case b.rows == 0,
		s.elidedOnly && b.elided == 0,
		!s.Since.IsZero() && b.to.Before(s.Since),
		!s.Until.IsZero() && !b.from.Before(s.Until):
		return nil, nil
	}
	byPath := s.Path != "" || s.Blob != (objects.BlobID{})
	if ok, err := s.inFilter(b); !ok {
		return nil, err
	}
	conds, ok, err := s.loadConds(b)
	if !ok {
		return nil, err
	}
	var values *fieldColumn
	if s.field != "" {
		if values, err = b.loadField(s.field); values == nil {
			return nil, err
		}
	}
	var paths *pathSearch
	if byPath {
		if paths, err = s.loadPaths(b); paths == nil {
			return nil, err
		}
	}
	rows, err := b.loadRows()
	if err != nil {
		return nil, err
	}
	s.buf = s.buf[:0]
	for i := b.rows - 1; i >= 0; i-- {
		if s.elidedOnly && !rows.elided[i] || !s.inTime(rows.time[i]) || values != nil && values.at[i] < 0 ||
			!matchAll(conds, i, rows) {
			continue
		}
		h := rows.hit(i)
		if values != nil {
			h.Value = values.values[values.at[i]]
		}
		if !byPath {
			s.buf = append(s.buf, h)
			continue
		}
		s.buf = paths.hits(s.buf, i, h)
	}
	return s.buf, nil
}

func (s *search) inFilter(b *block) (bool, error) {
	if s.Path != "" {
		if ok, err := b.mayHave(fingerprint(s.Path)); !ok {
			return false, err
		}
	}
	if s.Blob != (objects.BlobID{}) {
		return b.mayHave(blobFingerprint(s.Blob))
	}
	return true, nil
}

// blockCond is a condition, evaluated on the distinct values of a column.
type blockCond struct {
	expr.Cond
	at []int32
	ok []bool
}

// loadConds reports false when no row can satisfy them.
func (s *search) loadConds(b *block) ([]blockCond, bool, error) {
	var list []blockCond
	for _, c := range s.Conds {
		if c.Field == "time" {
			list = append(list, blockCond{Cond: c})
			continue
		}
		col, err := b.loadField(c.Field)
		if col == nil {
			return nil, false, err
		}
		bc := blockCond{c, col.at, make([]bool, len(col.values))}
		any := false
		for i, v := range col.values {
			bc.ok[i] = c.Match(v)
			any = any || bc.ok[i]
		}
		if !any {
			return nil, false, nil
		}
		list = append(list, bc)
	}
	return list, true, nil
}

func matchAll(conds []blockCond, row int, rows *rowColumn) bool {
	for i := range conds {
		c := &conds[i]
		if c.at == nil {
			if !c.Match(rows.time[row]) {
				return false
			}
		} else if at := c.at[row]; at < 0 || !c.ok[at] {
			return false
		}
	}
	return true
}

// pathSearch matches the changes of rows.
type pathSearch struct {
	*pathColumn
	want  []bool // of each name
	blob  objects.BlobID
	blobs []byte
	at    []uint32 // of each row: where its blobs begin; nil without blob
}

// loadPaths returns nil when no path of the block matches.
func (s *search) loadPaths(b *block) (*pathSearch, error) {
	col, err := b.loadPaths()
	if err != nil {
		return nil, err
	}
	p := &pathSearch{pathColumn: col, want: make([]bool, len(col.names)), blob: s.Blob}
	// Names are sorted; those that begin with Path stand together.
	i := sort.SearchStrings(col.names, s.Path)
	any := false
	for ; i < len(col.names) && len(col.names[i]) >= len(s.Path) && col.names[i][:len(s.Path)] == s.Path; i++ {
		p.want[i] = below(col.names[i], s.Path)
		any = any || p.want[i]
	}
	if !any || s.Blob == (objects.BlobID{}) {
		if !any {
			p = nil
		}
		return p, nil
	}
	if p.blobs, err = b.column(colBlobs); err != nil {
		return nil, err
	}
	p.at = make([]uint32, b.rows+1)
	n := uint32(0)
	for r := range b.rows {
		for _, st := range col.status[col.start[r]:col.start[r+1]] {
			if st != objects.Removed {
				n++
			}
		}
		p.at[r+1] = n
	}
	if int(n)*objects.IDSize != len(p.blobs) {
		return nil, errDamaged
	}
	return p, nil
}

// hits appends the row's hits to list.
func (p *pathSearch) hits(list []Hit, row int, h Hit) []Hit {
	var n uint32
	if p.at != nil {
		n = p.at[row]
	}
	for i := p.start[row]; i < p.start[row+1]; i++ {
		put := p.status[i] != objects.Removed
		if p.want[p.path[i]] {
			h.Path = p.names[p.path[i]]
			if p.at == nil {
				return append(list, h)
			}
			if put && objects.BlobID(p.blobs[n*objects.IDSize:]) == p.blob {
				list = append(list, h)
			}
		}
		if put {
			n++
		}
	}
	return list
}
