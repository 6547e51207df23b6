package bucket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/mstore/mstore/internal/backend"
	"gocloud.dev/blob"
)

const contentType = "application/octet-stream"

// content is what is to be put: readable from any place, by several at once.
type content interface {
	io.ReaderAt
	Size() int64
}

// Put implements backend.Backend: one create-only request. When its answer is lost, it
// is repeated; when that finds the key taken, the bytes there tell whether it was the
// request before that took it.
func (b *Bucket) Put(ctx context.Context, key string, data []byte) error {
	if err := checkKey("creating", key); err != nil {
		return err
	}
	if err := b.create(ctx, key, bytes.NewReader(data)); err != nil {
		return fmt.Errorf("creating %q: %w", key, err)
	}
	return nil
}

// create is a create-only put in one piece.
func (b *Bucket) create(ctx context.Context, key string, c content) error {
	maybe := false
	tag := ""
	err := b.try(ctx, func(ctx context.Context, g *gateway) error {
		b.count(kindPut)
		etag, err := g.put(ctx, b, key, c, true)
		if err == nil {
			tag = putTag(etag, c.Size())
			return nil
		}
		f := b.judge(ctx, err)
		if maybe && errors.Is(f, backend.ErrExists) {
			return b.mine(ctx, g, key, c)
		}
		maybe = maybe || f.maybe
		return f
	})
	if err != nil && maybe {
		err = b.lastLook(ctx, key, c, err)
	}
	if err == nil {
		b.tags.set(key, tag)
	}
	return err
}

// mine finds out whose bytes a key has that may be ours: nil when they are those of c,
// so that a request of which no answer came has won; ErrExists when they are others. In a
// store no two writers have the same bytes for one key: names of packs and transaction
// IDs are random. Nothing there is ErrUnknown: a request may still be on its way, or the
// key may have been deleted since.
func (b *Bucket) mine(ctx context.Context, g *gateway, key string, c content) error {
	b.count(kindGet)
	a, err := g.get(ctx, b.prefix+key, 0, -1)
	if err != nil {
		f := b.judge(ctx, err)
		if errors.Is(f, backend.ErrNotFound) {
			return &fault{err: fmt.Errorf("%w: it is not there", backend.ErrUnknown), answered: true}
		}
		f.maybe = true
		return f
	}
	defer a.body.Close()
	if a.total != c.Size() {
		return &fault{err: backend.ErrExists, answered: true}
	}
	same, err := sameBytes(a.body, c)
	switch {
	case err != nil:
		return torn(err)
	case !same:
		return &fault{err: backend.ErrExists, answered: true}
	}
	return nil
}

// sameBytes compares what r gives with all of c.
func sameBytes(r io.Reader, c content) (bool, error) {
	p, q := make([]byte, 64<<10), make([]byte, 64<<10)
	for off := int64(0); off < c.Size(); {
		n := min(int64(len(p)), c.Size()-off)
		if _, err := io.ReadFull(r, p[:n]); err != nil {
			return false, err
		}
		if _, err := c.ReadAt(q[:n], off); err != nil && err != io.EOF {
			return false, err
		}
		if !bytes.Equal(p[:n], q[:n]) {
			return false, nil
		}
		off += n
	}
	return true, nil
}

// lastLook is for a put that was given up although it may have worked.
func (b *Bucket) lastLook(ctx context.Context, key string, c content, why error) error {
	if errors.Is(why, backend.ErrExists) || errors.Is(why, backend.ErrUnknown) {
		return why
	}
	if ctx.Err() == nil {
		err := b.mine(ctx, b.gateways[b.current.Load()], key, c)
		if err == nil || errors.Is(err, backend.ErrExists) {
			return err
		}
	}
	return unknownIf(true, why)
}

// put is one request, or what gocloud makes of it.
func (g *gateway) put(ctx context.Context, b *Bucket, key string, c content, createOnly bool) (etag string, err error) {
	body := io.NewSectionReader(c, 0, c.Size())
	if g.s3 == nil {
		// Without a cancelled context Close would publish what was not written to its end.
		writing, cancel := context.WithCancel(ctx)
		defer cancel()
		w, err := g.blob.NewWriter(writing, b.prefix+key, &blob.WriterOptions{
			IfNotExist: createOnly, ContentType: contentType, MaxConcurrency: b.o.Parallel,
		})
		if err != nil {
			return "", err
		}
		if _, err := io.Copy(w, body); err != nil {
			cancel()
			return "", errors.Join(err, w.Close())
		}
		return "", w.Close()
	}
	in := &s3.PutObjectInput{
		Bucket: &b.place.bucket, Key: aws.String(b.prefix + key), Body: body, ContentLength: aws.Int64(c.Size()),
		ContentType: aws.String(contentType), ServerSideEncryption: b.sse,
	}
	if b.kmsKey != "" {
		in.SSEKMSKeyId = &b.kmsKey
	}
	if createOnly {
		in.IfNoneMatch = aws.String("*")
	}
	out, err := g.s3.PutObject(ctx, in)
	if err != nil {
		return "", err
	}
	return cleanTag(out.ETag), nil
}
