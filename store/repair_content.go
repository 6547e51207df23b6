package store

import (
	"context"
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
		if !broken {
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
		var tree *objects.Tree
		if len(v.Changes) > 0 {
			tree, err = f.sn.tree(from).Apply(ctx, edits, w.TreeNode)
		}
		if ctx.Err() != nil {
			w.Abort()
			return ctx.Err()
		}
		if err == nil && tree != nil && tree.ID == v.Tree {
			made[e.Number] = v.Tree
			healed = append(healed, Repair{v.Tree.String(), "", "what " + v.Name + " says that it changed"})
			continue
		}
		for _, x := range r.others(ctx, r.s.settingsOrWhatIsLeft(ctx, f.sn.st)) {
			if x.tree(ctx, r.s, w, f.sn, v.Tree) {
				made[e.Number] = v.Tree
				healed = append(healed, Repair{v.Tree.String(), "", x.name})
				break
			}
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
// have their hash, or from other stores that have them.
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
	elsewhere := r.others(ctx, r.s.settingsOrWhatIsLeft(ctx, f.sn.st))
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
		for _, x := range elsewhere {
			if x.blob(ctx, r.s, w, blob) {
				healed = append(healed, Repair{blob.String(), paths[blob.String()][0], x.name})
				break
			}
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
