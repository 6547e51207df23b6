package objects

import (
	"context"
	"fmt"

	"github.com/mstore/mstore/objects/chunk"
	"github.com/mstore/mstore/objects/codec"
	"github.com/mstore/mstore/objects/pack"
)

// PieceInfo tells how a piece is stored.
type PieceInfo struct {
	Piece  PieceID
	Raw    int64 // bytes
	Stored int64 // bytes of the record's payload
	Codec  codec.ID
	Format chunk.Format // of the model that it was first part of
	Pack   pack.Name
	Bases  []PieceID // that it is decoded with
	Depth  int       // of the longest chain below it; 0 for a piece that needs no other
	Work   int64     // what decoding takes with all bases, in bytes copied
}

// Describe tells how a piece is stored: the first copy that an index lists. The
// piece is not decoded. Errors wrap ErrMissing or ErrCorrupt, or are those of the
// backend.
func (r *Reader) Describe(ctx context.Context, id PieceID) (*PieceInfo, error) {
	l, err := r.Set().Find(ctx, pack.KindPiece, pack.Key(id))
	if err != nil {
		return nil, fmt.Errorf("piece %s: %w: %w", id, ErrMissing, err)
	}
	p := &PieceInfo{Piece: id, Raw: int64(l.Raw), Stored: int64(l.Stored), Codec: codec.ID(l.Codec), Format: chunk.Format(l.Form), Pack: l.Pack}
	p.Work = int64(ownWork(p.Codec, int(l.Raw))) << 10
	if !p.Codec.HasBases() {
		return p, nil
	}
	_, payload, err := pack.Read(ctx, r.b, l)
	if err != nil {
		return nil, corrupt(err)
	}
	c, _, err := parseChain(p.Codec, payload)
	if err != nil {
		return nil, err
	}
	for _, b := range c.bases {
		p.Bases = append(p.Bases, b.piece)
	}
	p.Depth, p.Work = c.depth, int64(c.work)<<10
	return p, nil
}
