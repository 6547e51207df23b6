package journal

import (
	"context"
	"iter"
	"time"
)

// Move is one step of a name's reflog.
type Move struct {
	Entry  uint64
	Time   time.Time
	To     Target // zero: deleted
	Kind   NameKind
	Reason string
}

// Moves yields the reflog of a name, newest first. Blocks of the archive in
// which it did not move are not read.
func (h *History) Moves(ctx context.Context, name string) iter.Seq2[Move, error] {
	return func(yield func(Move, error) bool) {
		for i := len(h.s.tail) - 1; i >= 0; i-- {
			d := &h.s.tail[i]
			for k := len(d.Ops) - 1; k >= 0; k-- {
				if m, ok := moveOf(d.Number, d.Time, &d.Ops[k], name); ok && !yield(m, nil) {
					return
				}
			}
		}
		for b, err := range h.blocksFrom(ctx, 1) {
			if err != nil {
				yield(Move{}, err)
				return
			}
			if !h.movesIn(ctx, b, name, yield) {
				return
			}
		}
	}
}

func (h *History) movesIn(ctx context.Context, b *block, name string, yield func(Move, error) bool) bool {
	left := uint64(0)
	for _, m := range b.Moves {
		if m.Name == name {
			left = m.Count
		}
	}
	for n := b.First + uint64(b.Count) - 1; left > 0 && n >= b.First; n-- {
		e, err := h.Entry(ctx, n)
		if err != nil {
			yield(Move{}, err)
			return false
		}
		for k := len(e.Ops) - 1; k >= 0; k-- {
			if m, ok := moveOf(e.Number, e.Time, &e.Ops[k], name); ok {
				left--
				if !yield(m, nil) {
					return false
				}
			}
		}
	}
	return true
}

func moveOf(n uint64, t time.Time, op *Op, name string) (Move, bool) {
	if op.Name != name {
		return Move{}, false
	}
	switch op.Kind {
	case OpCommit:
		return Move{Entry: n, Time: t, To: op.Target, Kind: op.NameKind, Reason: "commit"}, true
	case OpSetName:
		return Move{Entry: n, Time: t, To: op.Target, Kind: op.NameKind, Reason: op.Reason}, true
	case OpDeleteName:
		return Move{Entry: n, Time: t, Kind: op.NameKind, Reason: op.Reason}, true
	}
	return Move{}, false
}

// MoveCount skips count moves of a name and returns the next: the N of
// NAME@{N}. Whole blocks are skipped by their counts.
func (h *History) MoveCount(ctx context.Context, name string, count uint64) (Move, error) {
	for i := len(h.s.tail) - 1; i >= 0; i-- {
		d := &h.s.tail[i]
		for k := len(d.Ops) - 1; k >= 0; k-- {
			if m, ok := moveOf(d.Number, d.Time, &d.Ops[k], name); ok {
				if count == 0 {
					return m, nil
				}
				count--
			}
		}
	}
	for b, err := range h.blocksFrom(ctx, 1) {
		if err != nil {
			return Move{}, err
		}
		for _, m := range b.Moves {
			if m.Name != name {
				continue
			}
			if count >= m.Count {
				count -= m.Count
				continue
			}
			var found Move
			var ferr error
			h.movesIn(ctx, b, name, func(m Move, err error) bool {
				found, ferr = m, err
				count--
				return err == nil && count != ^uint64(0)
			})
			return found, ferr
		}
	}
	return Move{}, ErrNotFound
}

// MoveAt returns the last move of a name at or before a time: where NAME@{TIME}
// points. Times are taken to ascend with entry numbers.
func (h *History) MoveAt(ctx context.Context, name string, t time.Time) (Move, error) {
	for i := len(h.s.tail) - 1; i >= 0; i-- {
		d := &h.s.tail[i]
		for k := len(d.Ops) - 1; k >= 0; k-- {
			if m, ok := moveOf(d.Number, d.Time, &d.Ops[k], name); ok && !m.Time.After(t) {
				return m, nil
			}
		}
	}
	for b, err := range h.blocksFrom(ctx, 1) {
		if err != nil {
			return Move{}, err
		}
		if b.Time.After(t) {
			continue
		}
		var found *Move
		var ferr error
		h.movesIn(ctx, b, name, func(m Move, err error) bool {
			if err != nil {
				ferr = err
			} else if !m.Time.After(t) {
				found = &m
			}
			return ferr == nil && found == nil
		})
		if ferr != nil {
			return Move{}, ferr
		}
		if found != nil {
			return *found, nil
		}
	}
	return Move{}, ErrNotFound
}
