package backendtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/mstore/mstore/internal/backend"
)

// largeSize is more than what buckets take in one piece.
const largeSize = 16<<20 + 12_345

func large(seed byte) []byte {
	data := make([]byte, largeSize)
	rand.NewChaCha8([32]byte{seed}).Read(data)
	return data
}

// writeAll creates a key with data, in pieces of which none ends where a buffer may.
func writeAll(ctx context.Context, b backend.Backend, key string, data []byte) error {
	w, err := b.Create(ctx, key)
	if err != nil {
		return err
	}
	for off := 0; off < len(data); off += 777_777 {
		if _, err := w.Write(data[off:min(off+777_777, len(data))]); err != nil {
			return errors.Join(err, w.Abort())
		}
	}
	return w.Commit()
}

// testLarge creates a key that is large, and has several read parts of it at once.
func testLarge(t *testing.T, b backend.Backend) {
	data := large(1)
	if err := writeAll(ctx, b, "objects/large", data); err != nil {
		t.Fatal(err)
	}
	if info, err := b.Stat(ctx, "objects/large"); err != nil || info.Size != largeSize {
		t.Fatalf("Stat: %v, %v", info, err)
	}
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(g), 1))
			for range 8 {
				off := rnd.IntN(largeSize)
				p := make([]byte, min(rnd.IntN(3<<20)+1, largeSize-off))
				if err := backend.ReadFull(ctx, b, "objects/large", p, int64(off)); err != nil {
					t.Errorf("reading at %d: %v", off, err)
				} else if !bytes.Equal(p, data[off:off+len(p)]) {
					t.Errorf("other bytes at %d", off)
				}
			}
		})
	}
	wg.Wait()
	got, err := backend.ReadAll(ctx, b, "objects/large", 1<<30)
	if err != nil || !bytes.Equal(got, data) {
		t.Errorf("all of it: %d bytes, %v", len(got), err)
	}
}

// testLargeTaken: neither a taken key nor a given-up writer leaves anything.
func testLargeTaken(t *testing.T, b backend.Backend) {
	put(t, b, "objects/taken", "first")
	wantError(t, "a large create of a taken key", writeAll(ctx, b, "objects/taken", large(1)), backend.ErrExists)
	wantContent(t, b, "objects/taken", "first")
	cancelled, cancel := context.WithCancel(ctx)
	defer cancel()
	for _, c := range []context.Context{ctx, cancelled} {
		w, err := b.Create(c, "objects/unwanted")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(large(2)); err != nil {
			t.Fatal(err)
		}
		if c == cancelled {
			cancel()
		}
		if err := w.Abort(); err != nil {
			t.Fatal(err)
		}
		wantAbsent(t, b, "objects/unwanted")
	}
}

// testReadBack: a Writer that is an io.ReaderAt gives back what it was given, while
// somebody else writes.
func testReadBack(t *testing.T, b backend.Backend) {
	w, err := b.Create(ctx, "objects/k")
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	r, ok := w.(io.ReaderAt)
	if !ok {
		t.Skip("its Writers are none")
	}
	data := large(3)[:5<<20]
	written := make(chan int, len(data)/100_000+1)
	go func() {
		defer close(written)
		for off := 0; off < len(data); off += 100_000 {
			end := min(off+100_000, len(data))
			if _, err := w.Write(data[off:end]); err != nil {
				t.Error(err)
				return
			}
			written <- end
		}
	}()
	rnd := rand.New(rand.NewPCG(1, 1))
	for size := range written {
		p := make([]byte, rnd.IntN(50_000)+1)
		off := rnd.IntN(size)
		p = p[:min(len(p), size-off)]
		if n, err := r.ReadAt(p, int64(off)); n != len(p) || err != nil && err != io.EOF || !bytes.Equal(p, data[off:off+n]) {
			t.Fatalf("ReadAt(%d bytes at %d) with %d written: %d, %v", len(p), off, size, n, err)
		}
	}
}
