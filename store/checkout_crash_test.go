package store

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/mstore/mstore/internal/vfs"
)

// checkoutCase is a checkout to be interrupted: of rev, in a store with these
// versions, with these files on disk.
type checkoutCase struct {
	name     string
	versions []files
	disk     files
	rev      string
	paths    []string
	want     files // on disk afterwards
}

func checkoutCases() []checkoutCase {
	one := files{"a.json": string(model(1, 3000)), "dir/b.json": string(model(2, 500)), "old.json": "old"}
	two := files{"a.json": string(model(3, 2000)), "dir/b.json": string(model(2, 500)), "dir/new/c.json": "new"}
	return []checkoutCase{
		{"to the version before", []files{one, two}, two, "v1", nil, one},
		{"to the head", []files{one, two}, one, "main", nil, two.with("old.json", "old")},
		{"into an empty directory", []files{one, two}, files{}, "main", nil, two},
		{"of one model", []files{one, two}, two, "v1", []string{"old.json"}, two.with("old.json", "old")},
		{"over what is not saved", []files{one, two}, two.with("a.json", "unsaved"), "v1", nil, one},
		{"removing what is not saved", []files{one, two}, two.with("dir/new/c.json", "unsaved too", "mine", "untracked"), "v1", nil, one.with("mine", "untracked")},
	}
}

func (c checkoutCase) run(s *Store) error {
	_, err := s.Checkout(context.Background(), CheckoutOptions{Rev: c.rev, Paths: c.paths})
	return err
}

// intact tells whether each file is whole and every content that was on disk
// only is still there, or in a safety version.
func (c checkoutCase) intact(m *vfs.Mem, s *Store) error {
	now, err := onDisk(m)
	if err != nil {
		return err
	}
	for p, got := range now {
		if got != c.disk[p] && got != c.want[p] {
			return fmt.Errorf("%q is neither what it was nor what it shall be: %d bytes, %.40q", p, len(got), got)
		}
	}
	saved := map[string]bool{}
	for _, f := range c.versions {
		for _, data := range f {
			saved[data] = true
		}
	}
	names, err := s.Names(context.Background(), Safety)
	if err != nil {
		return err
	}
	for _, n := range names {
		f, err := modelsOf(s, n.Version)
		if err != nil {
			return err
		}
		for _, data := range f {
			saved[data] = true
		}
	}
	for p, was := range c.disk {
		if now[p] != was && !saved[was] {
			return fmt.Errorf("%q is gone from disk and in no version", p)
		}
		if _, there := now[p]; !there && c.want[p] != "" {
			return fmt.Errorf("%q is gone", p)
		}
	}
	return nil
}

// check looks at what an interrupted checkout left, and repeats it.
func (c checkoutCase) check(m *vfs.Mem, done bool) error {
	s, err := openOn(m, laterClock())
	if err != nil {
		return err
	}
	if err := c.intact(m, s); err != nil {
		return err
	}
	if done {
		if err := c.arrived(m); err != nil {
			return fmt.Errorf("acknowledged: %w", err)
		}
	}
	if err := clean(s); err != nil {
		return err
	}
	if err := c.run(s); err != nil {
		return fmt.Errorf("repeated: %w", err)
	}
	if err := errors.Join(c.arrived(m), c.intact(m, s)); err != nil {
		return fmt.Errorf("repeated: %w", err)
	}
	if _, err := ledger(c.versions).verify(s, nil); err != nil {
		return err
	}
	return clean(s)
}

func (c checkoutCase) arrived(m *vfs.Mem) error {
	now, err := onDisk(m)
	if err != nil {
		return err
	}
	return sameFiles(now, c.want)
}

func TestCrashOfCheckout(t *testing.T) {
	for _, c := range checkoutCases() {
		t.Run(c.name, func(t *testing.T) {
			base, _ := newBase(t, c.versions...)
			put(t, base, c.disk)
			crashEverywhere(t, base, c.run, nil, c.check)
		})
	}
}

// TestCrashOfSwitch: after the switch to another branch was interrupted, the
// current branch is the one or the other, never a third.
func TestCrashOfSwitch(t *testing.T) {
	base, _ := newBase(t, files{"a": "1"}, files{"a": "2", "b": "2"})
	s, err := openOn(base, testClock())
	if err == nil {
		_, err = s.SetName(t.Context(), Branch, "exp", "v1", false)
	}
	if err != nil {
		t.Fatal(err)
	}
	syncAll(t, base, ".")
	run := func(s *Store) error {
		_, err := s.Checkout(context.Background(), CheckoutOptions{Rev: "exp"})
		return err
	}
	crashEverywhere(t, base, run, nil, func(m *vfs.Mem, acked bool) error {
		s, err := openOn(m, laterClock())
		if err != nil {
			return err
		}
		s.o.Warn = func(msg string) { err = errors.New(msg) }
		if b := s.head().Branch; b != "exp" && (acked || b != "main") || err != nil {
			return fmt.Errorf("on branch %q, %v", b, err)
		}
		if err := run(s); err != nil {
			return err
		}
		st, err := s.Status(context.Background())
		if err != nil || st.Branch != "exp" || len(st.Changes)+len(st.Untracked) > 0 {
			return fmt.Errorf("after the switch: %+v, %v", st, err)
		}
		return clean(s)
	})
}
