package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/refs"
)

// Version is one version, with where it stands and what points at it.
type Version struct {
	ID     objects.VersionID
	Name   string // "v12"
	Branch string // the branch that it was committed to
	Entry  uint64 // the number of its journal entry
	*objects.Version
	// Names that point at it now, sorted; Heads are branches.
	Heads, Tags, Aliases []string
	// Aside, set by Log: it came through a merge or is of another branch, so that among
	// the first parents of the revision that was asked for its number is another's.
	Aside bool

	target journal.Target
	parent journal.Target   // the first parent; zero for none
	merged []journal.Target // the further parents
}

// Parent is a parent of a version.
type Parent struct {
	ID   objects.VersionID
	Name string // "v12"; "" of further parents, as vN is another version where they came to
}

// Ancestry lists the parents, the first parent first: one of most versions, none of
// the first, several of merges.
func (v *Version) Ancestry() []Parent {
	var out []Parent
	for i, id := range v.Parents {
		r := Parent{ID: id}
		if i == 0 {
			r.Name = fmt.Sprintf("v%d", v.Seq-1)
		}
		out = append(out, r)
	}
	return out
}

// ParentEntries are the journal entries of the parents, the first parent first.
func (v *Version) ParentEntries() []uint64 {
	var list []uint64
	if v.parent.Entry != 0 {
		list = append(list, v.parent.Entry)
	}
	for _, t := range v.merged {
		list = append(list, t.Entry)
	}
	return list
}

// resolver resolves revisions in a snapshot.
func (s *Store) resolver(sn *snapshot) *refs.Resolver {
	return &refs.Resolver{History: sn.h, Branch: s.head().Branch, Now: s.o.Clock()}
}

func (s *Store) resolve(ctx context.Context, sn *snapshot, rev string) (*Version, error) {
	if rev == "" {
		rev = "HEAD"
	}
	t, err := s.resolver(sn).Resolve(ctx, rev)
	if err != nil {
		return nil, classify(err)
	}
	return sn.version(ctx, t)
}

// version reads the version at t.
func (sn *snapshot) version(ctx context.Context, t journal.Target) (*Version, error) {
	e, err := sn.h.Entry(ctx, t.Entry)
	if err != nil {
		return nil, classify(err)
	}
	v, err := sn.versionOf(e)
	if err == nil && (v == nil || v.ID != t.ID) {
		err = as(ErrDamaged, fmt.Errorf("journal entry %d does not hold version %s", t.Entry, t.ID))
	}
	return v, err
}

// branchHead reads a branch's newest version, and its tree; nil and the empty tree when
// there is no such branch.
func (sn *snapshot) branchHead(ctx context.Context, branch string) (*Version, *objects.Tree, error) {
	n, ok := sn.st.Names[branch]
	if !ok {
		return nil, sn.tree(objects.TreeID{}), nil
	}
	v, err := sn.version(ctx, n.To)
	if err != nil {
		return nil, nil, err
	}
	return v, sn.tree(v.Tree), nil
}

// versionOf decodes an entry's version; nil when it has none.
func (sn *snapshot) versionOf(e *journal.Entry) (*Version, error) {
	rec, id, err := e.Version()
	if err != nil {
		return nil, classify(err)
	}
	if rec == nil {
		return nil, nil
	}
	op := e.Commit()
	if e.Number > sn.st.Watermark() { // what it saved is in no segment yet
		for i := range e.Ops {
			if e.Ops[i].Kind == journal.OpAddPacks {
				sn.r.Set().Near(e.Ops[i].Packs)
			}
		}
	}
	v := &Version{ID: id, Name: fmt.Sprintf("v%d", rec.Seq), Branch: op.Branch(), Entry: e.Number, Version: rec, target: op.Target, parent: op.Parent, merged: op.Merged}
	for _, n := range sn.pointingAt(id) {
		switch n.Kind {
		case journal.Branch:
			v.Heads = append(v.Heads, n.Name)
		case journal.Tag:
			v.Tags = append(v.Tags, n.Name)
		case journal.Alias:
			v.Aliases = append(v.Aliases, n.Name)
		}
	}
	return v, nil
}

// pointingAt lists the names that point at a version, by name.
func (sn *snapshot) pointingAt(id objects.VersionID) []journal.Name {
	sn.namesOnce.Do(func() {
		sn.names = map[objects.VersionID][]journal.Name{}
		for _, n := range sn.st.SortedNames(0) {
			sn.names[n.To.ID] = append(sn.names[n.To.ID], n)
		}
	})
	return sn.names[id]
}

// Show returns the version that rev names; "" is HEAD.
func (s *Store) Show(ctx context.Context, rev string) (*Version, error) {
	sn, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	return s.resolve(ctx, sn, rev)
}

// IsRev tells whether arg names a version, for commands that take revisions
// and paths.
func (s *Store) IsRev(ctx context.Context, arg string) bool {
	sn, err := s.load(ctx)
	if err != nil {
		return false
	}
	_, err = s.resolver(sn).Resolve(ctx, arg)
	var ambiguous *refs.AmbiguousError
	return err == nil || errors.As(err, &ambiguous)
}

// changes returns what a version changed, from its trees where the record does
// not list it.
func (sn *snapshot) changes(ctx context.Context, v *Version) ([]objects.Change, error) {
	changes, err := sn.h.Changes(ctx, v.Version, v.parent, sn.r)
	return changes, classify(err)
}

// Changes returns what a version changed against its first parent, by path,
// however many models that are.
func (s *Store) Changes(ctx context.Context, v *Version) ([]objects.Change, error) {
	sn, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	return sn.changes(ctx, v)
}
