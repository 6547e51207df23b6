package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/mstore/mstore/exchange"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/refs"
)

// BundleApplyOptions say what becomes of what is in a bundle.
type BundleApplyOptions struct {
	File string
	// As is what the branches arrive below: as As/main. "": "bundle".
	As string
	// FastForward moves branches of the same name too, where that loses nothing, and makes
	// those that are not here.
	FastForward bool
	DryRun      bool
}

// BundleUpdate is what became of a name of a bundle.
type BundleUpdate struct {
	Kind     NameKind
	From, To string // in the bundle, and here
	Old, New string // "v3"; Old is "" where there was none
	Outcome  string // new, fast-forward, forced, up-to-date, rejected
	Reason   string // why it was rejected
}

// BundleApplied is what BundleApply did, or would do.
type BundleApplied struct {
	File     string
	DryRun   bool
	Refs     []BundleUpdate
	Versions int   // that were lacking here
	Bytes    int64 // that were stored for it
	Expired  int   // contents that have expired where the bundle was made
}

// DefaultBundle is what branches of bundles arrive below.
const DefaultBundle = "bundle"

// BundleApply takes what is in a bundle into the store, as a fetch does: everything is
// verified, branches arrive as remote branches, tags as tags. A bundle that leaves out
// content which is not here is ErrNotFound; nothing is changed then. Names that cannot
// move are rejected, the others move all the same; the error is ErrConflict then, and the
// result tells.
func (s *Store) BundleApply(ctx context.Context, o BundleApplyOptions) (*BundleApplied, error) {
	if o.As == "" {
		o.As = DefaultBundle
	}
	if err := checkBundleName(o.As); err != nil {
		return nil, err
	}
	f, err := openFarBundle(ctx, o.File, s.o)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	bundle, err := f.describe(ctx)
	if err != nil {
		return nil, err
	}
	sn, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.fits(ctx, sn, f.at); err != nil {
		return nil, err
	}
	a := &applying{s: s, f: f, o: o, bundle: bundle, res: &BundleApplied{File: f.dir, DryRun: o.DryRun}}
	if o.DryRun {
		moves, err := a.moves(ctx, s.peer(sn))
		if err != nil {
			return nil, transferred(err)
		}
		if a.res.Versions, err = exchange.Missing(ctx, f.peer(f.sn), s.peer(sn), moves); err != nil {
			return nil, transferred(err)
		}
		return a.res, a.rejected()
	}
	if err := s.writable(ctx); err != nil {
		return nil, err
	}
	to := s.transferOptions("applying")
	to.Absent = s.absentHere
	x, err := exchange.Transfer(ctx, f.peer(f.sn), s.peer(sn), to, a.moves)
	if x != nil {
		a.res.Versions, a.res.Bytes, a.res.Expired = x.Versions, x.Bytes, x.Expired
	}
	if err != nil {
		return nil, fmt.Errorf("%q: %w", f.dir, transferred(err))
	}
	if err := a.current(ctx); err != nil {
		return a.res, err
	}
	return a.res, a.rejected()
}

func checkBundleName(name string) error {
	err := refs.CheckName(name)
	if err == nil && strings.ContainsAny(name, "/.") {
		err = fmt.Errorf("%q holds a slash or a dot", name)
	}
	if err != nil {
		return as(ErrUsage, err)
	}
	return nil
}

// fits demands that the versions whose content a bundle leaves out are here.
func (s *Store) fits(ctx context.Context, sn *snapshot, at *storage) error {
	return at.bundle.unmet(func(id string) (bool, error) {
		found, err := sn.h.FindID(ctx, id, 1)
		return len(found) > 0, err
	})
}

// unmet is an error when versions that a bundle needs are not there; b may be nil, for
// what is none.
func (b *bundleNote) unmet(there func(id string) (bool, error)) error {
	if b == nil {
		return nil
	}
	var lacking []string
	for _, x := range b.Needs {
		ok, err := there(x.ID)
		if err != nil {
			return classify(err)
		}
		if !ok {
			lacking = append(lacking, fmt.Sprintf("%.20s %.10s", x.Version, x.ID))
		}
	}
	if len(lacking) == 0 {
		return nil
	}
	return as(ErrNotFound, fmt.Errorf("the bundle leaves out content that %s has, which is not here: apply a bundle that has it first, or make one without ^REV and --since", strings.Join(lacking, " and ")))
}

// absentHere decides about content that a bundle leaves out and that is not here: it may
// have expired here, or be promised.
func (s *Store) absentHere(c exchange.Content) error {
	ctx := context.Background()
	sn, err := s.load(ctx)
	if err != nil {
		return err
	}
	x, err := sn.expiry(ctx, c.Blob)
	if err != nil || x != nil {
		return err
	}
	if p, err := sn.promise(ctx, c.Blob); err != nil || p != nil {
		return err
	}
	return as(ErrNotFound, fmt.Errorf("the bundle leaves out %q of v%d %s, which is not here: apply a bundle that has it first", c.Path, c.Seq, c.Version.Short()))
}

