package gitinfo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// State is the git state of a work tree.
type State struct {
	Root   string // absolute path of the work tree, without symbolic links
	Commit string // 40 (or 64) hex digits; "" before the first commit
	Branch string // "" when HEAD is detached; a ref outside refs/heads in full
	// Dirty says that tracked files differ from the commit, in the index or on
	// disk. Untracked files do not count (as in git describe --dirty). Before
	// the first commit every file in the index differs.
	Dirty bool
}

// Cache is where Read keeps what it learnt, a small file's content. Load
// returns what was saved last, or nil; whatever it returns is checked, and
// garbage is the same as nothing. Save takes the content over. One cache
// serves one work tree: that of another is replaced.
type Cache interface {
	Load() []byte
	Save([]byte)
}

// Read looks upward from dir for a git work tree. ok is false when there is
// none; a bare repository has none. The cache may be nil.
//
// With an error and ok, Root is set, Commit and Branch as far as they are
// known, and Dirty says nothing. The error wraps [errors.ErrUnsupported] for a
// repository of a kind that Read does not know. Read may be called from several
// goroutines at once, as far as their caches may.
func Read(ctx context.Context, dir string, cache Cache) (st State, ok bool, err error) {
	return reader{now: time.Now}.read(ctx, dir, cache)
}

// reader is what one Read works with.
type reader struct {
	now    func() time.Time
	hashed func(name string) // told of every file whose content is read; may be nil
}

func (r reader) read(ctx context.Context, dir string, cache Cache) (st State, ok bool, err error) {
	w, err := find(dir)
	if w == nil {
		return State{}, false, err
	}
	st.Root = w.root
	if err != nil {
		return st, true, err
	}
	st.Commit, st.Branch, err = w.head()
	if err != nil {
		return st, true, err
	}
	if st.Dirty, err = r.dirty(ctx, w, st.Commit, cache); err != nil {
		return st, true, fmt.Errorf("comparing the files of %q with git: %w", w.root, err)
	}
	return st, true, nil
}

// dirty compares the index with the commit and the files with the index.
func (r reader) dirty(ctx context.Context, w *worktree, commit string, cache Cache) (bool, error) {
	if w.confErr != nil {
		return false, w.confErr
	}
	if f := w.conf.objectFormat; f != "" && f != "sha1" {
		return false, fmt.Errorf("object format %q: %w", f, errors.ErrUnsupported)
	}
	ix, err := readIndex(w.gitDir)
	if err != nil {
		return false, fmt.Errorf("reading the index: %w", err)
	}
	if ix.unmerged {
		return true, nil
	}
	mem := loadMemory(cache, w.root)
	defer mem.save(cache, ix) // also after an error: a hash that was paid for stays good

	staged, known := mem.staged(commit, ix.sum)
	if !known {
		if staged, err = isStaged(ctx, w, commit, ix); err != nil {
			return false, err
		}
		mem.setStaged(commit, ix.sum, staged)
	}
	if staged {
		return true, nil
	}
	return r.differ(ctx, w, ix, mem)
}

// isStaged reports whether the index differs from the commit's tree.
func isStaged(ctx context.Context, w *worktree, commit string, ix *indexFile) (bool, error) {
	entries := ix.staged()
	if commit == "" {
		return len(entries) > 0, nil
	}
	h := plumbing.NewHash(commit)
	if h.String() != commit {
		return false, fmt.Errorf("commit %q is no SHA-1", commit)
	}
	objects := openObjects(w.common)
	defer objects.close()
	tree, err := objects.commitTree(h)
	if err != nil {
		return false, fmt.Errorf("reading commit %s: %w", commit, err)
	}
	same, err := treeWalk{ctx, objects, entries}.same(tree, "", 0, len(entries), ix.tree, 0)
	return !same, err
}
