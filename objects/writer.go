package objects

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/objects/chunk"
	"github.com/mstore/mstore/objects/codec"
	"github.com/mstore/mstore/objects/pack"
	"github.com/mstore/mstore/objects/parity"
)

// WriterOptions are the settings of a Writer.
type WriterOptions struct {
	Fast   bool // least CPU per byte: no bases
	Repack bool // most, and packs are marked as folded
	Folded bool // packs are marked as folded
	// Replaces are packs that are going and whose content is written anew.
	Replaces []pack.Name
	NewName  func() pack.Name // random names
	// Published, if not nil, is told of each pack that is full, as soon as it is
	// durable. An error ends the session.
	Published func(pack.Info) error
	MaxPack   int64     // bytes at which a pack is closed; 0: pack.MaxSize
	Cache     BaseCache // nil: none
	// Only, if not nil, tells which pieces of a blob are stored; the others, and the
	// recipe, are passed over.
	Only func(PieceID) bool

	encode func(dst []byte, in codec.Input) ([]byte, codec.ID, []int) // nil: codec.Encode
}

// BaseCache keeps raw pieces of models that are saved again and again. It may be
// called concurrently.
type BaseCache interface {
	// Get appends a piece to dst, within its capacity; only the right bytes.
	Get(id PieceID, dst []byte) ([]byte, bool)
	// Put may keep a piece. raw is not kept.
	Put(id PieceID, raw []byte)
	// Drop tells that a model does not hold a piece any more.
	Drop(id PieceID)
}

func (o *WriterOptions) level() codec.Level {
	switch {
	case o.Fast:
		return codec.Fast
	case o.Repack:
		return codec.Thorough
	}
	return codec.Default
}

// Writer puts new content into packs. What the store holds already, and can
// read, is not written again. Pieces are encoded in the background, against
// similar ones where that pays, decoded again, and their hashes recomputed,
// before they go into a pack; packs are published by Finish, or when they are
// full. Blob and TreeNode are for one goroutine.
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

	places map[PieceID]*place    // of this session's pieces
	labels map[uint64][2]PieceID // the first and the last piece with a label
	recent map[BlobID]*Recipe    // of blobs of this session

	mu    sync.Mutex
	err   error
	sound map[baseRef]bool // records that were found intact

	packs []pack.Info        // the collector's, until it has ended
	needs map[pack.Name]bool // packs with bases of pieces in pw; likewise
	// filters, by pack, are likewise.
	filters map[pack.Name]pack.Filter

	pwMu sync.RWMutex // held for reading pw back, and for ending it
	pw   *pack.Writer
}

// place is where a piece of this session is, once it is written.
type place struct {
	written chan struct{} // closed when loc is known, or the piece was not written
	ok      bool
	loc     pack.Loc
}

type job struct {
	key    pack.Key
	labels []uint64
	rec    pack.Record
	enc    []byte
	raw    []byte // to be released
	bases  []baseRef
	err    error
	place  *place
	flush  chan struct{}
}

// inFlight is how many pieces are encoded or wait to be written at once; each
// costs some times chunk.Max in memory.
var inFlight = max(3, min(runtime.GOMAXPROCS(0)+1, 6))

// NewWriter begins a session. One of Finish and Abort must be called.
func NewWriter(ctx context.Context, b backend.Backend, have *Reader, o WriterOptions) *Writer {
	ctx, cancel := context.WithCancel(ctx)
	if o.MaxPack == 0 {
		o.MaxPack = pack.MaxSize
	}
	if o.encode == nil {
		o.encode = codec.Encode
	}
	w := &Writer{ctx: ctx, cancel: cancel, b: b, have: have, o: o,
		seen: map[pack.Key]bool{}, depends: map[pack.Name]bool{}, needs: map[pack.Name]bool{}, filters: map[pack.Name]pack.Filter{}, places: map[PieceID]*place{}, labels: map[uint64][2]PieceID{}, recent: map[BlobID]*Recipe{}, sound: map[baseRef]bool{},
		queue: make(chan chan job, inFlight), slots: make(chan struct{}, inFlight), done: make(chan struct{})}
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
			j.err = w.append(&j)
		}
		if j.err != nil {
			w.fail(j.err)
		}
		if j.place != nil {
			close(j.place.written)
		}
		w.have.buffers.put(j.raw)
		w.have.buffers.put(j.enc)
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

// append runs in the collector only.
func (w *Writer) append(j *job) error {
	if w.pw != nil && w.pw.Size()+int64(len(j.enc)) > w.o.MaxPack {
		info, err := w.closePack(nil, nil)
		if err == nil && w.o.Published != nil {
			err = w.o.Published(info)
		}
		if err != nil {
			return err
		}
	}
	if w.pw == nil {
		pw, err := pack.NewWriter(w.ctx, w.b, w.o.NewName())
		if err != nil {
			return err
		}
		w.pwMu.Lock()
		w.pw = pw
		w.pwMu.Unlock()
	}
	loc, err := w.pw.Add(j.key, j.rec, j.enc, j.labels...)
	if err != nil {
		return err
	}
	for _, r := range j.bases {
		if r.pack != w.pw.Name() {
			w.needs[r.pack] = true
		}
	}
	if j.place != nil {
		j.place.loc, j.place.ok = loc, true
	}
	return nil
}

