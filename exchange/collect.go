package exchange

import (
	"context"
	"errors"
	"fmt"

	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/objects/pack"
)

// record is one record of the source that is to be copied.
type record struct {
	loc pack.Loc
	of  int32 // content of round.contents that needs it; -1: a tree node
}

// round is what is copied before the versions that need it are made.
type round struct {
	recs     []record
	index    map[pack.Key]int32 // of pieces: where in recs
	bytes    int64              // stored
	contents []Content          // new ones that have pieces of their own
	checks   []int32            // contents that are to be put together again
	seen     map[objects.BlobID]fate
	nodes    map[objects.TreeID]bool
	expired  map[uint64][]journal.Expired // by entry of the version in the source; without Entry
	leftOut  int
	versions []uint64 // entries of the source
	records  [][]byte // of these versions, for the packs' footers
}

// fate is what became of a content.
type fate uint8

const (
	there   fate = iota + 1 // or on its way
	leftOut                 // by a filter, or as promised
	expired                 // in the source
)

func newRound() *round {
	r := &round{expired: map[uint64][]journal.Expired{}}
	r.reset()
	return r
}

// reset forgets what was copied.
func (r *round) reset() {
	r.recs, r.contents, r.checks, r.bytes = nil, nil, nil, 0
	r.index, r.seen, r.nodes = map[pack.Key]int32{}, map[objects.BlobID]fate{}, map[objects.TreeID]bool{}
}

// collect adds what a version needs and the destination lacks to the round, and checks
// the version on the way.
func (t *transfer) collect(ctx context.Context, r *round, v *arrival, wanted bool) error {
	r.versions = append(r.versions, v.entry)
	r.records = append(r.records, v.op.Record)
	src := t.from.Reader
	var parent objects.TreeID
	if v.parent != nil {
		parent = v.parent.tree
	}
	check := newChanges(v.rec, t.o.CheckPath)
	// Where content of the parent may have been left out, all that the version has counts.
	whole := wanted && v.parent != nil && !v.parent.wanted && !t.o.Filter.allVersions()
	for d, err := range objects.DiffNewTree(ctx, objects.OpenTree(parent, src), objects.OpenTree(v.rec.Tree, src), func(id objects.TreeID) { v.nodes = append(v.nodes, id) }) {
		if err == nil {
			err = check.add(d)
		}
		if err == nil && d.To != nil && !whole {
			err = t.content(ctx, r, v, d.To, wanted)
		}
		if err != nil {
			return v.fail(err)
		}
	}
	if err := check.end(ctx, objects.OpenTree(v.rec.Tree, src)); err != nil {
		return v.fail(err)
	}
	for _, id := range v.nodes {
		if err := t.node(ctx, r, id); err != nil {
			return v.fail(err)
		}
	}
	if !whole {
		return nil
	}
	for e, err := range objects.OpenTree(v.rec.Tree, src).Below(ctx, "") {
		if err == nil {
			err = t.content(ctx, r, v, &e, true)
		}
		if err != nil {
			return v.fail(err)
		}
	}
	return nil
}

// wants tells whether the filter wants content of a version.
func (t *transfer) wants(v *arrival) bool {
	f := &t.o.Filter
	if f.Depth > 0 && t.depth[v.entry] == 0 {
		return false
	}
	return f.Since.IsZero() || t.tips[v.entry] || !v.rec.Time.Before(f.Since)
}

// node adds a tree node.
func (t *transfer) node(ctx context.Context, r *round, id objects.TreeID) error {
	if r.nodes[id] {
		return nil
	}
	r.nodes[id] = true
	has, err := t.listed.has(ctx, pack.KindTree, pack.Key(id))
	if has || err != nil {
		return err
	}
	loc, ok, err := t.places.find(ctx, pack.KindTree, pack.Key(id))
	if err == nil && !ok {
		err = fmt.Errorf("tree node %s: %w", id, objects.ErrMissing)
	}
	if err == nil {
		r.recs = append(r.recs, record{loc, -1})
		r.bytes += int64(loc.Stored)
		t.allBytes.Add(int64(loc.Stored))
	}
	return err
}

// content adds what a model of a version needs.
func (t *transfer) content(ctx context.Context, r *round, v *arrival, e *objects.TreeEntry, wanted bool) error {
	if wanted && !t.o.Filter.path(e.Path) {
		wanted = false
	}
	f := r.seen[e.Blob]
	if f == 0 || f == leftOut && wanted {
		var err error
		if f, err = t.add(ctx, r, v, e, wanted); err != nil {
			return err
		}
		r.seen[e.Blob] = f
	}
	if t.full(r) {
		if err := t.drain(ctx, r); err != nil {
			return err
		}
	}
	switch f {
	case expired:
		r.expired[v.entry] = append(r.expired[v.entry], journal.Expired{Version: v.id, Path: e.Path, Blob: e.Blob, Size: e.Size})
	case leftOut:
		r.leftOut++
	}
	return nil
}

