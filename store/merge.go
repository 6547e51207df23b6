package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
)

// MergeOptions say how Merge, CherryPick and Revert go about it.
type MergeOptions struct {
	// Commit is what is said of the version that is made; it names no models.
	Commit CommitOptions
	// Ours and Theirs are globs of models whose conflicts the one side wins; the longest
	// that matches counts. "**" matches all.
	Ours, Theirs []string
	DryRun       bool // change nothing, and tell what would be done

	// Of Merge:
	NoFastForward   bool // make a version even where the branch could be moved
	FastForwardOnly bool // or refuse
	AllowUnrelated  bool // histories that have nothing in common, too

	// Mainline, of CherryPick and Revert: which parent of a merge its changes are taken
	// against, counting from 1.
	Mainline int
}

// What a merge came to.
const (
	Merged      = "merged"       // a version was made
	FastForward = "fast-forward" // the branch was moved
	UpToDate    = "up-to-date"   // there was nothing to do
)

// MergeResult is what a merge did, or would do.
type MergeResult struct {
	Outcome string
	Branch  string
	Version *Version // where the branch is now; nil for a version that a dry run does not make
	Ours    *Version // where it was; nil: it had no version
	Theirs  *Version
	Bases   []*Version // of Merge: the best common ancestors
	Models  []MergedModel
	Brought *Brought // nil: the models on disk were not touched
	// Commit is what making the version did; nil where none was made.
	Commit *CommitResult
}

// MergeError: both sides have changed models, and nothing says whose are to win.
type MergeError struct {
	What      string // "merge exp"
	Conflicts []MergeConflict
}

func (e *MergeError) Error() string {
	n := len(e.Conflicts)
	if n == 1 {
		return fmt.Sprintf("%s: both sides changed %q; nothing was changed", e.What, e.Conflicts[0].Path)
	}
	return fmt.Sprintf("%s: both sides changed %q and %d more; nothing was changed", e.What, e.Conflicts[0].Path, n-1)
}

// errMoved: the branch is elsewhere than where a merge was planned for.
var errMoved = errors.New("the branch has moved")

// Merge brings what was done on the history of rev ("": the upstream of the current
// branch) into the current branch, model by model: what one side alone has changed
// since the merge base is taken; a JSON model that both have changed is merged by
// value; all else is a conflict. The version has both as parents. Where the branch has
// nothing of its own it is only moved.
//
// A conflict, which is a *MergeError, changes nothing anywhere, and neither does an
// *UnsavedError. When Merge returns without an error the version survives power loss,
// and the models on disk that hold what the branch had are those of the version. Other
// writers may commit meanwhile: the merge is then made anew on what they did.
func (s *Store) Merge(ctx context.Context, rev string, o MergeOptions) (*MergeResult, error) {
	if o.NoFastForward && o.FastForwardOnly {
		return nil, as(ErrUsage, errors.New("a merge that must be a fast-forward and must not be one"))
	}
	var theirs *Version
	return s.integrating(ctx, o, func(prefer *preferences) (*MergeResult, error) {
		sn, branch, ours, err := s.currentBranch(ctx)
		if err != nil {
			return nil, err
		}
		if rev == "" {
			if rev = s.setting(sn.st, upstreamKey(branch)); rev == "" {
				return nil, as(ErrUsage, fmt.Errorf("merge what? branch %s has no upstream (mstore branch --set-upstream-to NAME gives it one)", branch))
			}
		}
		if theirs == nil { // once: a branch that others move is not chased
			if theirs, err = s.resolve(ctx, sn, rev); err != nil {
				return nil, err
			}
		}
		g := &integration{s: s, o: o, sn: sn, branch: branch, ours: ours, theirs: theirs, parents: []*Version{theirs}, prefer: prefer,
			what: "merge " + rev, message: fmt.Sprintf("merge %s (%s) into %s", rev, theirs.Name, branch)}
		return g.merge(ctx)
	})
}

