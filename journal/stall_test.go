package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/objects/pack"
)

// stall makes what happens between the decision of a writer to create its
// entry and the creation itself.
func stall(b backend.Backend, meanwhile func()) *backend.Hook {
	var once sync.Once
	return &backend.Hook{Backend: b, Before: func(op, key string) error {
		if op == backend.OpPut && strings.HasPrefix(key, prefix+"e") {
			once.Do(meanwhile)
		}
		return nil
	}}
}

// A writer that stalls before it creates its entry, while others do what can
// make its number free again, loses; nobody sees what it wrote.
func TestStalledWriterLoses(t *testing.T) {
	for _, c := range []struct {
		name      string
		meanwhile func(w *writer)
		gone      bool // the number is free again
	}{
		{"another entry", func(w *writer) { w.commits(1) }, false},
		{"a batch", func(w *writer) { w.appendBatch("main", "batch", 7) }, false},
		{"a batch and two folds", func(w *writer) {
			w.appendBatch("main", "batch", 7)
			w.fold()
			w.appendBatch("main", "batch", 7)
			w.fold()
			w.commits(1)
		}, true},
		{"a fold", func(w *writer) { w.commits(5); w.fold() }, false},
		{"a fold and entries", func(w *writer) { w.commits(5); w.fold(); w.commits(9) }, false},
		{"two folds", func(w *writer) { w.commits(5); w.fold(); w.commits(1); w.fold() }, true},
		{"two folds and entries", func(w *writer) { w.commits(5); w.fold(); w.commits(1); w.fold(); w.commits(200) }, true},
		{"five folds", func(w *writer) {
			for range 5 {
				w.commits(130)
				w.fold()
			}
		}, true},
		{"a removal of packs", func(w *writer) {
			w.append(Op{Kind: OpRemovePacks, Packs: []pack.Info{{Name: pack.Name{1}, Size: 100}}})
		}, false},
		{"a removal of packs and two folds", func(w *writer) {
			w.append(Op{Kind: OpRemovePacks, Packs: []pack.Info{{Name: pack.Name{1}, Size: 100}}})
			w.fold()
			w.commits(1)
			w.fold()
		}, true},
	} {
		for _, how := range []struct {
			killed bool
			size   int // of the batch
		}{{false, 1}, {true, 1}, {false, 40}, {true, 40}, {false, 1000}} {
			t.Run(fmt.Sprintf("%s, %+v", c.name, how), func(t *testing.T) {
				killed := how.killed
				if killed && !c.gone {
					t.Skip("its put does not take effect")
				}
				b := backend.NewMem()
				others := newStore(t, b)
				others.append(Op{Kind: OpAddPacks, Packs: []pack.Info{{Name: pack.Name{1}, Size: 100}}})
				others.commits(3)
				var reader *History
				hook := stall(b, func() {
					others.commits(2)
					others.load()
					reader = others.j.History(others.s) // of before the folds
					c.meanwhile(others)
				})
				late := others.another(hook, 7)
				created := false
				hook.After = func(op, key string) error {
					if op == backend.OpPut {
						created = true
						if killed {
							return errors.New("killed")
						}
					}
					return nil
				}
				number := late.s.Number + 1
				_, err := late.j.AppendBatch(t.Context(), late.batch("main", "bogus", how.size))
				want := ErrLost
				if killed {
					want = backend.ErrUnknown // it did not live to hear of it
				}
				if created != c.gone || !errors.Is(err, want) {
					t.Fatalf("created %v, %v; want %v", created, err, want)
				}
				others.load()
				if slices.Contains(others.messages(), "bogus") {
					t.Error("the lost entry is in the history")
				}
				if e, err := reader.Entry(t.Context(), number); err != nil {
					t.Errorf("an old snapshot reads entry %d: %v", number, err)
				} else if v, _, err := e.Version(); err != nil || v.Message == "bogus" {
					t.Errorf("an old snapshot reads the lost entry (%v)", err)
				}
				others.verify()
				others.commits(130)
				others.fold()
				others.verify()
				if f, err := others.j.read(t.Context(), number); err == nil {
					if v, _, _ := f.entries[0].Version(); v != nil && v.Message == "bogus" {
						t.Error("the lost entry is still there")
					}
				}
			})
		}
	}
}

