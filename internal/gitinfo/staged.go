package gitinfo

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/index"
)

// treeWalk compares tree objects with the entries of an index. Both are sorted
// by full path, so one pass over both is enough.
type treeWalk struct {
	ctx     context.Context
	objects *objects
	entries []*index.Entry
}

// same reports whether the tree holds just entries[lo:hi], which are those with
// the prefix. It stops at the first difference, and reads no tree whose hash
// the index knows.
func (w treeWalk) same(tree plumbing.Hash, prefix string, lo, hi int, known *cacheTree, depth int) (bool, error) {
	if known != nil && known.count == hi-lo && known.hash == tree {
		return true, nil
	}
	if depth > maxDepth {
		return false, errors.New("directories are nested too deeply")
	}
	if err := w.ctx.Err(); err != nil {
		return false, err
	}
	b, err := w.objects.get(plumbing.TreeObject, tree)
	if err != nil {
		return false, fmt.Errorf("reading tree %s: %w", tree, err)
	}
	for len(b) > 0 {
		var e treeEntry
		if e, b, err = nextEntry(b); err != nil {
			return false, fmt.Errorf("reading tree %s: %w", tree, err)
		}
		name := prefix + e.name
		if e.mode&0o170000 != uint32(filemode.Dir) {
			if lo == hi || w.entries[lo].Name != name || w.entries[lo].Hash != e.hash ||
				uint32(w.entries[lo].Mode) != canonical(e.mode) {
				return false, nil
			}
			lo++
			continue
		}
		name += "/"
		n := sort.Search(hi-lo, func(i int) bool { return !strings.HasPrefix(w.entries[lo+i].Name, name) })
		same, err := w.same(e.hash, name, lo, lo+n, known.sub(e.name), depth+1)
		if !same || err != nil {
			return false, err
		}
		lo += n
	}
	return lo == hi, nil
}

// canonical is the mode that the index has for a mode in a tree: git once wrote
// others than 644 and 755.
func canonical(mode uint32) uint32 {
	if mode&0o170000 != 0o100000 {
		return mode & 0o170000
	}
	if mode&0o100 != 0 {
		return uint32(filemode.Executable)
	}
	return uint32(filemode.Regular)
}
