package backend

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
)

// The operations that a Hook names.
const (
	OpGet    = "get"
	OpPut    = "put"
	OpCreate = "create"
	OpWrite  = "write"
	OpCommit = "commit"
	OpAbort  = "abort"
	OpList   = "list"
	OpDelete = "delete"
	OpStat   = "stat"
)

// Hook calls functions around the operations of another backend, so that a test
// can stall them or make them fail. Both functions may be nil and may be called
// concurrently; set them before the Hook is used. The key of a list is its
// prefix.
type Hook struct {
	Backend Backend
	// Before is called before each operation; an error fails the operation,
	// without effect.
	Before func(op, key string) error
	// After is called after each operation that took effect; an error is what
	// the caller gets to see instead of success, for a put, a commit and a
	// delete together with ErrUnknown.
	After func(op, key string) error
}

// OneByOne is f, called by one goroutine at a time: for one that counts and calls nothing
// that comes back to the Hook.
func OneByOne(f func(op, key string) error) func(op, key string) error {
	var mu sync.Mutex
	return func(op, key string) error {
		mu.Lock()
		defer mu.Unlock()
		return f(op, key)
	}
}

func (h *Hook) around(op, key string, run func() error) error {
	if h.Before != nil {
		if err := h.Before(op, key); err != nil {
			return err
		}
	}
	if err := run(); err != nil {
		return err
	}
	if h.After == nil {
		return nil
	}
	err := h.After(op, key)
	if err != nil && (op == OpPut || op == OpCommit || op == OpDelete) && !errors.Is(err, ErrUnknown) {
		err = fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	return err
}

// Get implements Backend.
func (h *Hook) Get(ctx context.Context, key string, off, n int64) (r io.ReadCloser, err error) {
	err = h.around(OpGet, key, func() error {
		r, err = h.Backend.Get(ctx, key, off, n)
		return err
	})
	if err != nil {
		if r != nil {
			r.Close()
		}
		return nil, err
	}
	return r, nil
}

// Put implements Backend.
func (h *Hook) Put(ctx context.Context, key string, data []byte) error {
	return h.around(OpPut, key, func() error { return h.Backend.Put(ctx, key, data) })
}

// Create implements Backend.
func (h *Hook) Create(ctx context.Context, key string) (w Writer, err error) {
	return h.create(ctx, key, h.Backend.Create)
}

// Replace implements Backend.
func (h *Hook) Replace(ctx context.Context, key string) (w Writer, err error) {
	return h.create(ctx, key, h.Backend.Replace)
}

func (h *Hook) create(ctx context.Context, key string, create func(context.Context, string) (Writer, error)) (w Writer, err error) {
	err = h.around(OpCreate, key, func() error {
		w, err = create(ctx, key)
		return err
	})
	if err != nil {
		if w != nil {
			w.Abort()
		}
		return nil, err
	}
	hw := &hookWriter{h, w, key, false}
	if at, ok := w.(io.ReaderAt); ok {
		return &hookReaderWriter{hw, at}, nil
	}
	return hw, nil
}

// List implements Backend.
func (h *Hook) List(ctx context.Context, prefix, after string, limit int) (infos []Info, err error) {
	err = h.around(OpList, prefix, func() error {
		infos, err = h.Backend.List(ctx, prefix, after, limit)
		return err
	})
	if err != nil {
		return nil, err
	}
	return infos, nil
}

// Delete implements Backend.
func (h *Hook) Delete(ctx context.Context, key string) error {
	return h.around(OpDelete, key, func() error { return h.Backend.Delete(ctx, key) })
}

// Stat implements Backend.
func (h *Hook) Stat(ctx context.Context, key string) (info Info, err error) {
	err = h.around(OpStat, key, func() error {
		info, err = h.Backend.Stat(ctx, key)
		return err
	})
	if err != nil {
		return Info{}, err
	}
	return info, nil
}

// Tag implements Tagger, if the backend below does.
func (h *Hook) Tag(key string) (string, bool) { return tagOf(h.Backend, key) }

type hookWriter struct {
	h    *Hook
	w    Writer
	key  string
	done bool
}

// hookReaderWriter can be read back, as what it writes to can.
type hookReaderWriter struct {
	*hookWriter
	io.ReaderAt
}

func (w *hookWriter) Write(p []byte) (n int, err error) {
	err = w.h.around(OpWrite, w.key, func() error {
		n, err = w.w.Write(p)
		return err
	})
	return n, err
}

// Commit that fails beforehand gives up what was written: the writer is
// finished in any case.
func (w *hookWriter) Commit() error {
	w.done = true
	began := false
	err := w.h.around(OpCommit, w.key, func() error {
		began = true
		return w.w.Commit()
	})
	if !began {
		w.w.Abort()
	}
	return err
}

func (w *hookWriter) Abort() error {
	if w.done {
		return nil
	}
	w.done = true
	began := false
	err := w.h.around(OpAbort, w.key, func() error {
		began = true
		return w.w.Abort()
	})
	if !began {
		w.w.Abort()
	}
	return err
}
