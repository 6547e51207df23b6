package parity

import (
	"bytes"
	"context"
	"io"
	"runtime"
	"testing"

	"github.com/mstore/mstore/internal/backend"
)

// sink is a backend that forgets what is written, apart from its length.
type sink struct {
	backend.Backend
	n int64
}

func (s *sink) Create(context.Context, string) (backend.Writer, error) { return s, nil }
func (s *sink) Commit() error                                          { return nil }
func (s *sink) Abort() error                                           { return nil }
func (s *sink) Write(p []byte) (int, error) {
	s.n += int64(len(p))
	return len(p), nil
}

// endless is a long file that takes no memory.
type endless []byte

func (e endless) ReadAt(p []byte, off int64) (int, error) {
	for n := 0; n < len(p); {
		n += copy(p[n:], e[(off+int64(n))%int64(len(e)):])
	}
	return len(p), nil
}

func allocated(run func()) int64 {
	var a, b runtime.MemStats
	runtime.ReadMemStats(&a)
	run()
	runtime.ReadMemStats(&b)
	return int64(b.TotalAlloc - a.TotalAlloc)
}

// What is allocated in all, garbage included, hardly depends on the size.
func TestMemory(t *testing.T) {
	const size = 256 << 20
	files := []File{{Key: "a", Size: size, From: endless(random(1, 1<<20))}}
	s := &sink{}
	n := allocated(func() {
		if _, err := Write(ctx, s, testName, files, DefaultPercent); err != nil {
			t.Fatal(err)
		}
	})
	// 8 MiB of parity.
	if n > 16<<20 {
		t.Errorf("%d bytes allocated for writing", n)
	}
	if s.n < size/32 || s.n > size/32+10_000 {
		t.Errorf("%d bytes written", s.n)
	}

	f := protect(t, 50, 40<<20)
	f.edit(f.files[0].Key, func(p []byte) []byte {
		for i := range 60 {
			p[i*(600<<10)] ^= 1
		}
		return p
	})
	g := f.open()
	n = allocated(func() {
		if err := g.Rebuild(ctx, f.files[0].Key, io.Discard); err != nil {
			t.Fatal(err)
		}
	})
	if n > restoreBytes+16<<20 {
		t.Errorf("%d bytes allocated for rebuilding", n)
	}
}

// A sequence is read in one request for each file.
func TestRequests(t *testing.T) {
	f := protect(t, DefaultPercent, 1<<20, 100, 300_000)
	f.set(testName.Key(), nil)
	c := backend.NewCounter(f.b)
	if _, err := Write(ctx, c, testName, f.files, DefaultPercent); err != nil {
		t.Fatal(err)
	}
	if n := c.Reset(); n.Gets != 3 || n.Stats != 3 || n.BytesRead != 1<<20+300_100 {
		t.Errorf("write: %+v", n)
	}
	g := openIn(t, c)
	if n := c.Reset(); n.Gets != 2 || n.Stats != 1 {
		t.Errorf("open: %+v", n)
	}
	if _, err := g.Damage(ctx); err != nil {
		t.Fatal(err)
	}
	if n := c.Reset(); n.Gets != 4 || n.Stats != 3 {
		t.Errorf("damage: %+v", n)
	}
	if err := g.Verify(ctx); err != nil {
		t.Fatal(err)
	}
	if n := c.Reset(); n.Gets > 3 || n.Stats != 1 || n.BytesRead != g.Info().Size {
		t.Errorf("verify: %+v", n)
	}
}

func BenchmarkWrite(b *testing.B) {
	data := random(1, 64<<20)
	files := []File{{Key: "a", Size: int64(len(data)), From: bytes.NewReader(data)}}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Write(ctx, &sink{}, testName, files, DefaultPercent); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWriteSmall(b *testing.B) {
	data := random(1, 100<<10)
	files := []File{{Key: "a", Size: int64(len(data)), From: bytes.NewReader(data)}}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Write(ctx, &sink{}, testName, files, DefaultPercent); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDamage(b *testing.B) {
	f := protect(b, DefaultPercent, 64<<20)
	g := f.open()
	b.SetBytes(64 << 20)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := g.Damage(ctx); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRebuild looks and rebuilds, with four shards of 128 damaged.
func BenchmarkRebuild(b *testing.B) {
	f := protect(b, DefaultPercent, 64<<20)
	key := f.files[0].Key
	f.edit(key, func(p []byte) []byte {
		for i := range 4 {
			p[i*(10<<20)] ^= 1
		}
		return p
	})
	b.SetBytes(64 << 20)
	b.ReportAllocs()
	for b.Loop() {
		if err := f.open().Rebuild(ctx, key, io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}
