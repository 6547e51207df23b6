package journal

import (
	"errors"
	"reflect"
	"testing"

	"github.com/mstore/mstore/internal/backend"
)

// A damaged newest checkpoint: the one before serves, and nothing is lost,
// then and after the next folds; also when the next newest is damaged too.
func TestDamagedCheckpoint(t *testing.T) {
	for folds := 1; folds <= 4; folds++ {
		b := backend.NewMem()
		w := newStore(t, b)
		for range folds {
			w.commits(20)
			w.fold()
		}
		w.commits(3)
		want := w.s
		damage(t, b, checkpointKey(uint64(folds)))
		got := w.load()
		if !reflect.DeepEqual(got.comparable(), want.comparable()) {
			t.Fatalf("after %d folds:\n%+v, want\n%+v", folds, got.comparable(), want.comparable())
		}
		found := 0
		if _, err := w.j.Verify(t.Context(), w.s, func(f Finding) { found++ }); err != nil || found != 1 {
			t.Errorf("after %d folds Verify finds %d, %v", folds, found, err)
		}
		w.commits(3)
		w.fold()
		damage(t, b, checkpointKey(w.s.generation)) // the two newest are damaged now
		if w.load(); w.s.Versions != uint64(20*folds+6) {
			t.Errorf("%d versions", w.s.Versions)
		}
		w.commits(3)
		w.fold()
		w.commits(3)
		w.fold()
		w.verify()
		if n := len(w.messages()); n != 20*folds+12 {
			t.Errorf("%d versions", n)
		}
	}
}

// Each entry of a tail is damaged in turn: Load gives the right state or, where
// no other entry repeats it, says ErrCorrupt; and never anything else.
func TestDamagedEntry(t *testing.T) {
	ctx := t.Context()
	b := backend.NewMem()
	w := newStore(t, b)
	w.commits(8*8 - 2)
	w.commits(5)
	want := w.s
	around := 0
	for n := uint64(1); n <= want.Number; n++ {
		data, err := backend.ReadAll(ctx, b, entryKey(n), 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		damage(t, b, entryKey(n))
		s, err := w.j.Load(ctx)
		switch {
		case err == nil && !reflect.DeepEqual(s.comparable(), want.comparable()):
			t.Errorf("entry %d damaged: another state", n)
		case err == nil:
			around++
			if _, err := w.j.History(s).Entry(ctx, n); !errors.Is(err, ErrCorrupt) {
				t.Errorf("entry %d damaged: reading it gives %v", n, err)
			}
			found := false
			if _, err := w.j.Verify(ctx, s, func(f Finding) { found = found || f.Key == entryKey(n) }); err != nil || !found {
				t.Errorf("entry %d damaged: Verify does not find it (%v)", n, err)
			}
			if _, err := w.j.Fold(ctx, s, w.set()); !errors.Is(err, ErrCorrupt) {
				t.Errorf("entry %d damaged: folding gives %v", n, err)
			}
		case !errors.Is(err, ErrCorrupt):
			t.Errorf("entry %d damaged: %v", n, err)
		}
		replace(t, b, entryKey(n), data)
	}
	if around < int(want.Number)-3 {
		t.Errorf("only %d of %d entries can be read around", around, want.Number)
	}
}

// A damaged entry that Load has to read, and that a later one repeats.
func TestReadAround(t *testing.T) {
	b := backend.NewMem()
	w := newStore(t, b)
	w.commits(0x11 - 1)
	want := map[uint64]bool{}
	// Entry 0x10 is read after 0x11; nothing repeats it before entry 0x20.
	damage(t, b, entryKey(0x10))
	if _, err := w.j.Load(t.Context()); !errors.Is(err, ErrCorrupt) {
		t.Errorf("%v, want ErrCorrupt", err)
	}
	w.commits(0x21 - 0x11)
	want[w.s.Number] = true
	s, err := w.j.Load(t.Context())
	if err != nil || !reflect.DeepEqual(s.comparable(), w.s.comparable()) {
		t.Errorf("after entry 0x20 repeats it: %v", err)
	}
}

// A missing entry is told apart from a damaged one.
func TestMissingEntry(t *testing.T) {
	b := backend.NewMem()
	w := newStore(t, b)
	w.commits(20)
	if err := b.Delete(t.Context(), entryKey(9)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.j.Load(t.Context()); !errors.Is(err, ErrMissing) {
		t.Errorf("%v, want ErrMissing", err)
	}
}

// A chain that does not fit is found.
func TestVerifyChain(t *testing.T) {
	b := backend.NewMem()
	w := newStore(t, b)
	w.commits(10)
	ctx := t.Context()
	f, err := w.j.read(ctx, 6)
	if err != nil {
		t.Fatal(err)
	}
	f.entries[0].Prev[0] ^= 1
	replace(t, b, entryKey(6), encodeEntry(f.entries[0].encodeCore(), f.digests))
	found := 0
	if _, err := w.j.Verify(ctx, w.s, func(f Finding) { found++ }); err != nil || found != 2 {
		t.Errorf("%d findings, %v; want 2: entry 6 does not follow 5, nor 7 it", found, err)
	}
	if _, err := w.j.Fold(ctx, w.s, w.set()); !errors.Is(err, ErrCorrupt) {
		t.Errorf("folding a broken chain: %v", err)
	}
}
