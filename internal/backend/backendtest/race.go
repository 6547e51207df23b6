package backendtest

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/mstore/mstore/internal/backend"
)

const (
	raceWriters = 16
	raceRounds  = 200
)

func testRacePut(t *testing.T, b backend.Backend) {
	race(t, func(key, data string) error { return b.Put(ctx, key, []byte(data)) }, b)
}

func testRaceCreate(t *testing.T, b backend.Backend) {
	race(t, func(key, data string) error {
		w, err := b.Create(ctx, key)
		if err != nil {
			return err
		}
		if _, err := io.WriteString(w, data); err != nil {
			return errors.Join(err, w.Abort())
		}
		return w.Commit()
	}, b)
}

// race has all writers create one key at a time: one wins, the others get
// ErrExists, and everybody reads what the winner wrote as soon as he has lost.
func race(t *testing.T, create func(key, data string) error, b backend.Backend) {
	rounds := raceRounds
	if testing.Short() {
		rounds = 20
	}
	for round := range rounds {
		key := fmt.Sprintf("journal/e%06d", round)
		var start, done sync.WaitGroup
		start.Add(1)
		errs := make([]error, raceWriters)
		reads := make([]string, raceWriters)
		for i := range raceWriters {
			done.Go(func() {
				start.Wait()
				errs[i] = create(key, RaceContent(key, i))
				data, err := backend.ReadAll(ctx, b, key, 1<<20)
				if err != nil {
					t.Errorf("%s: reading after the race: %v", key, err)
				}
				reads[i] = string(data)
			})
		}
		start.Done()
		done.Wait()
		winner := -1
		for i, err := range errs {
			switch {
			case err == nil && winner >= 0:
				t.Fatalf("%s: %d and %d both won", key, winner, i)
			case err == nil:
				winner = i
			case !errors.Is(err, backend.ErrExists):
				t.Fatalf("%s: writer %d: %v", key, i, err)
			}
		}
		if winner < 0 {
			t.Fatalf("%s: nobody won", key)
		}
		for i, got := range reads {
			if got != RaceContent(key, winner) {
				t.Fatalf("%s: writer %d read %.40q, the winner is %d", key, i, got, winner)
			}
		}
	}
	infos, err := b.List(ctx, "", "", 0)
	if err != nil || len(infos) != rounds {
		t.Errorf("after %d rounds there are %d keys, %v", rounds, len(infos), err)
	}
}

// RaceContent is what a writer of a race puts under a key: a few KB that tell
// who wrote them and whether they are whole.
func RaceContent(key string, writer int) string {
	return strings.Repeat(fmt.Sprintf("%s by %d\n", key, writer), 100+writer)
}

func testReaders(t *testing.T, b backend.Backend) {
	const n = 100 // more than a cache of open files is likely to hold
	reads := 4 * n
	if testing.Short() {
		reads = n
	}
	content := func(i int) string { return strings.Repeat(fmt.Sprintf("%d,", i), 200) }
	for i := range n {
		put(t, b, fmt.Sprintf("objects/%d", i), content(i))
	}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range reads {
				k := (i*(2*g+1) + g) % n
				want := content(k)
				off := (i * 13) % len(want)
				p := make([]byte, min(50, len(want)-off))
				if err := backend.ReadFull(ctx, b, fmt.Sprintf("objects/%d", k), p, int64(off)); err != nil {
					t.Errorf("reading objects/%d: %v", k, err)
					return
				}
				if string(p) != want[off:off+len(p)] {
					t.Errorf("objects/%d at %d: %q", k, off, p)
					return
				}
			}
		})
	}
	wg.Go(func() { // deletions and creations beside the readers
		for i := range n {
			key := fmt.Sprintf("other/%d", i)
			if err := b.Put(ctx, key, []byte("x")); err != nil {
				t.Error(err)
			}
			if _, err := backend.ReadAll(ctx, b, key, 1); err != nil {
				t.Error(err)
			}
			if err := b.Delete(ctx, key); err != nil {
				t.Error(err)
			}
			if _, err := b.Get(ctx, key, 0, -1); !errors.Is(err, backend.ErrNotFound) {
				t.Errorf("%s after its deletion: %v", key, err)
			}
		}
	})
	wg.Wait()
}
