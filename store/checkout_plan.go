package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"

	"github.com/mstore/mstore/internal/wrapper"
	"github.com/mstore/mstore/objects"
)

// plan finds out what must be written and removed.
func (c *checkout) plan(ctx context.Context, work workspace) error {
	paths := c.o.Paths
	if len(paths) == 0 {
		paths = []string{"."}
	}
	if len(c.o.Paths) == 0 && c.o.Out == "" {
		if err := c.planRemovals(ctx, work); err != nil {
			return err
		}
	}
	for _, p := range paths {
		n := 0
		for e, err := range c.sn.models(ctx, c.v.Tree, p) {
			if err != nil {
				return fmt.Errorf("the tree of %s: %w", c.v.Name, err)
			}
			n++
			if len(c.o.Paths) == 0 && c.o.Out == "" && c.elsewhere(e.Path) {
				continue
			}
			if err := c.consider(ctx, e); err != nil {
				return err
			}
		}
		if n == 1 && len(c.res.Expired) == 1 && c.res.Expired[0].Path == p && len(paths) == 1 {
			return expiredModel(c.v, p, c.res.Expired[0].Expiry)
		}
		if n == 0 && p != "." {
			return as(ErrNotFound, fmt.Errorf("%s has no model %q", c.v.Name, p))
		}
	}
	slices.SortFunc(c.write, func(a, b *target) int { return comparePaths(a.Path, b.Path) })
	c.write = slices.CompactFunc(c.write, func(a, b *target) bool { return a.Path == b.Path })
	return nil
}

func comparePaths(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// elsewhere tells whether a model is left where it is, since it is neither on disk nor of
// those that this working directory holds.
func (c *checkout) elsewhere(p string) bool {
	if c.scratch || !c.cache.away(c.s, p) {
		return false
	}
	_, err := lstat(c.fs, p)
	return notExist(err)
}

// consider decides about one model of the version.
func (c *checkout) consider(ctx context.Context, e objects.TreeEntry) error {
	if err := checkPath(e.Path); err != nil {
		return fmt.Errorf("the version holds a name that cannot be written: %w", err)
	}
	data, want, err := c.unwrapped(ctx, e)
	if err != nil {
		return err
	}
	same, err := c.onDisk(ctx, e.Path, want)
	if err != nil {
		return err
	}
	if same {
		c.res.Unchanged++
		return nil
	}
	if !c.o.Fallback {
		x, err := c.sn.expiry(ctx, e.Blob)
		if err != nil {
			return err
		}
		if x != nil {
			delete(c.found, e.Path)
			c.unsafe = slices.DeleteFunc(c.unsafe, func(f file) bool { return f.path == e.Path })
			c.res.Expired = append(c.res.Expired, ExpiredModel{e.Path, x})
			return nil
		}
	}
	c.write = append(c.write, &target{TreeEntry: e, data: data})
	return nil
}

// unwrapped tells what is to stand on disk of a model: its data, if it is a wrapper and
// that is asked for, or else all of it. What cannot be read is found out when it is
// written.
func (c *checkout) unwrapped(ctx context.Context, e objects.TreeEntry) (data *wrapper.Info, want objects.BlobID, err error) {
	if !c.o.Unwrap {
		return nil, e.Blob, nil
	}
	r, err := c.sn.open(ctx, c.v, Model(e))
	if err != nil {
		return nil, e.Blob, nil
	}
	defer r.Close()
	info, err := wrapper.Inspect(&ctxReader{ctx, r})
	if err != nil || !info.Wrapped {
		return nil, e.Blob, ctx.Err()
	}
	h := objects.NewHasher()
	if err := wrapper.Unwrap(h, r, info); err != nil {
		return nil, e.Blob, ctx.Err()
	}
	return &info, objects.BlobID(h.Sum(nil)), nil
}

// onDisk tells whether a file holds that content. What is there and is not in
// the store is noted as unsafe; what cannot be replaced is refused.
func (c *checkout) onDisk(ctx context.Context, p string, want objects.BlobID) (same bool, err error) {
	id, fi, err := c.look(ctx, p)
	if err != nil || fi == nil {
		return false, err
	}
	if id == want {
		return true, nil
	}
	return false, c.replace(ctx, p, id, fi)
}

// look tells what a file holds; fi is nil where there is none, or a directory that
// is to become empty.
func (c *checkout) look(ctx context.Context, p string) (id objects.BlobID, fi fs.FileInfo, err error) {
	fi, err = lstat(c.fs, p)
	switch {
	case notExist(err):
		return id, nil, c.parentsAreDirs(p)
	case errors.Is(err, ErrUsage):
		return id, nil, as(ErrConflict, fmt.Errorf("refusing to write through a symlink: %w", err))
	case err != nil:
		return id, nil, fmt.Errorf("looking at %q: %w", p, err)
	case fi.IsDir():
		empty, err := c.goesEmpty(p)
		if err != nil || empty {
			c.emptied = append(c.emptied, p)
			return id, nil, err
		}
	}
	switch {
	case !fi.Mode().IsRegular():
		return id, nil, as(ErrConflict, fmt.Errorf("%q is %s here; move it away first", p, describe(fi)))
	}
	id, err = c.hash(ctx, p, fi)
	return id, fi, err
}

// replace notes that what a file holds is to be overwritten or removed, and as unsafe
// if it is not in the store.
func (c *checkout) replace(ctx context.Context, p string, id objects.BlobID, fi fs.FileInfo) error {
	c.found[p] = fi
	if c.scratch {
		return nil
	}
	if err := c.readable(ctx, id); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		c.unsafe = append(c.unsafe, file{p, fi})
	}
	return nil
}