// integrating prepares and repeats an attempt until no other writer is in its way.
func (s *Store) integrating(ctx context.Context, o MergeOptions, attempt func(*preferences) (*MergeResult, error)) (*MergeResult, error) {
	check := o.Commit
	check.AllowEmpty = true
	if err := check.check(); err != nil {
		return nil, err
	}
	prefer, err := newPreferences(o.Ours, o.Theirs)
	if err != nil {
		return nil, err
	}
	if !o.DryRun {
		if err := s.resume(ctx); err != nil {
			return nil, err
		}
	}
	for range maxTurns {
		res, err := attempt(prefer)
		if !errors.Is(err, errMoved) {
			return res, classify(err)
		}
	}
	return nil, as(ErrConflict, errors.New("the branch moves again and again; nothing was changed"))
}

// currentBranch reads the branch that versions are made on, and its head; nil for none.
func (s *Store) currentBranch(ctx context.Context) (*snapshot, string, *Version, error) {
	sn, err := s.load(ctx)
	if err != nil {
		return nil, "", nil, err
	}
	branch, err := s.branchToSave(sn)
	if err != nil {
		return nil, "", nil, err
	}
	head, _, err := sn.branchHead(ctx, branch)
	return sn, branch, head, err
}

// merge decides what kind of a merge it is.
func (g *integration) merge(ctx context.Context) (*MergeResult, error) {
	if g.ours == nil {
		return g.fastForward(ctx)
	}
	rel, err := g.sn.h.Relate(ctx, g.ours.target, g.theirs.target)
	if err != nil {
		return nil, err
	}
	if g.base, err = g.sn.ancestor(ctx, rel.Bases); err != nil {
		return nil, err
	}
	switch {
	case rel.Behind == 0:
		return g.result(UpToDate, g.ours), nil
	case rel.Ahead == 0 && !g.o.NoFastForward:
		return g.fastForward(ctx)
	case g.o.FastForwardOnly:
		return nil, as(ErrConflict, fmt.Errorf("%s has %d and %s has %d versions that the other lacks: this is no fast-forward; nothing was changed", g.branch, rel.Ahead, strings.TrimPrefix(g.what, "merge "), rel.Behind))
	case len(rel.Bases) == 0 && !g.o.AllowUnrelated:
		return nil, as(ErrConflict, fmt.Errorf("%s and %s have no common ancestor; nothing was changed (--allow-unrelated merges them all the same)", g.branch, strings.TrimPrefix(g.what, "merge ")))
	}
	return g.save(ctx)
}

// fastForward moves the branch, which has nothing of its own.
func (g *integration) fastForward(ctx context.Context) (*MergeResult, error) {
	res := g.result(FastForward, g.theirs)
	var from objects.TreeID
	if g.ours != nil {
		from = g.ours.Tree
	}
	var steps []step
	for d, err := range objects.DiffTrees(ctx, g.sn.treeOf(g.ours), g.sn.treeOf(g.theirs)) {
		if err != nil {
			return nil, err
		}
		steps = append(steps, step{d.Path, d.From, d.To})
		res.Models = append(res.Models, MergedModel{Change: d.Change(), How: TookTheirs})
	}
	if err := g.s.unsaved(ctx, g.sn, g.what, steps); err != nil || g.o.DryRun {
		return res, err
	}
	if err := g.s.announce(g.theirs.ID, from); err != nil {
		return nil, err
	}
	sn, err := g.s.update(ctx, func(sn *snapshot) ([]journal.Op, error) {
		at, exists := sn.st.Names[g.branch]
		if exists != (g.ours != nil) || exists && at.To != g.ours.target {
			return nil, errMoved
		}
		reason := g.what + ": made"
		if exists {
			reason = fmt.Sprintf("%s: fast-forward from v%d", g.what, at.To.Seq)
		}
		return []journal.Op{{Kind: journal.OpSetName, NameKind: journal.Branch, Name: g.branch, Target: g.theirs.target, Reason: reason}}, nil
	})
	if err != nil {
		g.s.withdrawAfter(err)
		return nil, err
	}
	if res.Version, err = sn.version(ctx, g.theirs.target); err != nil {
		return nil, err
	}
	res.Brought, err = g.s.broughtTo(ctx, sn, res.Version, from)
	return res, err
}

// broughtTo is bring, and tells of what was left.
func (s *Store) broughtTo(ctx context.Context, sn *snapshot, v *Version, from objects.TreeID) (*Brought, error) {
	did, err := s.bring(ctx, sn, v, from)
	if err == nil {
		s.warnLeft(v, did)
	}
	return did, err
}
