package store

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
)

// CheckoutOptions say what to bring back.
type CheckoutOptions struct {
	Rev      string
	Paths    []string // models or directories; empty: all of the version
	Out      string   // write below this directory, not below the root
	Fallback bool     // where a model is damaged, take its newest intact version before
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
	sn, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	v, err := s.resolve(ctx, sn, o.Rev)
	if err != nil {
		return nil, err
	}
	c := &checkout{s: s, sn: sn, o: o, v: v, fs: s.root, temp: tempDir, res: &CheckoutResult{Version: v}}
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

type checkout struct {
	s     *Store
	sn    *snapshot
	o     CheckoutOptions
	v     *Version
	fs    vfs.FS
	temp  string // directory for temporary files
	cache *statCache
	res   *CheckoutResult

	write  []*target
	remove []objects.TreeEntry
	unsafe []file // what must be saved first
}

// target is a model to be written.
type target struct {
	objects.TreeEntry
	temp string
	err  error
}

func (c *checkout) openOut() (*vfs.Root, error) {
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
		return err
	}
	c.res.Branch = work.Branch
	if c.o.Out != "" || len(c.o.Paths) > 0 {
		return nil
	}
	c.cache.save()
	next := workspace{Branch: work.Branch, Tree: hex.EncodeToString(c.v.Tree[:])}
	if n, ok := c.sn.st.Names[c.o.Rev]; ok && n.Kind == journal.Branch {
		next.Branch = n.Name
	}
	c.res.Branch, c.res.Switched = next.Branch, next.Branch != work.Branch
	if next != work {
		return c.s.setHead(next)
	}
	return nil
}

// plan finds out what must be written and removed.
func (c *checkout) plan(ctx context.Context, work workspace) error {
	paths := c.o.Paths
	if len(paths) == 0 {
		paths = []string{"."}
	}
	for _, p := range paths {
		n := 0
		for e, err := range c.sn.models(ctx, c.v.Tree, p) {
			if err != nil {
				return fmt.Errorf("the tree of %s: %w", c.v.Name, err)
			}
			n++
			if err := c.consider(ctx, e); err != nil {
				return err
			}
		}
		if n == 0 && p != "." {
			return as(ErrNotFound, fmt.Errorf("%s has no model %q", c.v.Name, p))
		}
	}
	slices.SortFunc(c.write, func(a, b *target) int { return comparePaths(a.Path, b.Path) })
	c.write = slices.CompactFunc(c.write, func(a, b *target) bool { return a.Path == b.Path })
	if len(c.o.Paths) > 0 || c.o.Out != "" {
		return nil
	}
	return c.planRemovals(ctx, work)
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

// consider decides about one model of the version.
func (c *checkout) consider(ctx context.Context, e objects.TreeEntry) error {
	if err := checkPath(e.Path); err != nil {
		return fmt.Errorf("the version holds a name that cannot be written: %w", err)
	}
	same, err := c.onDisk(ctx, e.Path, e.Blob)
	if err != nil {
		return err
	}
	if same {
		c.res.Unchanged++
		return nil
	}
	c.write = append(c.write, &target{TreeEntry: e})
	return nil
}

// onDisk tells whether a file holds that content. What is there and is not in
// the store is noted as unsafe; what cannot be replaced is refused.
func (c *checkout) onDisk(ctx context.Context, p string, want objects.BlobID) (same bool, err error) {
	fi, err := lstat(c.fs, p)
	switch {
	case notExist(err):
		return false, c.parentsAreDirs(p)
	case errors.Is(err, ErrUsage):
		return false, as(ErrConflict, fmt.Errorf("refusing to write through a symlink: %w", err))
	case err != nil:
		return false, fmt.Errorf("looking at %q: %w", p, err)
	case !fi.Mode().IsRegular():
		return false, as(ErrConflict, fmt.Errorf("%q is %s here; move it away first", p, describe(fi)))
	}
	id, err := c.hash(ctx, p, fi)
	if err != nil {
		return false, err
	}
	if id == want {
		return true, nil
	}
	_, have, err := c.sn.r.HasBlob(ctx, id)
	if err != nil || !have {
		c.unsafe = append(c.unsafe, file{p, fi})
	}
	return false, nil
}

func (c *checkout) parentsAreDirs(p string) error {
	for d := path.Dir(p); d != "."; d = path.Dir(d) {
		fi, err := c.fs.Lstat(d)
		if err == nil && !fi.IsDir() {
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
		}
	}
	return nil
}

// stage writes every model to a temporary file, verified and synced.
func (c *checkout) stage(ctx context.Context) error {
	if len(c.write) == 0 {
		return nil
	}
	if err := c.fs.MkdirAll(c.temp); err != nil {
		return fmt.Errorf("making room for temporary files: %w", err)
	}
	if c.o.Out == "" {
		sweepTemp(c.fs, c.temp, c.s.o.Clock().Add(-24*time.Hour))
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var total, done atomic.Int64
	for _, t := range c.write {
		total.Add(t.Size)
		t.temp = path.Join(c.temp, tempPrefix+vfs.TempName()[len(vfs.TempPrefix):])
	}
	work := make(chan *target)
	var wg sync.WaitGroup
	var damage sync.Mutex
	var first error
	for range min(runtime.GOMAXPROCS(0), 4) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for t := range work {
				err := c.stageOne(ctx, t, func(n int64) { c.s.o.Progress("checking out", done.Add(n), total.Load()) })
				if err != nil {
					damage.Lock()
					if t.err = err; first == nil || errors.Is(first, context.Canceled) {
						first = err
					}
					damage.Unlock()
					cancel()
				}
			}
		}()
	}
feed:
	for _, t := range c.write {
		select {
		case work <- t:
		case <-ctx.Done():
			break feed
		}
	}
	close(work)
	wg.Wait()
	c.res.Bytes = done.Load()
	if first == nil {
		return ctx.Err()
	}
	return first
}

