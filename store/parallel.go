package store

import (
	"context"
	"runtime"
	"sync"
)

// inParallel calls fn for every item of a map on as many goroutines as there
// are processors, and returns the first error.
func inParallel[K comparable, V any](ctx context.Context, items map[K]V, fn func(context.Context, K, V) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	type item struct {
		k K
		v V
	}
	work := make(chan item)
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), 4) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for it := range work {
				if err := fn(ctx, it.k, it.v); err != nil {
					cancel(err)
					return
				}
			}
		}()
	}
	for k, v := range items {
		select {
		case work <- item{k, v}:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(work)
	wg.Wait()
	return context.Cause(ctx)
}
