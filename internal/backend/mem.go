package backend

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
)

// Mem is a backend in memory, for tests and for stores that need not last.
type Mem struct {
	mu   sync.RWMutex
	keys map[string][]byte              // values are never changed in place
	tops map[string]map[string]struct{} // keys by their first element, so that listing one looks at no other
}

// NewMem returns an empty backend.
func NewMem() *Mem { return &Mem{keys: map[string][]byte{}, tops: map[string]map[string]struct{}{}} }

// Get implements Backend.
func (m *Mem) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	data, err := m.find(ctx, "reading", key)
	if err != nil {
		return nil, err
	}
	if err := checkRange(key, off); err != nil {
		return nil, err
	}
	data = data[min(off, int64(len(data))):]
	if n >= 0 {
		data = data[:min(n, int64(len(data)))]
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

// Put implements Backend; data is copied.
func (m *Mem) Put(ctx context.Context, key string, data []byte) error {
	if err := checkKey("creating", key); err != nil {
		return err
	}
	return m.create(ctx, key, slices.Clone(data), false)
}

// Create implements Backend.
func (m *Mem) Create(ctx context.Context, key string) (Writer, error) {
	if err := checkKey("creating", key); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return &memWriter{ctx: ctx, m: m, key: key}, nil
}

// Replace implements Backend.
func (m *Mem) Replace(ctx context.Context, key string) (Writer, error) {
	w, err := m.Create(ctx, key)
	if err != nil {
		return nil, err
	}
	w.(*memWriter).replace = true
	return w, nil
}

// List implements Backend.
func (m *Mem) List(ctx context.Context, prefix, after string, limit int) ([]Info, error) {
	if !ValidPrefix(prefix) {
		return nil, fmt.Errorf("listing %q: %w", prefix, ErrInvalidKey)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	var infos []Info
	add := func(key string) {
		if strings.HasPrefix(key, prefix) && key > after {
			infos = append(infos, Info{key, int64(len(m.keys[key]))})
		}
	}
	if top, _, ok := strings.Cut(prefix, "/"); ok {
		for key := range m.tops[top] {
			add(key)
		}
	} else {
		for key := range m.keys {
			add(key)
		}
	}
	slices.SortFunc(infos, func(a, b Info) int { return strings.Compare(a.Key, b.Key) })
	if limit > 0 && len(infos) > limit {
		infos = infos[:limit:limit]
	}
	return infos, nil
}

// Delete implements Backend.
func (m *Mem) Delete(ctx context.Context, key string) error {
	if _, err := m.find(ctx, "deleting", key); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.keys[key]; !ok {
		return fmt.Errorf("deleting %q: %w", key, ErrNotFound)
	}
	delete(m.keys, key)
	delete(m.tops[topOf(key)], key)
	return nil
}

// Stat implements Backend.
func (m *Mem) Stat(ctx context.Context, key string) (Info, error) {
	data, err := m.find(ctx, "looking up", key)
	if err != nil {
		return Info{}, err
	}
	return Info{key, int64(len(data))}, nil
}

func (m *Mem) find(ctx context.Context, op, key string) ([]byte, error) {
	if err := checkKey(op, key); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	data, ok := m.keys[key]
	if !ok {
		return nil, fmt.Errorf("%s %q: %w", op, key, ErrNotFound)
	}
	return data, nil
}

func (m *Mem) create(ctx context.Context, key string, data []byte, replace bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.keys[key]; ok && !replace {
		return fmt.Errorf("creating %q: %w", key, ErrExists)
	}
	m.keys[key] = data
	top := topOf(key)
	if m.tops[top] == nil {
		m.tops[top] = map[string]struct{}{}
	}
	m.tops[top][key] = struct{}{}
	return nil
}

func topOf(key string) string {
	top, _, _ := strings.Cut(key, "/")
	return top
}

type memWriter struct {
	ctx     context.Context
	m       *Mem
	key     string
	buf     []byte
	done    bool
	replace bool
}

func (w *memWriter) Write(p []byte) (int, error) {
	if w.done {
		return 0, errFinished(w.key)
	}
	w.buf = append(w.buf, p...)
	return len(p), nil
}

func (w *memWriter) Commit() error {
	if w.done {
		return errFinished(w.key)
	}
	w.done = true
	return w.m.create(w.ctx, w.key, w.buf, w.replace)
}

func (w *memWriter) Abort() error {
	w.done = true
	return nil
}

func errFinished(key string) error {
	return fmt.Errorf("creating %q: the writer is finished", key)
}
