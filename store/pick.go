package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/mstore/mstore/objects"
)

// Metadata of picked and reverted versions: the ID of the version that the change is
// from.
const (
	MetaPickedFrom = "cherry-pick.from"
	MetaReverted   = "revert.of"
)

// CherryPick does on the current branch what the version did that rev names: what it
// changed against its parent is merged as Merge does it, into one new version with its
// message, parameters, metrics and source. Conflicts and unsaved models are refused as
// by Merge. UpToDate: the branch has it already.
func (s *Store) CherryPick(ctx context.Context, rev string, o MergeOptions) (*MergeResult, error) {
	return s.pick(ctx, rev, o, func(g *integration, v, parent *Version) {
		g.what = "cherry-pick " + rev
		g.base, g.theirs = ancestorOf(g.sn, parent), v
		co := &g.o.Commit
		g.message = v.Message
		co.Params, co.Metrics = with(v.Params, co.Params), with(v.Metrics, co.Metrics)
		if co.Source == "" {
			co.Source = v.Source
		}
		meta := map[string]any{MetaPickedFrom: v.ID.String()}
		for k, x := range v.Meta {
			if strings.HasPrefix(k, "source.") {
				meta[k] = x
			}
		}
		co.Meta = with(meta, co.Meta)
	})
}

// Revert undoes on the current branch what the version did that rev names, by one new
// version. Conflicts and unsaved models are refused as by Merge. UpToDate: nothing of
// it is left to be undone.
func (s *Store) Revert(ctx context.Context, rev string, o MergeOptions) (*MergeResult, error) {
	return s.pick(ctx, rev, o, func(g *integration, v, parent *Version) {
		g.what = "revert " + rev
		g.base, g.theirs = ancestorOf(g.sn, v), parent
		g.message = "revert " + v.Name
		if line := firstLine(v.Message); line != "" {
			g.message += ": " + line
		}
		g.o.Commit.Meta = with(map[string]any{MetaReverted: v.ID.String()}, g.o.Commit.Meta)
	})
}

// ancestorOf is the ancestor that is one version; nil stands for the empty tree.
func ancestorOf(sn *snapshot, v *Version) *ancestor {
	if v == nil {
		return &ancestor{}
	}
	return &ancestor{versions: []*Version{v}, trees: []*objects.Tree{sn.tree(v.Tree)}}
}

func (s *Store) pick(ctx context.Context, rev string, o MergeOptions, set func(g *integration, v, parent *Version)) (*MergeResult, error) {
	var picked *Version
	return s.integrating(ctx, o, func(prefer *preferences) (*MergeResult, error) {
		sn, branch, ours, err := s.currentBranch(ctx)
		if err != nil {
			return nil, err
		}
		if picked == nil {
			if picked, err = s.resolve(ctx, sn, rev); err != nil {
				return nil, err
			}
		}
		parent, err := sn.mainline(ctx, picked, o.Mainline)
		if err != nil {
			return nil, err
		}
		g := &integration{s: s, o: o, sn: sn, branch: branch, ours: ours, prefer: prefer}
		set(g, picked, parent)
		return g.save(ctx)
	})
}

// mainline reads the parent that a version's changes are taken against; nil for none.
func (sn *snapshot) mainline(ctx context.Context, v *Version, n int) (*Version, error) {
	switch count := len(v.Parents); {
	case n < 0 || n > count:
		return nil, as(ErrUsage, fmt.Errorf("%s has %d parents: there is no mainline %d", v.Name, count, n))
	case n == 0 && count > 1:
		return nil, as(ErrUsage, fmt.Errorf("%s is a merge: say by its mainline, 1 to %d, against which parent its changes are taken", v.Name, count))
	case count == 0:
		return nil, nil
	case n > 1:
		return sn.version(ctx, v.merged[n-2])
	}
	return sn.version(ctx, v.parent)
}
