package vfs

import (
	"bytes"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestMemForgets(t *testing.T) {
	m := NewMem()
	create(t, m, "a", "synced, name not", true)
	create(t, m, "b", "name synced", false)
	wantErr(t, "SyncDir", m.SyncDir("."), nil)
	if err := m.Mkdir("d"); err != nil {
		t.Fatal(err)
	}
	create(t, m, "d/x", "in a directory without a name", true)
	m.SyncDir("d")
	create(t, m, "c", "late", true)
	if err := m.Remove("b"); err != nil {
		t.Fatal(err)
	}

	c := m.CrashClone(nil)
	if got := list(t, c, "."); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("a power cut leaves %q", got)
	}
	wantFile(t, c, "a", "synced, name not")
	wantFile(t, c, "b", "")

	p := m.ProcessCrash()
	if got := list(t, p, "."); !slices.Equal(got, []string{"a", "c", "d"}) {
		t.Errorf("a kill leaves %q", got)
	}
	wantFile(t, p, "d/x", "in a directory without a name")
	if got := list(t, p.CrashClone(nil), "."); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("a kill and a power cut leave %q", got)
	}

	if err := m.SyncDir("."); err != nil {
		t.Fatal(err)
	}
	c = m.CrashClone(nil)
	if got := list(t, c, "."); !slices.Equal(got, []string{"a", "c", "d"}) {
		t.Errorf("after the sync a power cut leaves %q", got)
	}
	wantFile(t, c, "d/x", "in a directory without a name")
	if got := list(t, p.CrashClone(nil), "."); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("the copy changed with the original: %q", got)
	}
}

func TestMemSyncsPrefix(t *testing.T) {
	m := NewMem()
	f, _ := m.Create("a")
	f.Write([]byte("one,"))
	f.Sync()
	f.Write([]byte("two"))
	m.SyncDir(".")
	wantFile(t, m.CrashClone(nil), "a", "one,")
	seen := map[string]bool{}
	for seed := range uint64(300) {
		data, err := ReadFile(m.CrashClone(rand.New(rand.NewPCG(seed, 0))), "a", 100)
		if err != nil {
			t.Fatal(err)
		}
		seen[string(data)] = true
		if !bytes.HasPrefix(data, []byte("one,")) || len(data) > 7 {
			t.Errorf("a power cut leaves %q", data)
		}
	}
	for _, want := range []string{"one,", "one,t", "one,tw", "one,two", "one,\x00", "one,\x00\x00\x00", "one,t\x00\x00"} {
		if !seen[want] {
			t.Errorf("300 power cuts never left %q", want)
		}
	}
	f.Sync()
	wantFile(t, m.CrashClone(nil), "a", "one,two")
}

// TestMemCrashOutcomes: every subset of unsynced operations comes up, a rename
// is never seen half done, and equal seeds give equal disks.
func TestMemCrashOutcomes(t *testing.T) {
	m := NewMem()
	create(t, m, "old", "1", true)
	m.SyncDir(".")
	m.Rename("old", "new")
	create(t, m, "x", "", true)
	create(t, m, "y", "", true)
	seen := map[string]bool{}
	for seed := range uint64(300) {
		c := m.CrashClone(rand.New(rand.NewPCG(seed, 0)))
		left := strings.Join(list(t, c, "."), " ")
		again := strings.Join(list(t, m.CrashClone(rand.New(rand.NewPCG(seed, 0))), "."), " ")
		if left != again {
			t.Fatalf("seed %d: %q and %q", seed, left, again)
		}
		seen[left] = true
		if got := list(t, c.CrashClone(nil), "."); strings.Join(got, " ") != left {
			t.Errorf("a second power cut leaves %q of %q", got, left)
		}
	}
	for _, name := range []string{"old", "new"} {
		for _, rest := range []string{"", " x", " y", " x y"} {
			want := name + rest
			if !seen[want] {
				t.Errorf("300 power cuts never left %q", want)
			}
			delete(seen, want)
		}
	}
	if len(seen) > 0 {
		t.Errorf("power cuts left %v", seen)
	}
}

func TestMemDirectoryMoves(t *testing.T) {
	m := NewMem()
	m.MkdirAll("a/b")
	m.Mkdir("c")
	create(t, m, "a/b/f", "x", true)
	m.SyncDir("a/b")
	m.SyncDir("a")
	m.SyncDir(".")
	m.Rename("a/b", "b")
	m.Rename("a", "b/a")
	for seed := range uint64(200) {
		c := m.CrashClone(rand.New(rand.NewPCG(seed, 0))) // must not loop
		if got := list(t, c, "."); !slices.Contains(got, "c") {
			t.Errorf("seed %d lost what was synced: %q", seed, got)
		}
	}
	wantFile(t, m.CrashClone(nil), "a/b/f", "x")
}