func (c *checkout) stageOne(ctx context.Context, t *target, progress func(int64)) error {
	err := c.decode(ctx, c.v, t, progress)
	if err == nil || !errors.Is(err, ErrDamaged) || !c.o.Fallback {
		return err
	}
	for v, verr := range c.s.Log(ctx, LogOptions{Rev: c.v.ID.String(), Paths: []string{t.Path}}) {
		if verr != nil {
			return err
		}
		e, ok, terr := c.sn.tree(v.Tree).Get(ctx, t.Path)
		if terr != nil || !ok || e.Blob == t.Blob {
			continue
		}
		older := *t
		older.TreeEntry = e
		if c.decode(ctx, v, &older, progress) == nil {
			t.TreeEntry = e
			c.s.mu.Lock()
			c.res.Fallbacks = append(c.res.Fallbacks, Fallback{Path: t.Path, From: v.Name, Err: err})
			c.s.mu.Unlock()
			return nil
		}
	}
	return fmt.Errorf("%w\n(no earlier version of %q is intact)", err, t.Path)
}


func (c *checkout) decode(ctx context.Context, v *Version, t *target, progress func(int64)) (err error) {
	r, err := c.sn.open(ctx, v, Model(t.TreeEntry))
	if err != nil {
		return err
	}
	_ = c.fs.Remove(t.temp)
	f, err := c.fs.Create(t.temp)
	if err != nil {
		return fmt.Errorf("writing %q: %w", t.Path, err)
	}
	defer func() {
		if cerr := f.Close(); err == nil && cerr != nil {
			err = fmt.Errorf("writing %q: %w", t.Path, cerr)
		}
	}()
	if _, err := r.WriteTo(&progressWriter{f, progress}); err != nil {
		return fmt.Errorf("writing %q: %w", t.Path, err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("writing %q: %w", t.Path, err)
	}
	return nil
}

type progressWriter struct {
	f        vfs.File
	progress func(int64)
}

func (w *progressWriter) Write(p []byte) (int, error) {
	n, err := w.f.Write(p)
	w.progress(int64(n))
	return n, err
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
		if err := c.fs.Remove(e.Path); err != nil && !notExist(err) {
			return fmt.Errorf("removing %q: %w", e.Path, err)
		}
		c.cache.drop(e.Path)
		removeEmptyParents(c.fs, e.Path)
		c.res.Removed++
	}
	for _, t := range c.write {
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
				c.cache.put(t.Path, fi, t.Blob, since)
			}
		}
	}
	for dir := range dirs {
		if err := c.fs.SyncDir(dir); err != nil {
			return fmt.Errorf("making %q durable: %w", dir, err)
		}
	}
	return nil
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
