package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/mirror"
)

// mirrorIn brings a mirror in b up to date.
func mirrorIn(s *Store, b backend.Backend, o ReplicateOptions) (*Mirrored, error) {
	ctx := context.Background()
	sn, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	m := &Mirrored{Name: "mirror", URL: "/mirror"}
	err = s.replicateTo(ctx, m, &storage{Backend: b}, true, sn.st.Config, o)
	return m, err
}

func mustMirror(t testing.TB, s *Store, b backend.Backend) *Mirrored {
	t.Helper()
	m, err := mirrorIn(s, b, ReplicateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// filesIn reads all keys of a backend.
func filesIn(t testing.TB, b backend.Backend) map[string]string {
	t.Helper()
	out := map[string]string{}
	infos, err := b.List(t.Context(), "", "", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range infos {
		if strings.HasPrefix(i.Key, "work/") {
			continue
		}
		data, err := backend.ReadAll(t.Context(), b, i.Key, 1<<30)
		if err != nil {
			t.Fatal(err)
		}
		out[i.Key] = string(data)
	}
	return out
}

// wantSame demands that a mirror has the files of the store, byte for byte, and nothing
// else but its mark.
func wantSame(t testing.TB, s *Store, b backend.Backend) {
	t.Helper()
	want, got := filesIn(t, s.b), filesIn(t, b)
	if got[journal.MirrorKey] == "" {
		t.Error("the mirror has no mark")
	}
	delete(got, journal.MirrorKey)
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if g, ok := got[key]; !ok {
			t.Errorf("%s is not in the mirror", key)
		} else if g != want[key] {
			t.Errorf("%s differs", key)
		}
		delete(got, key)
	}
	for key := range got {
		t.Errorf("%s is in the mirror alone", key)
	}
	if t.Failed() {
		t.FailNow()
	}
}

// on opens a store in a backend, without models.
func on(b backend.Backend) *Store { return newStore(vfs.NewMem(), b, Options{Clock: laterClock()}) }

// consistent tells what is wrong with what is in a mirror, which may be nothing yet. It
// returns the number of the newest entry.
func consistent(b backend.Backend) (uint64, error) {
	s := on(b)
	st, err := s.j.Load(context.Background())
	if errors.Is(err, journal.ErrNotStore) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return st.Number, clean(s)
}

// past makes a history with everything that a mirror has to take along.
type past struct {
	t testing.TB
	s *Store
	m *vfs.Mem
	n int
}

func newPast(t testing.TB) *past {
	s, m := newMemStore(t)
	return &past{t: t, s: s, m: m}
}

// grow commits models of which some are differences to others.
func (p *past) grow(n int) {
	p.t.Helper()
	for range n {
		p.n++
		data := model(uint64(p.n/7), 3000)
		write(p.t, p.m, "m.json", append(data, fmt.Sprintf("\n{\"n\": %d}", p.n)...))
		write(p.t, p.m, fmt.Sprintf("x%d.bin", p.n%5), []byte(noise(byte(p.n), 500)))
		save(p.t, p.s, CommitOptions{Paths: []string{"."}})
	}
}

// entries adds entries that are not versions.
func (p *past) entries(n int) {
	p.t.Helper()
	for range n {
		p.n++
		if err := p.s.SetConfig(p.t.Context(), "user.name", fmt.Sprint("n", p.n), false); err != nil {
			p.t.Fatal(err)
		}
	}
}

// batch adds entries that are written at once.
func (p *past) batch(n int) {
	p.t.Helper()
	st, err := p.s.j.Load(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	var drafts []journal.Draft
	for range n {
		p.n++
		tx, err := p.s.j.NewTx()
		if err != nil {
			p.t.Fatal(err)
		}
		drafts = append(drafts, journal.Draft{Ops: []journal.Op{{Kind: journal.OpSetConfig, Key: "user.name", Value: fmt.Sprint("n", p.n)}}, Time: p.s.o.Clock(), Tx: tx})
	}
	if _, err := p.s.j.AppendAll(p.t.Context(), st, drafts); err != nil {
		p.t.Fatal(err)
	}
}

func (p *past) gc(keep string, now bool) {
	p.t.Helper()
	if err := keepLast(keep, now)(p.s); err != nil {
		p.t.Fatal(err)
	}
}

func (p *past) repack() {
	p.t.Helper()
	if _, err := p.s.Repack(p.t.Context(), RepackOptions{All: true}); err != nil {
		p.t.Fatal(err)
	}
}

func (p *past) fold() {
	p.t.Helper()
	if err := p.s.foldNow(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
}

// replicateCases are what happens before a mirror is made, and then before it is brought
// up to date.
var replicateCases = []struct {
	name         string
	before, then func(p *past)
}{
	{"new", nil, func(p *past) { p.grow(3) }},
	{"a few more", func(p *past) { p.grow(2) }, func(p *past) { p.grow(3) }},
	{"nothing new", func(p *past) { p.grow(2) }, func(p *past) {}},
	{"new, folded", nil, func(p *past) { p.grow(3); p.fold(); p.grow(2); p.fold(); p.grow(1) }},
	{"folded meanwhile", func(p *past) { p.grow(2); p.fold(); p.grow(2) }, func(p *past) { p.grow(1); p.fold(); p.grow(2) }},
	{"folded often", func(p *past) { p.grow(2); p.fold(); p.grow(1) }, func(p *past) {
		for range 4 {
			p.grow(1)
			p.fold()
		}
	}},
	{"repacked", func(p *past) { p.grow(4) }, func(p *past) { p.repack(); p.grow(1) }},
	{"came and went", func(p *past) { p.grow(2) }, func(p *past) { p.grow(3); p.repack(); p.grow(1) }},
	{"new, came and went", nil, func(p *past) { p.grow(3); p.fold(); p.grow(2); p.repack(); p.grow(1) }},
	{"let go", func(p *past) { p.grow(4) }, func(p *past) { p.gc("2", true) }},
	{"condemned", func(p *past) { p.grow(4) }, func(p *past) { p.grow(1); p.gc("2", false); p.grow(1) }},
	{"in batches", func(p *past) { p.grow(1); p.batch(5) }, func(p *past) { p.batch(3); p.grow(1); p.batch(4); p.fold(); p.batch(6) }},
	{"condemned and removed", func(p *past) { p.grow(4); p.gc("2", false) }, func(p *past) { p.grow(1); p.gc("1", true); p.fold() }},
}

func TestReplicate(t *testing.T) {
	for _, c := range replicateCases {
		t.Run(c.name, func(t *testing.T) {
			p, b := newPast(t), backend.NewMem()
			if c.before != nil {
				c.before(p)
				mustMirror(t, p.s, b)
				wantSame(t, p.s, b)
			}
			c.then(p)
			mustMirror(t, p.s, b)
			wantSame(t, p.s, b)
			if n, err := consistent(b); err != nil || n == 0 {
				t.Fatalf("entry %d, %v", n, err)
			}
			again := mustMirror(t, p.s, b)
			if again.Files != 0 || again.Deleted != 0 {
				t.Fatalf("a second time: %+v", again.Result)
			}
			if got := cat(t, on(b), "HEAD", "m.json"); !bytes.Equal(got, read(t, p.m, "m.json")) {
				t.Fatal("the mirror gives other bytes")
			}
		})
	}
}

// TestReplicateIsConsistentThroughout: after each step of a copy the mirror is as the
// store was at some time.
func TestReplicateIsConsistentThroughout(t *testing.T) {
	for _, c := range replicateCases {
		t.Run(c.name, func(t *testing.T) {
			p, b := newPast(t), backend.NewMem()
			if c.before != nil {
				c.before(p)
				mustMirror(t, p.s, b)
			}
			at, err := consistent(b)
			if err != nil {
				t.Fatal(err)
			}
			c.then(p)
			steps := 0
			hook := &backend.Hook{Backend: b, After: backend.OneByOne(func(op, key string) error {
				if op != backend.OpPut && op != backend.OpCommit && op != backend.OpDelete {
					return nil
				}
				steps++
				n, err := consistent(b)
				if err == nil && n < at {
					err = fmt.Errorf("entry %d after %d", n, at)
				}
				if err != nil {
					t.Fatalf("after %s of %s: %v", op, key, err)
				}
				at = n
				return nil
			})}
			mustMirror(t, p.s, hook)
			wantSame(t, p.s, b)
			t.Logf("%d steps", steps)
		})
	}
}

func TestReplicateRefuses(t *testing.T) {
	refused := func(t *testing.T, s *Store, b backend.Backend, want error, kind error) {
		t.Helper()
		before := filesIn(t, b)
		_, err := mirrorIn(s, b, ReplicateOptions{})
		if !errors.Is(err, want) || !errors.Is(err, kind) {
			t.Fatalf("%v, want %v", err, want)
		}
		if !maps.Equal(before, filesIn(t, b)) {
			t.Fatal("the target is not as it was")
		}
	}
	t.Run("another store", func(t *testing.T) {
		p, q := newPast(t), newPast(t)
		p.grow(1)
		q.grow(2)
		refused(t, p.s, q.s.b, mirror.ErrOther, ErrConflict)
	})
	t.Run("the mirror of another store", func(t *testing.T) {
		p, q, b := newPast(t), newPast(t), backend.NewMem()
		p.grow(1)
		q.grow(1)
		mustMirror(t, q.s, b)
		refused(t, p.s, b, mirror.ErrOther, ErrConflict)
	})
	t.Run("entries of its own", func(t *testing.T) {
		p, b := newPast(t), backend.NewMem()
		p.grow(2)
		mustMirror(t, p.s, b)
		m := on(b)
		if err := m.SetConfig(t.Context(), "user.name", "x", false); !errors.Is(err, ErrConflict) || !errors.Is(err, journal.ErrMirror) {
			t.Fatalf("writing to a mirror: %v", err)
		}
		if err := m.Promote(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := m.Promote(t.Context()); !errors.Is(err, ErrUsage) {
			t.Fatalf("twice: %v", err)
		}
		if err := m.SetConfig(t.Context(), "user.name", "x", false); err != nil {
			t.Fatal(err)
		}
		refused(t, p.s, b, mirror.ErrDiverged, ErrConflict)
		p.grow(3)
		refused(t, p.s, b, mirror.ErrDiverged, ErrConflict)
		p.fold()
		refused(t, p.s, b, mirror.ErrDiverged, ErrConflict)
	})
	t.Run("something that is no store", func(t *testing.T) {
		p, b := newPast(t), backend.NewMem()
		p.grow(1)
		if err := b.Put(t.Context(), "precious", []byte("x")); err != nil {
			t.Fatal(err)
		}
		refused(t, p.s, b, mirror.ErrNotEmpty, ErrConflict)
	})
	t.Run("ahead", func(t *testing.T) {
		p, b := newPast(t), backend.NewMem()
		p.grow(2)
		mustMirror(t, p.s, b)
		p.grow(1)
		mustMirror(t, p.s, b)
		if err := p.s.b.Delete(t.Context(), journal.EntryKey(5)); err != nil {
			t.Fatal(err)
		}
		refused(t, p.s, b, mirror.ErrAhead, ErrConflict)
	})
	t.Run("promoted", func(t *testing.T) {
		p, b := newPast(t), backend.NewMem()
		p.grow(2)
		mustMirror(t, p.s, b)
		if err := mirror.Promote(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		m := &Mirrored{Name: "mirror"}
		if err := p.s.replicateTo(t.Context(), m, &storage{Backend: b}, false, nil, ReplicateOptions{}); !errors.Is(err, mirror.ErrPromoted) {
			t.Fatal(err)
		}
		mustMirror(t, p.s, b)
		wantSame(t, p.s, b)
	})
}

// TestReplicateDamage: what is damaged at the source is not copied, and what is good at
// the mirror stays.
func TestReplicateDamage(t *testing.T) {
	p, b := newPast(t), backend.NewMem()
	p.grow(3)
	mustMirror(t, p.s, b)
	good := filesIn(t, b)
	p.grow(1)
	fresh := map[string]string{}
	for key, data := range filesIn(t, p.s.b) {
		if good[key] == "" {
			fresh[key] = data
		}
	}
	for key := range filesIn(t, p.s.b) {
		if strings.HasPrefix(key, "objects/") {
			alter(t, p.m, DirName+"/"+key, func(d []byte) { d[len(d)/2] ^= 1 })
		}
	}
	res, err := mirrorIn(p.s, b, ReplicateOptions{})
	if !errors.Is(err, ErrDamaged) || len(res.Damaged) != 1 || fresh[res.Damaged[0].Key] == "" {
		t.Fatalf("%v, %+v", err, res)
	}
	if n, err := consistent(b); err != nil {
		t.Fatalf("entry %d: %v", n, err)
	}
	for key, data := range good {
		if got := filesIn(t, b)[key]; got != data {
			t.Fatalf("%s has changed", key)
		}
	}
	if _, err := mirrorIn(p.s, b, ReplicateOptions{Damaged: true}); err != nil {
		t.Fatal(err)
	}
	if n, err := consistent(b); err == nil || n == 0 {
		t.Fatalf("the damage is not there: entry %d", n)
	}
}

func alter(t testing.TB, m *vfs.Mem, name string, change func([]byte)) {
	t.Helper()
	data := read(t, m, name)
	change(data)
	if err := m.Rewrite(name, data); err != nil {
		t.Fatal(err)
	}
}

// TestReplicateVerify: a mirror that has lost or changed files gets them again.
func TestReplicateVerify(t *testing.T) {
	p := newPast(t)
	p.grow(3)
	p.fold()
	p.grow(2)
	p.fold()
	p.grow(2)
	m := vfs.NewMem()
	b := backend.NewDir(m)
	mustMirror(t, p.s, b)
	want := filesIn(t, b)
	for key := range want {
		if key == journal.MirrorKey || strings.HasPrefix(key, "parity/") {
			continue
		}
		for _, how := range []string{"changed", "lost"} {
			if how == "changed" {
				alter(t, m, key, func(d []byte) { d[len(d)*2/3] ^= 8 })
			} else if err := m.Remove(key); err != nil {
				t.Fatal(err)
			}
			res, err := mirrorIn(p.s, b, ReplicateOptions{Verify: true})
			if err != nil || !res.Checked || res.Problems > 0 {
				t.Fatalf("%s %s: %v, %+v", key, how, err, res)
			}
			for k, data := range filesIn(t, b) {
				if w, ok := want[k]; ok && w != data {
					t.Fatalf("%s %s: %s is not as it was (%+v)", key, how, k, res.Healed)
				}
			}
			if got := filesIn(t, b); got[key] == "" {
				t.Fatalf("%s %s: it is not there (%+v)", key, how, res.Healed)
			}
		}
	}
}

func hexID(st *journal.State) string { return fmt.Sprintf("%x", st.Store) }
