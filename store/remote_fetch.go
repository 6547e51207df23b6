package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/mstore/mstore/exchange"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/refs"
)

// FetchOptions say what to fetch.
type FetchOptions struct {
	Remote string // a remote, or a location; "": the upstream's, or origin
	// Names are branches, tags and aliases of the remote; none: all branches.
	Names         []string
	Tags, Aliases bool // all of them, too
	Prune         bool // forget branches that the remote has no more
	DryRun        bool
	// Filter, if set, is taken in place of the remote's own.
	Filter *exchange.Filter
}

// Fetch brings what a remote has, and moves where its branches were last seen, such as
// origin/main; branches of this store stay where they are. From a location that is no
// remote only tags and aliases are named, and branches that are asked for become
// branches under fetched/. What was copied when it fails stays, and the next Fetch goes
// on from there. A tag that is elsewhere here is rejected, and nothing else for that;
// the error is ErrConflict then and the result tells.
func (s *Store) Fetch(ctx context.Context, o FetchOptions) (*ExchangeResult, error) {
	if err := s.resume(ctx); err != nil {
		return nil, err
	}
	sn, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	if o.Remote == "" {
		o.Remote = s.defaultRemote(sn)
	}
	f, err := s.connect(ctx, sn, o.Remote)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return s.fetchFrom(ctx, f, o)
}

// defaultRemote is the remote of the current branch's upstream, the only one there is,
// or origin.
func (s *Store) defaultRemote(sn *snapshot) string {
	all := remotes(sn.st)
	up := s.setting(sn.st, upstreamKey(s.head().Branch))
	for _, r := range all {
		if strings.HasPrefix(up, r.Name+"/") {
			return r.Name
		}
	}
	if len(all) == 1 {
		return all[0].Name
	}
	return DefaultRemote
}

func (s *Store) fetchFrom(ctx context.Context, f *far, o FetchOptions) (*ExchangeResult, error) {
	res := &ExchangeResult{Remote: f.remote.Name, URL: f.remote.URL, DryRun: o.DryRun}
	fetch := &fetching{f: f, o: o, res: res}
	if err := fetch.choose(); err != nil {
		return nil, err
	}
	sn, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.fits(ctx, sn, f.at); err != nil {
		return nil, f.remote.named(err)
	}
	to := s.peer(sn)
	if o.DryRun {
		moves, err := fetch.moves(ctx, to)
		if err != nil {
			return nil, transferred(err)
		}
		fetch.prune(to)
		res.Versions, err = exchange.Missing(ctx, f.peer(f.sn), to, moves)
		if err != nil {
			return nil, f.remote.named(transferred(err))
		}
		return res, res.rejected("fetching", "")
	}
	opts := s.transferOptions("fetching")
	opts.Filter, opts.Extra = f.remote.Filter, fetch.prune
	opts.Absent = s.absentThere(f)
	if o.Filter != nil {
		opts.Filter = *o.Filter
	}
	x, err := exchange.Transfer(ctx, f.peer(f.sn), to, opts, fetch.moves)
	res.count(x)
	if err != nil {
		return res, f.remote.named(transferred(err))
	}
	return res, res.rejected("fetching", "")
}

// fetching is one fetch.
type fetching struct {
	f     *far
	o     FetchOptions
	res   *ExchangeResult
	names []journal.Name // of the remote
}

// choose finds the names that are fetched.
func (x *fetching) choose() error {
	st := x.f.sn.st
	for _, n := range st.SortedNames(0) {
		asked := slices.Contains(x.o.Names, n.Name)
		switch n.Kind {
		case Branch:
			asked = asked || len(x.o.Names) == 0 && x.f.remote.Name != ""
		case Tag:
			asked = asked || x.o.Tags
		case Alias:
			asked = asked || x.o.Aliases
		default:
			continue
		}
		if !asked {
			continue
		}
		if err := refs.CheckName(n.Name); err != nil {
			return as(ErrDamaged, fmt.Errorf("%s sent a bad name: %w", x.f.remote.title(), err))
		}
		x.names = append(x.names, n)
	}
	for _, name := range x.o.Names {
		if n, ok := st.Names[name]; !ok || n.Kind == Safety || n.Kind == journal.Remote {
			return as(ErrNotFound, fmt.Errorf("%s has no branch, tag or alias %q", x.f.remote.title(), name))
		}
	}
	if x.f.remote.Name == "" && len(x.names) == 0 {
		return as(ErrUsage, fmt.Errorf("%s is no remote: say which of its branches to fetch, or 'mstore remote add NAME %s'", x.f.remote.title(), x.f.remote.URL))
	}
	return nil
}