// A put whose answer says less than what happened is resolved by reading back
// who wrote the entry.
func TestLostAnswer(t *testing.T) {
	errCut := errors.New("connection cut")
	for _, c := range []struct {
		name string
		// answer is what the writer hears of a put that took effect.
		answer error
		// meanwhile happens between the put and the answer.
		meanwhile func(w *writer)
		want      error
	}{
		{"unknown: there, perhaps not for good", errCut, nil, backend.ErrUnknown},
		{"its own success", backend.ErrExists, nil, nil},
		{"its own success, folded", backend.ErrExists, func(w *writer) { w.load(); w.fold() }, nil},
		{"its own success, folded twice", backend.ErrExists, func(w *writer) { w.load(); w.fold(); w.commits(1); w.fold() }, nil},
		{"unknown, folded twice", errCut, func(w *writer) { w.load(); w.fold(); w.commits(1); w.fold() }, nil},
	} {
		for _, size := range []int{1, 30} {
			t.Run(fmt.Sprintf("%s, %d entries", c.name, size), func(t *testing.T) {
				b := backend.NewMem()
				others := newStore(t, b)
				others.commits(5)
				armed := true
				answers := &answering{Backend: b, put: func(key string, err error) error {
					if !armed || err != nil || !strings.HasPrefix(key, prefix+"e") {
						return err
					}
					armed = false
					if c.meanwhile != nil {
						c.meanwhile(others)
					}
					if c.answer == errCut {
						return fmt.Errorf("%w: %w", backend.ErrUnknown, errCut)
					}
					return c.answer
				}}
				w := others.another(answers, 7)
				s, err := w.j.AppendBatch(t.Context(), w.batch("main", "mine", size))
				if !errors.Is(err, c.want) {
					t.Fatalf("%v, want %v", err, c.want)
				}
				if err == nil && s.Names["main"].To.Seq != uint64(5+size) {
					t.Errorf("the state after it has v%d", s.Names["main"].To.Seq)
				}
				others.load()
				n := 0
				for _, m := range others.messages() {
					if m == "mine" {
						n++
					}
				}
				if n != size {
					t.Errorf("%d of %d entries are there", n, size)
				}
				others.verify()
			})
		}
	}
}

// A put that somebody else won, and one of which nothing is known.
func TestLostAnswerOfNoEffect(t *testing.T) {
	for i, other := range []bool{true, false, true, false} {
		b := backend.NewMem()
		others := newStore(t, b)
		hook := &backend.Hook{Backend: b, Before: func(op, key string) error {
			if op == backend.OpPut {
				if other {
					others.commits(1)
				}
				return fmt.Errorf("cut: %w", backend.ErrUnknown)
			}
			return nil
		}}
		w := others.another(hook, 7)
		_, err := w.j.AppendBatch(t.Context(), w.batch("main", "mine", 1+5*(i/2)))
		want := backend.ErrUnknown
		if other {
			want = ErrLost
		}
		if !errors.Is(err, want) || errors.Is(err, ErrLost) != other {
			t.Errorf("another's entry there %v: %v, want %v", other, err, want)
		}
	}
}

