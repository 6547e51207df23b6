package journal

import (
	"context"
	"fmt"
	"testing"

	"github.com/mstore/mstore/internal/backend"
)

// maxReads is what the design allows for finding a version in a history of
// 100,000, from a cold start: gets, listings and stats together.
const maxReads = 10

// TestReads counts the reads that lookups take in a long history, at lengths
// that differ in how full the levels of the archive and the tail are.
func TestReads(t *testing.T) {
	total := uint64(100_000)
	more := uint64(2200) // through all fillings of the lowest level
	if testing.Short() {
		total, more = 5_000, 300
	}
	b := backend.NewMem()
	w := newStore(t, b)
	worst := map[string]int{}
	for w.s.Number < total+more {
		switch n := w.s.Number; {
		case n%1000 == 999:
			w.append(Op{Kind: OpSetName, NameKind: Alias, Name: "best", Target: w.s.Names["main"].To})
		case n == total*3/5:
			w.append(Op{Kind: OpSetName, NameKind: Alias, Name: "rare", Target: w.s.Names["main"].To})
		default:
			w.commit("main")
		}
		if n := w.s.Number; n == total || n > total && (n%FoldEvery == FoldEvery-1 || n%FoldEvery == 0 && n%(FoldEvery*5) == 0) {
			w.lookups(worst)
		}
		if w.s.FoldDue() {
			w.fold()
		}
	}
	for what, n := range worst {
		t.Logf("%s: %d reads at the most", what, n)
		if n > maxReads {
			t.Errorf("%s takes %d reads, want %d at the most", what, n, maxReads)
		}
	}
	w.verify()
}

func (w *writer) lookups(worst map[string]int) {
	w.t.Helper()
	ctx := w.t.Context()
	head := w.s.Names["main"].To
	middle, err := w.j.History(w.s).FindSeq(ctx, head, head.Seq/2)
	if err != nil {
		w.t.Fatal(err)
	}
	seq := func(n uint64) func(context.Context, *History) (Target, error) {
		return func(ctx context.Context, h *History) (Target, error) {
			return h.FindSeq(ctx, h.s.Names["main"].To, n)
		}
	}
	count := func(name string, n uint64) func(context.Context, *History) (Target, error) {
		return func(ctx context.Context, h *History) (Target, error) {
			m, err := h.MoveCount(ctx, name, n)
			return m.To, err
		}
	}
	for _, q := range []struct {
		what string
		find func(context.Context, *History) (Target, error)
	}{
		{"HEAD", func(_ context.Context, h *History) (Target, error) { return h.s.Names["main"].To, nil }},
		{"v12", seq(12)},
		{"HEAD~500", seq(head.Seq - 500)},
		{"v in the middle", seq(head.Seq / 2)},
		{"main@{3}", count("main", 3)},
		{"main@{3000}", count("main", 3000)},
		{"best@{3}", count("best", 3)},
		{"rare@{0}", count("rare", 0)},
		{"best@{TIME}", func(ctx context.Context, h *History) (Target, error) {
			m, err := h.MoveAt(ctx, "best", epoch.AddDate(0, 0, 2))
			return m.To, err
		}},
		{"ID prefix", func(ctx context.Context, h *History) (Target, error) {
			ts, err := h.FindID(ctx, middle.ID.String()[:10], 6)
			if err == nil && (len(ts) != 1 || ts[0] != middle) {
				err = fmt.Errorf("found %v", ts)
			}
			return middle, err
		}},
		{"ID", func(ctx context.Context, h *History) (Target, error) {
			ts, err := h.FindID(ctx, head.ID.String(), 6)
			if err == nil && (len(ts) != 1 || ts[0] != head) {
				err = fmt.Errorf("found %v", ts)
			}
			return head, err
		}},
	} {
		c := backend.NewCounter(w.b)
		j := New(c, Options{})
		s, err := j.Load(ctx)
		if err != nil {
			w.t.Fatal(err)
		}
		to, err := q.find(ctx, j.History(s))
		if err != nil || to.Entry == 0 {
			w.t.Fatalf("%s after %d entries: %+v, %v", q.what, s.Number, to, err)
		}
		n := c.Counts()
		worst[q.what] = max(worst[q.what], int(n.Gets+n.Lists+n.Stats))
	}
}
