package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/objects/pack"
)

// keepLast runs gc with one rule.
func keepLast(n string, now bool) func(*Store) error {
	return func(s *Store) error {
		_, err := s.GC(context.Background(), GCOptions{Rules: map[string]string{"keep-last": n}, Now: now})
		return err
	}
}

// kept is what verifies a store of which some contents may have expired: every
// version is in the log, each model of it is right or, if may says so, expired.
func (l ledger) kept(s *Store, may func(version int, path string) bool) (expired int, err error) {
	ctx := context.Background()
	n := len(l)
	for v, err := range s.Log(ctx, LogOptions{}) {
		if err != nil {
			return 0, fmt.Errorf("log: %w", err)
		}
		if n--; n < 0 {
			return 0, errors.New("more versions than were made")
		}
		for p, want := range l[n] {
			var b strings.Builder
			r, err := s.OpenModel(ctx, v.ID.String(), p)
			if err == nil {
				_, err = r.WriteTo(&b)
			}
			switch {
			case errors.Is(err, ErrExpired) && may(n, p):
				expired++
			case err != nil:
				return 0, fmt.Errorf("%s:%s: %w", v.Name, p, err)
			case b.String() != want:
				return 0, fmt.Errorf("%s:%s has other bytes", v.Name, p)
			}
		}
	}
	if n != 0 {
		return 0, fmt.Errorf("%d versions are missing", n)
	}
	return expired, nil
}

// oldOnes are the contents that keep-last 2 lets go, of lineageOf(n).
func oldOnes(l ledger) func(int, string) bool {
	keep := map[string]map[string]bool{} // by path: contents
	for _, p := range []string{"m.json", "same.json", "old.json"} {
		keep[p] = map[string]bool{}
		for i := len(l) - 1; i >= 0; i-- {
			if c, ok := l[i][p]; ok && (keep[p][c] || len(keep[p]) < 2) {
				keep[p][c] = true
			}
		}
	}
	return func(i int, p string) bool { return !keep[p][l[i][p]] }
}

// TestCrashOfGC: wherever gc dies, everything that the policy keeps reads back, what
// it lets go is there or known to have expired, and the next gc finishes.
func TestCrashOfGC(t *testing.T) {
	for _, now := range []bool{false, true} {
		t.Run(fmt.Sprintf("now %v", now), func(t *testing.T) {
			base, l := newBase(t, lineageOf(6)...)
			crashEverywhere(t, base, keepLast("2", now), nil, func(m *vfs.Mem, acked bool) error {
				s, err := openOn(m, laterClock())
				if err != nil {
					return err
				}
				n, err := l.kept(s, oldOnes(l))
				if err != nil {
					return err
				}
				if acked && n == 0 {
					return errors.New("acknowledged, but nothing has expired")
				}
				if err := clean(s); err != nil {
					return err
				}
				if err := keepLast("2", true)(s); err != nil {
					return fmt.Errorf("repeated: %w", err)
				}
				if n, err = l.kept(s, oldOnes(l)); err != nil || n == 0 {
					return fmt.Errorf("repeated: %d expired, %w", n, err)
				}
				if err := tidy(s, m); err != nil {
					return fmt.Errorf("repeated: %w", err)
				}
				return clean(s)
			})
		})
	}
}

// tidy tells of packs that the journal does not name, and of parity of files that are
// gone.
func tidy(s *Store, m *vfs.Mem) error {
	st, err := s.j.Load(context.Background())
	if err != nil {
		return err
	}
	packs, err := s.j.History(st).LivePacks(context.Background())
	if err != nil {
		return err
	}
	named := map[string]bool{}
	for _, p := range packs {
		named[p.Name.Key()] = true
	}
	entries, err := m.ReadDir(DirName + "/objects")
	if err != nil {
		return err
	}
	for _, e := range entries {
		if _, isPack := pack.ParseKey("objects/" + e.Name()); isPack && !named["objects/"+e.Name()] {
			return fmt.Errorf("pack %s is left", e.Name())
		}
	}
	groups, err := s.parityFiles(context.Background(), func(key string, err error) {})
	if err != nil {
		return err
	}
	for _, g := range groups {
		for _, f := range g.Files() {
			if _, err := s.b.Stat(context.Background(), f.Key); err != nil {
				return fmt.Errorf("parity of %s is left", f.Key)
			}
		}
	}
	return nil
}

