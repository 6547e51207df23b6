package store

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/journal"
)

// freshCache bounds what a check keeps of what it has read.
const freshCache = 512 << 20

// fresh is a Store that reads what is stored now, and no copy of it that was made
// before: a check of copies would prove nothing. What it reads it keeps for as long as
// it is open, since it reads much of it in small parts. A store in a directory has no
// copies and is returned itself.
func (s *Store) fresh() (*Store, func()) {
	if s.dir != "" || s.location == "" {
		return s, func() {}
	}
	x := &freshBackend{Backend: backend.Uncached(s.b), copies: s.b}
	done := func() {}
	if dir, err := os.MkdirTemp(s.scratch(), "check-"); err == nil {
		if c, err := newCache(x.Backend, filepath.Join(dir, "c"), freshCache); err == nil {
			x.Backend = c
			done = func() { _, _ = c.Close(), os.RemoveAll(dir) }
		}
	}
	return &Store{o: s.o, root: s.root, b: x, j: journal.New(x, journal.Options{Clock: s.o.Clock}), index: s.index, indexPays: s.indexPays, dial: s.dial,
		helpers: s.helpers, rootDir: s.rootDir, location: s.location, scratchDir: s.scratchDir}, done
}

// scratch is a directory for temporary files that may be large; "" is the system's.
func (s *Store) scratch() string {
	if s.scratchDir == "" || os.MkdirAll(s.scratchDir, 0o755) != nil {
		return ""
	}
	return s.scratchDir
}

// freshBackend is where a fresh Store reads and writes. What it changes is dropped from
// the copies that others use. It remembers when the store could not be asked.
type freshBackend struct {
	backend.Backend
	copies backend.Backend
	lost   atomic.Pointer[error]
}

func (f *freshBackend) note(err error) error {
	if err != nil && outOfReach(err) {
		f.lost.CompareAndSwap(nil, &err)
	}
	return err
}

// unreached returns the first error, if any, that says nothing of what is stored: what
// was found since may be wrong.
func (s *Store) unreached() error {
	if f, ok := s.b.(*freshBackend); ok {
		if err := f.lost.Load(); err != nil {
			return *err
		}
	}
	return nil
}

func (f *freshBackend) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	r, err := f.Backend.Get(ctx, key, off, n)
	if err != nil {
		return nil, f.note(err)
	}
	return &freshReader{r, f}, nil
}

type freshReader struct {
	io.ReadCloser
	f *freshBackend
}

func (r *freshReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		_ = r.f.note(err)
	}
	return n, err
}

func (f *freshBackend) List(ctx context.Context, prefix, after string, limit int) ([]backend.Info, error) {
	infos, err := f.Backend.List(ctx, prefix, after, limit)
	return infos, f.note(err)
}

func (f *freshBackend) Stat(ctx context.Context, key string) (backend.Info, error) {
	info, err := f.Backend.Stat(ctx, key)
	return info, f.note(err)
}

func (f *freshBackend) Delete(ctx context.Context, key string) error {
	err := f.note(f.Backend.Delete(ctx, key))
	backend.Forget(f.copies, key)
	return err
}

func (f *freshBackend) Replace(ctx context.Context, key string) (backend.Writer, error) {
	w, err := f.Backend.Replace(ctx, key)
	if err != nil {
		return nil, f.note(err)
	}
	return &freshWriter{w, f, key}, nil
}

// freshWriter replaces a key.
type freshWriter struct {
	backend.Writer
	f   *freshBackend
	key string
}

func (w *freshWriter) Commit() error {
	err := w.f.note(w.Writer.Commit())
	backend.Forget(w.f.copies, w.key)
	return err
}

// Prefetch implements backend.Prefetcher.
func (f *freshBackend) Prefetch(ctx context.Context, ranges []backend.Range) {
	backend.Prefetch(ctx, f.Backend, ranges)
}

// Forget implements backend.Cache.
func (f *freshBackend) Forget(key string) bool {
	backend.Forget(f.copies, key)
	return backend.Forget(f.Backend, key)
}

// Uncached implements backend.Cache.
func (f *freshBackend) Uncached() backend.Backend { return backend.Uncached(f.Backend) }
