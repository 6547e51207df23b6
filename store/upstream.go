package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/refs"
)

// Settings of branches: branch.NAME.upstream. They are shared, as the branches are, and
// go with them; a workspace may have its own.
const (
	branchSetting  = "branch."
	upstreamSuffix = ".upstream"
)

func upstreamKey(branch string) string { return branchSetting + branch + upstreamSuffix }

func checkBranchSetting(key, value string) error {
	name, ok := strings.CutSuffix(strings.TrimPrefix(key, branchSetting), upstreamSuffix)
	if !ok {
		return errors.New("of branches there is branch.NAME" + upstreamSuffix)
	}
	return errors.Join(refs.CheckName(name), refs.CheckName(value))
}

// Upstream is the branch that a branch is compared with and merges from.
type Upstream struct {
	Name string
	Gone bool // there is no such branch (any more)
	// Ahead counts the versions that the branch has and its upstream lacks, Behind the
	// reverse, merged ones too.
	Ahead, Behind uint64
}

// upstream compares a branch with its upstream; nil when it has none.
func (s *Store) upstream(ctx context.Context, sn *snapshot, branch string) (*Upstream, error) {
	name := s.setting(sn.st, upstreamKey(branch))
	if name == "" {
		return nil, nil
	}
	u := &Upstream{Name: name}
	up, ok := sn.st.Names[name]
	if !ok || up.Kind != Branch && up.Kind != Tracking {
		u.Gone = true
		return u, nil
	}
	at, ok := sn.st.Names[branch]
	if !ok {
		return u, nil
	}
	rel, err := sn.h.Relate(ctx, at.To, up.To)
	if err != nil {
		return nil, classify(err)
	}
	u.Ahead, u.Behind = rel.Ahead, rel.Behind
	return u, nil
}

// SetUpstream makes a branch ("": the current one) be compared with another, for all
// who use the store.
func (s *Store) SetUpstream(ctx context.Context, branch, upstream string) (*Name, error) {
	branch = cmp.Or(branch, s.head().Branch)
	sn, err := s.update(ctx, func(sn *snapshot) ([]journal.Op, error) {
		if n, ok := sn.st.Names[branch]; !ok || n.Kind != Branch {
			return nil, as(ErrNotFound, fmt.Errorf("no branch %q", branch))
		}
		if n, ok := sn.st.Names[upstream]; !ok || n.Kind != Branch && n.Kind != Tracking {
			return nil, as(ErrNotFound, fmt.Errorf("no branch %q, here or of a remote", upstream))
		}
		if branch == upstream {
			return nil, as(ErrUsage, fmt.Errorf("branch %q cannot be its own upstream", branch))
		}
		if sn.st.Config[upstreamKey(branch)] == upstream {
			return nil, nil
		}
		return []journal.Op{{Kind: journal.OpSetConfig, Key: upstreamKey(branch), Value: upstream}}, nil
	})
	if err != nil {
		return nil, err
	}
	return s.nameOf(ctx, sn, sn.st.Names[branch], s.head().Branch)
}

// UnsetUpstream takes a branch's ("": the current one's) upstream away.
func (s *Store) UnsetUpstream(ctx context.Context, branch string) (*Name, error) {
	branch = cmp.Or(branch, s.head().Branch)
	sn, err := s.update(ctx, func(sn *snapshot) ([]journal.Op, error) {
		if n, ok := sn.st.Names[branch]; !ok || n.Kind != Branch {
			return nil, as(ErrNotFound, fmt.Errorf("no branch %q", branch))
		}
		if _, ok := sn.st.Config[upstreamKey(branch)]; !ok {
			return nil, as(ErrNotFound, fmt.Errorf("branch %q has no upstream", branch))
		}
		return []journal.Op{{Kind: journal.OpUnsetConfig, Key: upstreamKey(branch)}}, nil
	})
	if err != nil {
		return nil, err
	}
	return s.nameOf(ctx, sn, sn.st.Names[branch], s.head().Branch)
}
