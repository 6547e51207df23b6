package backend

import (
	"context"
	"time"
)

// Range is a part of a key's bytes.
type Range struct {
	Key    string
	Off, N int64 // bytes; N < 0: to the end
}

// Prefetcher is a Backend that can fetch in advance what will be read soon.
type Prefetcher interface {
	// Prefetch begins to fetch the ranges, several at once, and returns at once. It is
	// a hint: what cannot be fetched is told to whoever reads it.
	Prefetch(ctx context.Context, ranges []Range)
}

// Prefetch tells b what will be read soon, if b can make use of it.
func Prefetch(ctx context.Context, b Backend, ranges []Range) {
	if p, ok := b.(Prefetcher); ok && len(ranges) > 0 {
		p.Prefetch(ctx, ranges)
	}
}

// Cache is a Backend that answers from copies that it keeps.
type Cache interface {
	Backend
	// Forget drops what is kept of a key, whose bytes turned out to be wrong; it tells
	// whether there was anything, so that reading again may help.
	Forget(key string) bool
	// Uncached is the Backend of which copies are kept.
	Uncached() Backend
}

// Forget drops what b keeps of a key, if b is a Cache; it tells whether there was
// anything.
func Forget(b Backend, key string) bool {
	c, ok := b.(Cache)
	return ok && c.Forget(key)
}

// Uncached is the Backend below all caches: what is really stored.
func Uncached(b Backend) Backend {
	for {
		c, ok := b.(Cache)
		if !ok {
			return b
		}
		b = c.Uncached()
	}
}

// Tagger is a Backend that knows, without asking again, whether a key still holds
// the bytes that it held before: for keys that may be deleted and created anew.
type Tagger interface {
	// Tag returns what the newest listing or put of this process said of the key's
	// bytes. Two equal tags of a key mean equal bytes. ok is false when nothing is known.
	Tag(key string) (tag string, ok bool)
}

func tagOf(b Backend, key string) (tag string, ok bool) {
	if t, is := b.(Tagger); is {
		return t.Tag(key)
	}
	return "", false
}

// Tidier is a Backend in which writers that died leave behind what no listing shows, and
// which costs space all the same.
type Tidier interface {
	// Tidy removes what such writers left, if it is older than olderThan, and returns how
	// much it was. A writer that takes longer than that loses its key.
	Tidy(ctx context.Context, olderThan time.Duration) (n int, err error)
}

// Tidy removes what dead writers left in b, below all caches, if b is a Tidier.
func Tidy(ctx context.Context, b Backend, olderThan time.Duration) (n int, err error) {
	t, ok := Uncached(b).(Tidier)
	if !ok {
		return 0, nil
	}
	return t.Tidy(ctx, olderThan)
}
