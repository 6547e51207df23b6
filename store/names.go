package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/refs"
)

// NameKind is what a name is.
type NameKind = journal.NameKind

// The kinds of names.
const (
	Branch = journal.Branch // grows with every commit made on it
	Tag    = journal.Tag    // does not move
	Alias  = journal.Alias  // moves, and remembers from where
	Safety = journal.Safety // what checkout saved before it wrote
	// Tracking is where a branch of a remote was when it was last looked at.
	Tracking = journal.Remote
)

// Name is a branch, tag, alias or safety version.
type Name struct {
	Kind    NameKind
	Name    string
	Version *Version
	Moved   time.Time // made or last moved
	Current bool      // the current branch
	// Upstream is what a branch is compared with; nil for nothing.
	Upstream *Upstream
}

func (s *Store) nameOf(ctx context.Context, sn *snapshot, n journal.Name, current string) (*Name, error) {
	v, err := sn.version(ctx, n.To)
	if err != nil {
		return nil, err
	}
	out := &Name{Kind: n.Kind, Name: n.Name, Version: v, Moved: n.Time}
	if n.Kind == Branch {
		out.Current = n.Name == current
		out.Upstream, err = s.upstream(ctx, sn, n.Name)
	}
	return out, err
}

// Names lists the names of one kind, by name.
func (s *Store) Names(ctx context.Context, kind NameKind) ([]Name, error) {
	sn, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	current := s.head().Branch
	var out []Name
	for _, n := range sn.st.SortedNames(kind) {
		if n.IsIncoming() {
			continue
		}
		x, err := s.nameOf(ctx, sn, n, current)
		if err != nil {
			return nil, err
		}
		out = append(out, *x)
	}
	return out, nil
}

// turns counts the attempts at one journal number. A writer that loses sees a
// newer entry at its next look; one that never does meets something else in
// its way.
type turns struct {
	number uint64
	count  int
}

const maxTurns = 100

func (t *turns) next(sn *snapshot) error {
	if sn.st.Number != t.number {
		*t = turns{number: sn.st.Number}
	}
	if t.count++; t.count > maxTurns {
		return as(ErrDamaged, fmt.Errorf("journal entry %d can be neither made nor read; mstore fsck tells more", t.number+1))
	}
	return nil
}

// update appends operations that ops makes from the newest state, again and
// again until no other writer is first. ops returning none ends it.
func (s *Store) update(ctx context.Context, ops func(sn *snapshot) ([]journal.Op, error)) (*snapshot, error) {
	sn, appended, err := s.appendOps(ctx, ops)
	if appended {
		s.foldIfDue(ctx, sn.st)
	}
	return sn, err
}

// appendOps is update without a look at whether the journal should be folded.
func (s *Store) appendOps(ctx context.Context, ops func(sn *snapshot) ([]journal.Op, error)) (sn *snapshot, appended bool, err error) {
	var turns turns
	for {
		sn, err := s.load(ctx)
		if err == nil {
			err = turns.next(sn)
		}
		if err != nil {
			return nil, false, err
		}
		list, err := ops(sn)
		if err != nil {
			return nil, false, classify(err)
		}
		if len(list) == 0 {
			return sn, false, nil
		}
		if err := notMirror(sn.st); err != nil {
			return nil, false, err
		}
		st, err := s.j.Append(ctx, sn.st, list, time.Time{})
		if errors.Is(err, journal.ErrLost) {
			continue
		}
		if err != nil {
			return nil, false, classify(err)
		}
		return s.snapshotOf(st), true, nil
	}
}

