package store

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/mstore/mstore/index"
	"github.com/mstore/mstore/objects"
)

func TestCommitAndBack(t *testing.T) {
	s, m := newMemStore(t)
	ctx := t.Context()
	var want [][]byte
	for i := range 5 {
		data := model(uint64(i), 20_000)
		want = append(want, data)
		write(t, m, "a/model.json", data)
		write(t, m, "same.bin", []byte("never changes"))
		res := save(t, s, CommitOptions{Paths: []string{"."}, Message: fmt.Sprint("save ", i), Metrics: map[string]any{"loss": 1 / float64(i+1)}})
		if !res.Created || res.Version.Name != fmt.Sprintf("v%d", i+1) {
			t.Fatalf("%+v", res)
		}
	}
	res := save(t, s, CommitOptions{Paths: []string{"a", "same.bin"}})
	if res.Created || res.Version.Name != "v5" || len(res.Models) != 2 || res.Models[0].Status != objects.Unchanged {
		t.Fatalf("nothing changed, yet %+v", res)
	}
	for i, w := range want {
		for _, rev := range []string{fmt.Sprintf("v%d", i+1), fmt.Sprintf("HEAD~%d", 4-i), fmt.Sprintf("main@{%d}", 4-i)} {
			if got := cat(t, s, rev, "a/model.json"); !bytes.Equal(got, w) {
				t.Fatalf("%s does not come back", rev)
			}
		}
	}
	n := 0
	for v, err := range s.Log(ctx, LogOptions{Paths: []string{"same.bin"}}) {
		if err != nil || v.Name != "v1" {
			t.Fatal(v, err)
		}
		n++
	}
	if n != 1 {
		t.Fatal(n)
	}
	var names []string
	for v, err := range s.Log(ctx, LogOptions{Where: "metrics.loss < 0.3", Sort: "metrics.loss"}) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, v.Name)
	}
	if fmt.Sprint(names) != "[v5 v4]" {
		t.Fatal(names)
	}
	mustFsck(t, s)
}

func TestCheckoutKeepsWhatIsNotSaved(t *testing.T) {
	s, m := newMemStore(t)
	ctx := t.Context()
	write(t, m, "m.json", model(1, 1000))
	write(t, m, "old.json", model(2, 1000))
	save(t, s, CommitOptions{Paths: []string{"."}})
	write(t, m, "m.json", model(3, 1000))
	if err := m.Remove("old.json"); err != nil {
		t.Fatal(err)
	}
	save(t, s, CommitOptions{Paths: []string{"."}})

	res, err := s.Checkout(ctx, CheckoutOptions{Rev: "v1"})
	if err != nil || res.Safety != nil || res.Written != 2 {
		t.Fatalf("%+v, %v", res, err)
	}
	unsaved := model(4, 900)
	write(t, m, "m.json", unsaved)
	res, err = s.Checkout(ctx, CheckoutOptions{Rev: "main"})
	if err != nil || res.Safety == nil || res.Removed != 1 {
		t.Fatalf("%+v, %v", res, err)
	}
	if _, err := m.Lstat("old.json"); !notExist(err) {
		t.Error("v2 lacks old.json, but it is still there")
	}
	if got := cat(t, s, res.SafetyName, "m.json"); !bytes.Equal(got, unsaved) {
		t.Fatal("the unsaved file is not in the safety version")
	}
	if got := read(t, m, "m.json"); !bytes.Equal(got, model(3, 1000)) {
		t.Fatal("checkout wrote something else")
	}
	mustFsck(t, s)
}

func TestManyCommitsFold(t *testing.T) {
	s, m := newMemStore(t)
	ctx := t.Context()
	const n = 700
	for i := range n {
		write(t, m, "m.json", fmt.Appendf(nil, `{"n": %d}`, i))
		save(t, s, CommitOptions{Paths: []string{"m.json"}})
		if i == 100 {
			if _, err := s.SetName(ctx, Tag, "early", "", false); err != nil {
				t.Fatal(err)
			}
		}
	}
	entries, err := m.ReadDir(DirName + "/journal")
	if err != nil || len(entries) > 300 {
		t.Fatalf("%d files in the journal, %v", len(entries), err)
	}
	for i := 1; i <= n; i += 13 {
		v, err := s.Show(ctx, fmt.Sprintf("v%d", i))
		if err != nil {
			t.Fatal(err)
		}
		if got := cat(t, s, v.ID.String()[:16], "m.json"); string(got) != fmt.Sprintf(`{"n": %d}`, i-1) {
			t.Fatalf("v%d holds %s", i, got)
		}
	}
	if v, err := s.Show(ctx, "early"); err != nil || v.Name != "v101" {
		t.Fatal(v, err)
	}
	if v, err := s.Show(ctx, "main@{600}"); err != nil || v.Name != "v100" {
		t.Fatal(v, err)
	}
	if _, err := s.Show(ctx, "v701"); !errors.Is(err, ErrNotFound) {
		t.Fatal(err)
	}
	count := 0
	for _, err := range s.Log(ctx, LogOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		count++
	}
	if count != n {
		t.Fatal(count)
	}
	mustFsck(t, s)
}

func TestHolders(t *testing.T) {
	s, m := newMemStore(t)
	first, second := model(1, 500), model(2, 500)
	for _, step := range []struct {
		path string
		data []byte
	}{{"a.json", first}, {"b.json", second}, {"a.json", second}, {"a.json", first}} {
		write(t, m, step.path, step.data)
		save(t, s, CommitOptions{Paths: []string{step.path}})
	}
	var got []string
	for h, err := range s.Holders(t.Context(), &index.BlobPrefix{ID: objects.HashBlob(first), Digits: 2 * objects.IDSize}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, h.Version.Name+":"+h.Path)
	}
	if fmt.Sprint(got) != "[v4:a.json v1:a.json]" {
		t.Fatal(got)
	}
}

// TestSomethingInTheWay: a writer that can never win gives up.
func TestSomethingInTheWay(t *testing.T) {
	s, m := newMemStore(t)
	write(t, m, "a.json", model(1, 100))
	if err := m.Mkdir(DirName + "/journal/e0000000000000002"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Commit(t.Context(), CommitOptions{Paths: []string{"a.json"}}); !errors.Is(err, ErrDamaged) {
		t.Fatal(err)
	}
}
