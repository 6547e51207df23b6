package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mstore/mstore/exchange"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/refs"
)

// PushRef is a name that is pushed, as another name perhaps.
type PushRef struct {
	Name   string // here: a branch, tag or alias; "" where it is deleted there
	To     string // there; "": the same
	Delete bool
}

// PushOptions say what to push.
type PushOptions struct {
	Remote string    // a remote, or a location; "": the upstream's, or origin
	Refs   []PushRef // none: the current branch
	All    bool      // all branches
	Tags   bool      // all tags, too
	Force  bool      // move branches anywhere
	// Lease moves branches anywhere, but only while they are where they are believed to
	// be: at Expect, or where they were when they were last looked at.
	Lease  bool
	Expect string
	// SetUpstream makes what is pushed to the upstream of what is pushed.
	SetUpstream bool
	DryRun      bool
}

// Push brings versions to a remote, and moves its branches: forward only, unless
// forced. Which of several fails is rejected, the others move, each in one step; the
// error is ErrConflict then, and the result tells. What was copied when it fails stays,
// and the next Push goes on from there.
func (s *Store) Push(ctx context.Context, o PushOptions) (*ExchangeResult, error) {
	if o.Lease && o.Force {
		return nil, as(ErrUsage, errors.New("a push that is forced, and forced only with a lease"))
	}
	sn, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	remote := cmp.Or(o.Remote, s.defaultRemote(sn))
	p := &pushing{s: s, o: o, sn: sn}
	if err := p.choose(); err != nil {
		return nil, err
	}
	if p.f, err = s.connect(ctx, sn, remote); err != nil {
		return nil, err
	}
	defer p.f.Close()
	if o.SetUpstream && p.f.remote.Name == "" {
		return nil, as(ErrUsage, fmt.Errorf("%s is no remote, and cannot be an upstream ('mstore remote add' makes it one)", p.f.remote.title()))
	}
	p.res = &ExchangeResult{Remote: p.f.remote.Name, URL: p.f.remote.URL, DryRun: o.DryRun}
	return p.run(ctx)
}

// pushing is one push.
type pushing struct {
	s    *Store
	o    PushOptions
	sn   *snapshot // here
	f    *far
	refs []PushRef
	kept []exchange.Move // what is there when it is done
	gone []string        // branches that are deleted there
	res  *ExchangeResult
}

const refusedHint = "; 'mstore pull' merges what is there first, --force-with-lease overwrites it"

// choose finds the names that are pushed.
func (p *pushing) choose() error {
	add := func(r PushRef) {
		if r.To == "" {
			r.To = r.Name
		}
		if !slices.Contains(p.refs, r) {
			p.refs = append(p.refs, r)
		}
	}
	for _, r := range p.o.Refs {
		add(r)
	}
	for _, n := range p.sn.st.SortedNames(0) {
		if n.Kind == Branch && p.o.All || n.Kind == Tag && p.o.Tags {
			add(PushRef{Name: n.Name})
		}
	}
	if len(p.refs) == 0 && !p.o.All && !p.o.Tags {
		branch := p.s.head().Branch
		r := PushRef{Name: branch}
		if up := p.s.setting(p.sn.st, upstreamKey(branch)); up != "" {
			for _, x := range remotes(p.sn.st) {
				if name, ok := strings.CutPrefix(up, x.Name+"/"); ok && (p.o.Remote == "" || p.o.Remote == x.Name) {
					r.To = name
				}
			}
		}
		add(r)
	}
	for _, r := range p.refs {
		if err := refs.CheckName(r.To); err != nil {
			return classify(err)
		}
		if r.Delete {
			continue
		}
		n, ok := p.sn.st.Names[r.Name]
		if !ok && r.Name == p.s.head().Branch {
			return as(ErrNotFound, fmt.Errorf("branch %s has no version yet: there is nothing to push", r.Name))
		}
		if !ok || n.Kind != Branch && n.Kind != Tag && n.Kind != Alias {
			return as(ErrNotFound, fmt.Errorf("no branch, tag or alias %q", r.Name))
		}
	}
	return nil
}

