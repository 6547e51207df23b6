package store

import (
	"context"
	"fmt"

	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/objects/chunk"
)

// ModelStorage tells how one model of a version is stored.
type ModelStorage struct {
	Version *Version
	Model
	Format chunk.Format
	// Stored is the payload bytes of its pieces, each counted once. What it shares
	// with other models counts, bases that are not among its own pieces do not.
	Stored int64
	Pieces []StoredPiece // in the model's order
}

// Ratio is raw through stored bytes; 0 for an empty model.
func (m *ModelStorage) Ratio() float64 { return ratio(m.Size, m.Stored) }

// StoredPiece is one piece of a model. Content that occurs more than once in a
// model is a piece at each place, and stored once.
type StoredPiece struct {
	Offset int64 // in the model
	*objects.PieceInfo
}

// Storage tells how the model at path in the version that rev names is stored;
// "" is HEAD. Content is neither decoded nor verified. Errors wrap ErrNotFound
// where there is no such model, and ErrDamaged where a piece is lost or what is
// known of it cannot be read.
func (s *Store) Storage(ctx context.Context, rev, path string) (*ModelStorage, error) {
	var m *ModelStorage
	err := s.twice(ctx, func(sn *snapshot) error {
		v, err := s.resolve(ctx, sn, rev)
		if err != nil {
			return err
		}
		model, err := sn.model(ctx, v, path)
		if err != nil {
			return err
		}
		m = &ModelStorage{Version: v, Model: model}
		if err := sn.describe(ctx, m); err != nil {
			if x, xerr := sn.expiry(ctx, m.Blob); xerr == nil && x != nil {
				return expiredModel(v, path, x)
			}
			if x, xerr := sn.promise(ctx, m.Blob); xerr == nil && x != nil {
				return as(ErrPromised, fmt.Errorf("%s:%s is not stored here: it is %s", v.Name, path, x))
			}
			return damagedModel(v, path, err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return m, nil
}

func (sn *snapshot) describe(ctx context.Context, m *ModelStorage) error {
	rc, err := sn.recipe(ctx, m.Model)
	if err != nil {
		return err
	}
	m.Format = rc.Format
	known := map[objects.PieceID]*objects.PieceInfo{}
	off := int64(0)
	for _, p := range rc.Parts {
		info := known[p.Piece]
		if info == nil {
			if info, err = sn.piece(ctx, p); err != nil {
				return err
			}
			known[p.Piece] = info
			m.Stored += info.Stored
		}
		m.Pieces = append(m.Pieces, StoredPiece{off, info})
		off += p.Size
	}
	return nil
}

// recipe tells which pieces a model has.
func (sn *snapshot) recipe(ctx context.Context, m Model) (*objects.Recipe, error) {
	rc, err := sn.r.Recipe(ctx, m.Blob)
	if err == nil && rc.Size() != m.Size {
		err = fmt.Errorf("content %s of %d bytes, the tree says %d: %w", m.Blob, rc.Size(), m.Size, objects.ErrCorrupt)
	}
	return rc, err
}

// piece tells how a part of a recipe is stored.
func (sn *snapshot) piece(ctx context.Context, p objects.Part) (*objects.PieceInfo, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	info, err := sn.r.Describe(ctx, p.Piece)
	if err == nil && info.Raw != p.Size {
		err = fmt.Errorf("piece %s of %d bytes, the recipe says %d: %w", p.Piece, info.Raw, p.Size, objects.ErrCorrupt)
	}
	return info, err
}
