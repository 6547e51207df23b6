package cached_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/backend/backendtest"
	"github.com/mstore/mstore/internal/backend/bucket"
	"github.com/mstore/mstore/internal/backend/bucket/buckettest"
	"github.com/mstore/mstore/internal/backend/cached"
)

var ctx = context.Background()

func over(t *testing.T, b backend.Backend, dir string, o cached.Options) *cached.Backend {
	t.Helper()
	c, err := cached.New(b, dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func openBucket(t *testing.T, url string, o bucket.Options) *bucket.Bucket {
	t.Helper()
	o.Backoff = time.Millisecond
	o.SpoolDir = t.TempDir()
	b, err := bucket.Open(ctx, url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func TestConformance(t *testing.T) {
	t.Run("Mem", func(t *testing.T) {
		if testing.Short() {
			t.Skip("as MemTinyLimit")
		}
		backendtest.Run(t, func(t *testing.T) backend.Backend {
			return over(t, backend.NewMem(), t.TempDir(), cached.Options{})
		})
	})
	t.Run("MemTinyLimit", func(t *testing.T) {
		backendtest.Run(t, func(t *testing.T) backend.Backend {
			return over(t, backend.NewMem(), t.TempDir(), cached.Options{Limit: 5000})
		})
	})
	t.Run("Unwritable", func(t *testing.T) {
		backendtest.Run(t, func(t *testing.T) backend.Backend { return over(t, backend.NewMem(), unwritable(t), cached.Options{}) })
	})
	t.Run("S3", func(t *testing.T) {
		if testing.Short() {
			t.Skip("as S3Faults")
		}
		s, n := buckettest.New(t, buckettest.Options{}), 0
		backendtest.Run(t, func(t *testing.T) backend.Backend {
			n++
			return over(t, openBucket(t, s.At(fmt.Sprint(n)), bucket.Options{}), t.TempDir(), cached.Options{})
		})
	})
	t.Run("S3Faults", func(t *testing.T) {
		s, n := buckettest.New(t, buckettest.Options{}), 0
		faults := buckettest.Seeded(uint64(time.Now().UnixNano()), 10)
		backendtest.Run(t, func(t *testing.T) backend.Backend {
			n++
			b := openBucket(t, s.At(fmt.Sprint(n)), bucket.Options{Transport: faults, Attempts: 20})
			return over(t, b, t.TempDir(), cached.Options{})
		})
	})
}

// TestConformanceEngine: a cache over a real engine, with seeded faults between.
func TestConformanceEngine(t *testing.T) {
	u, n := buckettest.Engine(t), 0
	faults := buckettest.Seeded(uint64(time.Now().UnixNano()), 25)
	backendtest.Run(t, func(t *testing.T) backend.Backend {
		n++
		b := openBucket(t, buckettest.WithPrefix(u, fmt.Sprint("store-", n)), bucket.Options{Transport: faults, Attempts: 20, Timeout: 5 * time.Second})
		return over(t, b, t.TempDir(), cached.Options{})
	})
}

// unwritable is a path below which nothing can be made, for root neither.
func unwritable(t *testing.T) string {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("in the way"), 0o600); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(file, "cache")
}

func random(n int, seed uint64) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	r.Read(b)
	return b
}

func read(t *testing.T, b backend.Backend, key string, off, n int64, want []byte) {
	t.Helper()
	r, err := b.Get(ctx, key, off, n)
	if err != nil {
		t.Fatalf("Get(%q, %d, %d): %v", key, off, n, err)
	}
	got, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("reading %q from %d: %v", key, off, err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	end := int64(len(want))
	if n >= 0 {
		end = min(end, off+n)
	}
	if !bytes.Equal(got, want[min(off, end):end]) {
		t.Fatalf("Get(%q, %d, %d) gave %d other bytes", key, off, n, len(got))
	}
}

// files lists the files below dir.
func files(t *testing.T, dir string) (paths []string, size int64) {
	t.Helper()
	filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			info, err := e.Info()
			if err == nil {
				paths, size = append(paths, path), size+info.Size()
			}
		}
		return nil
	})
	return paths, size
}

