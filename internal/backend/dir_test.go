package backend_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/vfs"
)

var ctx = context.Background()

// names returns all files of a file system, the temporary ones too.
func names(t *testing.T, fsys vfs.FS) []string {
	t.Helper()
	var all []string
	var walk func(dir string)
	walk = func(dir string) {
		entries, err := fsys.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.IsDir() {
				walk(path.Join(dir, e.Name()))
			} else {
				all = append(all, path.Join(dir, e.Name()))
			}
		}
	}
	walk(".")
	return all
}

func leftovers(t *testing.T, fsys vfs.FS) []string {
	t.Helper()
	return slices.DeleteFunc(names(t, fsys), func(name string) bool {
		return !strings.HasPrefix(path.Base(name), ".")
	})
}

func TestDirSyncs(t *testing.T) {
	f := vfs.NewFault(vfs.NewMem())
	d := backend.NewDir(f)
	if err := d.MakeDirs("journal"); err != nil {
		t.Fatal(err)
	}
	if got := f.Synced(); !slices.Equal(got, []string{"."}) {
		t.Errorf("MakeDirs synced %q", got)
	}
	steps := []struct {
		what string
		run  func() error
		want []string // a temporary file as its directory and "TEMP"
	}{
		{"put", func() error { return d.Put(ctx, "journal/e1", []byte("x")) },
			[]string{"journal/TEMP", "journal"}},
		{"lost put", func() error {
			if err := d.Put(ctx, "journal/e1", []byte("x")); !errors.Is(err, backend.ErrExists) {
				return err
			}
			return nil
		}, nil},
		{"put with directories missing", func() error { return d.Put(ctx, "objects/aa/p", nil) },
			[]string{".", "objects", "objects/aa/TEMP", "objects/aa"}},
		{"put beside it", func() error { return d.Put(ctx, "objects/aa/q", nil) },
			[]string{"objects/aa/TEMP", "objects/aa"}},
		{"put at the top", func() error { return d.Put(ctx, "format", []byte("1")) },
			[]string{"TEMP", "."}},
		{"delete", func() error { return d.Delete(ctx, "objects/aa/q") }, nil},
		{"reads", func() error {
			_, err := backend.ReadAll(ctx, d, "journal/e1", 10)
			_, listErr := d.List(ctx, "", "", 0)
			return errors.Join(err, listErr)
		}, nil},
	}
	for _, step := range steps {
		f.Reset()
		if err := step.run(); err != nil {
			t.Fatalf("%s: %v", step.what, err)
		}
		got := f.Synced()
		for i, name := range got {
			if strings.HasPrefix(path.Base(name), vfs.TempPrefix) {
				got[i] = path.Join(path.Dir(name), "TEMP")
			}
		}
		if !slices.Equal(got, step.want) {
			t.Errorf("%s synced %q, want %q", step.what, got, step.want)
		}
	}
}

