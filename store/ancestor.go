package store

import (
	"context"

	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
)

// maxCrosswise bounds how deep merge bases of merge bases are looked for.
const maxCrosswise = 16

// ancestor is what both sides of a three-way merge come from. With several merge
// bases, as branches have that were merged crosswise, it is what merging these would
// give, as far as that is clear model by model.
type ancestor struct {
	versions []*Version
	trees    []*objects.Tree
	below    *ancestor // of the versions; nil: not known
}

// ancestor reads the versions that are the bases of a merge; none stands for the empty
// tree.
func (sn *snapshot) ancestor(ctx context.Context, bases []journal.Target) (*ancestor, error) {
	return sn.ancestorAt(ctx, bases, maxCrosswise)
}

func (sn *snapshot) ancestorAt(ctx context.Context, bases []journal.Target, depth int) (*ancestor, error) {
	a := &ancestor{}
	for _, t := range bases {
		v, err := sn.version(ctx, t)
		if err != nil {
			return nil, err
		}
		a.versions = append(a.versions, v)
		a.trees = append(a.trees, sn.tree(v.Tree))
	}
	if len(bases) != 2 || depth == 0 {
		return a, nil
	}
	rel, err := sn.h.Relate(ctx, bases[0], bases[1])
	if err != nil {
		return nil, err
	}
	a.below, err = sn.ancestorAt(ctx, rel.Bases, depth-1)
	return a, err
}

// get finds a model; nil for none. It is not clear when the bases have different ones,
// and each is another than what these come from.
func (a *ancestor) get(ctx context.Context, p string) (e *objects.TreeEntry, clear bool, err error) {
	var each []*objects.TreeEntry
	for _, t := range a.trees {
		got, ok, err := t.Get(ctx, p)
		if err != nil {
			return nil, false, err
		}
		var e *objects.TreeEntry
		if ok {
			e = &got
		}
		if len(each) == 0 || !sameContent(each[len(each)-1], e) {
			each = append(each, e)
		}
	}
	switch {
	case len(each) == 0:
		return nil, true, nil
	case len(each) == 1:
		return each[0], true, nil
	case len(each) > 2 || a.below == nil:
		return nil, false, nil
	}
	from, clear, err := a.below.get(ctx, p)
	switch {
	case err != nil || !clear:
		return nil, false, err
	case sameContent(from, each[0]):
		return each[1], true, nil
	case sameContent(from, each[1]):
		return each[0], true, nil
	}
	return nil, false, nil
}

// crossed returns the two contents of a model that the bases have, and what both come
// from, with the versions that have them; false when there are not just these three.
func (a *ancestor) crossed(ctx context.Context, p string) (sides [3]versionModel, ok bool, err error) {
	if len(a.trees) != 2 || a.below == nil || len(a.below.versions) == 0 {
		return sides, false, nil
	}
	from, clear, err := a.below.get(ctx, p)
	if err != nil || !clear || from == nil {
		return sides, false, err
	}
	sides[0] = versionModel{a.below.versions[0], *from}
	for i, t := range a.trees {
		e, has, err := t.Get(ctx, p)
		if err != nil || !has {
			return sides, false, err
		}
		sides[i+1] = versionModel{a.versions[i], e}
	}
	return sides, true, nil
}

// versionModel is a model of a version.
type versionModel struct {
	version *Version
	objects.TreeEntry
}

// sameContent tells whether a model is the same in two trees; nil where it is not.
func sameContent(a, b *objects.TreeEntry) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Blob == b.Blob
}
