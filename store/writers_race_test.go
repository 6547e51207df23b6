package store

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/objects"
)

// acked is a version that a writer was told of.
type acked struct{ id, path, data string }

// checkLine demands that the history of the branch is one line, holds every
// acknowledged version once, with its content, and nothing else but what
// killed writers may have left.
func checkLine(t *testing.T, s *Store, told []acked, mayMore bool) {
	t.Helper()
	place := map[string]int{}
	var line []*Version
	for v, err := range s.Log(t.Context(), LogOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		if _, twice := place[v.ID.String()]; twice {
			t.Fatalf("%s comes twice", v.ID)
		}
		place[v.ID.String()] = len(line)
		line = append(line, v)
	}
	for i, v := range line {
		last := i == len(line)-1
		if v.Seq != uint64(len(line)-i) || last != (len(v.Parents) == 0) || !last && v.Parents[0] != line[i+1].ID {
			t.Fatalf("%s is in place %d of %d", v.Name, i, len(line))
		}
	}
	for _, a := range told {
		if _, ok := place[a.id]; !ok {
			t.Fatalf("acknowledged version %s is not there", a.id)
		}
		if got := cat(t, s, a.id, a.path); string(got) != a.data {
			t.Fatalf("%s:%s holds %q, want %q", a.id, a.path, got, a.data)
		}
	}
	if !mayMore && len(line) != len(told) {
		t.Fatalf("%d versions, %d were acknowledged", len(line), len(told))
	}
	mustFsck(t, s)
}

