package store

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/mstore/mstore/internal/vfs"
)

// branching is a store whose branches tests commit files to.
type branching struct {
	*Store
	t testing.TB
	m *vfs.Mem
}

func newBranching(t testing.TB) *branching {
	s, m := newMemStore(t)
	return &branching{s, t, m}
}

// commit makes the files on disk those, on top of what is there; "" removes one.
func (b *branching) commit(kv ...string) *Version {
	b.t.Helper()
	for i := 0; i < len(kv); i += 2 {
		if kv[i+1] == "" {
			if err := b.m.Remove(kv[i]); err != nil {
				b.t.Fatal(err)
			}
			continue
		}
		write(b.t, b.m, kv[i], []byte(kv[i+1]))
	}
	return save(b.t, b.Store, CommitOptions{Paths: []string{"."}, Message: strings.Join(kv, " ")}).Version
}

func (b *branching) on(branch string) {
	b.t.Helper()
	_, err := b.Switch(context.Background(), SwitchOptions{Branch: branch})
	if errors.Is(err, ErrNotFound) {
		_, err = b.Switch(context.Background(), SwitchOptions{Branch: branch, Create: true})
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *branching) merge(rev string, o MergeOptions) *MergeResult {
	b.t.Helper()
	o.Commit.Author = "tester"
	res, err := b.Merge(context.Background(), rev, o)
	if err != nil {
		b.t.Fatal(err)
	}
	return res
}

// files demands what the head and the disk hold.
func (b *branching) files(kv ...string) {
	b.t.Helper()
	want := files{}.with(kv...)
	v, err := b.Show(context.Background(), "")
	if err != nil {
		b.t.Fatal(err)
	}
	got, err := modelsOf(b.Store, v)
	if err == nil {
		err = sameFiles(got, want)
	}
	if err != nil {
		b.t.Fatalf("%s: %v", v.Name, err)
	}
	disk, err := onDisk(b.m)
	if err == nil {
		err = sameFiles(disk, want)
	}
	if err != nil {
		b.t.Fatalf("on disk: %v", err)
	}
}

func TestMergeByModel(t *testing.T) {
	b := newBranching(t)
	b.commit("both", "0", "gone", "0", "goes/too", "0", "ours", "0", "theirs", "0", "j.json", `{"a": 1, "b": [1, 2, 3], "c": "x"}`)
	b.on("exp")
	theirs := b.commit("theirs", "2", "gone", "", "added", "2", "both", "1", "j.json", `{"a": 2, "b": [1, 2, 3], "c": "x"}`)
	b.on("main")
	ours := b.commit("ours", "1", "goes/too", "", "both", "1", "mine", "1", "j.json", `{"a": 1, "b": [1, 2, 3], "c": "y"}`)
	res := b.merge("exp", MergeOptions{Commit: CommitOptions{Params: map[string]any{"p": int64(1)}}})
	b.files("both", "1", "ours", "1", "theirs", "2", "added", "2", "mine", "1", "j.json", `{"a": 2, "b": [1, 2, 3], "c": "y"}`)
	v := res.Version
	if res.Outcome != Merged || v.Name != "v3" || len(v.Parents) != 2 || v.Parents[0] != ours.ID || v.Parents[1] != theirs.ID || v.Generation != 3 {
		t.Errorf("%s %s with parents %v, generation %d", res.Outcome, v.Name, v.Parents, v.Generation)
	}
	if v.Message != "merge exp (v2) into main" || v.Params["p"] != int64(1) || v.Added != 1 || v.Changed != 2 || v.Removed != 1 {
		t.Errorf("%q %v +%d ~%d -%d", v.Message, v.Params, v.Added, v.Changed, v.Removed)
	}
	if len(v.Changes) != 4 || v.Changes[2].Kind == "" {
		t.Errorf("changes %+v: the merged model has no kind", v.Changes)
	}
	if again := b.merge("exp", MergeOptions{}); again.Outcome != UpToDate || again.Version.ID != v.ID {
		t.Errorf("again: %s", again.Outcome)
	}
	if p := v.Ancestry(); len(p) != 2 || p[0] != (Parent{ours.ID, "v2"}) || p[1] != (Parent{theirs.ID, ""}) {
		t.Errorf("ancestry %v", p)
	}
	for rev, want := range map[string]string{"HEAD^2": theirs.ID.String(), "HEAD^": ours.ID.String(), "HEAD^2~1": "v1", "main~1^": "v1", "HEAD^0": "v3"} {
		x, err := b.Show(t.Context(), rev)
		if err != nil || x.ID.String() != want && x.Name != want {
			t.Errorf("%s: %v %v", rev, x, err)
		}
	}
	if _, err := b.Show(t.Context(), "HEAD^3"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a third parent: %v", err)
	}
	// A branch that was merged moves forward to the merge; what is merged is safe to delete.
	if n, err := b.SetName(t.Context(), Branch, "exp", "main", false); err != nil || n.Version.ID != v.ID {
		t.Errorf("forward through a merge: %v", err)
	}
	if _, err := b.SetName(t.Context(), Branch, "exp", theirs.ID.String(), false); !errors.Is(err, ErrConflict) {
		t.Errorf("back through a merge: %v", err)
	}
	if _, err := b.SetName(t.Context(), Branch, "exp", theirs.ID.String(), true); err != nil {
		t.Error(err)
	}
	if err := b.DeleteName(t.Context(), Branch, "exp", false); err != nil {
		t.Error(err)
	}
	mustFsck(t, b.Store)
}

func TestMergeConflicts(t *testing.T) {
	b := newBranching(t)
	b.commit("a.json", `{"x": 1, "y": 1}`, "bin", "\x00\x010", "deleted", "0")
	b.on("exp")
	b.commit("a.json", `{"x": 2, "y": 2}`, "bin", "\x00\x012", "deleted", "2", "new", "2", "fine", "2")
	b.on("main")
	head := b.commit("a.json", `{"x": 3, "y": 1}`, "bin", "\x00\x011", "deleted", "", "new", "1")
	before, err := onDisk(b.m)
	if err != nil {
		t.Fatal(err)
	}
	number := func() uint64 {
		sn, err := b.load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return sn.st.Number
	}
	entries := number()
	for _, dry := range []bool{true, false} {
		_, err := b.Merge(t.Context(), "exp", MergeOptions{DryRun: dry})
		var conflict *MergeError
		if !errors.As(err, &conflict) || !errors.Is(err, ErrConflict) {
			t.Fatalf("dry %v: %v", dry, err)
		}
		var paths []string
		for _, c := range conflict.Conflicts {
			paths = append(paths, c.Path)
		}
		if !slices.Equal(paths, []string{"a.json", "bin", "deleted", "new"}) {
			t.Errorf("conflicts in %q", paths)
		}
		c := conflict.Conflicts
		if v := c[0].Values; v == nil || v.Total != 1 || v.Conflicts[0].Path != "$.x" {
			t.Errorf("values %+v", v)
		}
		if c[2].Ours != nil || c[2].Theirs == nil || c[3].Base != nil || c[1].Values != nil {
			t.Errorf("%+v", c)
		}
		if after, err := onDisk(b.m); err != nil || sameFiles(after, before) != nil || number() != entries || len(temps(b.m)) > 0 {
			t.Errorf("dry %v: a conflict has left %v, entry %d, %q (%v)", dry, sameFiles(after, before), number(), temps(b.m), err)
		}
	}
	res := b.merge("exp", MergeOptions{Ours: []string{"**"}, Theirs: []string{"bin", "d*"}})
	b.files("a.json", `{"x": 3, "y": 2}`, "bin", "\x00\x012", "deleted", "2", "new", "1", "fine", "2")
	if res.Version.Parents[0] != head.ID {
		t.Errorf("parents %v", res.Version.Parents)
	}
	mustFsck(t, b.Store)
	if _, err := b.Merge(t.Context(), "exp", MergeOptions{Ours: []string{"["}}); !errors.Is(err, ErrUsage) {
		t.Errorf("no glob: %v", err)
	}
}

func TestMergeFastForward(t *testing.T) {
	b := newBranching(t)
	b.commit("a", "1")
	b.on("exp")
	exp := b.commit("a", "2", "b", "2")
	b.on("main")
	if res := b.merge("exp", MergeOptions{DryRun: true}); res.Outcome != FastForward || len(res.Models) != 2 {
		t.Errorf("dry run: %+v", res)
	}
	b.files("a", "1")
	res := b.merge("exp", MergeOptions{FastForwardOnly: true})
	if res.Outcome != FastForward || res.Version.ID != exp.ID || res.Brought.Written != 2 {
		t.Errorf("%+v", res)
	}
	b.files("a", "2", "b", "2")
	b.commit("c", "3")
	b.on("exp")
	if res := b.merge("main", MergeOptions{NoFastForward: true}); res.Outcome != Merged || len(res.Version.Parents) != 2 {
		t.Errorf("%+v", res)
	}
	b.files("a", "2", "b", "2", "c", "3")
	b.commit("d", "4")
	b.on("main")
	b.commit("e", "5")
	if _, err := b.Merge(t.Context(), "exp", MergeOptions{FastForwardOnly: true}); !errors.Is(err, ErrConflict) {
		t.Errorf("diverged: %v", err)
	}
	mustFsck(t, b.Store)
}

// A branch without versions becomes what is merged. A current branch that is gone is
// refused.
func TestMergeIntoNothing(t *testing.T) {
	b := newBranching(t)
	write(t, b.m, "a.json", []byte("{broken"))
	_, err := b.Commit(t.Context(), CommitOptions{Paths: []string{"a.json"}, Validate: "strict"})
	var invalid *InvalidError
	if !errors.As(err, &invalid) {
		t.Fatal(err)
	}
	res := b.merge(invalid.Name, MergeOptions{})
	if res.Outcome != FastForward || res.Ours != nil || res.Version.Name != "v1" {
		t.Errorf("%+v", res)
	}
	b.files("a.json", "{broken")
	if err := b.setHead(workspace{Branch: "gone"}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Merge(t.Context(), "main", MergeOptions{}); !errors.Is(err, ErrConflict) {
		t.Errorf("a current branch that is gone: %v", err)
	}
	mustFsck(t, b.Store)
}

// A merged model that the settings do not let pass is kept off the branches; the branch
// and the models on disk stay.
func TestMergeStrict(t *testing.T) {
	b := newBranching(t)
	b.commit("a.json", "{}", "b", "1")
	b.on("exp")
	b.commit("a.json", "{broken")
	b.on("main")
	head := b.commit("b", "2")
	_, err := b.Merge(t.Context(), "exp", MergeOptions{Commit: CommitOptions{Validate: "strict"}})
	var invalid *InvalidError
	if !errors.As(err, &invalid) || !errors.Is(err, ErrInvalid) || len(invalid.Version.Parents) != 2 {
		t.Fatalf("%v %+v", err, invalid)
	}
	b.files("a.json", "{}", "b", "2")
	if v, err := b.Show(t.Context(), ""); err != nil || v.ID != head.ID {
		t.Errorf("the branch is at %v %v", v, err)
	}
	if w := b.head(); w.Onto != "" {
		t.Errorf("the workspace waits for %s", w.Onto)
	}
	if res := b.merge("exp", MergeOptions{}); res.Version.Quality.Errors == 0 {
		t.Error("no findings in the merged version")
	}
	mustFsck(t, b.Store)
}

// What retention has let go is not taken, with the reason; where it is not needed it
// does not matter.
func TestMergeExpired(t *testing.T) {
	b := newBranching(t)
	b.commit("a.json", `{"x": 1, "y": 1}`, "b", "1", "c", "c1")
	b.on("exp")
	b.commit("a.json", `{"x": 2, "y": 1}`, "c", "theirs")
	b.on("main")
	b.commit("a.json", `{"x": 1, "y": 2}`, "b", "ours")
	expire := func(rev, path string) {
		t.Helper()
		if _, err := b.Expire(t.Context(), rev, path, ExpireOptions{Force: true}); err != nil {
			t.Fatal(err)
		}
	}
	expire("v1", "b") // nobody asks for it
	expire("v1", "a.json")
	_, err := b.Merge(t.Context(), "exp", MergeOptions{})
	if !errors.Is(err, ErrExpired) || !strings.Contains(err.Error(), "v1:a.json") {
		t.Errorf("the base is expired: %v", err)
	}
	expire("exp", "c")
	if _, err = b.Merge(t.Context(), "exp", MergeOptions{}); !errors.Is(err, ErrExpired) {
		t.Errorf("theirs is expired: %v", err)
	}
	b.files("a.json", `{"x": 1, "y": 2}`, "b", "ours", "c", "c1")
}

// What is merged is no longer what a deleted branch has left: its ttl does not concern
// it.
func TestGCKeepsWhatIsMerged(t *testing.T) {
	for _, merged := range []bool{true, false} {
		b := newBranching(t)
		b.commit("a", "1")
		b.on("exp")
		b.commit("a", noise(1, 1000))
		b.commit("a", noise(2, 1000))
		b.on("main")
		b.commit("b", "2")
		if merged {
			b.merge("exp", MergeOptions{})
		}
		if err := b.DeleteName(t.Context(), Branch, "exp", !merged); err != nil {
			t.Fatal(err)
		}
		if err := b.SetConfig(t.Context(), "gc.branch.exp.ttl", "1h", false); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			b.commit("c", noise(3, 10)+b.o.Clock().String())
		}
		res, err := b.GC(t.Context(), GCOptions{Now: true})
		if err != nil {
			t.Fatal(err)
		}
		if want := map[bool]int{true: 0, false: 2}[merged]; res.Expire != want {
			t.Errorf("merged %v: %d contents were let go, want %d", merged, res.Expire, want)
		}
		mustFsck(t, b.Store)
	}
}

func TestMergeUnrelated(t *testing.T) {
	b := newBranching(t)
	b.commit("a", "1")
	other := func() *Version { // another root
		if err := b.DeleteName(t.Context(), Branch, "x", true); err != nil && !errors.Is(err, ErrNotFound) {
			t.Fatal(err)
		}
		sn, err := b.load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		c, err := b.newCommit(t.Context(), sn, Branch, "x", "x", CommitOptions{AllowEmpty: true, Author: "tester"})
		if err != nil {
			t.Fatal(err)
		}
		c.w = c.newWriter(t.Context())
		if err := c.publish(t.Context()); err != nil {
			t.Fatal(err)
		}
		return c.res.Version
	}()
	if len(other.Parents) != 0 {
		t.Fatalf("parents %v", other.Parents)
	}
	if _, err := b.Merge(t.Context(), "x", MergeOptions{}); !errors.Is(err, ErrConflict) {
		t.Errorf("unrelated: %v", err)
	}
	if res := b.merge("x", MergeOptions{AllowUnrelated: true}); res.Outcome != Merged || len(res.Bases) != 0 {
		t.Errorf("%+v", res)
	}
	b.files("a", "1")
	mustFsck(t, b.Store)
}

// What is not saved is never changed; what the merge does not touch does not matter.
func TestMergeUnsaved(t *testing.T) {
	b := newBranching(t)
	b.commit("a", "1", "b", "1", "c", "1")
	b.on("exp")
	b.commit("a", "2", "c", "", "new", "2")
	b.on("main")
	b.commit("b", "2")
	for path, data := range map[string]string{"a": "mine", "c": "mine", "new": "mine"} {
		was, _ := onDisk(b.m)
		write(t, b.m, path, []byte(data))
		_, err := b.Merge(t.Context(), "exp", MergeOptions{})
		var unsaved *UnsavedError
		if !errors.As(err, &unsaved) || !errors.Is(err, ErrConflict) || !slices.Equal(unsaved.Paths, []string{path}) {
			t.Errorf("%s: %v", path, err)
		}
		if string(read(t, b.m, path)) != data {
			t.Errorf("%s was changed", path)
		}
		if old, ok := was[path]; ok {
			write(t, b.m, path, []byte(old))
		} else if err := b.m.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	write(t, b.m, "b", []byte("mine")) // exp has not touched it
	write(t, b.m, "new", []byte("2"))  // what the merge brings
	if err := b.m.Remove("a"); err != nil {
		t.Fatal(err)
	}
	b.merge("exp", MergeOptions{})
	if got, err := onDisk(b.m); err != nil || sameFiles(got, files{"a": "2", "b": "mine", "new": "2"}) != nil {
		t.Errorf("%v %v", got, err)
	}
	if st, err := b.Status(t.Context()); err != nil || len(st.Changes) != 1 || st.Changes[0].Path != "b" {
		t.Errorf("%+v %v", st, err)
	}
}

// A model where the other side has a directory is refused.
func TestMergeFileAndDirectory(t *testing.T) {
	b := newBranching(t)
	b.commit("x", "1")
	b.on("exp")
	b.commit("m/a", "2")
	b.on("main")
	b.commit("m", "3")
	if _, err := b.Merge(t.Context(), "exp", MergeOptions{}); !errors.Is(err, ErrConflict) {
		t.Errorf("%v", err)
	}
	b.files("x", "1", "m", "3")
	// One side moves a model into a directory of its name.
	b.on("exp")
	b.commit("x", "", "m/a", "2")
	write(t, b.m, "x/y", []byte("4"))
	b.commit()
	b.on("main")
	b.commit("m", "", "n", "3")
	b.merge("exp", MergeOptions{})
	b.files("m/a", "2", "x/y", "4", "n", "3")
}

// Branches that were merged crosswise have two bases: what either merge has settled
// stays settled.
func TestMergeCrosswise(t *testing.T) {
	b := newBranching(t)
	b.commit("a", "0", "b", "0", "c", "0")
	b.on("exp")
	x := b.commit("a", "x")
	b.on("main")
	y := b.commit("b", "y")
	b.merge(x.ID.String(), MergeOptions{})
	b.on("exp")
	b.merge(y.ID.String(), MergeOptions{})
	b.commit("a", "x2")
	b.on("main")
	b.commit("c", "1")
	res := b.merge("exp", MergeOptions{})
	if len(res.Bases) != 2 {
		t.Errorf("%d bases", len(res.Bases))
	}
	b.files("a", "x2", "b", "y", "c", "1")

	// Where the bases have settled a model each in its own way, nothing is clear.
	b = newBranching(t)
	b.commit("a", "0")
	b.on("exp")
	x = b.commit("a", "x")
	b.on("main")
	y = b.commit("a", "y")
	b.merge(x.ID.String(), MergeOptions{Ours: []string{"a"}})
	b.on("exp")
	b.merge(y.ID.String(), MergeOptions{Ours: []string{"a"}})
	_, err := b.Merge(t.Context(), "main", MergeOptions{})
	var conflict *MergeError
	if !errors.As(err, &conflict) || len(conflict.Conflicts) != 1 || !conflict.Conflicts[0].Crosswise {
		t.Fatalf("%v", err)
	}
	b.merge("main", MergeOptions{Theirs: []string{"a"}})
	b.files("a", "y")
}
