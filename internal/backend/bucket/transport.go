package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

const (
	dialTimeout = 5 * time.Second
	// maxAnswer bounds what is read of an answer that is not content: a page of a
	// listing has 1,000 names of up to 1,024 bytes, escaped.
	maxAnswer = 16 << 20
)

// errStalled: a request made no progress for as long as it may.
var errStalled = errors.New("no progress")

// newPool returns connections that are kept for further requests.
func newPool(o Options) *http.Transport {
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return prompt(c), nil
		},
		TLSHandshakeTimeout:    2 * dialTimeout,
		MaxIdleConns:           8 * o.Parallel,
		MaxIdleConnsPerHost:    4 * o.Parallel,
		IdleConnTimeout:        60 * time.Second,
		DisableCompression:     true,
		ReadBufferSize:         64 << 10,
		WriteBufferSize:        64 << 10,
		MaxResponseHeaderBytes: 256 << 10,
	}
}

type closeIdle struct{ pool *http.Transport }

func (c closeIdle) Close() error {
	c.pool.CloseIdleConnections()
	return nil
}

// watched counts requests, ends those that make no progress, and bounds answers that
// are not content.
type watched struct {
	next    http.RoundTripper
	meter   *meter
	timeout time.Duration
}

// RoundTrip implements http.RoundTripper. Progress is a byte of the request's body that
// was taken to be sent, the answer's head, and a byte of its body; while nobody reads
// the body, time does not count.
func (w *watched) RoundTrip(req *http.Request) (*http.Response, error) {
	kind := kindOf(req)
	w.meter.add(kind)
	ctx, cancel := context.WithCancelCause(req.Context())
	timer := time.AfterFunc(w.timeout, func() { cancel(fmt.Errorf("%w for %v", errStalled, w.timeout)) })
	var answered atomic.Bool
	req = req.WithContext(ctx)
	if req.Body != nil && req.Body != http.NoBody {
		req.Body = &sentBody{ReadCloser: req.Body, timer: timer, w: w, answered: &answered}
	}
	resp, err := w.next.RoundTrip(req)
	answered.Store(true)
	timer.Stop()
	if err != nil {
		if cause := context.Cause(ctx); errors.Is(cause, errStalled) {
			err = cause
		}
		cancel(nil)
		return nil, err
	}
	w.meter.noteDate(resp.Header.Get("Date"))
	body := &receivedBody{body: resp.Body, timer: timer, w: w, ctx: ctx, cancel: cancel, left: -1}
	if req.Method != http.MethodHead && (kind != kindGet || resp.StatusCode >= 300) {
		body.left, body.due = maxAnswer, resp.ContentLength
	}
	resp.Body = body
	return resp, nil
}

type sentBody struct {
	io.ReadCloser
	timer    *time.Timer
	w        *watched
	answered *atomic.Bool // the rest is sent in vain, and is not waited for
}

func (b *sentBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 && !b.answered.Load() {
		b.timer.Reset(b.w.timeout)
		b.w.meter.sent.Add(int64(n))
	}
	return n, err
}

type receivedBody struct {
	body   io.ReadCloser
	timer  *time.Timer
	w      *watched
	ctx    context.Context
	cancel context.CancelCauseFunc
	left   int64 // bytes that may still come; -1: any number
	due    int64 // bytes that were announced and have not come
}

func (b *receivedBody) Read(p []byte) (int, error) {
	b.timer.Reset(b.w.timeout)
	n, err := b.body.Read(p)
	b.timer.Stop()
	b.w.meter.received.Add(int64(n))
	if b.due -= int64(n); b.left >= 0 && err == io.EOF && b.due > 0 {
		err = io.ErrUnexpectedEOF
	}
	if b.left >= 0 {
		if b.left -= int64(n); b.left < 0 {
			return n, fmt.Errorf("%w: an answer of more than %d MiB", ErrMisbehaves, maxAnswer>>20)
		}
	}
	if err != nil && err != io.EOF {
		if cause := context.Cause(b.ctx); errors.Is(cause, errStalled) {
			err = cause
		}
	}
	return n, err
}

func (b *receivedBody) Close() error {
	b.timer.Stop()
	err := b.body.Close()
	b.cancel(nil)
	return err
}
