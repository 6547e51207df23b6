package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/vfs"
)

// storage is where a store lies, opened.
type storage struct {
	backend.Backend
	location string // as it was given, absolute
	dir      string // of a directory; else ""
	closers  []io.Closer
	bundle   *bundleNote // of a bundle; else nil
	zip      *backend.Zip
}

func (x *storage) Close() error {
	var errs []error
	for _, c := range x.closers {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// openStorage opens where a store lies: a directory that is a store, or holds one as
// .mstore, or a bundle. What is there is not looked at yet. Errors wrap ErrNoStore where there is
// nothing.
func openStorage(ctx context.Context, location string) (*storage, error) {
	dir, err := filepath.Abs(location)
	if err != nil {
		return nil, err
	}
	if isStore(filepath.Join(dir, DirName)) {
		dir = filepath.Join(dir, DirName)
	}
	if _, err := os.Stat(dir); err != nil {
		return nil, as(ErrNoStore, fmt.Errorf("%q: %w", location, err))
	}
	if x, err := openBundle(ctx, dir); x != nil || err != nil {
		return x, err
	}
	root, err := vfs.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("opening the store: %w", err)
	}
	b := backend.NewDir(root)
	return &storage{Backend: b, location: dir, dir: dir, closers: []io.Closer{b, root}}, nil
}
