package journal

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/sampling"
	"github.com/mstore/mstore/objects/pack"
)

// entryReads counts the entry files that are read through it.
func entryReads(b backend.Backend, n *int) *backend.Hook {
	return &backend.Hook{Backend: b, Before: backend.OneByOne(func(op, key string) error {
		if op == backend.OpGet && strings.HasPrefix(key, prefix+"e") {
			*n++
		}
		return nil
	})}
}

// A store with batches, folds and stale readers, and a naive one that appends the same
// entries one by one and never folds, agree in every state, every entry and every
// lookup. Readers take no more than three entry files, two while no batch is in the tail.
func TestRandomBatches(t *testing.T) {
	rounds := 12 / sampling.Step(3, 6)
	for seed := range rounds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(uint64(seed), 5))
			b := backend.NewMem()
			naive, w := newStore(t, backend.NewMem()), newStore(t, b)
			reads := 0
			reader := New(entryReads(b, &reads), Options{})
			var old []*History
			for w.s.Number < 2500 {
				var drafts []Draft
				for range batchSize(r) {
					ops := randomOps(r, naive.s)
					d := Draft{Ops: ops, Time: naive.j.clock(), Tx: [16]byte{byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32())}}
					var err error
					if naive.s, err = naive.j.AppendAs(t.Context(), naive.s, slices.Clone(ops), d.Time, d.Tx); err != nil {
						t.Fatal(err)
					}
					drafts = append(drafts, d)
				}
				var err error
				if w.s, err = w.j.AppendAll(t.Context(), w.s, drafts); err != nil {
					t.Fatal(err)
				}
				reads = 0
				s, err := reader.Load(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if n := s.Number - s.watermark; reads > 3 || reads > 2 && n < 256 {
					t.Errorf("%d entry files are read at entry %d, %d after the checkpoint", reads, s.Number, s.Number-s.watermark)
				}
				for _, x := range []*State{s, w.s} {
					if got, want := x.comparable(), naive.s.comparable(); !reflect.DeepEqual(got, want) {
						t.Fatalf("at entry %d:\n%+v, want\n%+v", naive.s.Number, got, want)
					}
				}
				if !reflect.DeepEqual(tailBytes(s), tailBytes(w.s)) {
					t.Fatalf("at entry %d the tail differs", s.Number)
				}
				if r.IntN(20) == 0 {
					old = append(old, reader.History(s))
				}
				if w.s.FoldDue() || r.IntN(30) == 0 {
					w.fold()
				}
			}
			w.verify()
			for _, h := range append(old, w.j.History(w.s)) {
				sameHistory(t, r, h, naive.j.History(naive.s))
			}
		})
	}
}

func batchSize(r *rand.Rand) int {
	switch r.IntN(10) {
	case 0:
		return 1 + r.IntN(400)
	case 1, 2, 3:
		return 1 + r.IntN(20)
	}
	return 1
}

// randomOps are operations that may follow s.
func randomOps(r *rand.Rand, s *State) []Op {
	branch := []string{"main", "side"}[r.IntN(2)]
	at, ok := s.Names[branch]
	switch k := r.IntN(8); {
	case !ok || k < 4:
		return commitOps(s, branch, fmt.Sprint("entry ", s.Number+1))
	case k == 4:
		return []Op{{Kind: OpSetName, NameKind: Alias, Name: fmt.Sprint("a", r.IntN(5)), Target: at.To, Reason: "r"}}
	case k == 5:
		return []Op{{Kind: OpSetConfig, Key: fmt.Sprint("k", r.IntN(9)), Value: fmt.Sprint(s.Number)}}
	case k == 6:
		return []Op{{Kind: OpHold, Target: at.To, Reason: "r"}, {Kind: OpCondemn, Packs: []pack.Info{{Name: pack.Name{byte(r.Uint32())}}}}}
	}
	return []Op{{Kind: OpSetName, NameKind: Branch, Name: branch, Target: s.Names["main"].To}}
}

