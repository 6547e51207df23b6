package bucket_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/backend/bucket"
	"github.com/mstore/mstore/internal/backend/bucket/buckettest"
)

func random(n int, seed byte) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

// TestResume: a body that breaks off is gone on with where it was.
func TestResume(t *testing.T) {
	s := buckettest.New(t, buckettest.Options{})
	data := random(3<<20, 1)
	s.SetObject("k", data)
	for _, fault := range []buckettest.Fault{buckettest.Torn, buckettest.Broken} {
		var ranges []string
		faults := buckettest.Script(fault, fault, buckettest.Error500, buckettest.Refused)
		choose := faults.Choose
		faults.Choose = func(n int, req *http.Request) buckettest.Fault {
			ranges = append(ranges, req.Header.Get("Range"))
			return choose(n, req)
		}
		b := open(t, s.URL(), quick(bucket.Options{Transport: faults}))
		r, err := b.Get(ctx, "k", 1<<20, -1)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(got, data[1<<20:]) {
			t.Errorf("%v: %d bytes, %v", fault, len(got), err)
		}
		want := []string{"bytes=1048576-", "bytes=2097152-3145727", "bytes=2621440-3145727", "bytes=2621440-3145727", "bytes=2621440-3145727"}
		if fmt.Sprint(ranges) != fmt.Sprint(want) {
			t.Errorf("%v: asked for %q, want %q", fault, ranges, want)
		}
	}
}

// TestExchanged: bytes of two contents are never put together.
func TestExchanged(t *testing.T) {
	s := buckettest.New(t, buckettest.Options{})
	s.SetObject("k", random(2<<20, 1))
	b := open(t, s.URL(), quick(bucket.Options{Transport: buckettest.Script(buckettest.Broken)}))
	r, err := b.Get(ctx, "k", 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	s.SetObject("k", random(2<<20, 2))
	_, err = io.ReadAll(r)
	wantError(t, "another content in the middle", err, bucket.ErrMisbehaves)
}

func TestGivesUp(t *testing.T) {
	s := buckettest.New(t, buckettest.Options{})
	s.SetObject("k", random(2<<20, 1))
	faults := &buckettest.Faults{Choose: func(int, *http.Request) buckettest.Fault { return buckettest.Torn }}
	// Half of what is left, each time: the last byte never comes.
	b := open(t, s.URL(), quick(bucket.Options{Transport: faults, Attempts: 3}))
	r, err := b.Get(ctx, "k", 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.ReadAll(r)
	wantError(t, "an end that never comes", err, bucket.ErrUnavailable)
}

// TestGarbled: a small key with a wrong byte is fetched again; where ETags are no MD5,
// it is noticed that they are none.
func TestGarbled(t *testing.T) {
	s := buckettest.New(t, buckettest.Options{})
	want := strings.Repeat("entry", 100)
	s.SetObject("journal/e1", []byte(want))
	b := open(t, s.URL(), quick(bucket.Options{Transport: buckettest.Script(buckettest.Garbled)}))
	if got, err := backend.ReadAll(ctx, b, "journal/e1", 1<<20); err != nil || string(got) != want {
		t.Errorf("%q, %v", got, err)
	}
	odd := roundTripper(func(req *http.Request) (*http.Response, error) {
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err == nil {
			resp.Header.Set("ETag", `"00000000000000000000000000000000"`)
		}
		return resp, err
	})
	b = open(t, s.URL(), quick(bucket.Options{Transport: odd}))
	for range 3 {
		if got, err := backend.ReadAll(ctx, b, "journal/e1", 1<<20); err != nil || string(got) != want {
			t.Errorf("%q, %v", got, err)
		}
	}
	if n := b.Requests().Get; n != 4 {
		t.Errorf("%d requests for three reads, want one more", n)
	}
}

// TestBadAnswers: what a service says about ranges is not trusted.
func TestBadAnswers(t *testing.T) {
	s := buckettest.New(t, buckettest.Options{})
	s.SetObject("k", []byte("0123456789"))
	for _, c := range []struct{ name, value string }{
		{"Content-Range", "bytes 0-4/10"}, {"Content-Range", "bytes 5-9/-1"}, {"Content-Range", "bytes 5-9/*"},
		{"Content-Range", "nonsense"}, {"Content-Range", "bytes 5-9/4"}, {"Content-Range", ""},
	} {
		b := open(t, s.URL(), quick(bucket.Options{Attempts: 2, Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
			resp, err := http.DefaultTransport.RoundTrip(req)
			if err == nil {
				resp.Header.Set(c.name, c.value)
				if c.value == "" {
					resp.Header.Del(c.name)
				}
			}
			return resp, err
		})}))
		_, err := b.Get(ctx, "k", 5, 5)
		wantError(t, c.name+": "+c.value, err, bucket.ErrMisbehaves)
	}
	// A size that is a lie is not believed by the bytes.
	b := open(t, s.URL(), quick(bucket.Options{Attempts: 2, Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err == nil {
			resp.Header.Set("Content-Range", "bytes 5-9223372036854775806/9223372036854775807")
		}
		return resp, err
	})}))
	if r, err := b.Get(ctx, "k", 5, -1); err == nil {
		defer r.Close()
		if got, err := io.ReadAll(r); err == nil {
			t.Errorf("%q and no error", got)
		}
	}
}

