package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mstore/mstore/gc"
	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/objects/pack"
	"github.com/mstore/mstore/objects/parity"
)

// Repair is something that was written again.
type Repair struct {
	Object string // a file's key, or a model's content
	Path   string // of the model
	From   string // what helped
}

// repairing is one attempt to heal a store.
type repairing struct {
	s       *Store
	done    []Repair
	changed bool
}

func (r *repairing) note(object, path, from string) {
	r.changed = true
	if !slices.ContainsFunc(r.done, func(d Repair) bool { return d.Object == object && d.Path == path }) {
		r.done = append(r.done, Repair{object, path, from})
	}
}

// maxRounds bounds how often repair looks again at what it has done.
const maxRounds = 4

// repair heals what can be healed: files from parity, journal entries from what
// repeats them, contents from the working directory and the second store, what is
// derived from what it is derived from. It writes what it did into the journal, and
// looks again.
func (s *Store) repair(ctx context.Context, o FsckOptions, f *fsck) (*fsck, error) {
	if err := s.writable(ctx); err != nil {
		return nil, err
	}
	again := FsckOptions{}
	if o.partial() { // what was found may be part of more
		var err error
		if f, err = s.check(ctx, again, nil); err != nil {
			return nil, err
		}
	}
	r := &repairing{s: s}
	for range maxRounds {
		before := len(r.done)
		for _, step := range []func(context.Context, *fsck) error{r.files, r.journal, r.format, r.trees, r.contents, r.packs, r.forget, r.derived, r.parity} {
			r.changed = false
			if err := step(ctx, f); err != nil {
				return nil, classify(err)
			}
			if !r.changed {
				continue
			}
			s.mu.Lock()
			s.set = nil // what was opened before the repair
			s.mu.Unlock()
			var err error
			if f, err = s.check(ctx, again, nil); err != nil {
				return nil, err
			}
			if f.rep.OK {
				break
			}
		}
		if f.rep.OK || len(r.done) == before {
			break
		}
	}
	if len(r.done) > 0 && f.sn != nil {
		if err := r.record(ctx); err != nil {
			return nil, err
		}
		s.protectOrWarn(ctx, true)
		var err error
		if f, err = s.check(ctx, again, nil); err != nil {
			return nil, err
		}
	}
	f.rep.Repaired, f.rep.Repairs = len(r.done), r.done
	return f, nil
}

// record writes into the journal what was repaired.
func (r *repairing) record(ctx context.Context) error {
	const most = 1000
	_, err := r.s.update(ctx, func(*snapshot) (ops []journal.Op, _ error) {
		for _, d := range r.done[:min(len(r.done), most)] {
			object := d.Object
			if d.Path != "" {
				object += " " + d.Path
			}
			ops = append(ops, journal.Op{Kind: journal.OpRepair, Key: object, Reason: d.From})
		}
		return ops, nil
	})
	return err
}

// files rebuilds damaged and lost files from parity.
func (r *repairing) files(ctx context.Context, f *fsck) error {
	reported := map[string]bool{}
	for _, p := range f.rep.Problems {
		reported[p.Object] = true
		if name, ok := packOf(p.Object); ok {
			reported[name.Key()] = true
		}
	}
	groups, err := r.s.parityFiles(ctx, func(string, error) {})
	if err != nil {
		return err
	}
	for _, g := range groups {
		d, err := g.Damage(ctx)
		if err != nil {
			return err
		}
		for _, x := range d.Files {
			_, isPack := pack.ParseKey(x.Key)
			if x.Missing && !reported[x.Key] && (f.sn != nil || isPack) { // it was removed
				continue
			}
			if err := r.rebuild(ctx, g, x.Key); err != nil {
				return err
			}
		}
	}
	return nil
}

// rebuild puts a file back from parity, if that holds enough.
func (r *repairing) rebuild(ctx context.Context, g *parity.Group, key string) error {
	w, err := r.s.b.Replace(ctx, key)
	if err != nil {
		return err
	}
	if err := g.Rebuild(ctx, key, w); err != nil {
		if aerr := w.Abort(); ctx.Err() != nil || aerr != nil {
			return errors.Join(err, aerr)
		}
		return nil // too much is damaged; other ways are left
	}
	if err := w.Commit(); err != nil {
		return err
	}
	r.note(key, "", "parity")
	return nil
}