// sameHistory compares what two histories find; want is as long as h or longer.
func sameHistory(t *testing.T, r *rand.Rand, h, want *History) {
	t.Helper()
	ctx := t.Context()
	n := uint64(0)
	for e, err := range h.Entries(ctx, 0) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		x, err := want.Entry(ctx, n)
		if err != nil || !reflect.DeepEqual(e, x) {
			t.Fatalf("entry %d:\n%+v, want\n%+v, %v", n, e, x, err)
		}
	}
	if n != h.s.Number {
		t.Fatalf("%d entries of %d", n, h.s.Number)
	}
	for range 200 {
		k := 1 + r.Uint64N(h.s.Number)
		e, err := h.Entry(ctx, k)
		if err != nil || e.Number != k {
			t.Fatalf("entry %d: %v", k, err)
		}
		if op := e.Commit(); op != nil {
			at, ok, err := h.Has(ctx, op.Target.ID)
			if err != nil || !ok || at != op.Target {
				t.Errorf("version of entry %d: %+v, %v, %v", k, at, ok, err)
			}
			id := op.Target.ID
			id[31]++
			if _, ok, err := h.Has(ctx, id); ok || err != nil {
				t.Errorf("a version that is not there: %v, %v", ok, err)
			}
		}
	}
}

// Reading after a batch of 1,000 entries takes three entry files at the most, wherever
// the watermark is.
func TestReadsAfterBatch(t *testing.T) {
	for _, before := range []int{0, 7, 64, 100} {
		b := backend.NewMem()
		w := newStore(t, b)
		reads := 0
		reader := New(entryReads(b, &reads), Options{})
		w.commits(before)
		w.fold()
		w.appendBatch("main", "batch", 1000)
		for n := range FoldEvery {
			reads = 0
			if s, err := reader.Load(t.Context()); err != nil || s.Number != w.s.Number {
				t.Fatal(err)
			}
			if reads > 3 || n == 0 && reads != 1 {
				t.Errorf("%d entries, a batch, %d entries: %d files are read", before, n, reads)
			}
			if before%2 == 0 {
				w.commits(1)
			} else {
				w.appendBatch("main", "small", 1+n%4)
			}
		}
		size := 0
		for _, key := range w.s.Files() {
			if i, err := b.Stat(t.Context(), key); err == nil && key != entryKey(w.s.watermark+1) && strings.HasPrefix(key, prefix+"e") {
				size = max(size, int(i.Size))
			}
		}
		t.Logf("%d entries, a batch, %d entries: the largest file after the batch has %d bytes", before, FoldEvery, size)
		if w.fold(); len(w.s.tail) != 0 {
			t.Error("folding")
		}
		w.verify()
	}
}

// A batch that is killed at any operation is there whole or not at all, and folding
// goes on.
func TestBatchKilledAnywhere(t *testing.T) {
	for k := 0; ; k++ {
		b := backend.NewMem()
		w := newStore(t, b)
		w.commits(20)
		n, armed := 0, false
		hook := &backend.Hook{Backend: b, Before: backend.OneByOne(func(op, key string) error {
			if n++; armed && n > k {
				return errors.New("killed")
			}
			return nil
		})}
		x := w.another(hook, 7)
		n, armed = 0, true
		s, err := x.j.AppendBatch(t.Context(), x.batch("main", "batch", 200))
		if err == nil {
			_, err = x.j.Fold(t.Context(), s, pack.NewSet(hook, s.Packs, s.Segments, s.Dead))
		}
		w.verify()
		switch got := len(w.messages()); {
		case got != 20 && got != 220:
			t.Fatalf("killed at %d: %d versions", k, got)
		case k == 0 && got != 20:
			t.Fatal("the put was not stopped")
		case k > 0 && got != 220:
			t.Fatalf("killed at %d: the batch is gone", k)
		}
		w.appendBatch("main", "after", 5)
		w.fold()
		w.commits(1)
		w.fold()
		w.verify()
		if err == nil && n <= k {
			return
		}
	}
}

