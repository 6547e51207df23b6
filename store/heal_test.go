package store

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/mstore/mstore/internal/vfs"
)

// damagePacks flips a bit in the middle of every pack.
func damagePacks(t *testing.T, m *vfs.Mem) {
	t.Helper()
	entries, err := m.ReadDir(DirName + "/objects")
	if err != nil || len(entries) == 0 {
		t.Fatal(entries, err)
	}
	for _, e := range entries {
		name := DirName + "/objects/" + e.Name()
		b := read(t, m, name)
		b[len(b)/3] ^= 4
		if err := m.Rewrite(name, b); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCommitHealsDamage: saving the same bytes again brings a damaged model
// back, since what is there already is read before it is relied on.
func TestCommitHealsDamage(t *testing.T) {
	s, m := newMemStore(t)
	data := model(1, 900_000) // more than one piece
	write(t, m, "m.json", data)
	save(t, s, CommitOptions{Paths: []string{"m.json"}})
	damagePacks(t, m)

	r, err := s.OpenModel(t.Context(), "v1", "m.json")
	if err == nil {
		_, err = r.WriteTo(&bytes.Buffer{})
	}
	if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "v1:m.json") {
		t.Fatalf("reading a damaged model: %v", err)
	}
	rep, err := s.Fsck(t.Context(), FsckOptions{})
	if err != nil || rep.OK || rep.Problems[0].Path != "m.json" || rep.Problems[0].Versions[0].Version != "v1" {
		t.Fatalf("%+v, %v", rep, err)
	}

	write(t, m, "copy.json", data)
	save(t, s, CommitOptions{Paths: []string{"copy.json"}})
	if got := cat(t, s, "v1", "m.json"); !bytes.Equal(got, data) {
		t.Fatal("v1 is not healed")
	}
	rep, err = s.Fsck(t.Context(), FsckOptions{})
	if err != nil || rep.OK || !strings.Contains(rep.Problems[0].Detail, "another copy is intact") {
		t.Fatalf("%+v, %v", rep, err)
	}
}
