package objects

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/objects/codec"
	"github.com/mstore/mstore/objects/pack"
)

// counting counts the reads of each place.
type counting struct {
	backend.Backend
	mu    sync.Mutex
	reads map[string]int
}

func (c *counting) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	c.mu.Lock()
	c.reads[fmt.Sprint(key, " ", off)]++
	c.mu.Unlock()
	return c.Backend.Get(ctx, key, off, n)
}

// again is how many places were read more than once, and forgets.
func (c *counting) again() (n int) {
	for _, k := range c.reads {
		if k > 1 {
			n++
		}
	}
	clear(c.reads)
	return n
}

// Two saves of a model, whichever is stored as a difference to the other, are decoded
// once when they are read side by side, by however many goroutines.
func TestTogetherDecodesOnce(t *testing.T) {
	for name, model := range map[string][]byte{"text": text(1, 6<<20), "noise": noise(1, 3<<20)} {
		for _, swap := range []bool{false, true} {
			for _, readers := range []int{1, 2} {
				t.Run(fmt.Sprint(name, swap, readers), func(t *testing.T) {
					s := onDisk(t)
					c := &counting{Backend: s.b, reads: map[string]int{}}
					s.b = c
					data := [2][]byte{model, next(rand.New(rand.NewPCG(1, 1)), model)}
					if name == "noise" { // some pieces are the same
						data[1] = bytes.Clone(model)
						copy(data[1], noise(2, 100))
					}
					var ids [2]BlobID
					ids[0] = s.putLike(data[0], BlobID{})
					ids[1] = s.putLike(data[1], ids[0])
					if swap {
						slices.Reverse(ids[:])
						slices.Reverse(data[:])
					}
					read := func(a, b *Blob) {
						step := 100_000
						var wait sync.WaitGroup
						for i, blob := range []*Blob{a, b} {
							one := func(from int) {
								p := make([]byte, step)
								for off := from * step; off < len(data[i]); off += readers * step {
									n, err := blob.ReadAt(p, int64(off))
									if err != nil && err != io.EOF || !bytes.Equal(p[:n], data[i][off:min(off+step, len(data[i]))]) {
										t.Errorf("side %d at %d: %d bytes, %v", i, off, n, err)
									}
								}
							}
							for from := range readers {
								if readers == 1 {
									one(from)
								} else {
									wait.Go(func() { one(from) })
								}
							}
						}
						wait.Wait()
						if err := errors.Join(a.Close(), b.Close()); err != nil {
							t.Error(err)
						}
					}
					r := s.reader()
					for _, id := range ids { // indexes are read, and kept
						if _, err := r.Recipe(t.Context(), id); err != nil {
							t.Fatal(err)
						}
					}
					a, b, err := r.Together(t.Context(), 64<<20, ids[0], ids[1])
					if err != nil {
						t.Fatal(err)
					}
					for _, p := range append(a.recipe.Parts, b.recipe.Parts...) {
						if _, err := r.Describe(t.Context(), p.Piece); err != nil {
							t.Fatal(err)
						}
					}
					c.again()
					read(a, b)
					if n := c.again(); n > 0 {
						t.Errorf("%d records were read again", n)
					}
					if readers > 1 {
						return
					}
					for i := range ids { // the test can tell
						if ids[i] == HashBlob(model) {
							continue
						}
						if a, err = r.Blob(t.Context(), ids[0]); err != nil {
							t.Fatal(err)
						}
						if b, err = r.Blob(t.Context(), ids[1]); err != nil {
							t.Fatal(err)
						}
						if read(a, b); c.again() == 0 {
							t.Error("nothing would have been read again")
						}
					}
				})
			}
		}
	}
}

// However little room there is, what is read is right.
func TestTogetherWithoutRoom(t *testing.T) {
	s := onDisk(t)
	want := text(1, 6<<20)
	id := s.putLike(want, BlobID{})
	r := s.reader()
	for _, room := range []int{0, 1 << 20, 4 << 20} {
		a, b, err := r.Together(t.Context(), room, id, id)
		if err != nil {
			t.Fatal(err)
		}
		for _, blob := range []*Blob{a, b} {
			if got, err := io.ReadAll(blob); err != nil || !bytes.Equal(got, want) {
				t.Errorf("room for %d: %d bytes, %v", room, len(got), err)
			}
		}
		if used := a.r.cache.size; used > room {
			t.Errorf("%d bytes are kept, there is room for %d", used, room)
		}
	}
}

// Two that wait for each other's pieces, which no writer makes, end with an error.
func TestTogetherInACircle(t *testing.T) {
	s := onDisk(t)
	a := text(1, 3000)
	b := append(bytes.Clone(a), "and more"...)
	s.circle(a, b)
	done := make(chan error, 2)
	for range 4 {
		x, y, err := s.reader().Together(t.Context(), 1<<20, HashBlob(a), HashBlob(b))
		if err != nil {
			t.Fatal(err)
		}
		for _, blob := range []*Blob{x, y} {
			go func() {
				_, err := blob.ReadAt(make([]byte, 10), 0)
				done <- err
			}()
		}
		for range 2 {
			select {
			case err := <-done:
				if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrMissing) {
					t.Errorf("want damage, got %v", err)
				}
			case <-time.After(time.Minute):
				t.Fatal("still reading")
			}
		}
	}
}

