package store

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/mstore/mstore/internal/vfs"
)

// newBase makes a store with these versions, all durable.
func newBase(t testing.TB, versions ...files) (*vfs.Mem, ledger) {
	t.Helper()
	m := vfs.NewMem()
	clock := testClock()
	m.SetClock(clock)
	s, err := openMem(context.Background(), m, clock)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range versions {
		put(t, m, f)
		save(t, s, CommitOptions{Paths: []string{"."}})
	}
	syncAll(t, m, ".")
	return m, versions
}

func commitAll(s *Store) error {
	_, err := s.Commit(context.Background(), CommitOptions{Paths: []string{"."}, Author: "tester"})
	return err
}

func TestCrashOfInit(t *testing.T) {
	empty := vfs.NewMem()
	if err := empty.Mkdir(DirName); err != nil {
		t.Fatal(err)
	}
	syncAll(t, empty, ".")
	run := func(s *Store) error {
		_, err := s.init(context.Background())
		return err
	}
	crashEverywhere(t, empty, run, nil, func(m *vfs.Mem, acked bool) error {
		s, err := openOn(m, laterClock())
		if err != nil {
			return err
		}
		if _, err := s.j.Load(context.Background()); acked && err != nil {
			return fmt.Errorf("an acknowledged store is not there: %w", err)
		}
		if err := run(s); err != nil {
			return fmt.Errorf("init again: %w", err)
		}
		if err := m.MkdirAll("models"); err != nil {
			return err
		}
		if err := vfs.WriteFileAtomic(m, "models/a.json", []byte("{}"), true); err != nil {
			return err
		}
		if err := commitAll(s); err != nil {
			return err
		}
		if _, err := (ledger{{"models/a.json": "{}"}}).verify(s, nil); err != nil {
			return err
		}
		return clean(s)
	})
}

// crashCommit crashes the commit of what is on disk in base.
func crashCommit(t *testing.T, base *vfs.Mem, l ledger) {
	t.Helper()
	pending, err := onDisk(base)
	if err != nil {
		t.Fatal(err)
	}
	crashEverywhere(t, base, commitAll, nil, func(m *vfs.Mem, acked bool) error {
		return checkCommit(m, l, pending, acked)
	})
}

// checkCommit looks at a store after a commit of pending was interrupted, and
// repeats the commit.
func checkCommit(m *vfs.Mem, l ledger, pending files, acked bool) error {
	s, err := openOn(m, laterClock())
	if err != nil {
		return err
	}
	n, err := l.verify(s, pending)
	if err != nil {
		return err
	}
	if acked && n != len(l)+1 {
		return errors.New("an acknowledged version is not there")
	}
	if f, err := onDisk(m); err != nil || sameFiles(f, pending) != nil {
		return fmt.Errorf("the user's files were changed: %v, %v", err, sameFiles(f, pending))
	}
	if err := clean(s); err != nil {
		return err
	}
	if left := temps(m); len(left) > 4 {
		return fmt.Errorf("debris: %q", left)
	}
	if err := commitAll(s); err != nil {
		return fmt.Errorf("repeated: %w", err)
	}
	if n, err = l.verify(s, pending); err == nil && n != len(l)+1 {
		err = fmt.Errorf("%d versions after the commit was repeated", n)
	}
	if err != nil {
		return err
	}
	return clean(s)
}

func TestCrashOfCommit(t *testing.T) {
	first := files{"a.json": string(model(1, 3000)), "dir/b.json": string(model(2, 500))}
	big := noise(3, 2<<20) // several pieces and a recipe
	t.Run("first", func(t *testing.T) {
		m, l := newBase(t)
		put(t, m, first)
		crashCommit(t, m, l)
	})
	t.Run("second", func(t *testing.T) {
		m, l := newBase(t, first)
		put(t, m, first.with("a.json", string(model(4, 3000))))
		crashCommit(t, m, l)
	})
	t.Run("several models", func(t *testing.T) {
		m, l := newBase(t, first, first.with("c.json", "{}"))
		put(t, m, files{"big.json": big, "dir/b.json": string(model(5, 700)), "dir/c/d.json": "[]", "e": "x"})
		crashCommit(t, m, l)
	})
}

