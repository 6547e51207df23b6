package objects

import (
	"context"
	"errors"
	"fmt"

	"github.com/mstore/mstore/objects/codec"
	"github.com/mstore/mstore/objects/pack"
)

// material is a base that was read, and what it costs to read it.
type material struct {
	ref   baseRef
	raw   []byte
	depth int
	work  int
}

// bases reads the candidates of an item, as far as chains allow and memory is
// bounded. One that cannot be read is no base.
func (w *Writer) bases(it item) (out []material) {
	depth, limit := maxDepth, maxWork
	if w.o.Repack {
		depth, limit = foldedDepth, foldedWork
	}
	work, most := ownWork(codec.Delta, len(it.piece.Raw)), max(len(it.piece.Raw), floorWork)
	if it.piece.Elem.Size > 1 {
		work, most = ownWork(codec.Diff, len(it.piece.Raw)), len(it.piece.Raw)
	}
	size := 0
	for _, c := range it.like {
		if len(out) == codec.MaxBases || w.ctx.Err() != nil {
			break
		}
		m, err := w.material(w.ctx, c, depth, func(base, raw int) bool {
			return work+base <= limit*(max(most, size+raw)>>10+1)
		})
		if err != nil || PieceID(it.key) == m.ref.piece {
			continue
		}
		work += m.work
		size += len(m.raw)
		out = append(out, m)
	}
	return out
}

// material reads a candidate, unless its chain is that deep already or takes
// more work than is allowed for a base of so many raw bytes.
func (w *Writer) material(ctx context.Context, c candidate, depth int, allowed func(work, raw int) bool) (m material, err error) {
	if c.loc, err = w.find(ctx, c); err != nil {
		return m, err
	}
	m.ref = baseRef{piece: PieceID(c.loc.Key), pack: c.loc.Pack, off: c.loc.Off, stored: c.loc.Stored}
	id, size := codec.ID(c.loc.Codec), int(c.loc.Raw)
	var rec pack.Record
	var payload []byte
	fetch := func() error {
		rec, payload, err = w.fetch(ctx, m.ref)
		if err == nil && (rec.Kind != pack.KindPiece || codec.ID(rec.Codec) != id || int(rec.Raw) != size || size > codec.MaxPiece) {
			err = fmt.Errorf("%w: record is not the one indexed", ErrCorrupt)
		}
		m.ref.piece = PieceID(rec.ID)
		return err
	}
	var ch chain
	if c.loc.Kind != pack.KindPiece || id.HasBases() {
		if err := fetch(); err != nil {
			return m, err
		}
		if ch, _, err = parseChain(id, payload); err != nil {
			return m, err
		}
	}
	m.depth, m.work = ch.depth, ch.totalWork(id, size)
	if m.depth >= depth || !allowed(m.work, size) {
		return m, errLongChain
	}
	if raw, ok := w.have.cached(w.have.buffers.get(size), m.ref.piece); ok && HashPiece(raw) == m.ref.piece {
		m.raw = raw
		return m, nil
	}
	if w.o.Cache != nil && w.intact(ctx, m.ref, 0) {
		if raw, ok := w.o.Cache.Get(m.ref.piece, w.have.buffers.get(size)); ok && len(raw) == size {
			m.raw = raw
			return m, nil
		}
	}
	if payload == nil {
		if err := fetch(); err != nil {
			return m, err
		}
	}
	row := pack.Row{Kind: pack.KindPiece, Key: rec.ID}
	m.raw, err = w.have.decode(ctx, new(reading), w.have.buffers.get(size), row, rec, payload, w.fetch, true)
	return m, err
}

// intact tells whether a record and all that it is decoded with are as they were
// written: each was decoded then, so that checksums are enough. Who takes a base
// from a cache must know that the store could give it too.
func (w *Writer) intact(ctx context.Context, ref baseRef, depth int) bool {
	w.mu.Lock()
	seen := w.sound[ref]
	w.mu.Unlock()
	if seen {
		return true
	}
	rec, payload, err := w.fetch(ctx, ref)
	if err != nil || rec.Kind != pack.KindPiece || PieceID(rec.ID) != ref.piece || depth > readDepth {
		return false
	}
	c, _, err := parseChain(codec.ID(rec.Codec), payload)
	if err != nil {
		return false
	}
	for _, b := range c.bases {
		if !w.intact(ctx, b, depth+1) {
			return false
		}
	}
	w.mu.Lock()
	w.sound[ref] = true
	w.mu.Unlock()
	return true
}

var errLongChain = errors.New("the chain is long enough")

// find tells where a candidate is. A piece of this session that is still being
// encoded is waited for: it was submitted before, and so waits for nothing that
// comes after.
func (w *Writer) find(ctx context.Context, c candidate) (pack.Loc, error) {
	if c.place != nil {
		select {
		case <-c.place.written:
		case <-ctx.Done():
			return pack.Loc{}, ctx.Err()
		}
		if c.place.ok {
			return c.place.loc, nil
		}
	}
	if c.loc.Pack != (pack.Name{}) {
		return c.loc, nil
	}
	return w.have.Set().Find(ctx, pack.KindPiece, pack.Key(c.piece))
}

// fetch reads a record of a chain, from the pack being written too.
func (w *Writer) fetch(ctx context.Context, r baseRef) (pack.Record, []byte, error) {
	w.pwMu.RLock()
	if w.pw != nil && w.pw.Name() == r.pack {
		defer w.pwMu.RUnlock()
		rec, payload, ok, err := w.pw.Read(r.off, r.stored)
		if !ok {
			err = errors.ErrUnsupported
		}
		return rec, payload, err
	}
	w.pwMu.RUnlock()
	return w.have.fetch(ctx, r)
}
