package mirror

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/mstore/mstore/internal/backend"
)

// arriving is a backend in which one key has the bytes that were just written to
// another place, and are not published there yet.
type arriving struct {
	backend.Backend
	key  string
	from io.ReaderAt
	size int64
}

// Get implements backend.Backend.
func (a *arriving) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	if key != a.key {
		return a.Backend.Get(ctx, key, off, n)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	off = min(off, a.size)
	if n < 0 || n > a.size-off {
		n = a.size - off
	}
	return io.NopCloser(io.NewSectionReader(a.from, off, n)), nil
}

// Stat implements backend.Backend.
func (a *arriving) Stat(ctx context.Context, key string) (backend.Info, error) {
	if key != a.key {
		return a.Backend.Stat(ctx, key)
	}
	return backend.Info{Key: key, Size: a.size}, ctx.Err()
}

// memorySpool is up to how many bytes are kept in memory, of what is written to a
// target that cannot read it back before it is published.
const memorySpool = 16 << 20

// spool keeps what is written, to read it back.
type spool struct {
	buf  []byte
	file *os.File
}

func newSpool(size int64) (*spool, error) {
	if size <= memorySpool {
		return &spool{}, nil
	}
	f, err := os.CreateTemp("", "mstore-mirror-*")
	if err != nil {
		return nil, err
	}
	return &spool{file: f}, nil
}

func (s *spool) Write(p []byte) (int, error) {
	if s.file != nil {
		return s.file.Write(p)
	}
	s.buf = append(s.buf, p...)
	return len(p), nil
}

func (s *spool) ReadAt(p []byte, off int64) (int, error) {
	if s.file != nil {
		return s.file.ReadAt(p, off)
	}
	return bytes.NewReader(s.buf).ReadAt(p, off)
}

func (s *spool) close() {
	if s != nil && s.file != nil {
		_ = s.file.Close()
		_ = os.Remove(s.file.Name())
	}
}

// check verifies a key of a backend; damage wraps ErrDamaged.
type check func(ctx context.Context, b backend.Backend, key string, size int64) error

// errGone: a file of the source vanished while it was copied.
var errGone = errors.New("it has gone meanwhile")

// copyFile copies a key that has size bytes, verifies what has arrived, and publishes
// it: in place of what is there if replace is set. A file that is there already is
// backend.ErrExists. Whatever the error, the target is as it was, but for
// backend.ErrUnknown. lax publishes also what is damaged, and returns the damage.
func copyFile(ctx context.Context, from, to backend.Backend, key string, size int64, replace, lax bool, ok check) (damage, err error) {
	r, err := from.Get(ctx, key, 0, -1)
	if errors.Is(err, backend.ErrNotFound) {
		return nil, fmt.Errorf("%q: %w: %w", key, errGone, err)
	}
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", key, err)
	}
	defer r.Close()
	create := to.Create
	if replace {
		create = to.Replace
	}
	w, err := create(ctx, key)
	if err != nil {
		return nil, err
	}
	finished := false
	defer func() {
		if !finished {
			_ = w.Abort()
		}
	}()
	var into io.Writer = w
	back, direct := w.(io.ReaderAt)
	if !direct {
		s, err := newSpool(size)
		if err != nil {
			return nil, err
		}
		defer s.close()
		back, into = s, io.MultiWriter(w, s)
	}
	src := &readErr{r: io.LimitReader(r, size+1)}
	n, err := io.Copy(into, src)
	switch {
	case src.err != nil && errors.Is(src.err, backend.ErrNotFound):
		return nil, fmt.Errorf("%q: %w: %w", key, errGone, src.err)
	case src.err != nil:
		return nil, fmt.Errorf("reading %q: %w", key, src.err)
	case err != nil:
		return nil, fmt.Errorf("writing %q: %w", key, err)
	}
	if n != size {
		damage = fmt.Errorf("%q has %s %d bytes: %w", key, map[bool]string{true: "more than", false: "less than"}[n > size], size, ErrDamaged)
	} else {
		damage = ok(ctx, &arriving{from, key, back, size}, key, size)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if damage != nil && !errors.Is(damage, ErrDamaged) { // it could not be looked at
		return nil, damage
	}
	if damage != nil && (!lax || n > size) {
		return damage, nil
	}
	finished = true
	return damage, w.Commit()
}

// readErr remembers why reading failed, which io.Copy does not tell from writing.
type readErr struct {
	r   io.Reader
	err error
}

func (r *readErr) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	if err != nil && err != io.EOF {
		r.err = err
	}
	return n, err
}
