package store

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"slices"

	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/objects"
)

// BisectCheckout is a version that was brought into the directory of a search.
type BisectCheckout struct {
	Version *Version
	Written int
	Removed int
	Bytes   int64
	// Expired are models of the version, of the search's paths if it has some, whose
	// content retention let go: the version cannot be tested.
	Expired []ExpiredModel
}

// Checkout brings the version that is to be tested into Dir: models that are there
// already are left, models that it lacks are removed, and whatever was done to any of
// them is undone. Other files in Dir stay. It is nil when no test can tell more.
func (b *Bisect) Checkout(ctx context.Context) (*BisectCheckout, error) {
	v, err := b.next(ctx)
	if v == nil || err != nil {
		return nil, err
	}
	return b.bring(ctx, v)
}

// CheckoutGood brings in the newest version that is known to be good.
func (b *Bisect) CheckoutGood(ctx context.Context) (*BisectCheckout, error) {
	good, _ := b.search.Range()
	v, err := b.at(ctx, good)
	if err != nil {
		return nil, err
	}
	return b.bring(ctx, v)
}

func (b *Bisect) bring(ctx context.Context, v *Version) (*BisectCheckout, error) {
	// Before the first file: whoever goes on after a crash must know what may be there.
	tree := hex.EncodeToString(v.Tree[:])
	if !slices.Contains(b.st.Trees, tree) {
		b.st.Trees = append(slices.Clip(b.st.Trees), tree)
		if err := b.keep(); err != nil {
			return nil, err
		}
	}
	res, err := b.tryBring(ctx, v)
	if errors.Is(err, ErrConflict) && ctx.Err() == nil { // a test put something in the way
		if err := removeTree(b.s.root, bisectDir); err != nil {
			return nil, classify(fmt.Errorf("emptying %q: %w", bisectDir, err))
		}
		res, err = b.tryBring(ctx, v)
	}
	if err != nil {
		return nil, classify(err)
	}
	b.st.Trees = []string{tree}
	out := &BisectCheckout{Version: v, Written: res.Written, Removed: res.Removed, Bytes: res.Bytes}
	for _, x := range res.Expired {
		if len(b.st.Paths) == 0 || slices.ContainsFunc(b.st.Paths, func(p string) bool { return atOrBelow(x.Path, p) }) {
			out.Expired = append(out.Expired, x)
		}
	}
	return out, nil
}

func (b *Bisect) tryBring(ctx context.Context, v *Version) (*CheckoutResult, error) {
	if err := b.s.root.MkdirAll(bisectDir); err != nil {
		return nil, fmt.Errorf("making %q: %w", bisectDir, err)
	}
	c := b.s.newCheckout(b.sn, CheckoutOptions{Out: bisectDir}, v)
	c.fs, c.scratch = vfs.Sub(b.s.root, bisectDir), true
	c.cache = &statCache{fs: c.fs, now: b.s.o.Clock, shards: map[byte]*statShard{}}
	sweepTemp(c.fs, c.temp, b.s.o.Clock())
	defer c.cleanUp()
	if err := c.planScratch(ctx, b.st.Trees); err != nil {
		return nil, err
	}
	if err := c.stage(ctx); err != nil {
		return nil, err
	}
	if err := c.apply(ctx); err != nil {
		return nil, err
	}
	c.cache.save()
	return c.res, nil
}

// planScratch is plan for a directory that may hold models of these trees.
func (c *checkout) planScratch(ctx context.Context, trees []string) error {
	remove := func(e objects.TreeEntry) error {
		fi, err := lstat(c.fs, e.Path)
		if err != nil || !fi.Mode().IsRegular() || c.going[e.Path] { // nothing of ours
			return ctx.Err()
		}
		c.found[e.Path], c.going[e.Path] = fi, true
		c.remove = append(c.remove, e)
		return nil
	}
	for _, text := range trees {
		for d, err := range objects.DiffTrees(ctx, c.sn.tree(parseTree(text)), c.sn.tree(c.v.Tree)) {
			if err != nil {
				return err
			}
			if d.To == nil {
				if err := remove(*d.From); err != nil {
					return err
				}
			}
		}
	}
	if err := c.plan(ctx, workspace{}); err != nil {
		return err
	}
	for _, x := range c.res.Expired { // what stands there is not the version's
		if err := remove(objects.TreeEntry{Path: x.Path}); err != nil {
			return err
		}
	}
	return nil
}

// removeTree removes a file, or a directory with all that is in it; symlinks are removed,
// not followed.
func removeTree(fsys vfs.FS, p string) error {
	fi, err := lstat(fsys, p)
	if notExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if fi.IsDir() {
		entries, err := fsys.ReadDir(p)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := removeTree(fsys, path.Join(p, e.Name())); err != nil {
				return err
			}
		}
	}
	if err := fsys.Remove(p); err != nil && !notExist(err) {
		return err
	}
	return nil
}
