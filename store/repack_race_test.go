package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/mstore/mstore/internal/vfs"
)

// TestRepackBesideWriters: what is committed while packs are rewritten stays,
// and two repacks at once do each other no harm.
func TestRepackBesideWriters(t *testing.T) {
	_, m := newMemStore(t)
	var mu sync.Mutex
	var told []acked
	var writers, repackers sync.WaitGroup
	done := make(chan struct{})
	const saves = 12
	for i := range 3 {
		s, err := openOn(m, testClock())
		if err != nil {
			t.Fatal(err)
		}
		writers.Go(func() {
			for n := range saves {
				a := acked{path: fmt.Sprintf("w%d.json", i), data: string(edited(model(uint64(i), 30_000), n+i))}
				if err := vfs.WriteFileAtomic(m, a.path, []byte(a.data), false); err != nil {
					t.Error(err)
					return
				}
				res, err := s.Commit(context.Background(), CommitOptions{Paths: []string{a.path}, Author: "tester"})
				if err != nil {
					t.Errorf("writer %d, save %d: %v", i, n, err)
					return
				}
				a.id = res.Version.ID.String()
				mu.Lock()
				told = append(told, a)
				mu.Unlock()
			}
		})
	}
	rewritten := 0
	for range 2 {
		s, err := openOn(m, testClock())
		if err != nil {
			t.Fatal(err)
		}
		repackers.Go(func() {
			for {
				res, err := s.Repack(context.Background(), RepackOptions{})
				if err != nil && !errors.Is(err, ErrConflict) {
					t.Errorf("repack: %v", err)
					return
				}
				if err == nil {
					mu.Lock()
					rewritten += res.Packs
					mu.Unlock()
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	writers.Wait()
	close(done)
	repackers.Wait()
	s, err := openOn(m, testClock())
	if err != nil {
		t.Fatal(err)
	}
	checkLine(t, s, told, false)
	if rewritten < 3*saves/2 {
		t.Errorf("only %d packs were rewritten", rewritten)
	}
}
