package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"

	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/objects"
)

// mergeCase is a store in which one command makes of the models that are on the
// branch, and on disk, others.
type mergeCase struct {
	base        *vfs.Mem
	run         func(s *Store) error
	ours, after files
	versions    int // of the branch after, by first parents
	before      int
	parents     int // of the newest version then
}

// mergeCases are a merge, a fast-forward, a cherry-pick and a revert. Each changes,
// adds and removes models, puts a directory where a model was, and merges by value.
func mergeCases(t *testing.T) map[string]mergeCase {
	base := files{"m.json": `{"a": 1, "b": [1, 2, 3]}`, "gone": "0", "sub/gone": "0", "turns": "0", "mine": "0", "big": noise(1, 40_000)}
	theirs := base.with("m.json", `{"a": 2, "b": [1, 2, 3]}`, "gone", "", "sub/gone", "", "turns", "", "turns/into/dir", "2", "big", noise(2, 40_000), "new/model", "2")
	ours := base.with("m.json", `{"a": 1, "b": [1, 2, 4]}`, "mine", "1")
	merged := theirs.with("m.json", `{"a": 2, "b": [1, 2, 4]}`, "mine", "1")
	build := func(steps func(b *branching)) *vfs.Mem {
		b := newBranching(t)
		steps(b)
		syncAll(t, b.m, ".")
		return b.m
	}
	saved := func(b *branching, f files) {
		t.Helper()
		put(t, b.m, f)
		save(t, b.Store, CommitOptions{Paths: []string{"."}})
	}
	diverged := build(func(b *branching) {
		saved(b, base)
		b.on("exp")
		saved(b, theirs)
		b.on("main")
		saved(b, ours)
	})
	behind := build(func(b *branching) {
		saved(b, base)
		b.on("exp")
		saved(b, theirs)
		b.on("main")
	})
	undoing := build(func(b *branching) {
		saved(b, ours)
		saved(b, merged)
		saved(b, merged.with("after", "3"))
	})
	call := func(do func(*Store, context.Context, string, MergeOptions) (*MergeResult, error), rev string) func(*Store) error {
		return func(s *Store) error {
			_, err := do(s, context.Background(), rev, MergeOptions{Commit: CommitOptions{Author: "tester"}})
			return err
		}
	}
	return map[string]mergeCase{
		"merge":        {diverged, call((*Store).Merge, "exp"), ours, merged, 3, 2, 2},
		"fast-forward": {behind, call((*Store).Merge, "exp"), base, theirs, 2, 1, 1},
		"cherry-pick":  {diverged, call((*Store).CherryPick, "exp"), ours, merged, 3, 2, 1},
		"revert":       {undoing, call((*Store).Revert, "v2"), merged.with("after", "3"), ours.with("after", "3"), 4, 3, 1},
	}
}

// look demands that the command happened or did not, and that every model on disk is
// what it was or what it was to become. It returns the number of versions.
func (c *mergeCase) look(s *Store, m *vfs.Mem) (int, error) {
	var newest *Version
	n := 0
	for v, err := range s.Log(context.Background(), LogOptions{First: true}) {
		if err != nil {
			return 0, err
		}
		if n++; newest == nil {
			newest = v
		}
	}
	want := c.ours
	switch n {
	case c.versions:
		want = c.after
		if len(newest.Parents) != c.parents {
			return n, fmt.Errorf("%s has %d parents", newest.Name, len(newest.Parents))
		}
	case c.before:
	default:
		return n, fmt.Errorf("%d versions", n)
	}
	f, err := modelsOf(s, newest)
	if err == nil {
		err = sameFiles(f, want)
	}
	if err != nil {
		return n, fmt.Errorf("%s: %w", newest.Name, err)
	}
	disk, err := onDisk(m)
	for p, data := range disk {
		if data != c.ours[p] && data != c.after[p] {
			return n, fmt.Errorf("%q holds on disk what nobody has put there: %d bytes", p, len(data))
		}
	}
	if n == c.before && err == nil {
		err = sameFiles(disk, c.ours)
	}
	return n, err
}

// again repeats the command, after which all must be done, once.
func (c *mergeCase) again(s *Store, m *vfs.Mem) error {
	if err := clean(s); err != nil {
		return err
	}
	if err := c.run(s); err != nil {
		return fmt.Errorf("repeated: %w", err)
	}
	n, err := c.look(s, m)
	if err == nil && n != c.versions {
		err = fmt.Errorf("%d versions after it was repeated", n)
	}
	if err != nil {
		return err
	}
	if disk, err := onDisk(m); err != nil || !maps.Equal(disk, c.after) {
		return fmt.Errorf("on disk: %w, %v", errors.Join(err), sameFiles(disk, c.after))
	}
	if st, err := s.Status(context.Background()); err != nil || len(st.Changes) > 0 || st.Pending != nil {
		return fmt.Errorf("status: %+v %w", st, errors.Join(err))
	}
	return clean(s)
}

