package gitinfo

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/go-git/go-git/v5/storage/filesystem/dotgit"
)

const (
	// maxAlternates is how many repositories git follows from one to the next.
	maxAlternates = 5
	// objectMemory bounds what the library keeps of deltas' bases.
	objectMemory = 8 * cache.MiByte
)

// objects reads the commits and trees of a repository and of those that it
// borrows objects from.
type objects struct {
	stores []*filesystem.ObjectStorage
}

func openObjects(common string) *objects {
	lru := cache.NewObjectLRU(objectMemory)
	o := &objects{}
	for _, dir := range withAlternates(nil, filepath.Join(common, "objects"), 0) {
		if filepath.Base(dir) != "objects" {
			continue // the library finds them under no other name
		}
		store := filesystem.NewObjectStorageWithOptions(dotgit.New(osfs.New(filepath.Dir(dir))), lru,
			filesystem.Options{KeepDescriptors: true})
		o.stores = append(o.stores, store)
	}
	return o
}

// withAlternates adds dir and the directories that it borrows from. The library
// follows alternates too, but takes relative ones for absolute.
func withAlternates(dirs []string, dir string, depth int) []string {
	for _, d := range dirs {
		if d == dir {
			return dirs
		}
	}
	dirs = append(dirs, dir)
	f, err := os.Open(filepath.Join(dir, "info", "alternates"))
	if err != nil || depth == maxAlternates {
		return dirs
	}
	defer f.Close()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		if line := sc.Text(); line != "" && !strings.HasPrefix(line, "#") {
			dirs = withAlternates(dirs, resolve(dir, line), depth+1)
		}
	}
	return dirs
}

func (o *objects) close() {
	for _, s := range o.stores {
		s.Close() // only files that were read
	}
}

// get returns the content of an object.
func (o *objects) get(t plumbing.ObjectType, h plumbing.Hash) (content []byte, err error) {
	for _, s := range o.stores {
		err = guard(func() error {
			obj, err := s.EncodedObject(t, h)
			if err != nil {
				return err
			}
			r, err := obj.Reader()
			if err != nil {
				return err
			}
			defer r.Close()
			content, err = io.ReadAll(r)
			return err
		})
		if err == nil || !errors.Is(err, plumbing.ErrObjectNotFound) {
			return content, err
		}
	}
	return nil, plumbing.ErrObjectNotFound
}

// commitTree returns the tree of a commit.
func (o *objects) commitTree(commit plumbing.Hash) (plumbing.Hash, error) {
	b, err := o.get(plumbing.CommitObject, commit)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	line, _, _ := bytes.Cut(b, []byte{'\n'})
	s, ok := bytes.CutPrefix(line, []byte("tree "))
	tree := plumbing.NewHash(string(s))
	if !ok || tree.String() != string(s) {
		return plumbing.ZeroHash, errors.New("a commit without tree")
	}
	return tree, nil
}

// treeEntry is a name in a tree object.
type treeEntry struct {
	mode uint32
	name string
	hash plumbing.Hash
}

// nextEntry takes an entry off the content of a tree object: mode, space, name,
// NUL, hash.
func nextEntry(b []byte) (e treeEntry, rest []byte, err error) {
	mode, b, ok1 := bytes.Cut(b, []byte{' '})
	name, b, ok2 := bytes.Cut(b, []byte{0})
	if !ok1 || !ok2 || len(name) == 0 || len(b) < len(e.hash) {
		return e, nil, errors.New("malformed tree")
	}
	for _, c := range mode {
		if c < '0' || c > '7' || e.mode > 0o777777 {
			return e, nil, fmt.Errorf("malformed mode %q in a tree", mode)
		}
		e.mode = e.mode<<3 | uint32(c-'0')
	}
	e.name = string(name)
	return e, b[copy(e.hash[:], b):], nil
}
