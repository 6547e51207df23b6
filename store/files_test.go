package store

import (
	"errors"
	"io/fs"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mstore/mstore/schema"
)

func filesOf(t *testing.T, s *Store, o FilesOptions) (found, dirs []string) {
	t.Helper()
	o.File = func(p string, _ fs.FileInfo) { found = append(found, p) }
	o.Dir = func(p string) { dirs = append(dirs, p) }
	if err := s.Files(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	slices.Sort(found)
	return found, dirs
}

// Files tells what a commit would take, whether it starts at the top or at what has
// just appeared somewhere below.
func TestFiles(t *testing.T) {
	s, m := newMemStore(t)
	write(t, m, "runs/kept.log", []byte("{}"))
	save(t, s, CommitOptions{Paths: []string{"runs/kept.log"}})
	write(t, m, IgnoreFile, []byte("*.log\nscratch/\n"))
	write(t, m, "runs/a/"+IgnoreFile, []byte("local.json\n"))
	for _, p := range []string{"runs/a/model.json", "runs/a/other.log", "runs/a/local.json", "runs/b/local.json", "runs/scratch/x.json", "runs/" + TempPrefix + "x"} {
		write(t, m, p, []byte("{}"))
	}
	want := []string{"runs/a/" + IgnoreFile, "runs/a/model.json", "runs/b/local.json", "runs/kept.log"}
	found, dirs := filesOf(t, s, FilesOptions{Paths: []string{"runs"}})
	if d := cmp.Diff(want, found); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"runs", "runs/a", "runs/b"}, dirs); d != "" {
		t.Error(d)
	}
	var each []string
	_ = eachFile(m, "runs", func(p string) error {
		one, _ := filesOf(t, s, FilesOptions{Paths: []string{p}, Under: "runs"})
		each = append(each, one...)
		return nil
	})
	slices.Sort(each)
	if d := cmp.Diff(want, each); d != "" {
		t.Errorf("one by one: %s", d)
	}
	for p, want := range map[string][]string{"runs/scratch": nil, "runs/b": {"runs/b/local.json"}, "nonesuch": nil, "runs/a/model.json": {"runs/a/model.json"}} {
		if got, _ := filesOf(t, s, FilesOptions{Paths: []string{p}, Under: "runs"}); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", p, got, want)
		}
	}
}

func TestUnsaved(t *testing.T) {
	s, m := newMemStore(t)
	for _, p := range []string{"same.json", "changed.json", "longer.json", "gone.json"} {
		write(t, m, p, []byte(`{"a": 1}`))
	}
	save(t, s, CommitOptions{Paths: []string{"."}})
	write(t, m, "same.json", []byte(`{"a": 1}`))
	write(t, m, "changed.json", []byte(`{"a": 2}`))
	write(t, m, "longer.json", []byte(`{"a": 10}`))
	write(t, m, "new.json", []byte(`{}`))
	if err := m.Remove("gone.json"); err != nil {
		t.Fatal(err)
	}
	got, err := s.Unsaved(t.Context(), []string{"same.json", "changed.json", "longer.json", "gone.json", "new.json", "nonesuch.json"})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"changed.json", "longer.json", "new.json"}, got); d != "" {
		t.Error(d)
	}
}

// Who checks out an old version to look at it has not made a new one.
func TestUnsavedAfterCheckout(t *testing.T) {
	ctx := t.Context()
	s, m := newMemStore(t)
	for _, text := range []string{`{"a": 1}`, `{"a": 2}`} {
		write(t, m, "a.json", []byte(text))
		save(t, s, CommitOptions{Paths: []string{"a.json"}})
	}
	if _, err := s.Checkout(ctx, CheckoutOptions{Rev: "v1"}); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Unsaved(ctx, []string{"a.json"}); err != nil || len(got) != 0 {
		t.Errorf("%q, %v", got, err)
	}
	write(t, m, "a.json", []byte(`{"a": 3}`))
	if got, err := s.Unsaved(ctx, []string{"a.json"}); err != nil || len(got) != 1 {
		t.Errorf("%q, %v", got, err)
	}
}

// A commit of what is present does not record what is gone.
func TestCommitPresent(t *testing.T) {
	s, m := newMemStore(t)
	write(t, m, "a.json", []byte(`{"a": 1}`))
	write(t, m, "b.json", []byte(`{"b": 1}`))
	save(t, s, CommitOptions{Paths: []string{"."}})
	write(t, m, "a.json", []byte(`{"a": 2}`))
	if err := m.Remove("b.json"); err != nil {
		t.Fatal(err)
	}
	res := save(t, s, CommitOptions{Paths: []string{"a.json", "b.json", "nonesuch.json"}, Present: true})
	if !res.Created || res.Version.Changed != 1 || res.Version.Removed != 0 {
		t.Fatalf("%+v", res.Version.Version)
	}
	if got := cat(t, s, "HEAD", "b.json"); string(got) != `{"b": 1}` {
		t.Errorf("b.json holds %q", got)
	}
	if res := save(t, s, CommitOptions{Paths: []string{"b.json"}, Present: true}); res.Created {
		t.Error("a version of nothing")
	}
}

func TestCheckFile(t *testing.T) {
	s, m := newMemStore(t)
	write(t, m, "whole.json", []byte(`{"a": 1}`))
	write(t, m, "part.json", []byte(`{"a": `))
	c, err := s.Checker(t.Context(), schema.Options{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	for p, damaged := range map[string]bool{"whole.json": false, "part.json": true} {
		rep, err := s.CheckFile(t.Context(), c, p)
		if err != nil || rep.Damaged != damaged {
			t.Errorf("%s: %+v, %v", p, rep, err)
		}
	}
	if _, err := s.CheckFile(t.Context(), c, "nonesuch.json"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
