package store

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/vfs"
)

// checkFault looks at a store after a commit of pending met a fault, and
// repeats the commit with the same Store.
func checkFault(r faulted, l ledger, pending files) error {
	n, err := l.verify(r.s, pending)
	if err != nil {
		return err
	}
	switch {
	case r.err == nil && n != len(l)+1:
		return errors.New("an acknowledged version is not there")
	case r.err != nil && n != len(l) && !errors.Is(r.err, backend.ErrUnknown):
		return errors.New("the commit failed, yet its version is there")
	}
	if err := errors.Join(r.tidy(), r.sane()); err != nil {
		return err
	}
	for _, s := range []*Store{r.s, nil} {
		if s == nil {
			if s, err = openOn(r.m, laterClock()); err != nil {
				return err
			}
		}
		if err := commitAll(s); err != nil {
			return fmt.Errorf("repeated: %w", err)
		}
		if n, err := l.verify(s, pending); err != nil || n != len(l)+1 {
			return fmt.Errorf("repeated: %d versions, %w", n, err)
		}
		if err := clean(s); err != nil {
			return err
		}
	}
	return nil
}

func TestFaultsOfCommit(t *testing.T) {
	one := files{"a.json": string(model(1, 3000)), "dir/b.json": string(model(2, 500))}
	two := files{"a.json": string(model(3, 3000)), "c.json": "{}"}
	for _, l := range []ledger{{}, {one}, {one, two}} {
		t.Run(fmt.Sprintf("after %d", len(l)), func(t *testing.T) {
			base, _ := newBase(t, l...)
			pending := files{"a.json": string(model(4, 2500)), "dir/b.json": string(model(2, 500)), "x/y/z": "z"}
			put(t, base, pending)
			faultEverywhere(t, base, commitAll, nil, func(r faulted) error { return checkFault(r, l, pending) })
		})
	}
}

// TestFaultsOfFold: a commit whose fold fails is there all the same.
func TestFaultsOfFold(t *testing.T) {
	folds := []int{0, 1}
	if testing.Short() {
		folds = folds[:1]
	}
	for _, n := range folds {
		t.Run(fmt.Sprintf("after %d", n), func(t *testing.T) {
			base, l, pending := foldBases(t, n)
			pick := func(k int, op vfs.Op) bool { // reads and removals are many and alike
				if op.Kind == vfs.OpRemove && strings.HasPrefix(path.Base(op.Name), "e0") {
					return k%99 == 0
				}
				return mutates(op.Kind) && k%3 == 0 || k%101 == 0
			}
			faultEverywhere(t, base, commitAll, pick, func(r faulted) error {
				if n, err := l.verify(r.s, pending); err != nil || r.err == nil && n != len(l)+1 {
					return fmt.Errorf("%d versions, %w", n, err)
				}
				if err := errors.Join(r.tidy(), r.sane()); err != nil {
					return err
				}
				if err := clean(r.s); err != nil {
					return err
				}
				if _, err := r.s.Commit(context.Background(), CommitOptions{AllowEmpty: true, Paths: []string{"."}, Author: "tester"}); err != nil {
					return fmt.Errorf("repeated: %w", err)
				}
				st, err := r.s.j.Load(context.Background())
				if err != nil || st.FoldDue() {
					return fmt.Errorf("the fold was not repeated: entry %d, watermark %d, %v", st.Number, st.Watermark(), err)
				}
				return nil
			})
		})
	}
}

func TestFaultsOfCheckout(t *testing.T) {
	for _, c := range checkoutCases() {
		t.Run(c.name, func(t *testing.T) {
			base, _ := newBase(t, c.versions...)
			put(t, base, c.disk)
			faultEverywhere(t, base, c.run, nil, func(r faulted) error {
				if err := errors.Join(r.tidy(), c.intact(r.m, r.s)); err != nil {
					return err
				}
				return c.check(r.m, r.err == nil)
			})
		})
	}
}