func TestDirKeepsFilesOpen(t *testing.T) {
	mem := vfs.NewMem()
	f := vfs.NewFault(mem)
	d := backend.NewDir(f)
	for i := range 100 {
		if err := d.Put(ctx, key(i), []byte("content")); err != nil {
			t.Fatal(err)
		}
	}
	f.Reset()
	p := make([]byte, 3)
	for range 10 {
		if err := backend.ReadFull(ctx, d, key(1), p, 2); err != nil || string(p) != "nte" {
			t.Fatalf("%q, %v", p, err)
		}
	}
	if got := kinds(f, vfs.OpOpen); got != 1 {
		t.Errorf("ten reads of one key opened it %d times", got)
	}
	for i := range 100 {
		if err := backend.ReadFull(ctx, d, key(i), p, 0); err != nil {
			t.Fatal(err)
		}
	}
	if open := kinds(f, vfs.OpOpen) - kinds(f, vfs.OpClose); open != 64 {
		t.Errorf("%d files are open, want 64", open)
	}
	r, err := d.Get(ctx, key(99), 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Delete(ctx, key(99)); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if data, err := io.ReadAll(r); err != nil || string(data) != "content" {
		t.Errorf("reading on after Delete and Close: %q, %v", data, err)
	}
	for range 2 {
		if err := r.Close(); err != nil {
			t.Errorf("closing the reader: %v", err)
		}
	}
	if open := kinds(f, vfs.OpOpen) - kinds(f, vfs.OpClose); open != 0 {
		t.Errorf("%d files are open after Close", open)
	}
}

func key(i int) string { return "objects/" + string(rune('a'+i/10)) + string(rune('a'+i%10)) }

func kinds(f *vfs.Fault, kind string) int {
	n := 0
	for _, op := range f.Ops() {
		if op.Kind == kind {
			n++
		}
	}
	return n
}

func TestDirForeignFiles(t *testing.T) {
	mem := vfs.NewMem()
	d := backend.NewDir(mem)
	if err := d.Put(ctx, "objects/p", []byte("pack")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"objects/.hidden", "objects/Thumbs.db", ".tmp-top"} {
		f, err := mem.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	mem.Mkdir("objects/.cache")
	mem.Symlink("p", "objects/link")
	infos, err := d.List(ctx, "", "", 0)
	want := []backend.Info{{Key: "objects/link", Size: 4}, {Key: "objects/p", Size: 4}}
	if err != nil || !slices.Equal(infos, want) {
		t.Errorf("List = %v, %v, want %v", infos, err, want)
	}
	if _, err := d.Get(ctx, "objects", 0, -1); !errors.Is(err, backend.ErrNotFound) {
		t.Errorf("Get of a directory: %v", err)
	}
	if _, err := d.Get(ctx, "objects/p/x", 0, -1); !errors.Is(err, backend.ErrNotFound) {
		t.Errorf("Get below a file: %v", err)
	}
	if err := d.Delete(ctx, "objects"); !errors.Is(err, backend.ErrNotFound) {
		t.Errorf("Delete of a directory: %v", err)
	}
}

// TestDirListAborts: no error of a listing comes out as a shorter list.
func TestDirListAborts(t *testing.T) {
	mem := vfs.NewMem()
	for _, k := range []string{"a/b/c", "a/b/d", "a/e", "f"} {
		if err := backend.NewDir(mem).Put(ctx, k, nil); err != nil {
			t.Fatal(err)
		}
	}
	for k := 0; ; k++ {
		f := vfs.NewFault(mem)
		f.FailAt(k, syscall.EIO)
		infos, err := backend.NewDir(f).List(ctx, "", "", 0)
		if f.Count() <= k {
			if err != nil || len(infos) != 4 {
				t.Errorf("without a fault: %v, %v", infos, err)
			}
			if k < 3 {
				t.Errorf("the listing took %d operations", k)
			}
			break
		}
		if !errors.Is(err, syscall.EIO) || infos != nil {
			t.Errorf("fault at %d: %v, %v", k, infos, err)
		}
	}
	f := vfs.NewFault(mem)
	f.OnOp(func(op vfs.Op) error {
		if op.Kind == vfs.OpReadDir && op.Name == "a/b" {
			return fs.ErrNotExist
		}
		return nil
	})
	if infos, err := backend.NewDir(f).List(ctx, "a/", "", 0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a directory that vanished: %v, %v", infos, err)
	}
}

func TestDirReadOnly(t *testing.T) {
	for _, errno := range []error{syscall.EROFS, syscall.EACCES} {
		mem := vfs.NewMem()
		if err := backend.NewDir(mem).Put(ctx, "objects/p", []byte("x")); err != nil {
			t.Fatal(err)
		}
		f := vfs.NewFault(mem)
		f.OnOp(func(op vfs.Op) error {
			if slices.Contains([]string{vfs.OpCreate, vfs.OpMkdir, vfs.OpLink, vfs.OpRemove}, op.Kind) {
				return errno
			}
			return nil
		})
		d := backend.NewDir(f)
		for what, err := range map[string]error{
			"put": d.Put(ctx, "objects/q", nil), "put into a new directory": d.Put(ctx, "new/q", nil),
			"delete": d.Delete(ctx, "objects/p"), "MakeDirs": d.MakeDirs("journal"),
		} {
			if !errors.Is(err, backend.ErrReadOnly) || !errors.Is(err, errno) {
				t.Errorf("%s with %v: %v", what, errno, err)
			}
		}
		if data, err := backend.ReadAll(ctx, d, "objects/p", 1); err != nil || string(data) != "x" {
			t.Errorf("reading: %q, %v", data, err)
		}
	}
}

func TestDirReadOnlyOnDisk(t *testing.T) {
	if os.Getuid() <= 0 {
		t.Skip("permissions do not hold for this user")
	}
	dir := t.TempDir()
	_, d := openDir(t, dir)
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(dir, 0o755)
	if err := d.Put(ctx, "k", nil); !errors.Is(err, backend.ErrReadOnly) {
		t.Errorf("put: %v", err)
	}
}

func TestDirSweep(t *testing.T) {
	mem := vfs.NewMem()
	now := time.Unix(1_000_000, 0)
	mem.SetClock(func() time.Time { return now })
	d := backend.NewDir(mem)
	dead := func(k string) {
		t.Helper()
		f := vfs.NewFault(mem)
		f.OnOp(func(op vfs.Op) error {
			if op.Kind == vfs.OpLink || op.Kind == vfs.OpRemove {
				return vfs.ErrCrashed
			}
			return nil
		})
		if err := backend.NewDir(f).Put(ctx, k, []byte("12345")); err == nil {
			t.Fatal("a put that cannot link returned nil")
		}
	}
	dead("objects/aa/p")
	dead("journal/e1")
	dead("top")
	if err := d.Put(ctx, "objects/aa/old", []byte("x")); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Hour)
	live, err := d.Create(ctx, "objects/aa/live")
	if err != nil {
		t.Fatal(err)
	}
	limit := now.Add(-time.Minute)
	if n, size, err := d.Sweep(ctx, "never", limit); n != 0 || size != 0 || err != nil {
		t.Errorf("sweeping what is not there: %d, %d, %v", n, size, err)
	}
	if n, size, err := d.Sweep(ctx, "objects", limit); n != 1 || size != 5 || err != nil {
		t.Errorf("sweeping objects: %d, %d, %v", n, size, err)
	}
	if n, size, err := d.Sweep(ctx, ".", limit); n != 2 || size != 10 || err != nil {
		t.Errorf("sweeping all: %d, %d, %v", n, size, err)
	}
	if err := live.Commit(); err != nil {
		t.Errorf("a put that is going on was swept: %v", err)
	}
	if got, want := names(t, mem), []string{"objects/aa/live", "objects/aa/old"}; !slices.Equal(got, want) {
		t.Errorf("after the sweep there are %q, want %q", got, want)
	}
	slow, err := d.Create(ctx, "objects/aa/slow")
	if err != nil {
		t.Fatal(err)
	}
	if n, _, err := d.Sweep(ctx, ".", now.Add(time.Hour)); n != 1 || err != nil {
		t.Errorf("sweeping a live put: %d, %v", n, err)
	}
	if err := slow.Commit(); err == nil || errors.Is(err, backend.ErrUnknown) {
		t.Errorf("a put whose file was swept: %v", err)
	}
}

// TestSweepDead: the unfinished file of a writer that has died goes, however young it
// is; that of one at work stays.
func TestSweepDead(t *testing.T) {
	root, err := vfs.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	d := backend.NewDir(root)
	defer d.Close()
	w, err := d.Create(t.Context(), "at/work")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("half")); err != nil {
		t.Fatal(err)
	}
	dead, err := root.Create("at/" + vfs.TempName())
	if err == nil {
		err = dead.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	if n, _, err := d.SweepDead(t.Context(), "."); n != 1 || err != nil {
		t.Errorf("swept %d files, %v; want the dead one", n, err)
	}
	if err := w.Commit(); err != nil {
		t.Errorf("the writer at work: %v", err)
	}
}
