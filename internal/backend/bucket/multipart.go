package bucket

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/mstore/mstore/internal/backend"
)

// errUploadGone: the upload is not there any more, or has other parts than were sent.
var errUploadGone = errors.New("the upload in parts is gone")

// abortTimeout is how long giving up may take when there is somebody who waits for it.
const abortTimeout = 10 * time.Second

// upload is one content on its way in parts, some of them at once, while it is still
// written to its spool.
type upload struct {
	b      *Bucket
	key    string
	c      content
	cancel context.CancelFunc

	ready chan int32 // numbers of parts that are written whole, from 0
	fed   int32
	wg    sync.WaitGroup

	mu    sync.Mutex
	id    string
	found map[int32]types.Part // parts that an interrupted upload left, by their number from 1
	parts []types.CompletedPart
	err   error
}

// startUpload begins an upload. When resume is set, it goes on with one of the same key
// that was interrupted: parts whose MD5 and size are right are not sent again.
func (b *Bucket) startUpload(ctx context.Context, key string, c content, resume bool) *upload {
	ctx, cancel := context.WithCancel(ctx)
	u := &upload{b: b, key: key, c: c, cancel: cancel, ready: make(chan int32, maxParts)}
	u.wg.Go(func() {
		err := u.begin(ctx, resume)
		if err != nil {
			u.fail(err)
			return
		}
		for range b.o.Parallel {
			u.wg.Go(func() {
				for n := range u.ready {
					if err := u.send(ctx, n); err != nil {
						u.fail(err)
						return
					}
				}
			})
		}
	})
	return u
}

func (u *upload) fail(err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.err == nil {
		u.err = err
		u.cancel() // the other parts
	}
}

func (u *upload) failed() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.err
}

// feed says that the first n parts are written.
func (u *upload) feed(n int64) error {
	for ; int64(u.fed) < n; u.fed++ {
		u.ready <- u.fed
	}
	return u.failed()
}