// race lets 8 writers commit 20 versions each, at once, to models of their
// own.
func race(t *testing.T, open func(i int) (*Store, vfs.FS)) []acked {
	t.Helper()
	const writers, each = 8, 20
	var mu sync.Mutex
	var told []acked
	var wg sync.WaitGroup
	for i := range writers {
		s, root := open(i)
		wg.Go(func() {
			for n := range each {
				a := acked{path: fmt.Sprintf("w%d/m.json", i), data: fmt.Sprintf(`{"writer": %d, "n": %d}`, i, n)}
				err := root.MkdirAll(path.Dir(a.path))
				if err == nil {
					err = vfs.WriteFileAtomic(root, a.path, []byte(a.data), false)
				}
				var res *CommitResult
				if err == nil {
					res, err = s.Commit(context.Background(), CommitOptions{Paths: []string{a.path}, Author: "tester"})
				}
				if err != nil || !res.Created || len(res.Warnings) > 0 {
					t.Errorf("writer %d, commit %d: %v, %+v", i, n, err, res)
					return
				}
				a.id = res.Version.ID.String()
				mu.Lock()
				told = append(told, a)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return told
}

func TestWritersInMemory(t *testing.T) {
	shared := vfs.NewMem()
	clock := ticking(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Millisecond)
	shared.SetClock(clock)
	if _, err := openMem(t.Context(), shared, clock); err != nil {
		t.Fatal(err)
	}
	syncAll(t, shared, ".")
	open := func(int) (*Store, vfs.FS) {
		root := vfs.NewMem()
		root.SetClock(clock)
		return newStore(root, backend.NewDir(vfs.Sub(shared, DirName)), Options{Clock: clock}), root
	}
	told := race(t, open)
	s, _ := open(0)
	checkLine(t, s, told, false)
	after := shared.CrashClone(nil) // all of it is durable
	s = newStore(vfs.NewMem(), backend.NewDir(vfs.Sub(after, DirName)), Options{Clock: clock})
	checkLine(t, s, told, false)
	if left := temps(shared); len(left) > 0 {
		t.Fatalf("left: %q", left)
	}
}

func TestWritersOnDisk(t *testing.T) {
	dir := t.TempDir()
	open := func(int) (*Store, vfs.FS) {
		s, _, err := Init(t.Context(), dir, Options{}) // also at once, and again
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s, s.root
	}
	told := race(t, open)
	s, _ := open(0)
	checkLine(t, s, told, false)
}

// TestInitAtOnce: of several who make a store at once all get the same one.
func TestInitAtOnce(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	var mu sync.Mutex
	made, ids := 0, map[[16]byte]bool{}
	for range 8 {
		wg.Go(func() {
			s, created, err := Init(context.Background(), dir, Options{})
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			st, err := s.j.Load(context.Background())
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			ids[st.Store] = true
			if created {
				made++
			}
		})
	}
	wg.Wait()
	if made != 1 || len(ids) != 1 {
		t.Fatalf("%d made a store, there are %d", made, len(ids))
	}
}

// meanwhile makes a store in which another commits just before the first
// journal entry of s is published.
func meanwhile(t *testing.T, other func(s *Store, m *vfs.Mem)) (*Store, *vfs.Mem) {
	t.Helper()
	m, _ := newBase(t, files{"a": "1", "b": "1"})
	rival, err := openOn(m, testClock())
	if err != nil {
		t.Fatal(err)
	}
	f := vfs.NewFault(m)
	var once sync.Once
	f.OnOp(func(op vfs.Op) error {
		if op.Kind == vfs.OpLink && strings.Contains(op.Name, "journal/e") {
			once.Do(func() { other(rival, m) })
		}
		return nil
	})
	s, err := openOn(f, testClock())
	if err != nil {
		t.Fatal(err)
	}
	return s, m
}

func TestTwoSaveTheSameModel(t *testing.T) {
	s, m := meanwhile(t, func(rival *Store, m *vfs.Mem) {
		write(t, m, "a", []byte("theirs"))
		save(t, rival, CommitOptions{Paths: []string{"a"}})
	})
	write(t, m, "a", []byte("mine"))
	var warned []string
	s.o.Warn = func(msg string) { warned = append(warned, msg) }
	res := save(t, s, CommitOptions{Paths: []string{"a"}})
	if !res.Created || res.Version.Name != "v3" || len(res.Warnings) != 1 || !slices.Equal(warned, res.Warnings) {
		t.Fatalf("%+v, warned %q", res, warned)
	}
	if err := (ledger{{"a": "1", "b": "1"}, {"a": "theirs", "b": "1"}, {"a": "mine", "b": "1"}}).matches(s); err != nil {
		t.Fatal(err)
	}
	mustFsck(t, s)
}

// TestTwoSaveTheSameBytes: the second finds nothing left to do.
func TestTwoSaveTheSameBytes(t *testing.T) {
	s, m := meanwhile(t, func(rival *Store, m *vfs.Mem) { save(t, rival, CommitOptions{Paths: []string{"a"}}) })
	write(t, m, "a", []byte("ours"))
	res := save(t, s, CommitOptions{Paths: []string{"a"}})
	if res.Created || res.Version.Name != "v2" {
		t.Fatalf("%+v", res)
	}
	if err := (ledger{{"a": "1", "b": "1"}, {"a": "ours", "b": "1"}}).matches(s); err != nil {
		t.Fatal(err)
	}
	mustFsck(t, s)
}

// TestExpect: a branch that has moved is a conflict, however the expected
// version is named, also when it moves at the last moment.
func TestExpect(t *testing.T) {
	for _, rev := range []string{"v1", "main", "HEAD"} {
		s, m := meanwhile(t, func(rival *Store, m *vfs.Mem) {
			write(t, m, "b", []byte("theirs"))
			save(t, rival, CommitOptions{Paths: []string{"b"}})
		})
		write(t, m, "a", []byte("mine"))
		_, err := s.Commit(t.Context(), CommitOptions{Paths: []string{"a"}, Expect: rev})
		if !errors.Is(err, ErrConflict) {
			t.Fatalf("--expect %s: %v", rev, err)
		}
		if err := (ledger{{"a": "1", "b": "1"}, {"a": "1", "b": "theirs"}}).matches(s); err != nil {
			t.Fatal(err)
		}
		if left := temps(m); len(left) > 0 {
			t.Fatalf("left: %q", left)
		}
		if _, err := s.Commit(t.Context(), CommitOptions{Paths: []string{"a"}, Expect: "v1"}); !errors.Is(err, ErrConflict) {
			t.Fatalf("--expect v1 with v2 at the head: %v", err)
		}
		save(t, s, CommitOptions{Paths: []string{"a"}, Expect: "v2"})
		mustFsck(t, s)
	}
}

func (l ledger) matches(s *Store) error {
	_, err := l.verify(s, nil)
	return err
}

// TestSameSaveTwice: of two writers that save the very same, the one that loses the race
// makes no version, and has nothing to warn of.
func TestSameSaveTwice(t *testing.T) {
	s, m := newMemStore(t)
	write(t, m, "a.json", model(1, 100))
	save(t, s, CommitOptions{Paths: []string{"a.json"}})
	write(t, m, "a.json", model(2, 100))
	res := save(t, s, CommitOptions{Paths: []string{"a.json"}, Before: func(context.Context, *Version, []objects.Change) error {
		save(t, s, CommitOptions{Paths: []string{"a.json"}})
		return nil
	}})
	if res.Created || res.Version.Name != "v2" || len(res.Warnings) > 0 {
		t.Fatalf("created %t, %s, %q", res.Created, res.Version.Name, res.Warnings)
	}
}