func TestListMisbehaves(t *testing.T) {
	edit := func(f func(*buckettest.ListPage)) *bucket.Bucket {
		s := buckettest.New(t, buckettest.Options{List: f, PageSize: 3})
		for i := range 9 {
			s.SetObject(fmt.Sprintf("p/objects/%d", i), []byte("x"))
		}
		return open(t, s.At("p"), quick(bucket.Options{Attempts: 2}))
	}
	for name, f := range map[string]func(*buckettest.ListPage){
		"unsorted":  func(p *buckettest.ListPage) { p.Contents[0], p.Contents[1] = p.Contents[1], p.Contents[0] },
		"twice":     func(p *buckettest.ListPage) { p.Contents[1] = p.Contents[0] },
		"outside":   func(p *buckettest.ListPage) { p.Contents[0].Key = "q/objects/1" },
		"escaping":  func(p *buckettest.ListPage) { p.Contents[2].Key = "p/../../etc/passwd" },
		"no token":  func(p *buckettest.ListPage) { p.IsTruncated, p.NextContinuationToken = true, "" },
		"in circle": func(p *buckettest.ListPage) { p.IsTruncated, p.NextContinuationToken = true, "after:p/objects/2" },
		"no progress": func(p *buckettest.ListPage) {
			p.Contents, p.IsTruncated, p.NextContinuationToken = nil, true, p.NextContinuationToken+"x"
		},
		"huge": func(p *buckettest.ListPage) { p.Contents[0].Key += strings.Repeat("x", 17<<20) },
	} {
		infos, err := edit(f).List(ctx, "objects/", "", 0)
		if name == "escaping" { // in order and below the prefix, but no key
			if err == nil && len(infos) != 8 {
				t.Errorf("%s: %v", name, infos)
			}
			continue
		}
		wantError(t, name, err, bucket.ErrMisbehaves)
	}
}

// TestEndlessList: ever new names, page after page.
func TestEndlessList(t *testing.T) {
	if testing.Short() {
		t.Skip("a thousand pages")
	}
	n, now := 0, time.Now().Format(time.RFC3339)
	s := buckettest.New(t, buckettest.Options{List: func(p *buckettest.ListPage) {
		p.Contents = nil
		for range 1000 {
			n++
			p.Contents = append(p.Contents, buckettest.ListObject{Key: fmt.Sprintf("objects/%09d", n), LastModified: now, Size: 1})
		}
		p.IsTruncated, p.NextContinuationToken = true, fmt.Sprint(n)
	}})
	_, err := open(t, s.URL(), quick(bucket.Options{})).List(ctx, "objects/", "", 0)
	wantError(t, "a list without end", err, bucket.ErrMisbehaves)
}

// TestForeign: what other people keep below the prefix is passed over.
func TestForeign(t *testing.T) {
	s := buckettest.New(t, buckettest.Options{PageSize: 2})
	for _, name := range []string{
		"p/", "p/README.md", "p/objects/", "p/objects/A", "p/objects/a b", "p/objects/ä", "p/objects/.tmp", "p/objects//x",
		"p/objects/a", "p/objects/z", "p/objects/__0x41__", "other/objects/b",
	} {
		s.SetObject(name, []byte("x"))
	}
	b := open(t, s.At("p"), quick(bucket.Options{}))
	for limit, want := range map[int]string{0: "[{objects/__0x41__ 1} {objects/a 1} {objects/z 1}]", 2: "[{objects/__0x41__ 1} {objects/a 1}]"} {
		infos, err := b.List(ctx, "", "", limit)
		if err != nil || fmt.Sprint(infos) != want {
			t.Errorf("limit %d: %v, %v, want %s", limit, infos, err, want)
		}
	}
}

// TestListRequests: one request a page, also from the middle on.
func TestListRequests(t *testing.T) {
	s := buckettest.New(t, buckettest.Options{})
	for i := range 2500 {
		s.SetObject(fmt.Sprintf("p/objects/%04d", i), nil)
	}
	b := open(t, s.At("p"), quick(bucket.Options{}))
	for _, c := range []struct {
		after       string
		limit, want int
	}{{"", 0, 3}, {"objects/1500", 0, 1}, {"objects/2400", 50, 1}, {"", 1000, 1}, {"", 1001, 2}} {
		s.Reset()
		if _, err := b.List(ctx, "objects/", c.after, c.limit); err != nil {
			t.Fatal(err)
		}
		if got := s.Reset(); got.Total() != c.want {
			t.Errorf("after %q, limit %d: %+v, want %d requests", c.after, c.limit, got, c.want)
		}
	}
}

func TestTags(t *testing.T) {
	s := buckettest.New(t, buckettest.Options{})
	const key = "journal/e1"
	b := open(t, s.At("p"), quick(bucket.Options{}))
	tag := func() string { v, _ := b.Tag(key); return v }
	if err := b.Put(ctx, key, []byte("one")); err != nil {
		t.Fatal(err)
	}
	put := tag()
	list := func() {
		t.Helper()
		if _, err := b.List(ctx, "journal/", "", 0); err != nil {
			t.Fatal(err)
		}
	}
	list()
	if put == "" || tag() != put {
		t.Errorf("a put gives %q, the listing %q", put, tag())
	}
	s.SetObject("p/"+key, []byte("two"))
	list()
	if tag() == put || tag() == "" {
		t.Errorf("other bytes have the tag %q", tag())
	}
	if err := b.Delete(ctx, key); err != nil {
		t.Fatal(err)
	}
	if tag() != "" {
		t.Error("a deleted key has a tag")
	}
	s.SetObject("p/"+key, []byte("two"))
	list()
	s.SetObject("p/journal/e0", []byte("zero"))
	if _, err := b.List(ctx, "journal/", "", 1); err != nil {
		t.Fatal(err)
	}
	if tag() == "" {
		t.Error("a listing that ended before it took the tag away")
	}
	b.Put(ctx, "objects/a", nil)
	if _, ok := b.Tag("objects/a"); ok {
		t.Error("a pack has a tag")
	}
}
