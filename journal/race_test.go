package journal

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mstore/mstore/internal/backend"
)

// Sixteen writers append at once, some of them batches, while others fold and load:
// every entry is there once, in one chain, batches without anything between, and no
// Load fails.
func TestRace(t *testing.T) {
	const writers = 16
	each := 30
	if testing.Short() {
		each = 8
	}
	b := backend.NewMem()
	w := newStore(t, b)
	ctx, stop := context.WithCancel(t.Context())
	var appending, background sync.WaitGroup
	for i := range writers {
		x := w.another(b, uint64(i+10))
		appending.Go(func() {
			for k := 0; k < each; k += batchOf(i, k) {
				if err := x.persistBatch(ctx, fmt.Sprintf("b%d", i%3), i, k, min(batchOf(i, k), each-k)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for i := range 2 {
		x := w.another(b, uint64(i+100))
		background.Go(func() {
			for ctx.Err() == nil {
				s, err := x.j.Load(context.Background())
				if err != nil {
					t.Error("loading:", err)
					return
				}
				if s.Number-s.watermark < 5 {
					continue
				}
				x.s = s
				if _, err := x.j.Fold(context.Background(), s, x.set()); err != nil && !errors.Is(err, ErrLost) && !errors.Is(err, backend.ErrNotFound) {
					t.Error("folding:", err)
					return
				}
			}
		})
	}
	appending.Wait()
	stop()
	background.Wait()
	w.verify()
	seen := map[string]bool{}
	inside := 0 // entries that are still to come of a batch
	last := ""
	for _, m := range w.messages() {
		if seen[m] {
			t.Errorf("%s is there twice", m)
		}
		seen[m] = true
		var i, k, of int
		if _, err := fmt.Sscanf(m, "%d/%d of %d", &i, &k, &of); err != nil {
			t.Fatal(err)
		}
		if inside > 0 && last != fmt.Sprintf("%d/%d", i, k-1) {
			t.Errorf("%s after %s, of which %d are to come", m, last, inside)
		}
		if inside == 0 {
			inside = of
		}
		inside--
		last = fmt.Sprintf("%d/%d", i, k)
	}
	if len(seen) != writers*each || w.s.Versions != uint64(writers*each) {
		t.Errorf("%d versions, the state says %d, want %d", len(seen), w.s.Versions, writers*each)
	}
	total := uint64(0)
	for _, n := range w.s.SortedNames(Branch) {
		total += n.To.Seq
	}
	if total != uint64(writers*each) {
		t.Errorf("branches hold %d versions", total)
	}
}

// batchOf is how many entries writer i writes at once.
func batchOf(i, k int) int {
	if i%2 == 0 {
		return 1
	}
	return 1 + (i+k)%9
}

// persistBatch appends until it wins, as the exchange does.
func (w *writer) persistBatch(ctx context.Context, branch string, i, k, n int) error {
	for {
		s, err := w.j.Load(ctx)
		if err != nil {
			return err
		}
		b := NewBatch(s)
		for x := range n {
			tx, err := w.j.NewTx()
			if err != nil {
				return err
			}
			if err := b.Add(Draft{Ops: commitOps(b.State(), branch, fmt.Sprintf("%d/%d of %d", i, k+x, n)), Time: epoch, Tx: tx}); err != nil {
				return err
			}
		}
		if _, err = w.j.AppendBatch(ctx, b); !errors.Is(err, ErrLost) {
			return err
		}
	}
}

// comparable drops what may differ between two ways to the same state.
func (s *State) comparable() State {
	c := *s
	c.generation, c.base, c.watermark, c.archive, c.tail = 0, 0, 0, nil, nil
	c.Packs, c.Segments, c.newest = nil, nil, nil
	return c
}

// Load gives the state that a replay of all entries gives, after any number of
// entries, with or without folds, and reads few of them.
func TestLoadEveryLength(t *testing.T) {
	for _, folding := range []bool{false, true} {
		t.Run(fmt.Sprint("folding ", folding), func(t *testing.T) {
			b := backend.NewMem()
			entries := 0
			hook := &backend.Hook{Backend: b, Before: func(op, key string) error {
				if op == backend.OpGet && strings.HasPrefix(key, prefix+"e") {
					entries++
				}
				return nil
			}}
			w := newStore(t, b)
			reader := New(hook, Options{})
			for n := uint64(1); n <= 700; n++ {
				entries = 0
				got, err := reader.Load(t.Context())
				if err != nil {
					t.Fatalf("after %d entries: %v", n, err)
				}
				if !reflect.DeepEqual(got.comparable(), w.s.comparable()) {
					t.Fatalf("after %d entries:\n%+v, want\n%+v", n, got.comparable(), w.s.comparable())
				}
				if !reflect.DeepEqual(tailBytes(got), tailBytes(w.s)) {
					t.Fatalf("after %d entries the tail differs", n)
				}
				most := hexDigits(n)
				if folding {
					most = 2
				}
				if entries > most {
					t.Errorf("%d entries read of %d, want %d at the most", entries, n, most)
				}
				if folding && w.s.FoldDue() {
					w.fold()
				}
				switch n % 5 {
				case 0:
					w.append(Op{Kind: OpSetConfig, Key: fmt.Sprint("k", n%20), Value: fmt.Sprint(n)})
				case 1:
					w.append(Op{Kind: OpSetName, NameKind: Alias, Name: fmt.Sprint("a", n%7), Target: w.s.Names["main"].To},
						Op{Kind: OpDeleteName, NameKind: Alias, Name: fmt.Sprint("a", n%3)})
				default:
					w.commit("main")
				}
			}
			// A full replay, from the entries alone.
			replay := newState()
			replay.Dead = w.s.Dead
			for e, err := range w.j.History(w.s).Entries(t.Context(), 0) {
				if err != nil {
					t.Fatal(err)
				}
				d := e.digest()
				d.Ops = withoutRecords(append([]Op(nil), d.Ops...))
				replay.apply(d)
			}
			replay.Hash = w.s.Hash
			for name, n := range replay.Names { // the digest does not keep these
				want := w.s.Names[name]
				if n != want {
					t.Errorf("%s: %+v, want %+v", name, n, want)
				}
			}
			if !reflect.DeepEqual(replay.comparable(), w.s.comparable()) {
				t.Errorf("a full replay gives\n%+v, want\n%+v", replay.comparable(), w.s.comparable())
			}
		})
	}
}

// tailBytes are the digests of the tail as they are written.
func tailBytes(s *State) (out [][]byte) {
	for _, d := range s.tail {
		out = append(out, append(digestBytes(d), flag(d.Batched)))
	}
	return out
}

func hexDigits(n uint64) (count int) {
	for ; n > 0; n >>= 4 {
		if n&15 != 0 {
			count++
		}
	}
	return count
}

// The base of a number has one hex digit less.
func TestBase(t *testing.T) {
	for n := uint64(1); n < 5000; n++ {
		b := base(n)
		if b >= n || hexDigits(b) != hexDigits(n)-1 || bits.TrailingZeros64(n-b)/4 != bits.TrailingZeros64(n)/4 {
			t.Fatalf("base(%o) = %o", n, b)
		}
	}
}

// Loads never fail while others append and fold without a pause, and see
// states that only grow.
func TestLoadWhileFolding(t *testing.T) {
	b := backend.NewMem()
	w := newStore(t, b)
	ctx, stop := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer stop()
	var readers sync.WaitGroup
	for range 3 {
		j := New(b, Options{})
		readers.Go(func() {
			last := uint64(0)
			for ctx.Err() == nil {
				s, err := j.Load(context.Background())
				if err != nil {
					t.Error(err)
					return
				}
				if s.Number < last {
					t.Errorf("entry %d after %d", s.Number, last)
					return
				}
				last = s.Number
			}
		})
	}
	for ctx.Err() == nil {
		w.commits(2)
		w.fold()
	}
	readers.Wait()
}

func TestNoStore(t *testing.T) {
	b := backend.NewMem()
	if _, err := New(b, Options{}).Load(t.Context()); !errors.Is(err, ErrNotStore) {
		t.Errorf("%v, want ErrNotStore", err)
	}
	w := newStore(t, b)
	if _, err := w.j.Init(t.Context()); !errors.Is(err, ErrLost) {
		t.Errorf("a second Init: %v, want ErrLost", err)
	}
}
