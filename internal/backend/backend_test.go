package backend_test

import (
	"testing"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/backend/backendtest"
	"github.com/mstore/mstore/internal/vfs"
)

func TestMem(t *testing.T) {
	backendtest.Run(t, func(*testing.T) backend.Backend { return backend.NewMem() })
}

func TestDirOnMem(t *testing.T) {
	backendtest.Run(t, func(*testing.T) backend.Backend { return backend.NewDir(vfs.NewMem()) })
}

func TestDirOnDisk(t *testing.T) {
	backendtest.Run(t, func(t *testing.T) backend.Backend {
		_, d := openDir(t, t.TempDir())
		return d
	})
}

// TestWrappers: what only counts or only looks on changes nothing.
func TestWrappers(t *testing.T) {
	backendtest.Run(t, func(*testing.T) backend.Backend {
		return &backend.Hook{
			Backend: backend.NewCounter(backend.NewMem()),
			Before:  func(op, key string) error { return nil },
			After:   func(op, key string) error { return nil },
		}
	})
}

func openDir(t *testing.T, dir string) (*vfs.Root, *backend.Dir) {
	t.Helper()
	root, err := vfs.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	d := backend.NewDir(root)
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		root.Close()
	})
	return root, d
}

func TestValidPrefix(t *testing.T) {
	for prefix, want := range map[string]bool{
		"": true, "a": true, "a/": true, "a/b": true, "a/b.": true,
		".": false, "a/.": false, "/": false, "a//": false, "a/B": false,
	} {
		if got := backend.ValidPrefix(prefix); got != want {
			t.Errorf("ValidPrefix(%q) = %v", prefix, got)
		}
	}
}
