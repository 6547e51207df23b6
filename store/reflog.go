package store

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
)

// Position is a version that a name pointed at.
type Position struct {
	ID   objects.VersionID
	Name string // "v12"
}

func positionOf(t journal.Target) *Position {
	if t.Entry == 0 {
		return nil
	}
	return &Position{t.ID, fmt.Sprintf("v%d", t.Seq)}
}

// Move is one step of a name's reflog.
type Move struct {
	N        int // as in NAME@{N}
	Name     string
	Kind     NameKind
	Time     time.Time
	From, To *Position // nil: it did not exist before, or not any more
	Reason   string    // "commit: more layers", "merge exp: fast-forward from v3", "deleted"
	Who      string    // of commits: the author; "": not known
}

// Reflog yields where a name ("": the current branch) pointed, newest first. Deleted
// names still have theirs. It reads the journal only as far as it is asked for, and
// passes over blocks in which the name did not move.
func (s *Store) Reflog(ctx context.Context, name string) iter.Seq2[*Move, error] {
	return func(yield func(*Move, error) bool) {
		if name == "" || name == "HEAD" {
			name = s.head().Branch
		}
		sn, err := s.load(ctx)
		if err != nil {
			yield(nil, err)
			return
		}
		var last *Move // waits for where it came from
		for m, err := range sn.h.Moves(ctx, name) {
			if err != nil {
				yield(nil, classify(err))
				return
			}
			if last != nil {
				last.From = positionOf(m.To)
				if !yield(last, nil) {
					return
				}
			}
			next, err := sn.move(ctx, name, m)
			if err != nil {
				yield(nil, err)
				return
			}
			if last != nil {
				next.N = last.N + 1
			}
			last = next
		}
		if last == nil {
			yield(nil, as(ErrNotFound, fmt.Errorf("%q has never been a branch, tag or alias", name)))
			return
		}
		yield(last, nil)
	}
}

// move tells more of a move, where it was a commit.
func (sn *snapshot) move(ctx context.Context, name string, m journal.Move) (*Move, error) {
	out := &Move{Name: name, Kind: m.Kind, Time: m.Time, To: positionOf(m.To), Reason: m.Reason}
	if m.To.Entry != m.Entry {
		return out, nil
	}
	v, err := sn.version(ctx, m.To)
	if err != nil {
		return nil, err
	}
	out.Who = v.Author
	switch {
	case len(v.Parents) > 1:
		out.Reason = "merge"
	case v.Meta[MetaPickedFrom] != nil:
		out.Reason = "cherry-pick"
	case v.Meta[MetaReverted] != nil:
		out.Reason = "revert"
	}
	switch line := firstLine(v.Message); {
	case strings.HasPrefix(line, out.Reason+" "): // as merges and reverts say by themselves
		out.Reason = line
	case line != "":
		out.Reason += ": " + line
	}
	return out, nil
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return strings.TrimSpace(line)
}
