package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/mstore/mstore/internal/sampling"
	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/objects/parity"
)

// newProtected makes a small store after a gc, when everything has parity.
func newProtected(t *testing.T) (*vfs.Mem, ledger) {
	t.Helper()
	m, l := newBase(t, lineageOf(5)...)
	s, err := openOn(m, laterClock())
	if err == nil {
		_, err = s.SetName(t.Context(), Tag, "one", "v1", false)
	}
	if err == nil {
		err = s.fold(t.Context())
	}
	if err == nil {
		_, err = s.SetName(t.Context(), Alias, "prod", "v2", false)
	}
	if err == nil {
		err = keepLast("3", true)(s)
	}
	if err != nil {
		t.Fatal(err)
	}
	syncAll(t, m, ".")
	return m, l
}

// fold folds the journal now.
func (s *Store) fold(ctx context.Context) error {
	st, err := s.j.Load(ctx)
	if err == nil {
		_, err = s.j.Fold(ctx, st, s.packSet(st))
	}
	return err
}

// protectedFiles lists the files of a store and of its parity.
func protectedFiles(t *testing.T, m *vfs.Mem) (names []string) {
	t.Helper()
	v := &victim{m: m}
	names = v.stored(t)
	if err := eachFile(m, DirName+"/parity", func(p string) error { names = append(names, p); return nil }); err != nil {
		t.Fatal(err)
	}
	return names
}

// healed damages one file of a copy and repairs it: the same bytes must come back.
func healed(m *vfs.Mem, name string, bad []byte, l ledger) error {
	m = m.ProcessCrash()
	m.SetClock(laterClock())
	good, err := vfs.ReadFile(m, name, 1<<30)
	if err != nil {
		return err
	}
	if bad == nil {
		err = m.Remove(name)
	} else {
		err = m.Rewrite(name, bad)
	}
	if err != nil {
		return err
	}
	s, err := openOn(m, laterClock())
	if errors.Is(err, ErrFormat) && name == DirName+"/"+formatKey { // it names a newer format now, and is believed
		return nil
	}
	if err != nil {
		return err
	}
	found, err := s.Fsck(context.Background(), FsckOptions{})
	if err != nil {
		return fmt.Errorf("fsck: %w", err)
	}
	if found.OK {
		return fmt.Errorf("fsck finds nothing")
	}
	rep, err := s.Fsck(context.Background(), FsckOptions{Repair: true})
	if err != nil {
		return fmt.Errorf("repair: %w", err)
	}
	if !rep.OK || rep.Repaired == 0 {
		return fmt.Errorf("repaired %+v, problems %+v", rep.Repairs, rep.Problems)
	}
	now, err := vfs.ReadFile(m, name, 1<<30)
	if notExist(err) && strings.HasPrefix(name, DirName+"/"+parity.Prefix) {
		now, err = good, nil // the journal has grown, so its parity was made anew
	}
	if err != nil || !bytes.Equal(now, good) {
		return fmt.Errorf("other bytes than before: %v", err)
	}
	_, err = l.kept(s, func(int, string) bool { return true })
	return err
}

