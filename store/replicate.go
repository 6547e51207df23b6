package store

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/mirror"
)

// ReplicateOptions are the settings of Replicate.
type ReplicateOptions struct {
	// Name is what a mirror is called that is not registered yet; "": "mirror".
	Name string
	// Base is the directory that a directory is relative to; "": the working directory.
	Base string
	// Verify reads the whole mirror afterwards, as Fsck does, and replaces what is
	// damaged there.
	Verify bool
	// Damaged copies files also as they are that are damaged here, where the mirror has
	// none: else nothing that comes after is copied.
	Damaged bool
	DryRun  bool
}

// Mirrored is how one mirror was brought up to date.
type Mirrored struct {
	Name string
	URL  string
	mirror.Result
	Checked  bool     // with Verify
	Problems int      // that were found there and could not be healed
	Healed   []Repair // what was replaced there
	Err      error    // why it is not up to date; nil
}

// DefaultMirror is what a mirror is called that is given no name.
const DefaultMirror = "mirror"

var remoteName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`)

// Replicate brings mirrors up to date: copies of this store, file by file, that can take
// its place. to names a mirror, or says where one is or is to be (a directory or a URL),
// which is registered then; "" is all mirrors that are registered. The mirrors that were
// tried are in the result, also with an error. Errors wrap ErrNotFound, ErrUsage,
// ErrConflict (it is another store, or has entries of its own), ErrDamaged, or those of
// the storage; a mirror is consistent after each of them.
func (s *Store) Replicate(ctx context.Context, to string, o ReplicateOptions) ([]Mirrored, error) {
	sn, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	settings, err := s.settings(sn.st)
	if err != nil {
		return nil, err
	}
	list, err := s.mirrors(settings, to, o, sn.st.Mirror)
	if err != nil {
		return nil, err
	}
	var out []Mirrored
	var errs []error
	for _, m := range list {
		m.Err = s.replicate(ctx, &m, to != "", settings, o)
		if m.Err != nil {
			errs = append(errs, fmt.Errorf("mirror %q: %w", m.Name, m.Err))
		}
		out = append(out, m)
		if ctx.Err() != nil {
			break
		}
	}
	return out, errors.Join(errs...)
}

// mirrors finds out what to says. alone says that nothing can be registered here.
func (s *Store) mirrors(settings map[string]string, to string, o ReplicateOptions, alone bool) (list []Mirrored, err error) {
	names := remoteNames(settings)
	url := func(name string) string { return s.locationOf(settings[remoteKey(name, remoteURL)]) }
	if to == "" {
		if o.Name != "" {
			return nil, as(ErrUsage, errors.New("a name is for a mirror that is given with it"))
		}
		for _, name := range names {
			if isMirror(settings, name) {
				list = append(list, Mirrored{Name: name, URL: url(name)})
			}
		}
		if len(list) == 0 {
			return nil, as(ErrNotFound, errors.New("this store has no mirror; make one with: mstore replicate DIR"))
		}
		return list, nil
	}
	if slices.Contains(names, to) {
		if !isMirror(settings, to) {
			return nil, as(ErrUsage, fmt.Errorf("%q is a remote with versions of its own: versions go there with mstore push", to))
		}
		return []Mirrored{{Name: to, URL: url(to)}}, nil
	}
	location := to
	if isURL(to) {
		if location, err = checkURL(to); err != nil {
			return nil, err
		}
	} else {
		if !filepath.IsAbs(to) {
			location = filepath.Join(o.Base, to)
		}
		if location, err = filepath.Abs(location); err != nil {
			return nil, err
		}
		if fi, err := os.Stat(location); !strings.ContainsAny(to, `/\.`) && (err != nil || !fi.IsDir()) {
			return nil, as(ErrNotFound, fmt.Errorf("no mirror %q; a directory that is to be one is written ./%s", to, to))
		}
	}
	if s.isHere(location) {
		return nil, as(ErrUsage, fmt.Errorf("%q is this store itself", to))
	}
	for _, name := range names {
		if url(name) == location && isMirror(settings, name) {
			if o.Name != "" && o.Name != name {
				return nil, as(ErrConflict, fmt.Errorf("the mirror at %s is called %q already", location, name))
			}
			return []Mirrored{{Name: name, URL: location}}, nil
		}
	}
	name := o.Name
	if name == "" {
		name = DefaultMirror
	}
	if !remoteName.MatchString(name) {
		return nil, as(ErrUsage, fmt.Errorf("%q is not a name of a mirror: want letters, digits, - and _", name))
	}
	if slices.Contains(names, name) && !alone {
		return nil, as(ErrConflict, fmt.Errorf("%q is at %s; give this mirror another name (--name)", name, url(name)))
	}
	return []Mirrored{{Name: name, URL: location}}, nil
}

// replicate brings one mirror up to date.
func (s *Store) replicate(ctx context.Context, m *Mirrored, explicit bool, settings map[string]string, o ReplicateOptions) error {
	at, err := s.mirrorAt(ctx, m.URL, o.DryRun)
	if err != nil {
		return err
	}
	defer at.Close()
	return s.replicateTo(ctx, m, at, explicit, settings, o)
}

// replicateTo brings the mirror that lies in at up to date.
func (s *Store) replicateTo(ctx context.Context, m *Mirrored, at *storage, explicit bool, settings map[string]string, o ReplicateOptions) error {
	target := *at
	target.Backend = backend.Uncached(at.Backend) // what is really there
	at = &target
	mo := mirror.Options{Source: s.b, Target: at.Backend, Fold: s.foldNow, From: s.whereItIs(), Adopt: explicit, Lax: o.Damaged, DryRun: o.DryRun,
		Progress: func(done, total int64) { s.o.Progress("copying", done, total) }, Warn: s.o.Warn,
		Ready: func(ctx context.Context) error { return s.register(ctx, m, settings) }}
	if st, err := s.j.Load(ctx); err == nil && st.Mirror {
		mo.Fold, mo.Ready = nil, nil
	}
	res, err := mirror.Replicate(ctx, mo)
	if mirror.OfTarget(err) && o.Verify && !o.DryRun { // it cannot be read before it is healed
		if _, err := s.healMirror(ctx, m, at); err != nil {
			return err
		}
		res, err = mirror.Replicate(ctx, mo)
	}
	m.Result = *res
	if err != nil {
		return explain(m, err)
	}
	if o.Verify && !o.DryRun {
		rep, err := s.healMirror(ctx, m, at)
		if err != nil {
			return err
		}
		m.Checked, m.Problems = true, len(rep.Problems)
	}
	return nil
}

// explain says what to do about an error of a mirror.
func explain(m *Mirrored, err error) error {
	switch {
	case errors.Is(err, mirror.ErrOther):
		return as(ErrConflict, fmt.Errorf("%s cannot be a mirror of this store: %w; versions go to another store with mstore push", m.URL, err))
	case errors.Is(err, mirror.ErrDiverged):
		return as(ErrConflict, fmt.Errorf("%s cannot be a mirror of this store: %w; it is a store of its own now: versions go there with mstore push", m.URL, err))
	case errors.Is(err, mirror.ErrAhead):
		return as(ErrConflict, fmt.Errorf("%s: %w, which has lost some: mstore fsck --repair takes them back from there", m.URL, err))
	case errors.Is(err, mirror.ErrPromoted):
		return as(ErrConflict, fmt.Errorf("%s: %w, but has been made a store of its own; to make it a mirror again: mstore replicate %s", m.URL, err, m.Name))
	case errors.Is(err, mirror.ErrNotEmpty):
		return as(ErrConflict, fmt.Errorf("%s: %w; name an empty directory or one that is not there yet", m.URL, err))
	case mirror.OfTarget(err):
		return as(ErrDamaged, fmt.Errorf("%s: %w; to heal it from this store: mstore replicate %s --verify", m.URL, err, m.Name))
	case errors.Is(err, mirror.ErrDamaged):
		return as(ErrDamaged, fmt.Errorf("%w; the mirror stays as it was: mstore fsck --repair heals this store, and mstore replicate --damaged copies what is damaged as it is", err))
	}
	return classify(err)
}

// foldNow folds the journal whether or not it is due.
func (s *Store) foldNow(ctx context.Context) error {
	st, err := s.j.Load(ctx)
	if err == nil {
		_, err = s.j.Fold(ctx, st, s.packSet(st))
	}
	if err == nil {
		s.protectOrWarn(ctx, false)
	}
	return err
}

// whereItIs is how others find this store; "" when they cannot.
func (s *Store) whereItIs() string { return s.location }

// register writes a mirror into the settings. A store that cannot be written to is
// copied all the same.
func (s *Store) register(ctx context.Context, m *Mirrored, settings map[string]string) error {
	if isMirror(settings, m.Name) && settings[remoteKey(m.Name, remoteID)] != "" {
		return nil
	}
	_, err := s.update(ctx, func(sn *snapshot) (ops []journal.Op, _ error) {
		for _, kv := range [][2]string{{remoteURL, m.URL}, {remoteID, hex.EncodeToString(sn.st.Store[:])}, {remoteMirror, "true"}} {
			if key := remoteKey(m.Name, kv[0]); sn.st.Config[key] != kv[1] {
				ops = append(ops, journal.Op{Kind: journal.OpSetConfig, Key: key, Value: kv[1]})
			}
		}
		return ops, nil
	})
	if errors.Is(err, ErrReadOnly) {
		s.o.Warn(fmt.Sprintf("the mirror is made, but not registered: %v", err))
		return nil
	}
	return err
}

// mirrorAt opens where a mirror is or is to be.
func (s *Store) mirrorAt(ctx context.Context, location string, dryRun bool) (*storage, error) {
	if strings.Contains(location, "://") {
		return s.openStorage(ctx, location)
	}
	dir := location
	if isStore(filepath.Join(dir, DirName)) {
		dir = filepath.Join(dir, DirName)
	}
	if rel, err := filepath.Rel(s.dir, dir); s.dir != "" && err == nil && filepath.IsLocal(rel) {
		return nil, as(ErrUsage, fmt.Errorf("%q is inside of this store", location))
	}
	entries, err := os.ReadDir(dir)
	switch {
	case notExist(err) && dryRun:
		return &storage{Backend: backend.NewMem(), location: location}, nil
	case notExist(err):
		if err := makeDurable(dir); err != nil {
			return nil, fmt.Errorf("making a mirror: %w", err)
		}
	case err != nil:
		return nil, fmt.Errorf("opening the mirror: %w", err)
	case !isStore(dir):
		for _, e := range entries {
			if e.Name() != "objects" && e.Name() != "parity" && !strings.HasPrefix(e.Name(), vfs.TempPrefix) {
				return nil, as(ErrConflict, fmt.Errorf("%q is not empty, and is no store (%q is there); name an empty directory or one that is not there yet", location, e.Name()))
			}
		}
	}
	root, err := vfs.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("opening the mirror: %w", err)
	}
	b := backend.NewDir(root)
	x := &storage{Backend: b, location: location, dir: dir, closers: []io.Closer{b, root}}
	if !dryRun {
		if err := b.MakeDirs("objects", "journal", "parity"); err != nil {
			_ = x.Close()
			return nil, classify(fmt.Errorf("making a mirror: %w", err))
		}
	}
	return x, nil
}

// healMirror reads a whole mirror, and replaces what is damaged by what is here.
func (s *Store) healMirror(ctx context.Context, m *Mirrored, at *storage) (*FsckReport, error) {
	t := newStore(vfs.NewMem(), at.Backend, s.o)
	t.dir = at.dir
	t.helpers = []*other{{name: "this store", s: s, kept: true}}
	rep, err := t.Fsck(ctx, FsckOptions{Repair: true})
	if err != nil {
		return nil, fmt.Errorf("checking the mirror: %w", err)
	}
	m.Healed = append(m.Healed, rep.Repairs...)
	return rep, nil
}

// Promote makes a mirror a store of its own, which is written to from now on. What it
// mirrored is not told: if that lives on and is written to, the two have histories of
// their own under one ID. ErrUsage: it is no mirror.
func (s *Store) Promote(ctx context.Context) error {
	err := mirror.Promote(ctx, s.b)
	if errors.Is(err, backend.ErrNotFound) {
		return as(ErrUsage, errors.New("this store is no mirror: it can be written to already"))
	}
	return classify(err)
}

// notMirror refuses to write to a mirror.
func notMirror(st *journal.State) error {
	if !st.Mirror {
		return nil
	}
	return as(ErrConflict, fmt.Errorf("%w of another, which alone is written to: work there; or, if that is lost, make this one a store of its own: mstore replicate --promote", journal.ErrMirror))
}
