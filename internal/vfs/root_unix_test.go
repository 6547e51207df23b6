//go:build unix

package vfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"
)

func TestRootDoesNotBlockOnFIFO(t *testing.T) {
	r := openRoot(t)
	if err := syscall.Mkfifo(filepath.Join(r.Dir(), "fifo"), 0o644); err != nil {
		t.Skip(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := ReadFile(r, "fifo", 10)
		done <- err
	}()
	select {
	case err := <-done:
		wantErr(t, "ReadFile of a FIFO", err, fs.ErrInvalid)
	case <-time.After(10 * time.Second):
		t.Fatal("opening a FIFO blocks")
	}
}

func TestRootWithoutHardLinks(t *testing.T) {
	if runtime.GOOS != "linux" && runtime.GOOS != "darwin" {
		t.Skip("no move without replacing here")
	}
	for _, errno := range []error{syscall.EPERM, syscall.ENOTSUP, syscall.EOPNOTSUPP, syscall.ENOSYS} {
		r := openRoot(t)
		r.link = func(oldname, newname string) error {
			return &os.LinkError{Op: "link", Old: oldname, New: newname, Err: errno}
		}
		create(t, r, "a", "one", false)
		create(t, r, "b", "two", false)
		if err := r.Mkdir("d"); err != nil {
			t.Fatal(err)
		}
		err := r.Link("a", "d/l")
		if errors.Is(err, errors.ErrUnsupported) {
			t.Skip(err)
		}
		if err != nil {
			t.Fatalf("Link with %v: %v", errno, err)
		}
		wantFile(t, r, "d/l", "one")
		_, err = r.Lstat("a")
		wantErr(t, "the old name after a move", err, fs.ErrNotExist)
		wantErr(t, "Link to a taken name", r.Link("b", "d/l"), fs.ErrExist)
		wantErr(t, "Link of nothing", r.Link("q", "x"), fs.ErrNotExist)
		wantFile(t, r, "b", "two")
		wantFile(t, r, "d/l", "one")
	}
	r := openRoot(t)
	r.link = func(oldname, newname string) error { return syscall.EMLINK }
	wantErr(t, "another error of link", r.Link("a", "b"), syscall.EMLINK)
}

func TestRootLinkOutside(t *testing.T) {
	r := openRoot(t)
	r.link = func(oldname, newname string) error { return syscall.EPERM }
	outside := t.TempDir()
	create(t, r, "a", "x", false)
	if err := os.Symlink(outside, filepath.Join(r.Dir(), "out")); err != nil {
		t.Fatal(err)
	}
	if err := r.Link("a", "out/a"); err == nil {
		t.Error("a move out of the root gave no error")
	}
	wantFile(t, r, "a", "x")
}

func TestNoSpaceErrors(t *testing.T) {
	for _, errno := range []error{syscall.ENOSPC, syscall.EDQUOT} {
		err := wrapSys(pathError("write", "a", errno))
		wantErr(t, "wrapped", err, ErrNoSpace)
		wantErr(t, "wrapped", err, errno)
		var pe *fs.PathError
		if !errors.As(err, &pe) || err.Error() != pe.Error() {
			t.Errorf("the text is %q", err)
		}
	}
	wantErr(t, "another", wrapSys(syscall.EIO), syscall.EIO)
	if errors.Is(wrapSys(syscall.EIO), ErrNoSpace) || wrapSys(nil) != nil {
		t.Error("an error that is none of a full disk")
	}
}

func TestRootIdentity(t *testing.T) {
	if runtime.GOOS != "linux" && runtime.GOOS != "darwin" {
		t.Skip("no identity here")
	}
	r := openRoot(t)
	create(t, r, "a", "x", false)
	before, err := r.Lstat("a")
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(20 * time.Millisecond)
	old := before.ModTime().Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(r.Dir(), "a"), old, old); err != nil {
		t.Fatal(err)
	}
	after, err := r.Lstat("a")
	if err != nil {
		t.Fatal(err)
	}
	x, y := IdentityOf(before), IdentityOf(after)
	if x.Inode == 0 || x.Inode != y.Inode || x.Ctime >= y.Ctime {
		t.Errorf("identity %v, after a change %v", x, y)
	}
	if d := time.Since(time.Unix(0, x.Ctime)); d < 0 || d > time.Hour {
		t.Errorf("ctime is %v ago", d)
	}
}

func TestRootNamesAreBytes(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the file system may demand UTF-8")
	}
	r := openRoot(t)
	for _, name := range []string{"caf\xe9", `back\slash`, "new\nline"} {
		create(t, r, name, "x", true)
		wantFile(t, r, name, "x")
	}
}