// TestCrashAgainAndAgain: each process that dies leaves a few files at most,
// the one that lives does the work, and a sweep takes what the dead have left.
func TestCrashAgainAndAgain(t *testing.T) {
	m, l := newBase(t, files{"a.json": "{}"})
	pending := files{"a.json": string(model(6, 2000)), "b.json": "[1]"}
	put(t, m, pending)
	died := 0
	for k := 0; ; k++ {
		clock := ticking(time.Date(2030, 1, 1, k, 0, 0, 0, time.UTC), time.Second)
		m.SetClock(clock)
		f := vfs.NewFault(m)
		f.CrashAt(k)
		s, err := openOn(f, clock)
		if err == nil {
			err = commitAll(s)
		}
		if err == nil {
			break
		}
		died++
		m = m.ProcessCrash()
	}
	if left := temps(m); len(left) > 2*died {
		t.Fatalf("%d temporary files after %d deaths", len(left), died)
	}
	s, err := openOn(m, ticking(time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC), time.Second))
	if err != nil {
		t.Fatal(err)
	}
	s.sweep(t.Context())
	if left := temps(m); len(left) > 0 {
		t.Fatalf("a sweep leaves %q", left)
	}
	if err := checkCommit(m, l, pending, true); err != nil {
		t.Fatal(err)
	}
}

func TestCrashOfNames(t *testing.T) {
	base, l := newBase(t, files{"a": "1"}, files{"a": "2"}, files{"a": "3"})
	ctx := context.Background()
	s, err := openOn(base, testClock())
	if err == nil {
		_, err = s.SetName(ctx, Alias, "prod", "v1", false)
	}
	if err != nil {
		t.Fatal(err)
	}
	syncAll(t, base, ".")
	for _, c := range []struct {
		name, before, after string
		kind                NameKind
		run                 func(s *Store) error
	}{
		{"tag", "", "v2", Tag, func(s *Store) error { _, err := s.SetName(ctx, Tag, "tagged", "v2", false); return err }},
		{"branch", "", "v2", Branch, func(s *Store) error { _, err := s.SetName(ctx, Branch, "exp", "v2", false); return err }},
		{"prod", "v1", "v3", Alias, func(s *Store) error { _, err := s.SetName(ctx, Alias, "prod", "v3", false); return err }},
		{"prod", "v1", "", Alias, func(s *Store) error {
			if err := s.DeleteName(ctx, Alias, "prod", false); !errors.Is(err, ErrNotFound) {
				return err
			}
			return nil
		}},
	} {
		name := c.name
		if name == "tag" {
			name = "tagged"
		} else if name == "branch" {
			name = "exp"
		}
		at := func(s *Store) (string, error) {
			names, err := s.Names(ctx, 0)
			for _, n := range names {
				if n.Name == name {
					return n.Version.Name, err
				}
			}
			return "", err
		}
		t.Run(c.name+" to "+c.after, func(t *testing.T) {
			crashEverywhere(t, base, c.run, nil, func(m *vfs.Mem, acked bool) error {
				s, err := openOn(m, laterClock())
				if err != nil {
					return err
				}
				got, err := at(s)
				if err != nil || got != c.after && (acked || got != c.before) {
					return fmt.Errorf("%q is at %q, %v", name, got, err)
				}
				if err := c.run(s); err != nil {
					return fmt.Errorf("repeated: %w", err)
				}
				if got, err = at(s); err != nil || got != c.after {
					return fmt.Errorf("repeated: %q is at %q, %v", name, got, err)
				}
				if _, err := l.verify(s, nil); err != nil {
					return err
				}
				return clean(s)
			})
		})
	}
}
