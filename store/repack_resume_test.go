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
	rp := s.repacker()
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
	res, err := s.repacker().Repack(t.Context(), gc.Options{MaxPack: 2 * size})
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
}

// TestRepackGivesWay: when somebody else has removed packs meanwhile, nothing is
// changed and nothing is left.
func TestRepackGivesWay(t *testing.T) {
	m, l := newBase(t, lineage(6)...)
	s, err := openOn(m, laterClock())
	if err != nil {
		t.Fatal(err)
	}
	other, err := openOn(m, laterClock())
	if err != nil {
		t.Fatal(err)
	}
	rp := s.repacker()
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