// A merge that is interrupted at any write is wholly there or absent, no model on disk
// is lost, and repeating it brings all to its end, models on disk included.
func TestCrashOfMerge(t *testing.T) {
	for name, c := range mergeCases(t) {
		t.Run(name, func(t *testing.T) {
			crashEverywhere(t, c.base, c.run, nil, func(m *vfs.Mem, acked bool) error {
				s, err := openOn(m, laterClock())
				if err != nil {
					return err
				}
				n, err := c.look(s, m)
				if err != nil {
					return err
				}
				if acked && n != c.versions {
					return errors.New("an acknowledged merge is not there")
				}
				if disk, err := onDisk(m); acked && (err != nil || !maps.Equal(disk, c.after)) {
					return fmt.Errorf("acknowledged, but on disk: %w, %v", errors.Join(err), sameFiles(disk, c.after))
				}
				return c.again(s, m)
			})
		})
	}
}

// Whoever saves after a merge was interrupted saves what the merge was to bring, not
// what was on disk before it.
func TestCommitAfterInterruptedMerge(t *testing.T) {
	c := mergeCases(t)["merge"]
	seen := 0
	crashEverywhere(t, c.base, c.run, nil, func(m *vfs.Mem, acked bool) error {
		s, err := openOn(m, laterClock())
		if err != nil {
			return err
		}
		n, err := c.look(s, m)
		if err != nil || n != c.versions || acked {
			return err
		}
		if st, err := s.Status(context.Background()); err != nil || st.Pending != nil {
			seen++
		}
		if _, err := s.Commit(context.Background(), CommitOptions{All: true, Author: "tester"}); err != nil {
			return err
		}
		n, err = c.look(s, m)
		if err == nil && n != c.versions {
			err = errors.New("the commit has undone a part of the merge")
		}
		return err
	})
	if seen == 0 {
		t.Error("no merge was interrupted between its version and the models on disk")
	}
}

// A merge in which any operation fails says so, with the cause, and leaves what a killed
// one may leave.
func TestFaultsOfMerge(t *testing.T) {
	for name, c := range mergeCases(t) {
		if name != "merge" && testing.Short() {
			continue
		}
		t.Run(name, func(t *testing.T) {
			faultEverywhere(t, c.base, c.run, func(k int, _ vfs.Op) bool { return k%3 == 0 || name == "merge" }, func(r faulted) error {
				if err := r.sane(); err != nil {
					return err
				}
				n, err := c.look(r.s, r.m)
				if err != nil {
					return err
				}
				if r.err == nil && n != c.versions {
					return errors.New("an acknowledged merge is not there")
				}
				return c.again(r.s, r.m)
			})
		})
	}
}

// A merge that cannot be finished on disk, as its version is damaged, keeps nobody from
// checking out another, and from going on there.
func TestCheckoutInsteadOfInterruptedMerge(t *testing.T) {
	b := newBranching(t)
	first := b.commit("a", noise(1, 1000), "b", "1")
	second := b.commit("a", noise(2, 1000))
	err := eachFile(b.m, DirName+"/objects", func(p string) error {
		data := read(t, b.m, p)
		if at := bytes.Index(data, []byte(noise(2, 1000)[100:200])); at > 0 {
			data[at]++
			write(t, b.m, p, data)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	write(t, b.m, "a", []byte(noise(1, 1000))) // as the merge has found it
	if err := b.announce(second.ID, first.Tree); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Commit(t.Context(), CommitOptions{All: true}); !errors.Is(err, ErrDamaged) {
		t.Errorf("commit: %v", err)
	}
	var warned []string
	b.o.Warn = func(w string) { warned = append(warned, w) }
	if _, err := b.Checkout(t.Context(), CheckoutOptions{Rev: "v1"}); err != nil {
		t.Fatal(err)
	}
	if w := b.head(); w.Onto != "" || len(warned) == 0 {
		t.Errorf("the workspace waits for %q; warned %q", w.Onto, warned)
	}
	if v := b.commit("a", "3"); v.Parents[0] != second.ID {
		t.Errorf("%v", v.Parents)
	}
}

// Two processes may bring the models on disk to the same version at once.
func TestBringTwiceAtOnce(t *testing.T) {
	b := newBranching(t)
	first := b.commit("a", "1", "b", "1", "gone", "1")
	second := b.commit("a", "2", "b", "2", "gone", "", "new", "2")
	put(t, b.m, files{"a": "1", "b": "1", "gone": "1"})
	sn, err := b.load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	slow := b.newBringing(sn, second)
	defer slow.cleanUp()
	var list []step
	for d, err := range objects.DiffTrees(t.Context(), sn.tree(first.Tree), sn.tree(second.Tree)) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, step{d.Path, d.From, d.To})
	}
	if other, err := slow.steps(t.Context(), list); err != nil || len(other) > 0 {
		t.Fatal(other, err)
	}
	if err := slow.stage(t.Context()); err != nil {
		t.Fatal(err)
	}
	if did, err := b.bring(t.Context(), sn, second, first.Tree); err != nil || did.Written != 3 || did.Removed != 1 {
		t.Fatalf("%+v %v", did, err)
	}
	if err := slow.apply(t.Context()); err != nil {
		t.Error(err)
	}
	b.files("a", "2", "b", "2", "new", "2")
	write(t, b.m, "a", []byte("mine")) // but what somebody has changed is not overwritten
	if err := slow.apply(t.Context()); !errors.Is(err, ErrConflict) {
		t.Errorf("%v", err)
	}
}
