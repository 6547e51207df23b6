package store

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"sort"
	"time"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/objects/pack"
)

// plan drops edits that change nothing on the parent's tree, and describes the
// others.
func (c *commit) plan(ctx context.Context) (edits []objects.TreeEdit, changes []objects.Change, err error) {
	tree := c.tree()
	for _, e := range c.edits {
		old, had, err := tree.Get(ctx, e.Path)
		if err != nil {
			return nil, nil, err
		}
		ch := objects.Change{Path: e.Path, Status: objects.Added, Blob: e.Blob, Size: e.Size}
		switch {
		case e.Remove && !had:
			continue
		case e.Remove:
			ch = objects.Change{Path: e.Path, Status: objects.Removed, Blob: old.Blob, Size: old.Size, PrevSize: old.Size}
		case had && old.Blob == e.Blob:
			ch.Status = objects.Unchanged
		case had:
			ch.Status, ch.PrevSize = objects.Changed, old.Size
		}
		if ch.Status == objects.Added {
			if err := c.room(ctx, tree, e.Path); err != nil {
				return nil, nil, err
			}
		}
		changes = append(changes, ch)
		if ch.Status != objects.Unchanged {
			edits = append(edits, e)
		}
	}
	return edits, changes, nil
}

// room refuses a model where the version has a directory of that name, or
// below another model: no disk could hold both.
func (c *commit) room(ctx context.Context, tree *objects.Tree, p string) error {
	removed := func(q string) bool {
		i := sort.Search(len(c.edits), func(i int) bool { return c.edits[i].Path >= q })
		return i < len(c.edits) && c.edits[i].Path == q && c.edits[i].Remove
	}
	clash := func(q string) error {
		return as(ErrConflict, fmt.Errorf("%q cannot be saved beside the model %q: one of them is a directory to the other", p, q))
	}
	for dir := path.Dir(p); dir != "."; dir = path.Dir(dir) {
		if _, ok, err := tree.Get(ctx, dir); err != nil {
			return err
		} else if ok && !removed(dir) {
			return clash(dir)
		}
	}
	for e, err := range tree.Below(ctx, p+"/") {
		if err != nil {
			return err
		}
		if !removed(e.Path) {
			return clash(e.Path)
		}
	}
	return nil
}

