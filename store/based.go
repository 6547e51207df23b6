package store

import (
	"context"
	"encoding/json"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"

	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
)

// baseFile tells which version the models on disk come from.
const baseFile = workDir + "/base.json"

// basedRecord is what baseFile holds.
type basedRecord struct {
	Version string `json:"version,omitempty"` // ID; "": the empty tree
	// Own are models that were saved from here since, on top of what others saved.
	Own map[string]ownModel `json:"own,omitempty"`
}

type ownModel struct {
	ID   string `json:"id,omitempty"` // "": it was removed
	Size int64  `json:"size,omitempty"`
}

// based tells what the models on disk were, when they were last in line with the
// branch: where the branch has something else by now, others have saved it, and who
// commits whole directories does not mean to take that back.
type based struct {
	rec    basedRecord
	tree   *objects.Tree // of rec.Version
	head   *objects.Tree // of the branch
	headID string        // of the branch's version; "" for none
	inLine bool          // nobody else has saved anything since
}

// basedOn reads what the working directory is based on. A workspace that is new, or was
// lost, is based on nothing: what the branch has is then others'.
func (s *Store) basedOn(ctx context.Context, sn *snapshot, head *Version) (*based, error) {
	b := &based{tree: sn.tree(objects.TreeID{}), head: sn.treeOf(head)}
	if head != nil {
		b.headID = head.ID.String()
	}
	b.rec, _ = s.readBased()
	if !s.isShared() || b.rec.Version == b.headID && len(b.rec.Own) == 0 {
		b.tree, b.inLine = b.head, true
		return b, nil
	}
	if b.rec.Version != "" {
		v, err := sn.onBranch(ctx, head, b.rec.Version)
		if err != nil {
			return nil, err
		}
		if v == nil { // the branch was moved away from it: what is on disk is this one's
			b.tree, b.inLine = b.head, true
			return b, nil
		}
		b.tree = sn.tree(v.Tree)
	}
	b.inLine = true
	for d, err := range objects.DiffTrees(ctx, b.tree, b.head) {
		if err != nil {
			return b, ctx.Err() // what is damaged must keep nobody from saving
		}
		if own, ok := b.rec.Own[d.Path]; !ok || own != ownOf(d.To) {
			b.inLine = false
			break
		}
	}
	return b, nil
}

// sharedFile, beside a store that lies in a working directory, says that others save to it.
const sharedFile = "work/shared"

// isShared tells whether others may save to the branch too. To a store that lies in its
// own working directory only that one does, until another has.
func (s *Store) isShared() bool {
	if s.location == "" { // in memory
		return false
	}
	if s.dir == "" || s.inside() != DirName {
		return true
	}
	_, err := s.root.Lstat(DirName + "/" + sharedFile)
	return err == nil
}

// markShared tells the working directory that the store lies in, if that is another one.
func (s *Store) markShared() {
	if s.location != "" && s.inside() != DirName {
		markShared(s.dir)
	}
}

// markShared tells the working directory that a store lies in, if it lies in one, that
// others save to it. It is worth no error.
func markShared(storeDir string) {
	if storeDir == "" || filepath.Base(storeDir) != DirName {
		return
	}
	root, err := vfs.OpenRoot(storeDir)
	if err != nil {
		return
	}
	defer root.Close()
	if _, err := root.Lstat(sharedFile); err == nil {
		return
	}
	if err := root.MkdirAll(path.Dir(sharedFile)); err == nil {
		_ = vfs.WriteFileAtomic(root, sharedFile, nil, true)
	}
}

// onBranch finds a version by its ID among a branch's; nil when it is not one of them.
func (sn *snapshot) onBranch(ctx context.Context, head *Version, id string) (*Version, error) {
	if head == nil {
		return nil, nil
	}
	found, err := sn.h.FindID(ctx, id, 1)
	if err != nil || len(found) == 0 {
		return nil, classify(err)
	}
	ok, err := sn.h.Contains(ctx, []journal.Target{head.target}, found[0])
	if err != nil || !ok {
		return nil, classify(err)
	}
	return sn.version(ctx, found[0])
}

func ownOf(e *objects.TreeEntry) ownModel {
	if e == nil {
		return ownModel{}
	}
	return ownModel{ID: e.Blob.String(), Size: e.Size}
}

// had is what a model was here.
func (b *based) had(ctx context.Context, p string) (ownModel, error) {
	if own, ok := b.rec.Own[p]; ok {
		return own, nil
	}
	e, ok, err := b.tree.Get(ctx, p)
	if !ok || err != nil {
		return ownModel{}, err
	}
	return ownOf(&e), nil
}

