package objects

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/objects/chunk"
	"github.com/mstore/mstore/objects/codec"
	"github.com/mstore/mstore/objects/pack"
)

// WriterOptions are the settings of a Writer.
type WriterOptions struct {
	Fast    bool             // least CPU per byte
	NewName func() pack.Name // random names
	MaxPack int64            // bytes at which a pack is closed; 0: pack.MaxSize
}

// Writer puts new content into packs. What the store holds already, and can
// read, is not written again. Pieces are encoded in the background, decoded again, and
// their hashes recomputed, before they go into a pack; packs are published by
// Finish, or when they are full. Blob and TreeNode are for one goroutine.
type Writer struct {
	ctx    context.Context
	cancel context.CancelFunc
	b      backend.Backend
	have   *Reader
	o      WriterOptions

	seen    map[pack.Key]bool // pieces and blobs of this session
	depends map[pack.Name]bool
	queue   chan chan job // in order of submission
	slots   chan struct{} // bounds what is in flight
	done    chan struct{} // the collector has ended

	mu    sync.Mutex
	err   error
	pw    *pack.Writer
	packs []pack.Info

	buffers chan []byte // free ones, each for a piece and what was read beyond it
}

type job struct {
	key   pack.Key
	rec   pack.Record
	enc   []byte
	raw   []byte // to be released
	err   error
	flush chan struct{}
}

// inFlight bounds the pieces being encoded and waiting to be written; each
// costs up to three times chunk.Max in memory.
const inFlight = 3

// NewWriter begins a session. One of Finish and Abort must be called.
func NewWriter(ctx context.Context, b backend.Backend, have *Reader, o WriterOptions) *Writer {
	ctx, cancel := context.WithCancel(ctx)
	if o.MaxPack == 0 {
		o.MaxPack = pack.MaxSize
	}
	w := &Writer{ctx: ctx, cancel: cancel, b: b, have: have, o: o,
		seen: map[pack.Key]bool{}, depends: map[pack.Name]bool{},
		buffers: make(chan []byte, 3*inFlight+1),
		queue:   make(chan chan job, inFlight), slots: make(chan struct{}, inFlight), done: make(chan struct{})}
	go w.collect()
	return w
}

// collect writes finished records in the order in which they were submitted.
func (w *Writer) collect() {
	defer close(w.done)
	for ch := range w.queue {
		j := <-ch
		if j.flush != nil {
			close(j.flush)
			continue
		}
		if j.err == nil && j.enc != nil && w.failed() == nil {
			j.err = w.append(j.key, j.rec, j.enc)
		}
		if j.err != nil {
			w.fail(j.err)
		}
		if j.raw != nil {
			w.release(j.raw)
		}
		if j.enc != nil {
			w.release(j.enc)
		}
		<-w.slots
	}
}

func (w *Writer) failed() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

func (w *Writer) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = err
		w.cancel()
	}
}

// buffer returns an empty buffer for n bytes; release gives it back. They are
// as large as what went through them, not larger: touching fresh memory costs
// more than copying.
func (w *Writer) buffer(n int) []byte {
	select {
	case b := <-w.buffers:
		if cap(b) >= n {
			return b[:0]
		}
	default:
	}
	const step = 256 << 10
	return make([]byte, 0, (n+step-1)/step*step)
}

func (w *Writer) release(b []byte) {
	select {
	case w.buffers <- b:
	default:
	}
}

// append runs in the collector only.
func (w *Writer) append(key pack.Key, rec pack.Record, enc []byte) error {
	if w.pw != nil && w.pw.Size()+int64(len(enc)) > w.o.MaxPack {
		info, err := w.pw.Finish(pack.Notes{})
		w.pw = nil
		if err != nil {
			return err
		}
		w.packs = append(w.packs, info)
	}
	if w.pw == nil {
		pw, err := pack.NewWriter(w.ctx, w.b, w.o.NewName())
		if err != nil {
			return err
		}
		w.pw = pw
	}
	return w.pw.Add(key, rec, enc)
}

// submit encodes and verifies raw in the background. owned says that raw is to
// be released; have, that the store lists the record: then that copy is read,
// and only if it is damaged another one is written.
func (w *Writer) submit(kind pack.Kind, key, id pack.Key, raw []byte, owned, have bool) error {
	if err := w.failed(); err != nil {
		return err
	}
	select {
	case w.slots <- struct{}{}:
	case <-w.ctx.Done():
		return w.stopped()
	}
	ch := make(chan job, 1)
	w.queue <- ch
	go func() {
		j := job{key: key}
		if owned {
			j.raw = raw
		}
		if have {
			again, err := w.have.Piece(w.ctx, w.buffer(len(raw)), PieceID(key))
			if err == nil {
				w.release(again)
				ch <- j
				return
			}
		}
		j.rec, j.enc, j.err = encodeRecord(w.buffer(len(raw)*3/4), kind, key, id, raw, w.o.Fast, w)
		ch <- j
	}()
	return nil
}

func encodeRecord(buf []byte, kind pack.Kind, key, id pack.Key, raw []byte, fast bool, w *Writer) (pack.Record, []byte, error) {
	enc, c := codec.Encode(buf, raw, fast)
	rec := pack.Record{Kind: kind, Codec: uint8(c), Raw: uint64(len(raw)), ID: id}
	again, err := codec.Decode(w.buffer(len(raw)), c, enc, len(raw))
	if err == nil {
		err = CheckRecord(pack.Row{Kind: kind, Key: key}, rec, again)
		w.release(again)
	}
	if err != nil {
		return rec, enc, fmt.Errorf("verifying what would be stored: %w", err)
	}
	return rec, enc, nil
}

