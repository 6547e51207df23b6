package store

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/journal"
)

// mirroredPast is a history without parity, and its mirror.
func mirroredPast(t *testing.T) (*past, *backend.Mem) {
	p, b := newPast(t), backend.NewMem()
	if err := p.s.SetConfig(t.Context(), "store.parity", "off", false); err != nil {
		t.Fatal(err)
	}
	p.grow(3)
	p.fold()
	p.grow(2)
	p.repack()
	p.grow(2)
	p.gc("4", false)
	p.fold()
	p.grow(2)
	p.entries(2)
	p.batch(3)
	p.entries(1)
	mustMirror(t, p.s, b)
	wantSame(t, p.s, b)
	return p, b
}

// without opens the store of a history anew, with files changed and without the models
// on disk, so that nothing but other stores can help.
func (p *past) without(damage func(m *vfs.Mem)) (*Store, *vfs.Mem) {
	m := p.m.ProcessCrash()
	for _, name := range []string{"m.json", "x0.bin", "x1.bin", "x2.bin", "x3.bin", "x4.bin"} {
		_ = m.Remove(name)
	}
	damage(m)
	s := newStore(m, backend.NewDir(vfs.Sub(m, DirName)), Options{Clock: laterClock()})
	s.o.Warn = func(msg string) { p.t.Log(msg) }
	return s, m
}

func helpedBy(s *Store, b backend.Backend) *Store {
	s.helpers = []*other{{name: "the mirror", s: on(b), mirror: true, kept: true}}
	return s
}

var harms = map[string]func(t *testing.T, m *vfs.Mem, name string){
	"changed": func(t *testing.T, m *vfs.Mem, name string) {
		alter(t, m, name, func(d []byte) { d[len(d)/2] ^= 0x55; d[len(d)/3] ^= 1 })
	},
	"cut": func(t *testing.T, m *vfs.Mem, name string) {
		if err := m.Rewrite(name, read(t, m, name)[:7]); err != nil {
			t.Fatal(err)
		}
	},
	"lost": func(t *testing.T, m *vfs.Mem, name string) {
		if err := m.Remove(name); err != nil {
			t.Fatal(err)
		}
	},
}

// TestRepairFromMirror: whichever file is damaged or lost, the mirror has it.
func TestRepairFromMirror(t *testing.T) {
	p, b := mirroredPast(t)
	want := filesIn(t, p.s.b)
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if key == formatKey {
			continue
		}
		for how, harm := range harms {
			s, _ := p.without(func(m *vfs.Mem) { harm(t, m, DirName+"/"+key) })
			rep, err := helpedBy(s, b).Fsck(t.Context(), FsckOptions{Repair: true})
			if err != nil || !rep.OK {
				t.Fatalf("%s %s: %v, %+v", key, how, err, rep)
			}
			got := filesIn(t, s.b)
			for k, data := range want {
				if got[k] != data && !(how == "lost" && got[k] == "") {
					t.Fatalf("%s %s: %s is not as it was; repaired: %+v", key, how, k, rep.Repairs)
				}
			}
			if got[key] != want[key] && rep.Repaired > 0 {
				t.Fatalf("%s %s: repaired by something else: %+v", key, how, rep.Repairs)
			}
			for _, r := range rep.Repairs {
				if r.From != "the mirror" {
					t.Fatalf("%s %s: %+v", key, how, r)
				}
			}
			mustFsck(t, s)
		}
	}
}

// TestRepairAllFromMirror: everything is damaged, or nearly so.
func TestRepairAllFromMirror(t *testing.T) {
	p, b := mirroredPast(t)
	want := filesIn(t, p.s.b)
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 3))
		var hit []string
		s, _ := p.without(func(m *vfs.Mem) {
			for _, key := range slices.Sorted(maps.Keys(want)) {
				if seed > 0 && r.IntN(3) > 0 || key == formatKey {
					continue
				}
				how := []string{"changed", "cut", "lost"}[r.IntN(3)]
				if seed == 0 {
					how = "changed"
				}
				harms[how](t, m, DirName+"/"+key)
				hit = append(hit, key+" "+how)
			}
		})
		s = helpedBy(s, b)
		st, err := on(b).j.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := s.editLocal(func(m map[string]string) error {
			m["remote.mirror.url"], m["remote.mirror.mirror"], m["remote.mirror.id"] = "/mirror", "true", fmt.Sprintf("%x", st.Store)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		rep, err := s.Fsck(t.Context(), FsckOptions{Repair: true})
		if err != nil || !rep.OK {
			t.Fatalf("seed %d, %q: %v, %+v", seed, hit, err, rep)
		}
		if n, err := s.j.Load(t.Context()); err != nil || n.Number < st.Number || n.Versions != st.Versions {
			t.Fatalf("seed %d, %q: %+v, %v", seed, hit, n, err)
		}
		mustFsck(t, s)
	}
}