func (p *pushing) run(ctx context.Context) (*ExchangeResult, error) {
	from, to := p.s.peer(p.sn), p.f.peer(p.f.sn)
	if p.o.DryRun {
		moves, err := p.moves(ctx, to)
		if err == nil {
			p.res.Versions, err = exchange.Missing(ctx, from, to, moves)
		}
		if err != nil {
			return nil, transferred(err)
		}
		return p.res, p.res.rejected("pushing", refusedHint)
	}
	opts := p.s.transferOptions("pushing")
	opts.Trusted, opts.Extra = true, p.deletions
	var x *exchange.Result
	err := p.s.give(ctx, p.sn, p.tips(), p.f.lacks(ctx), func(sn *snapshot) (err error) {
		x, err = exchange.Transfer(ctx, p.s.peer(sn), to, opts, p.moves)
		return err
	})
	p.res.count(x)
	if err != nil {
		return p.res, fmt.Errorf("pushing to %s: %w", p.f.remote.title(), transferred(err))
	}
	markShared(p.f.dir)
	if err := p.follow(ctx); err != nil {
		return p.res, err
	}
	return p.res, p.res.rejected("pushing", refusedHint)
}

// tips are the versions that are pushed.
func (p *pushing) tips() (out []journal.Target) {
	for _, r := range p.refs {
		if !r.Delete {
			out = append(out, p.sn.st.Names[r.Name].To)
		}
	}
	return out
}

// moves decides what becomes of each name, on the newest state of the remote.
func (p *pushing) moves(ctx context.Context, to *exchange.Peer) (out []exchange.Move, err error) {
	p.res.Refs, p.gone, p.kept = nil, nil, nil
	for _, r := range p.refs {
		var u RefUpdate
		if r.Delete {
			u, err = p.deletion(ctx, to, r)
		} else {
			u, err = p.move(ctx, to, r)
		}
		if err != nil {
			return nil, err
		}
		p.res.Refs = append(p.res.Refs, u)
		if u.Outcome == RefRejected || u.Outcome == RefDeleted {
			continue
		}
		n := p.sn.st.Names[r.Name]
		reason := "push by " + p.s.author(p.sn.st)
		if u.Outcome == RefForced {
			reason = "forced " + reason
		}
		m := exchange.Move{Kind: n.Kind, Name: r.To, Tip: n.To, Reason: reason}
		out = append(out, m)
	}
	p.kept = out
	return out, nil
}

func (p *pushing) move(ctx context.Context, to *exchange.Peer, r PushRef) (RefUpdate, error) {
	n := p.sn.st.Names[r.Name]
	u := RefUpdate{Kind: n.Kind, From: r.Name, To: r.To, New: placeOf(n.To)}
	reject := func(format string, args ...any) (RefUpdate, error) {
		u.Outcome, u.Reason = RefRejected, fmt.Sprintf(format, args...)
		return u, nil
	}
	old, exists := to.State.Names[r.To]
	if exists {
		u.Old = placeOf(old.To)
	}
	if err := nameFree(to.State, r.To, r.To); err != nil {
		return reject("%v", err)
	}
	if why, err := p.leaseLost(ctx, old, exists, r.To); err != nil || why != "" {
		if err != nil {
			return u, err
		}
		return reject("%s", why)
	}
	switch {
	case !exists:
		u.Outcome = RefNew
	case old.Kind != n.Kind:
		return reject("there is a %s of that name there", old.Kind)
	case old.To.ID == n.To.ID:
		u.Outcome = RefUpToDate
	case n.Kind == Tag:
		return reject("it is at v%d %s there, and tags do not move", old.To.Seq, old.To.ID.Short())
	case n.Kind == Alias:
		u.Outcome = RefMoved
	default:
		forward, err := contains(ctx, p.sn.h, n.To, old.To)
		if err != nil {
			return u, err
		}
		switch {
		case forward:
			u.Outcome = RefForward
		case p.o.Force || p.o.Lease:
			u.Outcome = RefForced
		default:
			return reject("%s is at v%d %s there, which is not part of v%d %s", r.To, old.To.Seq, old.To.ID.Short(), n.To.Seq, n.To.ID.Short())
		}
	}
	return u, nil
}