// journal rebuilds entries and checkpoints from what repeats them.
func (r *repairing) journal(ctx context.Context, f *fsck) error {
	if f.sn != nil && !slices.ContainsFunc(f.rep.Problems, func(p Problem) bool { return strings.HasPrefix(p.Object, "journal/") }) {
		return nil
	}
	copies, err := r.copies(ctx)
	if err != nil {
		return err
	}
	done, err := r.s.j.Rebuild(ctx, copies)
	for _, d := range done {
		r.note(d.Key, "", d.From)
	}
	return err
}

// copies gathers the version records in the footers of all packs that can be read.
func (r *repairing) copies(ctx context.Context) (out []journal.Copy, err error) {
	infos, err := r.s.b.List(ctx, pack.Prefix, "", 0)
	if err != nil {
		return nil, err
	}
	for _, i := range infos {
		name, ok := pack.ParseKey(i.Key)
		if !ok {
			continue
		}
		info := pack.Info{Name: name, Size: i.Size}
		x, err := pack.OpenIndex(ctx, r.s.b, info)
		var n pack.Notes
		if err == nil {
			n, err = x.Notes()
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			continue
		}
		for k, rec := range n.Versions {
			c := journal.Copy{Pack: info, Record: rec}
			if k == len(n.Versions)-1 {
				c.Intent = n.Intent
			}
			out = append(out, c)
		}
	}
	return out, nil
}

func (r *repairing) format(ctx context.Context, f *fsck) error {
	if f.sn == nil || !slices.ContainsFunc(f.rep.Problems, func(p Problem) bool { return p.Object == formatKey }) {
		return nil
	}
	w, err := r.s.b.Replace(ctx, formatKey)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(w, formatLine); err != nil {
		return errors.Join(err, w.Abort())
	}
	if err := w.Commit(); err != nil {
		return err
	}
	r.note(formatKey, "", "what it always says")
	return nil
}

// trees makes lost tree nodes again: what a version lists as changed, put onto its
// parent's tree, gives its tree, which is the same wherever it is made.
func (r *repairing) trees(ctx context.Context, f *fsck) error {
	if f.sn == nil || !slices.ContainsFunc(f.rep.Problems, func(p Problem) bool { return p.Path == "" && len(p.Versions) > 0 }) {
		return nil
	}
	w := objects.NewWriter(ctx, r.s.b, f.sn.r, objects.WriterOptions{NewName: newPackName})
	memo := map[objects.TreeID][]hit{}
	made := map[uint64]objects.TreeID{} // of versions, by entry
	var healed []Repair
	for e, err := range f.sn.h.Entries(ctx, 0) {
		if err != nil {
			break // the check tells
		}
		v, err := f.sn.versionOf(e)
		if err != nil || v == nil {
			continue
		}
		broken := false
		for _, h := range f.hits(ctx, v.Tree, memo) {
			broken = broken || h.path == ""
		}
		if !broken || len(v.Changes) == 0 {
			continue
		}
		from := made[v.parent.Entry]
		if from == (objects.TreeID{}) && v.parent.Entry != 0 {
			parent, err := f.sn.version(ctx, v.parent)
			if err != nil {
				continue
			}
			from = parent.Tree
		}
		edits := make([]objects.TreeEdit, len(v.Changes))
		for i, ch := range v.Changes {
			edits[i] = objects.TreeEdit{TreeEntry: objects.TreeEntry{Path: ch.Path, Blob: ch.Blob, Size: ch.Size}, Remove: ch.Status == objects.Removed}
		}
		tree, err := f.sn.tree(from).Apply(ctx, edits, w.TreeNode)
		if ctx.Err() != nil {
			w.Abort()
			return ctx.Err()
		}
		if err == nil && tree.ID == v.Tree {
			made[e.Number] = v.Tree
			healed = append(healed, Repair{v.Tree.String(), "", "what " + v.Name + " says that it changed"})
		}
	}
	return r.publish(ctx, f, w, healed)
}

// publish makes what a repair has written part of the store.
func (r *repairing) publish(ctx context.Context, f *fsck, w *objects.Writer, healed []Repair) error {
	if len(healed) == 0 {
		w.Abort()
		return nil
	}
	packs, err := w.Finish()
	if err != nil {
		return err
	}
	if len(packs) > 0 {
		r.s.protectPacks(ctx, f.sn.st, packs)
		_, err = r.s.update(ctx, func(sn *snapshot) ([]journal.Op, error) {
			if sn.st.Removals != f.sn.st.Removals {
				return nil, errAgain
			}
			return []journal.Op{{Kind: journal.OpAddPacks, Packs: packs}}, nil
		})
		if err != nil {
			return err
		}
	}
	for _, h := range healed {
		r.note(h.Object, h.Path, h.From)
	}
	return nil
}

