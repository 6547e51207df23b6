package bucket

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/cenkalti/backoff/v5"
)

// errPastEnd: the range begins behind the last byte.
var errPastEnd = errors.New("range past the end")

// maxWhole is up to which size an object that is asked for as a whole is fetched before
// anybody sees a byte of it, and compared with its MD5.
const maxWhole = 1 << 20

// Get implements backend.Backend. When the connection breaks in the middle, the reader
// asks for the rest.
func (b *Bucket) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	if err := checkKey("reading", key); err != nil {
		return nil, err
	}
	if off < 0 {
		return nil, fmt.Errorf("reading %q: negative offset %d", key, off)
	}
	if n > math.MaxInt64-off {
		n = -1
	}
	r := &reader{ctx: ctx, b: b, key: key, pos: off}
	if err := r.open(n); err != nil {
		return nil, fmt.Errorf("reading %q: %w", key, err)
	}
	return r, nil
}

// answer is what a service gave for one range.
type answer struct {
	body  io.ReadCloser
	n     int64  // bytes that body will have
	total int64  // bytes of the object
	tag   string // of the object
	md5   bool   // tag is the MD5 of the object's bytes
}

// get asks for one range, once. n < 0: to the end.
func (g *gateway) get(ctx context.Context, key string, off, n int64) (answer, error) {
	r, err := g.blob.NewRangeReader(ctx, key, off, n, nil)
	if err != nil {
		return answer{}, err
	}
	a := answer{body: r, total: r.Size(), tag: r.ModTime().UTC().String()}
	var out s3.GetObjectOutput
	if r.As(&out) {
		a.tag = cleanTag(out.ETag)
		a.md5 = len(a.tag) == 2*md5.Size && (out.ServerSideEncryption == "" || out.ServerSideEncryption == types.ServerSideEncryptionAes256) && out.SSECustomerAlgorithm == nil
		if err := checkRange(&out, off, &a); err != nil {
			r.Close()
			return answer{}, err
		}
	}
	a.n = max(a.total-off, 0)
	if n >= 0 {
		a.n = min(a.n, n)
	}
	return a, nil
}

// checkRange makes sure that the answer begins where it was asked to begin.
func checkRange(out *s3.GetObjectOutput, off int64, a *answer) error {
	text := aws.ToString(out.ContentRange)
	if text == "" {
		if off > 0 {
			return fmt.Errorf("%w: it was asked for bytes from %d, and sends them all", ErrMisbehaves, off)
		}
		if out.ContentLength == nil || *out.ContentLength < 0 {
			return fmt.Errorf("%w: an answer without length", ErrMisbehaves)
		}
		a.total = *out.ContentLength
		return nil
	}
	span, total, ok := strings.Cut(strings.TrimPrefix(text, "bytes "), "/")
	from, _, ok2 := strings.Cut(span, "-")
	start, err := strconv.ParseInt(from, 10, 64)
	size, err2 := strconv.ParseInt(total, 10, 64)
	if !ok || !ok2 || err != nil || err2 != nil || start != off || size < off {
		return fmt.Errorf("%w: it was asked for bytes from %d, and answers %.100q", ErrMisbehaves, off, text)
	}
	a.total = size
	return nil
}

func cleanTag(etag *string) string { return strings.Trim(aws.ToString(etag), `"`) }

// reader reads one range and goes on where it was when it is interrupted.
type reader struct {
	ctx      context.Context
	b        *Bucket
	key      string
	pos, end int64 // what was asked for and not yet read
	total    int64
	tag      string
	body     io.ReadCloser // nil: to be opened again
	vain     int           // times in a row that it was opened without getting anything
	wait     *backoff.ExponentialBackOff
}

// open asks for n bytes from r.pos; the first time that tells what there is.
func (r *reader) open(n int64) error {
	first := r.total == 0 && r.tag == ""
	var sum [md5.Size]byte
	return r.b.try(r.ctx, func(ctx context.Context, g *gateway) error {
		r.b.count(kindGet)
		a, err := g.get(ctx, r.b.prefix+r.key, r.pos, n)
		if err != nil {
			f := r.b.judge(ctx, err)
			if errors.Is(f, errPastEnd) && first {
				r.body, r.end = io.NopCloser(bytes.NewReader(nil)), r.pos
				return nil
			}
			return f
		}
		if !first && (a.tag != r.tag || a.total != r.total) {
			a.body.Close()
			return &fault{err: fmt.Errorf("its bytes were exchanged while it was read: %w", ErrMisbehaves), answered: true}
		}
		r.tag, r.total, r.end = a.tag, a.total, r.pos+a.n
		r.body = a.body
		if first && r.pos == 0 && a.n == a.total && a.total <= maxWhole {
			data, err := r.b.whole(a, &sum)
			if err != nil {
				return err
			}
			r.body = io.NopCloser(bytes.NewReader(data))
		}
		return nil
	})
}

// whole reads a small object, and compares it with its MD5 where that is known. When the
// same bytes come twice that do not have it, what the service calls an ETag is no MD5.
func (b *Bucket) whole(a answer, before *[md5.Size]byte) ([]byte, error) {
	defer a.body.Close()
	data := make([]byte, a.n)
	if _, err := io.ReadFull(a.body, data); err != nil {
		return nil, torn(err)
	}
	if !a.md5 || b.noMD5.Load() {
		return data, nil
	}
	sum := md5.Sum(data)
	if hex.EncodeToString(sum[:]) != a.tag {
		if sum != *before {
			*before = sum
			return nil, torn(errors.New("its bytes do not have their MD5"))
		}
		b.noMD5.Store(true)
	}
	return data, nil
}

func torn(err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return &fault{err: fmt.Errorf("%w: the answer broke off: %w", ErrUnavailable, err), again: true, maybe: true}
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		if r.pos >= r.end {
			return 0, io.EOF
		}
		if err := r.ctx.Err(); err != nil {
			return 0, err
		}
		if r.body == nil {
			if err := r.open(r.end - r.pos); err != nil {
				return 0, fmt.Errorf("reading %q on from byte %d: %w", r.key, r.pos, err)
			}
		}
		n, err := r.body.Read(p[:min(int64(len(p)), r.end-r.pos)])
		r.pos += int64(n)
		if r.pos == r.end {
			r.body.Close()
			r.body = nil
		}
		if n > 0 {
			r.vain, r.wait = 0, nil
			return n, nil
		}
		if err == nil || r.body == nil {
			continue
		}
		r.body.Close()
		r.body = nil
		if r.vain++; r.vain >= r.b.o.Attempts {
			return 0, fmt.Errorf("reading %q: %w", r.key, torn(err))
		}
		if r.wait == nil {
			r.wait = r.b.newWait()
		}
		if err := pause(r.ctx, r.wait.NextBackOff()); err != nil {
			return 0, err
		}
	}
}

// Close implements io.Closer.
func (r *reader) Close() error {
	r.end = r.pos
	if r.body == nil {
		return nil
	}
	err := r.body.Close()
	r.body = nil
	return err
}

// isCut tells whether a connection or an answer broke off.
func isCut(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
