package store

import (
	"context"
	"errors"
	"slices"

	"github.com/mstore/mstore/index"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
)

func (q *query) ask(ctx context.Context, fn func(*index.Query) error) error {
	return q.s.ask(ctx, q.sn, fn)
}

// ask has the index answer, or without one the journal.
func (s *Store) ask(ctx context.Context, sn *snapshot, fn func(*index.Query) error) error {
	src := &indexSource{sn}
	if s.index == nil || sn.st.Versions < s.indexPays {
		return index.Walk(ctx, src, fn)
	}
	err := s.index.With(ctx, src, fn)
	if errors.Is(err, index.ErrBusy) {
		s.o.Warn("the history index is in use by another process; reading the journal instead")
		err = index.Walk(ctx, src, fn)
	}
	return err
}

// answer emits what the index finds.
func (q *query) answer(ctx context.Context, iq *index.Query) error {
	if err := q.bound(ctx); err != nil {
		return err
	}
	if q.o.Sort != "" {
		hits, err := iq.Sorted(q.o.Sort, q.o.Reverse, q.o.Limit, q.where)
		if err != nil {
			return err
		}
		return q.look(ctx, hits)
	}
	var held []index.Hit
	last := uint64(0)
	for h, err := range iq.Find(q.where) {
		if err != nil {
			return err
		}
		if h.Entry == last { // another path of the same version
			continue
		}
		last = h.Entry
		if q.o.Reverse {
			if held = append(held, h); len(held) == q.o.Limit {
				break
			}
			continue
		}
		v, err := q.version(ctx, h)
		if err != nil {
			return err
		}
		if more, err := q.emit(ctx, v); !more || err != nil {
			return err
		}
	}
	slices.Reverse(held)
	return q.look(ctx, held)
}

// bound restricts the question to what led to the tips.
func (q *query) bound(ctx context.Context) (err error) {
	switch {
	case q.where.Lines != nil:
	case q.o.First:
		q.where.Lines, err = q.sn.firstLines(ctx, q.tips[0])
	default:
		q.where.Lines, err = q.sn.h.Ancestors(ctx, q.tips)
	}
	return err
}

func (q *query) look(ctx context.Context, hits []index.Hit) error {
	for _, h := range hits {
		v, err := q.version(ctx, h)
		if err != nil {
			return err
		}
		if more, err := q.emit(ctx, v); !more || err != nil {
			return err
		}
	}
	return nil
}

func (q *query) version(ctx context.Context, h index.Hit) (*Version, error) {
	return q.sn.version(ctx, hitTarget(h))
}

func hitTarget(h index.Hit) journal.Target {
	return journal.Target{ID: h.ID, Entry: h.Entry, Seq: h.Seq, Line: h.Line}
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
