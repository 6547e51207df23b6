// Package faultproxy is a proxy between a client and an HTTP service that counts what
// passes, and that makes of it what bad networks and servers in trouble make: slow,
// throttled, cut, torn, refused. The client's Host header stays as it was, since S3's
// requests are signed with it.
package faultproxy

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"
)

// Fault is what happens to one request. The zero value lets it pass.
type Fault struct {
	Delay time.Duration // before it is passed on
	Rate  int           // bytes a second that pass, each way; 0: as fast as it goes

	// Status, if not 0, is answered instead of the service's answer. The request is
	// passed on all the same, and takes effect, if After is set.
	Status int
	After  bool
	Body   string // of such an answer
	// Drop closes the connection without an answer, before the request is passed on or,
	// if After is set, when it has taken effect.
	Drop bool
	// Stall never answers.
	Stall bool
	// TearRequest passes on only half of the request's body, then cuts both ways.
	TearRequest bool
	// TearAnswer passes back only half of the answer's body, then cuts.
	TearAnswer bool
	// Flip changes one bit in the middle of the answer's body.
	Flip bool
}

// Counts is what has passed.
type Counts struct {
	Requests map[string]int // by method
	Sent     int64          // bytes of bodies of requests, as far as they were passed on
	Received int64          // bytes of bodies of answers
}

// Total is the number of requests.
func (c Counts) Total() (n int) {
	for _, m := range c.Requests {
		n += m
	}
	return n
}

// Proxy listens on the loopback interface.
type Proxy struct {
	target string // host:port
	server *http.Server
	addr   string
	pool   *http.Transport

	mu     sync.Mutex
	meddle func(n int, r *http.Request) Fault
	n      int
	counts Counts
}

// New begins a proxy to a service, as http://HOST:PORT. meddle, which may be nil, is
// asked about each request, by any number of goroutines; n counts requests from 1.
func New(target string, meddle func(n int, r *http.Request) Fault) (*Proxy, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{target: u.Host, addr: l.Addr().String(), pool: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64}}
	p.Meddle(meddle)
	p.Reset()
	p.server = &http.Server{Handler: http.HandlerFunc(p.serve), ReadHeaderTimeout: time.Minute}
	go func() { _ = p.server.Serve(l) }() // until Close
	return p, nil
}

// URL is where it listens: http://127.0.0.1:PORT.
func (p *Proxy) URL() string { return "http://" + p.addr }

// Close cuts all connections.
func (p *Proxy) Close() error {
	err := p.server.Close()
	p.pool.CloseIdleConnections()
	return err
}

// Meddle asks another function from now on, and counts requests for it from 1.
func (p *Proxy) Meddle(meddle func(n int, r *http.Request) Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.meddle, p.n = meddle, 0
}

// Counts tells what has passed since the beginning, or since the last Reset.
func (p *Proxy) Counts() Counts {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.counts
	c.Requests = make(map[string]int, len(p.counts.Requests))
	for m, n := range p.counts.Requests {
		c.Requests[m] = n
	}
	return c
}

// Reset begins to count anew.
func (p *Proxy) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counts = Counts{Requests: map[string]int{}}
}

// cut ends the client's connection where it is.
func cut() { panic(http.ErrAbortHandler) }

func (p *Proxy) serve(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.counts.Requests[r.Method]++
	p.n++
	n, meddle := p.n, p.meddle
	p.mu.Unlock()
	var f Fault
	if meddle != nil {
		f = meddle(n, r)
	}
	if f.Stall {
		<-r.Context().Done()
		cut()
	}
	if wait(r.Context(), f.Delay) != nil {
		cut()
	}
	switch {
	case f.Drop && !f.After:
		cut()
	case f.Status != 0 && !f.After:
		answer(w, f)
		return
	}
	resp, err := p.forward(r, f)
	if err != nil {
		cut() // as if the service had
	}
	defer resp.Body.Close()
	if f.Drop || f.Status != 0 {
		_, _ = io.Copy(io.Discard, resp.Body)
		if f.Drop {
			cut()
		}
		answer(w, f)
		return
	}
	p.reply(w, r, resp, f)
}

func answer(w http.ResponseWriter, f Fault) {
	w.Header().Set("Content-Type", "application/xml")
	w.Header().Set("Content-Length", strconv.Itoa(len(f.Body)))
	w.WriteHeader(f.Status)
	_, _ = io.WriteString(w, f.Body)
}

// errTorn is where the body of a torn request ends.
var errTorn = errors.New("torn")

func (p *Proxy) forward(r *http.Request, f Fault) (*http.Response, error) {
	out := r.Clone(r.Context())
	out.RequestURI = ""
	out.URL.Scheme, out.URL.Host = "http", p.target // and out.Host is what the client said
	out.Header.Del("Expect")
	out.Body = nil
	if r.ContentLength != 0 {
		half := int64(-1)
		if f.TearRequest {
			half = r.ContentLength / 2
		}
		out.Body = io.NopCloser(&passing{r: r.Body, ctx: r.Context(), rate: f.Rate, left: half, flip: -1, count: func(n int) { p.add(&p.counts.Sent, n) }})
	}
	return p.pool.RoundTrip(out)
}

func (p *Proxy) add(to *int64, n int) {
	p.mu.Lock()
	*to += int64(n)
	p.mu.Unlock()
}

func (p *Proxy) reply(w http.ResponseWriter, r *http.Request, resp *http.Response, f Fault) {
	h := w.Header()
	for name, values := range resp.Header {
		h[name] = values
	}
	w.WriteHeader(resp.StatusCode)
	size := resp.ContentLength
	body := &passing{r: resp.Body, ctx: r.Context(), rate: f.Rate, left: -1, flip: -1, count: func(n int) { p.add(&p.counts.Received, n) }}
	half := max(size, 2) / 2 // of one whose length nobody said, nearly nothing
	if f.TearAnswer {
		body.left = half
	}
	if f.Flip {
		body.flip = half
	}
	if _, err := io.Copy(w, body); err != nil {
		_ = http.NewResponseController(w).Flush()
		cut()
	}
}

// passing is a body on its way.
type passing struct {
	r     io.Reader
	ctx   context.Context
	rate  int
	left  int64 // bytes until it is torn; below 0: never
	flip  int64 // where a bit changes; below 0: nowhere
	at    int64
	count func(n int)
}

func (b *passing) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, errTorn
	}
	if b.left > 0 {
		p = p[:min(int64(len(p)), b.left)]
	}
	if b.rate > 0 {
		p = p[:min(len(p), max(1, b.rate/20))]
	}
	n, err := b.r.Read(p)
	if n > 0 {
		if i := b.flip - b.at; b.flip >= 0 && i >= 0 && i < int64(n) {
			p[i] ^= 1
		}
		b.at += int64(n)
		b.count(n)
		if b.left > 0 {
			b.left -= int64(n)
		}
		if b.rate > 0 {
			if werr := wait(b.ctx, time.Duration(n)*time.Second/time.Duration(b.rate)); werr != nil {
				return n, werr
			}
		}
	}
	return n, err
}

func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