// TestRequests: how many requests typical reads make.
func TestRequests(t *testing.T) {
	s := buckettest.New(t, buckettest.Options{})
	small, large := random(1_200_000, 1), random(20<<20, 2)
	s.SetObject("objects/small", small)
	s.SetObject("objects/large", large)
	dir := t.TempDir()
	c := over(t, openBucket(t, s.URL(), bucket.Options{}), dir, cached.Options{})
	gets := func(what string, want int) {
		t.Helper()
		if got := s.Reset(); got.Total() != want || got.Get != want {
			t.Errorf("%s: %+v, want %d", what, got, want)
		}
	}
	read(t, c, "objects/small", 1_199_000, 1000, small)
	read(t, c, "objects/small", 0, 50_000, small)
	read(t, c, "objects/small", 0, -1, small)
	gets("a small pack, its end, its beginning, all", 1)
	read(t, c, "objects/large", 9<<20, 100, large)
	read(t, c, "objects/large", 9<<20+100, 3<<20-200, large)
	gets("pieces of one block", 1)
	read(t, c, "objects/large", 0, 20<<20, large)
	gets("all of a large one, but for a block in the middle", 2)
	again := over(t, openBucket(t, s.URL(), bucket.Options{}), dir, cached.Options{})
	read(t, again, "objects/large", 0, 20<<20, large)
	read(t, again, "objects/small", 0, -1, small)
	gets("another process, the same directory", 0)
	written := random(9<<20, 3)
	w, err := c.Create(ctx, "objects/written")
	if err != nil {
		t.Fatal(err)
	}
	w.Write(written)
	p := make([]byte, 10)
	if _, err := w.(io.ReaderAt).ReadAt(p, 8<<20); err != nil || !bytes.Equal(p, written[8<<20:][:10]) {
		t.Errorf("ReadAt of a Writer: %q, %v", p, err)
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := c.Put(ctx, "objects/put", small); err != nil {
		t.Fatal(err)
	}
	s.Reset()
	read(t, c, "objects/written", 0, -1, written)
	read(t, c, "objects/put", 5, -1, small)
	gets("what was written", 0)
}

// TestPrefetch: what was asked for in advance is not asked for again, also while it is on
// its way, and neighbours come by one request.
func TestPrefetch(t *testing.T) {
	s := buckettest.New(t, buckettest.Options{})
	data := random(30<<20, 1)
	s.SetObject("objects/a", data)
	s.SetObject("objects/b", data[:100])
	c := over(t, openBucket(t, s.URL(), bucket.Options{}), t.TempDir(), cached.Options{})
	backend.Prefetch(ctx, c, []backend.Range{
		{Key: "objects/a", Off: 0, N: 10}, {Key: "objects/a", Off: 100, N: 5 << 20}, {Key: "objects/b", N: -1},
		{Key: "objects/a", Off: 20 << 20, N: 1}, {Key: "objects/absent", N: 1}, {Key: "Invalid", N: 1},
	})
	read(t, c, "objects/a", 20<<20, 4<<20, data)
	read(t, c, "objects/a", 7<<20, 1<<20, data)
	read(t, c, "objects/a", 0, 1<<20, data)
	read(t, c, "objects/b", 0, -1, data[:100])
	if got := s.Counts(); got.Get > 4 || got.Total() != got.Get {
		t.Errorf("%+v, want 4 at most", got)
	}
	if _, err := c.Get(ctx, "objects/absent", 0, 1); !errors.Is(err, backend.ErrNotFound) {
		t.Errorf("an absent key that was prefetched: %v", err)
	}
}

// TestSequential: a key that is read in small pieces, in order.
func TestSequential(t *testing.T) {
	mem := backend.NewMem()
	counter := backend.NewCounter(mem)
	data := random(40<<20+5, 1)
	mem.Put(ctx, "objects/a", data)
	c := over(t, counter, t.TempDir(), cached.Options{})
	for off := int64(0); off < int64(len(data)); off += 1 << 20 {
		read(t, c, "objects/a", off, 1<<20, data)
	}
	if got := counter.Counts(); got.Gets > 6 || got.BytesRead > int64(len(data)) {
		t.Errorf("%+v", got)
	}
}

func TestLimit(t *testing.T) {
	mem, dir := backend.NewMem(), t.TempDir()
	const limit = 40_000
	c := over(t, mem, dir, cached.Options{Limit: limit})
	for i := range 30 {
		key := fmt.Sprintf("objects/%d", i)
		if err := c.Put(ctx, key, random(3000, uint64(i))); err != nil {
			t.Fatal(err)
		}
		if _, size := files(t, dir); size > limit+3500 {
			t.Fatalf("after %d puts there are %d bytes", i+1, size)
		}
	}
	counter := backend.NewCounter(mem)
	again := over(t, counter, dir, cached.Options{Limit: limit})
	for i := 29; i >= 22; i-- {
		read(t, again, fmt.Sprintf("objects/%d", i), 0, -1, random(3000, uint64(i)))
	}
	if n := counter.Counts().Gets; n != 0 {
		t.Errorf("%d of the newest were fetched again", n)
	}
	if err := c.Put(ctx, "objects/too-large", random(limit, 1)); err != nil {
		t.Fatal(err)
	}
	read(t, c, "objects/too-large", 0, -1, random(limit, 1))
}

// TestDamage: whatever happens to a file of the cache, the right bytes are read.
func TestDamage(t *testing.T) {
	mem, dir := backend.NewMem(), t.TempDir()
	data := random(5000, 1)
	mem.Put(ctx, "objects/a", data)
	read(t, over(t, mem, dir, cached.Options{}), "objects/a", 0, -1, data)
	paths, _ := files(t, dir)
	if len(paths) != 1 {
		t.Fatalf("files: %q", paths)
	}
	good, err := os.ReadFile(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	try := func(what string, bad []byte) {
		t.Helper()
		if err := os.WriteFile(paths[0], bad, 0o600); err != nil {
			t.Fatal(err)
		}
		c := over(t, mem, dir, cached.Options{})
		read(t, c, "objects/a", 0, -1, data)
		if c.Stats().Hits != 0 || c.Stats().Damaged != 1 {
			t.Fatalf("%s: %+v", what, c.Stats())
		}
		if now, err := os.ReadFile(paths[0]); err != nil || !bytes.Equal(now, good) {
			t.Fatalf("%s: not made anew: %v", what, err)
		}
	}
	for i := 0; i < len(good); i += 1 + i/20 {
		bad := bytes.Clone(good)
		bad[i] ^= 1 << (i % 8)
		try(fmt.Sprintf("bit flip in byte %d", i), bad)
		try(fmt.Sprintf("cut to %d bytes", i), good[:i])
	}
	try("longer", append(bytes.Clone(good), 0))
	// Another key's copy, whole, under this name.
	other := t.TempDir()
	mem.Put(ctx, "objects/b", random(5000, 2))
	read(t, over(t, mem, other, cached.Options{}), "objects/b", 0, -1, random(5000, 2))
	strange, _ := files(t, other)
	b, _ := os.ReadFile(strange[0])
	if err := os.WriteFile(paths[0], b, 0o600); err != nil {
		t.Fatal(err)
	}
	read(t, over(t, mem, dir, cached.Options{}), "objects/a", 0, -1, data)
}

func TestDeletedWhileInUse(t *testing.T) {
	mem, dir := backend.NewMem(), filepath.Join(t.TempDir(), "cache")
	data := random(13<<20, 1)
	mem.Put(ctx, "objects/a", data)
	c := over(t, mem, dir, cached.Options{})
	r, err := c.Get(ctx, "objects/a", 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	for i := 0; ; i++ {
		if i%7 == 3 {
			os.RemoveAll(dir)
		}
		if _, err := io.CopyN(&got, r, 500_000); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	r.Close()
	if !bytes.Equal(got.Bytes(), data) {
		t.Error("other bytes")
	}
	read(t, c, "objects/a", 12<<20, 100, data)
}

// TestShared: several users of one directory, one of whom deletes it again and again.
func TestShared(t *testing.T) {
	mem, dir := backend.NewMem(), filepath.Join(t.TempDir(), "cache")
	contents := map[string][]byte{}
	for i := range 8 {
		key := fmt.Sprintf("objects/%d", i)
		contents[key] = random(100_000+i*1_500_000, uint64(i))
		mem.Put(ctx, key, contents[key])
	}
	var wg sync.WaitGroup
	for g := range 4 {
		c := over(t, mem, dir, cached.Options{Limit: 20 << 20})
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(g), 7))
			for i := range 60 {
				key := fmt.Sprintf("objects/%d", rnd.IntN(8))
				want := contents[key]
				off := rnd.IntN(len(want))
				p := make([]byte, rnd.IntN(len(want)-off)+1)
				if err := backend.ReadFull(ctx, c, key, p, int64(off)); err != nil {
					t.Error(err)
				} else if !bytes.Equal(p, want[off:off+len(p)]) {
					t.Errorf("other bytes of %s at %d", key, off)
				}
				if g == 0 && i%15 == 14 {
					os.RemoveAll(dir)
				}
			}
		})
	}
	wg.Wait()
}

