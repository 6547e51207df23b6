package store

import (
	"context"

	"github.com/mstore/mstore/objects/chunk"
	"github.com/mstore/mstore/objects/codec"
	"github.com/mstore/mstore/objects/pack"
)

// PieceStats add up pieces that have something in common.
type PieceStats struct {
	Pieces      int64 // every copy counts
	RawBytes    int64
	StoredBytes int64 // of the records' payloads
}

// CodecStats are the pieces that are stored with one codec.
type CodecStats struct {
	Codec codec.ID
	PieceStats
}

// FormatStats are the pieces of models of one format. A piece counts for the
// model that it was first part of.
type FormatStats struct {
	Format chunk.Format
	PieceStats
}

func (p *PieceStats) add(r *pack.Row) {
	p.Pieces++
	p.RawBytes += int64(r.Raw)
	p.StoredBytes += int64(r.Stored)
}

// tally is what the pack indexes say of the pieces.
type tally struct {
	live            map[pack.Name]bool
	codecs, formats [256]PieceStats
	pieces, raw     int64 // of distinct ones
}

// tally reads the indexes of all live packs. Memory does not depend on the
// number of pieces.
func (s *Store) tally(ctx context.Context, sn *snapshot) (*tally, error) {
	t, err := tallyOf(ctx, sn.r.Set())
	if err == nil || len(sn.st.Segments) == 0 || ctx.Err() != nil {
		return t, err
	}
	// A segment is derived: without it, the packs say the same.
	packs, lerr := sn.h.LivePacks(ctx)
	if lerr != nil {
		return nil, err
	}
	return tallyOf(ctx, pack.NewSet(s.b, packs, nil, nil))
}

func tallyOf(ctx context.Context, set *pack.Set) (*tally, error) {
	t := &tally{live: map[pack.Name]bool{}}
	packs, err := set.Packs(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range packs {
		t.live[p.Name] = true
	}
	var last pack.Key
	for l, err := range set.Locs(ctx) {
		if err != nil {
			return nil, err
		}
		if l.Kind != pack.KindPiece {
			continue
		}
		t.codecs[l.Codec].add(&l.Row)
		t.formats[l.Form].add(&l.Row)
		if t.pieces == 0 || l.Key != last {
			last = l.Key
			t.pieces++
			t.raw += int64(l.Raw)
		}
	}
	return t, nil
}

func (t *tally) fill(st *Stats) {
	st.Pieces, st.DistinctBytes = t.pieces, t.raw
	for i, p := range t.codecs {
		if p.Pieces > 0 {
			id := codec.ID(i)
			st.Codecs = append(st.Codecs, CodecStats{id, p})
			if id.HasBases() {
				st.DeltaBytesSaved += p.RawBytes - p.StoredBytes
			}
		}
	}
	for i, p := range t.formats {
		if p.Pieces > 0 {
			st.Formats = append(st.Formats, FormatStats{chunk.Format(i), p})
		}
	}
}
