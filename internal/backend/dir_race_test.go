package backend_test

import (
	"errors"
	"testing"
	"time"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/vfs"
)

// TestDirDeleteDuringGet: a file that was opened before a deletion is not found
// in the cache after it.
func TestDirDeleteDuringGet(t *testing.T) {
	f := vfs.NewFault(vfs.NewMem())
	d := backend.NewDir(f)
	if err := d.Put(ctx, "objects/p", []byte("x")); err != nil {
		t.Fatal(err)
	}
	deleted := false
	f.OnOp(func(op vfs.Op) error {
		if opened := f.Ops()[op.N-1].Kind == vfs.OpOpen; !deleted && opened {
			deleted = true
			return d.Delete(ctx, "objects/p")
		}
		return nil
	})
	if data, err := backend.ReadAll(ctx, d, "objects/p", 1); err != nil || string(data) != "x" {
		t.Errorf("the read that was under way: %q, %v", data, err)
	}
	if _, err := d.Get(ctx, "objects/p", 0, -1); !deleted || !errors.Is(err, backend.ErrNotFound) {
		t.Errorf("after the deletion: %v", err)
	}
}

// TestDirNewDirectoryRace: a put into a directory that another put is making
// waits until the directory is durable.
func TestDirNewDirectoryRace(t *testing.T) {
	mem := vfs.NewMem()
	f := vfs.NewFault(mem)
	d := backend.NewDir(f)
	second := make(chan error, 1)
	asked := false
	f.OnOp(func(op vfs.Op) error {
		if asked || op.Kind != vfs.OpSyncDir || op.Name != "." {
			return nil
		}
		asked = true
		go func() { second <- d.Put(ctx, "objects/second", []byte("x")) }()
		select {
		case err := <-second:
			t.Errorf("the second put ended with %v before the directory was durable", err)
			second <- err
		case <-time.After(50 * time.Millisecond):
		}
		return nil
	})
	if err := d.Put(ctx, "objects/first", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := <-second; err != nil || !asked {
		t.Fatal(err)
	}
	after := backend.NewDir(mem.CrashClone(nil))
	infos, err := after.List(ctx, "objects/", "", 0)
	if err != nil || len(infos) != 2 {
		t.Errorf("after a power cut there is %v, %v", infos, err)
	}
}