// readable tells whether the store can give a content back: that an index
// lists it is not enough, since what is on disk may be the only good copy.
func (c *checkout) readable(ctx context.Context, id objects.BlobID) error {
	b, err := c.sn.r.Blob(ctx, id)
	if err != nil {
		return err
	}
	_, err = b.WriteTo(io.Discard)
	return err
}

// goesEmpty tells whether a directory holds nothing but directories, or what is to be
// removed.
func (c *checkout) goesEmpty(dir string) (bool, error) {
	entries, err := c.fs.ReadDir(dir)
	if err != nil {
		return false, fmt.Errorf("looking at %q: %w", dir, err)
	}
	for _, e := range entries {
		p := path.Join(dir, e.Name())
		switch {
		case c.going[p]:
		case !e.IsDir():
			return false, nil
		default:
			if empty, err := c.goesEmpty(p); !empty || err != nil {
				return false, err
			}
		}
	}
	return true, nil
}

func (c *checkout) parentsAreDirs(p string) error {
	for d := path.Dir(p); d != "."; d = path.Dir(d) {
		fi, err := c.fs.Lstat(d)
		if err == nil && !fi.IsDir() && !c.going[d] {
			return as(ErrConflict, fmt.Errorf("%q is %s here, and %q must go below it; move it away first", d, describeFile(fi), p))
		}
	}
	return nil
}

func describeFile(fi fs.FileInfo) string {
	if fi.Mode().IsRegular() {
		return "a file"
	}
	return describe(fi)
}

// hash returns the content of a file on disk, from the stat cache where that
// is sure.
func (c *checkout) hash(ctx context.Context, p string, fi fs.FileInfo) (objects.BlobID, error) {
	if c.cache != nil {
		return hashFile(ctx, c.s, c.cache, p, fi)
	}
	return hashOf(ctx, c.fs, p)
}

// planRemovals finds the models that are on disk, belong to the branch or to
// what was checked out last, and are not in the version.
func (c *checkout) planRemovals(ctx context.Context, work workspace) error {
	trees := []objects.TreeID{work.lastTree()}
	if n, ok := c.sn.st.Names[work.Branch]; ok {
		head, err := c.sn.version(ctx, n.To)
		if err != nil {
			return err
		}
		trees = append(trees, head.Tree)
	}
	seen := map[string]bool{}
	for i, id := range trees {
		for d, err := range objects.DiffTrees(ctx, c.sn.tree(id), c.sn.tree(c.v.Tree)) {
			if err != nil {
				if i == 0 && ctx.Err() == nil { // a tree that the workspace remembers, and nothing else
					break
				}
				return err
			}
			if d.To != nil || seen[d.Path] {
				continue
			}
			seen[d.Path] = true
			fi, err := lstat(c.fs, d.Path)
			if notExist(err) || errors.Is(err, ErrUsage) || err == nil && !fi.Mode().IsRegular() {
				continue
			}
			if err != nil {
				return fmt.Errorf("looking at %q: %w", d.Path, err)
			}
			if _, err := c.onDisk(ctx, d.Path, objects.BlobID{}); err != nil {
				return err
			}
			c.remove = append(c.remove, *d.From)
			c.going[d.Path] = true
		}
	}
	return nil
}