// publish makes the version: packs first, then the journal entry. Whoever
// loses the race for the entry's number keeps the packs and makes the tree and
// the record anew on the new head.
func (c *commit) publish(ctx context.Context) error {
	var content []pack.Info // packs of the first attempt
	filters := map[pack.Name]pack.Filter{}
	first := true
	w := c.w
	drop := func(packs []pack.Info) { objects.DeletePacks(context.WithoutCancel(ctx), c.s.b, packs) }
	for {
		edits, changes, err := c.plan(ctx)
		if err == nil && len(edits) == 0 && !c.o.AllowEmpty {
			c.res.Models, c.res.Version = changes, c.parent
			if first && w.WroteAny() {
				return c.heal(ctx, w)
			}
			w.Abort()
			drop(content)
			return nil
		}
		if c.tell != nil && err == nil {
			c.tell(c, ctx)
			c.tell = nil
		}
		var rec *objects.Version
		if err == nil {
			rec, err = c.record(ctx, w, edits, changes)
		}
		if err == nil && first && c.o.Before != nil {
			err = c.o.Before(ctx, &Version{Name: fmt.Sprintf("v%d", rec.Seq), Branch: c.name, Version: rec}, changes)
			if err != nil && c.o.Stdin != nil && ctx.Err() == nil { // there is no other copy
				c.quarantine(fmt.Sprintf("refused: %v", err))
				c.refused = &RefusedError{Name: c.name, Err: err}
				continue
			}
		}
		if err != nil {
			w.Abort()
			drop(content)
			return err
		}
		enc, id := rec.Encode()
		if c.announce != nil {
			if err := c.announce(id); err != nil {
				w.Abort()
				drop(content)
				return err
			}
		}
		intent := &pack.Intent{Time: c.entryTime(), NameKind: uint8(c.kind), Name: c.name, Packs: slices.Clone(content)}
		if intent.Tx, err = c.s.j.NewTx(); err != nil {
			w.Abort()
			drop(content)
			return err
		}
		packs, err := w.FinishAs(intent, enc)
		if err != nil {
			drop(content)
			return err
		}
		for i, f := range w.Filters(packs) {
			filters[packs[i].Name] = f
		}
		c.s.protectPacks(ctx, c.sn.st, packs)
		if first {
			content, packs = packs, nil
		}
		st, err := c.append(ctx, rec, enc, id, slices.Concat(content, packs), filters, intent)
		if err == nil {
			for _, p := range slices.Concat(content, packs) {
				c.res.Stored += p.Size
			}
			c.res.Models, c.res.Created = changes, true
			// It is not read back: a version that is there must not be told as a
			// failure.
			op := c.operation(enc)
			op.Target = st.Names[c.name].To
			c.sn = c.s.snapshotOf(st)
			c.res.Version, err = c.sn.versionOf(&journal.Entry{Number: op.Target.Entry, Ops: []journal.Op{op}})
			return err
		}
		if errors.Is(err, backend.ErrUnknown) {
			return err // the packs may be in use
		}
		drop(packs) // trees of a lost race
		if !errors.Is(err, journal.ErrLost) {
			drop(content)
			return err
		}
		if err := c.rebase(ctx, w); err != nil {
			drop(content)
			return err
		}
		first = false
		w = c.newWriter(ctx)
	}
}

// heal publishes content that was written although no model changed: what the
// store had of it was damaged.
func (c *commit) heal(ctx context.Context, w *objects.Writer) error {
	packs, err := w.Finish(nil)
	if err != nil || len(packs) == 0 {
		return err
	}
	c.s.protectPacks(ctx, c.sn.st, packs)
	_, err = c.s.update(ctx, func(sn *snapshot) ([]journal.Op, error) {
		if sn.st.Removals != c.sn.st.Removals { // they may have been taken for what a dead writer left
			return nil, errAgain
		}
		return []journal.Op{{Kind: journal.OpAddPacks, Packs: packs}}, nil
	})
	if err != nil {
		return err
	}
	for _, p := range packs {
		c.res.Stored += p.Size
	}
	c.s.o.Warn("the store's copy of what you saved was damaged; it has been stored afresh")
	return nil
}

// record writes the tree with the edits made, and describes the version.
func (c *commit) record(ctx context.Context, w *objects.Writer, edits []objects.TreeEdit, changes []objects.Change) (*objects.Version, error) {
	tree, err := c.tree().Apply(ctx, edits, w.TreeNode)
	if err != nil {
		return nil, err
	}
	at := c.o.Time
	if at.IsZero() {
		at = c.s.o.Clock()
	}
	author := c.o.Author
	if author == "" {
		author = c.s.author(c.sn.st)
	}
	rec := &objects.Version{Tree: tree.ID, Seq: 1, Generation: 1, Time: at.UTC(), Author: author, Message: c.o.Message,
		Source: c.o.Source, Params: c.o.Params, Metrics: c.o.Metrics, Meta: c.meta}
	if c.parent != nil {
		rec.Parents = []objects.VersionID{c.parent.ID}
		rec.Seq, rec.Generation = c.parent.Seq+1, c.parent.Generation+1
	}
	for _, v := range c.merged {
		rec.Parents = append(rec.Parents, v.ID)
		rec.Generation = max(rec.Generation, v.Generation+1)
	}
	c.gate.judge(rec, changes)
	for _, ch := range changes {
		switch ch.Status {
		case objects.Added:
			rec.Added++
		case objects.Changed:
			rec.Changed++
		case objects.Removed:
			rec.Removed++
		default:
			continue
		}
		rec.Changes = append(rec.Changes, ch)
	}
	if len(rec.Changes) > objects.MaxChanges {
		rec.Changes = nil
	}
	if err := w.Flush(); err != nil {
		return nil, err
	}
	rec.Models, rec.Bytes, err = tree.Totals(ctx)
	return rec, err
}

