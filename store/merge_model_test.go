package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/journal"
)

// node is a version as the naive model knows it.
type node struct {
	v       *Version
	files   files
	parents []*node
}

func (n *node) ancestors() map[*node]bool {
	all := map[*node]bool{n: true}
	for _, p := range n.parents {
		maps.Copy(all, p.ancestors())
	}
	return all
}

// bases are the best common ancestors.
func bases(a, b *node) (best []*node) {
	of := a.ancestors()
	var common []*node
	for n := range b.ancestors() {
		if of[n] {
			common = append(common, n)
		}
	}
	for _, n := range common {
		if !slices.ContainsFunc(common, func(m *node) bool { return m != n && m.ancestors()[n] }) {
			best = append(best, n)
		}
	}
	return best
}

// mergeModels merges as the documentation reads. With several bases, in which a model
// may differ, it does not know.
func mergeModels(base, ours, theirs files) (merged files, conflicts []string) {
	merged = files{}
	all := ours.with()
	maps.Copy(all, theirs)
	maps.Copy(all, base)
	for _, p := range slices.Sorted(maps.Keys(all)) {
		now := ours[p]
		switch {
		case ours[p] == theirs[p], theirs[p] == base[p]:
		case ours[p] == base[p]:
			now = theirs[p]
		default:
			conflicts = append(conflicts, p)
		}
		if now != "" {
			merged[p] = now
		}
	}
	return merged, conflicts
}

// Merges of random histories are what a naive merge of maps of files gives: what is
// taken, what conflicts, and what the preferences make of it.
func TestMergeOfRandomHistories(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := vfs.NewMem()
		clock := testClock()
		m.SetClock(clock)
		s, err := openMem(t.Context(), m, clock)
		if err != nil {
			rt.Fatal(err)
		}
		ctx := context.Background()
		heads := map[string]*node{}
		branches := []string{"main", "exp", "x"}
		current := "main"
		change := func(f files) files {
			f = f.with()
			for range rapid.IntRange(1, 3).Draw(rt, "changes") {
				p := rapid.SampledFrom([]string{"a", "b", "d/c", "d/e"}).Draw(rt, "path")
				f = f.with(p, rapid.SampledFrom([]string{"", "1", "2", "3"}).Draw(rt, "content"))
			}
			return f.with("always", "x")
		}
		for range rapid.IntRange(1, 25).Draw(rt, "steps") {
			switch head := heads[current]; rapid.SampledFrom([]string{"commit", "commit", "switch", "merge", "merge", "revert", "pick"}).Draw(rt, "step") {
			case "commit":
				f := files{}
				if head != nil {
					f = head.files
				}
				f = change(f)
				put(t, m, f)
				res, err := s.Commit(ctx, CommitOptions{Paths: []string{"."}, Author: "tester"})
				if err != nil {
					rt.Fatal(err)
				}
				if !res.Created {
					continue
				}
				n := &node{v: res.Version, files: f}
				if head != nil {
					n.parents = []*node{head}
				}
				heads[current] = n
			case "switch":
				next := rapid.SampledFrom(branches).Draw(rt, "to")
				if head == nil || next == current {
					continue
				}
				_, exists := heads[next]
				if _, err := s.Switch(ctx, SwitchOptions{Branch: next, Create: !exists}); err != nil {
					rt.Fatal(err)
				}
				if !exists {
					heads[next] = head
				}
				current = next
			case "merge":
				theirs := heads[rapid.SampledFrom(branches).Draw(rt, "from")]
				if theirs == nil || head == nil {
					continue
				}
				o := MergeOptions{NoFastForward: rapid.Bool().Draw(rt, "no-ff")}
				prefer := rapid.SampledFrom([]string{"", "ours", "theirs"}).Draw(rt, "prefer")
				switch prefer {
				case "ours":
					o.Ours = []string{"**"}
				case "theirs":
					o.Theirs = []string{"**"}
				}
				o.Commit.Author = "tester"
				res, err := s.Merge(ctx, theirs.v.ID.String(), o)
				best := bases(head, theirs)
				switch {
				case head.ancestors()[theirs]:
					if err != nil || res.Outcome != UpToDate {
						rt.Fatalf("%+v %v, want nothing to do", res, err)
					}
					continue
				case theirs.ancestors()[head] && !o.NoFastForward:
					if err != nil || res.Outcome != FastForward {
						rt.Fatalf("%+v %v, want a fast-forward", res, err)
					}
					heads[current] = theirs
					continue
				case len(best) != 1: // crosswise: TestMergeCrosswise
					if err == nil {
						got, err := modelsOf(s, res.Version)
						if err != nil {
							rt.Fatal(err)
						}
						heads[current] = &node{v: res.Version, files: got, parents: []*node{head, theirs}}
					}
					continue
				}
				want, conflicts := mergeModels(best[0].files, head.files, theirs.files)
				if prefer == "theirs" {
					for _, p := range conflicts {
						want = want.with(p, theirs.files[p])
					}
				}
				if len(conflicts) > 0 && prefer == "" {
					var refused *MergeError
					if !errors.As(err, &refused) {
						rt.Fatalf("%v, want conflicts in %q", err, conflicts)
					}
					var got []string
					for _, c := range refused.Conflicts {
						got = append(got, c.Path)
					}
					if !slices.Equal(got, conflicts) {
						rt.Fatalf("conflicts in %q, want %q", got, conflicts)
					}
					continue
				}
				if err != nil {
					rt.Fatal(err)
				}
				got, err := modelsOf(s, res.Version)
				if err == nil {
					err = sameFiles(got, want)
				}
				if err != nil {
					rt.Fatal(err)
				}
				heads[current] = &node{v: res.Version, files: want, parents: []*node{head, theirs}}
			default: // what a version did, or the reverse
				if head == nil || len(head.parents) == 0 {
					continue
				}
				picked := heads[rapid.SampledFrom(branches).Draw(rt, "picked")]
				if picked == nil || len(picked.parents) == 0 {
					continue
				}
				from, to := picked.parents[0].files, picked.files
				do := s.CherryPick
				if rapid.Bool().Draw(rt, "revert") {
					from, to, do = to, from, s.Revert
				}
				o := MergeOptions{Commit: CommitOptions{Author: "tester"}}
				if len(picked.parents) > 1 {
					o.Mainline = 1
				}
				res, err := do(ctx, picked.v.ID.String(), o)
				want, conflicts := mergeModels(from, head.files, to)
				switch {
				case len(conflicts) > 0:
					if !errors.Is(err, ErrConflict) {
						rt.Fatalf("%v, want conflicts in %q", err, conflicts)
					}
				case err != nil:
					rt.Fatal(err)
				case maps.Equal(want, head.files):
					if res.Outcome != UpToDate {
						rt.Fatalf("%+v, want nothing to do", res)
					}
				default:
					got, err := modelsOf(s, res.Version)
					if err == nil {
						err = sameFiles(got, want)
					}
					if err != nil {
						rt.Fatal(err)
					}
					heads[current] = &node{v: res.Version, files: want, parents: []*node{head}}
				}
			}
			if h := heads[current]; h != nil {
				disk, err := onDisk(m)
				if err == nil {
					err = sameFiles(disk, h.files)
				}
				if err != nil {
					rt.Fatalf("on disk: %v", err)
				}
			}
		}
		if err := clean(s); err != nil {
			rt.Fatal(err)
		}
	})
}

