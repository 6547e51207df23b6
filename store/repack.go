package store

import (
	"context"

	"github.com/mstore/mstore/gc"
)

// RepackOptions are the settings of Repack.
type RepackOptions struct {
	All bool // what an earlier repack has made too
}

// RepackResult is what Repack did.
type RepackResult struct {
	Packs  int   // that were rewritten; 0 when there was nothing to gain
	Into   int   // so many
	Before int64 // bytes of the packs that were rewritten
	After  int64
	Left   int // packs that stay because some of it cannot be read
}

// Repack rewrites what commits have written: small packs into few large ones,
// the newest content of each model by itself, so that it is the fastest to
// read, and earlier ones as differences, with more time for each piece than a
// commit has. It may be interrupted and begun again, other processes may read
// and commit meanwhile, and it never makes a store larger. What it wrote was
// decoded again before anything is removed.
func (s *Store) Repack(ctx context.Context, o RepackOptions) (*RepackResult, error) {
	res, err := s.repacker().Repack(ctx, gc.Options{All: o.All})
	if err != nil {
		return nil, classify(err)
	}
	if st, err := s.j.Load(ctx); err == nil {
		s.foldIfDue(ctx, st)
	}
	return &RepackResult{Packs: res.Packs, Into: res.Into, Before: res.Before, After: res.After, Left: len(res.Left)}, nil
}

func (s *Store) repacker() *gc.Repacker {
	return &gc.Repacker{Backend: s.b, Journal: s.j, Set: s.packSet, NewName: newPackName, Warn: s.o.Warn,
		Progress: func(done, total int64) { s.o.Progress("repacking", done, total) }}
}
