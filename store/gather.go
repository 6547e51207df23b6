package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/schema"
)

// gather finds out what the named models hold now, and stores what is new.
func (c *commit) gather(ctx context.Context) error {
	if c.o.Stdin != nil {
		return c.gatherStdin(ctx)
	}
	c.cache = c.s.openStatCache()
	var err error
	if c.based, err = c.s.basedOn(ctx, c.sn, c.parent); err != nil {
		return err
	}
	g := &gatherer{commit: c, seen: map[string]bool{}, checked: map[string]bool{}}
	g.sc = &scanner{fs: c.s.root, tree: c.tree(), warn: g.warn, skip: c.s.inside()}
	if c.o.All {
		if err := g.tracked(ctx, ""); err != nil {
			return err
		}
	}
	for _, p := range c.o.Paths {
		if err := g.named(ctx, p); err != nil {
			return err
		}
	}
	sortEdits(c.edits)
	for _, p := range g.others {
		g.tellOthers(ctx, p)
	}
	if c.behind > 0 {
		g.warn(fmt.Sprintf("models that others saved up to %s and that are not so here were left alone (%d); 'mstore checkout %s' brings them, naming a file saves it all the same", c.parent.Name, c.behind, c.name))
	}
	return c.w.Flush()
}

func (c *commit) gatherStdin(ctx context.Context) error {
	if fi, err := lstat(c.s.root, c.o.As); err == nil && !fi.Mode().IsRegular() {
		return as(ErrUsage, fmt.Errorf("%q is %s here", c.o.As, describe(fi)))
	}
	var in io.Reader = &ctxReader{ctx, c.o.Stdin}
	var sp *spool // a copy to validate
	if c.gate.mode(c.o.As) != validateOff {
		sp = &spool{fs: c.s.root}
		defer sp.close()
		in = io.TeeReader(in, sp)
	}
	id, size, err := c.w.Blob(in, 0, c.like(ctx, c.o.As))
	if err != nil {
		return fmt.Errorf("reading the model from the pipe: %w", err)
	}
	if sp != nil {
		if err := sp.done(); err != nil {
			return fmt.Errorf("keeping a copy of the pipe to validate it: %w", err)
		}
		if err := c.check(ctx, schema.Input{Name: c.o.As, Size: size, At: sp}); err != nil {
			return err
		}
	}
	c.res.Raw = size
	c.edits = []objects.TreeEdit{{TreeEntry: objects.TreeEntry{Path: c.o.As, Blob: id, Size: size}}}
	return c.w.Flush()
}

// like is the content that a model has in the parent: the likeliest base of
// what it has now. It is a hint, so what cannot be read is none.
func (c *commit) like(ctx context.Context, p string) objects.BlobID {
	e, _, err := c.tree().Get(ctx, p)
	if err != nil {
		return objects.BlobID{}
	}
	return e.Blob
}

type gatherer struct {
	*commit
	sc      *scanner
	seen    map[string]bool
	checked map[string]bool // directories without a symlink in them
	others  []string        // models that were named, and that others have saved since
}

func (c *commit) warn(msg string) {
	c.res.Warnings = append(c.res.Warnings, msg)
	c.s.o.Warn(msg)
}

func describe(fi fs.FileInfo) string {
	if fi.IsDir() {
		return "a directory"
	}
	return kindOf(fi.Mode())
}

// named takes one file or directory that the user named.
func (g *gatherer) named(ctx context.Context, p string) error {
	if p != "." {
		if err := checkPath(p); err != nil {
			return err
		}
	}
	fi, err := lstat(g.s.root, p)
	switch {
	case notExist(err) && g.o.Present:
		return nil
	case notExist(err):
		return g.gone(ctx, p)
	case err != nil:
		return fmt.Errorf("looking at %q: %w", p, err)
	case fi.IsDir():
		return g.directory(ctx, p)
	case !fi.Mode().IsRegular():
		return as(ErrUsage, fmt.Errorf("%q is %s; only regular files are saved", p, kindOf(fi.Mode())))
	}
	// A file stands where the version has a directory: what was below is gone.
	if err := g.trackedBelow(ctx, p); err != nil {
		return err
	}
	if _, theirs, err := g.based.theirs(ctx, p); err != nil {
		return err
	} else if theirs {
		g.others = append(g.others, p)
	}
	return g.file(ctx, file{p, fi})
}

