package objects

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/objects/chunk"
	"github.com/mstore/mstore/objects/pack"
)

// bin is a store of objects without a journal: the packs written so far.
type bin struct {
	t       testing.TB
	b       backend.Backend
	packs   []pack.Info
	n       uint32
	maxPack int64
}

func (s *bin) reader() *Reader { return NewReader(s.b, pack.NewSet(s.b, s.packs, nil, nil)) }

func (s *bin) writer() *Writer {
	return NewWriter(s.t.Context(), s.b, s.reader(), WriterOptions{MaxPack: s.maxPack, NewName: func() (n pack.Name) {
		s.n++
		binary.BigEndian.PutUint32(n[:], s.n)
		return n
	}})
}

// put stores blobs in one session and returns their IDs and what was written.
func (s *bin) put(blobs ...[]byte) (ids []BlobID, packs []pack.Info) {
	s.t.Helper()
	w := s.writer()
	for _, b := range blobs {
		id, n, err := w.Blob(bytes.NewReader(b), 0, BlobID{})
		if err != nil || n != int64(len(b)) || id != HashBlob(b) {
			s.t.Fatalf("blob of %d bytes: %s, %d, %v", len(b), id, n, err)
		}
		ids = append(ids, id)
	}
	packs, err := w.Finish([]byte("version"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.packs = append(s.packs, packs...)
	return ids, packs
}

func (s *bin) get(id BlobID) ([]byte, error) {
	b, err := s.reader().Blob(s.t.Context(), id)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	_, err = b.WriteTo(&out)
	return out.Bytes(), err
}

func (s *bin) want(id BlobID, want []byte) {
	s.t.Helper()
	got, err := s.get(id)
	if err != nil || !bytes.Equal(got, want) {
		s.t.Fatalf("blob %s: %d bytes, %v, want %d", id.Short(), len(got), err, len(want))
	}
}

// noise makes n bytes that do not compress, text n that do.
func noise(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 3))
	b := make([]byte, 0, n+8)
	for len(b) < n {
		b = binary.LittleEndian.AppendUint64(b, r.Uint64())
	}
	return b[:n]
}

func text(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 3))
	b := make([]byte, 0, n+64)
	for len(b) < n {
		b = fmt.Appendf(b, "%v, ", r.NormFloat64())
	}
	return b[:n]
}

func TestBlobRoundTrip(t *testing.T) {
	s := &bin{t: t, b: backend.NewMem()}
	blobs := [][]byte{
		{}, {0}, []byte("small"), text(1, 100_000), noise(2, chunk.Min), noise(3, chunk.Max), noise(4, chunk.Max+1),
		text(5, 5<<20), noise(6, 2<<20), make([]byte, 9<<20),
	}
	if testing.Short() {
		blobs[5], blobs[6], blobs[9] = noise(3, 1000), noise(4, 2<<20), make([]byte, chunk.Max+1)
	}
	ids, packs := s.put(blobs...)
	if len(packs) != 1 {
		t.Errorf("%d packs", len(packs))
	}
	for i, id := range ids {
		s.want(id, blobs[i])
		b, err := s.reader().Blob(t.Context(), id)
		if err != nil || b.Size() != int64(len(blobs[i])) {
			t.Fatalf("%d: size %v, %v", i, b.Size(), err)
		}
		if len(blobs[i]) > 200_000 {
			continue
		}
		if err := iotest.TestReader(struct {
			io.Reader
			io.Seeker
			io.ReaderAt
		}{b, b, b}, blobs[i]); err != nil {
			t.Errorf("%d: %v", i, err)
		}
	}
	if b, _ := s.reader().Blob(t.Context(), ids[8]); b.Parts() < 3 {
		t.Errorf("%d pieces", b.Parts())
	}
	if _, again := s.put(blobs...); len(again) != 0 {
		t.Errorf("the same once more writes %v", again)
	}
	// An insertion at the front writes about a piece, not the blob.
	ids, packs = s.put(append([]byte("in front"), blobs[8]...))
	s.want(ids[0], append([]byte("in front"), blobs[8]...))
	if len(packs) != 1 || packs[0].Size > 2*chunk.Max {
		t.Errorf("an insertion writes %v", packs)
	}
	x, err := pack.OpenIndex(t.Context(), s.b, packs[0])
	if err != nil {
		t.Fatal(err)
	}
	if n, err := x.Notes(); err != nil || string(bytes.Join(n.Versions, nil)) != "version" {
		t.Errorf("notes %+v, %v", n, err)
	}
}

// What is too much for one pack goes into several, which a failure afterwards
// removes.
func TestPackSplit(t *testing.T) {
	s := &bin{t: t, b: backend.NewMem(), maxPack: 1 << 20}
	data := noise(6, 7<<20)
	ids, packs := s.put(data, []byte("small"))
	s.want(ids[0], data)
	if len(packs) < 3 {
		t.Errorf("%d packs", len(packs))
	}
	for _, p := range packs {
		if p.Size > s.maxPack+chunk.Max {
			t.Errorf("a pack of %d bytes", p.Size)
		}
	}
	w := s.writer()
	if _, _, err := w.Blob(bytes.NewReader(noise(7, 7<<20)), 0, BlobID{}); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	before, err := s.b.List(t.Context(), "", "", 0)
	w.Abort()
	after, aerr := s.b.List(t.Context(), "", "", 0)
	if err != nil || aerr != nil || len(before) <= len(packs) || len(after) != len(packs) {
		t.Errorf("%d packs before, %d after Abort, want %d; %v, %v", len(before), len(after), len(packs), err, aerr)
	}
}

func TestBlobReadAt(t *testing.T) {
	s := &bin{t: t, b: backend.NewMem()}
	data := noise(6, 2<<20)
	ids, _ := s.put(data)
	b, err := s.reader().Blob(t.Context(), ids[0])
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for g := range uint64(4) {
		wait.Go(func() {
			r := rand.New(rand.NewPCG(g, 1))
			for range 15 {
				off := r.IntN(len(data) + 100)
				p := make([]byte, r.IntN(1<<19))
				n, err := b.ReadAt(p, int64(off))
				want := data[min(off, len(data)):min(off+len(p), len(data))]
				if !bytes.Equal(p[:n], want) || (err == io.EOF) != (len(want) < len(p)) || err != nil && err != io.EOF {
					t.Errorf("%d bytes at %d: %d, %v", len(p), off, n, err)
				}
			}
			var out bytes.Buffer
			if n, err := b.WriteTo(&out); err != nil || n != int64(len(data)) || !bytes.Equal(out.Bytes(), data) {
				t.Errorf("WriteTo: %d, %v", n, err)
			}
		})
	}
	wait.Wait()
	for _, c := range []struct {
		off    int64
		whence int
		want   int64
	}{{5, io.SeekStart, 5}, {3, io.SeekCurrent, 8}, {-8, io.SeekEnd, int64(len(data)) - 8}, {-1, io.SeekStart, -1}, {0, 7, -1}} {
		if got, err := b.Seek(c.off, c.whence); (err == nil) != (c.want >= 0) || err == nil && got != c.want {
			t.Errorf("seek %d %d: %d, %v", c.off, c.whence, got, err)
		}
	}
	if _, err := b.ReadAt(make([]byte, 1), -1); err == nil {
		t.Error("a negative offset")
	}
	broken := errors.New("broken")
	if _, err := b.WriteTo(&failingWriter{broken}); !errors.Is(err, broken) {
		t.Errorf("a writer that fails: %v", err)
	}
}

type failingWriter struct{ err error }

func (w *failingWriter) Write([]byte) (int, error) { return 0, w.err }

// records lists all rows of a pack, of one kind.
func (s *bin) records(p pack.Info, kind pack.Kind) (out []pack.Loc) {
	s.t.Helper()
	x, err := pack.OpenIndex(s.t.Context(), s.b, p)
	if err != nil {
		s.t.Fatal(err)
	}
	for r, err := range x.Rows() {
		if err != nil {
			s.t.Fatal(err)
		}
		if r.Kind == kind {
			out = append(out, pack.Loc{Pack: p.Name, Row: r})
		}
	}
	return out
}

func (s *bin) damage(l pack.Loc) {
	s.t.Helper()
	data, err := backend.ReadAll(s.t.Context(), s.b, l.Pack.Key(), 1<<30)
	if err != nil {
		s.t.Fatal(err)
	}
	data[int64(l.Off)+60+int64(l.Stored)/2] ^= 1
	if err := s.b.Delete(s.t.Context(), l.Pack.Key()); err != nil {
		s.t.Fatal(err)
	}
	if err := s.b.Put(s.t.Context(), l.Pack.Key(), data); err != nil {
		s.t.Fatal(err)
	}
}

