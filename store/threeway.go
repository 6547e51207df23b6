package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/mstore/mstore/diff/jsonmerge"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/objects/chunk"
)

// How a merge came to what a model is now.
const (
	TookTheirs = "theirs" // they alone changed it, or they were preferred
	TookOurs   = "ours"   // both changed it, and ours were preferred
	TookBoth   = "both"   // merged by value
)

// MergedModel is a model that a merge has changed, or that both sides had changed.
type MergedModel struct {
	objects.Change // against what the branch had
	How            string
	// Conflict is what a preference has settled; nil for nothing.
	Conflict *MergeConflict
	// Values counts what was merged by value; nil where it was not.
	Values *jsonmerge.Result
}

// MergeConflict is a model that both sides have changed, each in its own way.
type MergeConflict struct {
	Path string
	// Base, Ours and Theirs are the contents; nil where there is no such model.
	Base, Ours, Theirs *Model
	// Values lists the values that both sides have changed; nil where the model was not
	// merged by value.
	Values *jsonmerge.Result
	// Crosswise: the branches were merged into each other before, and it is not clear
	// what the model comes from.
	Crosswise bool
}

// threeWay merges trees model by model.
type threeWay struct {
	s            *Store
	sn           *snapshot
	base         *ancestor
	ours, theirs *Version // nil: the empty tree
	prefer       *preferences
	// put keeps a model that was merged by value; like is what it was.
	put func(ctx context.Context, p string, like objects.BlobID, data *spool) (objects.TreeEntry, error)

	models    []MergedModel
	conflicts []MergeConflict
}

func (sn *snapshot) treeOf(v *Version) *objects.Tree {
	if v == nil {
		return sn.tree(objects.TreeID{})
	}
	return sn.tree(v.Tree)
}

