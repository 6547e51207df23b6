package buckettest

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Fault is something that goes wrong with one request.
type Fault int

// The faults.
const (
	None     Fault = iota
	Refused        // nobody listens
	CutEarly       // the connection breaks before the request was there as a whole
	Lost           // the request takes effect, and the connection breaks before its answer comes
	Error500       // answered 500, without effect
	Late500        // answered 500, after it took effect
	SlowDown       // answered 503 SlowDown, without effect
	Torn           // the answer's body ends early, as if it were whole
	Broken         // the answer's body breaks off with an error
	Garbled        // a byte of the answer's body is wrong
	Slow           // the answer's body comes in drops, with pauses
	Hang           // no answer comes
	faults
)

var names = [...]string{"none", "refused", "cut early", "lost", "500", "late 500", "slow down", "torn", "broken", "garbled", "slow", "hang"}

func (f Fault) String() string { return names[f] }

// AllFaults are those that a client must get over without anybody above it noticing.
var AllFaults = []Fault{Refused, CutEarly, Lost, Error500, Late500, SlowDown, Torn, Broken, Slow}

// Faults is a transport that lets faults happen. Use it as bucket.Options.Transport.
type Faults struct {
	Next http.RoundTripper // nil: connections of its own
	// Choose says what goes wrong with the n-th request, counted from 0; nil: nothing.
	Choose func(n int, req *http.Request) Fault

	mu       sync.Mutex
	n        int
	injected [faults]int
}

var pool = &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}

// Seeded lets one of the kinds happen to about one of every requests; the same seed makes
// the same schedule.
func Seeded(seed uint64, every int, kinds ...Fault) *Faults {
	if len(kinds) == 0 {
		kinds = AllFaults
	}
	rnd := rand.New(rand.NewPCG(seed, 1))
	return &Faults{Choose: func(int, *http.Request) Fault { // called under the lock
		if rnd.IntN(every) > 0 {
			return None
		}
		return kinds[rnd.IntN(len(kinds))]
	}}
}

// Script lets these happen to the first requests, and nothing afterwards.
func Script(kinds ...Fault) *Faults {
	return &Faults{Choose: func(n int, _ *http.Request) Fault {
		if n < len(kinds) {
			return kinds[n]
		}
		return None
	}}
}

// Injected returns how often a fault happened.
func (f *Faults) Injected(kind Fault) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.injected[kind]
}

func (f *Faults) choose(req *http.Request) Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	kind := None
	if f.Choose != nil {
		kind = f.Choose(f.n, req)
	}
	f.n++
	f.injected[kind]++
	return kind
}

// RoundTrip implements http.RoundTripper.
func (f *Faults) RoundTrip(req *http.Request) (*http.Response, error) {
	next := f.Next
	if next == nil {
		next = pool
	}
	kind := f.choose(req)
	switch kind {
	case Refused:
		drop(req)
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	case CutEarly:
		if req.Body != nil {
			io.CopyN(io.Discard, req.Body, req.ContentLength/2)
		}
		drop(req)
		return nil, &net.OpError{Op: "write", Net: "tcp", Err: syscall.ECONNRESET}
	case Error500:
		drop(req)
		return refusal(req, http.StatusInternalServerError, "InternalError"), nil
	case SlowDown:
		drop(req)
		return refusal(req, http.StatusServiceUnavailable, "SlowDown"), nil
	case Hang:
		drop(req)
		<-req.Context().Done()
		return nil, req.Context().Err()
	}
	resp, err := next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	switch kind {
	case Lost:
		resp.Body.Close()
		return nil, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	case Late500:
		resp.Body.Close()
		return refusal(req, http.StatusInternalServerError, "InternalError"), nil
	case Torn:
		resp.Body = &damaged{ReadCloser: resp.Body, left: resp.ContentLength / 2, then: io.EOF}
	case Broken:
		resp.Body = &damaged{ReadCloser: resp.Body, left: resp.ContentLength / 2, then: &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}}
	case Garbled:
		resp.Body = &damaged{ReadCloser: resp.Body, left: resp.ContentLength / 2, garble: true}
	case Slow:
		resp.Body = &damaged{ReadCloser: resp.Body, slow: true}
	}
	return resp, nil
}

func drop(req *http.Request) {
	if req.Body != nil {
		req.Body.Close()
	}
}

func refusal(req *http.Request, status int, code string) *http.Response {
	body := fmt.Sprintf("<Error><Code>%s</Code><Message>injected</Message></Error>", code)
	if req.Method == http.MethodHead {
		body = ""
	}
	return &http.Response{
		StatusCode: status, Status: http.StatusText(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        http.Header{"Content-Type": {"application/xml"}, "Date": {time.Now().UTC().Format(http.TimeFormat)}},
		ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(body)), Request: req,
	}
}

// damaged is an answer's body of which something becomes after left bytes.
type damaged struct {
	io.ReadCloser
	left   int64
	then   error
	garble bool
	slow   bool
}

func (d *damaged) Read(p []byte) (int, error) {
	if d.slow {
		time.Sleep(time.Millisecond)
		return d.ReadCloser.Read(p[:min(len(p), 8<<10)])
	}
	if d.then != nil {
		if d.left <= 0 {
			return 0, d.then
		}
		n, err := d.ReadCloser.Read(p[:min(int64(len(p)), d.left)])
		d.left -= int64(n)
		if errors.Is(err, io.EOF) {
			err = d.then
		}
		return n, err
	}
	n, err := d.ReadCloser.Read(p)
	if d.garble && d.left < int64(n) && n > 0 {
		at := max(d.left, 0)
		p[at] ^= 0x20
		d.garble = false
	}
	d.left -= int64(n)
	return n, err
}
