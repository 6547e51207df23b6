package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/store"
)

// growth is a store that grows: its storage, what its one writer has asked of it, and
// the models.
type growth struct {
	mem    *backend.Mem
	asked  *backend.Counter // of the writer, below its cache
	root   *vfs.Mem
	s      *store.Store
	models int
	r      *rand.Rand
	clock  time.Time

	versions       int
	plain, folding tally // commits since the last measurement
	foldTime       time.Duration
}

// tally sums up the counts of one kind of operation.
type tally struct {
	n        int64
	sum, max backend.Counts
}

func requests(c backend.Counts) int64 {
	return c.Gets + c.Puts + c.Creates + c.Lists + c.Deletes + c.Stats
}

func (t *tally) add(c backend.Counts) {
	t.n++
	t.sum = plus(t.sum, c)
	if requests(c) > requests(t.max) {
		t.max = c
	}
}

func plus(a, b backend.Counts) backend.Counts {
	return backend.Counts{Gets: a.Gets + b.Gets, Puts: a.Puts + b.Puts, Creates: a.Creates + b.Creates, Lists: a.Lists + b.Lists,
		Deletes: a.Deletes + b.Deletes, Stats: a.Stats + b.Stats, BytesRead: a.BytesRead + b.BytesRead, BytesWritten: a.BytesWritten + b.BytesWritten}
}

func newGrowth(ctx context.Context, models int, parity string) (*growth, error) {
	g := &growth{mem: backend.NewMem(), root: vfs.NewMem(), models: models, r: rand.New(rand.NewPCG(7, 7)), clock: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	g.root.SetClock(g.now)
	g.asked = backend.NewCounter(g.mem)
	if err := g.root.MkdirAll(store.DirName); err != nil {
		return nil, err
	}
	var err error
	if g.s, err = store.InitOn(ctx, g.root, newShelf(g.asked), store.Options{Clock: g.now}); err != nil {
		return nil, err
	}
	return g, g.s.SetConfig(ctx, "store.parity", parity, false)
}

// now passes a minute at each look.
func (g *growth) now() time.Time {
	g.clock = g.clock.Add(time.Minute)
	return g.clock
}

// growTo commits until there are so many versions, each of them one small model that
// changed somewhere.
func (g *growth) growTo(ctx context.Context, versions int) error {
	g.plain, g.folding, g.foldTime = tally{}, tally{}, 0
	for g.versions < versions {
		path := fmt.Sprintf("model%03d.json", g.versions%g.models)
		if err := g.write(path); err != nil {
			return err
		}
		g.asked.Reset()
		began := time.Now()
		res, err := g.s.Commit(ctx, store.CommitOptions{Paths: []string{path}, Author: "scale", Message: "save", Fast: true})
		if err != nil {
			return err
		}
		if !res.Created {
			return fmt.Errorf("version %d was not made", g.versions+1)
		}
		g.versions++
		c := g.asked.Reset()
		if c.Deletes > 0 || c.Creates > 1 {
			g.folding.add(c)
			g.foldTime += time.Since(began)
		} else {
			g.plain.add(c)
		}
	}
	return nil
}

func (g *growth) write(path string) error {
	data := fmt.Appendf(nil, "{\"step\": %d, \"w\": [%g, %g, %g]}\n", g.versions, g.r.NormFloat64(), g.r.NormFloat64(), g.r.NormFloat64())
	if _, err := g.root.Lstat(path); err == nil {
		return g.root.Rewrite(path, data)
	}
	f, err := g.root.Create(path)
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Close()
}
