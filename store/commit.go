package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/user"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/objects/pack"
)

// CommitOptions say what to save and what to say of it.
type CommitOptions struct {
	Paths []string  // files and directories, relative to the root
	All   bool      // every tracked model
	Stdin io.Reader // the content of As
	As    string

	Message    string
	Author     string    // "": see Store.Author
	Time       time.Time // zero: now
	Params     map[string]any
	Metrics    map[string]any // values: string, int64, float64, bool
	Source     string
	AllowEmpty bool
	Expect     string // the revision that the branch must be at, or ErrConflict
	Fast       bool   // least CPU
	Validate   string // "", "off", "warn", "strict"
}

// CommitResult is what a commit did.
type CommitResult struct {
	Version  *Version // HEAD when nothing changed; nil when there is none
	Created  bool
	Models   []objects.Change // the models named, by path; Unchanged ones too
	Raw      int64            // bytes of models that were read
	Stored   int64            // bytes of the packs that were written
	Warnings []string
}

// errAgain: content that the commit relied on was removed meanwhile.
var errAgain = errors.New("start again")

// Commit saves models as one new version on the current branch. When it
// returns without an error the version survives power loss; after an error
// nothing is changed, unless the error wraps backend.ErrUnknown. Several
// processes may commit at once: each keeps what it has written and takes its
// place after the others.
func (s *Store) Commit(ctx context.Context, o CommitOptions) (*CommitResult, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	for range 100 {
		res, err := s.commitOnce(ctx, o)
		if errors.Is(err, errAgain) && o.Stdin == nil {
			continue
		}
		return res, classify(err)
	}
	return nil, as(ErrConflict, errors.New("what this version needs is being removed from the store again and again"))
}

func (o *CommitOptions) check() error {
	usage := func(format string, args ...any) error { return as(ErrUsage, fmt.Errorf(format, args...)) }
	if o.Stdin != nil && (o.As == "" || len(o.Paths) > 0 || o.All) {
		return usage("a commit from a pipe needs one path to save it as, and no other")
	}
	if o.Stdin == nil && len(o.Paths) == 0 && !o.All && !o.AllowEmpty {
		return usage("nothing to commit: name files or directories, or all")
	}
	if o.As != "" {
		if err := checkPath(o.As); err != nil {
			return err
		}
	}
	for _, m := range []map[string]any{o.Params, o.Metrics} {
		for k, v := range m {
			if k == "" || len(k) > 1000 {
				return usage("a parameter or metric has the name %q", k)
			}
			switch v := v.(type) {
			case string, int64, bool:
			case float64:
				if math.IsNaN(v) || math.IsInf(v, 0) {
					return usage("%s is not a finite number; give it as text", k)
				}
			default:
				return usage("%s is a %T", k, v)
			}
		}
	}
	switch o.Validate {
	case "", "off", "warn", "strict":
	default:
		return usage("validate is off, warn or strict, not %q", o.Validate)
	}
	return nil
}

// commit is one commit under way.
type commit struct {
	s      *Store
	o      CommitOptions
	kind   journal.NameKind
	name   string // branch, or safety version
	sn     *snapshot
	parent *Version // nil before the first version
	base   *Version // the parent that the files were compared with first
	w      *objects.Writer
	edits  []objects.TreeEdit // sorted by path
	res    *CommitResult
}

func (s *Store) newCommit(ctx context.Context, sn *snapshot, kind journal.NameKind, name, parent string, o CommitOptions) (*commit, error) {
	c := &commit{s: s, o: o, kind: kind, name: name, sn: sn, res: &CommitResult{}}
	if n, ok := sn.st.Names[parent]; ok {
		v, err := sn.version(ctx, n.To)
		if err != nil {
			return nil, err
		}
		c.parent, c.base = v, v
	}
	return c, nil
}

func (c *commit) newWriter(ctx context.Context) *objects.Writer {
	return objects.NewWriter(ctx, c.s.b, c.sn.r, objects.WriterOptions{Fast: c.o.Fast, NewName: newPackName})
}

func (c *commit) tree() *objects.Tree {
	if c.parent == nil {
		return c.sn.tree(objects.TreeID{})
	}
	return c.sn.tree(c.parent.Tree)
}

