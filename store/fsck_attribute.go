package store

import (
	"context"

	"github.com/mstore/mstore/objects"
)

// attribute finds the versions and models that damage hurts: a second walk over
// all trees, only when there is some.
func (f *fsck) attribute(ctx context.Context) error {
	if len(f.bad) == 0 {
		return nil
	}
	hurts := map[[objects.IDSize]byte]map[string][]VersionRef{}
	memo := map[objects.TreeID][]hit{}
	for e, err := range f.sn.h.Entries(ctx, 0) {
		if err != nil {
			break
		}
		v, err := f.sn.versionOf(e)
		if err != nil || v == nil {
			continue
		}
		ref := VersionRef{Version: v.Name, Branch: v.Branch, ID: v.ID}
		for _, h := range f.hits(ctx, v.Tree, memo) {
			if hurts[h.id] == nil {
				hurts[h.id] = map[string][]VersionRef{}
			}
			hurts[h.id][h.path] = append(hurts[h.id][h.path], ref)
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	for id, p := range f.bad {
		if len(hurts[id]) == 0 {
			p.Detail += " (no version needs it)"
			f.problem(*p)
		}
		for path, refs := range hurts[id] {
			one := *p
			one.Path, one.Versions = path, refs
			f.problem(one)
		}
	}
	return nil
}

// hit is a damaged object below a tree node; path is "" for a node.
type hit struct {
	id   [objects.IDSize]byte
	path string
}

func (f *fsck) hits(ctx context.Context, root objects.TreeID, memo map[objects.TreeID][]hit) []hit {
	if h, ok := memo[root]; ok {
		return h
	}
	var out []hit
	_ = f.sn.tree(root).Walk(ctx, func(id objects.TreeID, entries []objects.TreeEntry, err error) (bool, error) {
		if f.bad[id] != nil {
			out = append(out, hit{id: id})
		}
		for _, e := range entries {
			if f.bad[e.Blob] != nil {
				out = append(out, hit{id: e.Blob, path: e.Path})
			}
		}
		return err == nil, ctx.Err()
	})
	memo[root] = out
	return out
}