// Each file of a tail with batches is damaged, or gone, in turn: Load gives the right
// state or says so; Rebuild makes the same bytes again once later ones repeat it.
func TestDamagedBatch(t *testing.T) {
	ctx := t.Context()
	b := backend.NewMem()
	w := newStore(t, b)
	for i := range 12 {
		w.appendBatch("main", "m", 1+i*5%7)
		w.commits(2)
	}
	copies := w.copies()
	want := w.s
	around, rebuilt := 0, 0
	keys := want.Files()
	for i, key := range keys {
		data, err := backend.ReadAll(ctx, b, key, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Delete(ctx, key); err != nil {
			t.Fatal(err)
		}
		if i < len(keys)-1 {
			if _, err := w.j.Load(ctx); !errors.Is(err, ErrMissing) {
				t.Errorf("%s gone: %v", key, err)
			}
		}
		bad := slices.Clone(data)
		for i := range 30 {
			bad[len(bad)/3+i] ^= 0x55
		}
		if err := b.Put(ctx, key, bad); err != nil {
			t.Fatal(err)
		}
		s, err := w.j.Load(ctx)
		switch {
		case err == nil && !reflect.DeepEqual(s.comparable(), want.comparable()):
			t.Errorf("%s damaged: another state", key)
		case err == nil:
			around++
			found := 0
			if _, err := w.j.Verify(ctx, s, func(f Finding) {
				if f.Key == key {
					found++
				}
			}); err != nil || found == 0 || found > 3 {
				t.Errorf("%s damaged: Verify finds %d (%v)", key, found, err)
			}
			if _, err := w.j.Fold(ctx, s, w.set()); !errors.Is(err, ErrCorrupt) {
				t.Errorf("%s damaged: folding gives %v", key, err)
			}
		case !errors.Is(err, ErrCorrupt):
			t.Errorf("%s damaged: %v", key, err)
		}
		done, err := w.j.Rebuild(ctx, copies)
		if err != nil {
			t.Fatal(err)
		}
		if len(done) > 0 {
			rebuilt++
			if got, err := backend.ReadAll(ctx, b, key, 1<<20); err != nil || !slices.Equal(got, data) {
				t.Errorf("%s: rebuilt to other bytes (%v)", key, err)
			}
		}
		replace(t, b, key, data)
		w.verify()
	}
	t.Logf("of %d files %d can be read around and %d rebuilt", len(keys), around, rebuilt)
	if around < len(keys)-3 || rebuilt < len(keys)-5 {
		t.Errorf("of %d files %d can be read around and %d rebuilt", len(keys), around, rebuilt)
	}
}

// An entry that says it is a batch of a state in the middle of another is refused.
func TestFileInsideBatch(t *testing.T) {
	b := backend.NewMem()
	w := newStore(t, b)
	w.appendBatch("main", "m", 20)
	data, err := backend.ReadAll(t.Context(), b, entryKey(1), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Put(t.Context(), entryKey(9), data); err != nil {
		t.Fatal(err)
	}
	if _, err := w.j.Load(t.Context()); !errors.Is(err, ErrCorrupt) {
		t.Errorf("%v, want ErrCorrupt", err)
	}
}

// Times of a batch may be its versions' own.
func TestBatchTimes(t *testing.T) {
	w := newStore(t, backend.NewMem())
	s, err := w.j.AppendAll(t.Context(), w.s, []Draft{
		{Time: epoch.Add(time.Hour), Ops: []Op{{Kind: OpSetConfig, Key: "a"}}},
		{Time: epoch.Add(-time.Hour), Ops: []Op{{Kind: OpSetConfig, Key: "b"}}},
	})
	if err != nil || !s.Time.Equal(epoch.Add(-time.Hour)) {
		t.Errorf("%v, %v", s, err)
	}
	w.verify()
}
