package journal

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/objects"
)

// model is a history as a plain list, the truth that lookups are compared
// with.
type model struct {
	versions []Target
	parent   map[uint64]Target // by entry
	moves    map[string][]Move // oldest first
}

// randomHistory makes n entries: commits on several branches, branches set to
// old versions, tags, aliases moved and deleted, several at once; and folds.
func randomHistory(t *testing.T, r *rand.Rand, n int) (*writer, *model) {
	w := newStore(t, backend.NewMem())
	m := &model{parent: map[uint64]Target{}, moves: map[string][]Move{}}
	any := func() Target { return m.versions[r.IntN(len(m.versions))] }
	move := func(e *State, name string, kind NameKind, to Target, reason string) {
		m.moves[name] = append(m.moves[name], Move{Entry: e.Number, Time: e.Time, To: to, Kind: kind, Reason: reason})
	}
	for int(w.s.Number) < n {
		before := w.s
		branch := fmt.Sprint("branch", min(r.IntN(5), r.IntN(5)))
		switch {
		case len(m.versions) == 0 || r.IntN(10) < 7:
			ops := commitOps(w.s, branch, fmt.Sprint(w.s.Number))
			w.append(ops...)
			to := w.s.Names[branch].To
			m.versions = append(m.versions, to)
			m.parent[to.Entry] = before.Names[branch].To
			move(w.s, branch, Branch, to, "commit")
		case r.IntN(3) == 0: // a branch is set to a version, old or new, or goes
			if _, ok := w.s.Names[branch]; ok && r.IntN(3) == 0 {
				w.append(Op{Kind: OpDeleteName, NameKind: Branch, Name: branch, Target: w.s.Names[branch].To, Reason: "gone"})
				move(w.s, branch, Branch, Target{}, "gone")
				break
			}
			to := any()
			w.append(Op{Kind: OpSetName, NameKind: Branch, Name: branch, Target: to, Reason: "set"})
			move(w.s, branch, Branch, to, "set")
		default: // two aliases at once
			a, b, to := fmt.Sprint("alias", r.IntN(3)), "best", any()
			w.append(Op{Kind: OpSetName, NameKind: Alias, Name: a, Target: to, Reason: "x"},
				Op{Kind: OpSetName, NameKind: Alias, Name: b, Target: to, Reason: "y"})
			move(w.s, a, Alias, to, "x")
			move(w.s, b, Alias, to, "y")
		}
		if r.IntN(150) == 0 {
			w.fold()
		}
	}
	w.load()
	return w, m
}

// TestHistory compares every lookup with the model on random histories. The
// seed is printed; MSTORE_SEED repeats one.
func TestHistory(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("MSTORE_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("MSTORE_SEED=%d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	rounds := 4
	if testing.Short() {
		rounds = 1
	}
	for range rounds {
		w, m := randomHistory(t, r, 500+r.IntN(2500))
		h := w.j.History(w.s)
		checkVersions(t, r, h, m)
		checkIDs(t, r, h, m)
		checkMoves(t, r, h, m)
		w.verify()
		if t.Failed() {
			return
		}
	}
}

func checkVersions(t *testing.T, r *rand.Rand, h *History, m *model) {
	ctx := t.Context()
	for range 200 {
		at := m.versions[r.IntN(len(m.versions))]
		got, err := h.Parents(ctx, at)
		if want := m.parent[at.Entry]; err != nil || len(got) != min(int(want.Entry), 1) || len(got) == 1 && got[0] != want {
			t.Fatalf("parents of %+v: %+v %v, want %+v", at, got, err, want)
		}
		seq := 1 + r.Uint64N(at.Seq)
		want := at
		for want.Seq > seq {
			want = m.parent[want.Entry]
		}
		if got, err := h.FindSeq(ctx, at, seq); err != nil || got != want {
			t.Fatalf("v%d from %+v: %+v, %v, want %+v", seq, at, got, err, want)
		}
		for _, seq := range []uint64{0, at.Seq + 1, 1 << 63} {
			if _, err := h.FindSeq(ctx, at, seq); !errors.Is(err, ErrNotFound) {
				t.Fatalf("v%d from v%d: %v, want ErrNotFound", seq, at.Seq, err)
			}
		}
		e, err := h.Entry(ctx, at.Entry)
		if err != nil {
			t.Fatal(err)
		}
		if _, id, err := e.Version(); err != nil || id != at.ID {
			t.Fatalf("entry %d holds %s, %v", at.Entry, id, err)
		}
	}
}

func checkIDs(t *testing.T, r *rand.Rand, h *History, m *model) {
	ctx := t.Context()
	byEntry := func(a, b Target) int { return int(a.Entry) - int(b.Entry) }
	for range 100 {
		id := m.versions[r.IntN(len(m.versions))].ID.String()
		if r.IntN(10) == 0 {
			id = objects.VersionID{byte(r.Uint32()), byte(r.Uint32())}.String()
		}
		prefix := id[:r.IntN(len(id)+1)]
		if r.IntN(2) == 0 {
			prefix = id[:r.IntN(5)] // short ones are ambiguous
		}
		var want []Target
		for _, v := range m.versions {
			if strings.HasPrefix(v.ID.String(), prefix) {
				want = append(want, v)
			}
		}
		got, err := h.FindID(ctx, prefix, len(m.versions)+1)
		slices.SortFunc(got, byEntry)
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("ID %q: %d hits, %v, want %d", prefix, len(got), err, len(want))
		}
		if got, err := h.FindID(ctx, prefix, 3); err != nil || len(got) != min(3, len(want)) {
			t.Fatalf("ID %q, at most 3: %d, %v", prefix, len(got), err)
		}
	}
	for _, bad := range []string{"xyz1", strings.Repeat("0", 65), "12 4"} {
		if _, err := h.FindID(ctx, bad, 3); !errors.Is(err, objects.ErrBadID) {
			t.Errorf("ID %q: %v", bad, err)
		}
	}
}