// TestEveryFlipIsHealed: after a gc, any changed byte of any file is found and
// repaired to the identical bytes; up to three of them at once, and 2% in one piece
// of any pack; and any file that was cut off by as much.
func TestEveryFlipIsHealed(t *testing.T) {
	m, l := newProtected(t)
	rng := rand.New(rand.NewPCG(corruptSeed, 1))
	step := sampling.Step(121, 601)
	flips, triples, runs, cuts := 0, 0, 0, 0
	for _, name := range protectedFiles(t, m) {
		good := read(t, m, name)
		for i := rng.IntN(step); i < len(good); i += 1 + rng.IntN(2*step-1) {
			b := slices.Clone(good)
			b[i] ^= 1 << rng.IntN(8)
			if err := healed(m, name, b, l); err != nil {
				t.Fatalf("%s, a bit of byte %d of %d flipped (seed %d): %v", name, i, len(good), corruptSeed, err)
			}
			flips++
		}
		for range max(1, 60/step) {
			b := slices.Clone(good)
			for range 3 {
				b[rng.IntN(len(b))] ^= byte(1 + rng.IntN(255))
			}
			if bytes.Equal(b, good) {
				continue
			}
			if err := healed(m, name, b, l); err != nil {
				t.Fatalf("%s, three bytes of %d changed (seed %d): %v", name, len(good), corruptSeed, err)
			}
			triples++
		}
		if n := len(good) / 50; n > 0 && !strings.HasPrefix(name, DirName+"/"+parity.Prefix) {
			for range max(2, 120/step) {
				b := slices.Clone(good)
				at := rng.IntN(len(b) - n)
				for i := range n {
					b[at+i] = ^b[at+i]
				}
				if err := healed(m, name, b, l); err != nil {
					t.Fatalf("%s, %d bytes of %d at %d changed (seed %d): %v", name, n, len(good), at, corruptSeed, err)
				}
				runs++
				if err := healed(m, name, good[:len(good)-1-rng.IntN(n):len(good)], l); err != nil {
					t.Fatalf("%s, cut off by less than %d of %d bytes (seed %d): %v", name, n, len(good), corruptSeed, err)
				}
				cuts++
			}
		}
	}
	t.Logf("%d flips, %d times three bytes, %d runs of 2%%, %d cuts", flips, triples, runs, cuts)
}

// TestEveryLossIsNamed: after a gc, whatever file is lost or cut off at any length,
// repair heals it or what is left says which models of which versions are lost;
// everything else reads back, and nothing gives wrong bytes.
func TestEveryLossIsNamed(t *testing.T) {
	base, l := newProtected(t)
	rng := rand.New(rand.NewPCG(corruptSeed, 2))
	step := sampling.Step(211, 1201)
	whole, named := 0, 0
	for _, name := range protectedFiles(t, base) {
		good := read(t, base, name)
		lengths := []int{-1}
		for n := rng.IntN(step); n < len(good); n += 1 + rng.IntN(2*step-1) {
			lengths = append(lengths, n)
		}
		for _, n := range lengths {
			m := base.ProcessCrash()
			m.SetClock(laterClock())
			var err error
			if n < 0 {
				err = m.Remove(name)
			} else {
				err = m.Rewrite(name, good[:n:n])
			}
			if err != nil {
				t.Fatal(err)
			}
			fatal := func(format string, args ...any) {
				t.Fatalf("%s, %d of %d bytes left (seed %d): %s", name, n, len(good), corruptSeed, fmt.Sprintf(format, args...))
			}
			s, err := openOn(m, laterClock())
			if err != nil {
				fatal("%v", err)
			}
			rep, err := s.Fsck(t.Context(), FsckOptions{Repair: true})
			if err != nil {
				fatal("%v", err)
			}
			if rep.OK {
				whole++
			} else {
				named++
			}
			told := map[string]bool{}
			treesLost := map[string]bool{}
			for _, p := range rep.Problems {
				for _, v := range p.Versions {
					if told[v.Version+":"+p.Path] = true; p.Path == "" {
						treesLost[v.Version] = true
					}
				}
			}
			if _, err := s.j.Load(t.Context()); err != nil {
				if rep.OK {
					fatal("repaired, and %v", err)
				}
				continue
			}
			for v, err := range s.Log(t.Context(), LogOptions{}) {
				if err != nil {
					if rep.OK {
						fatal("repaired, and log says %v", err)
					}
					break
				}
				for p, want := range l[v.Seq-1] {
					got, err := modelBytes(s, v, p)
					switch {
					case err == nil && got != want:
						fatal("%s:%s has wrong bytes", v.Name, p)
					case err != nil && !told[v.Name+":"+p] && !treesLost[v.Name] && !isExpired(err):
						fatal("%s:%s is lost, and repair does not say so: %v; it says %+v", v.Name, p, err, rep.Problems)
					}
				}
			}
		}
	}
	t.Logf("%d healed, %d named", whole, named)
}
