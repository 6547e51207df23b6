package store

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"time"

	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/internal/wrapper"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
)

// CheckoutOptions say what to bring back.
type CheckoutOptions struct {
	Rev      string
	Paths    []string // models or directories; empty: all of the version
	Out      string   // write below this directory, not below the root
	Fallback bool     // where a model is damaged, take its newest intact version before
	Unwrap   bool     // of models that are {"metadata":…,"data":…}, write the data alone
}

// CheckoutResult is what a checkout did.
type CheckoutResult struct {
	Version    *Version
	Branch     string // the branch that is current now
	Switched   bool   // from another one
	Written    int
	Removed    int
	Unchanged  int
	Bytes      int64    // written
	Safety     *Version // what was saved before it was overwritten; nil for nothing
	SafetyName string   // how to name it: "safety/20261123T101500Z"
	Fallbacks  []Fallback
	Expired    []ExpiredModel // models that retention let go: what is on disk was left
}

// ExpiredModel is a model of a version whose content was let go.
type ExpiredModel struct {
	Path string
	*Expiry
}

// Fallback tells that an earlier content was written in place of a damaged one.
type Fallback struct {
	Path string
	From string // the version that it is from: "v11"
	Err  error  // what was wrong
}

// Checkout brings models back, verified. Everything is decoded into temporary
// files first; only when all is well are they moved into place, one by one,
// each atomically. Content that would be overwritten or removed and that the
// store does not have is saved before, as a safety version. Without Paths,
// models that the version lacks are removed. A branch name without Paths also
// makes that branch current.
func (s *Store) Checkout(ctx context.Context, o CheckoutOptions) (*CheckoutResult, error) {
	if o.Out == "" {
		if err := s.resume(ctx); err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			s.o.Warn(err.Error()) // what is checked out comes in its place
		}
	}
	sn, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	v, err := s.resolve(ctx, sn, o.Rev)
	if err != nil {
		return nil, err
	}
	c := s.newCheckout(sn, o, v)
	if o.Out != "" {
		out, err := c.openOut()
		if err != nil {
			return nil, err
		}
		defer out.Close()
	}
	defer c.cleanUp()
	if err := c.run(ctx); err != nil {
		return nil, classify(err)
	}
	return c.res, nil
}

func (s *Store) newCheckout(sn *snapshot, o CheckoutOptions, v *Version) *checkout {
	return &checkout{s: s, sn: sn, o: o, v: v, fs: s.root, temp: tempDir, res: &CheckoutResult{Version: v}, found: map[string]fs.FileInfo{}, going: map[string]bool{}}
}

type checkout struct {
	s     *Store
	sn    *snapshot
	o     CheckoutOptions
	v     *Version
	fs    vfs.FS
	temp  string // directory for temporary files
	cache *statCache
	bare  bool // a safety version has no parent: the branch's head has moved on already
	res   *CheckoutResult
	// scratch: what is overwritten is nobody's work.
	scratch bool

	write  []*target
	remove []objects.TreeEntry
	unsafe []file          // what must be saved first
	going  map[string]bool // the paths of remove
	// emptied are directories without a model in them that stand where one is to be written.
	emptied []string
	found   map[string]fs.FileInfo // what plan saw where something is to be written or removed; nil for nothing
}

// target is a model to be written.
type target struct {
	objects.TreeEntry
	data *wrapper.Info // only this of it is written; nil: all
	temp string
	err  error
}

