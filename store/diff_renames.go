package store

import (
	"context"
	"slices"

	"github.com/mstore/mstore/objects"
)

// A model that was removed and one that was added are one that was renamed if their
// contents are equal, or if the store shows that they have much in common: the same
// pieces, or pieces that are stored as small differences to pieces of the other.
const (
	similarEnough = 0.5
	// What is compared to find the similar is bounded; beyond, only equal contents are
	// found.
	maxRenames = 200
	maxPieces  = 4000
)

// renames joins pairs of a removed and an added model.
func (d *Diff) renames(ctx context.Context) error {
	removed := map[objects.BlobID][]int{}
	for i, p := range d.pairs {
		if p.status == DiffRemoved {
			removed[p.from.Blob] = append(removed[p.from.Blob], i)
		}
	}
	if len(removed) == 0 {
		return nil
	}
	gone := map[int]bool{}
	join := func(from, to int, similarity float64) {
		d.pairs[to].from, d.pairs[to].status, d.pairs[to].similarity = d.pairs[from].from, DiffRenamed, similarity
		gone[from] = true
	}
	for i, p := range d.pairs {
		if p.status != DiffAdded {
			continue
		}
		if from := removed[p.to.Blob]; len(from) > 0 {
			join(from[0], i, 1)
			removed[p.to.Blob] = from[1:]
		}
	}
	if err := d.similar(ctx, gone, join); err != nil {
		return err
	}
	kept := d.pairs[:0]
	for i, p := range d.pairs {
		if !gone[i] {
			kept = append(kept, p)
		}
	}
	d.pairs = kept
	return nil
}

// similar joins the removed and added models that are most like each other.
func (d *Diff) similar(ctx context.Context, gone map[int]bool, join func(from, to int, similarity float64)) error {
	var removed, added []candidate
	for i, p := range d.pairs {
		switch {
		case gone[i]:
		case p.status == DiffRemoved:
			removed = append(removed, candidate{pair: i, model: *p.from})
		case p.status == DiffAdded && d.To != nil:
			added = append(added, candidate{pair: i, model: *p.to})
		}
	}
	if len(removed) == 0 || len(added) == 0 || len(removed) > maxRenames || len(added) > maxRenames {
		return nil
	}
	left := maxPieces
	for _, list := range [][]candidate{removed, added} {
		for i := range list {
			if err := list[i].look(ctx, d.sn.r, &left); err != nil || left < 0 {
				return err
			}
		}
	}
	type match struct {
		from, to   int
		similarity float64
	}
	var all []match
	for _, a := range removed {
		for _, b := range added {
			if s := a.similarity(&b); s >= similarEnough {
				all = append(all, match{a.pair, b.pair, s})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b match) int {
		switch {
		case a.similarity > b.similarity:
			return -1
		case a.similarity < b.similarity:
			return 1
		}
		return 0
	})
	taken := map[int]bool{}
	for _, m := range all {
		if !gone[m.from] && !taken[m.to] {
			taken[m.to] = true
			join(m.from, m.to, m.similarity)
		}
	}
	return nil
}

// candidate is one half of a rename, perhaps.
type candidate struct {
	pair   int
	model  Model
	pieces map[objects.PieceID]*objects.PieceInfo
}

// look finds out how a model is stored; left is how many pieces may still be looked at.
// What cannot be read is like nothing.
func (c *candidate) look(ctx context.Context, r *objects.Reader, left *int) error {
	c.pieces = map[objects.PieceID]*objects.PieceInfo{}
	rc, err := r.Recipe(ctx, c.model.Blob)
	if err != nil {
		return ctx.Err()
	}
	if *left -= len(rc.Parts); *left < 0 {
		return nil
	}
	for _, p := range rc.Parts {
		if c.pieces[p.Piece], err = r.Describe(ctx, p.Piece); err != nil {
			clear(c.pieces)
			return ctx.Err()
		}
	}
	return nil
}

// similarity is the share of the larger model that the other surely has as well.
func (c *candidate) similarity(o *candidate) float64 {
	larger := max(c.model.Size, o.model.Size)
	if larger == 0 {
		return 0
	}
	return float64(max(c.from(o), o.from(c))) / float64(larger)
}

// from is how many bytes of c come from o.
func (c *candidate) from(o *candidate) (n int64) {
	for id, p := range c.pieces {
		switch {
		case o.pieces[id] != nil:
			n += p.Raw
		case slices.ContainsFunc(p.Bases, func(b objects.PieceID) bool { return o.pieces[b] != nil }):
			n += max(0, p.Raw-2*p.Stored) // also what is not alike is compressed
		}
	}
	return min(n, c.model.Size)
}
