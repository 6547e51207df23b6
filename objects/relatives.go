package objects

import (
	"context"
	"slices"
	"sort"

	"github.com/mstore/mstore/objects/chunk"
	"github.com/mstore/mstore/objects/codec"
	"github.com/mstore/mstore/objects/pack"
)

// relatives finds pieces that a new piece may be stored as a difference to.
// First those of an earlier version of the same model: with the same label, or
// at the same place. If that has none, pieces with the same label anywhere in
// the store, or written a moment ago: a model that was renamed, moved, merged
// or split, another training of the same architecture.
type relatives struct {
	w      *Writer
	parts  []Part // of the earlier version
	starts []int64
	next   int   // the part after the last that was alike
	shift  int64 // where that ended, less where the new piece did
}

// relatives of a model, an earlier version of which is like; zero for none.
func (w *Writer) relatives(ctx context.Context, like BlobID) *relatives {
	s := &relatives{w: w}
	if like == (BlobID{}) || w.o.Fast {
		return s
	}
	rc := w.recent[like]
	if rc == nil {
		var err error
		if rc, err = w.have.Recipe(ctx, like); err != nil { // what cannot be read is no base
			return s
		}
	}
	s.parts = rc.Parts
	at := int64(0)
	for _, p := range rc.Parts {
		s.starts = append(s.starts, at)
		at += p.Size
	}
	return s
}

// candidate is a piece that may become a base: by its ID, or by where it is.
type candidate struct {
	piece PieceID
	loc   pack.Loc // zero: look it up
	place *place   // of a piece of this session
}

const (
	// slack is what a piece may have moved without its having to be told.
	slack = 16 << 10
	// scanAhead bounds the search for a part with the same label.
	scanAhead = 64
	// worthLabel is the length in bytes from which pieces are found by label.
	worthLabel = 16 << 10
)

// of lists the candidates for an item that lies at off in its model, the
// likeliest first.
func (s *relatives) of(ctx context.Context, it item, off int64) []candidate {
	if s.w.o.Fast {
		return nil
	}
	var out []candidate
	id := PieceID(it.key)
	for _, c := range s.find(ctx, it, off) {
		if c.piece != id { // the store's copy of this very piece, damaged
			c.place = s.w.places[c.piece]
			out = append(out, c)
		}
	}
	return out
}

// labelsOf gives the labels that a piece is found by.
func labelsOf(p chunk.Piece) (labels []uint64) {
	if len(p.Raw) < worthLabel {
		return nil
	}
	for _, l := range append([]uint64{p.Label}, p.More[:]...) {
		if l != 0 {
			labels = append(labels, l)
		}
	}
	return labels
}

func (s *relatives) find(ctx context.Context, it item, off int64) (out []candidate) {
	p := it.piece
	written := s.w.labelled(it.labels, PieceID(it.key)) // of this session
	i := s.labelled(p.Label)
	if i >= 0 && p.Elem.Size > 0 {
		s.next = i + 1
		return []candidate{{piece: s.parts[i].Piece}}
	}
	if len(s.parts) == 0 || (p.Elem.Size > 0 && p.Label != 0) {
		return s.elsewhere(ctx, it.labels, written)
	}
	first, last := s.overlapping(off, off+int64(len(p.Raw)))
	if i >= 0 && (i < first || i >= last) { // it has moved
		first, last = i, i+1
	}
	for _, part := range s.parts[first:last] {
		out = append(out, candidate{piece: part.Piece})
	}
	s.follow(off+int64(len(p.Raw)), first, last)
	if len(out) == 0 {
		return s.elsewhere(ctx, it.labels, written)
	}
	return out
}

// overlapping gives the range of parts that lie where a piece from off to end
// would be in the earlier version; a part that is only touched is left out
// unless there is no other.
func (s *relatives) overlapping(off, end int64) (first, last int) {
	if len(s.parts) == 1 { // a small model, which may have grown
		return 0, 1
	}
	off, end = off+s.shift, end+s.shift
	first = sort.Search(len(s.parts), func(i int) bool { return s.end(i) > off })
	last = first
	for last < len(s.parts) && s.starts[last] < end {
		last++
	}
	if last-first > 1 && s.end(first) < off+slack {
		first++
	}
	if last-first > 1 && s.starts[last-1] > end-slack {
		last--
	}
	return first, min(last, first+codec.MaxBases)
}

func (s *relatives) end(i int) int64 { return s.starts[i] + s.parts[i].Size }

// follow learns how far content has moved: pieces end where their content says,
// so one that ends about where a part ended does so at the same content.
func (s *relatives) follow(end int64, first, last int) {
	s.next = last
	best, shift := int64(4*slack), s.shift
	for i := max(first-1, 0); i < min(last+1, len(s.parts)); i++ {
		if d := s.end(i) - end - s.shift; max(d, -d) < best {
			best, shift = max(d, -d), s.end(i)-end
		}
	}
	s.shift = shift
}

// labelled finds the part with a label, from where the last one was on.
func (s *relatives) labelled(label uint64) int {
	if label == 0 {
		return -1
	}
	for i := s.next; i < min(len(s.parts), s.next+scanAhead); i++ {
		if s.parts[i].Label == label {
			return i
		}
	}
	for i := range min(s.next, len(s.parts)) {
		if s.parts[i].Label == label {
			return i
		}
	}
	return -1
}

// elsewhere asks for pieces with the same labels: those of this session, else of
// the store the newest and the oldest.
func (s *relatives) elsewhere(ctx context.Context, labels []uint64, written []candidate) []candidate {
	if len(written) > 0 {
		return written
	}
	var out []candidate
	for _, label := range labels {
		for _, l := range s.w.have.Set().Labelled(ctx, label, 2) {
			if !slices.ContainsFunc(out, func(c candidate) bool { return c.loc.Pack == l.Pack && c.loc.Off == l.Off }) {
				out = append(out, candidate{loc: l})
			}
		}
	}
	return out
}

// passed notes a piece that the store has already, to follow the earlier
// version past it.
func (s *relatives) passed(p chunk.Piece, off int64) {
	if i := s.labelled(p.Label); i >= 0 {
		s.next, s.shift = i+1, s.end(i)-off-int64(len(p.Raw))
	}
}

// labelled lists the last and the first piece of this session with each of the
// labels, and notes one more.
func (w *Writer) labelled(labels []uint64, next PieceID) (out []candidate) {
	add := func(id PieceID) {
		for _, c := range out {
			if c.piece == id {
				return
			}
		}
		out = append(out, candidate{piece: id})
	}
	for _, label := range labels {
		both, ok := w.labels[label]
		if ok {
			add(both[1])
			add(both[0])
		} else {
			both[0] = next
		}
		both[1] = next
		w.labels[label] = both
	}
	return out
}
