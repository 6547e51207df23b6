package bucket

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/mstore/mstore/internal/backend"
	"gocloud.dev/blob"
)

const (
	pageSize = 1000
	// maxKeys bounds one listing; a store folds its journal and its packs long before.
	maxKeys = 1_000_000
	// maxEmptyPages is how many pages in a row may bring nothing.
	maxEmptyPages = 10
)

// object is one line of a listing.
type object struct {
	name string // in the bucket
	size int64
	tag  string
}

type page struct {
	objects []object
	more    bool   // there were others, of which no notice is to be taken
	next    string // what to ask the next page with; "" when this is the last
}

// List implements backend.Backend. Names that are no keys of a store are passed over.
// The service's answers are checked: every name below the prefix, greater than the one
// before, and an end. Errors wrap ErrMisbehaves when they are not so.
func (b *Bucket) List(ctx context.Context, prefix, after string, limit int) ([]backend.Info, error) {
	if !backend.ValidPrefix(prefix) {
		return nil, fmt.Errorf("listing %q: %w", prefix, backend.ErrInvalidKey)
	}
	infos, tags, err := b.list(ctx, prefix, after, limit)
	if err != nil {
		return nil, fmt.Errorf("listing %q: %w", prefix, err)
	}
	b.tags.listed(prefix, after, infos, tags, limit > 0 && len(infos) == limit)
	return infos, nil
}

func (b *Bucket) list(ctx context.Context, prefix, after string, limit int) (infos []backend.Info, tags []string, err error) {
	full, last := b.prefix+prefix, ""
	if after != "" {
		last = b.prefix + after
	}
	token, seen, empty := "", 0, 0
	for {
		size := pageSize
		if limit > 0 {
			size = min(pageSize, limit-len(infos))
		}
		var p page
		err := b.try(ctx, func(ctx context.Context, g *gateway) (err error) {
			b.count(kindList)
			p, err = g.list(ctx, b, full, last, token, size)
			return err
		})
		if err != nil {
			return nil, nil, err
		}
		for _, o := range p.objects {
			if !strings.HasPrefix(o.name, full) {
				return nil, nil, fmt.Errorf("%w: it lists %.100q", ErrMisbehaves, o.name)
			}
			if o.name <= last {
				return nil, nil, fmt.Errorf("%w: it lists %.100q after %.100q", ErrMisbehaves, o.name, last)
			}
			last = o.name
			key := strings.TrimPrefix(o.name, b.prefix)
			if !backend.ValidKey(key) || o.size < 0 {
				continue // somebody else's
			}
			if limit > 0 && len(infos) == limit {
				return infos, tags, nil
			}
			infos, tags = append(infos, backend.Info{Key: key, Size: o.size}), append(tags, o.tag)
		}
		if seen += len(p.objects); seen > maxKeys {
			return nil, nil, fmt.Errorf("%w: a listing of more than %d names", ErrMisbehaves, maxKeys)
		}
		if p.next == "" || limit > 0 && len(infos) == limit {
			return infos, tags, nil
		}
		if empty++; len(p.objects) > 0 || p.more {
			empty = 0
		}
		if empty > maxEmptyPages || p.next == token {
			return nil, nil, fmt.Errorf("%w: a listing that does not go on", ErrMisbehaves)
		}
		token = p.next
	}
}

// list asks for one page of names that begin with prefix and are greater than after.
func (g *gateway) list(ctx context.Context, b *Bucket, prefix, after, token string, size int) (page, error) {
	if g.s3 != nil {
		return g.listS3(ctx, b.place.bucket, prefix, after, token, size)
	}
	return g.listGeneric(ctx, prefix, after, token, size)
}

// listS3 goes past gocloud: that panics when a time is missing in an answer, and changes
// names that look like its escapes.
func (g *gateway) listS3(ctx context.Context, bucket, prefix, after, token string, size int) (page, error) {
	in := &s3.ListObjectsV2Input{Bucket: &bucket, MaxKeys: aws.Int32(int32(size))}
	if prefix != "" {
		in.Prefix = &prefix
	}
	from := sendable(after)
	switch {
	case token != "":
		in.ContinuationToken = &token
	case from != "":
		in.StartAfter = &from
	}
	out, err := g.s3.ListObjectsV2(ctx, in)
	if err != nil {
		return page{}, err
	}
	if out.IsTruncated == nil || out.KeyCount != nil && int(*out.KeyCount) != len(out.Contents) {
		return page{}, torn(errors.New("a listing without its end")) // which the SDK takes for an end
	}
	var p page
	for _, o := range out.Contents {
		if from != after && aws.ToString(o.Key) <= after {
			p.more = true
			continue
		}
		p.objects = append(p.objects, object{aws.ToString(o.Key), aws.ToInt64(o.Size), listedTag(o)})
	}
	if aws.ToBool(out.IsTruncated) {
		if p.next = aws.ToString(out.NextContinuationToken); p.next == "" {
			return page{}, fmt.Errorf("%w: a listing that breaks off", ErrMisbehaves)
		}
	}
	return p, nil
}

// sendable is the beginning of a name that XML can carry: answers repeat what was asked.
func sendable(name string) string {
	for i, c := range name {
		if c < 0x20 || c >= 0x7f {
			return name[:i]
		}
	}
	return name
}

// listGeneric lists by gocloud. Where a driver cannot begin in the middle, the pages
// before it are read in vain.
func (g *gateway) listGeneric(ctx context.Context, prefix, after, token string, size int) (page, error) {
	from := blob.FirstPageToken
	switch {
	case token != "":
		from = []byte(token)
	case after != "" && g.startAfter != nil:
		from = g.startAfter(after)
	}
	o := &blob.ListOptions{Prefix: prefix}
	if g.beforeList != nil && after != "" {
		o.BeforeList = g.beforeList(after)
	}
	objects, next, err := g.blob.ListPage(ctx, from, size, o)
	if err == io.EOF {
		return page{}, nil
	}
	if err != nil {
		return page{}, err
	}
	p := page{next: string(next)}
	for _, o := range objects {
		if p.more = o.Key <= after; !p.more {
			p.objects = append(p.objects, object{o.Key, o.Size, fmt.Sprintf("%s-%d-%d", hex.EncodeToString(o.MD5), o.Size, o.ModTime.UnixNano())})
		}
	}
	return p, nil
}