// TestRepairTakesBack: entries that were lost without a trace come back from a mirror,
// and from nothing that is none.
func TestRepairTakesBack(t *testing.T) {
	p, b := mirroredPast(t)
	st, err := p.s.j.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	lose := func(m *vfs.Mem) { // the newest, and a batch before it
		var keys []string
		for key := range filesIn(t, p.s.b) {
			if _, ok := journal.ParseEntryKey(key); ok {
				keys = append(keys, key)
			}
		}
		slices.Sort(keys)
		for _, key := range keys[len(keys)-2:] {
			if err := m.Remove(DirName + "/" + key); err != nil {
				t.Fatal(err)
			}
		}
	}
	s, _ := p.without(lose)
	rep, err := helpedBy(s, b).Fsck(t.Context(), FsckOptions{Repair: true})
	if err != nil || !rep.OK || rep.Repaired != 2 {
		t.Fatalf("%+v, %v", rep, err)
	}
	if now, err := s.j.Load(t.Context()); err != nil || now.Number != st.Number+1 {
		t.Fatalf("%+v, %v", now, err)
	}
	copied := clonedMem(t, b)
	if err := copied.Delete(t.Context(), journal.MirrorKey); err != nil {
		t.Fatal(err)
	}
	s, _ = p.without(lose)
	rep, err = helpedBy(s, copied).Fsck(t.Context(), FsckOptions{Repair: true})
	if err != nil || !rep.OK || rep.Repaired != 0 {
		t.Fatalf("%+v, %v", rep, err)
	}
}

// TestRepairFromHostileMirror: a mirror with wrong bytes, or of another store, changes
// nothing.
func TestRepairFromHostileMirror(t *testing.T) {
	p, b := mirroredPast(t)
	_, foreign := mirroredPast(t)
	want := filesIn(t, p.s.b)
	hostile := map[string]func(key string) backend.Backend{
		"another store": func(string) backend.Backend { return foreign },
		"nothing":       func(string) backend.Backend { return backend.NewMem() },
	}
	hostile["wrong bytes"] = func(key string) backend.Backend {
		c := clonedMem(t, b)
		replaceKey(t, c, key, func(d []byte) []byte { d[len(d)-9] ^= 0x10; d[3] ^= 2; return d })
		return c
	}
	hostile["longer"] = func(key string) backend.Backend {
		c := clonedMem(t, b)
		replaceKey(t, c, key, func(d []byte) []byte { return append(d, 0) })
		return c
	}
	hostile["of another"] = func(key string) backend.Backend {
		c := clonedMem(t, b)
		replaceKey(t, c, key, func([]byte) []byte {
			for k, data := range filesIn(t, foreign) {
				if len(k) == len(key) && k[:9] == key[:9] {
					return []byte(data)
				}
			}
			return []byte("nothing")
		})
		return c
	}
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if key == formatKey || strings.HasPrefix(key, "parity/") {
			continue
		}
		for name, other := range hostile {
			s, m := p.without(func(m *vfs.Mem) { harms["changed"](t, m, DirName+"/"+key) })
			bad := read(t, m, DirName+"/"+key)
			rep, err := helpedBy(s, other(key)).Fsck(t.Context(), FsckOptions{Repair: true})
			if err != nil {
				t.Fatalf("%s, %s: %v", key, name, err)
			}
			got := filesIn(t, s.b)[key]
			if got != want[key] && got != string(bad) && got != "" {
				t.Fatalf("%s, %s: it holds what it never held: %+v", key, name, rep)
			}
			for _, r := range rep.Repairs {
				if r.From == "the mirror" && r.Object == key {
					t.Fatalf("%s, %s: %+v", key, name, r)
				}
			}
		}
	}
}

func replaceKey(t testing.TB, b backend.Backend, key string, change func([]byte) []byte) {
	t.Helper()
	data, err := backend.ReadAll(t.Context(), b, key, 1<<30)
	if err == nil {
		err = b.Delete(t.Context(), key)
	}
	if err == nil {
		err = b.Put(t.Context(), key, change(data))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestRepairFromRemote: contents come also from a store that has other packs and another
// history.
func TestRepairFromRemote(t *testing.T) {
	p, _ := mirroredPast(t)
	q := newPast(t)
	for i, data := range []string{"m.json", "x0.bin", "x1.bin"} {
		write(t, q.m, data, read(t, p.m, data))
		save(t, q.s, CommitOptions{Paths: []string{data}, Message: fmt.Sprint(i)})
	}
	want := cat(t, p.s, "HEAD", "m.json")
	s, _ := p.without(func(m *vfs.Mem) {
		for key := range filesIn(t, p.s.b) {
			if strings.HasSuffix(key, ".pack") {
				alter(t, m, DirName+"/"+key, func(d []byte) { d[len(d)/2] ^= 1; d[60] ^= 1 })
			}
		}
	})
	s.helpers = []*other{{name: `the remote "origin"`, s: q.s, kept: true}}
	rep, err := s.Fsck(t.Context(), FsckOptions{Repair: true})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(rep.Repairs, func(r Repair) bool { return r.Path == "m.json" && r.From == `the remote "origin"` }) {
		t.Fatalf("%+v", rep.Repairs)
	}
	if got := cat(t, s, "HEAD", "m.json"); string(got) != string(want) {
		t.Fatal("other bytes")
	}
}
