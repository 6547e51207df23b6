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
