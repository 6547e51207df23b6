// Package cached keeps copies of what is read from a backend, and written to it, in a
// directory: blocks of 4 MiB, each with a checksum that is verified when it is read.
//
// A key that was created holds the same bytes until it is deleted, and most keys are
// random names that are never used again; their copies need no confirmation. Names of
// journal entries and checkpoints are numbers, which another process may delete and
// create anew; of them a copy counts only under a tag that the newest listing confirmed
// (backend.Tagger).
//
// The directory may be shared by processes and deleted at any time. Whatever cannot be
// written there, or reads back damaged, is fetched again: a cache never fails anything.
package cached

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/mstore/mstore/internal/backend"
)

// BlockSize is the size of all blocks of a key but its last.
const BlockSize = 4 << 20

// DefaultLimit is how large a cache grows unless somebody says otherwise.
const DefaultLimit = 2 << 30

// Options are the settings of a Backend; zero values are replaced.
type Options struct {
	// Limit is how many bytes the directory may hold, give or take a block for each
	// request under way; 0: DefaultLimit, negative: none.
	Limit int64
	// Parallel is how many requests Prefetch makes at once; 0: 8.
	Parallel int
}

// Stats says what a Backend did.
type Stats struct {
	Hits    int64 // blocks found in memory or in the directory
	Misses  int64 // blocks that were fetched
	Damaged int64 // copies that were not what they should be
}

// Backend is a backend.Backend that answers from copies. It may be used concurrently.
type Backend struct {
	b      backend.Backend
	tagger backend.Tagger // nil: numbered keys are not kept
	disk   *disk
	memory memory
	o      Options

	mu      sync.Mutex
	flights map[blockID]*flight
	last    map[string]int64 // the block of a key that was read last

	slots                 chan struct{} // of Prefetch
	open                  context.Context
	close                 context.CancelFunc
	background            sync.WaitGroup
	hits, misses, damaged atomic.Int64
}

var (
	_ backend.Cache      = (*Backend)(nil)
	_ backend.Prefetcher = (*Backend)(nil)
)

// New returns a Backend that keeps copies of what b has in dir, which is made when it is
// first needed. dir is for one store alone: keys of two stores may be the same.
func New(b backend.Backend, dir string, o Options) (*Backend, error) {
	if dir == "" {
		return nil, errors.New("a cache needs a directory")
	}
	if o.Limit == 0 {
		o.Limit = DefaultLimit
	}
	if o.Parallel <= 0 {
		o.Parallel = 8
	}
	c := &Backend{
		b: b, o: o, disk: newDisk(dir, o.Limit), slots: make(chan struct{}, o.Parallel),
		flights: map[blockID]*flight{}, last: map[string]int64{},
	}
	c.open, c.close = context.WithCancel(context.Background())
	c.tagger, _ = b.(backend.Tagger)
	return c, nil
}

// Close ends what is fetched in advance, and waits for that. It does not close the
// Backend below. Readers in use stay usable.
func (c *Backend) Close() error {
	c.close()
	c.background.Wait()
	return nil
}

// Stats returns what was done since New.
func (c *Backend) Stats() Stats {
	return Stats{Hits: c.hits.Load(), Misses: c.misses.Load(), Damaged: c.damaged.Load()}
}

// Uncached implements backend.Cache.
func (c *Backend) Uncached() backend.Backend { return c.b }

// Forget implements backend.Cache.
func (c *Backend) Forget(key string) bool {
	inMemory := c.memory.forget(key)
	return c.disk.forget(key) || inMemory
}

// tag says under which tag copies of a key count; ok is false for what is not to be kept.
func (c *Backend) tag(key string) (tag string, ok bool) {
	if !numbered(key) {
		return "", true
	}
	if c.tagger == nil {
		return "", false
	}
	return c.tagger.Tag(key)
}

// numbered tells whether a key may be deleted and created anew with other bytes.
func numbered(key string) bool {
	return strings.HasPrefix(key, "journal/e") || strings.HasPrefix(key, "journal/c")
}

// Put implements backend.Backend.
func (c *Backend) Put(ctx context.Context, key string, data []byte) error {
	if err := c.b.Put(ctx, key, data); err != nil {
		return err
	}
	c.Forget(key) // of the same name, deleted by somebody else
	tag, ok := c.tag(key)
	if !ok || c.o.Limit >= 0 && int64(len(data)) > c.o.Limit/2 {
		return nil
	}
	for i := int64(0); i == 0 || i*BlockSize <= int64(len(data)); i++ {
		block := data[i*BlockSize : min((i+1)*BlockSize, int64(len(data)))]
		c.disk.store(blockID{key, i}, tag, block)
	}
	return nil
}

// Create implements backend.Backend.
func (c *Backend) Create(ctx context.Context, key string) (backend.Writer, error) {
	w, err := c.b.Create(ctx, key)
	if err != nil {
		return nil, err
	}
	return c.newWriter(w, key), nil
}

// Replace implements backend.Backend. What is written is not kept: whoever repairs looks
// at what is really there.
func (c *Backend) Replace(ctx context.Context, key string) (backend.Writer, error) {
	w, err := c.b.Replace(ctx, key)
	if err != nil {
		return nil, err
	}
	return forgettingWriter(c, w, key), nil
}

// List implements backend.Backend.
func (c *Backend) List(ctx context.Context, prefix, after string, limit int) ([]backend.Info, error) {
	return c.b.List(ctx, prefix, after, limit)
}

// Delete implements backend.Backend.
func (c *Backend) Delete(ctx context.Context, key string) error {
	err := c.b.Delete(ctx, key)
	if backend.ValidKey(key) {
		c.Forget(key)
	}
	return err
}

// Stat implements backend.Backend; it always asks.
func (c *Backend) Stat(ctx context.Context, key string) (backend.Info, error) {
	return c.b.Stat(ctx, key)
}

// Get implements backend.Backend.
func (c *Backend) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	if !backend.ValidKey(key) {
		return nil, fmt.Errorf("reading %q: %w", key, backend.ErrInvalidKey)
	}
	if off < 0 {
		return nil, fmt.Errorf("reading %q: negative offset %d", key, off)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	tag, ok := c.tag(key)
	if !ok {
		return c.b.Get(ctx, key, off, n)
	}
	return c.newReader(ctx, key, tag, off, n)
}
