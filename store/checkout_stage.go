package store

import (
	"context"
	"errors"
	"fmt"
	"path"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/internal/wrapper"
	"github.com/mstore/mstore/objects"
)

// stage writes every model to a temporary file, verified and synced.
func (c *checkout) stage(ctx context.Context) error {
	if len(c.write) == 0 {
		return nil
	}
	if err := c.fs.MkdirAll(c.temp); err != nil {
		return fmt.Errorf("making room for temporary files: %w", err)
	}
	blobs := make([]objects.BlobID, len(c.write))
	for i, t := range c.write {
		blobs[i] = t.Blob
	}
	if err := c.sn.need(ctx, blobs); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var total, done atomic.Int64
	models := make([]objects.TreeEntry, len(c.write))
	for i, t := range c.write {
		total.Add(t.Size)
		t.temp = path.Join(c.temp, tempName())
		models[i] = t.TreeEntry
	}
	read, stop := func(int64) {}, func() {}
	if len(models) > 1 { // of one the pieces come soon enough
		read, stop = c.sn.fetchAhead(ctx, models)
	}
	defer stop()
	work := make(chan *target)
	var wg sync.WaitGroup
	var damage sync.Mutex
	var first error
	for range min(runtime.GOMAXPROCS(0), 4) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for t := range work {
				size := t.Size
				err := c.stageOne(ctx, t, func(n int64) { c.s.o.Progress("checking out", done.Add(n), total.Load()) })
				if err != nil {
					damage.Lock()
					if t.err = err; first == nil || errors.Is(first, context.Canceled) {
						first = err
					}
					damage.Unlock()
					cancel()
				}
				read(size)
			}
		}()
	}
feed:
	for _, t := range c.write {
		select {
		case work <- t:
		case <-ctx.Done():
			break feed
		}
	}
	close(work)
	wg.Wait()
	for _, t := range c.write {
		c.res.Bytes += t.Size
	}
	if first == nil {
		return ctx.Err()
	}
	return first
}

func (c *checkout) stageOne(ctx context.Context, t *target, progress func(int64)) error {
	err := c.decode(ctx, c.v, t, progress)
	if err == nil || !absent(err) || !c.o.Fallback {
		return err
	}
	for v, verr := range c.s.Log(ctx, LogOptions{Rev: c.v.ID.String(), Paths: []string{t.Path}}) {
		if verr != nil {
			return err
		}
		e, ok, terr := c.sn.tree(v.Tree).Get(ctx, t.Path)
		if terr != nil || !ok || e.Blob == t.Blob {
			continue
		}
		older := *t
		older.TreeEntry = e
		if older.data, _, err = c.unwrapped(ctx, e); err != nil {
			return err
		}
		if c.decode(ctx, v, &older, progress) == nil {
			t.TreeEntry, t.data = e, older.data
			c.s.mu.Lock()
			c.res.Fallbacks = append(c.res.Fallbacks, Fallback{Path: t.Path, From: v.Name, Err: err})
			c.s.mu.Unlock()
			return nil
		}
	}
	return fmt.Errorf("%w\n(no earlier version of %q is intact)", err, t.Path)
}

func (c *checkout) decode(ctx context.Context, v *Version, t *target, progress func(int64)) (err error) {
	r, err := c.sn.open(ctx, v, Model(t.TreeEntry))
	if err != nil {
		return err
	}
	_ = c.fs.Remove(t.temp)
	f, err := c.fs.Create(t.temp)
	if err != nil {
		return fmt.Errorf("writing %q: %w", t.Path, err)
	}
	defer func() {
		if cerr := f.Close(); err == nil && cerr != nil {
			err = fmt.Errorf("writing %q: %w", t.Path, cerr)
		}
	}()
	out := &progressWriter{f, progress}
	if t.data != nil {
		err = wrapper.Unwrap(out, r, *t.data)
	} else {
		_, err = r.WriteTo(out)
	}
	if err != nil {
		return fmt.Errorf("writing %q: %w", t.Path, err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("writing %q: %w", t.Path, err)
	}
	return nil
}

type progressWriter struct {
	f        vfs.File
	progress func(int64)
}

func (w *progressWriter) Write(p []byte) (int, error) {
	n, err := w.f.Write(p)
	w.progress(int64(n))
	return n, err
}
