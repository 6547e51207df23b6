package bucket

import (
	"context"
	"errors"
	"fmt"

	"github.com/mstore/mstore/internal/backend"
)

// partSize is the size of the parts of a multipart upload, and what is still put in one
// piece. S3 wants at least 5 MiB, and takes 10,000 parts.
const (
	partSize = 16 << 20
	maxParts = 10_000
)

// Create implements backend.Backend. The Writer also implements io.ReaderAt.
func (b *Bucket) Create(ctx context.Context, key string) (backend.Writer, error) {
	return b.newWriter(ctx, key, false)
}

// Replace implements backend.Backend.
func (b *Bucket) Replace(ctx context.Context, key string) (backend.Writer, error) {
	return b.newWriter(ctx, key, true)
}

func (b *Bucket) newWriter(ctx context.Context, key string, replace bool) (backend.Writer, error) {
	if err := checkKey("creating", key); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return &writer{ctx: ctx, b: b, key: key, replace: replace, spool: &spool{dir: b.o.SpoolDir}}, nil
}

// writer spools what it is given, and begins to upload it when it is known to be large.
type writer struct {
	ctx     context.Context
	b       *Bucket
	key     string
	replace bool
	spool   *spool
	upload  *upload // nil as long as the content is small
	err     error   // the first failed write
	done    bool
}

// Write implements io.Writer.
func (w *writer) Write(p []byte) (int, error) {
	if w.done {
		return 0, w.finished()
	}
	if w.err == nil {
		w.err = w.ctx.Err()
	}
	if w.err != nil {
		return 0, w.err
	}
	n, err := w.spool.Write(p)
	if err == nil {
		err = w.feed()
	}
	if err != nil {
		w.err = fmt.Errorf("creating %q: %w", w.key, err)
	}
	return n, w.err
}

// feed hands whole parts over to the upload, but never the last one.
func (w *writer) feed() error {
	size := w.spool.Size()
	if size <= partSize || w.b.gateways[0].s3 == nil {
		return nil
	}
	if size > partSize*maxParts {
		return fmt.Errorf("larger than %d bytes", int64(partSize)*maxParts)
	}
	if w.upload == nil {
		w.upload = w.b.startUpload(w.ctx, w.key, w.spool, !w.replace)
	}
	return w.upload.feed((size - 1) / partSize)
}

// ReadAt implements io.ReaderAt: it reads back what was written.
func (w *writer) ReadAt(p []byte, off int64) (int, error) {
	return w.spool.ReadAt(p, off)
}

// Commit implements backend.Writer.
func (w *writer) Commit() error {
	if w.done {
		return w.finished()
	}
	w.done = true
	defer w.spool.close()
	err := w.err
	if err == nil {
		err = w.ctx.Err()
	}
	switch {
	case err != nil && w.upload != nil:
		w.upload.abandon(w.ctx)
	case err != nil:
	case w.upload != nil:
		err = w.commitLarge()
	case w.replace:
		err = w.b.overwrite(w.ctx, w.key, w.spool)
	default:
		err = w.b.create(w.ctx, w.key, w.spool)
	}
	if err != nil {
		return fmt.Errorf("creating %q: %w", w.key, err)
	}
	return nil
}

// commitLarge goes back to the beginning, once, when the upload is gone under it: it was
// an old one that somebody tidied up, or that two writers found at once.
func (w *writer) commitLarge() error {
	err := w.upload.commit(w.ctx, w.replace)
	if errors.Is(err, errUploadGone) {
		w.upload = w.b.startUpload(w.ctx, w.key, w.spool, false)
		if err = w.upload.feed((w.spool.Size() - 1) / partSize); err == nil {
			err = w.upload.commit(w.ctx, w.replace)
		}
	}
	return err
}

// Abort implements backend.Writer. When it is an interruption that ends the writing,
// what was uploaded stays, for whoever begins anew: see startUpload.
func (w *writer) Abort() error {
	if w.done {
		return nil
	}
	w.done = true
	if w.upload != nil {
		w.upload.abandon(w.ctx)
	}
	if err := w.spool.close(); err != nil {
		return fmt.Errorf("giving up %q: %w", w.key, err)
	}
	return nil
}

func (w *writer) finished() error {
	return fmt.Errorf("creating %q: the writer is finished", w.key)
}

// overwrite is a put that does not ask what is there.
func (b *Bucket) overwrite(ctx context.Context, key string, c content) error {
	maybe := false
	b.tags.forget(key)
	err := b.try(ctx, func(ctx context.Context, g *gateway) error {
		b.count(kindPut)
		etag, err := g.put(ctx, b, key, c, false)
		if err != nil {
			f := b.judge(ctx, err)
			maybe = maybe || f.maybe
			return f
		}
		b.tags.set(key, putTag(etag, c.Size()))
		return nil
	})
	if err != nil {
		return unknownIf(maybe, err)
	}
	return nil
}
