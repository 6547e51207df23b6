package bucket

import (
	"net/http"
	"sync/atomic"
)

// Requests says how many requests were made, by kind, tries that failed among them.
// Where the SDK of another service makes the requests, they are those that were asked
// of it.
type Requests struct {
	Get, Put, Head, List, Delete int64
	// Multipart are all requests for uploads in parts.
	Multipart int64
	// Retries are those of all the above that repeated one that had failed.
	Retries int64
	// Sent and Received are bytes of bodies.
	Sent, Received int64
}

// Total is the number of requests.
func (r Requests) Total() int64 {
	return r.Get + r.Put + r.Head + r.List + r.Delete + r.Multipart
}

type kind int

const (
	kindGet kind = iota
	kindPut
	kindHead
	kindList
	kindDelete
	kindMultipart
	kinds
)

type meter struct {
	// logical: there is no transport that counts, so that operations are.
	logical bool
	n       [kinds]atomic.Int64
	retries atomic.Int64
	skew    atomic.Int64 // of the last answer; see Bucket.Skew
	dated   atomic.Bool  // there was an answer that told the time
	sent    atomic.Int64
	// received is what bodies gave to their readers.
	received atomic.Int64
}

func (m *meter) add(k kind) { m.n[k].Add(1) }

func (m *meter) requests() Requests {
	return Requests{
		Get: m.n[kindGet].Load(), Put: m.n[kindPut].Load(), Head: m.n[kindHead].Load(),
		List: m.n[kindList].Load(), Delete: m.n[kindDelete].Load(), Multipart: m.n[kindMultipart].Load(),
		Retries: m.retries.Load(), Sent: m.sent.Load(), Received: m.received.Load(),
	}
}

// count counts operations where requests cannot be.
func (b *Bucket) count(ks ...kind) {
	if b.meter.logical {
		for _, k := range ks {
			b.meter.add(k)
		}
	}
}

func kindOf(req *http.Request) kind {
	q := req.URL.Query()
	if q.Has("uploads") || q.Has("uploadId") {
		return kindMultipart
	}
	switch req.Method {
	case http.MethodPut:
		return kindPut
	case http.MethodHead:
		return kindHead
	case http.MethodDelete:
		return kindDelete
	case http.MethodPost:
		return kindMultipart
	}
	if q.Has("list-type") {
		return kindList
	}
	return kindGet
}
