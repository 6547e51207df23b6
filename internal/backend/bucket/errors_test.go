package bucket_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/backend/bucket"
	"github.com/mstore/mstore/internal/backend/bucket/buckettest"
)

func TestOpenRefuses(t *testing.T) {
	buckettest.Credentials(t, "key", "verysecret")
	for _, u := range []string{
		"", "bucket", "s3:bucket", "s3://", "s3:///prefix", "ftp://b", "file:///tmp", "s3://b?endpoint=host:9000",
		"s3://b?endpoint=http://u:verysecret@h", "s3://key:verysecret@b", "s3://b/a//b?region=r", "s3://b/../c?region=r",
		"s3://b/%00?region=r", "s3://b#verysecret", "s3://b?use_path_style=perhaps", "s3://b?secret_key=verysecret&region=r",
		"s3://b?region=r&endpoint=http://h?x=verysecret", "s3://b", "mem://b?nomd5=1", "s3://b?region=r&ssetype=rot13",
		"s3://b/" + strings.Repeat("long/", 200) + "?region=r", "gs://b?endpoint=http://h", "s3://b?endpoint=", "%",
	} {
		b, err := bucket.Open(ctx, u, bucket.Options{})
		if err == nil {
			b.Close()
		}
		wantError(t, u, err, bucket.ErrURL)
		if err != nil && strings.Contains(err.Error(), "verysecret") {
			t.Errorf("the error tells the secret: %v", err)
		}
	}
	if _, err := bucket.Open(ctx, "s3://b?region=r&profile=nobody", bucket.Options{}); !errors.Is(err, bucket.ErrDenied) {
		t.Errorf("a profile that there is not: %v", err)
	}
	b := open(t, "s3://b/p/q/?endpoint=http://127.0.0.1:1,http://127.0.0.1:2&profile=", bucket.Options{})
	if b.String() != "s3://b/p/q" {
		t.Errorf("String is %q", b)
	}
}

// get asks for something that is not there.
func get(b *bucket.Bucket) error {
	_, err := b.Get(ctx, "k", 0, -1)
	return err
}

func TestDenied(t *testing.T) {
	s := buckettest.New(t, buckettest.Options{AccessKey: "the right one"})
	for what, err := range map[string]error{
		"get":  get(open(t, s.URL(), quick(bucket.Options{}))),
		"put":  open(t, s.URL(), quick(bucket.Options{})).Put(ctx, "k", nil),
		"stat": func() error { _, err := open(t, s.URL(), quick(bucket.Options{})).Stat(ctx, "k"); return err }(),
	} {
		wantError(t, what, err, bucket.ErrDenied)
		if what != "stat" && !strings.Contains(err.Error(), "AWS_ACCESS_KEY_ID") {
			t.Errorf("%s: it does not say what to do: %v", what, err)
		}
	}
	s.Reset()
	wantError(t, "anonymous", get(open(t, s.URL()+"&anonymous=true", quick(bucket.Options{}))), bucket.ErrDenied)
	if n := s.Reset().Total(); n != 1 {
		t.Errorf("a refusal was asked for %d times", n)
	}
	buckettest.Credentials(t, "", "")
	os.Unsetenv("AWS_EC2_METADATA_DISABLED")
	err := get(open(t, s.URL(), quick(bucket.Options{})))
	wantError(t, "no credentials", err, bucket.ErrDenied)
	if n := s.Reset().Total(); n != 0 {
		t.Errorf("%d requests without credentials", n)
	}
}

func TestProfile(t *testing.T) {
	s := buckettest.New(t, buckettest.Options{})
	buckettest.Credentials(t, "", "")
	file := filepath.Join(t.TempDir(), "credentials")
	text := "[team]\naws_access_key_id = " + buckettest.AccessKey + "\naws_secret_access_key = x\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", file)
	wantError(t, "by URL", get(open(t, s.URL()+"&profile=team", quick(bucket.Options{}))), backend.ErrNotFound)
	t.Setenv("AWS_PROFILE", "team")
	wantError(t, "by environment", get(open(t, s.URL(), quick(bucket.Options{}))), backend.ErrNotFound)
}

func TestNoBucket(t *testing.T) {
	s := buckettest.New(t, buckettest.Options{})
	b := open(t, buckettest.StorageURL("another", "", s.Endpoint()), quick(bucket.Options{}))
	wantError(t, "get", get(b), bucket.ErrNoBucket)
	wantError(t, "put", b.Put(ctx, "k", nil), bucket.ErrNoBucket)
	_, err := b.List(ctx, "", "", 0)
	wantError(t, "list", err, bucket.ErrNoBucket)
	wantError(t, "probe", b.Probe(ctx), bucket.ErrNoBucket)
}

func TestUnreachable(t *testing.T) {
	buckettest.Credentials(t, "k", "s")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	endpoint := "http://" + l.Addr().String()
	l.Close()
	b := open(t, buckettest.StorageURL("b", "", endpoint, endpoint), quick(bucket.Options{}))
	wantError(t, "get", get(b), bucket.ErrUnavailable)
	err = b.Put(ctx, "k", []byte("x"))
	wantError(t, "put", err, bucket.ErrUnavailable)
	if errors.Is(err, backend.ErrUnknown) {
		t.Errorf("nothing was sent, and the outcome is said to be unknown: %v", err)
	}
	if r := b.Requests(); r.Total() != 2*8 {
		t.Errorf("%+v, want four rounds of two gateways each time", r)
	}
}

