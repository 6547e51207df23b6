package journal

import "sync"

// atOnce is how many requests are made at once where none needs another's answer.
const atOnce = 8

// each calls fn for 0 to n-1, up to atOnce at a time, and returns when all are done.
func each(n int, fn func(i int)) {
	var wg sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for i := range n {
		slots <- struct{}{}
		wg.Go(func() {
			fn(i)
			<-slots
		})
	}
	wg.Wait()
}