func TestFaultOfGC(t *testing.T) {
	base, l := newBase(t, lineageOf(4)...)
	faultEverywhere(t, base, keepLast("2", true), nil, func(r faulted) error {
		s, err := openOn(r.m, laterClock())
		if err != nil {
			return err
		}
		if _, err := l.kept(s, oldOnes(l)); err != nil {
			return fmt.Errorf("after %v: %w", r.err, err)
		}
		if err := clean(s); err != nil {
			return err
		}
		if err := keepLast("2", true)(s); err != nil {
			return fmt.Errorf("repeated: %w", err)
		}
		_, err = l.kept(s, oldOnes(l))
		return err
	})
}

// TestCrashOfUndelete: taking a condemnation back is there or not.
func TestCrashOfUndelete(t *testing.T) {
	base, l := newBase(t, lineageOf(4)...)
	s, err := openOn(base, laterClock())
	if err == nil {
		err = keepLast("2", false)(s)
	}
	if err != nil {
		t.Fatal(err)
	}
	syncAll(t, base, ".")
	undelete := func(s *Store) error { _, _, err := s.Undelete(context.Background()); return err }
	crashEverywhere(t, base, undelete, nil, func(m *vfs.Mem, acked bool) error {
		s, err := openOn(m, laterClock())
		if err != nil {
			return err
		}
		n, err := l.kept(s, oldOnes(l))
		if err == nil && acked && n > 0 {
			err = fmt.Errorf("acknowledged, and %d are expired still", n)
		}
		if err != nil {
			return err
		}
		if err := undelete(s); err != nil {
			return err
		}
		if n, err := l.kept(s, oldOnes(l)); err != nil || n > 0 {
			return fmt.Errorf("taken back: %d expired, %w", n, err)
		}
		return clean(s)
	})
}

// TestCrashOfExpire: what must go at once is gone or not, and nothing else.
func TestCrashOfExpire(t *testing.T) {
	base, l := newBase(t, lineageOf(5)...)
	expire := func(s *Store) error {
		_, err := s.Expire(context.Background(), "v2", "m.json", ExpireOptions{})
		return err
	}
	only := func(i int, p string) bool { return p == "m.json" && l[i][p] == l[1][p] }
	crashEverywhere(t, base, expire, nil, func(m *vfs.Mem, acked bool) error {
		s, err := openOn(m, laterClock())
		if err != nil {
			return err
		}
		n, err := l.kept(s, only)
		if err == nil && acked && n != 1 {
			err = fmt.Errorf("acknowledged, and %d are expired", n)
		}
		if err != nil {
			return err
		}
		if err := clean(s); err != nil {
			return err
		}
		if err := expire(s); err != nil && !errors.Is(err, ErrNotFound) {
			return fmt.Errorf("repeated: %w", err)
		}
		if n, err := l.kept(s, only); err != nil || n != 1 {
			return fmt.Errorf("repeated: %d expired, %w", n, err)
		}
		return clean(s)
	})
}

// TestCrashOfRepair: wherever a repair dies, nothing is worse than before, and the
// next one heals.
func TestCrashOfRepair(t *testing.T) {
	base, l := newBase(t, lineageOf(4)...)
	s, err := openOn(base, laterClock())
	if err == nil {
		err = keepLast("9", true)(s)
	}
	if err != nil {
		t.Fatal(err)
	}
	var victim string
	st, err := s.j.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	victim = DirName + "/" + st.Packs[len(st.Packs)-1].Name.Key()
	good := read(t, base, victim)
	bad := append([]byte(nil), good...)
	for i := range len(bad) / 60 {
		bad[len(bad)/3+i] ^= 0xff
	}
	if err := base.Rewrite(victim, bad); err != nil {
		t.Fatal(err)
	}
	syncAll(t, base, ".")
	if f, err := base.Open(victim); err == nil {
		_, _ = f.Sync(), f.Close()
	}
	repair := func(s *Store) error {
		rep, err := s.Fsck(context.Background(), FsckOptions{Repair: true})
		if err == nil && !rep.OK {
			err = fmt.Errorf("not healed: %+v", rep.Problems)
		}
		return err
	}
	crashEverywhere(t, base, repair, nil, func(m *vfs.Mem, _ bool) error {
		s, err := openOn(m, laterClock())
		if err != nil {
			return err
		}
		if err := repair(s); err != nil {
			return err
		}
		if string(read(t, m, victim)) != string(good) {
			return errors.New("the pack has other bytes")
		}
		_, err = l.verify(s, nil)
		return err
	})
}

func isExpired(err error) bool { return errors.Is(err, ErrExpired) }

func modelBytes(s *Store, v *Version, p string) (string, error) {
	var b strings.Builder
	r, err := s.OpenModel(context.Background(), v.ID.String(), p)
	if err == nil {
		_, err = r.WriteTo(&b)
	}
	return b.String(), err
}
