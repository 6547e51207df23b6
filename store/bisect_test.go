package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// savedOnDisk is a store on the real file system with n versions of a model.
func savedOnDisk(t *testing.T, n int) *Store {
	t.Helper()
	dir := t.TempDir()
	s, _, err := Init(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	for i := 1; i <= n; i++ {
		if err := os.WriteFile(filepath.Join(dir, "model.json"), fmt.Appendf(nil, "%d", i), 0o644); err != nil {
			t.Fatal(err)
		}
		save(t, s, CommitOptions{Paths: []string{"model.json"}})
	}
	return s
}

// One process at a time works on a search; how it stands can be asked all the same.
func TestBisectLock(t *testing.T) {
	ctx := t.Context()
	s := savedOnDisk(t, 8)
	b, err := s.StartBisect(ctx, BisectOptions{Bad: "HEAD", Good: []string{"v1"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.OpenBisect(ctx); !errors.Is(err, ErrConflict) {
		t.Errorf("a second one: %v", err)
	}
	if _, err := s.StartBisect(ctx, BisectOptions{Bad: "HEAD", Good: []string{"v2"}, Force: true}); !errors.Is(err, ErrConflict) {
		t.Errorf("a second start: %v", err)
	}
	if _, err := s.ResetBisect(); !errors.Is(err, ErrConflict) {
		t.Errorf("a reset: %v", err)
	}
	if d, err := s.BisectStatus(ctx); err != nil || d.Next == nil || d.Dir != b.Dir() {
		t.Errorf("status: %+v, %v", d, err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := s.OpenBisect(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
}

// A test that leaves symlinks in its directory does not make mstore write where they lead.
func TestBisectStaysInItsDirectory(t *testing.T) {
	ctx := t.Context()
	s := savedOnDisk(t, 8)
	b, err := s.StartBisect(ctx, BisectOptions{Bad: "HEAD", Good: []string{"v1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if _, err := b.Checkout(ctx); err != nil {
		t.Fatal(err)
	}
	inScratch := filepath.Join(b.Dir(), "model.json")
	outside := filepath.Join(t.TempDir(), "outside.json")
	for _, err := range []error{os.WriteFile(outside, []byte("mine"), 0o644), os.Remove(inScratch), os.Symlink(outside, inScratch)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Mark(ctx, VerdictGood); err != nil {
		t.Fatal(err)
	}
	c, err := b.Checkout(ctx)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(inScratch)
	if err != nil || string(got) != fmt.Sprint(c.Version.Seq) {
		t.Errorf("%s holds %q, %v", c.Version.Name, got, err)
	}
	if got, _ := os.ReadFile(outside); string(got) != "mine" {
		t.Errorf("what a symlink led to holds %q", got)
	}
}
