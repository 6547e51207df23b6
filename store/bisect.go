package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/mstore/mstore/internal/bisect"
	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
)

// Where a search is kept, and where versions are tested.
const (
	bisectFile     = workDir + "/bisect.json"
	bisectLockFile = workDir + "/bisect.lock"
	bisectDir      = workDir + "/bisect"
	maxBisectFile  = 64 << 20
)

// Verdict is what a test said of a version.
type Verdict = bisect.Verdict

// The verdicts.
const (
	VerdictGood = bisect.Good
	VerdictBad  = bisect.Bad
	VerdictSkip = bisect.Skip // it cannot be tested
)

// BisectOptions say where a search begins.
type BisectOptions struct {
	Bad   string   // a revision
	Good  []string // first-parent ancestors of it; the newest counts
	Paths []string // only versions that changed one of these models or directories
	Where string   // BisectWhere: an expression that is true of bad versions
	Force bool     // StartBisect: in place of a search that is under way
}

// Bisect is a search for the first bad version that is kept in the workspace. It holds
// a lock: no other process can go on with the search until Close.
type Bisect struct {
	s      *Store
	sn     *snapshot
	kept   bool // in the workspace
	lock   *workLock
	st     *bisect.State
	search *bisect.Search
}

// ErrNoBisect: no search is under way in this workspace.
var ErrNoBisect = errors.New("no bisect is under way here")