// TestSkew: a clock that is an hour off is noticed by the first answer and allowed for.
func TestSkew(t *testing.T) {
	for _, skew := range []time.Duration{time.Hour, -time.Hour} {
		s := buckettest.New(t, buckettest.Options{Skew: skew})
		for _, op := range []func(b *bucket.Bucket) error{
			func(b *bucket.Bucket) error { return b.Put(ctx, "put", []byte("x")) },
			func(b *bucket.Bucket) error { _, err := b.Stat(ctx, "put"); return err }, // its refusal has no reason
			func(b *bucket.Bucket) error { _, err := b.List(ctx, "", "", 0); return err },
		} {
			s.Reset()
			if err := op(open(t, s.URL(), quick(bucket.Options{}))); err != nil {
				t.Errorf("skew of %v: %v", skew, err)
			}
			if n := s.Reset().Total(); n != 2 {
				t.Errorf("%d requests, want one refused and one more", n)
			}
		}
	}
}

// TestGateways: when a gateway goes, clients go over to the next, and stay there.
func TestGateways(t *testing.T) {
	s := buckettest.New(t, buckettest.Options{})
	one, stopOne := s.Gateway(t)
	two, stopTwo := s.Gateway(t)
	var warned []string
	b := open(t, s.At("p", one, two), quick(bucket.Options{Warn: func(m string) { warned = append(warned, m) }}))
	if err := b.Put(ctx, "a", []byte("a")); err != nil {
		t.Fatal(err)
	}
	stopOne()
	for _, key := range []string{"b", "c", "d"} {
		if err := b.Put(ctx, key, []byte(key)); err != nil {
			t.Fatal(err)
		}
	}
	if r := b.Requests(); r.Retries != 1 || len(warned) != 1 {
		t.Errorf("%+v, warnings %q: want one change of gateways", r, warned)
	}
	stopTwo()
	wantError(t, "no gateway left", b.Put(ctx, "e", nil), bucket.ErrUnavailable)
}

// TestHang: a service that does not answer, and one that stops in the middle.
func TestHang(t *testing.T) {
	s := buckettest.New(t, buckettest.Options{})
	s.SetObject("k", []byte("value"))
	faults := buckettest.Script(buckettest.Hang, buckettest.None, buckettest.Hang, buckettest.Hang)
	b := open(t, s.URL(), quick(bucket.Options{Transport: faults, Timeout: 20 * time.Millisecond}))
	if got, err := backend.ReadAll(ctx, b, "k", 10); err != nil || string(got) != "value" {
		t.Errorf("%q, %v", got, err)
	}
	cancelled, cancel := context.WithCancel(ctx)
	faults = &buckettest.Faults{Choose: func(int, *http.Request) buckettest.Fault { cancel(); return buckettest.Hang }}
	b = open(t, s.URL(), quick(bucket.Options{Transport: faults}))
	err := b.Put(cancelled, "new", nil)
	wantError(t, "cancelled in the middle", err, context.Canceled)
	wantError(t, "cancelled in the middle", err, backend.ErrUnknown)
}

// TestAnswersLost: the request worked, and nobody said so.
func TestAnswersLost(t *testing.T) {
	for _, lost := range []buckettest.Fault{buckettest.Lost, buckettest.Late500} {
		s := buckettest.New(t, buckettest.Options{})
		at := func(faults ...buckettest.Fault) *bucket.Bucket {
			return open(t, s.URL(), quick(bucket.Options{Transport: buckettest.Script(faults...), Attempts: 3}))
		}
		if err := at(lost).Put(ctx, "mine", []byte("mine")); err != nil {
			t.Errorf("%v: one's own success: %v", lost, err)
		}
		wantError(t, "somebody else's", at(buckettest.Error500, lost).Put(ctx, "mine", []byte("other")), backend.ErrExists)
		if err := at(lost, lost, lost).Put(ctx, "given-up", []byte("x")); err != nil {
			t.Errorf("%v: a last look shows that it worked: %v", lost, err)
		}
		err := at(lost, buckettest.Refused, buckettest.Refused, buckettest.Refused).Put(ctx, "unknown", []byte("x"))
		wantError(t, "nothing can be found out", err, backend.ErrUnknown)
		wantError(t, "nothing can be found out", err, bucket.ErrUnavailable)
		if err := at(buckettest.None, lost).Delete(ctx, "mine"); err != nil {
			t.Errorf("%v: one's own deletion: %v", lost, err)
		}
		wantError(t, "a deletion of nothing", at(lost).Delete(ctx, "mine"), backend.ErrNotFound)
		w, err := at(lost).Replace(ctx, "mine")
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Commit(); err != nil {
			t.Errorf("%v: replacing: %v", lost, err)
		}
	}
}

// TestRetryAfter: what the service asks for is heeded, up to a bound.
func TestRetryAfter(t *testing.T) {
	s := buckettest.New(t, buckettest.Options{})
	b := open(t, s.URL(), quick(bucket.Options{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 503, Header: http.Header{"Retry-After": {"20"}}, Body: http.NoBody}, nil
	})}))
	soon, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	err := b.Put(soon, "k", nil)
	wantError(t, "waiting", err, context.DeadlineExceeded)
	if n := b.Requests().Put; n != 1 {
		t.Errorf("%d requests, want one and then patience", n)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }
