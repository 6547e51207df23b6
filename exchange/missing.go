package exchange

import (
	"container/heap"
	"context"
	"errors"
	"fmt"

	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
)

// finder finds the versions that lead to tips of the source and are not in the
// destination.
type finder struct {
	src, dst *journal.History
	empty    bool              // the destination has no version
	bound    map[uint64]uint64 // of a line of the source: up to which number the destination has it
	known    map[objects.VersionID]journal.Target
	pending  targets
}

func newFinder(src, dst *journal.History) *finder {
	return &finder{src: src, dst: dst, empty: dst.State().Versions == 0, bound: map[uint64]uint64{}, known: map[objects.VersionID]journal.Target{}}
}

// missing lists the entries, in the source, of the versions that the destination
// lacks, ascending, which is a topological order. It reads these entries, the newest
// first, and of each line O(log n) others.
func (f *finder) missing(ctx context.Context, tips []journal.Target) ([]uint64, error) {
	for _, t := range tips {
		heap.Push(&f.pending, t)
	}
	var out []uint64
	last := ^uint64(0)
	for len(f.pending) > 0 {
		t := heap.Pop(&f.pending).(journal.Target)
		if t.Entry == last {
			continue
		}
		last = t.Entry
		has, err := f.has(ctx, t)
		if err != nil {
			return nil, err
		}
		if has {
			continue
		}
		out = append(out, t.Entry)
		parents, err := f.parents(ctx, t)
		if err != nil {
			return nil, err
		}
		for _, p := range parents {
			heap.Push(&f.pending, p)
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	for i, k := 0, len(out)-1; i < k; i, k = i+1, k-1 {
		out[i], out[k] = out[k], out[i]
	}
	return out, nil
}

// parents reads where the source says that the parents are: before it.
func (f *finder) parents(ctx context.Context, t journal.Target) ([]journal.Target, error) {
	parents, err := f.src.Parents(ctx, t)
	if err != nil {
		return nil, err
	}
	for _, p := range parents {
		if p.Entry >= t.Entry || p.Entry == 0 {
			return nil, fmt.Errorf("version %s at entry %d has a parent at entry %d: %w", t.ID.Short(), t.Entry, p.Entry, ErrWrong)
		}
	}
	return parents, nil
}

// has tells whether the destination has a version. On one line, whoever has a version
// has those before it: the first question settles the line.
func (f *finder) has(ctx context.Context, t journal.Target) (bool, error) {
	if f.empty {
		return false, nil
	}
	b, ok := f.bound[t.Line]
	if !ok {
		var err error
		if b, err = f.boundary(ctx, t); err != nil {
			return false, err
		}
		f.bound[t.Line] = b
	}
	return t.Seq <= b, nil
}

// boundary finds the newest version of t's line, not after t, that the destination
// has; 0 for none. It gallops back from t, then halves.
func (f *finder) boundary(ctx context.Context, t journal.Target) (uint64, error) {
	if ok, err := f.find(ctx, t.ID); ok || err != nil {
		return t.Seq, err
	}
	lacks := t.Seq // the oldest that is known to be lacking
	var has uint64
	for step := uint64(1); has == 0; step *= 2 {
		if step >= lacks {
			step = lacks - 1
		}
		if step == 0 {
			return 0, nil
		}
		there, on, err := f.at(ctx, t, lacks-step)
		switch {
		case err != nil:
			return 0, err
		case !on: // before the line: does it begin with what is lacking?
			start, err := f.start(ctx, t)
			if err != nil {
				return 0, err
			}
			if start >= lacks {
				return 0, nil
			}
			if there, _, err = f.at(ctx, t, start); err != nil {
				return 0, err
			}
			if !there {
				return 0, nil
			}
			has = start
		case there:
			has = lacks - step
		default:
			lacks -= step
		}
	}
	for lacks-has > 1 {
		mid := has + (lacks-has)/2
		there, _, err := f.at(ctx, t, mid)
		if err != nil {
			return 0, err
		}
		if there {
			has = mid
		} else {
			lacks = mid
		}
	}
	return has, nil
}

// start is the number of the first version of t's line.
func (f *finder) start(ctx context.Context, t journal.Target) (uint64, error) {
	e, err := f.src.Entry(ctx, t.Line)
	if err != nil {
		return 0, err
	}
	op := e.Commit()
	if op == nil || op.Target.Line != t.Line {
		return 0, fmt.Errorf("line %d: %w", t.Line, ErrWrong)
	}
	return op.Target.Seq, nil
}

// at tells whether the destination has the version of t's line with that number, and
// whether the line has one.
func (f *finder) at(ctx context.Context, t journal.Target, seq uint64) (there, on bool, err error) {
	v, err := f.src.FindSeq(ctx, t, seq)
	if errors.Is(err, journal.ErrNotFound) {
		return false, false, nil
	}
	if err != nil || v.Line != t.Line {
		return false, false, err
	}
	there, err = f.find(ctx, v.ID)
	return there, true, err
}

// find looks a version up in the destination, and remembers where it is.
func (f *finder) find(ctx context.Context, id objects.VersionID) (bool, error) {
	if _, ok := f.known[id]; ok {
		return true, nil
	}
	found, err := f.dst.FindID(ctx, id.String(), 1)
	if err != nil || len(found) == 0 {
		return false, err
	}
	f.known[id] = found[0]
	return true, nil
}

// targets is a heap, the newest entry first.
type targets []journal.Target

func (h targets) Len() int           { return len(h) }
func (h targets) Less(i, j int) bool { return h[i].Entry > h[j].Entry }
func (h targets) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *targets) Push(x any)        { *h = append(*h, x.(journal.Target)) }
func (h *targets) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}