func (s *Store) commitOnce(ctx context.Context, o CommitOptions) (*CommitResult, error) {
	sn, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	branch := s.head().Branch
	c, err := s.newCommit(ctx, sn, journal.Branch, branch, branch, o)
	if err != nil {
		return nil, err
	}
	if err := c.expect(ctx); err != nil {
		return nil, err
	}
	if c.o.Validate == "" {
		c.o.Validate = s.setting(sn.st, "commit.validate")
	}
	if fast, err := strconv.ParseBool(s.setting(sn.st, "commit.fast")); err == nil && fast {
		c.o.Fast = true
	}
	c.w = c.newWriter(ctx)
	finished := false
	defer func() {
		if !finished {
			c.w.Abort()
		}
	}()
	cache := s.openStatCache()
	if err := c.gather(ctx, cache); err != nil {
		return nil, err
	}
	if err := c.collisions(ctx); err != nil {
		return nil, err
	}
	finished = true
	if err := c.publish(ctx); err != nil {
		return nil, err
	}
	cache.save()
	if c.res.Created {
		s.foldIfDue(ctx)
	}
	return c.res, nil
}

// expect refuses when the branch is not where the caller believes.
func (c *commit) expect(ctx context.Context) error {
	if c.o.Expect == "" {
		return nil
	}
	want, err := c.s.resolve(ctx, c.sn, c.o.Expect)
	if err != nil {
		return err
	}
	if c.parent == nil || want.ID != c.parent.ID {
		at := "has no version yet"
		if c.parent != nil {
			at = "is at " + c.parent.Name + " " + c.parent.ID.Short()
		}
		return as(ErrConflict, fmt.Errorf("branch %s %s, not at %s (%s %s); nothing was committed", c.name, at, c.o.Expect, want.Name, want.ID.Short()))
	}
	return nil
}

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
		changes = append(changes, ch)
		if ch.Status != objects.Unchanged {
			edits = append(edits, e)
		}
	}
	return edits, changes, nil
}