// theirs tells whether the branch has a model as others have saved it since, while it
// was here what had says.
func (b *based) theirs(ctx context.Context, p string) (had ownModel, theirs bool, err error) {
	if b == nil || b.inLine {
		return had, false, nil
	}
	if had, err = b.had(ctx, p); err != nil {
		return had, false, err
	}
	e, ok, err := b.head.Get(ctx, p)
	if err != nil {
		return had, false, err
	}
	now := ownModel{}
	if ok {
		now = ownOf(&e)
	}
	return had, now != had, nil
}

// isStill tells whether a file holds what it had.
func (s *Store) isStill(ctx context.Context, cache *statCache, p string, fi fs.FileInfo, had ownModel) (bool, error) {
	if had.ID == "" || !fi.Mode().IsRegular() || fi.Size() != had.Size {
		return false, nil
	}
	id, err := hashFile(ctx, s, cache, p, fi)
	return err == nil && id.String() == had.ID, err
}

// unchanged notes that models that were looked at are what the branch has.
func (b *based) unchanged(s *Store, edits []objects.TreeEdit) {
	if !b.inLine {
		b.add(s, ownModels(edits))
	}
}

// saved notes that models were saved from here, as v on top of parent.
func (b *based) saved(s *Store, parent, v *Version, edits []objects.TreeEdit) {
	at := ""
	if parent != nil {
		at = parent.ID.String()
	}
	if b.inLine && at == b.headID {
		s.setBased(basedRecord{Version: v.ID.String()})
		return
	}
	b.add(s, ownModels(edits))
}

func ownModels(edits []objects.TreeEdit) map[string]ownModel {
	own := map[string]ownModel{}
	for _, e := range edits {
		own[e.Path] = ownModel{}
		if !e.Remove {
			own[e.Path] = ownOf(&e.TreeEntry)
		}
	}
	return own
}

// add notes what some models are here by now.
func (b *based) add(s *Store, own map[string]ownModel) {
	now, ok := s.readBased() // another process may have noted something meanwhile
	next := basedRecord{Version: b.headID, Own: own}
	if !b.inLine || ok && now.Version != b.rec.Version {
		next.Version, next.Own = now.Version, maps.Clone(now.Own)
		if next.Own == nil {
			next.Own = map[string]ownModel{}
		}
		maps.Copy(next.Own, own)
	}
	if len(own) > 0 {
		s.setBased(next)
	}
}

// basedOnHead notes that what is on disk was chosen in the knowledge of all that the
// branch has.
func (s *Store) basedOnHead(sn *snapshot, branch string) {
	r := basedRecord{}
	if n, ok := sn.st.Names[branch]; ok {
		r.Version = n.To.ID.String()
	}
	s.setBased(r)
}

// basedOnSome is basedOnHead where only some models were brought: those that are now what
// the branch has.
func (s *Store) basedOnSome(ctx context.Context, sn *snapshot, branch string, models []*target) error {
	head, _, err := sn.branchHead(ctx, branch)
	if err != nil {
		return err
	}
	b, err := s.basedOn(ctx, sn, head)
	if err != nil || b.inLine {
		return err
	}
	own := map[string]ownModel{}
	for i := range models {
		e, ok, err := b.head.Get(ctx, models[i].Path)
		if err != nil {
			return classify(err)
		}
		if ok && models[i].data == nil && e.Blob == models[i].Blob {
			own[e.Path] = ownOf(&e)
		}
	}
	b.add(s, own)
	return nil
}

func (s *Store) readBased() (r basedRecord, ok bool) {
	data, err := vfs.ReadFile(s.root, baseFile, 256<<20)
	if err != nil || json.Unmarshal(data, &r) != nil {
		return basedRecord{}, false
	}
	return r, true
}

// setBased notes what the models on disk come from. It is worth no error: who does not
// know it takes back nothing.
func (s *Store) setBased(r basedRecord) {
	data, err := json.Marshal(r)
	if err == nil {
		_ = s.writeWork(baseFile, append(data, '\n'), false)
	}
}

// basedOnBrought notes that the models of some steps were brought to v, from a tree, but
// for the paths in left.
func (s *Store) basedOnBrought(ctx context.Context, sn *snapshot, v *Version, from objects.TreeID, steps []step, left []string) error {
	b, err := s.basedOn(ctx, sn, v)
	if err != nil {
		return err
	}
	if b.tree.ID == from && len(b.rec.Own) == 0 && len(left) == 0 {
		s.setBased(basedRecord{Version: v.ID.String()})
		return nil
	}
	own := map[string]ownModel{}
	for _, st := range steps {
		if !slices.Contains(left, st.path) {
			own[st.path] = ownOf(st.to)
		}
	}
	b.add(s, own)
	return nil
}