// SetName makes a name, or moves it, to rev ("" is HEAD). A tag that is
// elsewhere already and a branch that would lose versions are ErrConflict
// unless force is set. A new branch that is made from a remote's has it for upstream.
func (s *Store) SetName(ctx context.Context, kind NameKind, name, rev string, force bool) (*Name, error) {
	if err := refs.CheckName(name); err != nil {
		return nil, classify(err)
	}
	sn, err := s.update(ctx, func(sn *snapshot) ([]journal.Op, error) {
		v, err := s.resolve(ctx, sn, rev)
		if err != nil {
			return nil, err
		}
		old, exists := sn.st.Names[name]
		going := ""
		if exists && old.Kind == kind { // it is this one that moves
			going = name
		}
		if err := nameFree(sn.st, name, going); err != nil {
			return nil, err
		}
		if exists && old.To.ID == v.ID {
			return nil, nil
		}
		if exists && !force {
			switch kind {
			case Tag:
				return nil, as(ErrConflict, fmt.Errorf("tag %q is at v%d %s already; tags do not move", name, old.To.Seq, old.To.ID.Short()))
			case Branch:
				forward, err := sn.h.Contains(ctx, []journal.Target{v.target}, old.To)
				if err != nil {
					return nil, err
				}
				if !forward {
					return nil, as(ErrConflict, fmt.Errorf("branch %q is at v%d %s, which %s does not contain; force moves it all the same", name, old.To.Seq, old.To.ID.Short(), v.Name))
				}
			}
		}
		reason := "made"
		if exists {
			reason = fmt.Sprintf("moved from v%d", old.To.Seq)
		}
		ops := []journal.Op{{Kind: journal.OpSetName, NameKind: kind, Name: name, Target: v.target, Reason: reason}}
		if up, ok := sn.st.Names[rev]; ok && up.Kind == Tracking && kind == Branch && !exists {
			ops = append(ops, journal.Op{Kind: journal.OpSetConfig, Key: upstreamKey(name), Value: rev})
		}
		return ops, nil
	})
	if err != nil {
		return nil, err
	}
	return s.nameOf(ctx, sn, sn.st.Names[name], s.head().Branch)
}

// DeleteName deletes a name; the versions stay in the journal. The current
// branch, and a branch whose head no other name reaches, are ErrConflict unless
// force is set (never the current one).
func (s *Store) DeleteName(ctx context.Context, kind NameKind, name string, force bool) error {
	_, err := s.update(ctx, func(sn *snapshot) ([]journal.Op, error) {
		n, ok := sn.st.Names[name]
		if !ok || n.Kind != kind {
			return nil, as(ErrNotFound, fmt.Errorf("no %s %q", kind, name))
		}
		if kind == Branch && name == s.head().Branch {
			return nil, as(ErrConflict, fmt.Errorf("%q is the current branch; check out another first", name))
		}
		if kind == Branch && !force {
			kept, err := s.reachedByOthers(ctx, sn, n)
			if err != nil {
				return nil, err
			}
			if !kept {
				return nil, as(ErrConflict, fmt.Errorf("branch %q has versions that no other name reaches, up to v%d %s; tag them, or force", name, n.To.Seq, n.To.ID.Short()))
			}
		}
		return deleteName(sn, n), nil
	})
	return err
}

// reachedByOthers tells whether another name's history contains n's version, by
// first parents or through a merge.
func (s *Store) reachedByOthers(ctx context.Context, sn *snapshot, n journal.Name) (bool, error) {
	var others []journal.Target
	for _, other := range sn.st.Names {
		if other.Name != n.Name && other.Kind != Safety {
			others = append(others, other.To)
		}
	}
	return sn.h.Contains(ctx, others, n.To)
}

// Rollback takes an alias's last move back and returns where it points now. A
// second Rollback goes one step further back.
func (s *Store) Rollback(ctx context.Context, alias string) (*Name, error) {
	sn, err := s.update(ctx, func(sn *snapshot) ([]journal.Op, error) {
		n, ok := sn.st.Names[alias]
		if !ok || n.Kind != Alias {
			return nil, as(ErrNotFound, fmt.Errorf("no alias %q", alias))
		}
		// Rollbacks are moves too: each takes back the newest move that is not
		// taken back yet.
		undone := 0
		var before *journal.Move
		for m, err := range sn.h.Moves(ctx, alias) {
			if err != nil {
				return nil, err
			}
			if m.To.Entry == 0 || m.Kind != Alias {
				break
			}
			if m.Reason == rollbackReason {
				undone++
				continue
			}
			if undone > 0 {
				undone--
				continue
			}
			if before == nil {
				before = &m // the move to take back
				continue
			}
			return []journal.Op{{Kind: journal.OpSetName, NameKind: Alias, Name: alias, Target: m.To, Reason: rollbackReason}}, nil
		}
		return nil, as(ErrConflict, fmt.Errorf("alias %q has no earlier position", alias))
	})
	if err != nil {
		return nil, err
	}
	return s.nameOf(ctx, sn, sn.st.Names[alias], "")
}

const rollbackReason = "rollback"
