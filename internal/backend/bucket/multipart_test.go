package bucket_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/backend/bucket"
	"github.com/mstore/mstore/internal/backend/bucket/buckettest"
)

const part = 16 << 20

// create writes data in uneven pieces.
func create(ctx context.Context, t *testing.T, b backend.Backend, key string, data []byte) backend.Writer {
	t.Helper()
	w, err := b.Create(ctx, key)
	if err != nil {
		t.Fatal(err)
	}
	for off := 0; off < len(data); {
		n := min(1_234_567, len(data)-off)
		if _, err := w.Write(data[off : off+n]); err != nil {
			t.Fatal(err)
		}
		off += n
	}
	return w
}

func wantObject(t *testing.T, s *buckettest.Server, name string, want []byte) {
	t.Helper()
	if got, ok := s.Object(name); !ok || !bytes.Equal(got, want) {
		t.Errorf("%s: there %v, %d bytes, want %d", name, ok, len(got), len(want))
	}
}

func wantNoUploads(t *testing.T, s *buckettest.Server) {
	t.Helper()
	if _, n := s.Keys(); n != 0 {
		t.Errorf("%d unfinished uploads are left", n)
	}
}

// TestSizes: around the size of a part, in one piece and in several.
func TestSizes(t *testing.T) {
	s := buckettest.New(t, buckettest.Options{})
	b := open(t, s.URL(), quick(bucket.Options{SpoolDir: t.TempDir()}))
	all := random(2*part+1, 1)
	for _, c := range []struct{ size, puts, multi int }{
		{0, 1, 0}, {1, 1, 0}, {1 << 20, 1, 0}, {1<<20 + 1, 1, 0}, {part, 1, 0}, {part + 1, 0, 5}, {2 * part, 0, 5}, {2*part + 1, 0, 6},
	} {
		s.Reset()
		key := "objects/" + string(rune('a'+c.size%7)) + time.Duration(c.size).String()
		if err := create(ctx, t, b, key, all[:c.size]).Commit(); err != nil {
			t.Fatal(err)
		}
		wantObject(t, s, key, all[:c.size])
		if got := s.Reset(); got.Put != c.puts || got.Multipart != c.multi || got.Total() > c.puts+c.multi+1 {
			t.Errorf("%d bytes: %+v", c.size, got)
		}
	}
	wantNoUploads(t, s)
}

