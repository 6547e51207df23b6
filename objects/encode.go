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

// encode makes the record of an item, and verifies it: what is published was
// decoded again and its hash recomputed.
func (w *Writer) encode(j *job, it item) {
	raw := it.piece.Raw
	j.rec = pack.Record{Kind: it.kind, Form: uint8(it.form), Raw: uint32(len(raw)), ID: it.id}
	if it.kind != pack.KindPiece {
		enc, id := codec.Compress(nil, raw)
		j.rec.Codec, j.enc = uint8(id), enc
		again, err := codec.Decode(w.have.buffers.get(len(raw)), id, enc, len(raw), nil)
		j.err = w.verify(it, j.rec, again, err)
		return
	}
	bases := w.bases(it)
	defer func() {
		for _, m := range bases {
			w.have.buffers.put(m.raw)
		}
	}()
	in := codec.Input{Raw: raw, Elem: codec.Elem(it.piece.Elem), Level: w.o.level()}
	for _, m := range bases {
		in.Bases = append(in.Bases, m.raw)
	}
	enc, id, used := codec.Encode(w.have.buffers.get(len(raw)*3/4), in)
	j.rec.Codec, j.enc = uint8(id), enc
	j.labels = it.labels
	var from [][]byte
	if id.HasBases() {
		j.labels = it.labels[:min(len(it.labels), 1)] // the others are its bases'

		c := chain{work: ownWork(id, len(raw))}
		for _, i := range used {
			m := bases[i]
			c.bases = append(c.bases, m.ref)
			c.depth = max(c.depth, m.depth+1)
			c.work += m.work
			from = append(from, m.raw)
		}
		j.bases = c.bases
		j.enc = append(c.append(make([]byte, 0, chainHead+len(used)*refSize+len(enc))), enc...)
	}
	again, err := codec.Decode(w.have.buffers.get(len(raw)), id, enc, len(raw), from)
	if id.HasBases() {
		w.have.buffers.put(enc)
	}
	j.err = w.verify(it, j.rec, again, err)
	if w.o.Repack && j.err == nil {
		w.have.keepPiece(PieceID(it.key), raw) // a base of what comes next
	}
	if it.keep && w.o.Cache != nil && j.err == nil {
		w.o.Cache.Put(PieceID(it.key), raw)
	}
}

func (w *Writer) verify(it item, rec pack.Record, again []byte, err error) error {
	if err == nil {
		err = CheckRecord(pack.Row{Kind: it.kind, Key: it.key}, rec, again)
		w.have.buffers.put(again)
	}
	if err != nil {
		return fmt.Errorf("verifying what would be stored: %w", err)
	}
	return nil
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
	if raw, ok := w.have.cached(w.have.buffers.get(size), m.ref.piece); ok {
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
	m.raw, err = w.have.decode(ctx, w.have.buffers.get(size), row, rec, payload, w.fetch, true)
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
