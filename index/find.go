package index

import (
	"context"
	"errors"
	"time"

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

func (f *blockFinder) find(w *Where, want wanted, yield func(Hit) bool) error {
	s := &search{Where: w, wanted: want}
	return f.each(func(b *block) (bool, error) { return s.emit(f.ctx, b, yield) }, func(walker *walker) (more bool, err error) {
		more = true
		err = walker.find(w, want, func(h Hit) bool {
			more = yield(h)
			return more
		})
		return more, err
	})
}

func (f *blockFinder) fields(types map[string]Types) error {
	return f.each(func(b *block) (bool, error) {
		for _, c := range b.cols {
			if c.types != 0 {
				types[c.name] |= c.types
			}
		}
		return true, nil
	}, func(w *walker) (bool, error) { return true, w.fields(types) })
}

// each calls fn for each block, newest first, until it returns false, and once more for
// blocks that stand for a damaged one; and walk for a tail that is too long to hold.
func (f *blockFinder) each(fn func(*block) (bool, error), walk func(*walker) (bool, error)) error {
	if more, err := f.eachOfTail(fn, walk); !more || err != nil {
		return err
	}
	for i := len(f.session.blocks) - 1; i >= 0; i-- {
		b := &f.session.blocks[i]
		more, err := fn(b)
		if errors.Is(err, errDamaged) {
			// The journal has the same versions.
			f.damaged = true
			healed, herr := readRange(f.ctx, f.src, b.first, b.last)
			if herr != nil {
				return herr
			}
			for more, err = true, nil; more && err == nil && len(healed) > 0; healed = healed[:len(healed)-1] {
				more, err = fn(&healed[len(healed)-1])
			}
		}
		if !more || err != nil {
			return err
		}
	}
	return nil
}

// maxTail is how many entries of a tail are kept in memory. One that is longer,
// because the index cannot be written, is walked.
const maxTail = 10_000

func (f *blockFinder) eachOfTail(fn func(*block) (bool, error), walk func(*walker) (bool, error)) (more bool, err error) {
	from := f.session.watermark()
	last, _ := f.src.Last()
	if from+maxTail < last {
		return walk(&walker{f.ctx, f.src, from})
	}
	if !f.hasTail && from < last {
		if f.tail, err = readRange(f.ctx, f.src, from+1, last); err != nil {
			return false, err
		}
	}
	f.hasTail = true
	for i := len(f.tail) - 1; i >= 0; i-- {
		if more, err := fn(&f.tail[i]); !more || err != nil {
			return false, err
		}
	}
	return true, nil
}

// search is one question, asked of block after block.
type search struct {
	*Where
	wanted
	buf     []Hit
	scratch scratch
}

// emit yields a block's hits, after it has all of them. It reports false when
// there is an error, or yield wants no more.
func (s *search) emit(ctx context.Context, b *block, yield func(Hit) bool) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if err := s.block(b); err != nil {
		return false, err
	}
	for _, h := range s.buf {
		if !yield(h) {
			return false, nil
		}
	}
	return true, nil
}

// block finds the block's hits, newest first.
func (s *search) block(b *block) error {
	s.buf = s.buf[:0]
	s.scratch.release()
	lent := *b
	lent.scratch = &s.scratch
	b = &lent
	if b.rows == 0 || !s.Since.IsZero() && b.to.Before(s.Since) || !s.Until.IsZero() && !b.from.Before(s.Until) {
		return nil
	}
	// Versions that do not list their changes are not among the marks.
	if b.elided == 0 {
		if ok, err := s.inMarks(b); !ok {
			return err
		}
	}
	v := &view{block: b}
	set, err := s.rows(v)
	if err != nil || set.Empty() {
		return err
	}
	return s.collect(v, set)
}

// inMarks tells whether the block may have a change that is asked for.
func (s *search) inMarks(b *block) (bool, error) {
	if s.Blob != nil && s.Blob.Digits >= 8 { // what a mark has
		if ok, err := b.mayHave(colBlobMarks, blobFingerprint(s.Blob.ID)); !ok {
			return false, err
		}
	}
	if len(s.Paths) == 0 {
		return true, nil
	}
	for _, p := range s.Paths {
		if p == "" || p == "." {
			return true, nil
		}
		if ok, err := b.mayHave(colPathMarks, fingerprint(p)); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// rows returns the rows that may be asked for: all but what Lines, Paths and Blob say.
func (s *search) rows(v *view) (expr.Set, error) {
	set := expr.AllRows(v.rows)
	if s.Expr != nil {
		var err error
		if set, err = v.holds(s.Where); err != nil {
			return nil, err
		}
	}
	partly := !s.Since.IsZero() && v.from.Before(s.Since) || !s.Until.IsZero() && !v.to.Before(s.Until)
	if partly && !set.Empty() {
		times, err := v.times()
		if err != nil {
			return nil, err
		}
		for i, t := range times {
			if !s.inTime(t) {
				set.Remove(i)
			}
		}
	}
	return set, nil
}

// collect makes hits of rows.
func (s *search) collect(v *view, set expr.Set) error {
	value, set, err := s.values(v, set)
	if err != nil || set.Empty() {
		return err
	}
	paths := &pathSearch{Where: s.Where, view: v}
	if s.byChange() {
		if set, err = paths.narrow(set); err != nil || set.Empty() {
			return err
		}
	}
	rows, err := v.rowColumn()
	if err != nil {
		return err
	}
	var times []time.Time
	if s.times {
		if times, err = v.times(); err != nil {
			return err
		}
	}
	var ids []byte
	set.Backwards(func(i int) bool {
		if s.Lines != nil {
			if last, ok := s.Lines[rows.line[i]]; !ok || rows.seq[i] > last {
				return true
			}
		}
		h := Hit{Entry: rows.entry[i], Line: rows.line[i], Seq: rows.seq[i]}
		if value != nil {
			h.Value = value(i)
		}
		if times != nil {
			h.Time = times[i]
		}
		if ids == nil {
			if ids, err = v.loadIDs(); err != nil {
				return false
			}
		}
		h.ID = objects.VersionID(ids[i*objects.IDSize:])
		if len(s.Paths) == 0 && s.Blob == nil {
			s.buf = append(s.buf, h)
			return true
		}
		s.buf, err = paths.hits(s.buf, i, h)
		return err == nil
	})
	return err
}

// values returns the values of the field, and the rows whose are wanted; nil without a
// field.
func (s *search) values(v *view, set expr.Set) (func(row int) any, expr.Set, error) {
	switch s.field {
	case "":
		return nil, set, nil
	case "version":
		rows, err := v.rowColumn()
		if err != nil {
			return nil, nil, err
		}
		return func(i int) any { return int64(rows.seq[i]) }, set, nil
	case "time":
		times, err := v.times()
		if err != nil {
			return nil, nil, err
		}
		return func(i int) any { return times[i] }, set, nil
	}
	col, err := v.field(fieldColumn(s.field))
	if err != nil {
		return nil, nil, err
	}
	if col == nil {
		if !s.all {
			set = expr.NewSet(v.rows)
		}
		return nil, set, nil
	}
	present := col.present(v.rows)
	if s.all {
		return func(i int) any {
			if !present.Has(i) {
				return nil
			}
			return col.at(i)
		}, set, nil
	}
	set.And(present)
	if s.latest != nil && s.latest.has {
		col.dropLate(set, s.latest)
	}
	return col.at, set, nil
}
