// Package buckettest has what tests of stores in buckets need: an S3 service in memory
// that can be made to break its promises, a transport that injects faults, and buckets
// on a real engine.
package buckettest

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// The credentials that New puts into the environment.
const (
	AccessKey = "test-key"
	SecretKey = "test-secret"
)

// Options say how a Server behaves; the zero value behaves as S3 does.
type Options struct {
	Bucket string // its only one; empty: "models"
	// AccessKey is who may use it; empty: the one in the environment.
	AccessKey string
	// Unconditional: If-None-Match is not heeded by puts, as by services of old.
	Unconditional bool
	// UnconditionalComplete: nor by the completion of uploads, as by Ceph.
	UnconditionalComplete bool
	// Skew is how far the service's clock is ahead. It refuses requests whose time is more
	// than 15 minutes off.
	Skew time.Duration
	// PageSize is how many names a page of a listing has at most; 0: 1,000.
	PageSize int
	// List changes a page of a listing before it is sent.
	List func(*ListPage)
	// StaleList: listings do not show what was put in the last moments.
	StaleList bool
}

// Counts says how many requests a Server got, by kind.
type Counts struct {
	Get, Put, Head, List, Delete, Multipart int
}

// Total is the number of requests.
func (c Counts) Total() int { return c.Get + c.Put + c.Head + c.List + c.Delete + c.Multipart }

// Server is an S3 service in memory: puts with If-None-Match, ranged gets, heads,
// deletions, listings (version 2), uploads in parts. Signatures are not checked.
type Server struct {
	o    Options
	http *httptest.Server

	mu      sync.Mutex
	objects map[string]object
	uploads map[string]*upload
	serial  int
	counts  Counts
}

type object struct {
	data []byte
	etag string // without quotes
	time time.Time
}

// New starts a service, which ends with the test, and puts credentials for it into the
// environment.
func New(t testing.TB, o Options) *Server {
	t.Helper()
	if o.Bucket == "" {
		o.Bucket = "models"
	}
	if o.AccessKey == "" {
		o.AccessKey = AccessKey
	}
	if o.PageSize <= 0 {
		o.PageSize = 1000
	}
	s := &Server{o: o, objects: map[string]object{}, uploads: map[string]*upload{}}
	s.http = httptest.NewServer(s)
	t.Cleanup(s.http.Close)
	Credentials(t, AccessKey, SecretKey)
	return s
}

// Credentials has the rest of the test use these, and nothing that is configured on this
// machine. Empty ones are none.
func Credentials(t testing.TB, key, secret string) {
	t.Helper()
	none := filepath.Join(t.TempDir(), "none")
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": "", "AWS_PROFILE": "",
		"AWS_CONFIG_FILE": none, "AWS_SHARED_CREDENTIALS_FILE": none, "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_REGION": "", "AWS_DEFAULT_REGION": "", "AWS_ENDPOINT_URL": "", "AWS_ENDPOINT_URL_S3": "",
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "",
		"AWS_WEB_IDENTITY_TOKEN_FILE": "", "HTTP_PROXY": "", "http_proxy": "",
	} {
		t.Setenv(name, value)
	}
}

// Endpoint is the service's address.
func (s *Server) Endpoint() string { return s.http.URL }

// Gateway starts another address of the same service; stop ends it, with the connections
// that it has.
func (s *Server) Gateway(t testing.TB) (endpoint string, stop func()) {
	g := httptest.NewServer(s)
	var once sync.Once
	stop = func() {
		once.Do(func() {
			g.CloseClientConnections()
			g.Close()
		})
	}
	t.Cleanup(stop)
	return g.URL, stop
}

// URL is the storage URL of the bucket.
func (s *Server) URL() string { return s.At("") }

// At is the storage URL of a prefix in the bucket.
func (s *Server) At(prefix string, endpoints ...string) string {
	if len(endpoints) == 0 {
		endpoints = []string{s.Endpoint()}
	}
	return StorageURL(s.o.Bucket, prefix, endpoints...)
}

// StorageURL is the URL of a prefix in a bucket of a service at the endpoints.
func StorageURL(bucket, prefix string, endpoints ...string) string {
	u := "s3://" + bucket
	if prefix != "" {
		u += "/" + prefix
	}
	return u + "?endpoint=" + url.QueryEscape(strings.Join(endpoints, ",")) + "&region=us-east-1&use_path_style=true"
}

// Counts returns how many requests came since the start or the last Reset.
func (s *Server) Counts() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts
}

// Reset sets the counts to zero and returns what they were.
func (s *Server) Reset() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.counts
	s.counts = Counts{}
	return c
}

// Keys lists all names in the bucket, and how many uploads are unfinished.
func (s *Server) Keys() (names []string, uploads int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.names(), len(s.uploads)
}

// Object returns the bytes of a name, which are not to be changed.
func (s *Server) Object(name string) (data []byte, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.objects[name]
	return o.data, ok
}

// SetObject puts bytes under a name, past all conditions.
func (s *Server) SetObject(name string, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.objects[name] = s.newObject(data)
}

