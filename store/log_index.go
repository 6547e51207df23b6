package store

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/mstore/mstore/index"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
)

// ask lets the index find candidates, and looks at each.
func (q *logQuery) ask(ctx context.Context, head *Version) error {
	reach, err := q.sn.lines(ctx, head.target)
	if err != nil {
		return err
	}
	src := &indexSource{q.sn}
	answer := func(iq *index.Query) error { return q.answer(ctx, iq, reach) }
	if q.s.index == nil {
		return index.Walk(ctx, src, answer)
	}
	err = q.s.index.With(ctx, src, answer)
	if errors.Is(err, index.ErrBusy) {
		q.s.o.Warn("the history index is in use by another process; reading the journal instead")
		err = index.Walk(ctx, src, answer)
	}
	return err
}

func (q *logQuery) answer(ctx context.Context, iq *index.Query, reach map[uint64]uint64) error {
	w := index.Where{Since: q.o.Since}
	if q.where != nil {
		for _, c := range q.where.Conjuncts() {
			if index.Indexed(c.Field) {
				w.Conds = append(w.Conds, c)
			}
		}
	}
	look := func(h index.Hit) (bool, error) {
		if last, ok := reach[h.Line]; !ok || h.Seq > last {
			return true, nil
		}
		v, err := q.sn.version(ctx, journal.Target{ID: h.ID, Entry: h.Entry, Seq: h.Seq, Line: h.Line})
		if err != nil {
			return false, err
		}
		if ok, err := q.matches(ctx, v); err != nil || !ok {
			return err == nil, err
		}
		return q.emit(v), nil
	}
	if q.o.Sort != "" {
		hits, err := iq.Sorted(q.o.Sort, false, 0, w)
		if err != nil {
			return err
		}
		for _, h := range hits {
			if more, err := look(h); err != nil || !more {
				return err
			}
		}
		return nil
	}
	seqs := []iter.Seq2[index.Hit, error]{}
	for _, p := range q.o.Paths {
		if p != "." {
			one := w
			one.Path = p
			seqs = append(seqs, iq.Find(one))
		}
	}
	if len(seqs) < len(q.o.Paths) || len(seqs) == 0 {
		seqs = []iter.Seq2[index.Hit, error]{iq.Find(w)}
	} else {
		seqs = append(seqs, iq.Elided(w))
	}
	for h, err := range newestFirst(seqs) {
		if err != nil {
			return err
		}
		if more, err := look(h); err != nil || !more {
			return err
		}
	}
	return nil
}

// newestFirst merges sequences that are newest first, each version once.
func newestFirst(seqs []iter.Seq2[index.Hit, error]) iter.Seq2[index.Hit, error] {
	if len(seqs) == 1 {
		return seqs[0]
	}
	return func(yield func(index.Hit, error) bool) {
		type head struct {
			next func() (index.Hit, error, bool)
			hit  index.Hit
		}
		var heads []*head
		for _, s := range seqs {
			next, stop := iter.Pull2(s)
			defer stop()
			if h, err, ok := next(); err != nil {
				yield(h, err)
				return
			} else if ok {
				heads = append(heads, &head{next, h})
			}
		}
		last := ^uint64(0)
		for len(heads) > 0 {
			i := 0
			for k := range heads {
				if heads[k].hit.Entry > heads[i].hit.Entry {
					i = k
				}
			}
			if h := heads[i].hit; h.Entry != last {
				last = h.Entry
				if !yield(h, nil) {
					return
				}
			}
			h, err, ok := heads[i].next()
			if err != nil {
				yield(h, err)
				return
			}
			if heads[i].hit = h; !ok {
				heads = slices.Delete(heads, i, i+1)
			}
		}
	}
}

// lines tells which versions led to t: for each line, up to which number.
func (sn *snapshot) lines(ctx context.Context, t journal.Target) (map[uint64]uint64, error) {
	reach := map[uint64]uint64{}
	for {
		reach[t.Line] = t.Seq
		start, err := sn.h.Entry(ctx, t.Line)
		if err != nil {
			return nil, err
		}
		op := start.Commit()
		if op == nil {
			return nil, as(ErrDamaged, fmt.Errorf("journal entry %d holds no version", t.Line))
		}
		if op.Parent.Entry == 0 {
			return reach, nil
		}
		t = op.Parent
	}
}

// indexSource is a snapshot as the index reads it.
type indexSource struct{ sn *snapshot }

func (x *indexSource) Last() (uint64, [objects.IDSize]byte) { return x.sn.st.Number, x.sn.st.Hash }

func (x *indexSource) EntryHash(ctx context.Context, n uint64) ([objects.IDSize]byte, error) {
	return x.sn.h.Hash(ctx, n)
}

func (x *indexSource) Versions(ctx context.Context, n uint64, fn func(index.Record) error) error {
	for e, err := range x.sn.h.Entries(ctx, n) {
		if err != nil {
			return err
		}
		op := e.Commit()
		if op == nil {
			continue
		}
		rec, id, err := e.Version()
		if err != nil {
			return err
		}
		if err := fn(index.Record{Entry: e.Number, ID: id, Branch: op.Name, Line: op.Target.Line, Version: rec}); err != nil {
			return err
		}
	}
	return nil
}

// Reindex throws the history index away and builds it anew; it returns the
// number of versions in it.
func (s *Store) Reindex(ctx context.Context) (versions int, err error) {
	sn, err := s.load(ctx)
	if err != nil {
		return 0, err
	}
	if s.index == nil {
		return 0, nil
	}
	if err := s.index.Rebuild(ctx, &indexSource{sn}); err != nil {
		return 0, classify(err)
	}
	return int(sn.st.Versions), nil
}

// Holders yields the versions that put this very content somewhere, newest
// first, on any branch, with the path.
func (s *Store) Holders(ctx context.Context, blob objects.BlobID) iter.Seq2[Holder, error] {
	return func(yield func(Holder, error) bool) {
		sn, err := s.load(ctx)
		if err != nil {
			yield(Holder{}, err)
			return
		}
		more := true
		ask := func(q *index.Query) error {
			for h, err := range newestFirst([]iter.Seq2[index.Hit, error]{q.Find(index.Where{Blob: blob}), q.Elided(index.Where{})}) {
				if err != nil {
					return err
				}
				v, err := sn.version(ctx, journal.Target{ID: h.ID, Entry: h.Entry, Seq: h.Seq, Line: h.Line})
				if err != nil {
					return err
				}
				changes, err := sn.changes(ctx, v)
				if err != nil {
					return err
				}
				for _, c := range changes {
					if c.Blob == blob && c.Status != objects.Removed && more {
						if more = yield(Holder{v, c.Path}, nil); !more {
							return nil
						}
					}
				}
			}
			return nil
		}
		src := &indexSource{sn}
		if s.index == nil || sn.st.Versions < indexPays {
			err = index.Walk(ctx, src, ask)
		} else if err = s.index.With(ctx, src, ask); errors.Is(err, index.ErrBusy) {
			err = index.Walk(ctx, src, ask)
		}
		if err != nil && more {
			yield(Holder{}, classify(err))
		}
	}
}

// Holder is a version that put some content at a path.
type Holder struct {
	Version *Version
	Path    string
}
