package store

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/mirror"
	"github.com/mstore/mstore/objects"
)

// secondStore is the setting store.second: where another store lies that may have the
// same contents, relative to this one's models.
const secondStore = "store.second"

// other is another store that may have what is lost here.
type other struct {
	name     string // for people
	location string
	mirror   bool // registered as one
	kept     bool // somebody else closes s

	s    *Store // nil: not opened yet, or err
	err  error
	sn   *snapshot // nil: not read yet, or serr
	serr error
}

// remoteNames lists the remotes of some settings, mirrors first, each by name.
func remoteNames(settings map[string]string) (names []string) {
	for key := range settings {
		if rest, ok := strings.CutPrefix(key, remoteSetting); ok {
			if name, ok := strings.CutSuffix(rest, "."+remoteURL); ok && name != "" {
				names = append(names, name)
			}
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		if am, bm := isMirror(settings, a), isMirror(settings, b); am != bm {
			if am {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
	return names
}

func isMirror(settings map[string]string, name string) bool {
	return settings[remoteKey(name, remoteMirror)] == "true"
}

// others lists the stores that may have what is lost here: mirrors, what this one is a
// mirror of, remotes, the second store. Nothing is opened yet. settings are those that
// apply here.
func (s *Store) others(ctx context.Context, settings map[string]string) (list []*other) {
	if s.helpers != nil {
		return s.helpers
	}
	add := func(x *other) {
		if x.location != "" && !s.isHere(x.location) && !slices.ContainsFunc(list, func(y *other) bool { return y.location == x.location }) {
			list = append(list, x)
		}
	}
	names := remoteNames(settings)
	for _, name := range names {
		if isMirror(settings, name) {
			add(&other{name: fmt.Sprintf("the mirror %q", name), location: s.locationOf(settings[remoteKey(name, remoteURL)]), mirror: true})
		}
	}
	if _, from, ok, err := mirror.Mark(ctx, s.b); err == nil && ok {
		add(&other{name: "the store that this mirrors", location: s.locationOf(from)})
	}
	for _, name := range names {
		if !isMirror(settings, name) {
			add(&other{name: fmt.Sprintf("the remote %q", name), location: s.locationOf(settings[remoteKey(name, remoteURL)])})
		}
	}
	add(&other{name: "the second store", location: s.locationOf(settings[secondStore])})
	return list
}

// locationOf is a location as a setting names it: a directory is relative to the models.
func (s *Store) locationOf(location string) string {
	if location == "" || strings.Contains(location, "://") || filepath.IsAbs(location) {
		return location
	}
	return filepath.Join(s.rootDir, filepath.FromSlash(location))
}

// isHere tells whether a location is this very store.
func (s *Store) isHere(location string) bool {
	if isURL(location) {
		return location == s.location
	}
	if s.dir == "" {
		return false
	}
	here, err := os.Stat(s.dir)
	if err != nil {
		return false
	}
	for _, dir := range []string{location, filepath.Join(location, DirName)} {
		if fi, err := os.Stat(dir); err == nil && os.SameFile(fi, here) {
			return true
		}
	}
	return false
}

// settingsOrWhatIsLeft are the settings that apply here, as far as they can be read.
func (s *Store) settingsOrWhatIsLeft(ctx context.Context, st *journal.State) map[string]string {
	if st != nil {
		if all, err := s.settings(st); err == nil {
			return all
		}
		return st.Config
	}
	shared, err := s.j.Settings(ctx)
	if err != nil {
		shared = map[string]string{}
	}
	if all, err := s.settings(&journal.State{Config: shared}); err == nil {
		return all
	}
	return shared
}

// openAt opens another store, without a workspace.
func (s *Store) openAt(ctx context.Context, location string, o Options) (*Store, error) {
	x, err := s.openStorage(ctx, location)
	if err != nil {
		return nil, err
	}
	at := newStore(vfs.NewMem(), x.Backend, o)
	at.dir, at.location, at.closers = x.dir, x.location, []io.Closer{x}
	if err := at.checkFormat(ctx); err != nil {
		_ = at.Close()
		return nil, err
	}
	return at, nil
}

// open opens it, once.
func (x *other) open(ctx context.Context, s *Store) (*Store, error) {
	if x.s == nil && x.err == nil {
		x.s, x.err = s.openAt(ctx, x.location, Options{Clock: s.o.Clock, Warn: s.o.Warn})
		if x.err != nil && ctx.Err() == nil {
			s.o.Warn(fmt.Sprintf("%s cannot help: %v", x.name, x.err))
		}
	}
	return x.s, x.err
}

// snapshot reads its newest state, once.
func (x *other) snapshot(ctx context.Context, s *Store) (*snapshot, error) {
	if x.sn == nil && x.serr == nil {
		o, err := x.open(ctx, s)
		if err != nil {
			return nil, err
		}
		if x.sn, x.serr = o.load(ctx); x.serr != nil && ctx.Err() == nil {
			s.o.Warn(fmt.Sprintf("%s cannot help with contents: %v", x.name, x.serr))
		}
	}
	return x.sn, x.serr
}

func (x *other) close() {
	if x.s != nil && !x.kept {
		_ = x.s.Close()
		x.s = nil
	}
}

// blob stores a content of the other store in w.
func (x *other) blob(ctx context.Context, s *Store, w *objects.Writer, id objects.BlobID) bool {
	sn, err := x.snapshot(ctx, s)
	if err != nil {
		return false
	}
	b, err := sn.r.Blob(ctx, id)
	if err != nil {
		return false
	}
	if _, err := b.WriteTo(io.Discard); err != nil { // all of it, before any of it is stored
		return false
	}
	got, _, err := w.Blob(b, b.Size(), objects.BlobID{})
	return err == nil && got == id
}

// tree stores a lost tree of the other store in w, as far as it is lost here.
func (x *other) tree(ctx context.Context, s *Store, w *objects.Writer, here *snapshot, root objects.TreeID) bool {
	sn, err := x.snapshot(ctx, s)
	if err != nil {
		return false
	}
	complete := true
	err = sn.tree(root).Walk(ctx, func(id objects.TreeID, _ []objects.TreeEntry, err error) (bool, error) {
		if err != nil {
			complete = false
			return false, nil
		}
		if _, err := here.r.TreeNode(ctx, id); err == nil {
			return true, nil // what is below may be lost
		}
		b, err := sn.r.TreeNode(ctx, id)
		if err == nil {
			err = w.TreeNode(id, b)
		}
		complete = complete && err == nil
		return err == nil, nil
	})
	return err == nil && complete && ctx.Err() == nil
}

// mirrored takes files from copies of this store that lie elsewhere.
func (r *repairing) mirrored(ctx context.Context, f *fsck) error {
	var st *journal.State
	if f.sn != nil {
		st = f.sn.st
	}
	var suspect []string
	add := func(key string) {
		if !slices.Contains(suspect, key) {
			suspect = append(suspect, key)
		}
	}
	for _, p := range f.rep.Problems {
		if name, ok := packOf(p.Object); ok {
			add(name.Key())
		} else if mirror.IsFile(p.Object) {
			add(p.Object)
		}
	}
	for name := range f.damaged {
		add(name.Key())
	}
	settings := r.s.settingsOrWhatIsLeft(ctx, st)
	for _, x := range r.others(ctx, settings) {
		o, err := x.open(ctx, r.s)
		if err != nil {
			continue
		}
		done, err := mirror.Heal(ctx, mirror.HealOptions{From: o.b, To: r.s.b, Store: knownID(settings, st), Suspect: suspect,
			Warn: func(msg string) { r.s.o.Warn(x.name + ": " + msg) }})
		for _, key := range done {
			r.note(key, "", x.name)
			suspect = slices.DeleteFunc(suspect, func(k string) bool { return k == key })
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil && (x.mirror || !errors.Is(err, mirror.ErrOther)) { // a remote may be another store
			r.s.o.Warn(fmt.Sprintf("%s cannot help with files: %v", x.name, err))
		}
	}
	return nil
}

// aheadOf tells whether a mirror has entries that this store has lost.
func (s *Store) aheadOf(ctx context.Context, st *journal.State) bool {
	settings := s.settingsOrWhatIsLeft(ctx, st)
	for _, x := range s.others(ctx, settings) {
		if !x.mirror {
			continue
		}
		o, err := x.s, error(nil)
		if o == nil {
			if o, err = s.openAt(ctx, x.location, Options{Clock: s.o.Clock}); err != nil {
				continue
			}
		}
		now, err := o.j.Load(ctx)
		if x.s == nil {
			_ = o.Close()
		}
		if err == nil && now.Mirror && now.Store == st.Store && now.Number > st.Number {
			return true
		}
	}
	return false
}

// others are opened once for all rounds of a repair.
func (r *repairing) others(ctx context.Context, settings map[string]string) []*other {
	if r.elsewhere == nil {
		r.elsewhere = append([]*other{}, r.s.others(ctx, settings)...)
	}
	return r.elsewhere
}

func (r *repairing) close() {
	for _, x := range r.elsewhere {
		x.close()
	}
}

// knownID is the ID of this store, from what its mirrors are known to have, if the
// journal does not tell.
func knownID(settings map[string]string, st *journal.State) *[16]byte {
	if st != nil {
		return &st.Store
	}
	for _, name := range remoteNames(settings) {
		id, err := hex.DecodeString(settings[remoteKey(name, remoteID)])
		if isMirror(settings, name) && err == nil && len(id) == 16 {
			return (*[16]byte)(id)
		}
	}
	return nil
}