// append creates the journal entry.
func (c *commit) append(ctx context.Context, rec *objects.Version, enc []byte, id objects.VersionID, packs []pack.Info, filters map[pack.Name]pack.Filter, intent *pack.Intent) (*journal.State, error) {
	op := c.operation(enc)
	op.Target = journal.Target{ID: id, Seq: rec.Seq}
	if c.parent != nil {
		if n, ok := c.sn.st.Names[c.name]; ok && !n.Forked && n.To == c.parent.target {
			op.Target.Line = c.parent.target.Line
		}
	}
	ops := []journal.Op{op}
	if len(packs) > 0 {
		add := journal.Op{Kind: journal.OpAddPacks, Packs: packs}
		for _, p := range packs {
			add.Filters = append(add.Filters, filters[p.Name])
		}
		ops = []journal.Op{add, op}
	}
	return c.s.j.AppendAs(ctx, c.sn.st, ops, intent.Time, intent.Tx)
}

// operation is the commit as the journal has it, but for where the version is.
func (c *commit) operation(enc []byte) journal.Op {
	op := journal.Op{Kind: journal.OpCommit, NameKind: c.kind, Name: c.name, Record: enc}
	if c.parent != nil {
		op.Parent = c.parent.target
	}
	for _, v := range c.merged {
		op.Merged = append(op.Merged, v.target)
	}
	return op
}

// entryTime is the time of the journal entry.
func (c *commit) entryTime() time.Time {
	if !c.o.Time.IsZero() {
		return c.o.Time.UTC()
	}
	return c.s.o.Clock().UTC()
}

// rebase moves the commit onto what others have done since.
func (c *commit) rebase(ctx context.Context, w *objects.Writer) error {
	was := c.sn.st
	sn, err := c.s.load(ctx)
	if err != nil {
		return err
	}
	if sn.st.Removals != was.Removals {
		return errAgain
	}
	if err := c.turns.next(sn); err != nil {
		return err
	}
	next, err := c.s.newCommit(ctx, sn, c.kind, c.name, c.name, c.o)
	if err != nil {
		return err
	}
	if c.kind != journal.Branch { // it hangs on the version that it was made from
		next.parent, next.base = c.parent, c.base
	}
	if c.pinned && (c.parent == nil || next.parent == nil || c.parent.target != next.parent.target) {
		return errAgain
	}
	before := c.parent
	c.sn, c.parent = sn, next.parent
	if err := c.expect(ctx); err != nil {
		return err
	}
	return c.warnOfOthers(ctx, before)
}

// warnOfOthers tells of models that somebody else saved meanwhile.
func (c *commit) warnOfOthers(ctx context.Context, before *Version) error {
	if c.parent == nil || (before != nil && before.ID == c.parent.ID) {
		return nil
	}
	var from objects.TreeID
	if before != nil {
		from = before.Tree
	}
	old := c.sn.tree(from)
	for _, e := range c.edits {
		a, hadA, err := old.Get(ctx, e.Path)
		if err != nil {
			return err
		}
		b, hadB, err := c.tree().Get(ctx, e.Path)
		if err != nil {
			return err
		}
		if hadB != e.Remove && b.Blob == e.Blob { // the very same
			continue
		}
		if hadA != hadB || a.Blob != b.Blob {
			msg := fmt.Sprintf("%q was saved by somebody else meanwhile (%s); both versions are kept, yours is the newer", e.Path, c.parent.Name)
			c.res.Warnings = append(c.res.Warnings, msg)
			c.s.o.Warn(msg)
		}
	}
	return nil
}