// tellOthers says of a model that was named that others have saved it since, if it is
// another by now.
func (g *gatherer) tellOthers(ctx context.Context, p string) {
	i, ok := slices.BinarySearchFunc(g.edits, p, func(e objects.TreeEdit, p string) int { return strings.Compare(e.Path, p) })
	if !ok {
		return
	}
	if e, there, err := g.tree().Get(ctx, p); err == nil && there && e.Blob != g.edits[i].Blob {
		g.warn(fmt.Sprintf("%q was saved by somebody else meanwhile (%s); both versions are kept, yours is the newer", p, g.parent.Name))
	}
}

// left tells whether a model, found by going through a directory, is not as others have
// saved it only because it was not brought here: then that is left alone. fi is nil for
// one that is not here.
func (g *gatherer) left(ctx context.Context, p string, fi fs.FileInfo) (bool, error) {
	had, theirs, err := g.based.theirs(ctx, p)
	if err != nil || !theirs {
		return false, err
	}
	if fi == nil {
		theirs = had == ownModel{}
	} else if theirs, err = g.s.isStill(ctx, g.cache, p, fi, had); err != nil {
		return false, err
	}
	if theirs && !g.seen[p] {
		g.seen[p] = true
		g.behind++
	}
	return theirs, nil
}

// gone records the removal of a path that the version has, itself or below it.
func (g *gatherer) gone(ctx context.Context, p string) error {
	found := false
	e, ok, err := g.tree().Get(ctx, p)
	if err != nil {
		return err
	}
	if ok {
		g.remove(e.Path)
		found = true
	}
	for e, err := range g.tree().Below(ctx, p+"/") {
		if err != nil {
			return err
		}
		g.remove(e.Path)
		found = true
	}
	if !found {
		return as(ErrNotFound, fmt.Errorf("%q: no such file, and no model of that name is saved", p))
	}
	return nil
}

func (g *gatherer) remove(p string) {
	if !g.seen[p] {
		g.seen[p] = true
		g.edits = append(g.edits, objects.TreeEdit{TreeEntry: objects.TreeEntry{Path: p}, Remove: true})
	}
}

func (g *gatherer) directory(ctx context.Context, p string) error {
	if err := g.sc.walk(ctx, p, func(f file) error { return g.found(ctx, f) }); err != nil {
		return err
	}
	prefix := p + "/"
	if p == "." {
		prefix = ""
	} else if e, ok, err := g.tree().Get(ctx, p); err != nil {
		return err
	} else if ok { // a directory stands where the version has a file
		g.remove(e.Path)
	}
	return g.tracked(ctx, prefix)
}

// trackedBelow records the removal of what was below a path that is a file now.
func (g *gatherer) trackedBelow(ctx context.Context, p string) error {
	for e, err := range g.tree().Below(ctx, p+"/") {
		if err != nil {
			return err
		}
		g.remove(e.Path)
	}
	return nil
}

// tracked takes every model of the version below prefix that was not seen yet.
func (g *gatherer) tracked(ctx context.Context, prefix string) error {
	for e, err := range g.tree().Below(ctx, prefix) {
		if err != nil {
			return err
		}
		if g.seen[e.Path] {
			continue
		}
		fi, err := lstat(g.s.root, e.Path)
		switch {
		case notExist(err):
			if g.cache.away(g.s, e.Path) {
				continue
			}
			left, err := g.left(ctx, e.Path, nil)
			if err != nil {
				return err
			}
			if !left {
				g.remove(e.Path)
			}
		case errors.Is(err, ErrUsage), err == nil && !fi.Mode().IsRegular():
			g.warn(fmt.Sprintf("%q is not a regular file any more; its removal is recorded", e.Path))
			g.remove(e.Path)
		case err != nil:
			return fmt.Errorf("looking at %q: %w", e.Path, err)
		default:
			if err := g.found(ctx, file{e.Path, fi}); err != nil {
				return err
			}
		}
	}
	return nil
}

// found takes a regular file that was not named itself.
func (g *gatherer) found(ctx context.Context, f file) error {
	if g.seen[f.path] {
		return nil
	}
	if left, err := g.left(ctx, f.path, f.fi); left || err != nil {
		return err
	}
	return g.file(ctx, f)
}

