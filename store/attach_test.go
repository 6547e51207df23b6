package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// initAt makes a store for the models in dir and closes it again.
func initAt(t *testing.T, dir string, o Options) (location string, created bool, err error) {
	t.Helper()
	if o.Clock == nil {
		o.Clock = testClock()
	}
	s, created, err := Init(t.Context(), dir, o)
	if err != nil {
		return "", false, err
	}
	location = s.Location()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return location, created, nil
}

func memURL(t *testing.T) string {
	return "mem://" + strings.ToLower(strings.NewReplacer("/", "-", "_", "-").Replace(t.Name())) + "/p"
}

func TestAttach(t *testing.T) {
	ctx := t.Context()
	url := memURL(t)
	one, two := t.TempDir(), t.TempDir()
	for i, dir := range []string{one, one, two} {
		at, created, err := initAt(t, dir, Options{Storage: url})
		if err != nil || created != (i == 0) || at != url {
			t.Fatalf("attaching, time %d: %q, %v, %v", i+1, at, created, err)
		}
	}
	if _, created, err := initAt(t, one, Options{}); err != nil || created { // without the URL
		t.Errorf("init again: %v, %v", created, err)
	}
	b, err := os.ReadFile(filepath.Join(one, ".mstore", "storage"))
	if err != nil || string(b) != url+"\n" {
		t.Errorf("the file says %q, %v", b, err)
	}
	if _, err := os.Stat(filepath.Join(one, ".mstore", "journal")); err == nil {
		t.Error("there is a journal in the working directory")
	}

	// Both work on one store, each with a workspace of its own; found upward.
	deep := filepath.Join(one, "a", "b")
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	s, err := Open(ctx, deep, Options{Clock: testClock()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.Root() != one || s.Dir() != "" || s.Location() != url {
		t.Errorf("root %q, dir %q, location %q", s.Root(), s.Dir(), s.Location())
	}
	if err := os.WriteFile(filepath.Join(one, "m.json"), []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	res := save(t, s, CommitOptions{Paths: []string{"."}})
	if len(res.Models) != 1 {
		t.Errorf("saved %+v: nothing of .mstore is a model", res.Models)
	}
	other, err := Open(ctx, two, Options{Clock: testClock()})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if got := cat(t, other, "v1", "m.json"); string(got) != "{}" {
		t.Errorf("from the other directory: %q", got)
	}
	// By its name, from anywhere.
	third, err := Open(ctx, t.TempDir(), Options{StoreDir: url, Clock: testClock()})
	if err != nil {
		t.Fatal(err)
	}
	defer third.Close()
	if got := cat(t, third, "v1", "m.json"); string(got) != "{}" {
		t.Errorf("by its URL: %q", got)
	}
	if shared, _, err := s.Config(ctx); err != nil || shared["store.parity"] != "off" {
		t.Errorf("settings %v, %v", shared, err)
	}
}

func TestAttachDirectory(t *testing.T) {
	root, apart := t.TempDir(), filepath.Join(t.TempDir(), "deep", "store")
	for i := range 2 {
		at, created, err := initAt(t, root, Options{Storage: apart})
		if err != nil || created != (i == 0) || at != apart {
			t.Fatalf("time %d: %q, %v, %v", i+1, at, created, err)
		}
	}
	s, err := Open(t.Context(), root, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.Dir() != apart || s.Root() != root {
		t.Errorf("%q with models in %q", s.Dir(), s.Root())
	}
	// Its own directory is no other place.
	plain := t.TempDir()
	if _, _, err := initAt(t, plain, Options{Storage: filepath.Join(plain, DirName)}); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(plain, DirName, "storage")); err == nil {
		t.Error("it is attached to itself")
	}
}

func TestAttachRefused(t *testing.T) {
	url := memURL(t)
	own, taken := t.TempDir(), t.TempDir()
	if _, _, err := initAt(t, own, Options{}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := initAt(t, taken, Options{Storage: url}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		dir, storage string
		want         error
		says         string
	}{
		{own, url, ErrConflict, "mstore push"},
		{taken, url + "/else", ErrConflict, "remove "},
		{taken, t.TempDir(), ErrConflict, "remove "},
		{t.TempDir(), "ftp://host/x", ErrUsage, "ftp://"},
		{t.TempDir(), "s3://user:pw@bucket/p", ErrUsage, "AWS_PROFILE"},
		{t.TempDir(), "s3://bucket/p?secret_access_key=pw", ErrUsage, "AWS_PROFILE"},
		{t.TempDir(), "s3://bucket/p?AWS_SECRET_ACCESS_KEY=pw", ErrUsage, "AWS_PROFILE"},
		{t.TempDir(), "s3://bucket/p?endpoint=http://user:pw@host", ErrUsage, "password"},
		{t.TempDir(), "s3://bucket/p#x", ErrUsage, "quotes"},
		{t.TempDir(), "s3:// pw\x7f", ErrUsage, "s3://BUCKET"},
	} {
		_, _, err := initAt(t, c.dir, Options{Storage: c.storage})
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "pw") {
			t.Errorf("%q in %q: %v", c.storage, c.dir, err)
		}
		if c.want == ErrUsage {
			if _, err := os.Stat(filepath.Join(c.dir, DirName)); err == nil {
				t.Errorf("%q: something was written", c.storage)
			}
		}
	}
	for dir, want := range map[string]string{taken: url, own: filepath.Join(own, DirName)} {
		if _, at, err := find(dir); err != nil || at != want {
			t.Errorf("%q is attached to %q, %v", dir, at, err)
		}
	}

	// A store beside the file that names another: nobody can know which is meant.
	if err := os.WriteFile(filepath.Join(own, DirName, "storage"), []byte(url+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(context.Background(), own, Options{}); !errors.Is(err, ErrConflict) {
		t.Errorf("two stores: %v", err)
	}
	for _, text := range []string{"", "\n", "relative/path\n", "mem://a\nmem://b\n"} {
		dir := t.TempDir()
		if err := os.MkdirAll(filepath.Join(dir, DirName), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, DirName, "storage"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(context.Background(), dir, Options{}); !errors.Is(err, ErrNoStore) {
			t.Errorf("%q in the file: %v", text, err)
		}
	}
}

func TestBucketIsNoStore(t *testing.T) {
	s, err := Open(t.Context(), t.TempDir(), Options{StoreDir: memURL(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Status(t.Context()); !errors.Is(err, ErrNoStore) || !strings.Contains(err.Error(), "holds no store") {
		t.Error(err)
	}
}

func TestSameURL(t *testing.T) {
	want := "s3://b/p/q?endpoint=http://h:1,http://h:2&region=r&use_path_style=true"
	for _, in := range []string{
		want,
		"s3://b/p/q/?use_path_style=true&region=r&endpoint=http%3A%2F%2Fh%3A1%2Chttp%3A%2F%2Fh%3A2",
		"s3://b//p/./q?region=r&endpoint=http://h:1,http://h:2&use_path_style=true",
	} {
		if got, err := checkURL(in); err != nil || got != want {
			t.Errorf("%q becomes %q, %v", in, got, err)
		}
	}
	if got, err := checkURL("s3://b"); err != nil || got != "s3://b" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestCacheSettings(t *testing.T) {
	for v, want := range map[string]int64{"": 2 << 30, "off": 0, "0": 0, "500MB": 500e6, "1GiB": 1 << 30, "much": 2 << 30} {
		if o := cacheOptions("/r", map[string]string{"cache.size": v}, Options{}); o.cacheMax != want {
			t.Errorf("%q: %d", v, o.cacheMax)
		}
	}
	if o := cacheOptions("/r", map[string]string{"cache.dir": "c"}, Options{}); o.cacheDir != filepath.FromSlash("/r/c") {
		t.Error(o.cacheDir)
	}
	s, _, err := Init(t.Context(), t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.SetConfig(t.Context(), "cache.size", "1GiB", false); !errors.Is(err, ErrUsage) {
		t.Errorf("for all who use the store: %v", err)
	}
	if err := s.SetConfig(t.Context(), "cache.size", "much", true); !errors.Is(err, ErrUsage) {
		t.Error(err)
	}
	if err := s.SetConfig(t.Context(), "cache.size", "1GiB", true); err != nil {
		t.Error(err)
	}
}