// StartBisect begins a search. GOOD that is not older than BAD wraps ErrUsage, one that
// did not lead to it ErrConflict, and so do a search that is under way and another
// process that is at work on one.
func (s *Store) StartBisect(ctx context.Context, o BisectOptions) (*Bisect, error) {
	b := &Bisect{s: s, kept: true}
	if err := b.begin(ctx, o); err != nil {
		return nil, err
	}
	var err error
	if b.lock, err = s.lockBisect(); err != nil {
		return nil, err
	}
	if err := b.keepFirst(o.Force); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

func (b *Bisect) keepFirst(force bool) error {
	if _, err := b.s.readBisect(); !errors.Is(err, ErrNoBisect) && !force {
		return as(ErrConflict, errors.New("a bisect is under way here: 'mstore bisect status' shows it, 'mstore bisect reset' ends it, --force begins anew"))
	}
	if err := b.s.clearBisect(); err != nil {
		return err
	}
	return b.keep()
}

// OpenBisect goes on with the search of this workspace: ErrNoBisect, which is an
// ErrUsage, if there is none, ErrDamaged if it cannot be read, ErrConflict if another
// process is at work on it.
func (s *Store) OpenBisect(ctx context.Context) (*Bisect, error) {
	lock, err := s.lockBisect()
	if err != nil {
		return nil, err
	}
	b, err := s.loadBisect(ctx)
	if err != nil {
		return nil, errors.Join(err, lock.release())
	}
	b.lock = lock
	return b, nil
}

// BisectStatus tells how the search of this workspace stands, also while another
// process is at work on it. Errors are those of OpenBisect.
func (s *Store) BisectStatus(ctx context.Context) (*BisectStatus, error) {
	b, err := s.loadBisect(ctx)
	if err != nil {
		return nil, err
	}
	return b.Status(ctx)
}

func (s *Store) loadBisect(ctx context.Context) (*Bisect, error) {
	st, err := s.readBisect()
	if err != nil {
		return nil, err
	}
	b := &Bisect{s: s, kept: true, st: st}
	if b.sn, err = s.load(ctx); err != nil {
		return nil, err
	}
	if _, err := b.bad(ctx); err != nil {
		return nil, err
	}
	if b.search, err = st.Search(); err != nil {
		return nil, as(ErrDamaged, err)
	}
	return b, nil
}

// bad is the bad version that the search began with.
func (b *Bisect) bad(ctx context.Context) (*Version, error) {
	t, err := targetOf(b.st.Bad)
	if err != nil {
		return nil, err
	}
	v, err := b.sn.version(ctx, t)
	if err != nil {
		return nil, fmt.Errorf("the version that the bisect began with ('mstore bisect reset' ends it): %w", err)
	}
	return v, nil
}

func targetOf(v bisect.Version) (journal.Target, error) {
	id, err := objects.ParseVersionID(v.ID)
	if err != nil {
		return journal.Target{}, as(ErrDamaged, err)
	}
	return journal.Target{ID: id, Seq: v.Seq, Entry: v.Entry, Line: v.Line}, nil
}

func bisectVersion(t journal.Target) bisect.Version {
	return bisect.Version{Seq: t.Seq, ID: t.ID.String(), Entry: t.Entry, Line: t.Line}
}

func (s *Store) readBisect() (*bisect.State, error) {
	raw, err := vfs.ReadFile(s.root, bisectFile, maxBisectFile)
	if notExist(err) {
		return nil, as(ErrUsage, fmt.Errorf("%w: mstore bisect start BAD GOOD", ErrNoBisect))
	}
	var st *bisect.State
	if err == nil {
		st, err = bisect.ParseState(raw)
	}
	if err != nil {
		return nil, as(ErrDamaged, fmt.Errorf("%q: %w ('mstore bisect reset' ends the bisect)", bisectFile, err))
	}
	return st, nil
}

// keep writes the state down for good.
func (b *Bisect) keep() error {
	raw, err := b.st.Encode()
	if err != nil {
		return err
	}
	return classify(b.s.writeWork(bisectFile, raw, true))
}

// ResetBisect ends the search of this workspace, however damaged, and removes what was
// checked out for it. It tells whether there was one.
func (s *Store) ResetBisect() (was bool, err error) {
	lock, err := s.lockBisect()
	if err != nil {
		return false, err
	}
	_, err = s.root.Lstat(bisectFile)
	was = err == nil
	return was, errors.Join(s.clearBisect(), lock.release())
}

// clearBisect removes the state first: a search without its directory goes on, a
// directory without a search is in nobody's way.
func (s *Store) clearBisect() error {
	err := s.root.Remove(bisectFile)
	if err == nil {
		err = s.root.SyncDir(workDir)
	}
	if err != nil && !notExist(err) {
		return classify(fmt.Errorf("ending the bisect: %w", err))
	}
	if err := removeTree(s.root, bisectDir); err != nil {
		return classify(fmt.Errorf("removing what was checked out for the bisect: %w", err))
	}
	return nil
}

// Close lets other processes go on with the search. Everything is kept already.
func (b *Bisect) Close() error { return b.lock.release() }

// Dir is the directory in which versions are tested.
func (b *Bisect) Dir() string { return filepath.Join(b.s.rootDir, filepath.FromSlash(bisectDir)) }

// Mark gives verdicts on versions; without revs on the one that is to be tested. They
// are kept when it returns. ErrConflict: a version is not on the line, or a verdict
// contradicts one before; nothing is kept then.
func (b *Bisect) Mark(ctx context.Context, verdict Verdict, revs ...string) error {
	var marked []bisect.Version
	if len(revs) == 0 {
		next, err := b.next(ctx)
		if err != nil {
			return err
		}
		if next == nil {
			return as(ErrUsage, errors.New("no version is under test any more: name one, or end the bisect by 'mstore bisect reset'"))
		}
		marked = append(marked, bisectVersion(next.target))
	}
	for _, rev := range revs {
		v, err := b.s.resolve(ctx, b.sn, rev)
		if err != nil {
			return err
		}
		if err := b.onLine(ctx, v); err != nil {
			return err
		}
		marked = append(marked, bisectVersion(v.target))
	}
	st := *b.st
	st.Steps = slices.Clip(st.Steps)
	for _, v := range marked {
		st.Steps = append(st.Steps, bisect.Step{Version: v, Verdict: verdict})
	}
	search, err := st.Search()
	if err != nil {
		good, bad := b.search.Range()
		return as(ErrConflict, fmt.Errorf("%w: v%d is known to be good and v%d to be bad ('mstore bisect status' has the verdicts, 'mstore bisect reset' takes them all back)",
			err, b.st.Seq(good), b.st.Seq(bad)))
	}
	kept := b.st
	b.st = &st
	if err := b.keep(); err != nil {
		b.st = kept
		return err
	}
	b.search = search
	return nil
}

// onLine refuses a version that did not lead to the bad one.
func (b *Bisect) onLine(ctx context.Context, v *Version) error {
	bad, err := targetOf(b.st.Bad)
	if err != nil {
		return err
	}
	t, err := b.sn.h.FindSeq(ctx, bad, v.Seq)
	if err != nil && !errors.Is(err, journal.ErrNotFound) {
		return classify(err)
	}
	if err != nil || t.ID != v.ID {
		return as(ErrConflict, fmt.Errorf("%s %s did not lead to %s %s, which is where the bisect looks", v.Name, v.ID.Short(), b.st.Bad.Name(), bad.ID.Short()))
	}
	return nil
}

// at reads the version at a place of the search.
func (b *Bisect) at(ctx context.Context, place uint64) (*Version, error) {
	bad, err := targetOf(b.st.Bad)
	if err != nil {
		return nil, err
	}
	t, err := b.sn.h.FindSeq(ctx, bad, b.st.Seq(place))
	if err != nil {
		return nil, classify(err)
	}
	return b.sn.version(ctx, t)
}

// next is the version to test next; nil when no test can tell more.
func (b *Bisect) next(ctx context.Context) (*Version, error) {
	place, ok := b.search.Next()
	if !ok {
		return nil, nil
	}
	return b.at(ctx, place)
}
