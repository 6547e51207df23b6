package store

import (
	"context"
	"runtime"
	"sync"
)

// inRuns calls fn for every item of a list, on as many goroutines as there are
// processors, each of which takes one run of it in order; it returns the first
// error.
func inRuns[T any](ctx context.Context, items []T, fn func(context.Context, T) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	workers := min(runtime.GOMAXPROCS(0), 4)
	var wg sync.WaitGroup
	for i := range workers {
		run := items[len(items)*i/workers : len(items)*(i+1)/workers]
		wg.Go(func() {
			for _, it := range run {
				if ctx.Err() != nil {
					return
				}
				if err := fn(ctx, it); err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}