// add finds out what becomes of a content, and adds what is to be copied of it.
func (t *transfer) add(ctx context.Context, r *round, v *arrival, e *objects.TreeEntry, wanted bool) (fate, error) {
	has, err := t.listed.has(ctx, pack.KindPiece, pack.Key(e.Blob))
	if err == nil && !has {
		if has, err = t.listed.has(ctx, pack.KindRecipe, pack.Key(e.Blob)); has {
			has, err = t.to.Reader.Complete(ctx, e.Blob)
		}
	}
	if err != nil {
		return 0, err
	}
	if has {
		return there, nil
	}
	wanted = wanted && (t.o.Skip == nil || !t.o.Skip(e.Blob))
	c := Content{Version: v.id, Seq: v.rec.Seq, Path: e.Path, Blob: e.Blob, Size: e.Size}
	if !wanted {
		return t.absent(ctx, c, leftOut)
	}
	ok, err := t.pieces(ctx, r, c)
	if err != nil || ok {
		return there, err
	}
	return t.absent(ctx, c, 0)
}

// pieces adds the pieces and the recipe of a content; false when the source lacks some.
func (t *transfer) pieces(ctx context.Context, r *round, c Content) (bool, error) {
	one, ok, err := t.places.find(ctx, pack.KindPiece, pack.Key(c.Blob))
	if err != nil {
		return false, err
	}
	if ok {
		if int64(one.Raw) != c.Size {
			return false, fmt.Errorf("%q has %d bytes, the version says %d: %w", c.Path, one.Raw, c.Size, ErrWrong)
		}
		t.want(r, c, one)
		return true, nil
	}
	recipe, ok, err := t.places.find(ctx, pack.KindRecipe, pack.Key(c.Blob))
	if err != nil || !ok {
		return false, err
	}
	rc, err := t.from.Reader.Recipe(ctx, c.Blob)
	if errors.Is(err, objects.ErrMissing) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if rc.Size() != c.Size {
		return false, fmt.Errorf("%q has %d bytes, the version says %d: %w", c.Path, rc.Size(), c.Size, ErrWrong)
	}
	var locs []pack.Loc
	fresh := map[pack.Key]bool{}
	for _, p := range rc.Parts {
		key := pack.Key(p.Piece)
		if _, ok := r.index[key]; ok || fresh[key] {
			continue
		}
		has, err := t.listed.has(ctx, pack.KindPiece, key)
		if err != nil {
			return false, err
		}
		if has {
			continue
		}
		loc, ok, err := t.places.find(ctx, pack.KindPiece, key)
		if err != nil || !ok {
			return false, err
		}
		fresh[key] = true
		locs = append(locs, loc)
	}
	t.want(r, c, append(locs, recipe)...)
	r.checks = append(r.checks, int32(len(r.contents)-1))
	return true, nil
}

func (t *transfer) want(r *round, c Content, locs ...pack.Loc) {
	r.contents = append(r.contents, c)
	for _, l := range locs {
		if l.Kind == pack.KindPiece {
			if _, ok := r.index[l.Key]; ok {
				continue
			}
			r.index[l.Key] = int32(len(r.recs))
		}
		r.recs = append(r.recs, record{l, int32(len(r.contents) - 1)})
		r.bytes += int64(l.Stored)
		t.allBytes.Add(int64(l.Stored))
	}
}

// absent decides what it means that a content is not copied: otherwise is what it is
// unless it has expired; 0 for lost.
func (t *transfer) absent(ctx context.Context, c Content, otherwise fate) (fate, error) {
	gone, err := t.expiries(ctx)
	if err != nil {
		return 0, err
	}
	if _, ok := gone[c.Blob]; ok {
		if otherwise == 0 {
			return expired, nil
		}
		has, err := t.sourceHas(ctx, c.Blob)
		if err != nil || !has {
			return expired, err
		}
	}
	if otherwise != 0 {
		return otherwise, nil
	}
	if t.o.Absent != nil {
		return leftOut, t.o.Absent(c)
	}
	return 0, fmt.Errorf("%q of v%d %s: %w", c.Path, c.Seq, c.Version.Short(), ErrLost)
}

func (t *transfer) sourceHas(ctx context.Context, id objects.BlobID) (bool, error) {
	_, ok, err := t.places.find(ctx, pack.KindPiece, pack.Key(id))
	if err == nil && !ok {
		_, ok, err = t.places.find(ctx, pack.KindRecipe, pack.Key(id))
	}
	return ok, err
}

// expiries reads what the source has let go: the policy, by content.
func (t *transfer) expiries(ctx context.Context) (map[objects.BlobID]string, error) {
	if t.gone != nil {
		return t.gone, nil
	}
	gone := map[objects.BlobID]string{}
	var last uint64
	for _, x := range t.from.State.Expiries {
		if x.Entry == last {
			continue
		}
		last = x.Entry
		e, err := t.src.Entry(ctx, x.Entry)
		if err != nil {
			return nil, err
		}
		for i := range e.Ops {
			for _, it := range e.Ops[i].Expired {
				gone[it.Blob] = e.Ops[i].Reason
			}
		}
	}
	t.gone = gone
	return gone, nil
}