// While one merges, others commit to the branch: every version and every change is
// there in the end, once.
func TestMergeAgainstWriters(t *testing.T) {
	shared := vfs.NewMem()
	clock := ticking(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Millisecond)
	shared.SetClock(clock)
	main, err := openMem(t.Context(), shared, clock)
	if err != nil {
		t.Fatal(err)
	}
	write(t, shared, "j.json", []byte(`{"a": 0, "b": 0}`))
	save(t, main, CommitOptions{Paths: []string{"j.json"}})
	if _, err := main.SetName(t.Context(), Branch, "exp", "", false); err != nil {
		t.Fatal(err)
	}
	syncAll(t, shared, ".")
	const merges, each = 12, 15
	open := func(branch string) (*Store, vfs.FS) {
		root := vfs.NewMem()
		root.SetClock(clock)
		s := newStore(root, backend.NewDir(vfs.Sub(shared, DirName)), Options{Clock: clock})
		if _, err := s.Checkout(t.Context(), CheckoutOptions{Rev: branch}); err != nil {
			t.Fatal(err)
		}
		return s, root
	}
	done := make(chan error, 3)
	for i, branch := range []string{"main", "main", "exp"} {
		s, root := open(branch)
		go func() {
			done <- func() error {
				for n := range each {
					p := fmt.Sprintf("%s%d", branch, i)
					if err := vfs.WriteFileAtomic(root, p, fmt.Appendf(nil, "%d", n+1), false); err != nil {
						return err
					}
					if _, err := s.Commit(context.Background(), CommitOptions{Paths: []string{p}, Author: "tester"}); err != nil {
						return err
					}
				}
				return nil
			}()
		}()
	}
	merger, root := open("main")
	for range merges {
		if _, err := merger.Merge(t.Context(), "exp", MergeOptions{Commit: CommitOptions{Author: "tester"}}); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	if _, err := merger.Merge(t.Context(), "exp", MergeOptions{NoFastForward: true}); err != nil {
		t.Fatal(err)
	}
	want := files{"j.json": `{"a": 0, "b": 0}`, "main0": "15", "main1": "15", "exp2": "15"}
	head, err := merger.Show(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	got, err := modelsOf(merger, head)
	if err == nil {
		err = sameFiles(got, want)
	}
	if err != nil {
		t.Error(err)
	}
	if string(read(t, root, "exp2")) != "15" {
		t.Error("the merged model is not on disk")
	}
	sn, err := merger.load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := sn.h.Contains(t.Context(), []journal.Target{sn.st.Names["main"].To}, sn.st.Names["exp"].To); !ok || err != nil {
		t.Errorf("main does not contain exp: %v", err)
	}
	rel, err := sn.h.Relate(t.Context(), sn.st.Names["main"].To, sn.st.Names["exp"].To)
	if err != nil || rel.Behind != 0 || rel.Ahead < 2*each {
		t.Errorf("%+v %v", rel, err)
	}
	mustFsck(t, merger)
}