func TestMemRemovedFileComesBack(t *testing.T) {
	m := NewMem()
	create(t, m, "a", "content", true)
	m.SyncDir(".")
	m.Remove("a")
	if m.Used() != 0 {
		t.Errorf("%d bytes used", m.Used())
	}
	c := m.CrashClone(nil)
	wantFile(t, c, "a", "content")
	if c.Used() != 7 {
		t.Errorf("%d bytes used after the power cut", c.Used())
	}
	m.SyncDir(".")
	if got := list(t, m.CrashClone(nil), "."); len(got) != 0 {
		t.Errorf("a synced removal left %q", got)
	}
}

func TestMemRewrite(t *testing.T) {
	m := NewMem()
	now := time.Unix(100, 0)
	m.SetClock(func() time.Time { return now })
	create(t, m, "a", "first", true)
	m.SyncDir(".")
	before, _ := m.Lstat("a")
	now = now.Add(time.Second)
	if err := m.Rewrite("a", []byte("again")); err != nil {
		t.Fatal(err)
	}
	if err := m.SetMtime("a", before.ModTime()); err != nil {
		t.Fatal(err)
	}
	after, _ := m.Lstat("a")
	x, y := IdentityOf(before), IdentityOf(after)
	if !after.ModTime().Equal(before.ModTime()) || x.Inode != y.Inode || x.Inode == 0 || x.Ctime == y.Ctime {
		t.Errorf("before %v %v, after %v %v", before.ModTime(), x, after.ModTime(), y)
	}
	wantFile(t, m, "a", "again")
	wantFile(t, m.CrashClone(nil), "a", "first")
	wantFile(t, m.ProcessCrash(), "a", "again")
	seen := map[string]bool{}
	for seed := range uint64(100) {
		data, _ := ReadFile(m.CrashClone(rand.New(rand.NewPCG(seed, 0))), "a", 100)
		seen[string(data)] = true
	}
	if !seen["first"] || !seen["again"] || !seen[""] {
		t.Errorf("power cuts left %v", seen)
	}
}

func TestMemCapacity(t *testing.T) {
	m := NewMem()
	m.SetCapacity(10)
	create(t, m, "a", "123456", false)
	f, _ := m.Create("b")
	n, err := f.Write([]byte("abcdef"))
	if n != 4 {
		t.Errorf("%d bytes written, want 4", n)
	}
	wantErr(t, "Write", err, ErrNoSpace)
	wantErr(t, "Write", err, syscall.ENOSPC)
	f.Close()
	wantFile(t, m, "b", "abcd")
	if n, err := m.CrashClone(nil).Open("b"); err == nil {
		t.Errorf("not synced, and there is %v", n)
	}
	held, _ := m.Open("a")
	m.Link("a", "a2")
	m.Remove("a")
	m.Remove("a2")
	if m.Used() != 10 {
		t.Errorf("%d bytes used while the removed file is open", m.Used())
	}
	held.Close()
	if m.Used() != 4 {
		t.Errorf("%d bytes used", m.Used())
	}
	create(t, m, "c", "123456", false)
	m.SetCapacity(-1)
	create(t, m, "d", strings.Repeat("x", 1000), false)
}

func TestMemConcurrent(t *testing.T) {
	m := NewMem()
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(g), 1))
			for i := range 100 {
				name := fmt.Sprintf("f%d", rng.IntN(10))
				if f, err := m.Create(name); err == nil {
					fmt.Fprintf(f, "%d %d", g, i)
					f.Sync()
					f.Close()
				}
				ReadFile(m, name, 100)
				m.Rename(name, fmt.Sprintf("f%d", rng.IntN(10)))
				m.SyncDir(".")
				if i%10 == 0 {
					m.CrashClone(rng)
					m.ProcessCrash()
				}
				m.Remove(name)
			}
		})
	}
	wg.Wait()
	for _, name := range list(t, m, ".") {
		if err := m.Remove(name); err != nil {
			t.Error(err)
		}
	}
	if m.Used() != 0 {
		t.Errorf("%d bytes used by nothing", m.Used())
	}
	if fi, err := m.Stat("."); err != nil || fi.Mode() != fs.ModeDir|0o755 {
		t.Errorf("root: %v, %v", fi, err)
	}
}
