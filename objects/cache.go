package objects

import (
	"container/list"
	"context"
	"sync"

	"github.com/mstore/mstore/objects/codec"
)

// pieceCache holds the pieces that were read last. Who reads a whole history, or two
// versions side by side, meets each piece again as the base of another.
type pieceCache struct {
	buffers *buffers
	most    int               // bytes
	all     bool              // keep whatever was asked for, not only bases that took much work
	wanted  map[PieceID]int64 // raw sizes of pieces that will be asked for; nil: not known

	mu    sync.Mutex
	size  int
	list  list.List // of *held, the last used first
	byID  map[PieceID]*list.Element
	going map[PieceID]*flight // wanted pieces that are being decoded
}

// held is a decoded piece that nobody changes while somebody has it pinned.
type held struct {
	id     PieceID
	raw    []byte
	pins   int
	listed bool // by the cache
}

// flight is a wanted piece that is being decoded. by and waits, the piece's reader
// and what that waits for itself, show whether waiting for it would never end.
type flight struct {
	by   *reading
	done chan struct{}
}

// reading is one read of a piece with all its bases, as far as others wait for it.
type reading struct{ waits *reading }

// rootBytes is how much of what chains begin with every Reader keeps: the parts
// of a model often come from the same one.
const rootBytes = 16 << 20

func newPieceCache(b *buffers, most int) *pieceCache {
	return &pieceCache{buffers: b, most: most, byID: map[PieceID]*list.Element{}, going: map[PieceID]*flight{}}
}

// KeepPieces makes the Reader keep up to that many bytes of all pieces that it
// has read, for those that come after. It must be called before the first read.
func (r *Reader) KeepPieces(bytes int) {
	r.cache = newPieceCache(r.buffers, bytes)
	r.cache.all = true
}

// get pins a piece that is kept; nil for none.
func (c *pieceCache) get(id PieceID) *held {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pinned(id)
}

func (c *pieceCache) pinned(id PieceID) *held {
	e := c.byID[id]
	if e == nil {
		return nil
	}
	c.list.MoveToFront(e)
	p := e.Value.(*held)
	p.pins++
	return p
}

// pin holds on to a piece that is pinned already.
func (c *pieceCache) pin(p *held) {
	c.mu.Lock()
	p.pins++
	c.mu.Unlock()
}

// unpin gives up a piece; nil is none. With the last pin of one that the cache does
// not list its buffer is free.
func (c *pieceCache) unpin(p *held) {
	if p == nil {
		return
	}
	c.mu.Lock()
	p.pins--
	free := p.pins == 0 && !p.listed
	c.mu.Unlock()
	if free {
		c.buffers.put(p.raw)
	}
}

// cached appends a piece that is kept to dst.
func (r *Reader) cached(dst []byte, id PieceID) ([]byte, bool) {
	p := r.cache.get(id)
	if p == nil {
		return nil, false
	}
	defer r.cache.unpin(p)
	return append(dst, p.raw...), true
}

// kept tells whether a piece is kept or will be, and how many bytes it has.
func (r *Reader) kept(id PieceID) (size int, ok bool) {
	c := r.cache
	if n, ok := c.wanted[id]; ok {
		return int(n), true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.byID[id]; e != nil {
		return len(e.Value.(*held).raw), true
	}
	return 0, false
}

// keepPiece copies a piece that was asked for, if all are to be kept. Those that
// were only on the way to it are not: there may be more of them than have room.
func (r *Reader) keepPiece(id PieceID, raw []byte) {
	if !r.cache.all || len(raw) > r.cache.most/2 {
		return
	}
	p := &held{id: id, raw: append(r.buffers.get(len(raw)), raw...), pins: 1}
	r.cache.adopt(p)
	r.cache.unpin(p)
}

// keepRoot keeps what a chain begins with, if that took much work.
func (r *Reader) keepRoot(codec codec.ID, p *held) {
	if !codec.HasBases() && codec.Work() >= 10 {
		r.cache.adopt(p)
	}
}

// adopt lists a pinned piece, unless another of the same content is listed or it is
// too large. Its raw bytes are the cache's from now on.
func (c *pieceCache) adopt(p *held) {
	if cap(p.raw) > c.most/2 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if p.listed || c.byID[p.id] != nil {
		return
	}
	for e := c.list.Back(); e != nil && c.size+cap(p.raw) > c.most; {
		old := e.Value.(*held)
		prev := e.Prev()
		if old.pins == 0 {
			c.list.Remove(e)
			delete(c.byID, old.id)
			c.size -= cap(old.raw)
			c.buffers.put(old.raw)
		}
		e = prev
	}
	p.listed = true
	c.byID[p.id] = c.list.PushFront(p)
	c.size += cap(p.raw)
}

// begin pins a wanted piece that is kept, waiting for who decodes it just now. Else it
// returns nil, and the caller decodes it, and calls end: others wait for it meanwhile.
func (c *pieceCache) begin(ctx context.Context, id PieceID, by *reading) (p *held, end func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		if p := c.pinned(id); p != nil {
			return p, nil
		}
		f := c.going[id]
		if f == nil {
			break
		}
		for r := f.by; r != nil; r = r.waits {
			if r == by { // a chain without an end: depth and work bound it, waiting would not
				return nil, func() {}
			}
		}
		by.waits = f.by
		c.mu.Unlock()
		select {
		case <-f.done:
		case <-ctx.Done():
		}
		c.mu.Lock()
		by.waits = nil
		if ctx.Err() != nil {
			return nil, func() {}
		}
	}
	f := &flight{by, make(chan struct{})}
	c.going[id] = f
	return nil, func() {
		c.mu.Lock()
		delete(c.going, id)
		c.mu.Unlock()
		close(f.done)
	}
}