// TestReadBack: what was written is read while it is written and uploaded.
func TestReadBack(t *testing.T) {
	s := buckettest.New(t, buckettest.Options{})
	dir := t.TempDir()
	b := open(t, s.URL(), quick(bucket.Options{SpoolDir: dir}))
	data := random(part+1000, 1)
	w, err := b.Create(ctx, "k")
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	p := make([]byte, 100)
	for off := 0; off < len(data); off += 500_000 {
		if _, err := w.Write(data[off:min(off+500_000, len(data))]); err != nil {
			t.Fatal(err)
		}
		at := int64(off / 2)
		if n, err := w.(io.ReaderAt).ReadAt(p, at); n != len(p) || err != nil || !bytes.Equal(p, data[at:at+100]) {
			t.Fatalf("ReadAt(%d) = %d, %v", at, n, err)
		}
	}
	if n, err := w.(io.ReaderAt).ReadAt(p, int64(len(data)-10)); n != 10 || err != io.EOF {
		t.Errorf("ReadAt over the end: %d, %v", n, err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 0 {
		t.Errorf("a spool file that a crash would leave: %v, %v", files, err)
	}
}

func TestNoSpool(t *testing.T) {
	s := buckettest.New(t, buckettest.Options{})
	b := open(t, s.URL(), quick(bucket.Options{SpoolDir: "/dev/null/spool"}))
	w, err := b.Create(ctx, "k")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(make([]byte, 2<<20)); err == nil {
		t.Error("writing without a place gave no error")
	}
	if err := w.Commit(); err == nil {
		t.Error("Commit gave no error")
	}
	if names, _ := s.Keys(); len(names) != 0 {
		t.Errorf("there is %q", names)
	}
}

// interrupt begins an upload, and stops when so many parts are there.
func interrupt(t *testing.T, s *buckettest.Server, data []byte, key string, parts int) {
	t.Helper()
	ctx, cancel := context.WithCancel(ctx)
	b := open(t, s.URL(), quick(bucket.Options{SpoolDir: t.TempDir(), Parallel: 1, Transport: &buckettest.Faults{
		Choose: func(_ int, req *http.Request) buckettest.Fault {
			if req.Method == http.MethodPut {
				if parts == 0 {
					cancel()
					return buckettest.Hang
				}
				parts--
			}
			return buckettest.None
		},
	}}))
	w, err := b.Create(ctx, key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = w.Write(data); err == nil {
		err = w.Commit()
	}
	wantError(t, "interrupted", err, context.Canceled)
	if err := w.Abort(); err != nil {
		t.Error(err)
	}
	if _, n := s.Keys(); n != 1 {
		t.Fatalf("%d uploads are left to be gone on with, want 1", n)
	}
}

// TestResumeUpload: what an interrupted upload sent is not sent again, if it is right.
func TestResumeUpload(t *testing.T) {
	s := buckettest.New(t, buckettest.Options{UnconditionalComplete: true})
	data := random(3*part+5, 1)
	interrupt(t, s, data, "k", 2)
	other := bytes.Clone(data)
	other[part+7]++ // the second part is not what was sent
	for _, c := range []struct {
		key    string
		data   []byte
		resent int64
	}{{"k", other, 2*part + 5}} {
		b := open(t, s.URL(), quick(bucket.Options{SpoolDir: t.TempDir()}))
		if err := create(ctx, t, b, c.key, c.data).Commit(); err != nil {
			t.Fatal(err)
		}
		wantObject(t, s, c.key, c.data)
		if sent := b.Requests().Sent; sent < c.resent || sent > c.resent+1000 {
			t.Errorf("%d bytes were sent, want %d", sent, c.resent)
		}
	}
	wantNoUploads(t, s)
}

// TestUploadGone: an upload that is tidied up under its writer is begun anew.
func TestUploadGone(t *testing.T) {
	s := buckettest.New(t, buckettest.Options{})
	data := random(part+5, 1)
	dropped := false
	b := open(t, s.URL(), quick(bucket.Options{SpoolDir: t.TempDir(), Transport: &buckettest.Faults{
		Choose: func(_ int, req *http.Request) buckettest.Fault {
			if req.Method == http.MethodHead && !dropped { // before completing
				dropped = true
				s.DropUploads()
			}
			return buckettest.None
		},
	}}))
	if err := create(ctx, t, b, "k", data).Commit(); err != nil {
		t.Fatal(err)
	}
	wantObject(t, s, "k", data)
}

// TestLargeAnswersLost: also when the completion's answer is lost, it is known who won.
func TestLargeAnswersLost(t *testing.T) {
	s := buckettest.New(t, buckettest.Options{})
	data := random(part+5, 1)
	lose := func() *buckettest.Faults {
		n := 0
		return &buckettest.Faults{Choose: func(_ int, req *http.Request) buckettest.Fault {
			if req.Method == http.MethodPost && req.URL.Query().Has("uploadId") {
				if n++; n == 1 {
					return buckettest.Lost
				}
			}
			return buckettest.None
		}}
	}
	b := open(t, s.URL(), quick(bucket.Options{SpoolDir: t.TempDir(), Transport: lose()}))
	if err := create(ctx, t, b, "k", data).Commit(); err != nil {
		t.Fatal(err)
	}
	wantObject(t, s, "k", data)
	w := create(ctx, t, b, "k", random(part+5, 2))
	wantError(t, "a taken key", w.Commit(), backend.ErrExists)
	wantObject(t, s, "k", data)
	wantNoUploads(t, s)
	w, err := b.Replace(ctx, "k")
	if err != nil {
		t.Fatal(err)
	}
	w.Write(data[:part])
	w.Write(data[5:])
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	wantObject(t, s, "k", append(bytes.Clone(data[:part]), data[5:]...))
}

func TestAbortUpload(t *testing.T) {
	s := buckettest.New(t, buckettest.Options{})
	b := open(t, s.URL(), quick(bucket.Options{SpoolDir: t.TempDir()}))
	w := create(ctx, t, b, "k", random(2*part+5, 1))
	if err := w.Abort(); err != nil {
		t.Fatal(err)
	}
	wantNoUploads(t, s)
	if names, _ := s.Keys(); len(names) != 0 {
		t.Errorf("there is %q", names)
	}
}

// TestTidy: old uploads go, new ones and other people's stay.
func TestTidy(t *testing.T) {
	s := buckettest.New(t, buckettest.Options{})
	data := random(part+5, 1)
	interrupt(t, s, data, "team/objects/old", 1)
	s.AgeUploads(48 * time.Hour)
	mine, theirs := open(t, s.At("team"), quick(bucket.Options{})), open(t, s.At("other"), quick(bucket.Options{}))
	if n, err := theirs.Tidy(ctx, 24*time.Hour); n != 0 || err != nil {
		t.Errorf("outside of the prefix: %d, %v", n, err)
	}
	if n, err := mine.Tidy(ctx, 72*time.Hour); n != 0 || err != nil {
		t.Errorf("too young: %d, %v", n, err)
	}
	if n, err := backend.Tidy(ctx, mine, 24*time.Hour); n != 1 || err != nil {
		t.Errorf("old: %d, %v", n, err)
	}
	wantNoUploads(t, s)
	if n, err := backend.Tidy(ctx, backend.NewMem(), 0); n != 0 || err != nil {
		t.Errorf("a backend without uploads: %d, %v", n, err)
	}
}
