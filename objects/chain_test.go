package objects

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/objects/codec"
	"github.com/mstore/mstore/objects/pack"
)

// onDisk is a bin whose packs can be read back while they are written.
func onDisk(t testing.TB) *bin {
	fsys := vfs.NewMem()
	d := backend.NewDir(fsys)
	if err := d.MakeDirs("objects"); err != nil {
		t.Fatal(err)
	}
	return &bin{t: t, b: d}
}

// next is a model, a save later: some numbers are others, some more have come.
func next(r *rand.Rand, b []byte) []byte {
	b = bytes.Clone(b)
	for range 10 {
		at := r.IntN(len(b) - 40)
		if i := bytes.IndexByte(b[at:], '.'); i >= 0 && at+i+6 < len(b) {
			copy(b[at+i+1:], fmt.Sprintf("%05d", r.IntN(100_000)))
		}
	}
	return fmt.Appendf(b, "%v, ", r.NormFloat64())
}

// putLike stores a blob as the next version of another.
func (s *bin) putLike(b []byte, like BlobID) BlobID {
	s.t.Helper()
	w := s.writer()
	id, _, err := w.Blob(bytes.NewReader(b), int64(len(b)), like)
	if err != nil {
		s.t.Fatal(err)
	}
	packs, err := w.Finish()
	if err != nil {
		s.t.Fatal(err)
	}
	s.packs = append(s.packs, packs...)
	return id
}

// pieces describes how the pieces of a blob are stored.
func (s *bin) pieces(id BlobID) (out []*PieceInfo) {
	s.t.Helper()
	r := s.reader()
	rc, err := r.Recipe(s.t.Context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, p := range rc.Parts {
		info, err := r.Describe(s.t.Context(), p.Piece)
		if err != nil {
			s.t.Fatal(err)
		}
		out = append(out, info)
	}
	return out
}

// A chain is cut where it is as deep as it may be, and every version of it reads
// back.
func TestChainIsCut(t *testing.T) {
	s := onDisk(t)
	r := rand.New(rand.NewPCG(1, 1))
	var saves [][]byte
	var ids []BlobID
	b, like := text(1, 20_000), BlobID{}
	for range maxDepth + 10 {
		like = s.putLike(b, like)
		saves, ids = append(saves, b), append(ids, like)
		b = next(r, b)
	}
	for i, id := range ids {
		s.want(id, saves[i])
		p := s.pieces(id)[0]
		if want := i % (maxDepth + 1); p.Depth != want || (p.Codec == codec.Delta) != (want > 0) {
			t.Errorf("save %d: %s at depth %d, want %d", i, p.Codec, p.Depth, want)
		}
	}
}

// A model finds its base under whatever name, in the store and in the session.
func TestBasesAreFoundByContent(t *testing.T) {
	for _, session := range []bool{false, true} {
		t.Run(fmt.Sprint("in one session: ", session), func(t *testing.T) {
			s := onDisk(t)
			r := rand.New(rand.NewPCG(2, 2))
			a, b := noise(1, 700_000), noise(2, 700_000)
			moved := bytes.Clone(a)
			for range 20 {
				moved[r.IntN(len(moved))] ^= 1
			}
			merged := slices.Concat(a, b)
			split := b[300_000:]
			var ids []BlobID
			if session {
				ids, _ = s.put(a, b, moved, merged, split)
			} else {
				for _, x := range [][]byte{a, b, moved, merged, split} {
					id, _ := s.put(x)
					ids = append(ids, id...)
				}
			}
			for i, want := range [][]byte{a, b, moved, merged, split} {
				s.want(ids[i], want)
				if i < 2 {
					continue
				}
				stored := int64(0)
				for _, p := range s.pieces(ids[i]) {
					if p.Codec.HasBases() {
						stored += p.Stored
					} else if p.Raw > 100_000 {
						t.Errorf("blob %d: a piece of %d bytes as %s", i, p.Raw, p.Codec)
					}
				}
				if stored > 2000 {
					t.Errorf("blob %d takes %d bytes", i, stored)
				}
			}
		})
	}
}

// Where the record that a chain names is gone, the piece is found elsewhere.
func TestChainFindsItsBaseElsewhere(t *testing.T) {
	s := onDisk(t)
	a := text(1, 50_000)
	first := s.putLike(a, BlobID{})
	second := s.putLike(next(rand.New(rand.NewPCG(1, 1)), a), first)
	if p := s.pieces(second)[0]; p.Depth != 1 {
		t.Fatalf("depth %d", p.Depth)
	}
	want, err := s.get(second)
	if err != nil {
		t.Fatal(err)
	}
	gone := s.packs[0]
	s.packs = s.packs[1:]
	if err := s.b.Delete(t.Context(), gone.Name.Key()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.get(second); !errors.Is(err, ErrMissing) {
		t.Fatalf("without its base: %v", err)
	}
	s.putLike(a, BlobID{})
	s.want(second, want)
	s.want(first, a)
}

// circle stores two pieces, each as a difference to the other.
func (s *bin) circle(a, b []byte) {
	t := s.t
	t.Helper()
	patch := func(to, from []byte) []byte {
		enc, id, used := codec.Encode(nil, codec.Input{Raw: to, Bases: [][]byte{from}})
		if id != codec.Delta || len(used) != 1 {
			t.Fatalf("stored as %s", id)
		}
		return enc
	}
	w, err := pack.NewWriter(t.Context(), s.b, pack.Name{9})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range [][2][]byte{{a, b}, {b, a}} {
		id := HashPiece(x[0])
		c := chain{bases: []baseRef{{piece: HashPiece(x[1]), pack: pack.Name{8}}}, depth: 1, work: 1}
		rec := pack.Record{Kind: pack.KindPiece, Codec: uint8(codec.Delta), Raw: uint32(len(x[0])), ID: pack.Key(id)}
		if _, err := w.Add(pack.Key(id), rec, append(c.append(nil), patch(x[0], x[1])...)); err != nil {
			t.Fatal(err)
		}
	}
	info, err := w.Finish(pack.Notes{})
	if err != nil {
		t.Fatal(err)
	}
	s.packs = []pack.Info{info}
}

// A circle of bases, which no writer makes, is an error and no endless loop.
func TestCircleOfBases(t *testing.T) {
	s := onDisk(t)
	a := text(1, 3000)
	b := append(bytes.Clone(a), "and more"...)
	s.circle(a, b)
	done := make(chan error, 1)
	go func() {
		_, err := s.get(HashBlob(a))
		done <- err
	}()
	select {
	case err := <-done:
		if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrMissing) {
			t.Errorf("want damage, got %v", err)
		}
	case <-time.After(time.Minute):
		t.Fatal("still reading")
	}
}

func FuzzChain(f *testing.F) {
	c := chain{bases: []baseRef{{PieceID{1}, pack.Name{2}, 3, 4}, {PieceID{5}, pack.Name{6}, 7, 8}}, depth: 3, work: 99}
	f.Add(c.append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, body, err := parseChain(codec.Delta, b)
		if err == nil && !bytes.Equal(append(c.append(nil), body...), b) {
			t.Fatalf("accepted %x", b)
		}
	})
}

