package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
)

func rename(t testing.TB, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// TestPromised: what is not here is fetched when it is read, and is here from then on.
func TestPromised(t *testing.T) {
	s, _, m, dir, want := newPartial(t, 6)
	ctx := context.Background()
	all := promisedIn(t, s)
	if all < 12 {
		t.Fatalf("%d contents are promised", all)
	}
	if got := cat(t, s, "v3", "a.json"); string(got) != want[2]["a.json"] {
		t.Fatal("v3:a.json differs")
	}
	if n := promisedIn(t, s); n != all-1 {
		t.Fatalf("after reading one %d of %d are promised", n, all)
	}
	plug := unplug(t, dir)
	if got := cat(t, s, "v3", "a.json"); string(got) != want[2]["a.json"] {
		t.Fatal("v3:a.json differs without the remote")
	}
	plug()
	if _, err := s.Checkout(ctx, CheckoutOptions{Rev: "v6"}); err != nil {
		t.Fatal(err)
	}
	got, err := onDisk(m)
	if err == nil {
		err = sameFiles(got, want[5])
	}
	if err != nil {
		t.Fatal(err)
	}
	st, err := s.Stats(ctx)
	if err != nil || st.Promised != promisedIn(t, s) || st.Promised == 0 {
		t.Fatalf("stats: %+v, %v", st, err)
	}
}

// TestPromisedInOnePack: many contents are fetched together.
func TestPromisedInOnePack(t *testing.T) {
	s, _, _, _, _ := newPartial(t, 5)
	ctx := context.Background()
	packs := func() int {
		sn, err := s.load(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return len(sn.st.Packs)
	}
	before := packs()
	if _, err := s.Checkout(ctx, CheckoutOptions{Rev: "v5", Out: t.TempDir()}); err != nil {
		t.Fatal(err)
	}
	if n := packs() - before; n != 1 {
		t.Fatalf("a checkout of 5 models made %d packs", n)
	}
	d, err := s.Diff(ctx, DiffOptions{From: "v1", To: "v3"})
	if err != nil {
		t.Fatal(err)
	}
	for m, err := range d.Models(ctx) {
		if err != nil || m.Err != nil {
			t.Fatal(err, m.Err)
		}
	}
	if n := packs() - before; n != 2 {
		t.Fatalf("a diff made %d packs", n-1)
	}
}

// TestPromisedUnreachable: without the remote everything that is not here is told as such.
func TestPromisedUnreachable(t *testing.T) {
	s, _, _, dir, want := newPartial(t, 3)
	ctx := context.Background()
	plug := unplug(t, dir)
	_, err := s.OpenModel(ctx, "v2", "a.json")
	if !errors.Is(err, ErrPromised) || errors.Is(err, ErrDamaged) || errors.Is(err, ErrNoStore) {
		t.Fatalf("reading what is promised: %v", err)
	}
	for _, part := range []string{"v2:a.json", "origin", dir, "mstore fetch"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q says nothing of %q", err, part)
		}
	}
	if _, err := s.Checkout(ctx, CheckoutOptions{Rev: "v2"}); !errors.Is(err, ErrPromised) {
		t.Fatalf("checking out what is promised: %v", err)
	}
	if n := promisedIn(t, s); n == 0 {
		t.Fatal("fsck does not tell what is promised")
	}
	if _, err := s.Fsck(ctx, FsckOptions{Remote: true}); !errors.Is(err, ErrPromised) {
		t.Fatalf("fsck of the remote: %v", err)
	}
	x, err := s.Expired(ctx)
	if err != nil {
		t.Fatal(err)
	}
	id := objects.BlobID(objects.HashPiece([]byte(want[0]["a.json"])))
	if p, err := x.Promise(ctx, id); err != nil || p == nil || p.Remote != "origin" {
		t.Errorf("what is promised: %v, %v", p, err)
	}
	plug()
}

// TestPromisedOtherStore: another store at the same place is not believed.
func TestPromisedOtherStore(t *testing.T) {
	s, _, _, _, _ := newPartial(t, 2)
	other, dir := newDirStore(t)
	saveHistory(t, other, 2)
	ctx := context.Background()
	_, _, err := s.appendOps(ctx, func(*snapshot) ([]journal.Op, error) {
		return []journal.Op{{Kind: journal.OpSetConfig, Key: "remote.origin.url", Value: dir}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.OpenModel(ctx, "v1", "a.json"); !errors.Is(err, ErrPromised) || !strings.Contains(err.Error(), "another store") {
		t.Fatalf("reading from another store: %v", err)
	}
}

// TestPromisedLost: what the remote has expired or lost is told as such.
func TestPromisedLost(t *testing.T) {
	s, full, m, _, _ := newPartial(t, 4)
	ctx := context.Background()
	if _, err := full.Expire(ctx, "v1", "a.json", ExpireOptions{}); err != nil {
		t.Fatal(err)
	}
	_, err := s.OpenModel(ctx, "v1", "a.json")
	if !errors.Is(err, ErrExpired) || !strings.Contains(err.Error(), "origin") {
		t.Fatalf("reading what has expired there: %v", err)
	}
	rep, err := s.Fsck(ctx, FsckOptions{Remote: true})
	if err != nil || !rep.OK || rep.ExpiredThere != 1 {
		t.Fatalf("fsck: %+v, %v", rep, err)
	}
	sn, err := full.load(ctx)
	if err != nil {
		t.Fatal(err)
	}
	packs, err := sn.h.LivePacks(ctx)
	if err != nil {
		t.Fatal(err)
	}
	_, err = full.update(ctx, func(*snapshot) ([]journal.Op, error) {
		return []journal.Op{{Kind: journal.OpRemovePacks, Packs: packs}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	objects.DeletePacks(ctx, full.b, packs)
	if s, err = openOn(m, laterClock()); err != nil { // the other one holds the files open
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.OpenModel(ctx, "v3", "a.json"); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "lost") {
		t.Fatalf("reading what is lost there: %v", err)
	}
	if rep, err = s.Fsck(ctx, FsckOptions{Remote: true}); err != nil || rep.OK {
		t.Fatalf("fsck: %+v, %v", rep, err)
	}
	if rep, err = s.Fsck(ctx, FsckOptions{}); err != nil || !rep.OK {
		t.Fatalf("fsck without the remote: %+v, %v", rep, err)
	}
}

// TestPromisedLostHere: content that was saved here is not promised, and its loss is told.
func TestPromisedLostHere(t *testing.T) {
	s, _, m, _, _ := newPartial(t, 2)
	ctx := context.Background()
	write(t, m, "mine.json", model(77, 5000))
	res := save(t, s, CommitOptions{Paths: []string{"mine.json"}})
	if !res.Created {
		t.Fatal("nothing was saved")
	}
	sn, err := s.load(ctx)
	if err != nil {
		t.Fatal(err)
	}
	last := sn.st.Packs[len(sn.st.Packs)-1]
	if err := s.b.Delete(ctx, last.Name.Key()); err != nil {
		t.Fatal(err)
	}
	rep, err := s.Fsck(ctx, FsckOptions{})
	if err != nil || rep.OK {
		t.Fatalf("fsck of a lost pack: %+v, %v", rep, err)
	}
}

// TestPromisedReadOnly: a store that cannot be written to reads through.
func TestPromisedReadOnly(t *testing.T) {
	full, dir := newDirStore(t)
	want := saveHistory(t, full, 3)
	m := vfs.NewMem()
	clonePart(t, full, m, dir, nil)
	f := vfs.NewFault(m)
	f.OnOp(func(op vfs.Op) error {
		if mutates(op.Kind) {
			return os.ErrPermission
		}
		return nil
	})
	s, err := openOn(f, laterClock())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i, w := range want {
		for p, data := range w {
			if got := cat(t, s, fmt.Sprintf("v%d", i+1), p); string(got) != data {
				t.Fatalf("v%d:%s differs", i+1, p)
			}
		}
	}
}

// TestPromisedGC: gc, repack and fsck --repair live with what is not here; a policy lets go
// of copies, which are promised again.
func TestPromisedGC(t *testing.T) {
	s, _, _, _, want := newPartial(t, 6)
	ctx := context.Background()
	before := promisedIn(t, s)
	res, err := s.GC(ctx, GCOptions{Now: true})
	if err != nil || res.Expire != 0 {
		t.Fatalf("gc: %+v, %v", res, err)
	}
	for i := range want {
		cat(t, s, fmt.Sprintf("v%d", i+1), "a.json")
	}
	if n := promisedIn(t, s); n != before-6 {
		t.Fatalf("%d of %d are promised", n, before)
	}
	if res, err = s.GC(ctx, GCOptions{Now: true, Rules: map[string]string{"keep-last": "2"}}); err != nil || res.Expire == 0 {
		t.Fatalf("gc: %+v, %v", res, err)
	}
	rep, err := s.Fsck(ctx, FsckOptions{Repair: true})
	if err != nil || !rep.OK || rep.Expired != 0 || rep.Promised != before-2 {
		t.Fatalf("fsck after gc: %+v, %v", rep, err)
	}
	if _, err := s.Repack(ctx, RepackOptions{All: true}); err != nil {
		t.Fatal(err)
	}
	for i, w := range want {
		if got := cat(t, s, fmt.Sprintf("v%d", i+1), "a.json"); string(got) != w["a.json"] {
			t.Fatalf("v%d:a.json differs", i+1)
		}
	}
	if n := promisedIn(t, s); n != before-6 {
		t.Fatalf("at the end %d of %d are promised", n, before)
	}
}

// TestPromisedCommit: a commit fetches nothing.
func TestPromisedCommit(t *testing.T) {
	s, _, m, dir, want := newPartial(t, 3)
	before := promisedIn(t, s)
	plug := unplug(t, dir)
	for p, data := range want[2] {
		write(t, m, p, []byte(data))
	}
	next := want[2]["a.json"][:500] + " " + want[2]["a.json"][500:]
	write(t, m, "a.json", []byte(next))
	res := save(t, s, CommitOptions{Paths: []string{"a.json"}})
	if !res.Created || res.Version.Name != "v4" {
		t.Fatalf("saved %+v", res)
	}
	if n := promisedIn(t, s); n != before {
		t.Fatalf("%d of %d are promised", n, before)
	}
	if got := cat(t, s, "v4", "a.json"); string(got) != next {
		t.Fatal("what was saved differs")
	}
	plug()
}

// TestPromisedTogether: several that fetch the same do each other no harm.
func TestPromisedTogether(t *testing.T) {
	full, dir := newDirStore(t)
	want := saveHistory(t, full, 5)
	m := vfs.NewMem()
	clonePart(t, full, m, dir, nil)
	var wg sync.WaitGroup
	for k := range 4 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			s, err := openOn(m, laterClock())
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			for i := range want {
				i = (i + k) % len(want)
				v, err := s.Show(context.Background(), fmt.Sprintf("v%d", i+1))
				if err == nil {
					var got files
					if got, err = modelsOf(s, v); err == nil {
						err = sameFiles(got, want[i])
					}
				}
				if err != nil {
					t.Errorf("v%d: %v", i+1, err)
				}
			}
		}()
	}
	wg.Wait()
	s, err := openOn(m, laterClock())
	if err != nil {
		t.Fatal(err)
	}
	if n := promisedIn(t, s); n != 0 {
		t.Fatalf("%d contents are promised still", n)
	}
}

// TestPromisedModel: reading, saving, gc and repack in any order, of a store that has some
// of the content, gives what the full store gives, byte for byte.
func TestPromisedModel(t *testing.T) {
	seeds := 6
	if testing.Short() {
		seeds = 2
	}
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { promisedModel(t, seed) })
	}
}

func promisedModel(t *testing.T, seed uint64) {
	ctx := context.Background()
	rng := rand.New(rand.NewPCG(seed, 20261130))
	full, dir := newDirStore(t)
	want := slices.Clone(saveHistory(t, full, 6))
	if rng.IntN(2) == 0 {
		if _, err := full.Repack(ctx, RepackOptions{All: true}); err != nil {
			t.Fatal(err)
		}
	}
	m := vfs.NewMem()
	clock := laterClock()
	m.SetClock(clock)
	clonePart(t, full, m, dir, func(objects.BlobID) bool { return rng.IntN(3) == 0 })
	s, err := openOn(m, clock)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { s.Close() }()
	for step := range 25 {
		i := rng.IntN(len(want))
		rev := fmt.Sprintf("v%d", i+1)
		what := ""
		switch rng.IntN(8) {
		case 0, 1, 2:
			paths := slices.Sorted(func(yield func(string) bool) {
				for p := range want[i] {
					if !yield(p) {
						return
					}
				}
			})
			p := paths[rng.IntN(len(paths))]
			what = "cat " + rev + ":" + p
			if got := cat(t, s, rev, p); string(got) != want[i][p] {
				err = errors.New("differs")
			}
		case 3:
			what = "checkout " + rev
			if _, err = s.Checkout(ctx, CheckoutOptions{Rev: rev}); err == nil {
				var got files
				if got, err = onDisk(m); err == nil {
					err = sameFiles(got, want[i])
				}
			}
		case 4:
			what = "commit"
			put(t, m, want[len(want)-1].with("mine.json", string(model(uint64(step)+seed*100, 4000))))
			if _, err = s.Commit(ctx, CommitOptions{Paths: []string{"."}, Author: "x"}); err == nil {
				var now files
				now, err = onDisk(m)
				want = append(want, now)
			}
		case 5:
			what = "gc"
			_, err = s.GC(ctx, GCOptions{Now: rng.IntN(2) == 0})
		case 6:
			what = "repack"
			_, err = s.Repack(ctx, RepackOptions{All: true})
		case 7:
			what = "fsck"
			err = clean(s)
		}
		if err != nil {
			t.Fatalf("seed %d, step %d, %s: %v", seed, step, what, err)
		}
		if rng.IntN(4) == 0 {
			s.Close()
			if s, err = openOn(m, clock); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := want.verify(s, nil); err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	if err := clean(s); err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
}
