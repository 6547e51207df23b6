package journal

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
)

// joints yields the joints of a snapshot, newest first, those of a block of the
// archive or of the tail at a time. Entries are a topological order: whatever a
// joint can be reached from has been yielded before it. from is the first entry that
// the joints of a group can have, and those that come after have smaller ones.
func (h *History) joints(ctx context.Context) iter.Seq2[group, error] {
	return func(yield func(group, error) bool) {
		tail := group{from: h.s.watermark + 1}
		for i := range h.s.tail {
			for k := range h.s.tail[i].Ops {
				if op := &h.s.tail[i].Ops[k]; op.Kind == OpCommit {
					if j, ok := jointOf(op); ok {
						tail.joints = append(tail.joints, j)
					}
				}
			}
		}
		if !yield(tail, nil) {
			return
		}
		for b, err := range h.blocksFrom(ctx, 1) {
			if err != nil {
				yield(group{}, err)
				return
			}
			if !yield(group{b.First, b.Joints}, nil) {
				return
			}
		}
	}
}

type group struct {
	from   uint64
	joints []joint // ascending
}

// reach is a set of versions that contains the ancestors of each of them, once all
// joints with larger entries were followed: for each line the newest place in it.
type reach map[uint64]place

func (r reach) add(p place) {
	if p.Seq > r[p.Line].Seq {
		r[p.Line] = p
	}
}

func (r reach) has(p place) bool { return r[p.Line].Seq >= p.Seq }

// follow adds the parents of a joint that is in the set.
func (r reach) follow(j *joint) {
	if r.has(j.place) {
		for _, p := range j.Parents {
			r.add(p)
		}
	}
}

// Contains tells whether t is one of tips or an ancestor of one, by whatever
// parents. It reads no entry, only the directories of archive segments back to t.
func (h *History) Contains(ctx context.Context, tips []Target, t Target) (bool, error) {
	r := reach{}
	for _, tip := range tips {
		if tip.ID == t.ID { // recorded twice, it may have two places
			return true, nil
		}
		r.add(tip.place())
	}
	for g, err := range h.joints(ctx) {
		if err != nil {
			return false, err
		}
		for i := len(g.joints) - 1; i >= 0 && g.joints[i].Entry > t.Entry; i-- {
			r.follow(&g.joints[i])
		}
		if g.from <= t.Entry || r.has(t.place()) {
			break
		}
	}
	return r.has(t.place()), nil
}

// Relation tells how two versions stand to each other.
type Relation struct {
	// Bases are the best common ancestors, newest first: those that are no
	// ancestors of another one. There are several only when branches were merged
	// crosswise; none when the histories have nothing in common.
	Bases []Target
	// Ahead counts the ancestors of the first, itself included, that the second does
	// not have; Behind the reverse.
	Ahead, Behind uint64
}

// Relate finds the merge bases of two versions. It reads the directories of archive
// segments as far back as the histories differ or a base lies, and the entries of
// the bases: that grows with the number of lines and merges.
func (h *History) Relate(ctx context.Context, a, b Target) (Relation, error) {
	if a.ID == b.ID {
		return Relation{Bases: []Target{a}}, nil
	}
	of := [2]reach{{}, {}}
	of[0].add(a.place())
	of[1].add(b.place())
	starts := map[uint64]uint64{} // first number of a line, where it is not 1
	for g, err := range h.joints(ctx) {
		if err != nil {
			return Relation{}, err
		}
		for i := len(g.joints) - 1; i >= 0; i-- {
			j := &g.joints[i]
			of[0].follow(j)
			of[1].follow(j)
			if j.Entry == j.Line {
				starts[j.Line] = j.Seq
			}
		}
		if settled(of[0], of[1], g.from) {
			break
		}
	}
	rel := Relation{Ahead: beyond(of[0], of[1], starts), Behind: beyond(of[1], of[0], starts)}
	bases, err := h.best(ctx, common(of[0], of[1]))
	if err != nil {
		return Relation{}, err
	}
	for _, p := range bases {
		e, err := h.Entry(ctx, p.Entry)
		if err != nil {
			return Relation{}, err
		}
		op := e.Commit()
		if op == nil || op.Target.place() != p {
			return Relation{}, fmt.Errorf("journal entry %d is not version %d of line %d: %w", p.Entry, p.Seq, p.Line, ErrCorrupt)
		}
		rel.Bases = append(rel.Bases, op.Target)
	}
	return rel, nil
}

// settled tells whether joints before entry from can change only what both sets
// have.
func settled(a, b reach, from uint64) bool {
	for _, r := range [2][2]reach{{a, b}, {b, a}} {
		for line, p := range r[0] {
			q := r[1][line]
			if p.Seq <= q.Seq {
				continue
			}
			oldest := line // that only one has: no older than this
			if q.Seq > 0 {
				oldest = q.Entry + 1
			}
			if oldest < from {
				return false
			}
		}
	}
	return true
}

// beyond counts what a has and b has not.
func beyond(a, b reach, starts map[uint64]uint64) (n uint64) {
	for line, p := range a {
		before := b[line].Seq
		if before == 0 {
			before = max(starts[line], 1) - 1
		}
		if p.Seq > before {
			n += p.Seq - before
		}
	}
	return n
}

// common returns the newest places that both sets have, one for each line.
func common(a, b reach) (out []place) {
	for line, p := range a {
		if q, ok := b[line]; ok {
			if q.Seq < p.Seq {
				p = q
			}
			out = append(out, p)
		}
	}
	return out
}

// best drops candidates that others descend from, of a set that contains the best
// common ancestors, and the newest common one of each line.
func (h *History) best(ctx context.Context, candidates []place) ([]place, error) {
	slices.SortFunc(candidates, func(a, b place) int { return cmp.Compare(b.Entry, a.Entry) })
	if len(candidates) < 2 {
		return candidates, nil
	}
	oldest := candidates[len(candidates)-1].Entry
	r, passed := reach{}, map[place]bool{}
	for _, p := range candidates {
		r.add(p)
	}
	for g, err := range h.joints(ctx) {
		if err != nil {
			return nil, err
		}
		for i := len(g.joints) - 1; i >= 0; i-- {
			if j := &g.joints[i]; r.has(j.place) {
				for _, p := range j.Parents {
					passed[p] = true
				}
			}
			r.follow(&g.joints[i])
		}
		if g.from <= oldest {
			break
		}
	}
	return slices.DeleteFunc(candidates, func(p place) bool { return passed[p] }), nil
}

// Ancestors returns the versions that lead to tips by whatever parents, the tips
// themselves included: of each line the number up to which they do. It reads the
// directories of all archive segments, and no entry.
func (h *History) Ancestors(ctx context.Context, tips []Target) (map[uint64]uint64, error) {
	r := reach{}
	for _, tip := range tips {
		r.add(tip.place())
	}
	for g, err := range h.joints(ctx) {
		if err != nil {
			return nil, err
		}
		for i := len(g.joints) - 1; i >= 0; i-- {
			r.follow(&g.joints[i])
		}
	}
	lines := make(map[uint64]uint64, len(r))
	for line, p := range r {
		lines[line] = p.Seq
	}
	return lines, nil
}
