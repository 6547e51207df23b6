package vfs

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func TestWriteFileAtomic(t *testing.T) {
	implementations(t, func(t *testing.T, fsys FS, _ func(string, string) error) {
		if err := fsys.Mkdir("d"); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"top", "d/x"} {
			for _, durable := range []bool{false, true} {
				want := fmt.Sprintf("%s %v", name, durable)
				if err := WriteFileAtomic(fsys, name, []byte(want), durable); err != nil {
					t.Fatal(err)
				}
				wantFile(t, fsys, name, want)
			}
		}
		if got := list(t, fsys, "d"); !slices.Equal(got, []string{"x"}) {
			t.Errorf("there is %q", got)
		}
		wantErr(t, "no directory", WriteFileAtomic(fsys, "q/x", nil, true), fs.ErrNotExist)
	})
}

func TestWriteFileAtomicSyncs(t *testing.T) {
	f := NewFault(NewMem())
	f.Mkdir("d")
	if err := WriteFileAtomic(f, "d/x", nil, false); err != nil || len(f.Synced()) != 0 {
		t.Errorf("not durable: %v, synced %q", err, f.Synced())
	}
	if err := WriteFileAtomic(f, "d/x", nil, true); err != nil {
		t.Fatal(err)
	}
	got := f.Synced()
	if len(got) != 2 || !strings.HasPrefix(got[0], "d/"+TempPrefix) || got[1] != "d" {
		t.Errorf("synced %q", got)
	}
}

// TestWriteFileAtomicCrash dies at every operation: afterwards the file is the
// old one or the new one.
func TestWriteFileAtomicCrash(t *testing.T) {
	for k := 0; ; k++ {
		m := NewMem()
		if err := WriteFileAtomic(m, "x", []byte("old content"), true); err != nil {
			t.Fatal(err)
		}
		f := NewFault(m)
		f.CrashAt(k)
		err := WriteFileAtomic(f, "x", []byte("new"), true)
		afterlives := []*Mem{m.ProcessCrash(), m.CrashClone(nil)}
		for seed := range uint64(50) {
			afterlives = append(afterlives, m.CrashClone(rand.New(rand.NewPCG(seed, uint64(k)))))
		}
		for i, after := range afterlives {
			got, readErr := ReadFile(after, "x", 100)
			if s := string(got); readErr != nil || s != "new" && (s != "old content" || err == nil) {
				t.Fatalf("crash at %d, afterlife %d: %q, %v, after %v", k, i, got, readErr, err)
			}
		}
		if f.Count() <= k {
			if err != nil || k < 6 {
				t.Errorf("%d operations without a crash: %v", k, err)
			}
			return
		}
		wantErr(t, "crashed", err, ErrCrashed)
	}
}

func TestWriteFileAtomicFault(t *testing.T) {
	for _, injected := range []error{syscall.EIO, ErrNoSpace} {
		for k := 0; ; k++ {
			m := NewMem()
			if err := WriteFileAtomic(m, "d", []byte("old"), true); err != nil {
				t.Fatal(err)
			}
			f := NewFault(m)
			f.FailAt(k, injected)
			err := WriteFileAtomic(f, "d", []byte("new"), true)
			if f.Count() <= k {
				wantErr(t, "no fault", err, nil)
				break
			}
			wantErr(t, fmt.Sprintf("fault at %d", k), err, injected)
			want := "old"
			if f.Ops()[k].Kind == OpSyncDir {
				want = "new"
			}
			wantFile(t, m, "d", want)
			if got := list(t, m, "."); !slices.Equal(got, []string{"d"}) {
				t.Errorf("fault at %d (%s) left %q", k, f.Ops()[k].Kind, got)
			}
		}
	}
}

func TestReadFile(t *testing.T) {
	m := NewMem()
	create(t, m, "a", strings.Repeat("x", 3000), false)
	if data, err := ReadFile(m, "a", 3000); err != nil || len(data) != 3000 {
		t.Errorf("%d bytes, %v", len(data), err)
	}
	_, err := ReadFile(m, "a", 2999)
	wantErr(t, "one byte too many", err, ErrTooLarge)
	_, err = ReadFile(m, "b", 10)
	wantErr(t, "nothing", err, fs.ErrNotExist)
	for k := 0; ; k++ {
		f := NewFault(m)
		f.FailAt(k, syscall.EIO)
		data, err := ReadFile(f, "a", 5000)
		if f.Count() <= k {
			break
		}
		if f.Ops()[k].Kind != OpClose && !errors.Is(err, syscall.EIO) {
			t.Errorf("fault at %d: %d bytes, %v", k, len(data), err)
		}
		f = NewFault(m)
		f.ShortAt(k, 7, nil)
		if data, err := ReadFile(f, "a", 5000); err != nil || len(data) != 3000 {
			t.Errorf("short read at %d: %d bytes, %v", k, len(data), err)
		}
	}
}

func TestTempName(t *testing.T) {
	a, b := TempName(), TempName()
	if a == b || !strings.HasPrefix(a, TempPrefix) || path.Base(a) != a || len(a) != len(TempPrefix)+32 {
		t.Errorf("names %q and %q", a, b)
	}
}
