package objects

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sort"
	"sync"

	"github.com/mstore/mstore/objects/chunk"
)

// Blob reads the content of one blob. ReadAt and Read decode the pieces they
// need and check each by its own hash; WriteTo reads everything and checks the
// blob's hash as well. ReadAt and WriteTo may be called concurrently.
type Blob struct {
	ctx    context.Context
	r      *Reader
	recipe *Recipe
	starts []int64 // of each part; and the size
	pos    int64

	mu   sync.Mutex
	last *held // what ReadAt used last, pinned; nil for none
	part int   // of the recipe, that last is
}

// Blob opens a blob. Errors wrap ErrMissing or ErrCorrupt, or are those of the
// backend.
func (r *Reader) Blob(ctx context.Context, id BlobID) (*Blob, error) {
	rc, err := r.Recipe(ctx, id)
	if err != nil {
		return nil, err
	}
	return r.blob(ctx, rc), nil
}

func (r *Reader) blob(ctx context.Context, rc *Recipe) *Blob {
	b := &Blob{ctx: ctx, r: r, recipe: rc, starts: make([]int64, 1, len(rc.Parts)+1)}
	for _, p := range rc.Parts {
		b.starts = append(b.starts, b.starts[len(b.starts)-1]+p.Size)
	}
	return b
}

// Size is the length in bytes.
func (b *Blob) Size() int64 { return b.starts[len(b.starts)-1] }

// Format is what the model was told to be when it was stored.
func (b *Blob) Format() chunk.Format { return b.recipe.Format }

// Parts is the number of pieces.
func (b *Blob) Parts() int { return len(b.recipe.Parts) }

// decode decodes a piece; with check it is proved by its own hash.
func (b *Blob) decode(dst []byte, i int, check bool) ([]byte, error) {
	p := b.recipe.Parts[i]
	n := len(dst)
	at := b.r.DecodeAt
	if check {
		at = b.r.ReadAt
	}
	raw, err := b.r.piece(b.ctx, dst, p.Piece, at)
	if err != nil {
		return nil, err
	}
	if int64(len(raw)-n) != p.Size {
		return nil, fmt.Errorf("piece %s of %d bytes, the recipe says %d: %w", p.Piece, len(raw)-n, p.Size, ErrCorrupt)
	}
	return raw, nil
}

// ReadAt implements io.ReaderAt. The last piece that was decoded is kept, so that
// reading on in small steps costs no more than in large ones.
func (b *Blob) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, errors.New("read at a negative offset")
	}
	for n < len(p) {
		if off >= b.Size() {
			return n, io.EOF
		}
		i := b.at(off)
		h, err := b.hold(i)
		if err != nil {
			return n, err
		}
		k := copy(p[n:], h.raw[off-b.starts[i]:])
		b.r.cache.unpin(h)
		n += k
		off += int64(k)
	}
	return n, nil
}

// at is the part that the byte at off, which there must be, lies in.
func (b *Blob) at(off int64) int {
	return sort.Search(len(b.recipe.Parts), func(i int) bool { return b.starts[i+1] > off })
}

// hold returns a piece, proved by its own hash. The caller unpins it.
func (b *Blob) hold(i int) (*held, error) {
	b.mu.Lock()
	if h := b.last; h != nil && b.part == i {
		b.r.cache.pin(h)
		b.mu.Unlock()
		return h, nil
	}
	b.mu.Unlock()
	h, err := b.r.hold(b.ctx, b.recipe.Parts[i])
	if err != nil {
		return nil, err
	}
	b.r.cache.pin(h)
	b.mu.Lock()
	old := b.last
	b.last, b.part = h, i
	b.mu.Unlock()
	b.r.cache.unpin(old)
	return h, nil
}

// Read implements io.Reader.
func (b *Blob) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, err := b.ReadAt(p, b.pos)
	b.pos += int64(n)
	if n > 0 && err == io.EOF {
		err = nil
	}
	return n, err
}

// Seek implements io.Seeker.
func (b *Blob) Seek(off int64, whence int) (int64, error) {
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		off += b.pos
	case io.SeekEnd:
		off += b.Size()
	default:
		return 0, fmt.Errorf("seek: whence %d", whence)
	}
	if off < 0 {
		return 0, errors.New("seek before the beginning")
	}
	b.pos = off
	return off, nil
}

// Close implements io.Closer. It gives up the piece that is kept.
func (b *Blob) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.r.cache.unpin(b.last)
	b.last = nil
	return nil
}

// decoded is a piece that is being decoded ahead.
type decoded struct {
	raw []byte
	err error
}

// ahead decodes the pieces in order, some at once, until stop is closed.
func (b *Blob) ahead(stop <-chan struct{}) <-chan chan decoded {
	out := make(chan chan decoded, min(runtime.GOMAXPROCS(0), maxAhead)-1)
	go func() {
		defer close(out)
		for i := range b.recipe.Parts {
			ch := make(chan decoded, 1)
			select {
			case out <- ch:
			case <-stop:
				return
			}
			go func() {
				raw, err := b.decode(b.r.buffers.get(int(min(b.recipe.Parts[i].Size, chunk.Max))), i, false)
				ch <- decoded{raw, err}
			}()
		}
	}()
	return out
}

// maxAhead bounds the pieces of a blob that are decoded at once.
const maxAhead = 4

// WriteTo writes the whole blob, from its beginning. Pieces are decoded ahead of
// the one being written. The last piece is written only when the blob's hash has
// been found right.
func (b *Blob) WriteTo(w io.Writer) (int64, error) {
	if len(b.recipe.Parts) == 1 && BlobID(b.recipe.Parts[0].Piece) == b.recipe.Blob { // the piece's hash is the blob's
		raw, err := b.decode(b.r.buffers.get(int(min(b.Size(), chunk.Max))), 0, true)
		if err != nil {
			return 0, err
		}
		defer b.r.buffers.put(raw)
		n, err := w.Write(raw)
		return int64(n), err
	}
	stop := make(chan struct{})
	defer close(stop)
	h := NewHasher()
	var written int64
	left := len(b.recipe.Parts)
	if left == 0 && BlobID(h.Sum(nil)) != b.recipe.Blob {
		return 0, b.differs()
	}
	for ch := range b.ahead(stop) {
		d := <-ch
		if d.err != nil {
			return written, d.err
		}
		_, _ = h.Write(d.raw)
		if left--; left == 0 && BlobID(h.Sum(nil)) != b.recipe.Blob {
			return written, b.differs()
		}
		n, err := w.Write(d.raw)
		written += int64(n)
		if err != nil {
			return written, err
		}
		b.r.buffers.put(d.raw)
	}
	return written, nil
}

// differs finds out why the whole has another hash: a piece that is wrong in
// spite of its checksum, or else the recipe.
func (b *Blob) differs() error {
	for i := range b.recipe.Parts {
		if _, err := b.decode(nil, i, true); err != nil {
			return err
		}
	}
	return fmt.Errorf("content %s: %w: hash differs", b.recipe.Blob, ErrCorrupt)
}