// TestFullDisk commits on a disk with room for ever more bytes, until there is
// room enough.
func TestFullDisk(t *testing.T) {
	base, l := newBase(t, files{"a.json": "{}"})
	pending := files{"a.json": string(model(4, 9000)), "big": noise(1, 300_000)}
	put(t, base, pending)
	const step = 3001
	for room := int64(0); ; room += step {
		m := base.ProcessCrash()
		m.SetClock(laterClock())
		m.SetCapacity(m.Used() + room)
		s, err := openOn(m, laterClock())
		if err != nil {
			t.Fatal(err)
		}
		err = commitAll(s)
		if err != nil && !errors.Is(err, vfs.ErrNoSpace) {
			t.Fatalf("room for %d bytes: %v", room, err)
		}
		if n, verr := l.verify(s, pending); verr != nil || err == nil && n != len(l)+1 || err != nil && n != len(l) {
			t.Fatalf("room for %d bytes: %d versions, %v, %v", room, n, err, verr)
		}
		if left := temps(m); len(left) > 0 {
			t.Fatalf("room for %d bytes: temporary files are left: %q", room, left)
		}
		if used := m.Used(); err != nil && used != base.Used() {
			t.Fatalf("room for %d bytes: the failed commit takes %d", room, used-base.Used())
		}
		m.SetCapacity(-1)
		if err := checkCommit(m, l, pending, err == nil); err != nil {
			t.Fatalf("room for %d bytes: %v", room, err)
		}
		if err == nil {
			return
		}
	}
}

// TestFullDiskAtCheckout: a checkout that does not fit changes nothing.
func TestFullDiskAtCheckout(t *testing.T) {
	one, two := files{"a": noise(1, 20_000), "b": noise(2, 20_000)}, files{"a": "2", "b": "2"}
	base, _ := newBase(t, one, two)
	put(t, base, two)
	base.SetCapacity(base.Used() + 30_000)
	s, err := openOn(base, testClock())
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Checkout(t.Context(), CheckoutOptions{Rev: "v1"})
	if !errors.Is(err, vfs.ErrNoSpace) {
		t.Fatalf("got %v", err)
	}
	now, err := onDisk(base)
	if err == nil {
		err = sameFiles(now, two)
	}
	if left := temps(base); err != nil || len(left) > 0 {
		t.Fatalf("%v, left %q", err, left)
	}
	// Unsaved work that cannot be saved for want of room stays where it is.
	write(t, base, "b", []byte(noise(9, 25_000)))
	base.SetCapacity(base.Used() + 1000)
	if _, err = s.Checkout(t.Context(), CheckoutOptions{Rev: "main"}); err == nil {
		t.Fatal("a checkout without room for the safety version went through")
	}
	if got := read(t, base, "b"); string(got) != noise(9, 25_000) {
		t.Fatal("unsaved work is gone")
	}
	base.SetCapacity(-1)
	if err := clean(s); err != nil {
		t.Fatal(err)
	}
}

// TestCommitSyncsNoMore: one pack, one journal entry and their directories.
func TestCommitSyncsNoMore(t *testing.T) {
	m, _ := newBase(t, files{"a.json": "{}"}, files{"a.json": "[]", "dir/b": "b"})
	put(t, m, files{"a.json": string(model(1, 5000)), "dir/c": "c", "dir/d/e": "e"})
	f := vfs.NewFault(m)
	s, err := openOn(f, testClock())
	if err != nil {
		t.Fatal(err)
	}
	if err := commitAll(s); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, name := range f.Synced() {
		if strings.HasPrefix(path.Base(name), vfs.TempPrefix) {
			name = path.Dir(name) + "/file"
		}
		got = append(got, strings.TrimPrefix(name, DirName+"/"))
	}
	want := []string{"objects/file", "objects", "journal/file", "journal"}
	if !slices.Equal(got, want) {
		t.Fatalf("synced %q, want %q", got, want)
	}
	st, err := s.j.Load(t.Context())
	if err != nil || st.Number != 4 || len(st.Packs) != 3 {
		t.Fatalf("%+v, %v", st, err)
	}
	f.Reset()
	if err := commitAll(s); err != nil || len(f.Synced()) > 0 {
		t.Fatalf("a commit of nothing new synced %q, %v", f.Synced(), err)
	}
	f.Reset()
	if _, err := s.SetName(t.Context(), Tag, "t", "", false); err != nil || len(f.Synced()) != 2 {
		t.Fatalf("a tag synced %q, %v", f.Synced(), err)
	}
}