// begin finds the upload to go on with, or makes one.
func (u *upload) begin(ctx context.Context, resume bool) error {
	if resume {
		id, found, err := u.unfinished(ctx)
		if err == nil && id != "" {
			u.id, u.found = id, found
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		// Whoever may not look for old ones can make a new one.
	}
	return u.b.try(ctx, func(ctx context.Context, g *gateway) error {
		in := &s3.CreateMultipartUploadInput{
			Bucket: &u.b.place.bucket, Key: u.name(), ContentType: aws.String(contentType), ServerSideEncryption: u.b.sse,
		}
		if u.b.kmsKey != "" {
			in.SSEKMSKeyId = &u.b.kmsKey
		}
		out, err := g.s3.CreateMultipartUpload(ctx, in)
		if err != nil {
			return err
		}
		if u.id = aws.ToString(out.UploadId); u.id == "" {
			return torn(errors.New("an upload without name"))
		}
		return nil
	})
}

func (u *upload) name() *string { return aws.String(u.b.prefix + u.key) }

// unfinished looks for the newest upload of the key that was begun and not finished.
func (u *upload) unfinished(ctx context.Context) (id string, found map[int32]types.Part, err error) {
	var newest types.MultipartUpload
	err = u.b.uploads(ctx, *u.name(), func(m types.MultipartUpload) error {
		if aws.ToString(m.Key) == *u.name() && (newest.UploadId == nil || aws.ToTime(m.Initiated).After(aws.ToTime(newest.Initiated))) {
			newest = m
		}
		return nil
	})
	if err != nil || newest.UploadId == nil {
		return "", nil, err
	}
	found = map[int32]types.Part{}
	marker := ""
	for {
		var out *s3.ListPartsOutput
		err := u.b.try(ctx, func(ctx context.Context, g *gateway) (err error) {
			in := &s3.ListPartsInput{Bucket: &u.b.place.bucket, Key: u.name(), UploadId: newest.UploadId}
			if marker != "" {
				in.PartNumberMarker = &marker
			}
			if out, err = g.s3.ListParts(ctx, in); err == nil && out.IsTruncated == nil {
				err = torn(errors.New("a listing without its end"))
			}
			return err
		})
		if err != nil {
			return "", nil, err
		}
		for _, p := range out.Parts {
			found[aws.ToInt32(p.PartNumber)] = p
		}
		next := aws.ToString(out.NextPartNumberMarker)
		if !aws.ToBool(out.IsTruncated) || next == marker || len(out.Parts) == 0 || len(found) > maxParts {
			return *newest.UploadId, found, nil
		}
		marker = next
	}
}

// send uploads part n, counted from 0, unless it is there already.
func (u *upload) send(ctx context.Context, n int32) error {
	size := min(partSize, u.c.Size()-int64(n)*partSize)
	section := io.NewSectionReader(u.c, int64(n)*partSize, size)
	number := n + 1
	etag := ""
	if p, ok := u.found[number]; ok && aws.ToInt64(p.Size) == size {
		h := md5.New()
		if _, err := io.Copy(h, section); err != nil {
			return err
		}
		if tag := cleanTag(p.ETag); tag == hex.EncodeToString(h.Sum(nil)) {
			etag = aws.ToString(p.ETag)
		}
	}
	if etag == "" {
		err := u.b.try(ctx, func(ctx context.Context, g *gateway) error {
			if _, err := section.Seek(0, io.SeekStart); err != nil {
				return err
			}
			out, err := g.s3.UploadPart(ctx, &s3.UploadPartInput{
				Bucket: &u.b.place.bucket, Key: u.name(), UploadId: &u.id, PartNumber: &number,
				Body: section, ContentLength: &size,
			})
			if err == nil {
				etag = aws.ToString(out.ETag)
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("part %d: %w", number, err)
		}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.parts = append(u.parts, types.CompletedPart{PartNumber: &number, ETag: &etag})
	return nil
}

// commit sends the last part, waits for all, and makes the key appear. An upload that is
// only interrupted stays, to be gone on with.
func (u *upload) commit(ctx context.Context, replace bool) error {
	size := u.c.Size()
	err := u.feed((size + partSize - 1) / partSize)
	close(u.ready)
	u.wg.Wait()
	defer u.cancel()
	if err == nil {
		err = u.failed()
	}
	if err == nil {
		slices.SortFunc(u.parts, func(a, b types.CompletedPart) int { return int(*a.PartNumber - *b.PartNumber) })
		err = u.complete(ctx, replace)
	}
	if errors.Is(err, backend.ErrExists) {
		u.abort(ctx)
	}
	return err
}

// complete asks for the key to be made of the parts. Ceph does not heed a condition here,
// so that it is asked before whether the key is free; between the two somebody else may
// still take it, and would be overwritten. Keys of contents that are this large are
// random names, or those that a copy of the same content has.
func (u *upload) complete(ctx context.Context, replace bool) error {
	if !replace {
		_, err := u.b.Stat(ctx, u.key)
		if err == nil {
			return backend.ErrExists
		}
		if !errors.Is(err, backend.ErrNotFound) {
			return err
		}
	}
	maybe := false
	err := u.b.try(ctx, func(ctx context.Context, g *gateway) error {
		in := &s3.CompleteMultipartUploadInput{
			Bucket: &u.b.place.bucket, Key: u.name(), UploadId: &u.id,
			MultipartUpload: &types.CompletedMultipartUpload{Parts: u.parts},
		}
		if !replace {
			in.IfNoneMatch = aws.String("*")
		}
		out, err := g.s3.CompleteMultipartUpload(ctx, in)
		switch {
		case err == nil && aws.ToString(out.ETag) != "":
			return nil
		case err == nil:
			err = torn(errors.New("no end of the answer"))
		}
		f := u.b.judge(ctx, err)
		if maybe && (errors.Is(f, backend.ErrExists) || errors.Is(f, errUploadGone) || errors.Is(f, backend.ErrNotFound)) {
			return u.mine(ctx, g)
		}
		maybe = maybe || f.maybe
		return f
	})
	if err != nil && maybe {
		return u.b.lastLook(ctx, u.key, u.c, err)
	}
	return err
}

// mine is Bucket.mine, and reads nothing when the ETag says that it is these parts.
func (u *upload) mine(ctx context.Context, g *gateway) error {
	out, err := g.s3.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &u.b.place.bucket, Key: u.name()})
	if err == nil && aws.ToInt64(out.ContentLength) == u.c.Size() && cleanTag(out.ETag) == u.tag() {
		return nil
	}
	return u.b.mine(ctx, g, u.key, u.c)
}

// tag is the ETag that S3 makes of parts: the MD5 of their MD5s, and how many they are.
func (u *upload) tag() string {
	h := md5.New()
	for _, p := range u.parts {
		sum, err := hex.DecodeString(cleanTag(p.ETag))
		if err != nil {
			return "unknown"
		}
		h.Write(sum)
	}
	return fmt.Sprintf("%x-%d", h.Sum(nil), len(u.parts))
}

// abandon ends the upload of a Writer that was aborted, or whose writing failed. What an
// interruption left stays.
func (u *upload) abandon(ctx context.Context) {
	u.cancel()
	close(u.ready)
	u.wg.Wait()
	if ctx.Err() == nil {
		u.abort(ctx)
	}
}

// abort drops the parts. When that fails they are left for Tidy.
func (u *upload) abort(ctx context.Context) {
	if u.id == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortTimeout)
	defer cancel()
	if err := u.b.abortUpload(ctx, *u.name(), u.id); err != nil {
		u.b.o.Warn(fmt.Sprintf("an unfinished upload of %s stays until gc: %v", u.key, err))
	}
}

func (b *Bucket) abortUpload(ctx context.Context, name, id string) error {
	err := b.try(ctx, func(ctx context.Context, g *gateway) error {
		_, err := g.s3.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &b.place.bucket, Key: &name, UploadId: &id})
		return err
	})
	if errors.Is(err, errUploadGone) || errors.Is(err, backend.ErrNotFound) {
		return nil
	}
	return err
}

// uploads calls f for every unfinished upload below prefix.
func (b *Bucket) uploads(ctx context.Context, prefix string, f func(types.MultipartUpload) error) error {
	key, id := "", ""
	for range maxKeys / pageSize {
		var out *s3.ListMultipartUploadsOutput
		err := b.try(ctx, func(ctx context.Context, g *gateway) (err error) {
			in := &s3.ListMultipartUploadsInput{Bucket: &b.place.bucket, Prefix: &prefix}
			if key != "" {
				in.KeyMarker, in.UploadIdMarker = &key, &id
			}
			if out, err = g.s3.ListMultipartUploads(ctx, in); err == nil && out.IsTruncated == nil {
				err = torn(errors.New("a listing without its end"))
			}
			return err
		})
		if err != nil {
			return err
		}
		for _, m := range out.Uploads {
			if !strings.HasPrefix(aws.ToString(m.Key), prefix) || aws.ToString(m.UploadId) == "" {
				continue
			}
			if err := f(m); err != nil {
				return err
			}
		}
		nextKey, nextID := aws.ToString(out.NextKeyMarker), aws.ToString(out.NextUploadIdMarker)
		if !aws.ToBool(out.IsTruncated) || nextKey == "" || nextKey == key && nextID == id {
			return nil
		}
		key, id = nextKey, nextID
	}
	return fmt.Errorf("%w: unfinished uploads without end", ErrMisbehaves)
}