func checkMoves(t *testing.T, r *rand.Rand, h *History, m *model) {
	ctx := t.Context()
	for name, moves := range m.moves {
		want := slices.Clone(moves)
		slices.Reverse(want)
		var got []Move
		for mv, err := range h.Moves(ctx, name) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, mv)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%s has %d moves, want %d", name, len(got), len(want))
		}
		for mv := range h.Moves(ctx, name) {
			if mv != want[0] {
				t.Fatal("another newest move")
			}
			break
		}
		for range 20 {
			n := r.Uint64N(uint64(len(want)) + 2)
			got, err := h.MoveCount(ctx, name, n)
			if n >= uint64(len(want)) {
				if !errors.Is(err, ErrNotFound) {
					t.Fatalf("%s@{%d} of %d: %v", name, n, len(want), err)
				}
			} else if err != nil || got != want[n] {
				t.Fatalf("%s@{%d}: %+v, %v, want %+v", name, n, got, err, want[n])
			}
			at := epoch.Add(time.Duration(r.Int64N(int64(h.s.Time.Sub(epoch)) + int64(time.Hour))))
			i := slices.IndexFunc(want, func(m Move) bool { return !m.Time.After(at) })
			got, err = h.MoveAt(ctx, name, at)
			if i < 0 {
				if !errors.Is(err, ErrNotFound) {
					t.Fatalf("%s@{%s}: %v", name, at, err)
				}
			} else if err != nil || got != want[i] {
				t.Fatalf("%s@{%s}: %+v, %v, want %+v", name, at, got, err, want[i])
			}
		}
	}
	if _, err := h.MoveCount(ctx, "never", 0); !errors.Is(err, ErrNotFound) {
		t.Errorf("a name that never was: %v", err)
	}
}

// A snapshot answers after others have folded its entries away, twice.
func TestOldSnapshot(t *testing.T) {
	w := newStore(t, backend.NewMem())
	w.commits(300)
	w.fold()
	w.commits(50)
	old := w.load()
	fresh := func() *History { return w.j.History(old) }
	for folds := range 4 {
		if err := readAll(t, fresh(), old); err != nil {
			t.Errorf("after %d folds: %v", folds, err)
		}
		w.load()
		w.commits(20)
		w.fold()
	}
}

func readAll(t *testing.T, h *History, s *State) error {
	ctx := t.Context()
	head := s.Names["main"].To
	for n := uint64(1); n <= s.Number; n += 7 {
		e, err := h.Entry(ctx, n)
		if err != nil || e.Number != n {
			return fmt.Errorf("entry %d: %w", n, err)
		}
	}
	for _, seq := range []uint64{1, 100, 301, head.Seq} {
		at, err := h.FindSeq(ctx, head, seq)
		if err != nil || at.Seq != seq {
			return fmt.Errorf("v%d: %+v, %w", seq, at, err)
		}
		found, err := h.FindID(ctx, at.ID.String()[:12], 2)
		if err != nil || len(found) != 1 || found[0] != at {
			return fmt.Errorf("ID of v%d: %v, %w", seq, found, err)
		}
		m, err := h.MoveCount(ctx, "main", head.Seq-seq)
		if err != nil || m.To != at {
			return fmt.Errorf("main@{%d}: %+v, %w", head.Seq-seq, m, err)
		}
		if m, err = h.MoveAt(ctx, "main", m.Time); err != nil || m.To != at {
			return fmt.Errorf("main@{%s}: %+v, %w", m.Time, m, err)
		}
	}
	n := uint64(0)
	for _, err := range h.Moves(ctx, "main") {
		if err != nil {
			return err
		}
		n++
	}
	if n != head.Seq {
		return fmt.Errorf("main has %d moves, want %d", n, head.Seq)
	}
	return nil
}
