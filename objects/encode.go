package objects

import (
	"fmt"

	"github.com/mstore/mstore/objects/codec"
	"github.com/mstore/mstore/objects/pack"
)

// encode makes the record of an item, and verifies it: what is published was
// decoded again and its hash recomputed.
func (w *Writer) encode(j *job, it item) {
	raw := it.piece.Raw
	j.rec = pack.Record{Kind: it.kind, Form: uint8(it.form), Raw: uint32(len(raw)), ID: it.id}
	if it.kind != pack.KindPiece {
		w.encodePlainly(j, it)
		return
	}
	bases := w.bases(it)
	defer func() {
		for _, m := range bases {
			w.have.buffers.put(m.raw)
		}
	}()
	j.labels = it.labels
	if w.encodePiece(j, it, bases) != nil {
		w.encodePlainly(j, it)
	}
	if j.err != nil {
		return
	}
	if w.o.Repack {
		w.have.keepPiece(PieceID(it.key), raw) // a base of what comes next
	}
	if it.keep && w.o.Cache != nil {
		w.o.Cache.Put(PieceID(it.key), raw)
	}
}

// encodePiece encodes a piece as well as it can.
func (w *Writer) encodePiece(j *job, it item, bases []material) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("encoding: %v", p)
		}
	}()
	raw := it.piece.Raw
	in := codec.Input{Raw: raw, Elem: codec.Elem(it.piece.Elem), Level: w.o.level()}
	for _, m := range bases {
		in.Bases = append(in.Bases, m.raw)
	}
	enc, id, used := w.o.encode(w.have.buffers.get(len(raw)*3/4), in)
	j.rec.Codec, j.enc = uint8(id), enc
	var from [][]byte
	if id.HasBases() {
		c := chain{work: ownWork(id, len(raw))}
		for _, i := range used {
			m := bases[i]
			c.bases = append(c.bases, m.ref)
			c.depth = max(c.depth, m.depth+1)
			c.work += m.work
			from = append(from, m.raw)
		}
		j.bases = c.bases
		j.labels = it.labels[:min(len(it.labels), 1)] // the others are its bases'
		j.enc = append(c.append(make([]byte, 0, chainHead+len(used)*refSize+len(enc))), enc...)
	}
	again, err := codec.Decode(w.have.buffers.get(len(raw)), id, enc, len(raw), from)
	if id.HasBases() {
		w.have.buffers.put(enc)
	}
	return w.verify(it, j.rec, again, err)
}

// encodePlainly is for pieces that do not come back right otherwise: a fault in a
// codec must keep nobody from saving a model.
func (w *Writer) encodePlainly(j *job, it item) {
	raw := it.piece.Raw
	enc, id := codec.Compress(nil, raw)
	j.rec.Codec, j.enc, j.bases, j.labels = uint8(id), enc, nil, it.labels
	again, err := codec.Decode(w.have.buffers.get(len(raw)), id, enc, len(raw), nil)
	j.err = w.verify(it, j.rec, again, err)
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
