package store

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/mstore/mstore/index"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
)

// Holder is a version that put some content at a path.
type Holder struct {
	Version *Version
	Path    string
	Blob    objects.BlobID
	// Now are the branches, tags and aliases that have this content there now.
	Now []string
}

// ParseBlobPrefix reads the beginning of a content's ID, at least 4 digits, or all of it:
// an index.BlobPrefix, or an error that wraps ErrUsage.
func ParseBlobPrefix(s string) (*index.BlobPrefix, error) {
	if n := len(s); n >= 4 && n <= 2*objects.IDSize && strings.Trim(s, "0123456789abcdef") == "" {
		id, err := objects.ParseBlobID(s + strings.Repeat("0", 2*objects.IDSize-n))
		if err == nil {
			return &index.BlobPrefix{ID: id, Digits: n}, nil
		}
	}
	return nil, as(ErrUsage, fmt.Errorf("%q is not an ID or the beginning of one (4 to %d digits, 0-9 and a-f)", s, 2*objects.IDSize))
}

// Holders yields the versions that put such content somewhere, newest first, on any
// branch, with the path.
func (s *Store) Holders(ctx context.Context, blob *index.BlobPrefix) iter.Seq2[Holder, error] {
	return func(yield func(Holder, error) bool) {
		if err := s.holders(ctx, blob, func(h Holder) bool { return yield(h, nil) }); err != nil {
			yield(Holder{}, classify(err))
		}
	}
}

func (s *Store) holders(ctx context.Context, blob *index.BlobPrefix, yield func(Holder) bool) error {
	sn, err := s.load(ctx)
	if err != nil {
		return err
	}
	now := sn.holdersNow()
	return s.ask(ctx, sn, func(iq *index.Query) error {
		for h, err := range iq.Find(index.Where{Blob: blob, Facts: s.facts(ctx, sn)}) {
			if err != nil {
				return err
			}
			v, err := sn.version(ctx, hitTarget(h))
			if err != nil {
				return err
			}
			e, ok, err := sn.tree(v.Tree).Get(ctx, h.Path)
			if err != nil || !ok {
				return errOrDamaged(err, v, h.Path)
			}
			names, err := now.of(ctx, h.Path, e.Blob)
			if err != nil {
				return err
			}
			if !yield(Holder{v, h.Path, e.Blob, names}) {
				return nil
			}
		}
		return nil
	})
}

func errOrDamaged(err error, v *Version, path string) error {
	if err == nil {
		err = objects.ErrCorrupt
	}
	return fmt.Errorf("the tree of %s, at %q: %w", v.Name, path, err)
}

// holdersNow tells which names have a content at a path now.
type holdersNow struct {
	sn    *snapshot
	trees []namedTree // nil: not known yet
	at    map[string]map[objects.BlobID][]string
}

func (sn *snapshot) holdersNow() *holdersNow {
	return &holdersNow{sn: sn, at: map[string]map[objects.BlobID][]string{}}
}

type namedTree struct {
	name string
	tree objects.TreeID
}

func (n *holdersNow) of(ctx context.Context, path string, blob objects.BlobID) ([]string, error) {
	if n.trees == nil {
		n.trees = []namedTree{}
		for _, name := range n.sn.st.SortedNames(0) {
			if name.Kind == journal.Safety {
				continue
			}
			v, err := n.sn.version(ctx, name.To)
			if err != nil {
				return nil, err
			}
			n.trees = append(n.trees, namedTree{name.Name, v.Tree})
		}
	}
	if n.at[path] == nil {
		n.at[path] = map[objects.BlobID][]string{}
		for _, t := range n.trees {
			e, ok, err := n.sn.tree(t.tree).Get(ctx, path)
			if err != nil {
				return nil, err
			}
			if ok {
				n.at[path][e.Blob] = append(n.at[path][e.Blob], t.name)
			}
		}
	}
	return n.at[path][blob], nil
}
