package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mstore/mstore/exchange"
	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
)

// BundleOptions say what goes into a bundle.
type BundleOptions struct {
	File string
	// Revs are branches, tags, aliases and versions that go in, ^REV for what the other
	// side has, and A..B for both. None: all branches and tags.
	Revs  []string
	Since time.Time // what was saved before is left out too; zero: nothing
}

// BundleCreate writes versions into a file that another store takes them from. Records
// and trees of all of them are in it; content is left out where it is that of a version
// that the other side has. The file appears when it is whole. Content that is promised is
// fetched first. Errors wrap ErrNotFound where nothing is left to put in, and ErrConflict
// where the file is there and no bundle.
func (s *Store) BundleCreate(ctx context.Context, o BundleOptions) (*Bundle, error) {
	file, err := filepath.Abs(o.File)
	if err != nil {
		return nil, as(ErrUsage, err)
	}
	root, err := vfs.OpenRoot(filepath.Dir(file))
	if err != nil {
		return nil, as(ErrNotFound, fmt.Errorf("making a bundle: %w", err))
	}
	defer root.Close()
	out, err := s.bundleInto(ctx, root, filepath.Base(file), o)
	if err != nil {
		return nil, classify(err)
	}
	out.File = file
	return out, nil
}

// bundleInto writes a bundle below a directory.
func (s *Store) bundleInto(ctx context.Context, dir vfs.FS, name string, o BundleOptions) (out *Bundle, err error) {
	if err := replaceable(ctx, dir, name); err != nil {
		return nil, err
	}
	sn, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	plan, err := s.planBundle(ctx, sn, o)
	if err != nil {
		return nil, err
	}
	sweepBundles(dir, s.o.Clock().Add(-24*time.Hour))
	work := bundleTemp + tempName()
	if err := dir.Mkdir(work); err != nil {
		return nil, fmt.Errorf("making a bundle: %w", err)
	}
	defer func() {
		if rerr := removeTree(dir, work); err == nil && rerr != nil {
			s.o.Warn(fmt.Sprintf("the bundle is made, but %q could not be removed: %v", work, rerr))
		}
	}()
	b := backend.NewDir(vfs.Sub(dir, work))
	defer b.Close()
	small := newStore(vfs.NewMem(), b, Options{Clock: s.o.Clock})
	if _, err := small.init(ctx); err != nil {
		return nil, err
	}
	if err := s.fillBundle(ctx, sn, small, plan); err != nil {
		return nil, err
	}
	out = &Bundle{Refs: plan.refs, Needs: plan.needRefs(), Versions: plan.versions, Made: s.o.Clock().UTC()}
	note := bundleNote{Bundle: bundleFormat, Made: out.Made.Format(time.RFC3339), Needs: []bundleNeeds{}}
	for _, x := range out.Needs {
		note.Needs = append(note.Needs, bundleNeeds{x.Version, x.ID.String()})
	}
	raw, err := json.Marshal(note)
	if err != nil {
		return nil, err
	}
	temp := path.Join(work, "zip")
	if out.Size, err = writeBundle(ctx, dir, temp, b, raw); err != nil {
		return nil, fmt.Errorf("writing the bundle: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := dir.Rename(temp, name); err != nil {
		return nil, fmt.Errorf("writing the bundle: %w", err)
	}
	if err := dir.SyncDir("."); err != nil {
		return nil, fmt.Errorf("making the bundle durable: %w", err)
	}
	return out, nil
}

// bundleTemp begins the names of directories in which bundles are made.
const bundleTemp = ".mstore-bundle-"

// sweepBundles removes what killed processes have left.
func sweepBundles(dir vfs.FS, before time.Time) {
	entries, err := dir.ReadDir(".")
	if err != nil {
		return
	}
	for _, e := range entries {
		if fi, err := e.Info(); err == nil && fi.IsDir() && strings.HasPrefix(e.Name(), bundleTemp) && fi.ModTime().Before(before) {
			_ = removeTree(dir, e.Name())
		}
	}
}

// replaceable refuses to write over what is no bundle.
func replaceable(ctx context.Context, dir vfs.FS, name string) error {
	fi, err := dir.Lstat(name)
	if notExist(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking at %q: %w", name, err)
	}
	if fi.Mode().IsRegular() {
		f, err := dir.Open(name)
		if err != nil {
			return fmt.Errorf("looking at %q: %w", name, err)
		}
		defer f.Close()
		if _, err = readBundle(ctx, f, fi.Size()); err == nil || errors.Is(err, ErrDamaged) || errors.Is(err, ErrFormat) {
			return nil
		}
	}
	return as(ErrConflict, fmt.Errorf("%q is there, and is no bundle; it is not overwritten", name))
}

func writeBundle(ctx context.Context, dir vfs.FS, name string, b backend.Backend, note []byte) (size int64, err error) {
	f, err := dir.Create(name)
	if err != nil {
		return 0, err
	}
	err = backend.WriteZip(ctx, f, b, map[string][]byte{bundleKey: note}, formatKey, "journal/", "objects/")
	if err == nil {
		err = f.Sync()
	}
	var fi fs.FileInfo
	if err == nil {
		fi, err = f.Stat()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return 0, err
	}
	return fi.Size(), nil
}

// bundlePlan is what goes into a bundle.
type bundlePlan struct {
	refs     []BundleRef
	moves    []exchange.Move
	exclude  []journal.Target
	needs    []journal.Target // the youngest versions whose content is left out
	skip     map[objects.BlobID]bool
	versions int
}

func (p *bundlePlan) needRefs() (out []BundleRef) {
	for _, t := range p.needs {
		out = append(out, BundleRef{Version: fmt.Sprintf("v%d", t.Seq), ID: t.ID})
	}
	return out
}

// planBundle reads the revisions.
func (s *Store) planBundle(ctx context.Context, sn *snapshot, o BundleOptions) (*bundlePlan, error) {
	p := &bundlePlan{}
	for _, rev := range o.Revs {
		if not, ok := strings.CutPrefix(rev, "^"); ok {
			if err := p.without(ctx, s, sn, not); err != nil {
				return nil, err
			}
			continue
		}
		if from, to, ok := strings.Cut(rev, ".."); ok {
			if err := p.without(ctx, s, sn, from); err != nil {
				return nil, err
			}
			rev = to
		}
		if err := p.add(ctx, s, sn, rev); err != nil {
			return nil, err
		}
	}
	if len(p.moves) == 0 {
		for _, n := range sn.st.SortedNames(0) {
			if n.Kind == Branch || n.Kind == Tag {
				p.name(n.Kind, n.Name, n.To)
			}
		}
	}
	if len(p.moves) == 0 {
		return nil, as(ErrNotFound, errors.New("there is no version yet: nothing to put into a bundle"))
	}
	return p, p.decide(ctx, sn, o.Since)
}

func (p *bundlePlan) without(ctx context.Context, s *Store, sn *snapshot, rev string) error {
	v, err := s.resolve(ctx, sn, rev)
	if err == nil {
		p.exclude = append(p.exclude, v.target)
	}
	return err
}

// add takes a name as it is, and a version as the branch that it is on.
func (p *bundlePlan) add(ctx context.Context, s *Store, sn *snapshot, rev string) error {
	if n, ok := sn.st.Names[rev]; ok && (n.Kind == Branch || n.Kind == Tag || n.Kind == Alias) {
		p.name(n.Kind, n.Name, n.To)
		return nil
	}
	v, err := s.resolve(ctx, sn, rev)
	if err != nil {
		return err
	}
	name := v.Branch
	if n, ok := sn.st.Names[name]; !ok || n.Kind != Branch {
		name = s.head().Branch
	}
	for _, m := range p.moves {
		if m.Name == name && m.Tip.ID != v.ID {
			return as(ErrUsage, fmt.Errorf("%s and another version would both be %s in the bundle: name one of them by a tag", rev, name))
		}
	}
	p.name(Branch, name, v.target)
	return nil
}

func (p *bundlePlan) name(kind NameKind, name string, to journal.Target) {
	if slices.ContainsFunc(p.moves, func(m exchange.Move) bool { return m.Name == name }) {
		return
	}
	p.moves = append(p.moves, exchange.Move{Kind: kind, Name: name, Tip: to, Reason: "bundle"})
	p.refs = append(p.refs, BundleRef{kind, name, fmt.Sprintf("v%d", to.Seq), to.ID})
}

// decide finds out which content is left out, and which versions are needed for that.
func (p *bundlePlan) decide(ctx context.Context, sn *snapshot, since time.Time) error {
	tips := make([]journal.Target, len(p.moves))
	for i, m := range p.moves {
		tips[i] = m.Tip
	}
	in, err := sn.h.Ancestors(ctx, tips)
	if err != nil {
		return err
	}
	out, err := sn.h.Ancestors(ctx, p.exclude)
	if err != nil {
		return err
	}
	if !since.IsZero() { // clocks may err: whatever an old version descends from is old too
		var old []journal.Target
		err := sn.eachVersion(ctx, func(v *Version) error {
			if v.Seq <= in[v.target.Line] && v.Time.Before(since) {
				old = append(old, v.target)
			}
			return nil
		})
		if err == nil {
			out, err = sn.h.Ancestors(ctx, append(old, p.exclude...))
		}
		if err != nil {
			return err
		}
	}
	wanted := func(t journal.Target) bool { return t.Seq <= in[t.Line] && t.Seq > out[t.Line] }
	needs := map[objects.VersionID]journal.Target{}
	need := func(t journal.Target) {
		if t.Entry != 0 && !wanted(t) {
			needs[t.ID] = t
		}
	}
	err = sn.eachVersion(ctx, func(v *Version) error {
		if wanted(v.target) {
			p.versions++
			need(v.parent)
			for _, m := range v.merged {
				need(m)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if p.versions == 0 {
		return as(ErrNotFound, errors.New("there is nothing to put into a bundle: the other side has all of it"))
	}
	for _, t := range tips {
		need(t)
	}
	for _, t := range needs {
		p.needs = append(p.needs, t)
	}
	slices.SortFunc(p.needs, func(a, b journal.Target) int { return int(int64(a.Entry) - int64(b.Entry)) })
	p.skip, err = leftOut(ctx, sn, p.needs)
	return err
}

// fillBundle copies what a bundle is to hold into a small store.
func (s *Store) fillBundle(ctx context.Context, sn *snapshot, small *Store, p *bundlePlan) error {
	_, _, err := small.appendOps(ctx, func(*snapshot) ([]journal.Op, error) {
		return []journal.Op{{Kind: journal.OpSetConfig, Key: "store.parity", Value: "off"}}, nil
	})
	if err != nil {
		return err
	}
	o := s.transferOptions("bundling")
	o.Trusted = true
	o.Skip = func(id objects.BlobID) bool { return p.skip[id] }
	tips := make([]journal.Target, len(p.moves))
	for i, m := range p.moves {
		tips[i] = m.Tip
	}
	lacks := func(id objects.BlobID) bool { return !p.skip[id] }
	return s.give(ctx, sn, tips, lacks, func(sn *snapshot) error {
		to, err := small.load(ctx)
		if err != nil {
			return err
		}
		_, err = exchange.Transfer(ctx, s.peer(sn), small.peer(to), o, func(context.Context, *exchange.Peer) ([]exchange.Move, error) { return p.moves, nil })
		return err
	})
}