// Damage is an error, never wrong bytes; a second copy is used instead.
func TestSecondCopy(t *testing.T) {
	s := &bin{t: t, b: backend.NewMem()}
	small, large := text(1, 5000), noise(2, 2<<20)
	ids, first := s.put(small, large)
	keep := s.packs
	s.packs = nil // the second session does not see the first
	_, second := s.put(small, large)
	s.packs = keep
	for _, l := range slices.Concat(s.records(first[0], pack.KindPiece), s.records(first[0], pack.KindRecipe)) {
		s.damage(l)
	}
	for _, id := range ids {
		got, err := s.get(id)
		if !errors.Is(err, ErrCorrupt) {
			t.Errorf("a damaged blob: %d bytes, %v", len(got), err)
		}
	}
	for _, packs := range [][]pack.Info{{first[0], second[0]}, {second[0], first[0]}} {
		s.packs = packs
		s.want(ids[0], small)
		s.want(ids[1], large)
	}
	s.packs = nil
	if _, err := s.get(ids[0]); !errors.Is(err, ErrMissing) {
		t.Errorf("no pack: %v", err)
	}
}

// When packs were replaced since the set was made, the reader looks in those
// of now, also for what it has not opened yet.
func TestReload(t *testing.T) {
	small, large := text(1, 5000), noise(2, 2<<20)
	for _, opened := range []bool{false, true} {
		s := &bin{t: t, b: backend.NewMem()}
		ids, _ := s.put(small, large)
		r := s.reader()
		if opened {
			if _, err := r.Recipe(t.Context(), ids[0]); err != nil {
				t.Fatal(err)
			}
		}
		old := s.packs
		s.packs = nil
		s.put(small, large)
		for _, p := range old {
			if err := s.b.Delete(t.Context(), p.Name.Key()); err != nil {
				t.Fatal(err)
			}
		}
		for _, id := range ids {
			if _, err := s.readOld(r, id); !errors.Is(err, ErrMissing) {
				t.Errorf("without Reload: %v, want ErrMissing", err)
			}
		}
		reloads := 0
		for _, id := range ids {
			r := NewReader(s.b, r.Set())
			if !opened {
				r = NewReader(s.b, pack.NewSet(s.b, old, nil, nil))
			}
			r.Reload = func(context.Context) (*pack.Set, error) {
				reloads++
				return pack.NewSet(s.b, s.packs, nil, nil), nil
			}
			b, err := r.Blob(t.Context(), id)
			if err != nil {
				t.Errorf("opened %v: %v", opened, err)
				continue
			}
			if _, err := b.WriteTo(io.Discard); err != nil {
				t.Errorf("opened %v: %v", opened, err)
			}
		}
		if reloads == 0 || reloads > 4 {
			t.Errorf("%d reloads", reloads)
		}
	}
}

// readOld reads a blob whole through r.
func (s *bin) readOld(r *Reader, id BlobID) (int64, error) {
	b, err := r.Blob(s.t.Context(), id)
	if err != nil {
		return 0, err
	}
	return b.WriteTo(io.Discard)
}

// A recipe that lies about its blob is found by a whole read.
func TestFalseRecipe(t *testing.T) {
	s := &bin{t: t, b: backend.NewMem()}
	data := text(1, 1000)
	ids, _ := s.put(data)
	for i, parts := range [][]Part{{}, {{Piece: PieceID(ids[0]), Size: 1000}}, {{Piece: PieceID(ids[0]), Size: 1000}, {Piece: PieceID(ids[0]), Size: 1000}}, {{Piece: PieceID(ids[0]), Size: 999}}} {
		lie := Recipe{Blob: BlobID{0xfa}, Parts: parts}
		enc, id := lie.Encode()
		w, err := pack.NewWriter(t.Context(), s.b, pack.Name{0xff, byte(i)})
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
		keep := s.packs
		s.packs = append(s.packs[:1:1], info)
		if got, err := s.get(lie.Blob); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%d parts: %d bytes, %v", len(parts), len(got), err)
		}
		s.packs = keep
	}
}

