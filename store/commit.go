package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/user"
	"sort"
	"strconv"
	"time"

	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/schema"
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
	SourceDir  string // what Source is relative to, if it is a file; "": the root
	AllowEmpty bool
	Present    bool   // of Paths, what is not there is passed over, not recorded as removed
	Expect     string // the revision that the branch must be at, or ErrConflict
	Fast       bool   // least CPU
	Validate   string // "", "off", "warn", "strict"; "" is what the settings say of each model
	// Meta is said of the version beside what is found out by itself; values: string,
	// int64, float64, bool.
	Meta map[string]any
	// Before, if set, is shown the version that is about to be made, without its ID: its
	// error keeps it from being made.
	Before func(ctx context.Context, v *Version, models []objects.Change) error
}

// CommitResult is what a commit did.
type CommitResult struct {
	Version  *Version // HEAD when nothing changed; nil when there is none
	Created  bool
	Models   []objects.Change // the models named, by path; Unchanged ones too
	Raw      int64            // bytes of models that were read
	Stored   int64            // bytes of the packs that were written
	Warnings []string
	// GCPays: so much has come together that GC with Auto has something to do.
	GCPays bool
	// Reports are what validation found in the models that were looked at, by path.
	Reports map[string]*schema.Report
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
	return s.save(ctx, o, source{(*commit).gather, (*commit).describe})
}

// source is where a commit has its models from. Both may be called again, for another
// attempt.
type source struct {
	gather   func(*commit, context.Context) error // stores the models
	describe func(*commit, context.Context)       // completes what is said of them, if there is to be a version
}