// local is the name here for one of the remote's.
func (x *fetching) local(n journal.Name) (journal.NameKind, string) {
	if n.Kind != Branch {
		return n.Kind, n.Name
	}
	if x.f.remote.Name == "" {
		return journal.Remote, "fetched/" + n.Name
	}
	return journal.Remote, x.f.remote.Name + "/" + n.Name
}

// moves decides what becomes of each name.
func (x *fetching) moves(ctx context.Context, to *exchange.Peer) (out []exchange.Move, err error) {
	x.res.Refs = nil
	for _, n := range x.names {
		kind, name := x.local(n)
		u := RefUpdate{Kind: n.Kind, From: n.Name, To: name, New: placeOf(n.To)}
		old, exists := to.State.Names[name]
		if exists {
			u.Old = placeOf(old.To)
		}
		switch err := nameFree(to.State, name, name); {
		case err != nil:
			u.Outcome, u.Reason = RefRejected, err.Error()
		case !exists:
			u.Outcome = RefNew
		case old.Kind != kind:
			u.Outcome, u.Reason = RefRejected, fmt.Sprintf("there is a %s of that name here", old.Kind)
		case old.To.ID == n.To.ID:
			u.Outcome = RefUpToDate
		case kind == Tag:
			u.Outcome, u.Reason = RefRejected, fmt.Sprintf("it is at v%d %s here, and tags do not move ('mstore tag -d %s' first, if that is meant)", old.To.Seq, old.To.ID.Short(), name)
		case kind == Alias:
			u.Outcome = RefMoved
		default:
			forward, err := contains(ctx, x.f.sn.h, n.To, old.To)
			if err != nil {
				return nil, err
			}
			u.Outcome = RefForced
			if forward {
				u.Outcome = RefForward
			}
		}
		x.res.Refs = append(x.res.Refs, u)
		if u.Outcome == RefRejected {
			continue
		}
		reason := "fetch from " + x.f.remote.title()
		if u.Outcome == RefForced {
			reason += ": forced"
		}
		out = append(out, exchange.Move{Kind: kind, Name: name, Tip: n.To, Reason: reason})
	}
	return out, nil
}

// prune takes away where branches were that the remote has no more.
func (x *fetching) prune(to *exchange.Peer) (ops []journal.Op) {
	if !x.o.Prune || x.f.remote.Name == "" {
		return nil
	}
	x.res.Refs = slices.DeleteFunc(x.res.Refs, func(u RefUpdate) bool { return u.Outcome == RefDeleted })
	for _, n := range remoteBranches(to.State, x.f.remote.Name) {
		if far, ok := x.f.sn.st.Names[strings.TrimPrefix(n.Name, x.f.remote.Name+"/")]; ok && far.Kind == Branch {
			continue
		}
		x.res.Refs = append(x.res.Refs, RefUpdate{Kind: Branch, To: n.Name, Old: placeOf(n.To), Outcome: RefDeleted})
		ops = append(ops, journal.Op{Kind: journal.OpDeleteName, NameKind: n.Kind, Name: n.Name, Target: n.To, Reason: "the remote has it no more"})
	}
	return ops
}

// contains tells whether a version, which may be unknown in this history, leads to tip.
func contains(ctx context.Context, h *journal.History, tip, of journal.Target) (bool, error) {
	found, err := h.FindID(ctx, of.ID.String(), 1)
	if err != nil || len(found) == 0 {
		return false, err
	}
	return h.Contains(ctx, []journal.Target{tip}, found[0])
}
