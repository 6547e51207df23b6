package store

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/mstore/mstore/gc"
	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/objects/pack"
)

// TestRepackResumes: what an interrupted repack has published is not written
// again by the next.
func TestRepackResumes(t *testing.T) {
	const size, n = 400_000, 12
	var versions []files
	for i := range n {
		versions = append(versions, files{fmt.Sprintf("%02d.bin", i): noise(byte(i+1), size)})
	}
	m, l := newBase(t, versions...)
	count := backend.NewCounter(backend.NewDir(vfs.Sub(m, DirName)))
	s := newStore(m, count, Options{Clock: laterClock()})

	ctx, cancel := context.WithCancel(t.Context())
	rp := s.collector()
	rp.Progress = func(done, total int64) {
		if done > total*3/4 {
			cancel()
		}
	}
	if _, err := rp.Repack(ctx, gc.Options{MaxPack: 2 * size}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if _, err := l.verify(s, nil); err != nil {
		t.Fatal("interrupted:", err)
	}
	count.Reset()
	res, err := s.collector().Repack(t.Context(), gc.Options{MaxPack: 2 * size})
	if err != nil || res.Packs != n {
		t.Fatalf("%+v, %v", res, err)
	}
	if c := count.Counts(); c.BytesWritten > n*size*3/4 {
		t.Errorf("%d bytes were written, of %d in all", c.BytesWritten, n*size)
	}
	if _, err := l.verify(s, nil); err != nil {
		t.Fatal(err)
	}
	mustFsck(t, s)
}

// TestRepackMakesNothingWorse: packs that would not become smaller or fewer stay.
func TestRepackMakesNothingWorse(t *testing.T) {
	m, _ := newBase(t, files{"a.bin": noise(1, 50_000)})
	s, err := openOn(m, laterClock())
	if err != nil {
		t.Fatal(err)
	}
	before, err := s.b.List(t.Context(), pack.Prefix, "", 0)
	if err != nil {
		t.Fatal(err)
	}
	res, err := s.Repack(t.Context(), RepackOptions{})
	if err != nil || res.Packs != 0 {
		t.Errorf("%+v, %v", res, err)
	}
	after, err := s.b.List(t.Context(), pack.Prefix, "", 0)
	if err != nil || fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("%v before, %v after, %v", before, after, err)
	}
	// And that is remembered, until there is something else to look at.
	count := backend.NewCounter(backend.NewDir(vfs.Sub(m, DirName)))
	s = newStore(m, count, Options{Clock: laterClock()})
	if _, err := s.Repack(t.Context(), RepackOptions{}); err != nil {
		t.Fatal(err)
	}
	if c := count.Counts(); c.Creates > 0 || c.BytesRead > 10_000 {
		t.Errorf("it was tried again: %+v", c)
	}
	put(t, m, files{"a.bin": noise(1, 50_000) + "more"})
	save(t, s, CommitOptions{Paths: []string{"."}})
	if res, err = s.Repack(t.Context(), RepackOptions{}); err != nil || res.Packs != 2 {
		t.Errorf("%+v, %v", res, err)
	}
}

// TestRepackGivesWay: when somebody else has removed packs meanwhile, nothing is
// changed and nothing is left.
func TestRepackGivesWay(t *testing.T) {
	m, l := newBase(t, lineageOf(6)...)
	clock := laterClock()
	m.SetClock(clock)
	s, err := openOn(m, clock)
	if err != nil {
		t.Fatal(err)
	}
	other, err := openOn(m, clock)
	if err != nil {
		t.Fatal(err)
	}
	rp := s.collector()
	first := true
	rp.Progress = func(int64, int64) {
		if first {
			first = false
			if err := repackAll(other); err != nil {
				t.Error(err)
			}
		}
	}
	if _, err := rp.Repack(t.Context(), gc.Options{}); !errors.Is(err, gc.ErrGone) {
		t.Errorf("want %v, got %v", gc.ErrGone, err)
	}
	infos, err := s.b.List(t.Context(), pack.Prefix, "", 0)
	if err != nil || len(infos) != 1 {
		t.Errorf("%v, %v", infos, err)
	}
	if _, err := l.verify(s, nil); err != nil {
		t.Error(err)
	}
}

// TestRepackKeepsTheGoodCopy: of two copies of a piece, one in a pack that stays
// and is damaged, the good one is not given up.
func TestRepackKeepsTheGoodCopy(t *testing.T) {
	data := noise(1, 200_000)
	m, _ := newBase(t, files{"a.bin": data})
	s, err := openOn(m, laterClock())
	if err != nil {
		t.Fatal(err)
	}
	put(t, m, files{"a.bin": data, "b.bin": noise(2, 1000)})
	save(t, s, CommitOptions{Paths: []string{"."}})
	if err := repackAll(s); err != nil {
		t.Fatal(err)
	}
	st, err := s.j.Load(t.Context())
	if err != nil || len(st.Packs) != 1 {
		t.Fatal(st.Packs, err)
	}
	folded := DirName + "/" + st.Packs[0].Name.Key()
	b := read(t, m, folded)
	b[len(b)/2] ^= 1
	if err := m.Rewrite(folded, b); err != nil {
		t.Fatal(err)
	}
	if s, err = openOn(m, laterClock()); err != nil {
		t.Fatal(err)
	}
	if rep, err := s.Fsck(t.Context(), FsckOptions{}); err != nil || rep.OK {
		t.Fatal(rep, err)
	}
	put(t, m, files{"a.bin": data, "c.bin": "small"}) // a.bin is stored afresh
	save(t, s, CommitOptions{Paths: []string{"."}})
	// The damaged pack is too large to be taken up again.
	if _, err := s.collector().Repack(t.Context(), gc.Options{MaxPack: 100_000}); err != nil {
		t.Fatal(err)
	}
	if s, err = openOn(m, laterClock()); err != nil {
		t.Fatal(err)
	}
	if got := cat(t, s, "main", "a.bin"); string(got) != data {
		t.Fatal("the good copy is gone")
	}
}

// TestRepackTakesItsPacksBack: packs that were published on the way to no gain go
// again, and the second attempt does not take that for the work of others.
func TestRepackTakesItsPacksBack(t *testing.T) {
	var versions []files
	for i := range 6 {
		versions = append(versions, files{"a.bin": noise(byte(i+1), 300_000), "b.bin": noise(byte(i+50), 300_000)})
	}
	m, l := newBase(t, versions...)
	s, err := openOn(m, laterClock())
	if err != nil {
		t.Fatal(err)
	}
	// More packs than there were, and no fewer bytes worth speaking of.
	res, err := s.collector().Repack(t.Context(), gc.Options{MaxPack: 100_000})
	if err != nil || res.Packs != 0 {
		t.Fatalf("%+v, %v", res, err)
	}
	st, err := s.j.Load(t.Context())
	if err != nil || len(st.Packs) != len(versions) {
		t.Errorf("%d packs, %v", len(st.Packs), err)
	}
	infos, err := s.b.List(t.Context(), pack.Prefix, "", 0)
	if err != nil || len(infos) != len(versions) {
		t.Errorf("%d files, %v", len(infos), err)
	}
	if _, err := l.verify(s, nil); err != nil {
		t.Error(err)
	}
	mustFsck(t, s)
}
