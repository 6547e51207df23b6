package store

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/objects/pack"
)

// flipRecords damages the records of one kind in the n-th pack.
func flipRecords(t *testing.T, m *vfs.Mem, n int, kind pack.Kind) {
	t.Helper()
	s, err := openOn(m, testClock())
	if err != nil {
		t.Fatal(err)
	}
	st, err := s.j.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	x, err := pack.OpenIndex(t.Context(), s.b, st.Packs[n])
	if err != nil {
		t.Fatal(err)
	}
	name := DirName + "/" + x.Name.Key()
	b := read(t, m, name)
	count := 0
	for r, err := range x.Rows() {
		if err != nil {
			t.Fatal(err)
		}
		if r.Kind == kind {
			const header = 52
			b[int(r.Off)+header+int(r.Stored)/2] ^= 1
			count++
		}
	}
	if err := m.Rewrite(name, b); err != nil || count == 0 {
		t.Fatalf("%d records of kind %s, %v", count, kind, err)
	}
}

// TestCheckoutKeepsWhatTheStoreCannotGiveBack: a file whose copy in the store
// is damaged is not overwritten before it is saved again.
func TestCheckoutKeepsWhatTheStoreCannotGiveBack(t *testing.T) {
	for _, kind := range []pack.Kind{pack.KindPiece, pack.KindRecipe} {
		t.Run(kind.String(), func(t *testing.T) {
			one, two := "old", noise(3, 2<<20) // a recipe and several pieces
			m, _ := newBase(t, files{"m.json": one}, files{"m.json": two})
			flipRecords(t, m, 1, kind)
			s, err := openOn(m, testClock())
			if err != nil {
				t.Fatal(err)
			}
			res, err := s.Checkout(t.Context(), CheckoutOptions{Rev: "v1", Paths: []string{"m.json"}})
			if err != nil {
				t.Fatal(err)
			}
			if got := read(t, m, "m.json"); string(got) != one {
				t.Fatalf("checkout wrote %d bytes", len(got))
			}
			if res.Safety == nil {
				t.Fatal("the only readable copy was overwritten")
			}
			if got := cat(t, s, res.SafetyName, "m.json"); string(got) != two {
				t.Fatal("the safety version holds something else")
			}
		})
	}
}

// TestCommitDoesNotRelyOnDamagedTree: a version whose tree is one that the
// store has already, but damaged, gets a tree that can be read.
func TestCommitDoesNotRelyOnDamagedTree(t *testing.T) {
	m, _ := newBase(t, files{"m.json": "one"}, files{"m.json": "two"})
	flipRecords(t, m, 0, pack.KindTree)
	s, err := openOn(m, testClock())
	if err != nil {
		t.Fatal(err)
	}
	write(t, m, "m.json", []byte("one"))
	save(t, s, CommitOptions{Paths: []string{"m.json"}})
	for _, rev := range []string{"v3", "v1"} {
		if s, err = openOn(m, testClock()); err != nil {
			t.Fatal(err)
		}
		if got := cat(t, s, rev, "m.json"); string(got) != "one" {
			t.Fatalf("%s holds %q", rev, got)
		}
	}
}

// TestCheckoutSeesLateChanges: what somebody writes after checkout has looked
// is not overwritten.
func TestCheckoutSeesLateChanges(t *testing.T) {
	one, two := files{"a": "1", "b": "1", "c": "1"}, files{"a": "2", "b": "2", "d": "2"}
	for _, late := range []string{"a", "b", "c", "d"} {
		t.Run(late, func(t *testing.T) {
			m, _ := newBase(t, one, two)
			f := vfs.NewFault(m)
			var once sync.Once
			f.OnOp(func(op vfs.Op) error {
				if op.Kind == vfs.OpSync && strings.Contains(op.Name, TempPrefix) {
					once.Do(func() { write(t, m, late, []byte("late")) })
				}
				return nil
			})
			s, err := openOn(f, testClock())
			if err != nil {
				t.Fatal(err)
			}
			_, err = s.Checkout(context.Background(), CheckoutOptions{Rev: "v1"})
			if got := read(t, m, late); !bytes.Equal(got, []byte("late")) {
				t.Fatalf("a file written meanwhile was overwritten: %q, %v", got, err)
			}
			if !errors.Is(err, ErrConflict) {
				t.Fatalf("want a conflict, got %v", err)
			}
			res, err := s.Checkout(context.Background(), CheckoutOptions{Rev: "v1"})
			if err != nil || res.Safety == nil {
				t.Fatalf("repeated: %+v, %v", res, err)
			}
			if got := cat(t, s, res.SafetyName, late); string(got) != "late" {
				t.Fatalf("the safety version holds %q", got)
			}
		})
	}
}