// publish makes the version: packs first, then the journal entry. Whoever
// loses the race for the entry's number keeps the packs and makes the tree and
// the record anew on the new head.
func (c *commit) publish(ctx context.Context) error {
	var content []pack.Info // packs of the first attempt
	first := true
	w := c.w
	drop := func(packs []pack.Info) { objects.DeletePacks(context.WithoutCancel(ctx), c.s.b, packs) }
	for {
		edits, changes, err := c.plan(ctx)
		if err == nil && len(edits) == 0 && !c.o.AllowEmpty {
			w.Abort()
			drop(content)
			c.res.Models, c.res.Version, c.res.Stored = changes, c.parent, 0
			return nil
		}
		var rec *objects.Version
		if err == nil {
			rec, err = c.record(ctx, w, edits, changes)
		}
		if err != nil {
			w.Abort()
			drop(content)
			return err
		}
		enc, id := rec.Encode()
		packs, err := w.Finish(enc)
		if err != nil {
			drop(content)
			return err
		}
		if first {
			content, packs = packs, nil
		}
		st, err := c.append(ctx, rec, enc, id, slices.Concat(content, packs))
		if err == nil {
			for _, p := range slices.Concat(content, packs) {
				c.res.Stored += p.Size
			}
			c.res.Models, c.res.Created = changes, true
			sn := c.s.snapshotOf(st)
			c.res.Version, err = sn.version(ctx, st.Names[c.name].To)
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
		Source: c.o.Source, Params: c.o.Params, Metrics: c.o.Metrics}
	if c.parent != nil {
		rec.Parents = []objects.VersionID{c.parent.ID}
		rec.Seq, rec.Generation = c.parent.Seq+1, c.parent.Generation+1
	}
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
func (c *commit) append(ctx context.Context, rec *objects.Version, enc []byte, id objects.VersionID, packs []pack.Info) (*journal.State, error) {
	op := journal.Op{Kind: journal.OpCommit, NameKind: c.kind, Name: c.name, Record: enc,
		Target: journal.Target{ID: id, Seq: rec.Seq}}
	if c.parent != nil {
		op.Parent = c.parent.target
		if n, ok := c.sn.st.Names[c.name]; ok && !n.Forked && n.To == c.parent.target {
			op.Target.Line = c.parent.target.Line
		}
	}
	ops := []journal.Op{op}
	if len(packs) > 0 {
		ops = []journal.Op{{Kind: journal.OpAddPacks, Packs: packs}, op}
	}
	return c.s.j.Append(ctx, c.sn.st, ops, c.o.Time)
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
	next, err := c.s.newCommit(ctx, sn, c.kind, c.name, c.name, c.o)
	if err != nil {
		return err
	}
	if c.kind != journal.Branch { // it hangs on the version that it was made from
		next.parent, next.base = c.parent, c.base
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
		if hadA != hadB || a.Blob != b.Blob {
			msg := fmt.Sprintf("%q was saved by somebody else meanwhile (%s); both versions are kept, yours is the newer", e.Path, c.parent.Name)
			c.res.Warnings = append(c.res.Warnings, msg)
			c.s.o.Warn(msg)
		}
	}
	return nil
}

// collisions refuses a new path that some file system would take for one that
// is there already, or for another new one.
func (c *commit) collisions(ctx context.Context) error {
	tree := c.tree()
	added := map[string]string{}
	var paths []string
	removed := map[string]bool{}
	for _, e := range c.edits {
		if e.Remove {
			removed[e.Path] = true
			continue
		}
		_, had, err := tree.Get(ctx, e.Path)
		if err != nil {
			return err
		}
		if had {
			continue
		}
		f := fold(e.Path)
		if other, ok := added[f]; ok {
			return collision(e.Path, other)
		}
		added[f] = e.Path
		paths = append(paths, e.Path)
	}
	if len(paths) > 64 { // cheaper to look at every path once
		for e, err := range tree.Below(ctx, "") {
			if err != nil {
				return err
			}
			if p, ok := added[fold(e.Path)]; ok && !removed[e.Path] {
				return collision(p, e.Path)
			}
		}
		return nil
	}
	for _, p := range paths {
		other, err := findFolded(ctx, tree, p, removed)
		if err != nil {
			return err
		}
		if other != "" {
			return collision(p, other)
		}
	}
	return nil
}

func collision(a, b string) error {
	return as(ErrConflict, fmt.Errorf("%q and %q are one file on some file systems (they differ in case or in Unicode form only); rename one", a, b))
}

// findFolded looks for a path in the tree that folds to the same text as p. It
// goes down the tree character by character and follows only what can still
// match.
func findFolded(ctx context.Context, tree *objects.Tree, p string, removed map[string]bool) (string, error) {
	want := fold(p)
	var search func(prefix string) (string, error)
	search = func(prefix string) (string, error) {
		from := prefix
		for {
			e, ok, err := tree.Ceiling(ctx, from)
			if err != nil || !ok || !strings.HasPrefix(e.Path, prefix) {
				return "", err
			}
			if f := fold(e.Path); f == want && e.Path != p && !removed[e.Path] {
				return e.Path, nil
			}
			rest := e.Path[len(prefix):]
			if rest == "" {
				from = prefix + "\x00"
				continue
			}
			next := prefix + rest[:runeLen(rest)]
			if strings.HasPrefix(want, fold(next)) {
				if found, err := search(next); found != "" || err != nil {
					return found, err
				}
			}
			from = next + "\U0010ffff\U0010ffff"
		}
	}
	return search("")
}

func runeLen(s string) int {
	for i := range s {
		if i > 0 {
			return i
		}
	}
	return len(s)
}

// author tells who commits: the settings user.name, the environment's
// MSTORE_AUTHOR, or user@host.
func (s *Store) author(st *journal.State) string {
	if a := os.Getenv("MSTORE_AUTHOR"); a != "" {
		return a
	}
	if a := s.setting(st, "user.name"); a != "" {
		return a
	}
	name := os.Getenv("USER")
	if name == "" {
		if u, err := user.Current(); err == nil {
			name = u.Username
		}
	}
	host, err := os.Hostname()
	if err != nil || host == "" {
		return name
	}
	return name + "@" + host
}

func sortEdits(edits []objects.TreeEdit) {
	sort.Slice(edits, func(i, j int) bool { return edits[i].Path < edits[j].Path })
}
