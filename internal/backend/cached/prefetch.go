package cached

import (
	"context"
	"math"
	"slices"

	"github.com/mstore/mstore/internal/backend"
)

// Prefetch implements backend.Prefetcher. What is in the way of the limit, or could not
// be kept, is not fetched.
func (c *Backend) Prefetch(ctx context.Context, ranges []backend.Range) {
	if c.disk.failing.Load() {
		return
	}
	budget := int64(math.MaxInt64)
	if c.o.Limit >= 0 {
		budget = c.o.Limit / 2
	}
	var wanted []blockID
	seen := map[blockID]bool{}
	for _, r := range ranges {
		if !backend.ValidKey(r.Key) || r.Off < 0 || r.N == 0 {
			continue
		}
		from, to := r.Off/BlockSize, int64(0)
		if r.N < 0 || r.N > math.MaxInt64-r.Off {
			to = from + 1 // who knows where it ends; reading reads ahead
		} else {
			to = (r.Off+r.N-1)/BlockSize + 1
		}
		for n := from; n < to && budget > 0; n++ {
			if id := (blockID{r.Key, n}); !seen[id] {
				seen[id] = true
				wanted = append(wanted, id)
				budget -= BlockSize
			}
		}
	}
	for _, batch := range c.runs(wanted) {
		c.background.Go(func() { c.fly(ctx, batch) })
	}
}

// booked is a block and the flight that was taken for it.
type booked struct {
	id blockID
	f  *flight
}

// runs takes the blocks that are missing, and joins neighbours to runs, which begin in
// the order in which they are wanted.
func (c *Backend) runs(wanted []blockID) [][]booked {
	var runs [][]booked
	at := map[blockID]int{} // the run that would go on with this block
	sorted := slices.Clone(wanted)
	slices.SortStableFunc(sorted, func(a, b blockID) int {
		if a.key != b.key {
			return 0
		}
		return int(a.n - b.n)
	})
	for _, id := range sorted {
		tag, ok := c.tag(id.key)
		if !ok {
			continue
		}
		if _, ok := c.memory.get(id, tag); ok || tag == "" && c.disk.has(id) {
			continue
		}
		f, mine := c.take(id, tag)
		if !mine {
			continue
		}
		i, ok := at[id]
		if !ok || len(runs[i]) >= maxRun/2 {
			i = len(runs)
			runs = append(runs, nil)
		}
		delete(at, id)
		runs[i] = append(runs[i], booked{id, f})
		at[blockID{id.key, id.n + 1}] = i
	}
	return runs
}

// fly fetches one run when it is its turn. Blocks that are not fetched are given back.
func (c *Backend) fly(ctx context.Context, run []booked) {
	err := error(errAbandoned)
	defer func() {
		for _, b := range run {
			c.land(b.id, b.f, nil, err)
		}
	}()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.open, cancel)()
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return
	}
	first, tag := run[0].id, run[0].f.tag
	if tag != "" { // there may be a copy of it
		if data, ok := c.find(first, tag); ok {
			c.land(first, run[0].f, data, nil)
			run = run[1:]
			return
		}
	}
	r, e := c.openRun(ctx, first.key, tag, first.n, first.n+int64(len(run)))
	if e != nil {
		return
	}
	defer r.close()
	for len(run) > 0 {
		data, e := r.block()
		if e != nil {
			return
		}
		c.land(run[0].id, run[0].f, data, nil)
		run = run[1:]
		if len(data) < BlockSize {
			return // the rest is behind the end
		}
	}
}

// noteRead is told which block of a key was read; where blocks are read in order, the
// next ones are fetched.
func (c *Backend) noteRead(ctx context.Context, key string, n int64, data []byte) {
	c.mu.Lock()
	last, ok := c.last[key]
	if len(c.last) > 1000 {
		clear(c.last)
	}
	c.last[key] = n
	coming := c.flights[blockID{key, n + 1}] != nil
	c.mu.Unlock()
	if coming || !ok || last != n-1 || len(data) < BlockSize || c.disk.failing.Load() || c.o.Limit >= 0 && c.o.Limit < 4*readAhead*BlockSize {
		return
	}
	if c.disk.has(blockID{key, n + 1}) {
		return
	}
	c.Prefetch(ctx, []backend.Range{{Key: key, Off: (n + 1) * BlockSize, N: readAhead * BlockSize}})
}