// save makes one version on the current branch.
func (s *Store) save(ctx context.Context, o CommitOptions, from source) (*CommitResult, error) {
	if err := s.resume(ctx); err != nil {
		return nil, err
	}
	for range 100 {
		res, err := s.saveOnce(ctx, o, from)
		if !errors.Is(err, errAgain) {
			return res, classify(err)
		}
		if o.Stdin != nil { // it cannot be read twice
			break
		}
	}
	return nil, as(ErrConflict, errors.New("what this version relies on was removed from the store meanwhile; commit again"))
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
	for _, m := range []map[string]any{o.Params, o.Metrics, o.Meta} {
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
	want   *Version // what CommitOptions.Expect named at the beginning
	w      *objects.Writer
	edits  []objects.TreeEdit // sorted by path
	res    *CommitResult
	turns  turns
	bases  *baseCache
	cache  *statCache // nil: none
	based  *based     // what the models on disk come from; nil: they are not from disk
	behind int        // models that others have saved since, and that are left as these did
	gate   *gate
	// settings are those that apply here; nil for safety versions.
	settings map[string]string
	meta     map[string]any                 // of the version, once it is known
	tell     func(*commit, context.Context) // finds out how the version came to be, if there is one
	// refused is why it became one that is kept off the branches.
	refused *RefusedError
	merged  []*Version // the further parents
	// pinned: the edits are for this parent and no other.
	pinned bool
	// announce, if set, is told the ID of the version before it can be there.
	announce func(objects.VersionID) error
}

func (s *Store) newCommit(ctx context.Context, sn *snapshot, kind journal.NameKind, name, parent string, o CommitOptions) (*commit, error) {
	if err := notMirror(sn.st); err != nil {
		return nil, err
	}
	v, _, err := sn.branchHead(ctx, parent)
	if err != nil {
		return nil, err
	}
	return &commit{s: s, o: o, kind: kind, name: name, sn: sn, parent: v, base: v, res: &CommitResult{}}, nil
}

func (c *commit) newWriter(ctx context.Context) *objects.Writer {
	o := objects.WriterOptions{Fast: c.o.Fast, NewName: newPackName}
	if c.bases != nil {
		o.Cache = c.bases
	}
	return objects.NewWriter(ctx, c.s.b, c.sn.r, o)
}

func (c *commit) tree() *objects.Tree {
	if c.parent == nil {
		return c.sn.tree(objects.TreeID{})
	}
	return c.sn.tree(c.parent.Tree)
}

func (s *Store) saveOnce(ctx context.Context, o CommitOptions, from source) (*CommitResult, error) {
	sn, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	branch, err := s.branchToSave(sn)
	if err != nil {
		return nil, err
	}
	c, err := s.newCommit(ctx, sn, journal.Branch, branch, branch, o)
	if err != nil {
		return nil, err
	}
	if err := c.expect(ctx); err != nil {
		return nil, err
	}
	c.tell = from.describe
	if c.settings, err = s.settings(sn.st); err != nil {
		return nil, err
	}
	if c.gate, err = newGate(c.settings, o.Validate); err != nil {
		return nil, err
	}
	if fast, err := strconv.ParseBool(c.settings["commit.fast"]); err == nil && fast {
		c.o.Fast = true
	}
	c.bases = s.openBaseCache(cacheSize(c.settings))
	defer func() { c.bases.tidy(c.res.Created) }()
	c.w = c.newWriter(ctx)
	finished := false
	defer func() {
		if !finished {
			c.w.Abort()
		}
	}()
	if err := from.gather(c, ctx); err != nil {
		return nil, err
	}
	if err := c.collisions(ctx); err != nil {
		return nil, err
	}
	if err := c.strictly(ctx); err != nil {
		finished = true
		return nil, err
	}
	finished = true
	if err := c.publish(ctx); err != nil {
		return nil, err
	}
	if c.refused != nil {
		return nil, c.refused
	}
	if c.cache != nil {
		c.cache.save()
	}
	if c.based != nil {
		if c.res.Created {
			c.based.saved(s, c.parent, c.res.Version, c.edits)
			s.markShared()
		} else {
			c.based.unchanged(s, c.edits)
		}
	}
	c.res.Reports = c.gate.reports
	if c.res.Created && s.foldIfDue(ctx, c.sn.st) {
		c.res.GCPays = s.gcPays(c.sn.st)
	}
	return c.res, nil
}

// branchToSave is the current branch, on which versions are made.
func (s *Store) branchToSave(sn *snapshot) (string, error) {
	head, err := s.readHead()
	if err != nil {
		return "", as(ErrDamaged, fmt.Errorf("the workspace does not tell the current branch, so nothing was committed; 'mstore checkout BRANCH' sets it again: %w", err))
	}
	branch := head.Branch
	if _, ok := sn.st.Names[branch]; !ok && len(sn.st.SortedNames(journal.Branch)) > 0 {
		return "", as(ErrConflict, fmt.Errorf("the current branch %q does not exist (any more): check out another, or make it with: mstore branch %s REV", branch, branch))
	}
	return branch, nil
}

// cacheSize is the setting commit.cache, in MiB.
func cacheSize(settings map[string]string) int64 {
	if n, err := strconv.ParseUint(settings["commit.cache"], 10, 31); err == nil {
		return int64(n)
	}
	return defaultBaseCache
}

// expect refuses when the branch is not where the caller believes.
func (c *commit) expect(ctx context.Context) error {
	if c.o.Expect == "" {
		return nil
	}
	if c.want == nil { // once: a name that others move would move along
		want, err := c.s.resolve(ctx, c.sn, c.o.Expect)
		if err != nil {
			return err
		}
		c.want = want
	}
	want := c.want
	if c.parent == nil || want.ID != c.parent.ID {
		at := "has no version yet"
		if c.parent != nil {
			at = "is at " + c.parent.Name + " " + c.parent.ID.Short()
		}
		return as(ErrConflict, fmt.Errorf("branch %s %s, not at %s (%s %s); nothing was committed", c.name, at, c.o.Expect, want.Name, want.ID.Short()))
	}
	return nil
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
	name := userName()
	host, err := os.Hostname()
	if err != nil || host == "" {
		return name
	}
	return name + "@" + host
}

// userName is who runs the process; "" where nothing tells.
func userName() string {
	if name := os.Getenv("USER"); name != "" {
		return name
	}
	u, err := user.Current()
	if err != nil {
		return ""
	}
	return u.Username
}

func sortEdits(edits []objects.TreeEdit) {
	sort.Slice(edits, func(i, j int) bool { return edits[i].Path < edits[j].Path })
}