// A codec with a fault, of whatever kind, keeps nobody from saving a model.
func TestFaultyCodec(t *testing.T) {
	for name, fault := range map[string]func(dst []byte, in codec.Input) ([]byte, codec.ID, []int){
		"loses bytes": func(dst []byte, in codec.Input) ([]byte, codec.ID, []int) {
			return append(dst, in.Raw[1:]...), codec.Raw, nil
		},
		"changes them": func(dst []byte, in codec.Input) ([]byte, codec.ID, []int) {
			return append(append(dst, in.Raw[1:]...), 7), codec.Raw, nil
		},
		"is unknown": func(dst []byte, in codec.Input) ([]byte, codec.ID, []int) { return append(dst, in.Raw...), 99, nil },
		"panics":     func([]byte, codec.Input) ([]byte, codec.ID, []int) { panic("a fault") },
		"forgets its bases": func(dst []byte, in codec.Input) ([]byte, codec.ID, []int) {
			return append(dst, in.Raw...), codec.Diff, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := onDisk(t)
			data := text(1, 30_000)
			w := NewWriter(t.Context(), s.b, s.reader(), WriterOptions{NewName: func() pack.Name { return pack.Name{1} }, encode: fault})
			id, _, err := w.Blob(bytes.NewReader(data), 0, BlobID{})
			if err != nil {
				t.Fatal(err)
			}
			if s.packs, err = w.Finish(); err != nil {
				t.Fatal(err)
			}
			s.want(id, data)
		})
	}
}
