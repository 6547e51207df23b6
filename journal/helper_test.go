package journal

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/objects/pack"
)

// source is a stream of random bytes that a seed determines.
type source struct{ r *rand.Rand }

func (s source) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(s.r.Uint32())
	}
	return len(p), nil
}

var epoch = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// ticking is a clock that advances by a minute at each look.
func ticking() func() time.Time {
	t := epoch
	return func() time.Time { t = t.Add(time.Minute); return t }
}

// writer is one writer of a store: a journal with the state it believes in.
type writer struct {
	t testing.TB
	b backend.Backend
	j *Journal
	s *State
}

// newStore makes a store in b.
func newStore(t testing.TB, b backend.Backend) *writer {
	t.Helper()
	w := &writer{t: t, b: b, j: New(b, Options{Clock: ticking(), Rand: source{rand.New(rand.NewPCG(1, 2))}})}
	var err error
	if w.s, err = w.j.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	return w
}

// another is a second writer of the same store, which sees it through b.
func (w *writer) another(b backend.Backend, seed uint64) *writer {
	w.t.Helper()
	x := &writer{t: w.t, b: b, j: New(b, Options{Clock: ticking(), Rand: source{rand.New(rand.NewPCG(seed, 99))}})}
	x.load()
	return x
}

func (w *writer) load() *State {
	w.t.Helper()
	s, err := w.j.Load(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	w.s = s
	return s
}

// commitOps are the operations that commit to a branch in state s.
func commitOps(s *State, branch, message string, merged ...Target) []Op {
	v := objects.Version{Seq: 1, Generation: 1, Time: epoch, Message: message}
	op := Op{Kind: OpCommit, NameKind: Branch, Name: branch}
	if n, ok := s.Names[branch]; ok {
		v.Parents = []objects.VersionID{n.To.ID}
		v.Seq, v.Generation = n.To.Seq+1, n.To.Seq+1
		op.Parent = n.To
		if !n.Forked {
			op.Target.Line = n.To.Line
		}
	}
	for _, m := range merged {
		v.Parents = append(v.Parents, m.ID)
	}
	op.Merged = merged
	op.Target.Seq = v.Seq
	op.Record, op.Target.ID = v.Encode()
	return []Op{op}
}

func (w *writer) append(ops ...Op) {
	w.t.Helper()
	s, err := w.j.Append(w.t.Context(), w.s, ops, time.Time{})
	if err != nil {
		w.t.Fatal(err)
	}
	w.s = s
}

// commit makes one version on a branch and returns it.
func (w *writer) commit(branch string, merged ...Target) Target {
	w.t.Helper()
	w.append(commitOps(w.s, branch, fmt.Sprintf("entry %d", w.s.Number+1), merged...)...)
	return w.s.Names[branch].To
}

func (w *writer) commits(n int) {
	w.t.Helper()
	for range n {
		w.commit("main")
	}
}

func (w *writer) set() *pack.Set { return pack.NewSet(w.b, w.s.Packs, w.s.Segments, w.s.Dead) }

func (w *writer) fold() {
	w.t.Helper()
	s, err := w.j.Fold(w.t.Context(), w.s, w.set())
	if err != nil {
		w.t.Fatal(err)
	}
	w.s = s
}

// verify demands that nothing is wrong with the journal.
func (w *writer) verify() {
	w.t.Helper()
	w.load()
	if _, err := w.j.Verify(w.t.Context(), w.s, func(f Finding) { w.t.Errorf("%s: %v", f.Key, f.Err) }); err != nil {
		w.t.Fatal(err)
	}
}

// messages lists the messages of all versions in the order of their entries.
func (w *writer) messages() (out []string) {
	w.t.Helper()
	for e, err := range w.j.History(w.s).Entries(w.t.Context(), 0) {
		if err != nil {
			w.t.Fatal(err)
		}
		v, _, err := e.Version()
		if err != nil {
			w.t.Fatal(err)
		}
		if v != nil {
			out = append(out, v.Message)
		}
	}
	return out
}

// damage changes one bit of a key, in the middle of it.
func damage(t testing.TB, b backend.Backend, key string) {
	t.Helper()
	ctx := t.Context()
	data, err := backend.ReadAll(ctx, b, key, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	replace(t, b, key, func() []byte { data[len(data)/2] ^= 4; return data }())
}

func replace(t testing.TB, b backend.Backend, key string, data []byte) {
	t.Helper()
	if err := b.Delete(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	if err := b.Put(t.Context(), key, data); err != nil {
		t.Fatal(err)
	}
}

// encodeEntry is the file of one entry.
func encodeEntry(core []byte, digests []Digest) []byte {
	f := file{cores: [][]byte{core}, digests: digests}
	return f.encode()
}