func TestForget(t *testing.T) {
	mem := backend.NewMem()
	mem.Put(ctx, "objects/a", []byte("wrong"))
	c := over(t, mem, t.TempDir(), cached.Options{})
	if c.Forget("objects/a") {
		t.Error("there was something to forget at the beginning")
	}
	read(t, c, "objects/a", 0, -1, []byte("wrong"))
	w, _ := mem.Replace(ctx, "objects/a")
	io.WriteString(w, "right")
	w.Commit()
	read(t, c, "objects/a", 0, -1, []byte("wrong"))
	if !backend.Forget(c, "objects/a") {
		t.Error("there was nothing to forget")
	}
	read(t, c, "objects/a", 0, -1, []byte("right"))
	if backend.Uncached(c) != backend.Backend(mem) {
		t.Error("Uncached is another one")
	}
}

// TestNumberedKeys: an entry that somebody else deleted and made anew is never read from
// an old copy once a listing showed the new one; without a listing nothing is kept.
func TestNumberedKeys(t *testing.T) {
	s := buckettest.New(t, buckettest.Options{})
	const key = "journal/e0000000000000001"
	s.SetObject(key, []byte("first"))
	c := over(t, openBucket(t, s.URL(), bucket.Options{}), t.TempDir(), cached.Options{})
	gets := func(what string, want int) {
		t.Helper()
		if got := s.Reset().Get; got != want {
			t.Errorf("%s: %d requests, want %d", what, got, want)
		}
	}
	list := func() {
		t.Helper()
		if _, err := c.List(ctx, "journal/", "", 0); err != nil {
			t.Fatal(err)
		}
	}
	read(t, c, key, 0, -1, []byte("first"))
	read(t, c, key, 0, -1, []byte("first"))
	gets("without a listing", 2)
	list()
	read(t, c, key, 0, -1, []byte("first"))
	read(t, c, key, 1, 2, []byte("first"))
	gets("after a listing", 1)
	s.SetObject(key, []byte("second"))
	list()
	read(t, c, key, 0, -1, []byte("second"))
	gets("after another listing", 1)
	const mine = "journal/e0000000000000002"
	if err := c.Put(ctx, mine, []byte("mine")); err != nil {
		t.Fatal(err)
	}
	read(t, c, mine, 0, -1, []byte("mine"))
	list()
	read(t, c, mine, 0, -1, []byte("mine"))
	gets("what this process put", 0)
	if strings.Contains(fmt.Sprint(c.Stats()), "-") {
		t.Error(c.Stats())
	}
}
