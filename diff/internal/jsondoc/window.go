package jsondoc

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// DefaultMemory is how much of a document's text is held in memory when nothing else is
// asked for.
const DefaultMemory = 32 << 20

// window is the part of a source that is in memory: buf holds the bytes from base on.
type window struct {
	ctx  context.Context
	src  Source
	size int64
	// whole tells that all of it is read at once; otherwise up to limit where reading goes
	// on, and a sixteenth of that at a new place.
	whole bool
	limit int
	buf   []byte
	pos   int
	base  int64
	page  int // how much is read next
}

func newWindow(ctx context.Context, src Source, memory int64) window {
	w := window{ctx: ctx, src: src, size: src.Size(), limit: int(max(16, min(512<<10, memory/64)))}
	w.whole = w.size <= memory
	w.page = w.first()
	return w
}

func (w *window) first() int { return max(1, w.limit/16) }

func (w *window) off() int64 { return w.base + int64(w.pos) }

// seek goes to an offset.
func (w *window) seek(off int64) {
	if i := off - w.base; i >= 0 && i <= int64(len(w.buf)) {
		w.pos = int(i)
		return
	}
	w.base, w.pos, w.buf, w.page = off, 0, w.buf[:0], w.first()
}

// more reads on, keeping what lies at and behind keep in buf, and tells whether there was
// more. Positions move to the front by keep.
func (w *window) more(keep int) (bool, error) {
	at := w.base + int64(len(w.buf))
	if at >= w.size {
		return false, nil
	}
	if err := w.ctx.Err(); err != nil {
		return false, err
	}
	n := int(min(int64(max(w.page, len(w.buf)-keep)), w.size-at)) // long tokens are not read bit by bit
	if w.whole {
		n = int(w.size - at)
	}
	w.page = min(2*w.page, w.limit)
	rest := copy(w.buf, w.buf[keep:])
	w.base += int64(keep)
	w.pos -= keep
	if cap(w.buf) < rest+n {
		b := make([]byte, rest, rest+n)
		copy(b, w.buf[:rest])
		w.buf = b
	}
	w.buf = w.buf[:rest+n]
	m, err := w.src.ReadAt(w.buf[rest:], at)
	if m == n {
		return true, nil
	}
	w.buf = w.buf[:rest]
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return false, fmt.Errorf("reading %d bytes at %d: %w", n, at, err)
}

// bytes returns a part of the document, valid until the window moves.
func (w *window) bytes(start, end int64) ([]byte, error) {
	w.seek(start)
	for w.base+int64(len(w.buf)) < end {
		ok, err := w.more(w.pos)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, fmt.Errorf("reading up to %d: %w", end, io.ErrUnexpectedEOF)
		}
	}
	return w.buf[w.pos : w.pos+int(end-start)], nil
}
