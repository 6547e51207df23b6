package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/schema"
)

// FilesOptions say what Files tells.
type FilesOptions struct {
	Paths []string // files and directories, relative to the root
	// Under, if set, is a directory that Paths lie in, or one of them: what a walk of it
	// would leave out is left out.
	Under string
	Dir   func(dir string)                  // each directory, before it is listed; may be nil
	File  func(path string, fi fs.FileInfo) // each regular file that a commit of Paths would take
	// Pass tells whether to go on after an error at a path, without what is there; nil:
	// never. What is not there is no error.
	Pass func(path string, err error) bool
}

// Files tells which files a commit would take now: what .mstoreignore names is left out,
// but for what is tracked.
func (s *Store) Files(ctx context.Context, o FilesOptions) error {
	sn, err := s.load(ctx)
	if err != nil {
		return err
	}
	_, tree, err := sn.branchHead(ctx, s.head().Branch)
	if err != nil {
		return err
	}
	pass := func(p string, err error) bool { return notExist(err) || o.Pass != nil && o.Pass(p, err) }
	sc := &scanner{fs: s.root, tree: tree, warn: func(string) {}, skip: s.inside(), entering: o.Dir, pass: pass}
	for _, p := range o.Paths {
		fi, err := lstat(s.root, p)
		if err == nil && o.Under != "" {
			out, lerr := sc.leftOut(ctx, p, fi.IsDir(), o.Under)
			if out {
				continue
			}
			err = lerr
		}
		switch {
		case err != nil:
			err = sc.unless(p, fmt.Errorf("looking at %q: %w", p, err))
		case fi.IsDir():
			err = sc.walk(ctx, p, func(f file) error { o.File(f.path, f.fi); return nil })
		case fi.Mode().IsRegular():
			o.File(p, fi)
		}
		if err != nil {
			return classify(err)
		}
	}
	return nil
}

// leftOut tells whether a walk of the directory under would pass over p, which lies below
// it: a rule names it or a directory in between, and it is not tracked.
func (sc *scanner) leftOut(ctx context.Context, p string, isDir bool, under string) (bool, error) {
	if p == under {
		return false, nil
	}
	rules, err := sc.rulesAbove(p)
	if err != nil {
		return false, err
	}
	tracked, known, dir := false, false, isDir
	for at := p; at != under && at != "."; at, isDir = path.Dir(at), true {
		base := path.Base(at)
		if strings.HasPrefix(base, TempPrefix) || isDir && (IsIgnoredDir(base) || at == sc.skip) {
			return true, nil
		}
		above := slices.DeleteFunc(slices.Clone(rules), func(r ignoreRules) bool { return !atOrBelow(path.Dir(at), r.dir) })
		if !isIgnored(above, at, isDir) {
			continue
		}
		if !known {
			if tracked, err = sc.tracked(ctx, p, dir); err != nil {
				return false, err
			}
			known = true
		}
		if !tracked {
			return true, nil
		}
	}
	return false, nil
}

// Unsaved tells which of the files hold what neither the newest version of the current
// branch has of them, nor the version that was checked out last: who looks at an old
// version has not made a new one. What is not there, or is no regular file, is left out.
// Files that are as they were at the last look are not read.
func (s *Store) Unsaved(ctx context.Context, paths []string) ([]string, error) {
	sn, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	work := s.head()
	_, head, err := sn.branchHead(ctx, work.Branch)
	if err != nil {
		return nil, err
	}
	trees := []*objects.Tree{head}
	if last := work.lastTree(); last != (objects.TreeID{}) {
		trees = append(trees, sn.tree(last))
	}
	cache := s.openStatCache()
	defer cache.save()
	var unsaved []string
	for _, p := range paths {
		fi, err := lstat(s.root, p)
		if notExist(err) || err == nil && !fi.Mode().IsRegular() {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("looking at %q: %w", p, err)
		}
		saved, err := s.isIn(ctx, trees, cache, p, fi)
		if notExist(err) {
			continue
		}
		if err != nil {
			return nil, classify(err)
		}
		if !saved {
			unsaved = append(unsaved, p)
		}
	}
	return unsaved, nil
}

// isIn tells whether one of the trees has a file as it is. Of the trees the first must be
// readable, the others are what the workspace remembers.
func (s *Store) isIn(ctx context.Context, trees []*objects.Tree, cache *statCache, p string, fi fs.FileInfo) (bool, error) {
	for i, tree := range trees {
		e, tracked, err := tree.Get(ctx, p)
		if err != nil && (i == 0 || ctx.Err() != nil) {
			return false, err
		}
		if err != nil || !tracked || e.Size != fi.Size() {
			continue
		}
		id, err := hashFile(ctx, s, cache, p, fi)
		if err != nil || id == e.Blob {
			return err == nil, err
		}
	}
	return false, nil
}

// CheckFile validates a file below the root.
func (s *Store) CheckFile(ctx context.Context, c *Checker, p string) (*schema.Report, error) {
	f, err := s.root.Open(p)
	if err != nil {
		return nil, fmt.Errorf("opening %q: %w", p, err)
	}
	defer f.Close()
	fi, err := f.Stat()
	if err == nil && !fi.Mode().IsRegular() {
		err = errors.New(describe(fi))
	}
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", p, err)
	}
	return c.Check(ctx, schema.Input{Name: p, Size: fi.Size(), At: f})
}