// file takes one regular file, which is read only if it may have changed.
func (g *gatherer) file(ctx context.Context, f file) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if g.seen[f.path] {
		return nil
	}
	g.seen[f.path] = true
	// A model that stood where this one's directory is now is gone.
	for dir := path.Dir(f.path); dir != "."; dir = path.Dir(dir) {
		if _, ok, err := g.tree().Get(ctx, dir); err != nil {
			return err
		} else if ok {
			g.remove(dir)
		}
	}
	id, size, err := g.content(ctx, f)
	if err != nil {
		return err
	}
	g.edits = append(g.edits, objects.TreeEdit{TreeEntry: objects.TreeEntry{Path: f.path, Blob: id, Size: size}})
	return nil
}

func (g *gatherer) content(ctx context.Context, f file) (objects.BlobID, int64, error) {
	if id, ok := g.cache.get(f.path, f.fi); ok {
		e, tracked, err := g.tree().Get(ctx, f.path)
		if err != nil {
			return id, 0, err
		}
		expired := tracked && len(g.sn.st.Expiries) > 0 && !g.sn.listed(ctx, id) // by force, at the head
		if tracked && !expired && e.Blob == id && e.Size == f.fi.Size() {
			return id, e.Size, nil
		}
		if g.w.Uses(id) == nil {
			ok, err := g.validate(ctx, f.path, f.fi)
			if ok || err != nil {
				return id, f.fi.Size(), err
			}
		}
	}
	const tries = 3
	for i := range tries {
		id, fi, since, err := g.read(ctx, f.path)
		if err == nil {
			var ok bool
			if ok, err = g.validate(ctx, f.path, fi); err == nil && !ok {
				err = errChanging
			}
		}
		if err == nil {
			g.res.Raw += fi.Size()
			g.cache.put(f.path, fi, id, since)
			return id, fi.Size(), nil
		}
		if !errors.Is(err, errChanging) {
			return id, 0, err
		}
		if i == tries-1 {
			return id, 0, as(ErrConflict, as(ErrChanging, fmt.Errorf("%q keeps changing while it is read; commit it when its writer has finished", f.path)))
		}
		select {
		case <-time.After(time.Duration(i+1) * 100 * time.Millisecond):
		case <-ctx.Done():
			return id, 0, ctx.Err()
		}
	}
	panic("unreachable")
}

var errChanging = errors.New("file changed while it was read")

// read stores a file's content and makes sure that the file did not change
// meanwhile.
func (g *gatherer) read(ctx context.Context, p string) (id objects.BlobID, fi fs.FileInfo, since time.Time, err error) {
	f, err := g.s.root.Open(p)
	if err != nil {
		return id, nil, since, fmt.Errorf("opening %q: %w", p, err)
	}
	defer f.Close()
	since = g.s.o.Clock()
	before, err := f.Stat()
	if err != nil {
		return id, nil, since, err
	}
	if !before.Mode().IsRegular() {
		return id, nil, since, as(ErrUsage, fmt.Errorf("%q is %s", p, describe(before)))
	}
	done, total := g.res.Raw, g.res.Raw+before.Size()
	count := counter(func(n int) {
		done += int64(n)
		g.s.o.Progress("saving", done, total)
	})
	id, size, err := g.w.Blob(&ctxReader{ctx, io.TeeReader(f, count)}, before.Size(), g.like(ctx, p))
	if err != nil {
		return id, nil, since, fmt.Errorf("saving %q: %w", p, err)
	}
	after, err := f.Stat()
	if err != nil {
		return id, nil, since, err
	}
	same := before.Size() == after.Size() && before.ModTime().Equal(after.ModTime()) && vfs.IdentityOf(before) == vfs.IdentityOf(after)
	if !same || size != after.Size() {
		return id, nil, since, errChanging
	}
	return id, after, since, nil
}

// counter is told of every write.
type counter func(n int)

func (c counter) Write(p []byte) (int, error) {
	c(len(p))
	return len(p), nil
}

// ctxReader ends when the context does.
type ctxReader struct {
	ctx context.Context
	r   io.Reader
}

func (r *ctxReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}
