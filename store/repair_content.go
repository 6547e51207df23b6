package store

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
)

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

// secondStore is the setting store.second: where another store lies, a directory
// relative to this one's models, or a URL.
const secondStore = "store.second"

// openSecond opens the second store; nil when there is none, or it cannot be read.
func (s *Store) openSecond(ctx context.Context, st *journal.State) *second {
	location := s.setting(st, secondStore)
	if location == "" {
		return nil
	}
	var sn *snapshot
	other, err := s.openOther(ctx, location)
	if err == nil {
		if sn, err = other.load(ctx); err == nil {
			return &second{other, sn}
		}
		_ = other.Close()
	}
	s.o.Warn(fmt.Sprintf("the second store cannot help: %v", err))
	return &second{}
}

// openOther opens another store for the models of this one. A directory is relative to
// these.
func (s *Store) openOther(ctx context.Context, location string) (*Store, error) {
	if !isURL(location) {
		if !filepath.IsAbs(location) {
			location = filepath.Join(s.rootDir, filepath.FromSlash(location))
		}
		if isStore(filepath.Join(location, DirName)) {
			location = filepath.Join(location, DirName)
		}
	}
	return Open(ctx, s.rootDir, Options{StoreDir: location, Clock: s.o.Clock})
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