// contents stores damaged contents afresh, from files of the working directory that
// have their hash, or from the second store.
func (r *repairing) contents(ctx context.Context, f *fsck) error {
	if f.sn == nil {
		return nil
	}
	paths := map[string][]string{}
	for _, p := range f.rep.Problems {
		if p.Path != "" && !slices.Contains(paths[p.Object], p.Path) {
			paths[p.Object] = append(paths[p.Object], p.Path)
		}
	}
	var second *second
	defer func() { second.close() }()
	w := objects.NewWriter(ctx, r.s.b, f.sn.r, objects.WriterOptions{NewName: newPackName})
	var healed []Repair
	for id := range f.bad {
		blob := objects.BlobID(id)
		if _, ok := f.blobs[blob]; !ok || len(paths[blob.String()]) == 0 {
			continue
		}
		for _, p := range paths[blob.String()] {
			if r.fromDisk(ctx, w, blob, p) {
				healed = append(healed, Repair{blob.String(), p, "the working directory"})
				break
			}
		}
		if len(healed) > 0 && healed[len(healed)-1].Object == blob.String() {
			continue
		}
		if second == nil {
			second = r.s.openSecond(ctx, f.sn.st)
		}
		if second.blob(ctx, w, blob) {
			healed = append(healed, Repair{blob.String(), paths[blob.String()][0], "the second store"})
		}
		if ctx.Err() != nil {
			w.Abort()
			return ctx.Err()
		}
	}
	return r.publish(ctx, f, w, healed)
}

// fromDisk stores what a file of the working directory holds, if it is the content.
func (r *repairing) fromDisk(ctx context.Context, w *objects.Writer, want objects.BlobID, p string) bool {
	fi, err := lstat(r.s.root, p)
	if err != nil || !fi.Mode().IsRegular() {
		return false
	}
	if id, err := hashOf(ctx, r.s.root, p); err != nil || id != want {
		return false
	}
	file, err := r.s.root.Open(p)
	if err != nil {
		return false
	}
	defer file.Close()
	id, _, err := w.Blob(&ctxReader{ctx, file}, fi.Size(), objects.BlobID{})
	return err == nil && id == want
}

// second is another store that has the same contents.
type second struct {
	s  *Store
	sn *snapshot
}

// secondStore is the setting store.second: the directory of another store, relative
// to this one's models.
const secondStore = "store.second"

// openSecond opens the second store; nil when there is none, or it cannot be read.
func (s *Store) openSecond(ctx context.Context, st *journal.State) *second {
	dir := s.setting(st, secondStore)
	if dir == "" {
		return nil
	}
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(s.rootDir, filepath.FromSlash(dir))
	}
	if isStore(filepath.Join(dir, DirName)) {
		dir = filepath.Join(dir, DirName)
	}
	var sn *snapshot
	other, err := Open(ctx, s.rootDir, Options{StoreDir: dir})
	if err == nil {
		if sn, err = other.load(ctx); err == nil {
			return &second{other, sn}
		}
		_ = other.Close()
	}
	s.o.Warn(fmt.Sprintf("the second store cannot help: %v", err))
	return &second{}
}

func (x *second) close() {
	if x != nil && x.s != nil {
		_ = x.s.Close()
	}
}

// blob stores a content of the second store in w.
func (x *second) blob(ctx context.Context, w *objects.Writer, id objects.BlobID) bool {
	if x == nil || x.sn == nil {
		return false
	}
	b, err := x.sn.r.Blob(ctx, id)
	if err != nil {
		return false
	}
	if _, err := b.WriteTo(io.Discard); err != nil { // all of it, before any of it is stored
		return false
	}
	got, _, err := w.Blob(b, b.Size(), objects.BlobID{})
	return err == nil && got == id
}

