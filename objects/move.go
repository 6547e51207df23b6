package objects

import (
	"context"
	"fmt"

	"github.com/mstore/mstore/objects/chunk"
	"github.com/mstore/mstore/objects/codec"
	"github.com/mstore/mstore/objects/pack"
)

// moving is a record that is copied as it is stored.
type moving struct {
	from   *Reader
	loc    pack.Loc
	places map[PieceID]*place // of its bases that this session has
	failed func(error)
}

// Move stores a record that from has at l, unless the session has it, or the
// store in a copy that can be read. What is stored is copied, not made anew; of a
// difference only the places of its bases are written afresh: where they are in
// this session, else in the store. A base that is in neither makes it stored
// plainly. It is decoded before it is published. A record that cannot be read is
// left out, and failed is told why; it may be called from another goroutine. alone
// says that the store has no other copy, so that it need not be asked.
func (w *Writer) Move(ctx context.Context, from *Reader, l pack.Loc, labels []uint64, alone bool, failed func(error)) error {
	if w.seen[l.Key] {
		return nil
	}
	if !alone {
		have, err := w.has(l.Kind, l.Key)
		if err != nil {
			return err
		}
		if have && w.have.Check(ctx, l.Kind, l.Key) == nil {
			w.seen[l.Key] = true
			return nil
		}
	}
	w.seen[l.Key] = true
	bases, err := from.Bases(ctx, l)
	if err != nil {
		failed(err)
		return ctx.Err()
	}
	m := &moving{from: from, loc: l, places: map[PieceID]*place{}, failed: failed}
	for _, b := range bases {
		m.places[b] = w.places[b]
	}
	it := item{kind: l.Kind, key: l.Key, form: chunk.Format(l.Form), labels: labels, place: &place{written: make(chan struct{})}, move: m}
	if l.Kind == pack.KindPiece {
		w.places[PieceID(l.Key)] = it.place
	}
	return w.submit(it)
}

// move makes the record of an item that is copied.
func (w *Writer) move(j *job, it item) {
	m := it.move
	rec, payload, err := pack.Read(w.ctx, m.from.b, m.loc)
	if err == nil && rec.Raw > codec.MaxPiece {
		err = fmt.Errorf("%w: %d bytes", ErrCorrupt, rec.Raw)
	}
	if err != nil {
		m.failed(corrupt(err))
		return
	}
	c, body, err := parseChain(codec.ID(rec.Codec), payload)
	if err != nil {
		m.failed(err)
		return
	}
	j.rec, j.labels = rec, it.labels
	if len(c.bases) == 0 {
		raw, err := m.from.decode(w.ctx, new(reading), w.have.buffers.get(int(rec.Raw)), m.loc.Row, rec, payload, nil, true)
		if err != nil {
			m.failed(err)
			return
		}
		if m.loc.Kind == pack.KindPiece {
			w.have.keepPiece(PieceID(m.loc.Key), raw) // a base of what comes next
		}
		w.have.buffers.put(raw)
		j.enc = payload
		return
	}
	if enc, moved, ok := w.rebased(rec, c, body, m.places); ok {
		raw, err := w.newDecoding(rec).payload(w.ctx, w.have.buffers.get(int(rec.Raw)), rec, enc, 0)
		if err == nil {
			if err = CheckRecord(m.loc.Row, rec, raw); err == nil {
				w.have.keepPiece(PieceID(m.loc.Key), raw)
			}
			w.have.buffers.put(raw)
		}
		if err == nil {
			j.enc, j.bases = enc, moved.bases
			return
		}
	}
	raw, err := m.from.ReadAt(w.ctx, w.have.buffers.get(int(rec.Raw)), m.loc)
	if err != nil {
		m.failed(err)
		return
	}
	it.id, it.piece.Raw = pack.Key(rec.ID), raw
	w.encodePlainly(j, it)
	j.raw = raw
}

func (w *Writer) newDecoding(rec pack.Record) *decoding {
	return w.have.newDecoding(new(reading), w.fetch, false, int(rec.Raw))
}

// rebased names the bases of a difference by where they are now.
func (w *Writer) rebased(rec pack.Record, c chain, body []byte, places map[PieceID]*place) (enc []byte, moved chain, ok bool) {
	id := codec.ID(rec.Codec)
	moved = chain{work: ownWork(id, int(rec.Raw))}
	for _, ref := range c.bases {
		l, err := w.find(w.ctx, candidate{piece: ref.piece, place: places[ref.piece]})
		if err != nil {
			return nil, moved, false
		}
		now := baseRef{piece: ref.piece, pack: l.Pack, off: l.Off, stored: l.Stored}
		base, payload, err := w.fetch(w.ctx, now)
		if err != nil || base.Kind != pack.KindPiece || PieceID(base.ID) != ref.piece {
			return nil, moved, false
		}
		below, _, err := parseChain(codec.ID(base.Codec), payload)
		if err != nil {
			return nil, moved, false
		}
		moved.bases = append(moved.bases, now)
		moved.depth = max(moved.depth, below.depth+1)
		moved.work += below.totalWork(codec.ID(base.Codec), int(base.Raw))
	}
	if moved.depth > readDepth {
		return nil, moved, false
	}
	return append(moved.append(make([]byte, 0, chainHead+len(moved.bases)*refSize+len(body))), body...), moved, true
}

// Bases lists the pieces that the record at l is a difference to. Only the
// beginning of it is read, and not verified. Errors wrap ErrCorrupt or are those of
// the backend.
func (r *Reader) Bases(ctx context.Context, l pack.Loc) ([]PieceID, error) {
	if l.Kind != pack.KindPiece || !codec.ID(l.Codec).HasBases() {
		return nil, nil
	}
	payload, err := pack.ReadPayload(ctx, r.b, l, chainHead+codec.MaxBases*refSize)
	if err != nil {
		return nil, corrupt(err)
	}
	c, _, err := parseChain(codec.ID(l.Codec), payload)
	if err != nil {
		return nil, err
	}
	out := make([]PieceID, len(c.bases))
	for i, b := range c.bases {
		out[i] = b.piece
	}
	return out, nil
}
