package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mstore/mstore/objects/pack"
)

// TestDamagedBaseHurtsWhatIsBuiltOnIt: a lost piece is reported with every
// version that needs it, those that hold it and those that are differences to
// it, and no other.
func TestDamagedBaseHurtsWhatIsBuiltOnIt(t *testing.T) {
	const saves = 10
	var versions []files
	for i := range saves {
		versions = append(versions, files{"m.json": string(edited(model(3, 20_000), i)), "n.json": string(edited(model(4, 9_000), i))})
	}
	for _, hit := range []int{0, 4, saves - 1} {
		t.Run(fmt.Sprint(hit), func(t *testing.T) {
			m, _ := newBase(t, versions...)
			s, err := openOn(m, testClock())
			if err != nil {
				t.Fatal(err)
			}
			sn, err := s.load(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			v, err := s.resolve(t.Context(), sn, fmt.Sprintf("v%d", hit+1))
			if err != nil {
				t.Fatal(err)
			}
			mo, err := sn.model(t.Context(), v, "m.json")
			if err != nil {
				t.Fatal(err)
			}
			l, err := sn.r.Set().Find(t.Context(), pack.KindPiece, pack.Key(mo.Blob))
			if err != nil {
				t.Fatal(err)
			}
			name := DirName + "/" + l.Pack.Key()
			b := read(t, m, name)
			b[int(l.Off)+48+int(l.Stored)/2] ^= 4
			if err := m.Rewrite(name, b); err != nil {
				t.Fatal(err)
			}

			if s, err = openOn(m, testClock()); err != nil {
				t.Fatal(err)
			}
			rep, err := s.Fsck(t.Context(), FsckOptions{})
			if err != nil || rep.OK {
				t.Fatalf("%+v, %v", rep, err)
			}
			hurt := map[string]bool{}
			for _, p := range rep.Problems {
				for _, ref := range p.Versions {
					if p.Path != "m.json" {
						t.Errorf("%s of %s is said to be hurt", p.Path, ref.Version)
					}
					hurt[ref.Version] = true
				}
			}
			for i := range saves {
				name := fmt.Sprintf("v%d", i+1)
				if hurt[name] != (i >= hit) {
					t.Errorf("%s hurt: %v", name, hurt[name])
				}
				r, err := s.OpenModel(t.Context(), name, "m.json")
				if err == nil {
					_, err = r.WriteTo(discard{})
				}
				if errors.Is(err, ErrDamaged) != (i >= hit) || (i < hit) != (err == nil) {
					t.Errorf("reading %s: %v", name, err)
				}
				if got := cat(t, s, name, "n.json"); string(got) != versions[i]["n.json"] {
					t.Errorf("%s:n.json differs", name)
				}
			}
			if !slices.ContainsFunc(rep.Problems, func(p Problem) bool { return p.Object == mo.Blob.String() }) {
				t.Errorf("the damaged piece itself is not named: %+v", rep.Problems)
			}
			// Saving the same bytes again heals all of it.
			put(t, m, versions[hit])
			if s, err = openOn(m, testClock()); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Commit(t.Context(), CommitOptions{Paths: []string{"."}, Author: "tester"}); err != nil {
				t.Fatal(err)
			}
			for i := range saves {
				if got := cat(t, s, fmt.Sprintf("v%d", i+1), "m.json"); string(got) != versions[i]["m.json"] {
					t.Errorf("v%d is not healed", i+1)
				}
			}
			// A repack leaves the pack with the damaged copy alone, and loses nothing.
			if _, err := s.Repack(t.Context(), RepackOptions{}); err != nil {
				t.Fatal(err)
			}
			for i := range saves {
				if got := cat(t, s, fmt.Sprintf("v%d", i+1), "m.json"); string(got) != versions[i]["m.json"] {
					t.Errorf("v%d is lost by repack", i+1)
				}
			}
		})
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// TestDamageIsToldOnce: a damaged piece of a model of several pieces, and those
// built on it, are told with the model and its versions, not as pieces that
// nobody needs.
func TestDamageIsToldOnce(t *testing.T) {
	one := noise(1, 1_500_000)
	two := one[:700_000] + "changed" + one[700_000:]
	m, _ := newBase(t, files{"m.bin": one}, files{"m.bin": two})
	flipRecords(t, m, 0, pack.KindPiece)
	s, err := openOn(m, testClock())
	if err != nil {
		t.Fatal(err)
	}
	rep, err := s.Fsck(t.Context(), FsckOptions{})
	if err != nil || rep.OK {
		t.Fatalf("%+v, %v", rep, err)
	}
	for _, p := range rep.Problems {
		if p.Path != "m.bin" || len(p.Versions) == 0 {
			t.Errorf("%+v", p)
		}
	}
}

// TestRepackWithoutItsIndex: a damaged index segment, which is derived, does not
// keep a repack from its work.
func TestRepackWithoutItsIndex(t *testing.T) {
	m, l, _ := foldBases(t, 1)
	names, err := m.ReadDir(DirName + "/objects")
	if err != nil {
		t.Fatal(err)
	}
	hit := 0
	for _, e := range names {
		if name := DirName + "/objects/" + e.Name(); strings.HasSuffix(name, ".mpx") {
			b := read(t, m, name)
			b[len(b)/2] ^= 1
			if err := m.Rewrite(name, b); err != nil {
				t.Fatal(err)
			}
			hit++
		}
	}
	s, err := openOn(m, laterClock())
	if err != nil {
		t.Fatal(err)
	}
	res, err := s.Repack(t.Context(), RepackOptions{})
	if err != nil || hit == 0 || res.Packs == 0 {
		t.Fatalf("%d segments damaged: %+v, %v", hit, res, err)
	}
	if _, err := l.verify(s, nil); err != nil {
		t.Fatal(err)
	}
}