// A writer that cannot read back, or look at the watermark, does not know.
func TestUnreadableOutcome(t *testing.T) {
	for _, failing := range []string{backend.OpGet, backend.OpList} {
		b := backend.NewMem()
		others := newStore(t, b)
		put := false
		hook := &backend.Hook{Backend: b, Before: func(op, key string) error {
			if put && op == failing {
				return errors.New("no answer")
			}
			return nil
		}}
		answers := &answering{Backend: hook, put: func(key string, err error) error {
			put = true
			if failing == backend.OpGet {
				return backend.ErrExists
			}
			return err
		}}
		w := others.another(answers, 7)
		_, err := w.j.Append(t.Context(), w.s, commitOps(w.s, "main", "mine"), time.Time{})
		if !errors.Is(err, backend.ErrUnknown) || errors.Is(err, ErrLost) {
			t.Errorf("%s fails: %v, want ErrUnknown", failing, err)
		}
	}
}

// answering changes the answers to puts.
type answering struct {
	backend.Backend
	put func(key string, err error) error
}

func (a *answering) Put(ctx context.Context, key string, data []byte) error {
	return a.put(key, a.Backend.Put(ctx, key, data))
}

// A fold that stalls before its checkpoint, while others fold, changes nothing
// that matters; what it leaves the next fold removes.
func TestStalledFold(t *testing.T) {
	for folds := range 5 {
		b := backend.NewMem()
		others := newStore(t, b)
		others.commits(10)
		others.fold()
		others.commits(10)
		hook := &backend.Hook{Backend: b}
		var once sync.Once
		hook.Before = func(op, key string) error {
			if op == backend.OpPut && strings.HasPrefix(key, prefix+"c") {
				once.Do(func() {
					for range folds {
						others.commits(3)
						others.fold()
					}
				})
			}
			return nil
		}
		late := others.another(hook, 7)
		_, err := late.j.Fold(t.Context(), late.s, late.set())
		if err != nil && (folds == 0 || !errors.Is(err, ErrLost)) {
			t.Errorf("after %d folds: %v", folds, err)
		}
		others.verify()
		others.commits(3)
		others.fold()
		others.verify()
		if got, want := len(others.messages()), int(others.s.Versions); got != want {
			t.Errorf("%d versions of %d", got, want)
		}
		l, err := others.j.list(t.Context())
		if err != nil || len(l.checkpoints) > 2 {
			t.Errorf("checkpoints %v, %v", l.checkpoints, err)
		}
	}
}

// A fold whose own success is answered with "exists" keeps its files.
func TestFoldAnsweredExists(t *testing.T) {
	b := backend.NewMem()
	w := newStore(t, b)
	w.commits(200)
	answers := &answering{Backend: b, put: func(key string, err error) error {
		if err == nil && strings.HasPrefix(key, prefix+"c") {
			return backend.ErrExists
		}
		return err
	}}
	x := w.another(answers, 7)
	if _, err := x.j.Fold(t.Context(), x.s, x.set()); err != nil {
		t.Errorf("a fold that succeeded: %v", err)
	}
	w.verify()
	if n := len(w.messages()); n != 200 {
		t.Errorf("%d versions of 200", n)
	}
}

// A fold that is killed at any operation leaves a store that is whole, and
// whose debris the next folds remove.
func TestFoldKilledAnywhere(t *testing.T) {
	for k := 0; ; k++ {
		b := backend.NewMem()
		w := newStore(t, b)
		for range 3 {
			w.commits(4)
			w.fold()
		}
		w.commits(4)
		n, armed := 0, false
		hook := &backend.Hook{Backend: b, Before: backend.OneByOne(func(op, key string) error {
			if n++; armed && n > k {
				return errors.New("killed")
			}
			return nil
		})}
		x := w.another(hook, 7)
		n, armed = 0, true
		_, err := x.j.Fold(t.Context(), x.s, x.set())
		w.verify()
		if got := len(w.messages()); got != 16 {
			t.Fatalf("killed at %d: %d versions of 16", k, got)
		}
		for range 2 {
			w.commits(4)
			w.fold()
		}
		w.verify()
		if l, err := w.j.list(t.Context()); err != nil || len(l.checkpoints) != 2 {
			t.Fatalf("killed at %d: checkpoints %v, %v", k, l.checkpoints, err)
		}
		if err == nil && n <= k {
			return
		}
	}
}
