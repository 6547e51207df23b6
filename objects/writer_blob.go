package objects

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/mstore/mstore/objects/chunk"
	"github.com/mstore/mstore/objects/pack"
)

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

// Blob stores what r gives and returns its ID and length. about is how long it
// may be, for the size of buffers; like is an earlier version of the same model,
// if there is one. The content is in the store only after Finish.
func (w *Writer) Blob(r io.Reader, about int64, like BlobID) (id BlobID, size int64, err error) {
	c := chunk.New(r)
	h := NewHasher()
	rel := w.relatives(w.ctx, like)
	var parts []Part
	for {
		p, err := c.Next(w.have.buffers.get(int(min(max(about-size, chunk.Min), chunk.Max))))
		if err == io.EOF && len(parts) == 0 {
			p, err = chunk.Piece{Last: true}, nil // an empty model is an empty piece
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return id, size, err
		}
		var piece PieceID
		if len(parts) == 0 { // the blob's hash so far is that of its first piece
			_, _ = h.Write(p.Raw)
			h.Sum(piece[:0])
		} else {
			piece = HashPiece(p.Raw)
			_, _ = h.Write(p.Raw)
		}
		parts = append(parts, Part{Piece: piece, Size: int64(len(p.Raw)), Label: p.Label})
		if err := w.piece(piece, p, c.Format(), rel, size); err != nil {
			return id, size, err
		}
		size += parts[len(parts)-1].Size
		if p.Last {
			break
		}
	}
	rc := &Recipe{Format: c.Format(), Parts: parts}
	if len(parts) == 1 {
		rc.Blob = BlobID(parts[0].Piece)
	} else {
		rc.Blob = BlobID(h.Sum(nil))
		err = w.recipe(rc)
	}
	if len(w.recent) >= maxRecent {
		clear(w.recent)
	}
	w.recent[rc.Blob] = rc
	if w.o.Cache != nil {
		for _, old := range rel.parts {
			if !slices.ContainsFunc(parts, func(p Part) bool { return p.Piece == old.Piece }) {
				w.o.Cache.Drop(old.Piece)
			}
		}
	}
	return rc.Blob, size, err
}

// maxRecent bounds the recipes that are kept, to find bases in blobs of the same
// session.
const maxRecent = 256

// piece stores one piece of a model, which begins at off.
func (w *Writer) piece(id PieceID, p chunk.Piece, form chunk.Format, rel *relatives, off int64) error {
	if w.o.Only != nil && !w.o.Only(id) {
		w.have.buffers.put(p.Raw)
		return nil
	}
	key := pack.Key(id)
	have, err := w.has(pack.KindPiece, key)
	if err != nil {
		return err
	}
	if w.seen[key] {
		rel.passed(p, off)
		w.have.buffers.put(p.Raw)
		return nil
	}
	w.seen[key] = true
	it := item{kind: pack.KindPiece, key: key, id: key, form: form, piece: p, labels: labelsOf(p), pooled: true, have: have, place: &place{written: make(chan struct{})}}
	it.like, it.keep = rel.of(w.ctx, it, off), len(rel.parts) > 0
	w.places[id] = it.place
	return w.submit(it)
}

// recipe stores how a blob of several pieces is put together.
func (w *Writer) recipe(rc *Recipe) error {
	if w.o.Only != nil {
		return nil
	}
	key := pack.Key(rc.Blob)
	have, err := w.has(pack.KindRecipe, key)
	if err != nil || w.seen[key] {
		return err
	}
	w.seen[key] = true
	if have && w.have.Check(w.ctx, pack.KindRecipe, key) == nil {
		return nil
	}
	enc, rid := rc.Encode()
	return w.submit(item{kind: pack.KindRecipe, key: key, id: pack.Key(rid), piece: chunk.Piece{Raw: enc}})
}

// Copy stores a record that from has at l as it is, whatever it holds, unless
// the session has it, or the store in a copy that can be read.
func (w *Writer) Copy(ctx context.Context, from *Reader, l pack.Loc, labels []uint64) error {
	have, err := w.has(l.Kind, l.Key)
	if err != nil || w.seen[l.Key] {
		return err
	}
	if have && w.have.Check(ctx, l.Kind, l.Key) == nil {
		w.seen[l.Key] = true
		return nil
	}
	raw, err := from.ReadAt(ctx, w.have.buffers.get(int(l.Raw)), l)
	if err != nil {
		return err
	}
	w.seen[l.Key] = true
	it := item{kind: l.Kind, key: l.Key, id: l.Key, form: chunk.Format(l.Form), piece: chunk.Piece{Raw: raw}, labels: labels, pooled: true}
	if l.Kind == pack.KindRecipe {
		_, rid, err := DecodeRecipe(raw)
		if err != nil {
			return err
		}
		it.id = pack.Key(rid)
	}
	return w.submit(it)
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
	return w.submit(item{kind: pack.KindTree, key: pack.Key(id), id: pack.Key(id), piece: chunk.Piece{Raw: b}})
}
