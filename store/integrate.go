package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/schema"
)

// integration brings what has changed between two versions onto the current branch:
// one attempt at a merge, a cherry-pick or a revert.
type integration struct {
	s            *Store
	o            MergeOptions
	sn           *snapshot
	branch       string
	ours, theirs *Version // ours: the branch's head, nil for none; theirs: nil for the empty tree
	base         *ancestor
	parents      []*Version // of the version, beside ours
	prefer       *preferences
	what         string // for messages: "merge exp"
	message      string // unless another is given
	models       []MergedModel
}

func (g *integration) result(outcome string, v *Version) *MergeResult {
	res := &MergeResult{Outcome: outcome, Branch: g.branch, Version: v, Ours: g.ours, Theirs: g.theirs, Models: g.models}
	if g.base != nil {
		res.Bases = g.base.versions
	}
	return res
}

// save makes a version of what has changed.
func (g *integration) save(ctx context.Context) (*MergeResult, error) {
	if g.o.DryRun {
		if err := g.plan(ctx, g.sn, hashSpool); err != nil {
			return nil, err
		}
		if err := g.unsaved(ctx, g.sn); err != nil {
			return nil, err
		}
		if len(g.parents) == 0 && len(editsOf(g.models)) == 0 {
			return g.result(UpToDate, g.ours), nil
		}
		return g.result(Merged, nil), nil
	}
	co := g.o.Commit
	co.Message = cmp.Or(co.Message, g.message)
	co.AllowEmpty = len(g.parents) > 0
	res, err := g.s.save(ctx, co, source{gather: func(c *commit, ctx context.Context) error { return g.gather(ctx, c) }, describe: g.describe})
	if err != nil {
		g.s.withdrawAfter(err)
		return nil, err
	}
	if !res.Created {
		return g.result(UpToDate, res.Version), nil
	}
	out := g.result(Merged, res.Version)
	out.Commit = res
	sn, err := g.s.load(ctx)
	if err != nil {
		return out, err
	}
	var from objects.TreeID
	if g.ours != nil {
		from = g.ours.Tree
	}
	out.Brought, err = g.s.broughtTo(ctx, sn, res.Version, from)
	return out, err
}

// withdrawAfter takes back that a version was about to be made, unless it may be there.
func (s *Store) withdrawAfter(err error) {
	if !errors.Is(err, backend.ErrUnknown) {
		s.withdraw()
	}
}

// plan merges the trees.
func (g *integration) plan(ctx context.Context, sn *snapshot, put func(context.Context, string, objects.BlobID, *spool) (objects.TreeEntry, error)) error {
	m := &threeWay{s: g.s, sn: sn, base: g.base, ours: g.ours, theirs: g.theirs, prefer: g.prefer, put: put}
	if err := m.run(ctx); err != nil {
		return err
	}
	if len(m.conflicts) > 0 {
		return as(ErrConflict, &MergeError{What: g.what, Conflicts: m.conflicts})
	}
	g.models = m.models
	return nil
}

// unsaved refuses to change models that hold on disk what was not saved.
func (g *integration) unsaved(ctx context.Context, sn *snapshot) error {
	var steps []step
	for i := range g.models {
		x := &g.models[i]
		if x.Status == objects.Unchanged {
			continue
		}
		st := step{path: x.Path}
		if x.Status != objects.Removed {
			st.to = &objects.TreeEntry{Path: x.Path, Blob: x.Blob, Size: x.Size}
		}
		e, ok, err := sn.treeOf(g.ours).Get(ctx, x.Path)
		if err != nil {
			return err
		}
		if ok {
			st.from = &e
		}
		steps = append(steps, st)
	}
	return g.s.unsaved(ctx, sn, g.what, steps)
}

// gather makes the merged trees the edits of a commit.
func (g *integration) gather(ctx context.Context, c *commit) error {
	if (c.parent == nil) != (g.ours == nil) || g.ours != nil && c.parent.target != g.ours.target || c.name != g.branch {
		return errMoved
	}
	put := func(ctx context.Context, p string, like objects.BlobID, data *spool) (objects.TreeEntry, error) {
		e := objects.TreeEntry{Path: p}
		var err error
		if e.Blob, e.Size, err = c.w.Blob(&ctxReader{ctx, io.NewSectionReader(data, 0, data.size)}, data.size, like); err != nil {
			return e, fmt.Errorf("storing %q: %w", p, err)
		}
		if c.gate.mode(p) != validateOff {
			err = c.check(ctx, schema.Input{Name: p, Size: e.Size, At: data})
		}
		return e, err
	}
	if err := g.plan(ctx, c.sn, put); err != nil {
		return err
	}
	if err := g.unsaved(ctx, c.sn); err != nil {
		return err
	}
	for i := range g.models {
		if err := g.validate(ctx, c, &g.models[i]); err != nil {
			return err
		}
	}
	c.edits = editsOf(g.models)
	c.merged, c.pinned = g.parents, true
	if len(c.edits) > 0 || c.o.AllowEmpty {
		var from objects.TreeID
		if g.ours != nil {
			from = g.ours.Tree
		}
		c.announce = func(id objects.VersionID) error { return g.s.announce(id, from) }
	}
	return c.w.Flush()
}

// validate looks at a model that was taken as it is.
func (g *integration) validate(ctx context.Context, c *commit, x *MergedModel) error {
	if x.Status == objects.Unchanged || x.Status == objects.Removed || x.How != TookTheirs || c.gate.mode(x.Path) == validateOff {
		return nil
	}
	r, err := c.sn.open(ctx, g.theirs, Model{x.Path, x.Blob, x.Size})
	if err != nil {
		return err
	}
	defer r.Close()
	return c.check(ctx, schema.Input{Name: x.Path, Size: x.Size, At: r})
}

// describe says what is around; parameters and metrics are those that were given.
func (g *integration) describe(c *commit, ctx context.Context) {
	meta := map[string]any{}
	c.describeAround(ctx, meta)
	c.keepMeta(meta)
}

// hashSpool tells what a merged model would be.
func hashSpool(ctx context.Context, p string, _ objects.BlobID, data *spool) (objects.TreeEntry, error) {
	h := objects.NewHasher()
	_, err := copyBuffer(h, &ctxReader{ctx, io.NewSectionReader(data, 0, data.size)})
	return objects.TreeEntry{Path: p, Blob: objects.BlobID(h.Sum(nil)), Size: data.size}, err
}

// with returns m and more; m stays as it is.
func with(m map[string]any, more map[string]any) map[string]any {
	out := maps.Clone(m)
	if out == nil {
		out = map[string]any{}
	}
	maps.Copy(out, more)
	return out
}