// A session that is given up, or fails, leaves nothing.
func TestWriterLeavesNothing(t *testing.T) {
	full := errors.New("disk is full")
	for k := 0; ; k++ {
		b := backend.NewMem()
		n := 0
		hook := &backend.Hook{Backend: b, Before: backend.OneByOne(func(op, key string) error {
			if op == backend.OpAbort || op == backend.OpDelete {
				return nil
			}
			if n++; n > k {
				return full
			}
			return nil
		})}
		s := &bin{t: t, b: hook}
		w := s.writer()
		_, _, err := w.Blob(bytes.NewReader(noise(2, 2<<20)), 0, BlobID{})
		if err == nil {
			_, err = w.Finish(nil)
		} else {
			w.Abort()
		}
		left, lerr := b.List(t.Context(), "", "", 0)
		if lerr != nil {
			t.Fatal(lerr)
		}
		if err == nil {
			break
		}
		if !errors.Is(err, full) || len(left) != 0 {
			t.Fatalf("failing at %d: %v, leaves %v", k, err, left)
		}
	}
	s := &bin{t: t, b: backend.NewMem()}
	w := s.writer()
	broken := errors.New("broken")
	if _, _, err := w.Blob(io.MultiReader(bytes.NewReader(noise(2, 2<<20)), iotest.ErrReader(broken)), 0, BlobID{}); !errors.Is(err, broken) {
		t.Errorf("a source that fails: %v", err)
	}
	w.Abort()
	if left, err := s.b.List(t.Context(), "", "", 0); err != nil || len(left) != 0 {
		t.Errorf("an aborted session leaves %v, %v", left, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	w = NewWriter(ctx, s.b, s.reader(), WriterOptions{NewName: func() pack.Name { return pack.Name{1} }})
	cancel()
	_, _, err := w.Blob(bytes.NewReader(noise(2, 2<<20)), 0, BlobID{})
	if err == nil {
		_, err = w.Finish(nil)
	} else {
		w.Abort()
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// Depends names the packs of others whose content is relied on.
func TestDepends(t *testing.T) {
	s := &bin{t: t, b: backend.NewMem()}
	a, b := text(1, 5000), text(2, 5000)
	ids, first := s.put(a)
	_, second := s.put(b)
	w := s.writer()
	if _, _, err := w.Blob(bytes.NewReader(b), 0, BlobID{}); err != nil {
		t.Fatal(err)
	}
	if err := w.Uses(ids[0]); err != nil {
		t.Fatal(err)
	}
	if err := w.Uses(BlobID{1}); !errors.Is(err, ErrMissing) {
		t.Errorf("a blob that is not there: %v", err)
	}
	if packs, err := w.Finish(nil); err != nil || len(packs) != 0 {
		t.Errorf("%v, %v", packs, err)
	}
	if d := w.Depends(); len(d) != 2 || !d[first[0].Name] || !d[second[0].Name] {
		t.Errorf("depends on %v", d)
	}
}

// Memory does not grow with the model: what is written is dropped, what is
// read is made on the way.
func TestBoundedMemory(t *testing.T) {
	size := int64(400 << 20)
	if testing.Short() {
		size = 40 << 20
	}
	s := &bin{t: t, b: dropping{backend.NewMem()}}
	w := s.writer()
	var most uint64
	src := &endless{left: size, every: 16 << 20, look: func() {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		most = max(most, m.HeapAlloc)
	}}
	if _, n, err := w.Blob(src, 0, BlobID{}); err != nil || n != size {
		t.Fatal(n, err)
	}
	w.Abort()
	if most > 100<<20 {
		t.Errorf("%d MB of heap", most>>20)
	}
	t.Logf("%d MB of heap at the most", most>>20)
}

// dropping keeps nothing of what is written.
type dropping struct{ backend.Backend }

func (d dropping) Create(context.Context, string) (backend.Writer, error) {
	return droppingWriter{}, nil
}

type droppingWriter struct{}

func (droppingWriter) Write(p []byte) (int, error) { return len(p), nil }
func (droppingWriter) Commit() error               { return nil }
func (droppingWriter) Abort() error                { return nil }

// endless gives bytes that neither repeat nor compress, and looks about now
// and then.
type endless struct {
	left, every, next int64
	state             uint64
	look              func()
}

func (e *endless) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	if e.next -= int64(len(p)); e.next <= 0 {
		e.look()
		e.next = e.every
	}
	p = p[:min(int64(len(p)), e.left)]
	for b := p; len(b) > 0; {
		e.state = e.state*6364136223846793005 + 1442695040888963407
		var word [8]byte
		binary.LittleEndian.PutUint64(word[:], e.state^e.state>>29)
		b = b[copy(b, word[:]):]
	}
	e.left -= int64(len(p))
	return len(p), nil
}
