package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/mstore/mstore/internal/backend"
	"gocloud.dev/blob"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

var (
	// ErrURL: the URL is not one of a bucket, or asks for what there is not.
	ErrURL = errors.New("invalid storage URL")
	// ErrDenied: no credentials, wrong ones, or ones that may not do this.
	ErrDenied = errors.New("access denied")
	// ErrNoBucket: the service answers, and has no such bucket.
	ErrNoBucket = errors.New("no such bucket")
	// ErrUnavailable: the service could not be reached, or did not get it done, however
	// often it was asked.
	ErrUnavailable = errors.New("storage unreachable")
	// ErrNotConditional: the bucket does not keep the promises that a store relies on;
	// see Bucket.Probe.
	ErrNotConditional = errors.New("the bucket cannot hold a store")
	// ErrMisbehaves: an answer of the service contradicts its protocol: a listing that is
	// out of order, outside its prefix or without end, a range that was not asked for.
	ErrMisbehaves = errors.New("the service misbehaves")
)

// Options are the settings of a Bucket; zero values are replaced.
type Options struct {
	// Transport carries the requests to S3; nil: a pool of connections of this Bucket's
	// own. Tests put faults between.
	Transport http.RoundTripper
	// SpoolDir is where content above 1 MiB is kept until it is uploaded; empty: the
	// directory for temporary files.
	SpoolDir string
	// Attempts is how often a request is tried in all; 0: 10. As long as the service has
	// never answered it is tried 4 times at most, so that a wrong address is told soon.
	Attempts int
	// Timeout is how long a request may make no progress; 0: 30 s, which is longer than
	// Ceph needs to notice that a disk's process is gone.
	Timeout time.Duration
	// Backoff is the wait before the second try, which doubles with each further one up
	// to 100 times that, give or take half of it; 0: 100 ms.
	Backoff time.Duration
	// Parallel is how many requests one transfer makes at once; 0: 8.
	Parallel int
	// Warn is told what a person may want to know; nil: nobody is.
	Warn func(msg string)
}

func (o Options) withDefaults() Options {
	if o.Attempts <= 0 {
		o.Attempts = 10
	}
	if o.Timeout <= 0 {
		o.Timeout = 30 * time.Second
	}
	if o.Backoff <= 0 {
		o.Backoff = 100 * time.Millisecond
	}
	if o.Parallel <= 0 {
		o.Parallel = 8
	}
	if o.Warn == nil {
		o.Warn = func(string) {}
	}
	return o
}

// Bucket is a backend.Backend, a backend.Tagger and a backend.Tidier below one prefix
// of a bucket. It may be used concurrently.
type Bucket struct {
	o        Options
	place    place
	prefix   string // "" or with a slash at its end
	gateways []*gateway
	current  atomic.Int32 // the gateway that worked last
	reached  atomic.Bool  // some gateway has answered
	meter    meter
	tags     tags
	sse      types.ServerSideEncryption // of what is written to S3
	kmsKey   string
	// noMD5 is set when an ETag that looks like an MD5 turned out to be none.
	noMD5  atomic.Bool
	closer io.Closer
}

var (
	_ backend.Backend = (*Bucket)(nil)
	_ backend.Tagger  = (*Bucket)(nil)
	_ backend.Tidier  = (*Bucket)(nil)
)

// gateway is one address under which the bucket is served.
type gateway struct {
	name string // for messages
	blob *blob.Bucket
	s3   *s3.Client // nil: not S3
	// How a listing begins after a name, where that is not S3; both nil: it does not.
	startAfter func(name string) []byte // makes a token
	beforeList func(name string) func(as func(any) bool) error
}

// opener opens the gateways of a place.
type opener func(ctx context.Context, b *Bucket) error

// openers has what Open can open, by the URL's scheme. Build tags add to it.
var openers = map[string]opener{"s3": openS3, "mem": openMem}

// Schemes lists the schemes of the URLs that Open understands, without the one that is
// for tests.
func Schemes() []string {
	var names []string
	for _, s := range []string{"s3", "gs", "azblob"} {
		if openers[s] != nil {
			names = append(names, s)
		}
	}
	return names
}