func (c *checkout) openOut() (*vfs.Root, error) {
	for dir := c.o.Out; ; dir = filepath.Dir(dir) {
		if filepath.Base(dir) == DirName || dir == c.s.dir || looksLikeStore(dir) {
			return nil, as(ErrUsage, fmt.Errorf("%q is inside of a store; models are not written there", c.o.Out))
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	if err := mkdirOut(c.o.Out); err != nil {
		return nil, err
	}
	root, err := vfs.OpenRoot(c.o.Out)
	if err != nil {
		return nil, fmt.Errorf("opening %q: %w", c.o.Out, err)
	}
	c.fs, c.temp = root, "."
	return root, nil
}

func (c *checkout) run(ctx context.Context) error {
	if c.o.Out == "" {
		c.cache = c.s.openStatCache()
		sweepTemp(c.fs, c.temp, c.s.o.Clock().Add(-24*time.Hour))
	}
	work := c.s.head()
	if err := c.plan(ctx, work); err != nil {
		return err
	}
	if err := c.stage(ctx); err != nil {
		return err
	}
	if err := c.saveUnsafe(ctx); err != nil {
		return err
	}
	if err := c.apply(ctx); err != nil {
		if c.res.Safety != nil {
			err = fmt.Errorf("%w (what was not saved before is in %s)", err, c.res.SafetyName)
		}
		return err
	}
	c.res.Branch = work.Branch
	if c.o.Out != "" {
		return nil
	}
	if len(c.o.Paths) > 0 {
		return c.s.basedOnSome(ctx, c.sn, work.Branch, c.write)
	}
	c.cache.save()
	next := workspace{Branch: work.Branch, Tree: hex.EncodeToString(c.v.Tree[:])}
	if n, ok := c.sn.st.Names[c.o.Rev]; ok && n.Kind == journal.Branch {
		next.Branch = n.Name
	}
	c.res.Branch, c.res.Switched = next.Branch, next.Branch != work.Branch
	c.s.basedOnHead(c.sn, next.Branch)
	if next != work {
		return c.s.setHead(next)
	}
	return nil
}

// apply moves the staged files into place and removes what must go. What was
// found on disk by plan is looked at again just before.
func (c *checkout) apply(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	dirs := map[string]bool{}
	since := c.s.o.Clock()
	for _, e := range c.remove {
		if err := c.asFound(e.Path); err != nil {
			return err
		}
		if err := c.fs.Remove(e.Path); err != nil && !notExist(err) {
			return fmt.Errorf("removing %q: %w", e.Path, err)
		}
		c.cache.drop(e.Path)
		dirs[removeEmptyParents(c.fs, e.Path)] = true
		c.res.Removed++
	}
	for _, dir := range c.emptied {
		if err := removeEmptyDir(c.fs, dir); err != nil && !notExist(err) {
			return fmt.Errorf("removing the directory %q: %w", dir, err)
		}
	}
	for _, t := range c.write {
		if err := c.asFound(t.Path); err != nil {
			if id, herr := hashOf(ctx, c.fs, t.Path); herr == nil && id == t.Blob && t.data == nil {
				continue // another process brings the models to the same version
			}
			return err
		}
		if err := makeParents(c.fs, t.Path, dirs); err != nil {
			return fmt.Errorf("writing %q: %w", t.Path, err)
		}
		if err := c.fs.Rename(t.temp, t.Path); err != nil {
			return fmt.Errorf("writing %q: %w", t.Path, err)
		}
		t.temp = ""
		dirs[path.Dir(t.Path)] = true
		c.res.Written++
		if c.cache != nil {
			if fi, err := c.fs.Lstat(t.Path); err == nil {
				if t.data == nil {
					c.cache.put(t.Path, fi, t.Blob, since)
				} else {
					c.cache.drop(t.Path)
				}
			}
		}
	}
	for dir := range dirs {
		if fi, err := c.fs.Lstat(dir); notExist(err) || err == nil && !fi.IsDir() { // removed when it became empty
			continue
		}
		if err := c.fs.SyncDir(dir); err != nil {
			return fmt.Errorf("making %q durable: %w", dir, err)
		}
	}
	return nil
}

// asFound refuses to go on when a file is not what plan has looked at.
func (c *checkout) asFound(p string) error {
	was := c.found[p]
	now, err := c.fs.Lstat(p)
	switch {
	case err != nil && !notExist(err):
		return fmt.Errorf("looking at %q: %w", p, err)
	case err != nil: // overwriting or removing nothing
		return nil
	case was != nil && now.Mode() == was.Mode() && now.Size() == was.Size() && now.ModTime().Equal(was.ModTime()) && vfs.IdentityOf(now) == vfs.IdentityOf(was):
		return nil
	}
	return as(ErrConflict, fmt.Errorf("%q was changed while the checkout was under way; it was left as it is, the checkout is not complete", p))
}

// makeParents makes the directories above p, never through a symlink, and
// notes where one was made.
func makeParents(fsys vfs.FS, p string, made map[string]bool) error {
	if _, err := lstat(fsys, p); err == nil || !notExist(err) {
		return err
	}
	for i := range len(p) {
		if p[i] != '/' {
			continue
		}
		err := fsys.Mkdir(p[:i])
		if err == nil {
			made[path.Dir(p[:i])] = true
		} else if !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

func (c *checkout) cleanUp() {
	for _, t := range c.write {
		if t.temp != "" {
			_ = c.fs.Remove(t.temp)
		}
	}
}

// sweepTemp removes what killed checkouts have left.
func sweepTemp(fsys vfs.FS, dir string, before time.Time) {
	entries, err := fsys.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if fi, err := e.Info(); err == nil && fi.Mode().IsRegular() && fi.ModTime().Before(before) {
			_ = fsys.Remove(path.Join(dir, e.Name()))
		}
	}
}
