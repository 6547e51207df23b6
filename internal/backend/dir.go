package backend

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"syscall"

	"github.com/mstore/mstore/internal/vfs"
)

// Dir is the backend in a directory: each key is a file, each slash a
// directory. A put is a temporary file in the target's directory, write, sync,
// link without replacing, removal of the temporary name, sync of the directory.
// These two syncs are all, except that a missing directory is made first and
// the one above it synced; make directories with MakeDirs when the store is
// made. A deletion is not synced: after a power cut the key may be back.
//
// Names that begin with a dot are not keys; a killed put leaves one of them
// behind at most, see Sweep. Files that hold a key must not be written to by
// anybody else. Keys are not to be used again after Delete: another process may
// still read the old bytes through a file it holds open.
type Dir struct {
	fs    vfs.FS
	files fileCache

	mu sync.Mutex
	// unsynced holds directories whose own entry may not be durable yet.
	unsynced map[string]bool
}

// NewDir returns a backend in the root of fsys, which it does not close. It
// keeps up to 64 files open for reading; Close closes them.
func NewDir(fsys vfs.FS) *Dir {
	return &Dir{fs: fsys, unsynced: map[string]bool{}}
}

// Close closes the files that are kept open. Readers in use stay usable, and so
// does d.
func (d *Dir) Close() error { return d.files.closeAll() }

// Get implements Backend.
func (d *Dir) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	if err := checkKey("reading", key); err != nil {
		return nil, err
	}
	if err := checkRange(key, off); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f, err := d.files.get(key, func() (vfs.File, int64, error) { return d.openRegular(key) })
	if err != nil {
		return nil, dirError("reading", key, err)
	}
	off = min(off, f.size)
	if n < 0 || n > f.size-off {
		n = f.size - off
	}
	return &dirReader{io.NewSectionReader(f.file, off, n), sync.OnceValue(f.release)}, nil
}

func (d *Dir) openRegular(key string) (vfs.File, int64, error) {
	f, err := d.fs.Open(key)
	if err != nil {
		return nil, 0, err
	}
	fi, err := f.Stat()
	if err == nil && !fi.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, fi.Size(), nil
}

type dirReader struct {
	*io.SectionReader
	close func() error
}

func (r *dirReader) Close() error { return r.close() }

// Put implements Backend.
func (d *Dir) Put(ctx context.Context, key string, data []byte) error {
	if err := checkKey("creating", key); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	// A lost race that is over already need not cost a sync.
	if _, err := d.fs.Lstat(key); err == nil {
		return fmt.Errorf("creating %q: %w", key, ErrExists)
	}
	w, err := d.Create(ctx, key)
	if err != nil {
		return err
	}
	if _, err := w.Write(data); err != nil {
		return errors.Join(err, w.Abort())
	}
	return w.Commit()
}

// Delete implements Backend.
func (d *Dir) Delete(ctx context.Context, key string) error {
	if err := checkKey("deleting", key); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	_, err := d.statRegular(key)
	if err == nil {
		err = d.fs.Remove(key)
	}
	d.files.drop(key)
	return dirError("deleting", key, err)
}

// Stat implements Backend.
func (d *Dir) Stat(ctx context.Context, key string) (Info, error) {
	if err := checkKey("looking up", key); err != nil {
		return Info{}, err
	}
	if err := ctx.Err(); err != nil {
		return Info{}, err
	}
	fi, err := d.statRegular(key)
	if err != nil {
		return Info{}, dirError("looking up", key, err)
	}
	return Info{key, fi.Size()}, nil
}

func (d *Dir) statRegular(key string) (fs.FileInfo, error) {
	fi, err := d.fs.Stat(key)
	if err == nil && !fi.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	return fi, err
}

// dirError turns an error of the file system into one of this package.
func dirError(op, key string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("%s %q: %w", op, key, ErrNotFound)
	case op == "deleting":
		return writeError(op, key, err)
	}
	return fmt.Errorf("%s %q: %w", op, key, err)
}

func writeError(op, key string, err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return fmt.Errorf("%s %q: %w: %w", op, key, ErrReadOnly, err)
	}
	return fmt.Errorf("%s %q: %w", op, key, err)
}
