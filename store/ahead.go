package store

import (
	"context"
	"sync"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/objects/pack"
)

// aheadBytes is how many bytes of models are fetched before they are asked for: enough
// for many requests at once, and little beside what a cache holds.
const aheadBytes = 64 << 20

// fetchAhead has the contents of models fetched in the background, in their order and
// not further ahead of those that are read than memory and cache allow; read is to be
// called with the size of each model when that has been read, and stop at the end.
func (sn *snapshot) fetchAhead(ctx context.Context, models []objects.TreeEntry) (read func(size int64), stop func()) {
	if !sn.r.FetchesAhead() || len(models) == 0 {
		return func(int64) {}, func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	a := &ahead{}
	a.wake.L = &a.mu
	context.AfterFunc(ctx, a.wake.Broadcast)
	var wg sync.WaitGroup
	wg.Go(func() {
		for len(models) > 0 && a.wait(ctx) {
			var blobs []objects.BlobID
			var size int64
			for len(models) > 0 && len(blobs) < 1000 && (size == 0 || size+models[0].Size <= aheadBytes/2) {
				blobs, size, models = append(blobs, models[0].Blob), size+models[0].Size, models[1:]
			}
			sn.r.Prefetch(ctx, blobs)
			a.add(size)
		}
	})
	return func(size int64) { a.add(-size) }, func() { cancel(); wg.Wait() }
}

// ahead counts the bytes that were fetched and not read yet.
type ahead struct {
	mu    sync.Mutex
	wake  sync.Cond
	bytes int64
}

// wait waits until there is room; it is false when the context has ended.
func (a *ahead) wait(ctx context.Context) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.bytes > aheadBytes/2 && ctx.Err() == nil {
		a.wake.Wait()
	}
	return ctx.Err() == nil
}

func (a *ahead) add(n int64) {
	a.mu.Lock()
	a.bytes += n
	a.mu.Unlock()
	a.wake.Broadcast()
}

// fetchPacks has whole packs fetched, as many as there is room for: for those who read
// all of them from their beginning to their end.
func fetchPacks(ctx context.Context, b backend.Backend, packs []pack.Info) {
	var ranges []backend.Range
	room := int64(2 * aheadBytes)
	for _, p := range packs {
		n := min(p.Size, room)
		ranges = append(ranges, backend.Range{Key: p.Name.Key(), N: n})
		if room -= n; room <= 0 {
			break
		}
	}
	backend.Prefetch(ctx, b, ranges)
}

// fetchIndexes has the ends of packs fetched, which most indexes lie in.
func fetchIndexes(ctx context.Context, b backend.Backend, packs []pack.Info) {
	const end = 8 << 10
	var ranges []backend.Range
	for _, p := range packs {
		ranges = append(ranges, backend.Range{Key: p.Name.Key(), Off: max(0, p.Size-end), N: min(p.Size, end)})
	}
	backend.Prefetch(ctx, b, ranges)
}