// applying is one application of a bundle.
type applying struct {
	s      *Store
	f      *farBundle
	o      BundleApplyOptions
	bundle *Bundle
	res    *BundleApplied
	ahead  *journal.Target // where the current branch is to go
}

// moves decides what becomes of each name, on the newest state here.
func (a *applying) moves(ctx context.Context, to *exchange.Peer) (out []exchange.Move, err error) {
	a.res.Refs, a.ahead = nil, nil
	for _, x := range a.bundle.Refs {
		n := a.f.sn.st.Names[x.Name]
		if n.Kind != Branch {
			out, err = a.move(ctx, to, out, n, n.Kind, n.Name, false)
		} else if out, err = a.move(ctx, to, out, n, journal.Remote, a.o.As+"/"+n.Name, true); err == nil && a.o.FastForward {
			out, err = a.move(ctx, to, out, n, Branch, n.Name, false)
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (a *applying) move(ctx context.Context, to *exchange.Peer, out []exchange.Move, n journal.Name, kind NameKind, name string, force bool) ([]exchange.Move, error) {
	u := BundleUpdate{Kind: kind, From: n.Name, To: name, New: fmt.Sprintf("v%d", n.To.Seq)}
	old, exists := to.State.Names[name]
	if exists {
		u.Old = fmt.Sprintf("v%d", old.To.Seq)
	}
	forward := false
	if exists && old.To.ID != n.To.ID && (kind == Branch || kind == journal.Remote) {
		found, err := a.f.sn.h.FindID(ctx, old.To.ID.String(), 1)
		if err == nil && len(found) == 1 {
			forward, err = a.f.sn.h.Contains(ctx, []journal.Target{n.To}, found[0])
		}
		if err != nil {
			return nil, err
		}
	}
	switch err := nameFree(to.State, name, name); {
	case err != nil:
		u.Outcome, u.Reason = "rejected", err.Error()
	case !exists:
		u.Outcome = "new"
	case old.Kind != kind:
		u.Outcome, u.Reason = "rejected", fmt.Sprintf("there is a %s of that name here", old.Kind)
	case old.To.ID == n.To.ID:
		u.Outcome = "up-to-date"
	case forward:
		u.Outcome = "fast-forward"
	case force:
		u.Outcome = "forced"
	case kind == Branch:
		u.Outcome, u.Reason = "rejected", fmt.Sprintf("it is at v%d %s here, which the bundle's does not contain ('mstore merge %s/%s' brings both together)", old.To.Seq, old.To.ID.Short(), a.o.As, n.Name)
	default:
		u.Outcome, u.Reason = "rejected", fmt.Sprintf("it is at v%d %s here, and a bundle moves no %s", old.To.Seq, old.To.ID.Short(), kind)
	}
	a.res.Refs = append(a.res.Refs, u)
	switch {
	case u.Outcome == "rejected":
		return out, nil
	case kind == Branch && name == a.s.head().Branch && u.Outcome != "up-to-date": // with the models on disk, when all is here
		a.ahead = &n.To
		return out, nil
	}
	return append(out, exchange.Move{Kind: kind, Name: name, Tip: n.To, Reason: "bundle " + a.f.at.location}), nil
}

// current moves the current branch, and the models on disk with it.
func (a *applying) current(ctx context.Context) error {
	if a.ahead == nil {
		return nil
	}
	branch := a.s.head().Branch
	sn, err := a.s.load(ctx)
	if err != nil {
		return err
	}
	if _, ok := sn.st.Names[branch]; !ok { // it has no version yet: nothing on disk was saved
		_, err := a.s.SetName(ctx, Branch, branch, a.ahead.ID.String(), false)
		return err
	}
	_, err = a.s.Merge(ctx, a.o.As+"/"+branch, MergeOptions{FastForwardOnly: true})
	if err != nil {
		return fmt.Errorf("what is in the bundle is here, as %s/%s, but the current branch was not moved: %w", a.o.As, branch, err)
	}
	return nil
}

// rejected is an error for names that were refused; nil for none.
func (a *applying) rejected() error {
	var list []string
	for _, u := range a.res.Refs {
		if u.Outcome == "rejected" {
			list = append(list, fmt.Sprintf("%s %s: %s", u.Kind, u.To, u.Reason))
		}
	}
	if len(list) == 0 {
		return nil
	}
	return as(ErrConflict, errors.New("not all names of the bundle were taken over: "+strings.Join(list, "; ")))
}