// A recipe that lies about the length of a piece is damage, also where that piece is
// the base of another.
func TestTogetherFalseRecipe(t *testing.T) {
	for _, size := range []int64{0, 1, 19_999, 20_001, 1 << 40} {
		s := onDisk(t)
		first := text(1, 20_000)
		base := s.putLike(first, BlobID{})
		second := s.putLike(next(rand.New(rand.NewPCG(1, 1)), first), base)
		if p := s.pieces(second)[0]; p.Codec != codec.Delta {
			t.Fatalf("stored as %s", p.Codec)
		}
		lie := Recipe{Blob: BlobID{0xfa}, Parts: []Part{{Piece: PieceID(base), Size: size}}}
		enc, id := lie.Encode()
		w, err := pack.NewWriter(t.Context(), s.b, pack.Name{0xff})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Add(pack.Key(lie.Blob), pack.Record{Kind: pack.KindRecipe, Raw: uint32(len(enc)), ID: pack.Key(id)}, enc); err != nil {
			t.Fatal(err)
		}
		info, err := w.Finish(pack.Notes{})
		if err != nil {
			t.Fatal(err)
		}
		s.packs = append(s.packs, info)
		a, b, err := s.reader().Together(t.Context(), 1<<20, lie.Blob, second)
		if err != nil {
			t.Fatal(err)
		}
		for _, blob := range []*Blob{b, a} {
			if blob == a && size == 0 {
				continue // nothing is read of it
			}
			if _, err := blob.ReadAt(make([]byte, 10), 0); !errors.Is(err, ErrCorrupt) {
				t.Errorf("length %d: %v", size, err)
			}
		}
	}
}

// What Same says is true, and it finds the pieces that two blobs have in common.
func TestSame(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	var parts []Part
	var raw [][]byte
	for i := range 5 {
		b := noise(uint64(i), 10+i)
		raw, parts = append(raw, b), append(parts, Part{Piece: HashPiece(b), Size: int64(len(b))})
	}
	make := func(of ...int) (*Blob, []byte) {
		rc := &Recipe{}
		var all []byte
		for _, i := range of {
			rc.Parts, all = append(rc.Parts, parts[i]), append(all, raw[i]...)
		}
		return new(Reader).blob(t.Context(), rc), all
	}
	a, x := make(0, 1, 2, 3, 0)
	b, y := make(4, 1, 2, 0, 3)
	found := 0
	for range 20_000 {
		off, oOff, n := r.IntN(len(x)), r.IntN(len(y)), r.IntN(30)
		same := a.Same(int64(off), b, int64(oOff), int64(n))
		if same && (off+n > len(x) || oOff+n > len(y) || !bytes.Equal(x[off:off+n], y[oOff:oOff+n])) {
			t.Fatalf("%d bytes at %d and %d are not the same", n, off, oOff)
		}
		if same && n > 0 {
			found++
		}
	}
	if found == 0 {
		t.Error("nothing is the same")
	}
	for _, c := range []struct {
		off, oOff, n int64
		want         bool
	}{{10, 14, 23, true}, {12, 16, 5, true}, {10, 14, 24, false}, {33, 47, 13, true}, {34, 48, 12, true}, {46, 37, 10, true}, {0, 0, 1, false}, {0, 0, 0, true}, {-1, 0, 1, false}, {0, 0, -1, false}, {33, 47, 14, false}, {1 << 62, 0, 1 << 62, false}} {
		if got := a.Same(c.off, b, c.oOff, c.n); got != c.want {
			t.Errorf("%d bytes at %d and %d: %v", c.n, c.off, c.oOff, got)
		}
	}
}

// A wanted base whose record is damaged is taken from another copy.
func TestTogetherFindsItsBaseElsewhere(t *testing.T) {
	s := onDisk(t)
	data := [2][]byte{text(1, 50_000), nil}
	data[1] = next(rand.New(rand.NewPCG(1, 1)), data[0])
	first := s.putLike(data[0], BlobID{})
	second := s.putLike(data[1], first)
	if p := s.pieces(second)[0]; p.Depth != 1 {
		t.Fatalf("depth %d", p.Depth)
	}
	read := func() (errs [2]error) {
		a, b, err := s.reader().Together(t.Context(), 1<<20, first, second)
		if err != nil {
			t.Fatal(err)
		}
		for i, blob := range []*Blob{b, a} { // the one that needs the other first
			got, err := io.ReadAll(blob)
			if err == nil && !bytes.Equal(got, data[1-i]) {
				t.Error("other bytes")
			}
			errs[1-i] = err
		}
		return errs
	}
	s.damage(s.records(s.packs[0], pack.KindPiece)[0])
	for i, err := range read() {
		if !errors.Is(err, ErrCorrupt) {
			t.Errorf("side %d of a damaged base: %v", i, err)
		}
	}
	damaged := s.packs
	s.packs = nil
	s.putLike(data[0], BlobID{})
	s.packs = append(s.packs, damaged...)
	for i, err := range read() {
		if err != nil {
			t.Errorf("side %d, with another copy: %v", i, err)
		}
	}
}
