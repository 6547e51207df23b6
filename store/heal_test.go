package store

import (
	"bytes"
	"errors"
	"fmt"
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

// TestCommitOfTheSameHeals: the file in the working directory is the good copy,
// and committing it again, unchanged as it is, stores it afresh.
func TestCommitOfTheSameHeals(t *testing.T) {
	s, m := newMemStore(t)
	data := model(1, 5000)
	write(t, m, "m.json", data)
	save(t, s, CommitOptions{Paths: []string{"m.json"}})
	damagePacks(t, m)
	if rep, err := s.Fsck(t.Context(), FsckOptions{}); err != nil || rep.OK {
		t.Fatalf("%+v, %v", rep, err)
	}
	res := save(t, s, CommitOptions{Paths: []string{"m.json"}})
	if res.Created || res.Stored == 0 {
		t.Fatalf("%+v", res)
	}
	if got := cat(t, s, "v1", "m.json"); !bytes.Equal(got, data) {
		t.Fatal("v1 is not healed")
	}
}

// TestLostIndexSegments: they are derived, so that their loss hurts nobody, and
// the next fold builds them anew.
func TestLostIndexSegments(t *testing.T) {
	s, m := newMemStore(t)
	n := 0
	grow := func(count int) {
		for range count {
			n++
			write(t, m, "n.json", fmt.Appendf(nil, "%d", n))
			save(t, s, CommitOptions{Paths: []string{"n.json"}})
		}
	}
	lose := func() (lost int) {
		entries, err := m.ReadDir(DirName + "/objects")
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if strings.HasSuffix(e.Name(), ".mpx") {
				lost++
				if err := m.Remove(DirName + "/objects/" + e.Name()); err != nil {
					t.Fatal(err)
				}
			}
		}
		return lost
	}
	grow(150)
	if lose() == 0 {
		t.Fatal("there is no segment yet")
	}
	clock := testClock()
	again, err := openMem(t.Context(), m, clock)
	if err != nil {
		t.Fatal(err)
	}
	s = again
	if got := cat(t, s, "v20", "n.json"); string(got) != "20" {
		t.Fatalf("v20 holds %s", got)
	}
	grow(280) // the generation after next does not know the lost one any more
	if got := cat(t, s, "v20", "n.json"); string(got) != "20" {
		t.Fatalf("v20 holds %s", got)
	}
	mustFsck(t, s)
}
