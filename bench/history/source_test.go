package history

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/mstore/mstore/store"
)

// TestSource fills a store, looks revisions up in it, and lets the store's own
// fsck prove that it is a real one.
func TestSource(t *testing.T) {
	const n = 700
	ctx := context.Background()
	dir := t.TempDir()
	src, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Build(ctx, src, n, nil); err != nil {
		t.Fatal(err)
	}
	ls, err := Lookups(ctx, src, n)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range ls {
		t.Logf("%s: %d reads", l.What, l.Reads)
		if l.Reads > 10 {
			t.Errorf("%s takes %d reads", l.What, l.Reads)
		}
	}
	if err := src.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(ctx, dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	rep, err := s.Fsck(ctx, store.FsckOptions{})
	if err != nil || !rep.OK {
		t.Fatalf("fsck: %+v, %v", rep, err)
	}
	if _, err := s.OpenModel(ctx, "v333", "model.json"); err != nil {
		t.Error(err)
	}
	if _, err := Open(dir); err == nil {
		t.Error("a store that is not empty is filled")
	}
	if m, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(m) != 1 {
		t.Errorf("beside the store: %v, %v", m, err)
	}
}
