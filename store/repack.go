package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"github.com/mstore/mstore/gc"
	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects/pack"
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
	res, err := s.repack(ctx, o)
	if err == nil && res.Packs > 0 {
		s.protectOrWarn(ctx, true)
	}
	return res, err
}

func (s *Store) repack(ctx context.Context, o RepackOptions) (*RepackResult, error) {
	was, err := s.packsDigest(ctx)
	if err != nil {
		return nil, classify(err)
	}
	if b, err := vfs.ReadFile(s.root, repackFile, 128); err == nil && string(b) == was && !o.All {
		return &RepackResult{}, nil
	}
	res, err := s.collector().Repack(ctx, gc.Options{All: o.All})
	if err != nil {
		return nil, classify(err)
	}
	if st, err := s.j.Load(ctx); err == nil {
		s.foldIfDue(ctx, st)
	}
	s.sweep(ctx)
	if res.Packs == 0 && len(res.Left) == 0 && s.root.MkdirAll(workDir) == nil {
		_ = vfs.WriteFileAtomic(s.root, repackFile, []byte(was), false)
	}
	return &RepackResult{Packs: res.Packs, Into: res.Into, Before: res.Before, After: res.After, Left: len(res.Left)}, nil
}

// repackFile names, by a digest, the packs of which a repack made nothing better,
// so that it is not tried again until there are others.
const repackFile = workDir + "/repack"

func (s *Store) packsDigest(ctx context.Context) (string, error) {
	st, err := s.j.Load(ctx)
	if err == nil {
		err = notMirror(st)
	}
	if err != nil {
		return "", err
	}
	packs, err := s.j.History(st).LivePacks(ctx)
	if err != nil {
		return "", err
	}
	slices.SortFunc(packs, func(a, b pack.Info) int { return bytes.Compare(a.Name[:], b.Name[:]) })
	h := sha256.New()
	for _, p := range packs {
		_, _ = h.Write(p.Name[:])
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func (s *Store) collector() *gc.Collector {
	return &gc.Collector{Backend: s.b, Journal: s.j, Set: s.packSet, NewName: newPackName, Warn: s.o.Warn,
		Progress: func(done, total int64) { s.o.Progress("repacking", done, total) },
		Update: func(ctx context.Context, ops func(*journal.State) ([]journal.Op, error)) error {
			_, _, err := s.appendOps(ctx, func(sn *snapshot) ([]journal.Op, error) { return ops(sn.st) })
			return err
		},
		Promised: func(ctx context.Context, h *journal.History) (func(*journal.Op) bool, error) {
			if len(promising(h.State())) == 0 {
				return func(*journal.Op) bool { return false }, nil
			}
			p, err := promisesOf(ctx, h)
			return func(op *journal.Op) bool { return p.by(op) != "" }, err
		}}
}
