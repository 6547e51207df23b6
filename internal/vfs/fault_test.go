package vfs

import (
	"errors"
	"io"
	"io/fs"
	"slices"
	"syscall"
	"testing"
)

func TestFaultCountsAndLists(t *testing.T) {
	f := NewFault(NewMem())
	f.Mkdir("d")
	create(t, f, "d/a", "x", true)
	f.Link("d/a", "b")
	f.SyncDir("d")
	want := []Op{
		{0, OpMkdir, "d", "", nil}, {1, OpCreate, "d/a", "", nil}, {2, OpWrite, "d/a", "", nil},
		{3, OpSync, "d/a", "", nil}, {4, OpClose, "d/a", "", nil}, {5, OpLink, "b", "d/a", nil},
		{6, OpSyncDir, "d", "", nil},
	}
	if got := f.Ops(); !slices.Equal(got, want) || f.Count() != len(want) {
		t.Errorf("operations are %v", got)
	}
	if got := f.Synced(); !slices.Equal(got, []string{"d/a", "d"}) {
		t.Errorf("synced were %q", got)
	}
	f.Reset()
	f.FailAt(0, syscall.EIO)
	wantErr(t, "SyncDir", f.SyncDir("d"), syscall.EIO)
	if got := f.Synced(); len(got) != 0 || f.Count() != 1 {
		t.Errorf("a sync that failed is listed: %q", got)
	}
}

func TestFaultFails(t *testing.T) {
	m := NewMem()
	f := NewFault(m)
	f.FailAt(1, ErrNoSpace)
	wantErr(t, "0", f.Mkdir("a"), nil)
	err := f.Mkdir("b")
	wantErr(t, "1", err, ErrNoSpace)
	var pe *fs.PathError
	if !errors.As(err, &pe) || pe.Path != "b" {
		t.Errorf("error is %#v", err)
	}
	wantErr(t, "2", f.Mkdir("c"), nil)
	if got := list(t, m, "."); !slices.Equal(got, []string{"a", "c"}) {
		t.Errorf("there is %q", got)
	}

	f.Reset()
	f.FailAfter(0, syscall.EIO)
	wantErr(t, "after", f.Mkdir("d"), syscall.EIO)
	if _, err := m.Lstat("d"); err != nil {
		t.Error(err)
	}

	f.Reset()
	f.CrashAt(1)
	file, err := f.Create("e")
	if err != nil {
		t.Fatal(err)
	}
	_, err = file.Write([]byte("x"))
	wantErr(t, "Write", err, ErrCrashed)
	wantErr(t, "Sync", file.Sync(), ErrCrashed)
	wantErr(t, "Close", file.Close(), ErrCrashed)
	_, err = f.ReadDir(".")
	wantErr(t, "ReadDir", err, ErrCrashed)
	wantFile(t, m, "e", "")
	m.Remove("e")
	if m.root.entries["e"] != nil || f.Count() != 5 {
		t.Errorf("%d operations", f.Count())
	}
}

func TestFaultShort(t *testing.T) {
	m := NewMem()
	f := NewFault(m)
	file, _ := f.Create("a")
	f.ShortAt(1, 3, ErrNoSpace)
	f.ShortAt(2, 2, nil)
	n, err := file.Write([]byte("abcdef"))
	if n != 3 {
		t.Errorf("%d bytes written", n)
	}
	wantErr(t, "Write", err, ErrNoSpace)
	n, err = file.Write([]byte("gh!"))
	if n != 2 {
		t.Errorf("%d bytes written", n)
	}
	wantErr(t, "Write", err, io.ErrShortWrite)
	file.Close()
	wantFile(t, m, "a", "abcgh")

	f.Reset()
	file, _ = f.Open("a")
	f.ShortAt(1, 2, nil)
	f.ShortAt(3, 1, nil)
	f.ShortAt(4, 0, syscall.EIO)
	p := make([]byte, 4)
	if n, err := file.Read(p); n != 2 || err != nil {
		t.Errorf("short Read = %d, %v", n, err)
	}
	if n, err := file.Read(p); n != 3 || err != nil || string(p[:n]) != "cgh" {
		t.Errorf("Read = %d, %v, %q", n, err, p[:n])
	}
	n, err = file.ReadAt(p, 0)
	if n != 1 {
		t.Errorf("short ReadAt = %d", n)
	}
	wantErr(t, "short ReadAt", err, io.ErrUnexpectedEOF)
	n, err = file.Read(p)
	if n != 0 {
		t.Errorf("Read = %d", n)
	}
	wantErr(t, "Read", err, syscall.EIO)
	file.Close()
}

func TestFaultHook(t *testing.T) {
	m := NewMem()
	f := NewFault(m)
	f.OnOp(func(op Op) error {
		if op.Kind == OpRename && op.From == "a" && op.Name == "b" {
			return syscall.EXDEV
		}
		return nil
	})
	create(t, f, "a", "x", false)
	wantErr(t, "Rename", f.Rename("a", "b"), syscall.EXDEV)
	wantFile(t, m, "a", "x")
	ops := f.Ops()
	if last := ops[len(ops)-1]; last.Err != syscall.EXDEV {
		t.Errorf("the list shows %v", last)
	}
	f.OnOp(nil)
	wantErr(t, "Rename", f.Rename("a", "b"), nil)
}
