package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/vfs"
)

// clonedMem is a copy of what a backend has.
func clonedMem(t testing.TB, b backend.Backend) *backend.Mem {
	t.Helper()
	c := backend.NewMem()
	for key, data := range filesIn(t, b) {
		if err := c.Put(t.Context(), key, []byte(data)); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// TestReplicateFaults: any one operation of the source's or the target's storage fails,
// before or after its effect. The mirror stays consistent, and the next run completes it.
func TestReplicateFaults(t *testing.T) {
	for _, c := range replicateCases {
		t.Run(c.name, func(t *testing.T) {
			p, first := newPast(t), backend.NewMem()
			if c.before != nil {
				c.before(p)
				mustMirror(t, p.s, first)
			}
			c.then(p)
			if _, err := mirrorIn(p.s, clonedMem(t, first), ReplicateOptions{}); err != nil { // folds, if need be
				t.Fatal(err)
			}
			before, err := consistent(first)
			if err != nil {
				t.Fatal(err)
			}
			source := clonedMem(t, p.s.b)
			for _, after := range []bool{false, true} {
				for _, side := range []string{"source", "target"} {
					failed := 0
					for k := 0; ; k++ {
						if testing.Short() && k%5 != 2 {
							if k > 400 {
								break
							}
							continue
						}
						src, dst := clonedMem(t, source), clonedMem(t, first)
						var mu sync.Mutex
						n, at := 0, ""
						fail := func(op, key string) error {
							mu.Lock()
							defer mu.Unlock()
							if n++; n-1 == k {
								at = op + " " + key
								return errIO
							}
							return nil
						}
						hook := &backend.Hook{}
						if after {
							hook.After = fail
						} else {
							hook.Before = fail
						}
						var from, to backend.Backend = src, dst
						if side == "source" {
							hook.Backend = src
							from = hook
						} else {
							hook.Backend = dst
							to = hook
						}
						_, rerr := mirrorIn(on(from), to, ReplicateOptions{})
						if at == "" {
							if rerr != nil {
								t.Fatal(rerr)
							}
							break
						}
						failed++
						now, err := consistent(dst)
						if err == nil && now < before {
							err = fmt.Errorf("entry %d after %d", now, before)
						}
						if err == nil && rerr != nil && !errors.Is(rerr, errIO) {
							err = errors.New("the cause is not in the error")
						}
						if err == nil {
							_, err = mirrorIn(on(src), dst, ReplicateOptions{})
						}
						if err == nil {
							_, err = consistent(dst)
						}
						if err != nil {
							t.Fatalf("%s, operation %d (%s), after %v: replicate said %v: %v", side, k, at, after, rerr, err)
						}
						wantSame(t, on(src), dst)
					}
					t.Logf("%s, after %v: %d operations failed", side, after, failed)
				}
			}
		})
	}
}

// TestReplicateCrash: the process dies, or the power fails, at any operation on the
// mirror's disk.
func TestReplicateCrash(t *testing.T) {
	for _, c := range replicateCases {
		t.Run(c.name, func(t *testing.T) {
			p, disk := newPast(t), vfs.NewMem()
			open := func(fsys vfs.FS) *backend.Dir {
				d := backend.NewDir(fsys)
				if err := d.MakeDirs("objects", "journal", "parity"); err != nil && !errors.Is(err, vfs.ErrCrashed) {
					t.Fatal(err)
				}
				return d
			}
			before := uint64(0)
			if c.before != nil {
				c.before(p)
				mustMirror(t, p.s, open(disk))
				before, _ = consistent(open(disk))
			}
			syncAll(t, disk, ".")
			c.then(p)
			if _, err := mirrorIn(p.s, open(disk.ProcessCrash()), ReplicateOptions{}); err != nil {
				t.Fatal(err)
			}
			source := clonedMem(t, p.s.b)
			points := 0
			for k := 0; ; k++ {
				m := disk.ProcessCrash()
				f := vfs.NewFault(m)
				var mu sync.Mutex
				n, at := 0, ""
				f.OnOp(func(op vfs.Op) error {
					mu.Lock()
					defer mu.Unlock()
					if at != "" {
						return vfs.ErrCrashed
					}
					if mutates(op.Kind) {
						if n++; n-1 == k {
							at = op.Kind + " " + op.Name
							return vfs.ErrCrashed
						}
					}
					return nil
				})
				src := clonedMem(t, source)
				_, rerr := mirrorIn(on(src), open(f), ReplicateOptions{})
				mu.Lock()
				where := at
				mu.Unlock()
				if where == "" {
					if rerr != nil {
						t.Fatal(rerr)
					}
					break
				}
				points++
				if testing.Short() && points%5 != 0 {
					continue
				}
				rng := rand.New(rand.NewPCG(crashSeed, uint64(k)))
				for i, state := range []*vfs.Mem{m.ProcessCrash(), m.CrashClone(nil), m.CrashClone(rng)} {
					d := open(state)
					now, err := consistent(d)
					if err == nil && now < before {
						err = fmt.Errorf("entry %d after %d", now, before)
					}
					if err == nil {
						_, err = mirrorIn(on(clonedMem(t, src)), d, ReplicateOptions{})
					}
					if err == nil {
						_, err = consistent(d)
					}
					if err != nil {
						t.Fatalf("operation %d (%s), state %d, seed %d; replicate said %v: %v", k, where, i, crashSeed, rerr, err)
					}
					wantSame(t, on(src), d)
				}
			}
			t.Logf("crashed at %d operations", points)
		})
	}
}

// TestReplicateFull: the mirror's disk is full at any point, and then not any more.
func TestReplicateFull(t *testing.T) {
	p := newPast(t)
	p.grow(3)
	p.fold()
	p.grow(2)
	for k := 0; ; k++ {
		m := vfs.NewMem()
		f := vfs.NewFault(m)
		d := backend.NewDir(f)
		hit := false
		n := 0
		var mu sync.Mutex
		f.OnOp(func(op vfs.Op) error {
			mu.Lock()
			defer mu.Unlock()
			if op.Kind == vfs.OpWrite || op.Kind == vfs.OpCreate {
				if n++; n > k {
					hit = true
					return vfs.ErrNoSpace
				}
			}
			return nil
		})
		_, err := mirrorIn(p.s, d, ReplicateOptions{})
		f.Reset()
		if !hit {
			if err != nil {
				t.Fatal(err)
			}
			return
		}
		if !errors.Is(err, vfs.ErrNoSpace) {
			t.Fatalf("at write %d: %v", k, err)
		}
		if left := temps(m); len(left) > 0 {
			t.Fatalf("at write %d: %q are left", k, left)
		}
		if _, err := consistent(d); err != nil {
			t.Fatalf("at write %d: %v", k, err)
		}
		mustMirror(t, p.s, d)
		wantSame(t, p.s, d)
	}
}

// TestReplicateTwice: several runs at once, while the source goes on.
func TestReplicateTwice(t *testing.T) {
	p, b := newPast(t), backend.NewMem()
	p.grow(2)
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 3 {
		wg.Go(func() {
			s := on(p.s.b)
			for {
				if _, err := mirrorIn(s, b, ReplicateOptions{}); err != nil {
					t.Errorf("replicate: %v", err)
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	for i := range 12 {
		p.grow(1)
		switch i % 4 {
		case 1:
			if err := p.s.foldNow(context.Background()); err != nil && !t.Failed() {
				t.Logf("fold: %v", err)
			}
		case 2:
			p.gc("3", true)
		case 3:
			if _, err := p.s.Repack(t.Context(), RepackOptions{All: true}); err != nil {
				t.Logf("repack: %v", err)
			}
		}
	}
	close(stop)
	wg.Wait()
	mustMirror(t, p.s, b)
	wantSame(t, p.s, b)
	if _, err := consistent(b); err != nil {
		t.Fatal(err)
	}
}
