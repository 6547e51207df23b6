// Package history makes a store with a very long history through mstore's Go
// API and counts the reads that looking a revision up in it takes: one process
// for each of 100,000 commits would take an hour.
package history

import (
	"context"
	"fmt"
	"time"
)

// Source is a store that is being filled. It is used by one goroutine.
type Source interface {
	// Save commits version n (from 1) of model.json.
	Save(n int) error

	// ID is the full version ID of version n, which exists.
	ID(n int) (string, error)

	// Resolve opens the store afresh, as a new process would, resolves rev
	// there and returns the version's number and how often the backend was
	// read (each get or list is one).
	Resolve(rev string) (n int, reads int, err error)

	Close() error
}

// Open makes an empty store in dir, which exists and is empty. It is nil until
// a file of this package sets it, in an init function.
var Open func(dir string) (Source, error)

// Func saves a version: it lets Build fill a store with a function alone.
type Func func(n int) error

// Build calls s.Save(1) to s.Save(n) and returns how long that took. It calls
// progress, if not nil, now and then with the number of versions so far.
func Build(ctx context.Context, s interface{ Save(n int) error }, n int, progress func(done int)) (time.Duration, error) {
	start := time.Now()
	for i := 1; i <= n; i++ {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if err := s.Save(i); err != nil {
			return 0, fmt.Errorf("saving version %d: %w", i, err)
		}
		if progress != nil && i%10_000 == 0 {
			progress(i)
		}
	}
	return time.Since(start), nil
}

// Save calls f.
func (f Func) Save(n int) error { return f(n) }

// Lookup is what one kind of revision cost.
type Lookup struct {
	What  string
	Reads int
	Wall  time.Duration
}

// Lookups resolves v12, an ID prefix of a version in the middle, HEAD~500 and
// HEAD in a history of n versions, and checks the answers.
func Lookups(ctx context.Context, s Source, n int) ([]Lookup, error) {
	middle := max(1, n/2)
	id, err := s.ID(middle)
	if err != nil {
		return nil, err
	}
	if len(id) < 12 {
		return nil, fmt.Errorf("version %d has the ID %q", middle, id)
	}
	var ls []Lookup
	for _, q := range []struct {
		what, rev string
		want      int
	}{
		{"`v12`", "v12", 12},
		{"ID prefix", id[:12], middle},
		{"`HEAD~500`", "HEAD~500", n - 500},
		{"`HEAD`", "HEAD", n},
	} {
		if q.want < 1 || q.want > n {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		start := time.Now()
		got, reads, err := s.Resolve(q.rev)
		if err != nil {
			return nil, fmt.Errorf("resolving %q: %w", q.rev, err)
		}
		if got != q.want {
			return nil, fmt.Errorf("%q is version %d, want %d", q.rev, got, q.want)
		}
		ls = append(ls, Lookup{q.what, reads, time.Since(start)})
	}
	return ls, nil
}