func (s *Server) newObject(data []byte) object {
	sum := md5.Sum(data)
	return object{data: data, etag: hex.EncodeToString(sum[:]), time: s.now()}
}

func (s *Server) now() time.Time { return time.Now().Add(s.o.Skew).UTC() }

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Date", s.now().Format(http.TimeFormat))
	name, q := r.URL.Path, r.URL.Query()
	bucket, name, _ := strings.Cut(strings.TrimPrefix(name, "/"), "/")
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // torn: nothing happens
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count(r, q)
	if code := s.refuse(r); code != "" {
		fail(w, r, http.StatusForbidden, code)
		return
	}
	if bucket != s.o.Bucket {
		fail(w, r, http.StatusNotFound, "NoSuchBucket")
		return
	}
	switch {
	case q.Has("uploads") || q.Has("uploadId"):
		s.multipart(w, r, name, q, body)
	case r.Method == http.MethodGet && name == "":
		s.list(w, q)
	case r.Method == http.MethodGet, r.Method == http.MethodHead:
		s.get(w, r, name)
	case r.Method == http.MethodPut:
		s.put(w, r, name, body)
	case r.Method == http.MethodDelete:
		delete(s.objects, name)
		w.WriteHeader(http.StatusNoContent)
	default:
		fail(w, r, http.StatusMethodNotAllowed, "MethodNotAllowed")
	}
}

func (s *Server) count(r *http.Request, q url.Values) {
	switch {
	case q.Has("uploads") || q.Has("uploadId"):
		s.counts.Multipart++
	case r.Method == http.MethodHead:
		s.counts.Head++
	case r.Method == http.MethodPut:
		s.counts.Put++
	case r.Method == http.MethodDelete:
		s.counts.Delete++
	case q.Has("list-type"):
		s.counts.List++
	default:
		s.counts.Get++
	}
}

// refuse looks at who asks, and when.
func (s *Server) refuse(r *http.Request) (code string) {
	auth := r.Header.Get("Authorization")
	_, cred, ok := strings.Cut(auth, "Credential=")
	key, _, _ := strings.Cut(cred, "/")
	switch {
	case !ok:
		return "AccessDenied"
	case key != s.o.AccessKey:
		return "InvalidAccessKeyId"
	}
	signed, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil || s.now().Sub(signed).Abs() > 15*time.Minute {
		return "RequestTimeTooSkewed"
	}
	return ""
}

func (s *Server) put(w http.ResponseWriter, r *http.Request, name string, body []byte) {
	if _, ok := s.objects[name]; ok && r.Header.Get("If-None-Match") == "*" && !s.o.Unconditional {
		fail(w, r, http.StatusPreconditionFailed, "PreconditionFailed")
		return
	}
	o := s.newObject(body)
	s.objects[name] = o
	w.Header().Set("ETag", quote(o.etag))
	w.WriteHeader(http.StatusOK)
}

func (s *Server) get(w http.ResponseWriter, r *http.Request, name string) {
	o, ok := s.objects[name]
	if !ok {
		fail(w, r, http.StatusNotFound, "NoSuchKey")
		return
	}
	h := w.Header()
	h.Set("ETag", quote(o.etag))
	h.Set("Last-Modified", o.time.Format(http.TimeFormat))
	h.Set("Content-Type", "application/octet-stream")
	data, status := o.data, http.StatusOK
	if spec := r.Header.Get("Range"); spec != "" {
		from, to, ok := parseRange(spec, int64(len(data)))
		if !ok {
			fail(w, r, http.StatusRequestedRangeNotSatisfiable, "InvalidRange")
			return
		}
		h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to-1, len(data)))
		data, status = data[from:to], http.StatusPartialContent
	}
	h.Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(status)
	if r.Method == http.MethodGet {
		w.Write(data)
	}
}

// parseRange reads "bytes=FROM-TO" and "bytes=FROM-"; to is behind the last byte.
func parseRange(spec string, size int64) (from, to int64, ok bool) {
	a, b, ok := strings.Cut(strings.TrimPrefix(spec, "bytes="), "-")
	from, err := strconv.ParseInt(a, 10, 64)
	if !ok || err != nil || from >= size {
		return 0, 0, false
	}
	to = size
	if b != "" {
		last, err := strconv.ParseInt(b, 10, 64)
		if err != nil || last < from {
			return 0, 0, false
		}
		to = min(last+1, size)
	}
	return from, to, true
}

func quote(etag string) string { return `"` + etag + `"` }

func fail(w http.ResponseWriter, r *http.Request, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		send(w, struct {
			XMLName xml.Name `xml:"Error"`
			Code    string
			Message string
		}{Code: code, Message: "it is so"})
	}
}

func send(w io.Writer, v any) {
	text, err := xml.Marshal(v)
	if err != nil {
		panic(err) // a mistake in a type above
	}
	if h, ok := w.(http.ResponseWriter); ok && len(text)%2 == 0 { // announced or in chunks
		h.Header().Set("Content-Length", strconv.Itoa(len(xml.Header)+len(text)))
	}
	io.WriteString(w, xml.Header+string(text))
}
