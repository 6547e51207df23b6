package backend

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/mstore/mstore/internal/vfs"
)

// Create implements Backend.
func (d *Dir) Create(ctx context.Context, key string) (Writer, error) {
	if err := checkKey("creating", key); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	dir := path.Dir(key)
	temp := path.Join(dir, vfs.TempName())
	f, err := d.fs.Create(temp)
	if errors.Is(err, fs.ErrNotExist) && dir != "." {
		if err := d.makeMissing(dir); err != nil {
			return nil, writeError("creating", key, err)
		}
		f, err = d.fs.Create(temp)
	}
	if err != nil {
		return nil, writeError("creating", key, err)
	}
	return &dirWriter{ctx: ctx, d: d, key: key, dir: dir, temp: temp, f: f}, nil
}

// Replace implements Backend.
func (d *Dir) Replace(ctx context.Context, key string) (Writer, error) {
	w, err := d.Create(ctx, key)
	if err != nil {
		return nil, err
	}
	w.(*dirWriter).replace = true
	return w, nil
}

type dirWriter struct {
	ctx  context.Context
	d    *Dir
	key  string
	dir  string
	temp string
	f    vfs.File // nil when finished
	err  error    // the first failed write

	replace bool // what stands at key
}

func (w *dirWriter) Write(p []byte) (int, error) {
	if w.f == nil {
		return 0, errFinished(w.key)
	}
	if w.err == nil {
		w.err = w.ctx.Err()
	}
	if w.err != nil {
		return 0, w.err
	}
	n, err := w.f.Write(p)
	if err != nil {
		w.err = writeError("creating", w.key, err)
	}
	return n, w.err
}

// ReadAt reads back what was written.
func (w *dirWriter) ReadAt(p []byte, off int64) (int, error) {
	f := w.f
	if f == nil {
		return 0, errFinished(w.key)
	}
	return f.ReadAt(p, off)
}

func (w *dirWriter) Abort() error {
	if w.f == nil {
		return nil
	}
	err := errors.Join(w.f.Close(), w.removeTemp())
	w.f = nil
	if err != nil {
		return fmt.Errorf("giving up %q: %w", w.key, err)
	}
	return nil
}

func (w *dirWriter) Commit() error {
	if w.f == nil {
		return errFinished(w.key)
	}
	err := w.err
	if err == nil {
		err = w.f.Sync()
	}
	err = errors.Join(err, w.f.Close())
	w.f = nil
	if err == nil {
		err = w.ctx.Err()
	}
	if err != nil {
		w.removeTemp()
		return writeError("creating", w.key, err)
	}
	if err := w.publish(); err != nil {
		w.removeTemp()
		return err
	}
	// The temporary name does no harm: when its removal fails, Sweep is left.
	w.removeTemp()
	err = w.d.fs.SyncDir(w.dir)
	if err == nil {
		err = w.d.settle()
	}
	if err != nil {
		return fmt.Errorf("creating %q: syncing its directory: %w: %w", w.key, ErrUnknown, err)
	}
	return nil
}

// publish links the file to its key. A failed link is looked into: over a
// network the link may be there although its answer says otherwise, even
// "exists".
func (w *dirWriter) publish() error {
	if w.replace {
		if err := w.d.fs.Rename(w.temp, w.key); err != nil {
			return writeError("replacing", w.key, err)
		}
		w.d.files.drop(w.key)
		return nil
	}
	linkErr := w.d.fs.Link(w.temp, w.key)
	if linkErr == nil {
		return nil
	}
	exists := errors.Is(linkErr, fs.ErrExist)
	final, err := w.d.fs.Lstat(w.key)
	var temp fs.FileInfo
	gone := errors.Is(err, fs.ErrNotExist)
	if err == nil {
		temp, err = w.d.fs.Lstat(w.temp)
	}
	switch {
	case err == nil && sameFile(final, temp):
		return nil
	case exists && (err == nil || gone):
		return fmt.Errorf("creating %q: %w", w.key, ErrExists)
	case gone, err == nil && vfs.IdentityOf(temp).Inode != 0:
		return writeError("creating", w.key, linkErr)
	}
	return fmt.Errorf("creating %q: %w: %w", w.key, ErrUnknown, linkErr)
}

func sameFile(a, b fs.FileInfo) bool {
	inode := vfs.IdentityOf(a).Inode
	return inode != 0 && inode == vfs.IdentityOf(b).Inode
}

// removeTemp is content when the name is gone already: where there are no hard
// links, the link was a move.
func (w *dirWriter) removeTemp() error {
	err := w.d.fs.Remove(w.temp)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
