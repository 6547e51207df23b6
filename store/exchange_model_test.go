package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mstore/mstore/exchange"
	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/sampling"
	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
)

// peerStore is one of several stores that exchange versions.
type peerStore struct {
	*Store
	fs    *vfs.Mem
	hook  *backend.Hook
	fail  atomic.Int64 // the operation that fails, counting down; 0: none
	names map[string]objects.VersionID
}

// exchanges are several stores, and what a naive model knows of them.
type exchanges struct {
	t        testing.TB
	r        *rand.Rand
	peers    []*peerStore
	versions map[objects.VersionID]*exchanged
	ops      []string
}

// exchanged is a version as the naive model knows it.
type exchanged struct {
	files   files
	parents []objects.VersionID
}

func newExchanges(t testing.TB, seed uint64, n int) *exchanges {
	x := &exchanges{t: t, r: rand.New(rand.NewPCG(seed, 99)), versions: map[objects.VersionID]*exchanged{}}
	clock := ticking(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), time.Second)
	for range n {
		p := &peerStore{fs: vfs.NewMem(), names: map[string]objects.VersionID{}}
		p.fs.SetClock(clock)
		if err := p.fs.MkdirAll(DirName); err != nil {
			t.Fatal(err)
		}
		p.hook = &backend.Hook{Backend: backend.NewDir(vfs.Sub(p.fs, DirName))}
		p.hook.Before = func(op, key string) error {
			if op == backend.OpAbort {
				return nil
			}
			if k := p.fail.Load(); k > 0 && p.fail.Add(-1) == 0 {
				return errIO
			}
			return nil
		}
		p.Store = newStore(p.fs, p.hook, Options{Clock: clock})
		if seed%3 == 1 {
			p.limits = exchange.Limits{Records: 1 + x.r.IntN(20), Pack: int64(1 + x.r.IntN(20_000)), Batch: 1 + x.r.IntN(4)}
		}
		p.dial = func(_ context.Context, location string) (*storage, error) {
			var i int
			if _, err := fmt.Sscanf(location, "/peer/%d", &i); err != nil {
				return nil, as(ErrNoStore, err)
			}
			return &storage{Backend: x.peers[i].hook, location: location}, nil
		}
		if _, err := p.init(t.Context()); err != nil {
			t.Fatal(err)
		}
		x.peers = append(x.peers, p)
	}
	for i, p := range x.peers {
		for k := range x.peers {
			if k != i {
				if _, err := p.AddRemote(t.Context(), fmt.Sprintf("r%d", k), fmt.Sprintf("/peer/%d", k)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	return x
}

func (x *exchanges) fatalf(format string, args ...any) {
	x.t.Helper()
	x.t.Fatalf("%s\nafter:\n%s", fmt.Sprintf(format, args...), strings.Join(x.ops, "\n"))
}

func (x *exchanges) ancestors(id objects.VersionID) map[objects.VersionID]bool {
	all := map[objects.VersionID]bool{}
	todo := []objects.VersionID{id}
	for len(todo) > 0 {
		id := todo[0]
		todo = todo[1:]
		if !all[id] {
			all[id] = true
			todo = append(todo, x.versions[id].parents...)
		}
	}
	return all
}

// branches lists the branches of a peer.
func (p *peerStore) branches() (out []string) {
	for _, n := range slices.Sorted(maps.Keys(p.names)) {
		if !strings.ContainsAny(n, "/#") {
			out = append(out, n)
		}
	}
	return out
}

// note takes a version that was made over into the model.
func (x *exchanges) note(v *Version) {
	if x.versions[v.ID] != nil {
		return
	}
	f := files{}
	for _, p := range x.peers {
		if sn, err := p.load(x.t.Context()); err == nil {
			if found, err := sn.h.FindID(x.t.Context(), v.ID.String(), 1); err == nil && len(found) > 0 {
				for m, err := range p.Models(x.t.Context(), v, "") {
					if err != nil {
						x.fatalf("%v", err)
					}
					if r, err := p.OpenModel(x.t.Context(), v.ID.String(), m.Path); err == nil {
						_ = r.Close()
						f[m.Path] = string(cat(x.t, p.Store, v.ID.String(), m.Path))
					} else if !errors.Is(err, ErrExpired) {
						x.fatalf("%v", err)
					}
				}
				break
			}
		}
	}
	x.versions[v.ID] = &exchanged{files: f, parents: v.Parents}
}

func (x *exchanges) commit(i int) {
	p := x.peers[i]
	name := []string{"a", "b", "d/c"}[x.r.IntN(3)]
	data := model(uint64(x.r.IntN(4)), 3000+x.r.IntN(3000))
	copy(data[900:], fmt.Sprintf("%9d", x.r.IntN(1e8)))
	write(x.t, p.fs, name, data)
	res, err := p.Commit(x.t.Context(), CommitOptions{Paths: []string{name}, Author: fmt.Sprint("tester ", i)})
	if errors.Is(err, ErrConflict) && p.names[p.head().Branch].IsZero() { // others have made other branches
		return
	}
	if err != nil {
		x.fatalf("commit: %v", err)
	}
	x.note(res.Version)
	p.names[p.head().Branch] = res.Version.ID
	x.ops = append(x.ops, fmt.Sprintf("commit %d: %s on %s", i, res.Version.Name, p.head().Branch))
}

// faulty runs op with one operation of one of two stores failing, and then, if that
// failed, again without.
func (x *exchanges) faulty(i, k int, what string, op func() error) error {
	if x.r.IntN(3) > 0 {
		err := op()
		x.ops = append(x.ops, fmt.Sprintf("%s: %v", what, err))
		return err
	}
	for range 1 + x.r.IntN(4) {
		at := int64(1 + x.r.IntN(60))
		victim := x.peers[[]int{i, k}[x.r.IntN(2)]]
		victim.fail.Store(at)
		err := op()
		left := victim.fail.Swap(0)
		x.ops = append(x.ops, fmt.Sprintf("%s, fault at %d: %v", what, at, err))
		if err == nil || !errors.Is(err, errIO) {
			if left > 0 || err == nil {
				return err
			}
		}
		x.check(i, false)
		x.check(k, false)
	}
	err := op()
	x.ops = append(x.ops, fmt.Sprintf("%s, again: %v", what, err))
	return err
}

func (x *exchanges) push(i, k int) {
	p, q := x.peers[i], x.peers[k]
	all := p.branches()
	if len(all) == 0 {
		return
	}
	b := all[x.r.IntN(len(all))]
	force := x.r.IntN(6) == 0
	remote := fmt.Sprintf("r%d", k)
	err := x.faulty(i, k, fmt.Sprintf("push %s from %d to %d, force %v", b, i, k, force), func() error {
		_, err := p.Push(x.t.Context(), PushOptions{Remote: remote, Refs: []PushRef{{Name: b}}, Force: force})
		return err
	})
	old, exists := q.names[b]
	forward := !exists || x.ancestors(p.names[b])[old]
	switch {
	case forward || force:
		if err != nil {
			x.fatalf("push: %v", err)
		}
		q.names[b] = p.names[b]
		p.names[remote+"/"+b] = p.names[b]
	case !errors.Is(err, ErrConflict):
		x.fatalf("push that is no fast-forward: %v", err)
	}
}

func (x *exchanges) fetch(i, k int) {
	p, q := x.peers[i], x.peers[k]
	remote := fmt.Sprintf("r%d", k)
	err := x.faulty(i, k, fmt.Sprintf("fetch by %d from %d", i, k), func() error {
		_, err := p.Fetch(x.t.Context(), FetchOptions{Remote: remote, Tags: true})
		return err
	})
	clash := false
	for name, id := range q.names {
		if strings.HasPrefix(name, "t#") {
			if was, ok := p.names[name]; ok && was != id {
				clash = true
			} else {
				p.names[name] = id
			}
		} else if !strings.Contains(name, "/") {
			p.names[remote+"/"+name] = id
		}
	}
	if clash != errors.Is(err, ErrConflict) || !clash && err != nil {
		x.fatalf("fetch: %v, a tag is elsewhere: %v", err, clash)
	}
}

func (x *exchanges) merge(i int) {
	p := x.peers[i]
	var tracked []string
	for _, name := range slices.Sorted(maps.Keys(p.names)) {
		if strings.Contains(name, "/") {
			tracked = append(tracked, name)
		}
	}
	if len(tracked) == 0 {
		return
	}
	rev := tracked[x.r.IntN(len(tracked))]
	res, err := p.Merge(x.t.Context(), rev, MergeOptions{Theirs: []string{"**"}, AllowUnrelated: true, Commit: CommitOptions{Author: fmt.Sprint("merger ", i)}})
	x.ops = append(x.ops, fmt.Sprintf("merge %s into %s at %d: %v", rev, p.head().Branch, i, err))
	var unsaved *UnsavedError
	if errors.As(err, &unsaved) || errors.Is(err, ErrExpired) || errors.Is(err, ErrConflict) && p.names[p.head().Branch].IsZero() {
		return
	}
	if err != nil {
		x.fatalf("merge: %v", err)
	}
	x.note(res.Version)
	p.names[p.head().Branch] = res.Version.ID
}

func (x *exchanges) step() {
	i, k := x.r.IntN(len(x.peers)), x.r.IntN(len(x.peers)-1)
	if k >= i {
		k++
	}
	p := x.peers[i]
	ctx := x.t.Context()
	switch x.r.IntN(16) {
	case 0, 1, 2, 3:
		for range 1 + x.r.IntN(6) {
			x.commit(i)
		}
	case 4, 5, 6:
		x.push(i, k)
	case 7, 8, 9:
		x.fetch(i, k)
	case 10, 11:
		x.merge(i)
	case 12: // another branch
		b := []string{"main", "exp"}[x.r.IntN(2)]
		_, exists := p.names[b]
		if _, born := p.names[p.head().Branch]; !exists && !born {
			return
		}
		if _, err := p.Switch(ctx, SwitchOptions{Branch: b, Create: !exists}); err != nil {
			x.fatalf("switch: %v", err)
		}
		if !exists {
			sn, err := p.load(ctx)
			if err != nil {
				x.fatalf("%v", err)
			}
			p.names[b] = sn.st.Names[b].To.ID
		}
		x.ops = append(x.ops, fmt.Sprintf("switch to %s at %d", b, i))
	case 13: // back, so that the next push is no fast-forward
		if v, err := p.Show(ctx, "HEAD~1"); err == nil {
			if _, err := p.SetName(ctx, Branch, p.head().Branch, "HEAD~1", true); err != nil {
				x.fatalf("%v", err)
			}
			p.names[p.head().Branch] = v.ID
			x.ops = append(x.ops, fmt.Sprintf("one back at %d", i))
		}
	case 14:
		name := fmt.Sprintf("t#%d", x.r.IntN(6))
		if v, err := p.Show(ctx, "HEAD"); err == nil {
			if _, err := p.SetName(ctx, Tag, name, "HEAD", false); err == nil {
				p.names[name] = v.ID
				x.ops = append(x.ops, fmt.Sprintf("tag %s at %d", name, i))
			}
		}
	case 15:
		var err error
		what := "repack"
		if x.r.IntN(2) == 0 {
			_, err = p.Repack(ctx, RepackOptions{})
		} else {
			what = "gc"
			_, err = p.GC(ctx, GCOptions{Rules: map[string]string{"keep-last": "3"}, Now: true})
		}
		x.ops = append(x.ops, fmt.Sprintf("%s at %d: %v", what, i, err))
		if err != nil {
			x.fatalf("%s: %v", what, err)
		}
	}
	x.check(i, true)
	x.check(k, true)
}

// check compares a store with the model: its names, that all that they lead to is
// there, and the content of what they point at.
func (x *exchanges) check(i int, settled bool) {
	x.t.Helper()
	p := x.peers[i]
	ctx := x.t.Context()
	sn, err := p.load(ctx)
	if err != nil {
		x.fatalf("store %d: %v", i, err)
	}
	got := map[string]objects.VersionID{}
	for name, n := range sn.st.Names {
		switch {
		case n.Kind == Safety:
		case n.IsIncoming():
			got[name] = n.To.ID
		default:
			got[name] = n.To.ID
		}
	}
	for name := range got {
		if strings.HasPrefix(name, journal.Incoming) {
			delete(got, name)
		}
	}
	if settled && !maps.Equal(got, p.names) {
		x.fatalf("store %d has %v, want %v", i, got, p.names)
	}
	for name, id := range got {
		for a := range x.ancestors(id) {
			found, err := sn.h.FindID(ctx, a.String(), 1)
			if err != nil || len(found) == 0 {
				x.fatalf("store %d: %s leads to %s: %v", i, name, a, err)
			}
			if t, err := sn.h.FindSeq(ctx, found[0], found[0].Seq); err != nil || t != found[0] {
				x.fatalf("store %d: number %d of line %d: %v, %v", i, found[0].Seq, found[0].Line, t, err)
			}
		}
		if strings.HasPrefix(name, "t#") {
			continue
		}
		for path, want := range x.versions[id].files {
			r, err := p.OpenModel(ctx, id.String(), path)
			if errors.Is(err, ErrExpired) {
				continue
			}
			if err != nil {
				x.fatalf("store %d: %s:%s: %v", i, name, path, err)
			}
			_ = r.Close()
			if string(cat(x.t, p.Store, id.String(), path)) != want {
				x.fatalf("store %d: %s:%s differs", i, name, path)
			}
		}
	}
	rep, err := p.Fsck(ctx, FsckOptions{})
	if err != nil || !rep.OK {
		x.fatalf("fsck of store %d: %v %+v", i, err, rep)
	}
}

// Random histories in several stores, exchanged in any order, with operations that
// fail: what each store has is what a naive model says.
func TestExchangeModel(t *testing.T) {
	seeds, steps := 18/sampling.Step(2, 6), 40
	if testing.Short() {
		steps = 25
	}
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			x := newExchanges(t, seed, 2+int(seed%2))
			for range steps {
				x.step()
			}
			t.Log(strings.Join(x.ops, "\n"))
		})
	}
}
