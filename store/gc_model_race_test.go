package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/objects"
)

// murky notes that what has expired may be there again: a commit that was interrupted, or
// one of several at once, may have stored it without a version that says so, and what
// undelete or a repair brought back may be more than was asked for.
func (w *world) murky() {
	for b := range w.o.gone {
		w.o.unsure[b] = true
	}
}

// together lets several writers commit, with contents that may be on their way out,
// while others collect, repack, expire and take back.
func (w *world) together(d *desk) {
	ctx := context.Background()
	if w.o.of(Branch)[DefaultBranch] == "" {
		return
	}
	w.log("writers and a gc at once")
	type told struct{ id, path, data string }
	var mu sync.Mutex
	var done []told
	var fails []string
	fail := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		fails = append(fails, fmt.Sprintf(format, args...))
	}
	var old []string // contents of all versions
	for _, id := range w.o.order {
		for _, ch := range w.o.versions[id].changes {
			if ch.Status != objects.Removed {
				old = append(old, w.data[ch.Blob])
			}
		}
	}
	o := GCOptions{Rules: w.rules(), Now: w.chance(2)}
	if asksScore(o.Rules) && !w.measured() {
		delete(o.Rules, "keep-best")
		delete(o.Rules, "keep-where")
	}
	var wg sync.WaitGroup
	var opened []*Store
	open := func(root vfs.FS) *Store {
		opened = append(opened, w.storeOn(root, w.store))
		return opened[len(opened)-1]
	}
	for i := range 1 + w.rng.IntN(3) {
		m := vfs.NewMem()
		m.SetClock(w.clock.tick)
		s := open(m)
		path := fmt.Sprintf("w%d", i)
		var plan []string
		for range 1 + w.rng.IntN(3) {
			data := w.content()
			if len(old) > 0 && w.chance(2) {
				data = old[w.rng.IntN(len(old))]
			}
			w.data[blobOf(data)] = data
			plan = append(plan, data)
		}
		wg.Go(func() {
			for _, data := range plan {
				if err := vfs.WriteFileAtomic(m, path, []byte(data), true); err != nil {
					fail("%v", err)
					return
				}
				res, err := s.Commit(ctx, CommitOptions{Paths: []string{path}, Author: "tester"})
				if errors.Is(err, fs.ErrNotExist) && o.Now { // see between
					continue
				}
				if err != nil {
					fail("commit: %v", err)
					return
				}
				if mu.Lock(); res.Created {
					done = append(done, told{res.Version.ID.String(), path, data})
				}
				mu.Unlock()
			}
		})
	}
	may := w.allowed(o)
	may.any = true
	other := open(vfs.NewMem())
	also, victim := w.rng.IntN(4), w.anyVersion()
	switch also {
	case 2:
		may.none, may.force, may.last = false, false, 0
	}
	wg.Go(func() {
		if _, err := other.GC(ctx, o); err != nil && !errors.Is(err, ErrConflict) {
			fail("gc: %v", err)
		}
	})
	second := open(vfs.NewMem())
	wg.Go(func() {
		var err error
		switch also {
		case 0:
			_, err = second.Repack(ctx, RepackOptions{All: true})
		case 1:
			_, _, err = second.Undelete(ctx)
		case 2:
			_, err = second.Expire(ctx, victim, "", ExpireOptions{})
			if errors.Is(err, ErrNotFound) {
				err = nil // an empty version
			}
		}
		if err != nil && !errors.Is(err, ErrConflict) {
			fail("the other, %d: %v", also, err)
		}
	})
	wg.Wait()
	for _, s := range opened {
		closeStore(s)
	}
	for _, d := range w.desks {
		w.open(d)
	}
	w.o = w.learn(may)
	if len(fails) > 0 {
		w.fatal("gc %+v, %d: %q", o, also, fails)
	}
	for _, x := range done {
		v := w.o.versions[x.id]
		if v == nil || v.files[x.path] != x.data {
			w.fatal("acknowledged %s is not there, or holds something else", x.id)
		}
	}
	w.murky()
	known := map[objects.BlobID]bool{}
	for _, x := range done {
		w.lookAt(d, x.id, known)
	}
	w.count["together"]++
}

// between runs a command of one process while another is at a random operation of
// its own: a commit of what is on its way out, mostly.
func (w *world) between(d *desk) {
	ctx := context.Background()
	if w.o.of(Branch)[DefaultBranch] == "" {
		return
	}
	o := GCOptions{Rules: w.rules(), Now: w.chance(2)}
	delete(o.Rules, "keep-best")
	if asksScore(o.Rules) && !w.measured() {
		delete(o.Rules, "keep-where")
	}
	may := w.allowed(o)
	may.any = true
	m := vfs.NewMem()
	m.SetClock(w.clock.tick)
	victim := w.o.versions[w.anyVersion()]
	data := w.content()
	if len(victim.files) > 0 && w.rng.IntN(4) > 0 {
		data = victim.files[pickKey(w.rng, victim.files)]
	}
	w.data[blobOf(data)] = data
	write(w.t, m, "w0", []byte(data))
	var id string
	commit := func(s *Store) error {
		res, err := s.Commit(ctx, CommitOptions{Paths: []string{"w0"}, Author: "tester"})
		if err == nil && res.Created {
			id = res.Version.ID.String()
		}
		return err
	}
	rest := []func(s *Store) error{
		func(s *Store) error { _, err := s.GC(ctx, o); return err },
		func(s *Store) error { _, err := s.GC(ctx, o); return err },
		func(s *Store) error { _, err := s.Expire(ctx, victim.id, "", ExpireOptions{}); return err },
		func(s *Store) error { _, err := s.Repack(ctx, RepackOptions{All: true}); return err },
		func(s *Store) error { _, _, err := s.Undelete(ctx); return err },
	}
	n := w.rng.IntN(len(rest))
	if n == 2 { // it comes with rules of its own
		may.last, may.none, may.now = 0, false, true
	}
	outer, inner := commit, rest[n]
	if w.chance(3) {
		outer, inner = inner, outer
	}
	f := vfs.NewFault(w.store)
	k := w.rng.IntN(60)
	ops, began := 0, false
	var mu sync.Mutex
	var ierr error
	s := w.storeOn(m, w.store)
	f.OnOp(func(op vfs.Op) error {
		mu.Lock()
		defer mu.Unlock()
		if ops++; ops > k && !began {
			began = true
			ierr = inner(s)
		}
		return nil
	})
	w.log("%d within, operation %d", n, k)
	q := w.storeOn(m, f)
	err := outer(q)
	closeStore(q)
	closeStore(s)
	for _, d := range w.desks {
		w.open(d)
	}
	w.o = w.learn(may)
	for _, err := range []error{err, ierr} {
		// A gc without grace sweeps a file that is closed and not linked yet: the
		// backend spares what was written to within a second of the system's clock.
		swept := o.Now && n < 2 && errors.Is(err, fs.ErrNotExist)
		if err != nil && !errors.Is(err, ErrConflict) && !errors.Is(err, ErrNotFound) && !swept {
			w.fatal("%v", err)
		}
	}
	w.murky()
	if v := w.o.versions[id]; id != "" && (v == nil || v.files["w0"] != data) {
		w.fatal("acknowledged %s is not there, or holds something else", id)
	}
	w.lookAtAll(d)
	w.count["between"]++
}