// leaseLost tells why a branch is not where it is believed to be; "" when it is, or
// nobody asks.
func (p *pushing) leaseLost(ctx context.Context, old journal.Name, exists bool, name string) (string, error) {
	if !p.o.Lease {
		return "", nil
	}
	var want *journal.Target
	believed := p.o.Expect
	if p.o.Expect != "" {
		v, err := p.s.resolve(ctx, p.sn, p.o.Expect)
		if err != nil {
			return "", err
		}
		want = &v.target
	} else {
		believed = p.f.remote.Name + "/" + name
		if n, ok := p.sn.st.Names[believed]; ok && n.Kind == journal.Remote {
			want = &n.To
		}
	}
	switch {
	case !exists && want == nil, exists && want != nil && want.ID == old.To.ID:
		return "", nil
	case !exists:
		return fmt.Sprintf("%s is not there any more, and was at v%d %s (%s)", name, want.Seq, want.ID.Short(), believed), nil
	case want == nil:
		return fmt.Sprintf("%s is at v%d %s there, and nothing here tells that you have seen it: fetch first", name, old.To.Seq, old.To.ID.Short()), nil
	}
	return fmt.Sprintf("%s is at v%d %s there, and not where you believe, at v%d %s (%s): somebody else has pushed; fetch first", name, old.To.Seq, old.To.ID.Short(), want.Seq, want.ID.Short(), believed), nil
}

func (p *pushing) deletion(ctx context.Context, to *exchange.Peer, r PushRef) (RefUpdate, error) {
	old, exists := to.State.Names[r.To]
	u := RefUpdate{Kind: old.Kind, To: r.To, Outcome: RefDeleted}
	if !exists || old.Kind != Branch && old.Kind != Tag && old.Kind != Alias {
		return u, as(ErrNotFound, fmt.Errorf("%s has no branch, tag or alias %q", p.f.remote.title(), r.To))
	}
	u.Old = placeOf(old.To)
	why, err := p.leaseLost(ctx, old, exists, r.To)
	if why != "" {
		u.Outcome, u.Reason = RefRejected, why
		return u, err
	}
	p.gone = append(p.gone, r.To)
	return u, err
}

func (p *pushing) deletions(to *exchange.Peer) (ops []journal.Op) {
	for _, name := range p.gone {
		n, ok := to.State.Names[name]
		if !ok {
			continue
		}
		ops = append(ops, journal.Op{Kind: journal.OpDeleteName, NameKind: n.Kind, Name: name, Target: n.To, Reason: "push by " + p.s.author(p.sn.st)})
		ops = append(ops, settingsNaming(to.State.Config, name, "")...)
	}
	return ops
}

// follow notes here where the remote's branches are now.
func (p *pushing) follow(ctx context.Context) error {
	remote := p.f.remote.Name
	if remote == "" {
		return nil
	}
	_, err := p.s.update(ctx, func(sn *snapshot) (ops []journal.Op, err error) {
		for _, m := range p.kept {
			if m.Kind != Branch {
				continue
			}
			name := remote + "/" + m.Name
			if n, ok := sn.st.Names[name]; ok && n.Kind != journal.Remote || nameFree(sn.st, name, name) != nil {
				continue
			} else if !ok || n.To.ID != m.Tip.ID {
				ops = append(ops, journal.Op{Kind: journal.OpSetName, NameKind: journal.Remote, Name: name, Target: m.Tip, Reason: "push"})
			}
		}
		for _, name := range p.gone {
			if n, ok := sn.st.Names[remote+"/"+name]; ok && n.Kind == journal.Remote {
				ops = append(ops, journal.Op{Kind: journal.OpDeleteName, NameKind: n.Kind, Name: n.Name, Target: n.To, Reason: "push"})
			}
		}
		if p.o.SetUpstream {
			for _, r := range p.refs {
				up := remote + "/" + r.To
				if n := p.sn.st.Names[r.Name]; !r.Delete && n.Kind == Branch && sn.st.Config[upstreamKey(r.Name)] != up && p.pushed(r) {
					ops = append(ops, journal.Op{Kind: journal.OpSetConfig, Key: upstreamKey(r.Name), Value: up})
				}
			}
		}
		return ops, nil
	})
	if err != nil {
		return fmt.Errorf("%s has what was pushed, but this store does not know it yet ('mstore fetch' tells it): %w", p.f.remote.title(), err)
	}
	return nil
}

func (p *pushing) pushed(r PushRef) bool {
	return slices.ContainsFunc(p.res.Refs, func(u RefUpdate) bool { return u.To == r.To && u.From == r.Name && u.Outcome != RefRejected })
}
