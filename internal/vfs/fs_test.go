package vfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
)

// implementations are checked against one contract. symlink makes a symlink
// behind the interface's back.
func implementations(t *testing.T, run func(t *testing.T, fsys FS, symlink func(target, name string) error)) {
	t.Run("Root", func(t *testing.T) {
		r := openRoot(t)
		run(t, r, func(target, name string) error { return os.Symlink(target, filepath.Join(r.Dir(), name)) })
	})
	t.Run("Mem", func(t *testing.T) {
		m := NewMem()
		run(t, m, m.Symlink)
	})
	t.Run("Fault", func(t *testing.T) {
		m := NewMem()
		run(t, NewFault(m), m.Symlink)
	})
}

func openRoot(t *testing.T) *Root {
	t.Helper()
	r, err := OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func create(t *testing.T, fsys FS, name, data string, sync bool) {
	t.Helper()
	f, err := fsys.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(f, data); err != nil {
		t.Fatal(err)
	}
	if sync {
		if err := f.Sync(); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func wantFile(t *testing.T, fsys FS, name, want string) {
	t.Helper()
	got, err := ReadFile(fsys, name, 1<<20)
	if err != nil || string(got) != want {
		t.Errorf("%s holds %q, %v, want %q", name, got, err, want)
	}
}

func wantErr(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: error is %v, want %v", what, got, want)
	}
}

func list(t *testing.T, fsys FS, dir string) []string {
	t.Helper()
	entries, err := fsys.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names
}

func TestFiles(t *testing.T) {
	implementations(t, func(t *testing.T, fsys FS, _ func(string, string) error) {
		create(t, fsys, "a", "hello", true)
		wantFile(t, fsys, "a", "hello")
		_, err := fsys.Create("a")
		wantErr(t, "Create of a taken name", err, fs.ErrExist)
		_, err = fsys.Open("b")
		wantErr(t, "Open of nothing", err, fs.ErrNotExist)
		_, err = fsys.Create("no/a")
		wantErr(t, "Create in no directory", err, fs.ErrNotExist)
		wantErr(t, "Remove of nothing", fsys.Remove("b"), fs.ErrNotExist)

		f, err := fsys.Open("a")
		if err != nil {
			t.Fatal(err)
		}
		p := make([]byte, 4)
		if n, err := f.ReadAt(p, 1); n != 4 || err != nil || string(p) != "ello" {
			t.Errorf("ReadAt(1) = %d, %v, %q", n, err, p)
		}
		if n, err := f.ReadAt(p, 3); n != 2 || err != io.EOF {
			t.Errorf("ReadAt(3) = %d, %v", n, err)
		}
		if _, err := f.Write([]byte("x")); err == nil {
			t.Error("Write to a file opened for reading gave no error")
		}
		fi, err := f.Stat()
		if err != nil || fi.Size() != 5 || fi.Name() != "a" || !fi.Mode().IsRegular() {
			t.Errorf("Stat = %v, %v", fi, err)
		}
		if err := fsys.Remove("a"); err != nil {
			t.Fatal(err)
		}
		if data, err := io.ReadAll(f); err != nil || string(data) != "hello" {
			t.Errorf("reading on after Remove: %q, %v", data, err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		_, err = f.Read(p)
		wantErr(t, "Read after Close", err, fs.ErrClosed)
		if got := list(t, fsys, "."); len(got) != 0 {
			t.Errorf("there is %q", got)
		}
	})
}

func TestDirectories(t *testing.T) {
	implementations(t, func(t *testing.T, fsys FS, _ func(string, string) error) {
		for range 2 {
			if err := fsys.MkdirAll("d/e/f"); err != nil {
				t.Fatal(err)
			}
		}
		if err := fsys.MkdirAll("."); err != nil {
			t.Error(err)
		}
		wantErr(t, "Mkdir of a taken name", fsys.Mkdir("d"), fs.ErrExist)
		wantErr(t, "Mkdir without parent", fsys.Mkdir("x/y"), fs.ErrNotExist)
		create(t, fsys, "d/z", "1", false)
		create(t, fsys, "d/a", "22", false)
		create(t, fsys, "d/M", "", false)
		if got, want := list(t, fsys, "d"), []string{"M", "a", "e", "z"}; !slices.Equal(got, want) {
			t.Errorf("ReadDir = %q, want %q", got, want)
		}
		entries, _ := fsys.ReadDir("d")
		fi, err := entries[1].Info()
		if err != nil || fi.Size() != 2 || fi.Name() != "a" || entries[1].IsDir() || !entries[2].IsDir() {
			t.Errorf("Info = %v, %v", fi, err)
		}
		if err := fsys.Remove("d"); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Remove of a full directory: %v", err)
		}
		if err := fsys.Remove("d/e/f"); err != nil {
			t.Error(err)
		}
		if err := fsys.SyncDir("d"); err != nil {
			t.Error(err)
		}
		wantErr(t, "SyncDir of nothing", fsys.SyncDir("q"), fs.ErrNotExist)
		_, err = fsys.ReadDir("q")
		wantErr(t, "ReadDir of nothing", err, fs.ErrNotExist)
		if _, err = fsys.ReadDir("d/a"); err == nil {
			t.Error("ReadDir of a file gave no error")
		}
		if _, err = fsys.Open("d/a/b"); err == nil {
			t.Error("Open below a file gave no error")
		}
		if err := fsys.MkdirAll("d/a/b"); err == nil {
			t.Error("MkdirAll below a file gave no error")
		}
		_, err = ReadFile(fsys, "d", 10)
		wantErr(t, "ReadFile of a directory", err, fs.ErrInvalid)
	})
}

func TestLinkAndRename(t *testing.T) {
	implementations(t, func(t *testing.T, fsys FS, _ func(string, string) error) {
		if err := fsys.Mkdir("d"); err != nil {
			t.Fatal(err)
		}
		create(t, fsys, "a", "one", false)
		create(t, fsys, "b", "two", false)
		if err := fsys.Link("a", "d/l"); err != nil {
			t.Fatal(err)
		}
		wantFile(t, fsys, "d/l", "one")
		wantErr(t, "Link to a taken name", fsys.Link("b", "d/l"), fs.ErrExist)
		wantErr(t, "Link of nothing", fsys.Link("q", "r"), fs.ErrNotExist)
		a, _ := fsys.Lstat("a")
		l, _ := fsys.Lstat("d/l")
		b, _ := fsys.Lstat("b")
		if id := IdentityOf(a); id != IdentityOf(l) || id.Inode != 0 && id.Inode == IdentityOf(b).Inode {
			t.Errorf("identities: %v, its link %v, another %v", id, IdentityOf(l), IdentityOf(b))
		}
		if err := fsys.Rename("b", "d/l"); err != nil {
			t.Fatal(err)
		}
		wantFile(t, fsys, "d/l", "two")
		wantFile(t, fsys, "a", "one")
		_, err := fsys.Lstat("b")
		wantErr(t, "Lstat of the old name", err, fs.ErrNotExist)
		wantErr(t, "Rename of nothing", fsys.Rename("q", "r"), fs.ErrNotExist)
		if err := fsys.Rename("a", "d"); err == nil {
			t.Error("Rename of a file over a directory gave no error")
		}
		if err := fsys.Rename("d", "e"); err != nil {
			t.Error(err)
		}
		wantFile(t, fsys, "e/l", "two")
		if err := fsys.Rename("e", "e/f"); err == nil {
			t.Error("Rename of a directory into itself gave no error")
		}
	})
}

func TestLinkRace(t *testing.T) {
	implementations(t, func(t *testing.T, fsys FS, _ func(string, string) error) {
		for round := range 20 {
			target := fmt.Sprintf("target%d", round)
			var wg sync.WaitGroup
			var mu sync.Mutex
			won := 0
			for i := range 8 {
				name := fmt.Sprintf("from%d-%d", round, i)
				create(t, fsys, name, name, false)
				wg.Go(func() {
					err := fsys.Link(name, target)
					mu.Lock()
					defer mu.Unlock()
					if err == nil {
						won++
					} else if !errors.Is(err, fs.ErrExist) {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if won != 1 {
				t.Fatalf("%d links of one name", won)
			}
		}
	})
}

func TestNames(t *testing.T) {
	implementations(t, func(t *testing.T, fsys FS, _ func(string, string) error) {
		for _, name := range []string{"", "/", "/a", "a/", "..", "../a", "a/../b", "./a", "a//b", "a\x00b"} {
			_, openErr := fsys.Open(name)
			_, createErr := fsys.Create(name)
			_, lstatErr := fsys.Lstat(name)
			_, readErr := fsys.ReadDir(name)
			for op, err := range map[string]error{
				"Open": openErr, "Create": createErr, "Lstat": lstatErr, "ReadDir": readErr,
				"Mkdir": fsys.Mkdir(name), "MkdirAll": fsys.MkdirAll(name), "Remove": fsys.Remove(name),
				"Rename": fsys.Rename(name, "x"), "Link": fsys.Link(name, "x"), "SyncDir": fsys.SyncDir(name),
			} {
				wantErr(t, fmt.Sprintf("%s(%q)", op, name), err, fs.ErrInvalid)
			}
		}
		create(t, fsys, "plain", "x", false)
		wantErr(t, "Rename to ../x", fsys.Rename("plain", "../x"), fs.ErrInvalid)
		wantErr(t, "Link to ../x", fsys.Link("plain", "../x"), fs.ErrInvalid)
	})
}

func TestSymlinks(t *testing.T) {
	implementations(t, func(t *testing.T, fsys FS, symlink func(target, name string) error) {
		if err := fsys.MkdirAll("d/e"); err != nil {
			t.Fatal(err)
		}
		create(t, fsys, "d/f", "inside", false)
		for name, target := range map[string]string{
			"up": "..", "abs": "/", "file": "d/f", "dir": "d", "loop": "loop", "dangling": "nowhere",
			"d/e/back": "../f", "d/e/out": "../../../x",
		} {
			if err := symlink(target, name); err != nil {
				t.Skip(err)
			}
		}
		for _, name := range []string{"file", "dir/f", "d/e/back", "dir/e/back"} {
			wantFile(t, fsys, name, "inside")
		}
		for _, name := range []string{"up", "up/etc", "abs", "abs/etc", "d/e/out", "loop", "dangling"} {
			if f, err := fsys.Open(name); err == nil {
				f.Close()
				t.Errorf("Open(%q) gave no error", name)
			}
			if _, err := fsys.Stat(name); err == nil {
				t.Errorf("Stat(%q) gave no error", name)
			}
		}
		for _, name := range []string{"up", "abs", "loop", "dangling", "file"} {
			_, err := fsys.Create(name)
			wantErr(t, "Create over a symlink", err, fs.ErrExist)
			fi, err := fsys.Lstat(name)
			if err != nil || fi.Mode()&fs.ModeSymlink == 0 {
				t.Errorf("Lstat(%q) = %v, %v", name, fi, err)
			}
		}
		for _, name := range []string{"up/x", "abs/x"} {
			if f, err := fsys.Create(name); err == nil {
				f.Close()
				t.Errorf("Create(%q) gave no error", name)
			}
		}
		if fi, err := fsys.Stat("dir"); err != nil || !fi.IsDir() {
			t.Errorf("Stat of a symlink to a directory: %v, %v", fi, err)
		}
		if err := fsys.Remove("file"); err != nil {
			t.Error(err)
		}
		wantFile(t, fsys, "d/f", "inside")
	})
}
