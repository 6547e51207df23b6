package objects

import (
	"container/list"
	"sync"

	"github.com/mstore/mstore/objects/codec"
)

// pieceCache holds the pieces that were read last. Who reads a whole history
// meets each piece again as the base of the next.
type pieceCache struct {
	mu   sync.Mutex
	all  bool // not only bases that took much work
	most int  // bytes
	size int
	list list.List // of *cachedPiece, the last used first
	byID map[PieceID]*list.Element
}

type cachedPiece struct {
	id  PieceID
	raw []byte
}

// rootBytes is how much of what chains begin with every Reader keeps: the parts
// of a model often come from the same one.
const rootBytes = 16 << 20

func newPieceCache(most int, all bool) *pieceCache {
	return &pieceCache{most: most, all: all, byID: map[PieceID]*list.Element{}}
}

// KeepPieces makes the Reader keep up to that many bytes of all pieces that it
// has read, for those that come after. It must be called before the first read.
func (r *Reader) KeepPieces(bytes int) { r.cache = newPieceCache(bytes, true) }

// cached appends a piece that is kept to dst.
func (r *Reader) cached(dst []byte, id PieceID) ([]byte, bool) {
	c := r.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.byID[id]
	if e == nil {
		return nil, false
	}
	c.list.MoveToFront(e)
	return append(dst, e.Value.(*cachedPiece).raw...), true
}

// kept tells whether a piece is kept, and how many bytes it has.
func (r *Reader) kept(id PieceID) (size int, ok bool) {
	c := r.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.byID[id]; e != nil {
		return len(e.Value.(*cachedPiece).raw), true
	}
	return 0, false
}

// keepPiece copies a piece that was asked for, if all are to be kept. Those that
// were only on the way to it are not: there may be more of them than have room.
func (r *Reader) keepPiece(id PieceID, raw []byte) {
	if r.cache.all {
		r.cache.keep(id, raw)
	}
}

// keepRoot copies what a chain begins with, if that took much work.
func (r *Reader) keepRoot(id PieceID, codec codec.ID, raw []byte) {
	if !codec.HasBases() && codec.Work() >= 10 {
		r.cache.keep(id, raw)
	}
}

func (c *pieceCache) keep(id PieceID, raw []byte) {
	if len(raw) > c.most/2 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byID[id] != nil {
		return
	}
	var room []byte // of the last that had to go
	for c.size+len(raw) > c.most {
		e := c.list.Back()
		old := e.Value.(*cachedPiece)
		c.list.Remove(e)
		delete(c.byID, old.id)
		c.size -= cap(old.raw)
		if cap(old.raw) >= len(raw) {
			room = old.raw[:0]
		}
	}
	p := &cachedPiece{id, append(room, raw...)}
	c.byID[id] = c.list.PushFront(p)
	c.size += cap(p.raw)
}
