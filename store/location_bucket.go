package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/backend/bucket"
)

// bucketSchemes are the schemes of URLs that this program can open.
func bucketSchemes() []string { return bucket.Schemes() }

// openBucket opens a bucket, and before it a cache if there is to be one. Nothing is
// asked of it yet.
func openBucket(ctx context.Context, location string, o storageOptions) (*storage, error) {
	location, err := checkURL(location)
	if err != nil {
		return nil, err
	}
	b, err := bucket.Open(ctx, location, bucket.Options{SpoolDir: o.spool, Warn: o.warn})
	if err != nil {
		return nil, classify(fmt.Errorf("opening %q: %w", LocationName(location), err))
	}
	x := &storage{Backend: b, location: location, closers: []io.Closer{b}}
	if o.cacheDir == "" || o.cacheMax <= 0 {
		return x, nil
	}
	c, err := newCache(b, filepath.Join(o.cacheDir, cacheName(location)), o.cacheMax)
	if err != nil {
		return nil, errors.Join(err, x.Close())
	}
	x.Backend = c
	x.closers = []io.Closer{c, b}
	return x, nil
}

// cacheName is the directory of the copies of one store: others may share the cache.
func cacheName(location string) string {
	h := sha256.Sum256([]byte(location))
	return hex.EncodeToString(h[:8])
}

// prober is a backend that can find out whether it keeps what a store relies on.
type prober interface {
	Probe(ctx context.Context) error
}

// probe finds out whether a new store may lie in b. A directory need not be asked.
func probe(ctx context.Context, b backend.Backend) error {
	p, ok := backend.Uncached(b).(prober)
	if !ok {
		return nil
	}
	err := p.Probe(ctx)
	if errors.Is(err, bucket.ErrNotConditional) {
		err = as(ErrUnsuitable, fmt.Errorf("%w: two writers could overwrite each other's versions there, so no store is made in it; use an engine that keeps If-None-Match on writes (docs/cli.md tells which do)", err))
	}
	return err
}
