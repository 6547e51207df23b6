package backend

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/mstore/mstore/internal/vfs"
)

// List implements Backend. Only the directory that the prefix names may be
// missing, which is an empty list; one that goes while the listing runs is an
// error.
func (d *Dir) List(ctx context.Context, prefix, after string, limit int) ([]Info, error) {
	if !ValidPrefix(prefix) {
		return nil, fmt.Errorf("listing %q: %w", prefix, ErrInvalidKey)
	}
	l := lister{ctx: ctx, d: d, prefix: prefix, after: after, limit: limit}
	dir := "."
	if i := strings.LastIndexByte(prefix, '/'); i >= 0 {
		dir = prefix[:i]
	}
	entries, err := d.readDir(ctx, dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		err = l.dir(dir, entries)
	}
	if err != nil {
		return nil, fmt.Errorf("listing %q: %w", prefix, err)
	}
	return l.infos, nil
}

func (d *Dir) readDir(ctx context.Context, dir string) ([]fs.DirEntry, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return d.fs.ReadDir(dir)
}

type lister struct {
	ctx           context.Context
	d             *Dir
	prefix, after string
	limit         int
	infos         []Info
}

func (l *lister) full() bool { return l.limit > 0 && len(l.infos) >= l.limit }

func (l *lister) dir(dir string, entries []fs.DirEntry) error {
	children := make([]child, 0, len(entries))
	for _, e := range entries {
		if !validElement(e.Name()) {
			continue
		}
		c := child{key: path.Join(dir, e.Name()), entry: e, mode: e.Type()}
		if c.mode&fs.ModeSymlink != 0 {
			fi, err := l.d.fs.Stat(c.key)
			if err != nil {
				return err
			}
			c.mode = fi.Mode().Type()
		}
		if c.mode.IsDir() {
			c.key += "/"
		}
		children = append(children, c)
	}
	// The slash belongs to the order: "a-b" and "a.b" come before "a/b".
	slices.SortFunc(children, func(a, b child) int { return strings.Compare(a.key, b.key) })
	for _, c := range children {
		if l.full() {
			return nil
		}
		if err := l.child(c); err != nil {
			return err
		}
	}
	return nil
}

type child struct {
	key   string // a directory's ends with a slash
	entry fs.DirEntry
	mode  fs.FileMode
}

func (l *lister) child(c child) error {
	switch {
	case c.mode.IsDir():
		if !strings.HasPrefix(c.key, l.prefix) && !strings.HasPrefix(l.prefix, c.key) {
			return nil
		}
		if c.key <= l.after && !strings.HasPrefix(l.after, c.key) {
			return nil
		}
		entries, err := l.d.readDir(l.ctx, strings.TrimSuffix(c.key, "/"))
		if err != nil {
			return err
		}
		return l.dir(strings.TrimSuffix(c.key, "/"), entries)
	case !c.mode.IsRegular() || !strings.HasPrefix(c.key, l.prefix) || c.key <= l.after:
		return nil
	}
	fi, err := l.info(c)
	if errors.Is(err, fs.ErrNotExist) { // deleted since
		return nil
	}
	if err != nil {
		return err
	}
	l.infos = append(l.infos, Info{c.key, fi.Size()})
	return nil
}

func (l *lister) info(c child) (fs.FileInfo, error) {
	if c.entry.Type()&fs.ModeSymlink != 0 {
		return l.d.fs.Stat(c.key)
	}
	return c.entry.Info()
}

// SweepDead removes what killed puts left below the directory dir, as far as the
// file system tells that nobody has it open any more. For one that was written to
// within the last second it waits, since its writer may be about to link it.
func (d *Dir) SweepDead(ctx context.Context, dir string) (files int, bytes int64, err error) {
	const young = time.Second
	for again := false; ; again = true {
		left := 0
		n, size, err := d.sweep(ctx, dir, time.Now().Add(-young), &left)
		files, bytes = files+n, bytes+size
		if err != nil || left == 0 || again {
			return files, bytes, err
		}
		select {
		case <-time.After(young + young/10):
		case <-ctx.Done():
			return files, bytes, ctx.Err()
		}
	}
}

// Sweep removes what killed puts left below the directory dir ("." is all):
// temporary files that were last written to before olderThan. It returns how
// many they were and how many bytes they took. The margin must be longer than
// any put pauses between two writes: a put whose file is swept fails. A file
// that is gone meanwhile is passed over, any other error ends the sweep.
func (d *Dir) Sweep(ctx context.Context, dir string, olderThan time.Time) (files int, bytes int64, err error) {
	return d.sweep(ctx, dir, olderThan, nil)
}

// sweep leaves alone, with young, files that somebody has open, and counts there
// those that are not old enough.
func (d *Dir) sweep(ctx context.Context, dir string, olderThan time.Time, young *int) (files int, bytes int64, err error) {
	if dir != "." {
		if err := checkKey("sweeping", dir); err != nil {
			return 0, 0, err
		}
	}
	entries, err := d.readDir(ctx, dir)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, 0, nil
	}
	if err != nil {
		return 0, 0, fmt.Errorf("sweeping %q: %w", dir, err)
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		if e.IsDir() && validElement(e.Name()) {
			n, size, err := d.sweep(ctx, name, olderThan, young)
			files, bytes = files+n, bytes+size
			if err != nil {
				return files, bytes, err
			}
			continue
		}
		if !strings.HasPrefix(e.Name(), vfs.TempPrefix) || !e.Type().IsRegular() {
			continue
		}
		fi, err := e.Info()
		if err == nil && young != nil && !fi.ModTime().Before(olderThan) && !fi.ModTime().After(time.Now()) {
			*young++
		}
		if err == nil && fi.ModTime().Before(olderThan) {
			if young != nil { // not asked of young ones: asking takes the lock for a moment
				if used, uerr := d.fs.InUse(name); used || uerr != nil {
					continue
				}
			}
			if err = d.fs.Remove(name); err == nil {
				files, bytes = files+1, bytes+fi.Size()
			}
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return files, bytes, writeError("sweeping", name, err)
		}
	}
	return files, bytes, nil
}
