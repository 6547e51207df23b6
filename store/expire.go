package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/mstore/mstore/gc"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/objects/pack"
)

// Expire lets go, at once and for good, what a model, or all models of a version,
// were in the version that rev names; wherever else the same content stands, it goes
// too. What a branch head, tag, alias or hold protects is ErrConflict, unless force
// is set.
func (s *Store) Expire(ctx context.Context, rev, path string, o ExpireOptions) (*GCResult, error) {
	sn, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	v, err := s.resolve(ctx, sn, rev)
	if err != nil {
		return nil, err
	}
	only := map[objects.BlobID]bool{}
	for e, err := range sn.models(ctx, v.Tree, path) {
		if err != nil {
			return nil, classify(err)
		}
		only[e.Blob] = true
	}
	if len(only) == 0 {
		return nil, as(ErrNotFound, fmt.Errorf("%s has no model %q", v.Name, path))
	}
	reason := "expire " + rev
	if path != "" {
		reason += ":" + path
	}
	if a := s.author(sn.st); a != "" {
		reason += " by " + a
	}
	if !o.DryRun {
		if err := errors.Join(notMirror(sn.st), s.writable(ctx)); err != nil {
			return nil, err
		}
	}
	c, err := s.collector().Collect(ctx, gc.CollectOptions{Only: only, Reason: reason, Force: o.Force, DryRun: o.DryRun, Now: !o.Grace,
		Grace: graceOf(sn.st), Clock: s.o.Clock()})
	if err != nil {
		return nil, classify(err)
	}
	res := newGCResult(c)
	if res.DryRun = o.DryRun; !o.DryRun {
		s.protectOrWarn(ctx, true)
	}
	return res, nil
}

// ExpireOptions are the settings of Expire.
type ExpireOptions struct {
	Force  bool
	DryRun bool
	Grace  bool // leave it recoverable for the grace
}

// Undelete takes every condemnation back that has not led to a removal yet, and
// tells how many packs and bytes came back.
func (s *Store) Undelete(ctx context.Context) (packs int, bytes int64, err error) {
	_, err = s.update(ctx, func(sn *snapshot) ([]journal.Op, error) {
		var list []pack.Info
		bytes = 0
		for _, p := range sn.st.SortedCondemned() {
			list = append(list, p.Info)
			bytes += p.Size
		}
		packs = len(list)
		if packs == 0 {
			return nil, nil
		}
		return []journal.Op{{Kind: journal.OpUndelete, Packs: list}}, nil
	})
	if err != nil {
		return 0, 0, err
	}
	return packs, bytes, nil
}