// packs moves all that can be read out of damaged packs, and removes them if nothing
// else is in them that is needed.
func (r *repairing) packs(ctx context.Context, f *fsck) error {
	if f.sn == nil || len(f.damaged) == 0 {
		return nil
	}
	var must []pack.Name
	for name := range f.damaged {
		if slices.ContainsFunc(f.layouts, func(p packRows) bool { return p.info.Name == name }) {
			must = append(must, name)
		}
	}
	if len(must) == 0 {
		return nil
	}
	res, err := r.s.collector().Collect(ctx, gc.CollectOptions{Only: map[objects.BlobID]bool{}, Must: must, Reason: "repair", Now: true, Clock: r.s.o.Clock()})
	if errors.Is(err, gc.ErrProtected) || errors.Is(err, objects.ErrMissing) || errors.Is(err, objects.ErrCorrupt) || errors.Is(err, pack.ErrCorrupt) {
		return ctx.Err() // the check names what is missing
	}
	if err != nil {
		return err
	}
	for _, p := range res.Removed {
		r.note(p.Name.Key(), "", "what else there is of it, in a new pack")
	}
	return nil
}

// forget removes packs from the journal that are lost, or cannot be read at all, when
// nothing is missing without them.
func (r *repairing) forget(ctx context.Context, f *fsck) error {
	if f.sn == nil {
		return nil
	}
	live, err := f.sn.h.LivePacks(ctx)
	if err != nil {
		return nil // the check tells
	}
	without := map[pack.Name]bool{}
	var lost []pack.Info
	for _, p := range live {
		if f.damaged[p.Name] {
			without[p.Name] = true
			lost = append(lost, p)
		}
	}
	if len(lost) == 0 {
		return nil
	}
	g, err := r.s.check(ctx, FsckOptions{}, without)
	if err != nil {
		return err
	}
	for _, p := range g.rep.Problems {
		if p.Kind != "index" && !strings.HasPrefix(p.Object, parity.Prefix) {
			return nil
		}
	}
	removals := f.sn.st.Removals
	_, err = r.s.update(ctx, func(sn *snapshot) ([]journal.Op, error) {
		if sn.st.Removals != removals {
			return nil, nil
		}
		return []journal.Op{{Kind: journal.OpRemovePacks, Packs: lost}}, nil
	})
	if err != nil {
		return err
	}
	objects.DeletePacks(ctx, r.s.b, lost)
	for _, p := range lost {
		r.note(p.Name.Key(), "", "nothing: all that is needed of it is elsewhere")
	}
	return nil
}

// derived folds the journal: that builds index segments and checkpoints anew. Those
// of the generation before go with the fold after.
func (r *repairing) derived(ctx context.Context, f *fsck) error {
	if f.sn == nil {
		return nil
	}
	var keys []string
	for _, p := range f.rep.Problems {
		_, isSegment := pack.ParseSegmentKey(p.Object)
		if isSegment || strings.HasPrefix(p.Object, "journal/c") || strings.HasPrefix(p.Object, "journal/a") {
			keys = append(keys, p.Object)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	for range 3 {
		sn, _, err := r.s.appendOps(ctx, func(*snapshot) ([]journal.Op, error) {
			return []journal.Op{{Kind: journal.OpRepair, Key: keys[0], Reason: "built anew"}}, nil
		})
		if err != nil {
			return err
		}
		if _, err := r.s.j.Fold(ctx, sn.st, r.s.packSet(sn.st)); err != nil {
			return ctx.Err() // what is damaged cannot be folded
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	for _, key := range keys {
		if _, err := r.s.b.Stat(ctx, key); errors.Is(err, backend.ErrNotFound) {
			r.note(key, "", "built anew")
		}
	}
	return nil
}

// parity writes damaged parity files again, or makes others in their place.
func (r *repairing) parity(ctx context.Context, f *fsck) error {
	for _, p := range f.rep.Problems {
		name, ok := parity.ParseKey(p.Object)
		if !ok {
			continue
		}
		err := r.heal(ctx, name)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			if err := r.s.b.Delete(ctx, p.Object); err != nil && !errors.Is(err, backend.ErrNotFound) {
				return err
			}
			r.s.protectOrWarn(ctx, true)
			r.note(p.Object, "", "made anew from the files that it protects")
			continue
		}
		r.note(p.Object, "", "the files that it protects")
	}
	return nil
}

func (r *repairing) heal(ctx context.Context, name parity.Name) error {
	g, err := parity.Open(ctx, r.s.b, name)
	if err != nil {
		return err
	}
	w, err := r.s.b.Replace(ctx, name.Key())
	if err != nil {
		return err
	}
	if err := g.Heal(ctx, w); err != nil {
		return errors.Join(err, w.Abort())
	}
	return w.Commit()
}
