package backend_test

import (
	"errors"
	"io"
	"testing"

	"github.com/mstore/mstore/internal/backend"
)

func TestCounter(t *testing.T) {
	c := backend.NewCounter(backend.NewMem())
	c.Put(ctx, "a", []byte("12345"))
	c.Put(ctx, "a", []byte("12345")) // exists: asked for, nothing written
	w, err := c.Create(ctx, "b")
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, "123")
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := backend.ReadFull(ctx, c, "a", make([]byte, 2), 1); err != nil {
		t.Fatal(err)
	}
	c.Get(ctx, "absent", 0, -1)
	c.Stat(ctx, "a")
	c.List(ctx, "", "", 0)
	c.Delete(ctx, "a")
	want := backend.Counts{
		Gets: 2, Puts: 2, Creates: 1, Lists: 1, Deletes: 1, Stats: 1, BytesRead: 2, BytesWritten: 8,
	}
	if got := c.Reset(); got != want {
		t.Errorf("counts are %+v, want %+v", got, want)
	}
	if got := c.Counts(); got != (backend.Counts{}) {
		t.Errorf("after Reset: %+v", got)
	}
}

func TestHook(t *testing.T) {
	boom := errors.New("boom")
	mem := backend.NewMem()
	h := &backend.Hook{Backend: mem}
	fail := func(want string) func(op, key string) error {
		return func(op, key string) error {
			if op == want && key == "k" {
				return boom
			}
			return nil
		}
	}
	h.Before = fail(backend.OpPut)
	if err := h.Put(ctx, "k", nil); !errors.Is(err, boom) || errors.Is(err, backend.ErrUnknown) {
		t.Errorf("failed before: %v", err)
	}
	if _, err := mem.Stat(ctx, "k"); !errors.Is(err, backend.ErrNotFound) {
		t.Errorf("failed before, and there is: %v", err)
	}
	h.Before, h.After = nil, fail(backend.OpPut)
	if err := h.Put(ctx, "k", nil); !errors.Is(err, boom) || !errors.Is(err, backend.ErrUnknown) {
		t.Errorf("failed after: %v", err)
	}
	if _, err := mem.Stat(ctx, "k"); err != nil {
		t.Errorf("failed after, and there is not: %v", err)
	}
	h.After = fail(backend.OpDelete)
	if err := h.Delete(ctx, "k"); !errors.Is(err, backend.ErrUnknown) {
		t.Errorf("delete: %v", err)
	}
	for _, before := range []bool{true, false} {
		h.Before, h.After = nil, nil
		if before {
			h.Before = fail(backend.OpCommit)
		} else {
			h.After = fail(backend.OpCommit)
		}
		w, err := h.Create(ctx, "k")
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Commit(); !errors.Is(err, boom) || errors.Is(err, backend.ErrUnknown) == before {
			t.Errorf("commit that fails before %v: %v", before, err)
		}
		if _, err := mem.Stat(ctx, "k"); (err != nil) != before {
			t.Errorf("commit that fails before %v: %v", before, err)
		}
		if err := w.Abort(); err != nil {
			t.Errorf("Abort after Commit: %v", err)
		}
	}
}
