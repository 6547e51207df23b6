package objects

import (
	"context"
	"fmt"

	"github.com/mstore/mstore/objects/chunk"
	"github.com/mstore/mstore/objects/pack"
)

// Together opens two blobs to be read side by side, from any number of goroutines.
// Pieces that both have, and pieces of one that pieces of the other are stored as
// differences to, are decoded once, as long as they are asked for while they are
// among the last that have room in so many bytes. Errors are those of Blob.
func (r *Reader) Together(ctx context.Context, bytes int, a, b BlobID) (x, y *Blob, err error) {
	var recipes [2]*Recipe
	for i, id := range [2]BlobID{a, b} {
		if recipes[i], err = r.Recipe(ctx, id); err != nil {
			return nil, nil, err
		}
	}
	s := NewReader(r.b, r.Set())
	s.Reload, s.Promised, s.buffers = r.Reload, r.Promised, r.buffers
	s.cache = newPieceCache(r.buffers, bytes)
	s.cache.wanted = map[PieceID]int64{}
	var both [2]*Blob
	for i, rc := range recipes {
		for _, p := range rc.Parts {
			s.cache.wanted[p.Piece] = p.Size
		}
		both[i] = s.blob(ctx, rc)
	}
	return both[0], both[1], nil
}

// hold returns a piece, proved by its own hash. The caller unpins it.
func (r *Reader) hold(ctx context.Context, part Part) (*held, error) {
	h, err := r.holding(ctx, part)
	if err == nil && int64(len(h.raw)) != part.Size {
		r.cache.unpin(h)
		return nil, fmt.Errorf("piece %s of %d bytes, the recipe says %d: %w", part.Piece, len(h.raw), part.Size, ErrCorrupt)
	}
	return h, err
}

func (r *Reader) holding(ctx context.Context, part Part) (*held, error) {
	by := new(reading)
	_, wanted := r.cache.wanted[part.Piece]
	if wanted {
		h, end := r.cache.begin(ctx, part.Piece, by)
		if h != nil {
			return h, nil
		}
		defer end()
	} else if h := r.cache.get(part.Piece); h != nil {
		return h, nil
	}
	dst := r.buffers.get(int(min(part.Size, chunk.Max)))
	raw, err := r.readWith(ctx, dst, pack.KindPiece, pack.Key(part.Piece), func(ctx context.Context, dst []byte, l pack.Loc) ([]byte, error) {
		return r.readFor(ctx, by, dst, l, true)
	})
	if err != nil {
		return nil, err
	}
	h := &held{id: part.Piece, raw: raw, pins: 1}
	if wanted {
		r.cache.adopt(h)
	}
	return h, nil
}

// Same tells whether n bytes of b and of o are surely the same, because the same
// pieces hold them at the same places; nothing is decoded. Ranges that do not lie
// within both are not the same.
func (b *Blob) Same(off int64, o *Blob, oOff, n int64) bool {
	if off < 0 || oOff < 0 || n < 0 || off > b.Size()-n || oOff > o.Size()-n {
		return false
	}
	for n > 0 {
		i, j := b.at(off), o.at(oOff)
		if b.recipe.Parts[i].Piece != o.recipe.Parts[j].Piece || off-b.starts[i] != oOff-o.starts[j] {
			return false
		}
		step := b.starts[i+1] - off
		off, oOff, n = off+step, oOff+step, n-step
	}
	return true
}
