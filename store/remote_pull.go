package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/mstore/mstore/journal"
)

// PullOptions say what to pull.
type PullOptions struct {
	Remote string // "": the one of the current branch's upstream
	Branch string // of the remote; "": the upstream, or the branch that is called as the current one
	Tags   bool
	Merge  MergeOptions
}

// PullResult is what Pull did.
type PullResult struct {
	Fetch *ExchangeResult // nil: the upstream is a branch of this store
	Merge *MergeResult    // nil where merging failed
}

// Pull fetches from a remote and merges the upstream of the current branch, or the
// branch that is named, into it. When merging fails, a *MergeError for conflicts, what
// was fetched stays, and the result has it.
func (s *Store) Pull(ctx context.Context, o PullOptions) (*PullResult, error) {
	sn, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	current := s.head().Branch
	up := s.setting(sn.st, upstreamKey(current))
	if o.Remote == "" && o.Branch == "" && up != "" {
		name, branch, ok := splitRemote(sn.st, up)
		if !ok { // a branch of this store
			m, err := s.Merge(ctx, up, o.Merge)
			return &PullResult{Merge: m}, err
		}
		o.Remote, o.Branch = name, branch
	}
	if o.Remote == "" {
		return nil, as(ErrUsage, fmt.Errorf("pull from where? branch %s has no upstream ('mstore pull REMOTE BRANCH', or 'mstore branch --set-upstream-to REMOTE/BRANCH' gives it one)", current))
	}
	if o.Branch == "" {
		o.Branch = current
		if name, branch, ok := splitRemote(sn.st, up); ok && name == o.Remote {
			o.Branch = branch
		}
	}
	res := &PullResult{}
	if res.Fetch, err = s.Fetch(ctx, FetchOptions{Remote: o.Remote, Tags: o.Tags, Names: pullNames(sn.st, o)}); err != nil {
		return res, err
	}
	rev := ""
	for _, u := range res.Fetch.Refs {
		if u.Kind == Branch && u.From == o.Branch {
			rev = u.To
		}
	}
	if rev == "" {
		return res, as(ErrNotFound, fmt.Errorf("%s has no branch %q (any more)", o.Remote, o.Branch))
	}
	res.Merge, err = s.Merge(ctx, rev, o.Merge)
	return res, err
}

// pullNames are the names that are fetched: of a remote all of its branches, of a bare
// location the one that is merged.
func pullNames(st *journal.State, o PullOptions) []string {
	if _, err := findRemote(st, o.Remote); err == nil {
		return nil
	}
	return []string{o.Branch}
}

// splitRemote separates origin/main; false where there is no such remote.
func splitRemote(st *journal.State, name string) (remote, branch string, ok bool) {
	remote, branch, ok = strings.Cut(name, "/")
	if !ok {
		return "", "", false
	}
	_, err := findRemote(st, remote)
	return remote, branch, err == nil
}