// closePack publishes the pack being written.
func (w *Writer) closePack(versions [][]byte, intent *pack.Intent) (pack.Info, error) {
	n := pack.Notes{Folded: w.o.Repack || w.o.Folded, Replaces: w.o.Replaces, Versions: versions, Intent: intent}
	for p := range w.needs {
		n.Needs = append(n.Needs, p)
	}
	slices.SortFunc(n.Needs, func(a, b pack.Name) int { return bytes.Compare(a[:], b[:]) })
	clear(w.needs)
	w.pwMu.Lock()
	pw := w.pw
	w.pw = nil
	info, err := pw.Finish(n)
	w.pwMu.Unlock()
	if err == nil {
		w.packs = append(w.packs, info)
		w.filters[info.Name] = pw.Filter()
	}
	return info, err
}

// item is what goes into one record.
type item struct {
	kind   pack.Kind
	key    pack.Key // what it is found by
	id     pack.Key // of what it holds
	form   chunk.Format
	piece  chunk.Piece // of other kinds only Raw
	labels []uint64
	like   []candidate
	pooled bool // Raw goes back to the buffers
	have   bool // the store lists it: read that copy, write another only if it is damaged
	move   *moving
	keep   bool // for the next version's sake
	place  *place
}

// submit encodes and verifies an item in the background.
func (w *Writer) submit(it item) error {
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
		j := job{key: it.key, place: it.place}
		if it.pooled {
			j.raw = it.piece.Raw
		}
		if it.have {
			buf := w.have.buffers.get(len(it.piece.Raw))
			again, err := w.have.Piece(w.ctx, buf, PieceID(it.key))
			if err == nil {
				w.have.buffers.put(again)
				ch <- j
				return
			}
		}
		if it.move != nil {
			w.move(&j, it)
		} else {
			w.encode(&j, it)
		}
		ch <- j
	}()
	return nil
}

func (w *Writer) stopped() error {
	if err := w.failed(); err != nil {
		return err
	}
	return w.ctx.Err()
}

// Wrote tells whether the session has a piece, or will have when it is encoded.
func (w *Writer) Wrote(p PieceID) bool { return w.places[p] != nil }

// WroteAny tells, after Flush, whether anything new is in the session's packs.
func (w *Writer) WroteAny() bool { return w.pw != nil || len(w.packs) > 0 }

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
// new. versions are the records that go into the last pack's footer. The error
// may wrap backend.ErrUnknown; then a pack may be left that nothing refers to.
func (w *Writer) Finish(versions ...[]byte) ([]pack.Info, error) {
	return w.FinishAs(nil, versions...)
}

// FinishAs is Finish; the footer says too how the journal entry was meant. The
// packs of this session are added to the intent's.
func (w *Writer) FinishAs(intent *pack.Intent, versions ...[]byte) ([]pack.Info, error) {
	err := w.Flush()
	close(w.queue)
	<-w.done
	defer w.cancel()
	if err == nil && w.pw != nil {
		if intent != nil {
			intent.Packs = append(intent.Packs, w.packs...)
		}
		_, err = w.closePack(versions, intent)
	}
	if err != nil {
		if w.pw != nil {
			_ = w.pw.Abort()
		}
		if w.o.Published == nil {
			w.deletePacks()
		}
		return nil, err
	}
	return w.packs, nil
}

// Filters returns the filters of packs that Finish has returned, in their order.
func (w *Writer) Filters(packs []pack.Info) []pack.Filter {
	out := make([]pack.Filter, len(packs))
	for i, p := range packs {
		out[i] = w.filters[p.Name]
	}
	return out
}

// Abort drops everything, the packs that were published too, since nothing
// refers to them.
func (w *Writer) Abort() {
	w.End()
	w.deletePacks()
}

func (w *Writer) deletePacks() {
	DeletePacks(context.WithoutCancel(w.ctx), w.b, w.packs)
	w.packs = nil
}

// End drops what is not published yet.
func (w *Writer) End() {
	w.fail(errors.New("aborted"))
	close(w.queue)
	<-w.done
	w.cancel()
	if w.pw != nil {
		_ = w.pw.Abort()
		w.pw = nil
	}
}

// DeletePacks removes packs that no journal entry names, and the parity of large
// ones. Errors are ignored: what stays is found and removed by gc.
func DeletePacks(ctx context.Context, b backend.Backend, packs []pack.Info) {
	for _, p := range packs {
		_ = b.Delete(ctx, p.Name.Key())
		if p.Size > parity.Large {
			_ = b.Delete(ctx, parity.Name(p.Name).Key())
		}
	}
}