// run merges every model. What one side alone has changed is not read.
func (m *threeWay) run(ctx context.Context) error {
	for d, err := range objects.DiffTrees(ctx, m.sn.treeOf(m.ours), m.sn.treeOf(m.theirs)) {
		if err == nil {
			err = m.model(ctx, &d)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// model merges one model that the sides have differently.
func (m *threeWay) model(ctx context.Context, d *objects.TreeDiff) error {
	base, clear, err := m.base.get(ctx, d.Path)
	if err != nil {
		return err
	}
	switch {
	case clear && sameContent(base, d.To):
		return nil // ours alone has changed
	case clear && sameContent(base, d.From):
		return m.takeTheirs(ctx, d, nil)
	}
	side, err := m.prefer.of(d.Path)
	if err != nil {
		return err
	}
	conflict := &MergeConflict{Path: d.Path, Base: modelOf(base), Ours: modelOf(d.From), Theirs: modelOf(d.To), Crosswise: !clear}
	if (base != nil || !clear) && d.From != nil && d.To != nil {
		done, err := m.byValue(ctx, base, d, side, conflict)
		if done || err != nil {
			return err
		}
	}
	switch side {
	case jsonmerge.Ours:
		m.took(objects.Change{Path: d.Path, Status: objects.Unchanged}, d.From, TookOurs, conflict)
		return nil
	case jsonmerge.Theirs:
		return m.takeTheirs(ctx, d, conflict)
	}
	m.conflicts = append(m.conflicts, *conflict)
	return nil
}

func modelOf(e *objects.TreeEntry) *Model {
	if e == nil {
		return nil
	}
	m := Model(*e)
	return &m
}

// took notes what became of a model; e is what it is now, nil for nothing.
func (m *threeWay) took(ch objects.Change, e *objects.TreeEntry, how string, conflict *MergeConflict) {
	if ch.Status == objects.Unchanged && e != nil {
		ch.Blob, ch.Size, ch.PrevSize = e.Blob, e.Size, e.Size
	}
	m.models = append(m.models, MergedModel{Change: ch, How: how, Conflict: conflict})
}

func (m *threeWay) takeTheirs(ctx context.Context, d *objects.TreeDiff, conflict *MergeConflict) error {
	if d.To != nil {
		if err := m.there(ctx, m.theirs, *d.To); err != nil {
			return err
		}
	}
	m.took(d.Change(), d.To, TookTheirs, conflict)
	return nil
}

// there demands that a model's content is in the store.
func (m *threeWay) there(ctx context.Context, v *Version, e objects.TreeEntry) error {
	x, err := m.sn.expiry(ctx, e.Blob)
	if err != nil {
		return err
	}
	if x != nil {
		return expiredModel(v, e.Path, x)
	}
	_, ok, err := m.sn.r.HasBlob(ctx, e.Blob)
	if err == nil && !ok {
		if p, perr := m.sn.promise(ctx, e.Blob); perr != nil || p != nil {
			return perr
		}
		err = objects.ErrMissing
	}
	return damagedModel(v, e.Path, err)
}

// byValue merges a JSON model. Without a base, as the branches were merged crosswise, it is
// what merging the bases gives. done is false when one of them is not JSON, or the bases do
// not agree.
func (m *threeWay) byValue(ctx context.Context, base *objects.TreeEntry, d *objects.TreeDiff, side jsonmerge.Prefer, conflict *MergeConflict) (done bool, err error) {
	sides := [3]versionModel{{version: m.base.versions[0]}, {m.ours, *d.From}, {m.theirs, *d.To}}
	var merged *spool
	if base != nil {
		sides[0].TreeEntry = *base
	} else {
		if merged, err = m.crossBase(ctx, d.Path); merged == nil {
			return false, err
		}
		defer merged.close()
	}
	var sources [3]jsonmerge.Source
	for i, x := range sides {
		if i == 0 && merged != nil {
			sources[0] = io.NewSectionReader(merged, 0, merged.size)
			continue
		}
		r, err := m.openJSON(ctx, x)
		if r == nil {
			return false, err
		}
		defer r.Close()
		sources[i] = sizedModel{r}
	}
	out := &spool{fs: m.s.root}
	defer out.close()
	res, err := jsonmerge.Merge(ctx, out, sources[0], sources[1], sources[2], jsonmerge.Options{Prefer: side})
	var syntax *jsonmerge.SyntaxError
	switch {
	case errors.As(err, &syntax):
		return false, nil
	case errors.Is(err, jsonmerge.ErrConflict):
		conflict.Values, conflict.Crosswise = res, false
		m.conflicts = append(m.conflicts, *conflict)
		return true, nil
	case err != nil:
		return false, fmt.Errorf("merging %q: %w", d.Path, err)
	}
	if err := out.done(); err != nil {
		return false, fmt.Errorf("merging %q: %w", d.Path, err)
	}
	e, err := m.put(ctx, d.Path, d.From.Blob, out)
	if err != nil {
		return false, err
	}
	now := MergedModel{How: TookBoth, Values: res,
		Change: objects.Change{Path: d.Path, Status: objects.Changed, Blob: e.Blob, Size: e.Size, PrevSize: d.From.Size}}
	if e.Blob == d.From.Blob {
		now.Status = objects.Unchanged
	}
	if res.Total > 0 {
		conflict.Values, now.Conflict = res, conflict
	}
	m.models = append(m.models, now)
	return true, nil
}

// openJSON opens a model; nil when it is not JSON.
func (m *threeWay) openJSON(ctx context.Context, x versionModel) (*ModelReader, error) {
	if err := m.there(ctx, x.version, x.TreeEntry); err != nil {
		return nil, err
	}
	rc, err := m.sn.content.Recipe(ctx, x.Blob)
	if err != nil {
		return nil, damagedModel(x.version, x.Path, err)
	}
	if rc.Format != chunk.JSON {
		return nil, nil
	}
	return m.sn.open(ctx, x.version, Model(x.TreeEntry))
}

// crossBase merges what the two merge bases of branches that were merged crosswise have of
// a model; nil when that is not clear, or not JSON.
func (m *threeWay) crossBase(ctx context.Context, p string) (*spool, error) {
	sides, ok, err := m.base.crossed(ctx, p)
	if !ok {
		return nil, err
	}
	var sources [3]jsonmerge.Source
	for i, x := range sides {
		r, err := m.openJSON(ctx, x)
		if r == nil {
			return nil, err
		}
		defer r.Close()
		sources[i] = sizedModel{r}
	}
	out := &spool{fs: m.s.root}
	_, err = jsonmerge.Merge(ctx, out, sources[0], sources[1], sources[2], jsonmerge.Options{Limit: 1})
	if err == nil {
		if err = out.done(); err == nil {
			return out, nil
		}
	}
	out.close()
	var syntax *jsonmerge.SyntaxError
	if errors.As(err, &syntax) || errors.Is(err, jsonmerge.ErrConflict) {
		return nil, nil
	}
	return nil, fmt.Errorf("merging what %q comes from: %w", p, err)
}

// sizedModel is a saved model as a jsonmerge.Source.
type sizedModel struct{ *ModelReader }

func (m sizedModel) Size() int64 { return m.model.Size }

// editsOf is what a merge does to the tree of ours, by path.
func editsOf(models []MergedModel) (out []objects.TreeEdit) {
	for _, x := range models {
		if x.Status != objects.Unchanged {
			out = append(out, objects.TreeEdit{TreeEntry: objects.TreeEntry{Path: x.Path, Blob: x.Blob, Size: x.Size}, Remove: x.Status == objects.Removed})
		}
	}
	return out
}

// preferences say which side wins conflicts in which models.
type preferences struct{ list []preference }

type preference struct {
	glob string
	side jsonmerge.Prefer
}

// allModels is the glob that is less particular than any other.
const allModels = "**"

func (p preference) length() int {
	if p.glob == allModels {
		return 0
	}
	return len(p.glob)
}

func newPreferences(ours, theirs []string) (*preferences, error) {
	p := &preferences{}
	for side, globs := range map[jsonmerge.Prefer][]string{jsonmerge.Ours: ours, jsonmerge.Theirs: theirs} {
		for _, g := range globs {
			if err := CheckGlob(g); err != nil {
				return nil, as(ErrUsage, err)
			}
			p.list = append(p.list, preference{g, side})
		}
	}
	slices.SortFunc(p.list, func(a, b preference) int { // the most particular first
		return cmp.Or(cmp.Compare(b.length(), a.length()), cmp.Compare(a.glob, b.glob))
	})
	return p, nil
}

// of tells which side wins in a model: by the longest glob that matches.
func (p *preferences) of(path string) (jsonmerge.Prefer, error) {
	side, length := jsonmerge.None, 0
	for _, x := range p.list {
		if side != jsonmerge.None && x.length() < length || !MatchGlob(x.glob, path) {
			continue
		}
		if side != jsonmerge.None && x.side != side {
			return side, as(ErrUsage, fmt.Errorf("%q is to be both ours and theirs", path))
		}
		side, length = x.side, x.length()
	}
	return side, nil
}
