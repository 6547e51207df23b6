package cached

import (
	"io"
	"os"

	"github.com/mstore/mstore/internal/backend"
)

// writer keeps what goes through it, under temporary names until it is committed.
type writer struct {
	backend.Writer
	c      *Backend
	key    string
	keep   bool
	block  []byte // what is not yet a whole block
	staged []string
	size   int64
}

// newWriter returns a Writer that is an io.ReaderAt if w is one.
func (c *Backend) newWriter(w backend.Writer, key string) backend.Writer {
	cw := &writer{Writer: w, c: c, key: key, keep: !numbered(key)}
	if r, ok := w.(io.ReaderAt); ok {
		return &readableWriter{cw, r}
	}
	return cw
}

type readableWriter struct {
	*writer
	io.ReaderAt
}

// Write implements io.Writer.
func (w *writer) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	for rest := p[:max(n, 0)]; w.keep && len(rest) > 0; {
		if w.block == nil {
			w.block = make([]byte, 0, 64<<10)
		}
		k := min(len(rest), BlockSize-len(w.block))
		w.block, rest = append(w.block, rest[:k]...), rest[k:]
		if w.size += int64(k); len(w.block) == BlockSize {
			w.stage()
		}
	}
	return n, err
}

func (w *writer) stage() {
	if w.c.o.Limit >= 0 && w.size > w.c.o.Limit/2 {
		w.drop()
		return
	}
	temp := w.c.disk.stage(blockID{w.key, int64(len(w.staged))}, "", w.block)
	if temp == "" {
		w.drop()
		return
	}
	w.staged = append(w.staged, temp)
	w.block = w.block[:0]
}

func (w *writer) drop() {
	w.keep, w.block = false, nil
	for _, temp := range w.staged {
		os.Remove(temp)
	}
	w.staged = nil
}

// Commit implements backend.Writer.
func (w *writer) Commit() error {
	if err := w.Writer.Commit(); err != nil {
		w.drop()
		return err
	}
	w.c.Forget(w.key)
	if w.keep {
		w.stage() // the last block, which is shorter than the others, if only by all
	}
	for i, temp := range w.staged {
		w.c.disk.publish(blockID{w.key, int64(i)}, temp)
	}
	w.staged, w.keep = nil, false
	return nil
}

// Abort implements backend.Writer.
func (w *writer) Abort() error {
	w.drop()
	return w.Writer.Abort()
}

// forgettingWriter drops what is kept of a key when it is committed.
func forgettingWriter(c *Backend, w backend.Writer, key string) backend.Writer {
	f := &forgetting{w, c, key}
	if r, ok := w.(io.ReaderAt); ok {
		return &readableForgetting{f, r}
	}
	return f
}

type forgetting struct {
	backend.Writer
	c   *Backend
	key string
}

// Commit implements backend.Writer.
func (w *forgetting) Commit() error {
	defer w.c.Forget(w.key)
	return w.Writer.Commit()
}

type readableForgetting struct {
	*forgetting
	io.ReaderAt
}
