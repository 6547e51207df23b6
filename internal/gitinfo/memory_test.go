package gitinfo

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/go-git/go-git/v5/plumbing"
)

// What was read once is not read again, until it changes.
func TestRemember(t *testing.T) {
	p := newProject(t)
	p.commit()
	var count counter
	r, cache := count.reader(), &mem{}
	expect := func(what string, dirty bool, names ...string) {
		t.Helper()
		if st := p.read(r, cache); st.Dirty != dirty {
			t.Errorf("%s: dirty is %v", what, st.Dirty)
		}
		if got := count.take(); !slices.Equal(got, names) {
			t.Errorf("%s: read %q, want %q", what, got, names)
		}
	}
	expect("clean", clean)
	p.age("README")
	p.age("src/train.py")
	expect("touched", clean, "README", "src/train.py")
	saves := cache.saves
	expect("again", clean)
	expect("and again", clean)
	if cache.saves != saves {
		t.Error("saved though nothing changed")
	}
	p.must(os.Rename(p.path("src.txt"), p.path("away")))
	expect("one is away", dirty)
	p.must(os.Rename(p.path("away"), p.path("src.txt")))
	expect("it is back", clean, "src.txt")
	tick()
	p.age("README")
	expect("one of them touched", clean, "README")
	p.write("README", "READ ME\n")
	expect("edited", dirty, "README")
	expect("still", dirty)
	p.write("src/train.py", "print(2)\n")
	expect("another edited", dirty)
	p.git("checkout", "-q", "README")
	p.age("README")
	tick()
	p.git("update-index", "-q", "--refresh")
	expect("the first restored", dirty, "src/train.py")
	p.git("add", ".")
	expect("staged", dirty)
	p.git("commit", "-qm", "second")
	p.age("src/train.py")
	p.git("update-index", "-q", "--refresh")
	expect("committed", clean)
	d, ok := decodeMemory(cache.content)
	delete(d.old, "src.txt") // of which git did not see that its ctime changed
	if !ok || len(d.old) != 0 {
		t.Errorf("kept facts that are not in use: %v", d.old)
	}
}

// A file that changed just now may change again without showing it.
func TestFreshIsNotRemembered(t *testing.T) {
	p := newProject(t)
	p.commit()
	var count counter
	r, cache := count.reader(), &mem{}
	r.now = time.Now
	for _, content := range []string{"read me\n", "READ ME\n", "read me\n", "Read me\n"} {
		p.write("README", content)
		for range 2 {
			if st := p.read(r, cache); st.Dirty != (content != "read me\n") {
				t.Fatalf("%q: %+v", content, st)
			}
			if got := count.take(); !slices.Equal(got, []string{"README"}) {
				t.Fatalf("%q: read %q", content, got)
			}
		}
	}
}

// The result of comparing the index with the commit is remembered: the objects
// are not needed for it.
func TestRememberStaged(t *testing.T) {
	p := newProject(t)
	p.commit()
	cache := &mem{}
	p.read(reader{now: time.Now}, cache)
	p.must(os.Rename(p.path(".git/objects"), p.path(".git/away")))
	p.must(os.Mkdir(p.path(".git/objects"), 0o777))
	if st := p.read(reader{now: time.Now}, cache); st.Dirty {
		t.Error("dirty")
	}
	p.must(os.Remove(p.path(".git/objects")))
	p.must(os.Rename(p.path(".git/away"), p.path(".git/objects")))
	p.git("rm", "-q", "--cached", "README")
	if st := p.read(reader{now: time.Now}, cache); !st.Dirty {
		t.Error("the verdict of another index holds on")
	}
	p.git("commit", "-qm", "second")
	if st := p.read(reader{now: time.Now}, cache); st.Dirty {
		t.Error("the verdict of another commit holds on")
	}
}

// Nothing that a cache may return changes the answer.
func TestGarbage(t *testing.T) {
	p := newProject(t)
	p.commit()
	p.age("README")
	var count counter
	cache := &mem{}
	p.read(count.reader(), cache)
	good := slices.Clone(cache.content)
	p.write("README", "READ ME\n")

	if m := loadMemory(&mem{content: good}, "elsewhere"); len(m.old) > 0 || m.verdict != 0 {
		t.Errorf("the cache of another project is used: %+v", m)
	}
	other := newProject(t)
	other.commit()
	other.age("README")
	foreign := &mem{}
	other.read(count.reader(), foreign)

	bad := [][]byte{nil, {}, []byte("garbage"), []byte(memoryMagic), make([]byte, 1000), foreign.content,
		append(slices.Clone(good), 0), good[:len(good)-1], good[1:], bytes.Repeat(good, 2)}
	for i := range good {
		b := slices.Clone(good)
		b[i] ^= 1 << (i % 8)
		bad = append(bad, b)
	}
	for _, b := range bad {
		for _, q := range []*project{p, other} {
			if q == other && bytes.Equal(b, foreign.content) {
				continue
			}
			count.take()
			cache := &mem{content: b}
			if st := q.read(count.reader(), cache); st.Dirty != (q == p) {
				t.Fatalf("%q: %+v", b, st)
			}
			if got := count.take(); !slices.Equal(got, []string{"README"}) {
				t.Fatalf("%q: read %q", b, got)
			}
			if _, ok := decodeMemory(cache.content); !ok {
				t.Fatalf("%q: not replaced", b)
			}
		}
	}
}

func someMemory(files int) *memory {
	m := &memory{root: "/home/a/project", commit: "c0ffee", index: plumbing.Hash{1, 2}, verdict: 2, new: map[string]fact{}}
	for i := range files {
		m.new[fmt.Sprintf("src/%d", i)] = fact{stamp{int64(i) << 40, -1, 7, 1 << 63}, plumbing.Hash{3}, plumbing.Hash{byte(i)}}
	}
	return m
}

func TestMemoryRoundTrip(t *testing.T) {
	m := someMemory(100)
	d, ok := decodeMemory(m.encode())
	if !ok {
		t.Fatal("not decoded")
	}
	d.old, d.new = nil, d.old
	if diff := cmp.Diff(m, d, cmp.AllowUnexported(memory{}, fact{}, stamp{})); diff != "" {
		t.Error(diff)
	}
	if d, ok := decodeMemory(someMemory(maxFacts + 10).encode()); !ok || len(d.old) != maxFacts {
		t.Error("not bounded")
	}
}

// tick waits until the clock of the file system has moved.
func tick() { time.Sleep(20 * time.Millisecond) }
