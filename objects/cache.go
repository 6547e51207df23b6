package objects

import (
	"container/list"
	"sync"
)

// pieceCache holds the pieces that were read last. Who reads a whole history
// meets each piece again as the base of the next.
type pieceCache struct {
	mu   sync.Mutex
	most int // bytes
	size int
	list list.List // of *cachedPiece, the last used first
	byID map[PieceID]*list.Element
}

type cachedPiece struct {
	id  PieceID
	raw []byte
}

// KeepPieces makes the Reader keep up to that many bytes of pieces that it has
// read, for those that come after. It must be called before the first read.
func (r *Reader) KeepPieces(bytes int) {
	r.cache = &pieceCache{most: bytes, byID: map[PieceID]*list.Element{}}
}

// cached appends a piece that is kept to dst.
func (r *Reader) cached(dst []byte, id PieceID) ([]byte, bool) {
	c := r.cache
	if c == nil {
		return nil, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.byID[id]
	if e == nil {
		return nil, false
	}
	c.list.MoveToFront(e)
	return append(dst, e.Value.(*cachedPiece).raw...), true
}

// keeps tells whether a piece is kept.
func (r *Reader) keeps(id PieceID) bool {
	c := r.cache
	if c == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.byID[id] != nil
}

// keepPiece copies a piece that was asked for. Those that were only on the way to
// it are not kept: there may be more of them than have room.
func (r *Reader) keepPiece(id PieceID, raw []byte) {
	c := r.cache
	if c == nil || len(raw) > c.most/4 {
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