func (w *Writer) stopped() error {
	if err := w.failed(); err != nil {
		return err
	}
	return w.ctx.Err()
}

// has tells whether a record need not be written, and remembers on which pack
// that relies.
func (w *Writer) has(kind pack.Kind, key pack.Key) (bool, error) {
	if w.seen[key] {
		return true, nil
	}
	p, ok, err := w.have.Has(w.ctx, kind, key)
	if err != nil {
		if w.ctx.Err() != nil {
			return false, w.stopped()
		}
		return false, nil // an index that cannot be read: write it afresh
	}
	if ok {
		w.depends[p] = true
	}
	return ok, nil
}

// Blob stores what r gives and returns its ID and length. The content is in
// the store only after Finish.
func (w *Writer) Blob(r io.Reader) (id BlobID, size int64, err error) {
	c := chunk.New(r)
	h := NewHasher()
	var parts []Part
	for {
		raw, last, err := c.Next(w.buffer(chunk.Min))
		if err == io.EOF && len(parts) == 0 {
			raw, last, err = nil, true, nil // an empty model is an empty piece
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return id, size, err
		}
		size += int64(len(raw))
		var piece PieceID
		if len(parts) == 0 { // the blob's hash so far is that of its first piece
			_, _ = h.Write(raw)
			h.Sum(piece[:0])
		} else {
			piece = HashPiece(raw)
			_, _ = h.Write(raw)
		}
		parts = append(parts, Part{Piece: piece, Size: int64(len(raw))})
		have, err := w.has(pack.KindPiece, pack.Key(piece))
		if err != nil {
			return id, size, err
		}
		if w.seen[pack.Key(piece)] {
			w.release(raw)
		} else {
			w.seen[pack.Key(piece)] = true
			if err := w.submit(pack.KindPiece, pack.Key(piece), pack.Key(piece), raw, true, have); err != nil {
				return id, size, err
			}
		}
		if last {
			break
		}
	}
	if len(parts) == 1 {
		return BlobID(parts[0].Piece), size, nil
	}
	id = BlobID(h.Sum(nil))
	have, err := w.has(pack.KindRecipe, pack.Key(id))
	if err != nil || w.seen[pack.Key(id)] {
		return id, size, err
	}
	w.seen[pack.Key(id)] = true
	if have && w.have.Check(w.ctx, pack.KindRecipe, pack.Key(id)) == nil {
		return id, size, nil
	}
	rc := Recipe{Blob: id, Parts: parts}
	enc, rid := rc.Encode()
	return id, size, w.submit(pack.KindRecipe, pack.Key(id), pack.Key(rid), enc, false, false)
}

// Uses tells the Writer that the version relies on a blob that is in the
// store.
func (w *Writer) Uses(id BlobID) error {
	p, ok, err := w.have.HasBlob(w.ctx, id)
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("content %s: %w", id, ErrMissing)
	}
	w.depends[p] = true
	return nil
}

// TreeNode stores a tree node.
func (w *Writer) TreeNode(id TreeID, b []byte) error {
	have, err := w.has(pack.KindTree, pack.Key(id))
	if err != nil || w.seen[pack.Key(id)] {
		return err
	}
	w.seen[pack.Key(id)] = true
	if have && w.have.Check(w.ctx, pack.KindTree, pack.Key(id)) == nil {
		return nil
	}
	if err := w.have.KeepNode(id, b); err != nil {
		return err
	}
	return w.submit(pack.KindTree, pack.Key(id), pack.Key(id), b, false, false)
}

// Wrote tells, after Flush, whether anything new is in the session's packs.
func (w *Writer) Wrote() bool { return w.pw != nil || len(w.packs) > 0 }

// Depends lists the packs of others that hold some of this session's content.
func (w *Writer) Depends() map[pack.Name]bool { return w.depends }

// Flush waits until everything submitted is in a pack, and tells the first
// error.
func (w *Writer) Flush() error {
	ch := make(chan job, 1)
	done := make(chan struct{})
	ch <- job{flush: done}
	w.queue <- ch
	<-done
	if err := w.failed(); err != nil {
		return err
	}
	return w.ctx.Err()
}

// Finish publishes the packs, durably, and lists them; none when nothing was
// new. version is the record that goes into the last pack's footer. The error
// may wrap backend.ErrUnknown; then a pack may be left that nothing refers to.
func (w *Writer) Finish(version []byte) ([]pack.Info, error) {
	err := w.Flush()
	close(w.queue)
	<-w.done
	defer w.cancel()
	if err == nil && w.pw != nil {
		var info pack.Info
		info, err = w.pw.Finish(pack.Notes{Version: version})
		w.pw = nil
		if err == nil {
			w.packs = append(w.packs, info)
		}
	}
	if err != nil {
		w.drop()
		return nil, err
	}
	return w.packs, nil
}

// Abort drops everything, the packs that were published too, since nothing
// refers to them.
func (w *Writer) Abort() {
	w.fail(errors.New("aborted"))
	close(w.queue)
	<-w.done
	w.drop()
}

func (w *Writer) drop() {
	w.cancel()
	if w.pw != nil {
		_ = w.pw.Abort()
		w.pw = nil
	}
	DeletePacks(context.WithoutCancel(w.ctx), w.b, w.packs)
	w.packs = nil
}

// DeletePacks removes packs that no journal entry names. Errors are ignored:
// what stays is found and removed by gc.
func DeletePacks(ctx context.Context, b backend.Backend, packs []pack.Info) {
	for _, p := range packs {
		_ = b.Delete(ctx, p.Name.Key())
	}
}
