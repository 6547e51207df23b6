package store

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/mstore/mstore/internal/vfs"
)

// lineage is a model that is saved a few times, with a small one beside it that
// stays, and one that goes.
func lineageOf(n int) []files {
	var out []files
	for i := range n {
		f := files{"m.json": string(edited(model(3, 20_000), i)), "same.json": string(model(5, 500))}
		if i < n/2 {
			f["old.json"] = string(model(uint64(6+i), 700))
		}
		out = append(out, f)
	}
	return out
}

// edited changes some digits of a model.
func edited(b []byte, n int) []byte {
	b = append([]byte(nil), b...)
	for k := range n * 3 {
		at := (k*7919 + n*31) % len(b)
		for i := at; i < len(b); i++ {
			if b[i] >= '0' && b[i] <= '9' {
				b[i] = '0' + (b[i]-'0'+1+byte(n)%9)%10
				break
			}
		}
	}
	return b
}

func repackAll(s *Store) error {
	_, err := s.Repack(context.Background(), RepackOptions{})
	return err
}

// TestCrashOfRepack: whatever of a repack is done, every version reads back, and
// the next repack finishes it.
func TestCrashOfRepack(t *testing.T) {
	versions := lineageOf(5)
	base, l := newBase(t, versions...)
	crashEverywhere(t, base, repackAll, nil, func(m *vfs.Mem, acked bool) error {
		s, err := openOn(m, laterClock())
		if err != nil {
			return err
		}
		if _, err := l.verify(s, nil); err != nil {
			return err
		}
		st, err := s.j.Load(context.Background())
		if err != nil {
			return err
		}
		if acked && len(st.Packs) != 1 {
			return fmt.Errorf("acknowledged, but there are %d packs", len(st.Packs))
		}
		if err := clean(s); err != nil {
			return err
		}
		if err := repackAll(s); err != nil {
			return fmt.Errorf("repeated: %w", err)
		}
		if st, err = s.j.Load(context.Background()); err != nil || len(st.Packs) != 1 {
			return fmt.Errorf("repeated: %d packs, %v", len(st.Packs), err)
		}
		if _, err := l.verify(s, nil); err != nil {
			return fmt.Errorf("repeated: %w", err)
		}
		return clean(s)
	})
}

// TestFaultOfRepack: an operation that fails is an error, or does no harm, and
// the store is good.
func TestFaultOfRepack(t *testing.T) {
	base, l := newBase(t, lineageOf(4)...)
	faultEverywhere(t, base, repackAll, nil, func(r faulted) error {
		s, err := openOn(r.m, laterClock())
		if err != nil {
			return err
		}
		if _, err := l.verify(s, nil); err != nil {
			return fmt.Errorf("after %v: %w", r.err, err)
		}
		return clean(s)
	})
}

// TestRepackLeavesNothingBehind: files of packs that were removed by the journal
// only, because their remover was killed, go with the next repack.
func TestRepackLeavesNothingBehind(t *testing.T) {
	base, l := newBase(t, lineageOf(4)...)
	crashEverywhere(t, base, repackAll, func(_ int, op vfs.Op) bool { return op.Kind != vfs.OpRemove }, func(m *vfs.Mem, _ bool) error {
		s, err := openOn(m, laterClock())
		if err != nil {
			return err
		}
		for range 2 {
			if err := repackAll(s); err != nil {
				return err
			}
		}
		entries, err := m.ReadDir(DirName + "/objects")
		if err != nil {
			return err
		}
		packs := 0
		for _, e := range entries {
			if strings.HasSuffix(e.Name(), ".pack") {
				packs++
			}
		}
		if packs > 2 { // a new one of a repack that was not acknowledged may be left
			return fmt.Errorf("%d packs are left", packs)
		}
		_, err = l.verify(s, nil)
		return err
	})
}

// TestRepackTurnsTheChainRound: afterwards the newest version needs no other, and
// the store is smaller.
func TestRepackTurnsTheChainRound(t *testing.T) {
	s, m := newMemStore(t)
	versions := lineageOf(12)
	for _, f := range versions {
		put(t, m, f)
		save(t, s, CommitOptions{Paths: []string{"."}})
	}
	depth := func(rev string) (deepest int) {
		sn, err := s.load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		v, err := s.resolve(t.Context(), sn, rev)
		if err != nil {
			t.Fatal(err)
		}
		mo, err := sn.model(t.Context(), v, "m.json")
		if err != nil {
			t.Fatal(err)
		}
		rc, err := sn.r.Recipe(t.Context(), mo.Blob)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range rc.Parts {
			info, err := sn.r.Describe(t.Context(), p.Piece)
			if err != nil {
				t.Fatal(err)
			}
			deepest = max(deepest, info.Depth)
		}
		return deepest
	}
	if first, last := depth("v1"), depth("v12"); first != 0 || last != 11 {
		t.Fatalf("before: v1 is %d deep, v12 %d", first, last)
	}
	res, err := s.Repack(t.Context(), RepackOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if res.Packs != 12 || res.Into != 1 || res.After >= res.Before {
		t.Errorf("%+v", res)
	}
	if first, last := depth("v1"), depth("v12"); first != 11 || last != 0 {
		t.Errorf("after: v1 is %d deep, v12 %d", first, last)
	}
	for i, f := range versions {
		if got := cat(t, s, fmt.Sprintf("v%d", i+1), "m.json"); string(got) != f["m.json"] {
			t.Fatalf("v%d differs", i+1)
		}
	}
	mustFsck(t, s)
	if res, err = s.Repack(t.Context(), RepackOptions{}); err != nil || res.Packs != 0 {
		t.Errorf("again: %+v, %v", res, err)
	}
}