// Open opens the bucket that a URL names, like
//
//	s3://BUCKET/PREFIX?endpoint=http://HOST:PORT&region=REGION&use_path_style=true
//
// with the credentials that the usual chain finds (environment, profile, role). Several
// endpoints, with commas between, are gateways to the same bucket; a client goes over to
// the next when one does not answer. mem://NAME is a bucket in this process's memory, one
// for each name. The service is not asked anything yet. Errors wrap ErrURL or ErrDenied.
func Open(ctx context.Context, rawURL string, o Options) (*Bucket, error) {
	p, err := parseURL(rawURL)
	if err != nil {
		return nil, err
	}
	b := &Bucket{o: o.withDefaults(), place: p, prefix: p.prefix}
	open := openers[p.scheme]
	if open == nil {
		return nil, fmt.Errorf("%w: this program was built without %s://", ErrURL, p.scheme)
	}
	if err := open(ctx, b); err != nil {
		return nil, fmt.Errorf("opening %s: %w", p, err)
	}
	return b, nil
}

// Close lets go of connections. Readers and writers must be finished.
func (b *Bucket) Close() error {
	if b.closer == nil {
		return nil
	}
	return b.closer.Close()
}

// String is the bucket's URL without its parameters, for messages.
func (b *Bucket) String() string { return b.place.String() }

// Requests returns what was asked of the service since Open.
func (b *Bucket) Requests() Requests { return b.meter.requests() }

// Stat implements backend.Backend.
func (b *Bucket) Stat(ctx context.Context, key string) (backend.Info, error) {
	if err := checkKey("looking up", key); err != nil {
		return backend.Info{}, err
	}
	info := backend.Info{Key: key}
	err := b.try(ctx, func(ctx context.Context, g *gateway) error {
		b.count(kindHead)
		attrs, err := g.blob.Attributes(ctx, b.prefix+key)
		if err == nil {
			info.Size = attrs.Size
		}
		return err
	})
	if err != nil {
		return backend.Info{}, fmt.Errorf("looking up %q: %w", key, err)
	}
	return info, nil
}

// Delete implements backend.Backend. S3 does not tell whether there was anything to
// delete; so it is asked before, and of several who delete a key at once more than one
// may be told that he did.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	if err := checkKey("deleting", key); err != nil {
		return err
	}
	maybe := false // it was asked for, and no answer came
	err := b.try(ctx, func(ctx context.Context, g *gateway) error {
		if !maybe {
			b.count(kindHead)
			if _, err := g.blob.Attributes(ctx, b.prefix+key); err != nil {
				return err
			}
		}
		b.count(kindDelete)
		err := g.delete(ctx, b, key)
		if err == nil {
			return nil
		}
		f := b.judge(ctx, err)
		if maybe && errors.Is(f, backend.ErrNotFound) {
			return nil
		}
		maybe = maybe || f.maybe
		return f
	})
	b.tags.forget(key)
	if err != nil {
		return fmt.Errorf("deleting %q: %w", key, unknownIf(maybe, err))
	}
	return nil
}

func (g *gateway) delete(ctx context.Context, b *Bucket, key string) error {
	if g.s3 == nil {
		return g.blob.Delete(ctx, b.prefix+key)
	}
	_, err := g.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.place.bucket, Key: aws.String(b.prefix + key)})
	return err
}

// unknownIf says that a failed request may have taken effect all the same.
func unknownIf(maybe bool, err error) error {
	if !maybe || errors.Is(err, backend.ErrUnknown) || errors.Is(err, backend.ErrExists) || errors.Is(err, backend.ErrNotFound) {
		return err
	}
	return fmt.Errorf("%w: %w", backend.ErrUnknown, err)
}

func checkKey(op, key string) error {
	if !backend.ValidKey(key) {
		return fmt.Errorf("%s %q: %w", op, key, backend.ErrInvalidKey)
	}
	return nil
}
