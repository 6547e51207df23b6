package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"sort"

	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
)

// Status is how the working directory differs from the head.
type Status struct {
	Branch    string
	Head      *Version         // nil before the first version
	Upstream  *Upstream        // what the branch is compared with; nil for nothing
	Pending   *Version         // made by an interrupted merge that did not bring the models on disk to it; mostly nil
	Changes   []objects.Change // tracked models that are Changed or Removed
	Behind    []objects.Change // models that others have saved since, and that were not brought here
	Safety    []string         // the names of safety versions, oldest first
	Untracked []string         // files, and directories (with a slash at the end) of which nothing is tracked
}

// Status compares the working directory with the head of the current branch.
// Files whose size and times are those of the last look are not read.
func (s *Store) Status(ctx context.Context) (*Status, error) {
	sn, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	st := &Status{Branch: s.head().Branch}
	var tree *objects.Tree
	if st.Head, tree, err = sn.branchHead(ctx, st.Branch); err != nil {
		return nil, err
	}
	if st.Upstream, err = s.upstream(ctx, sn, st.Branch); err != nil {
		return nil, err
	}
	if st.Pending, err = s.interrupted(ctx, sn); err != nil {
		return nil, err
	}
	for _, n := range sn.st.SortedNames(journal.Safety) {
		st.Safety = append(st.Safety, n.Name)
	}
	b, err := s.basedOn(ctx, sn, st.Head)
	if err != nil {
		return nil, err
	}
	cache := s.openStatCache()
	for e, err := range tree.Below(ctx, "") {
		if err != nil {
			return nil, classify(err)
		}
		ch, err := s.statusOf(ctx, cache, e)
		if err != nil {
			return nil, err
		}
		if ch.Status == objects.Unchanged {
			continue
		}
		behind, err := s.isBehind(ctx, cache, b, ch)
		switch {
		case err != nil:
			return nil, err
		case behind:
			st.Behind = append(st.Behind, ch)
		default:
			st.Changes = append(st.Changes, ch)
		}
	}
	cache.save()
	sc := &scanner{fs: s.root, tree: tree, warn: func(string) {}, skip: s.inside()}
	if err := sc.untracked(ctx, ".", nil, func(p string) { st.Untracked = append(st.Untracked, p) }); err != nil {
		return nil, classify(err)
	}
	sort.Strings(st.Untracked)
	return st, nil
}

// isBehind tells whether a model differs from the branch's only because others have saved
// that, and it was not brought here.
func (s *Store) isBehind(ctx context.Context, cache *statCache, b *based, ch objects.Change) (bool, error) {
	had, theirs, err := b.theirs(ctx, ch.Path)
	if err != nil || !theirs {
		return false, err
	}
	fi, err := lstat(s.root, ch.Path)
	if notExist(err) {
		return had == ownModel{}, nil
	}
	if err != nil || ch.Status == objects.Removed {
		return false, nil
	}
	return s.isStill(ctx, cache, ch.Path, fi, had)
}

func (s *Store) statusOf(ctx context.Context, cache *statCache, e objects.TreeEntry) (objects.Change, error) {
	ch := objects.Change{Path: e.Path, Status: objects.Unchanged, Blob: e.Blob, Size: e.Size, PrevSize: e.Size}
	fi, err := lstat(s.root, e.Path)
	if notExist(err) || errors.Is(err, ErrUsage) || err == nil && !fi.Mode().IsRegular() {
		if !cache.away(s, e.Path) {
			ch.Status = objects.Removed
		}
		return ch, nil
	}
	if err != nil {
		return ch, fmt.Errorf("looking at %q: %w", e.Path, err)
	}
	if fi.Size() != e.Size { // no need to read it
		ch.Status, ch.Blob, ch.Size = objects.Changed, objects.BlobID{}, fi.Size()
		return ch, nil
	}
	id, err := hashFile(ctx, s, cache, e.Path, fi)
	if err != nil {
		return ch, err
	}
	if id != e.Blob {
		ch.Status, ch.Blob = objects.Changed, id
	}
	return ch, nil
}

// hashFile tells what a file below the root holds, and remembers it.
func hashFile(ctx context.Context, s *Store, cache *statCache, p string, fi fs.FileInfo) (objects.BlobID, error) {
	if id, ok := cache.get(p, fi); ok {
		return id, nil
	}
	since := s.o.Clock()
	id, err := hashOf(ctx, s.root, p)
	if err != nil {
		return id, err
	}
	if again, err := s.root.Lstat(p); err == nil && again.Size() == fi.Size() && again.ModTime().Equal(fi.ModTime()) {
		cache.put(p, again, id, since)
	}
	return id, nil
}

func copyBuffer(w io.Writer, r io.Reader) (int64, error) {
	return io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{r}, make([]byte, 256<<10))
}

// untracked lists files that are neither tracked nor ignored. A directory of
// which nothing is tracked is one line.
func (sc *scanner) untracked(ctx context.Context, dir string, rules []ignoreRules, add func(string)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	entries, rules, err := sc.enter(dir, rules)
	if entries == nil && isPermission(err) { // the directory itself, not its rules
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		p := path.Join(dir, e.Name())
		if checkPath(p) != nil || (e.IsDir() && (IsIgnoredDir(e.Name()) || p == sc.skip)) {
			continue
		}
		tracked, err := sc.tracked(ctx, p, e.IsDir())
		if err != nil {
			return err
		}
		switch {
		case e.IsDir() && tracked:
			if err := sc.untracked(ctx, p, rules, add); err != nil {
				return err
			}
		case tracked || isIgnored(rules, p, e.IsDir()):
		case e.IsDir():
			some, err := sc.anyFile(p, rules)
			if err != nil {
				return err
			}
			if some {
				add(p + "/")
			}
		case e.Type().IsRegular():
			add(p)
		}
	}
	return nil
}

var errFound = errors.New("found")

// anyFile tells whether a directory holds a file that is not ignored.
func (sc *scanner) anyFile(dir string, rules []ignoreRules) (bool, error) {
	quiet := &scanner{fs: sc.fs, tree: sc.tree, warn: func(string) {}, skip: sc.skip}
	err := quiet.walkDir(context.Background(), dir, rules, func(file) error { return errFound })
	switch {
	case errors.Is(err, errFound):
		return true, nil
	case errors.Is(err, ErrUsage) || isPermission(err):
		return true, nil
	}
	return false, err
}
