package gc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/objects/pack"
)

// rewriting moves what is needed out of packs that hold what is not.
type rewriting struct {
	*collection
	packs []*source
	going []pack.Info             // the packs that nothing needs any more
	left  []pack.Name             // packs that stay because some of it cannot be read
	stay  map[objects.BlobID]bool // contents that stay with them

	orphans map[int]bool       // rows of pieces that have lost a base
	anew    map[int]model      // rows of pieces that are made anew, and what they are part of
	now     model              // that is made anew
	must    map[pack.Name]bool // packs that are rewritten in any case

	mu      sync.Mutex
	damaged map[pack.Name]error
	failed  error // not of damage
}

// model is a content, and what that model was before, of what is kept.
type model struct{ blob, before objects.BlobID }

// source is a live pack.
type source struct {
	pack.Info
	number int32
	x      *pack.Index
	notes  pack.Notes
	take   bool // it is rewritten
}

// smallPack is the size in bytes up to which a pack is rewritten when one that it
// needs is: it joins others, and its chains are cut to their true length.
const smallPack = 4 << 20

// run writes the new packs and lists them.
func (w *rewriting) run(ctx context.Context) (made []pack.Info, err error) {
	w.must = map[pack.Name]bool{}
	for _, p := range w.o.Must {
		w.must[p] = true
	}
	for {
		if made, err = w.once(ctx); err != nil {
			return nil, err
		}
		broken, err := w.broken(ctx, w.st, made, slices.Concat(w.going, w.lost.packs))
		if err == nil && len(broken) == 0 {
			return made, nil
		}
		objects.DeletePacks(context.WithoutCancel(ctx), w.Backend, made)
		if err != nil {
			return nil, err
		}
		for _, p := range broken { // with these, nothing points out of what is written
			if w.must[p] {
				return nil, fmt.Errorf("%w: pack %s cannot be read without packs that should go; nothing was removed", ErrProtected, p)
			}
			w.must[p] = true
		}
	}
}

func (w *rewriting) once(ctx context.Context) (made []pack.Info, err error) {
	w.packs, w.going, w.left, w.failed = nil, nil, nil, nil
	w.damaged, w.stay = map[pack.Name]error{}, map[objects.BlobID]bool{}
	if err := w.choose(ctx); err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(w.packs, func(s *source) bool { return s.take }) {
		return nil, nil
	}
	if err := w.findOrphans(ctx); err != nil {
		return nil, err
	}
	if made, err = w.write(ctx); err != nil {
		return nil, err
	}
	w.settle()
	return made, nil
}

// choose finds the packs to rewrite: those that hold what is not needed, and those
// with differences to it.
func (w *rewriting) choose(ctx context.Context) error {
	dirty := make([]bool, len(w.iv.packs))
	any := false
	for i := range w.iv.rows {
		if !w.iv.live[i] {
			dirty[w.iv.rows[i].pack], any = true, true
		}
	}
	if !any && len(w.must) == 0 {
		return nil
	}
	set := w.full.Set()
	for i, p := range w.iv.packs {
		x, err := set.Index(ctx, p)
		if err != nil {
			return err
		}
		n, err := x.Notes()
		if err != nil {
			return err
		}
		w.packs = append(w.packs, &source{Info: p, number: int32(i), x: x, notes: n, take: dirty[i] || w.must[p.Name]})
	}
	for again := true; again; {
		again = false
		taken := w.taken()
		for _, s := range w.packs {
			if s.take || !slices.ContainsFunc(s.notes.Needs, func(p pack.Name) bool { return taken[p] }) {
				continue
			}
			take := s.Size < smallPack
			if !take {
				var err error
				if take, err = w.needsDead(ctx, s); err != nil {
					return err
				}
			}
			if take {
				s.take, again = true, true
			}
		}
	}
	return nil
}

// taken names the packs that are rewritten, also by the names of those whose
// content came into them before.
func (w *rewriting) taken() map[pack.Name]bool {
	names := map[pack.Name]bool{}
	for _, s := range w.packs {
		if s.take {
			names[s.Name] = true
			for _, p := range s.notes.Replaces {
				names[p] = true
			}
		}
	}
	return names
}

// needsDead tells whether a pack has a difference to what is not needed.
func (w *rewriting) needsDead(ctx context.Context, s *source) (bool, error) {
	for row, err := range s.x.Rows() {
		if err != nil {
			return false, err
		}
		if row.Kind != pack.KindPiece {
			continue
		}
		bases, err := w.full.Bases(ctx, pack.Loc{Pack: s.Name, Row: row})
		if err != nil {
			return false, err
		}
		for _, b := range bases {
			if w.dead(b) {
				return true, nil
			}
		}
	}
	return false, nil
}

func (w *rewriting) dead(p objects.PieceID) bool {
	first, end := w.iv.find(pack.KindPiece, pack.Key(p))
	return first < end && !w.iv.live[first]
}

// findOrphans finds the pieces that have lost a base, and those that are stored
// whole although there is an earlier content of the same model to compare with.
func (w *rewriting) findOrphans(ctx context.Context) error {
	w.orphans, w.anew = map[int]bool{}, map[int]model{}
	whole := map[int]bool{}
	for i := range w.iv.rows {
		r := &w.iv.rows[i]
		if !w.iv.live[i] || r.kind != pack.KindPiece || !w.packs[r.pack].take {
			continue
		}
		bases, err := w.full.Bases(ctx, w.iv.loc(r))
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			continue // told when it is moved
		}
		first, _ := w.iv.find(pack.KindPiece, r.key)
		switch {
		case slices.ContainsFunc(bases, w.dead):
			w.orphans[first] = true
		case len(bases) == 0 && r.raw >= worthComparing:
			whole[first] = true
		}
	}
	if len(w.orphans)+len(whole) == 0 {
		return nil
	}
	before := map[string]objects.BlobID{}
	for i := range w.h.in.Versions {
		for _, ch := range w.h.in.Versions[i].Changes {
			if ch.Removed || ch.Gone || w.drop.has(ch.Blob) || before[ch.Path] == ch.Blob {
				continue
			}
			m := model{ch.Blob, before[ch.Path]}
			before[ch.Path] = ch.Blob
			err := w.iv.each(ctx, w.full, ch.Blob, func(k int) {
				if _, known := w.anew[k]; known {
					return
				}
				if w.orphans[k] || whole[k] && m.before != (objects.BlobID{}) {
					w.anew[k] = m
				}
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// worthComparing is the length in bytes from which a piece is made anew to be stored
// as a difference.
const worthComparing = 16 << 10

// write moves the records in the order in which they were written, so that bases
// come before what is made from them.
func (w *rewriting) write(ctx context.Context) ([]pack.Info, error) {
	var going []pack.Info
	var versions [][]byte
	replaces := w.taken()
	needed := map[pack.Name]bool{}
	for _, s := range w.packs {
		if s.take {
			going = append(going, s.Info)
			versions = append(versions, s.notes.Versions...)
			continue
		}
		for _, p := range s.notes.Needs {
			needed[p] = true
		}
	}
	rest := pack.NewSet(w.Backend, w.st.Packs, w.st.Segments, with(w.st.Hidden(), slices.Concat(going, w.lost.packs)))
	rest.Inherit(w.full.Set())
	kept := objects.NewReader(w.Backend, rest)
	o := objects.WriterOptions{Folded: true, NewName: w.NewName, MaxPack: packSize,
		Only: w.madeAnew}
	for p := range replaces {
		if needed[p] {
			o.Replaces = append(o.Replaces, p)
		}
	}
	slices.SortFunc(o.Replaces, func(a, b pack.Name) int { return slices.Compare(a[:], b[:]) })
	out := objects.NewWriter(ctx, w.Backend, kept, o)
	for _, s := range w.packs {
		if !s.take {
			continue
		}
		if err := w.pack(ctx, out, s); err != nil {
			out.Abort()
			return nil, err
		}
	}
	err := out.Flush()
	if err == nil {
		err = w.failed
	}
	if err != nil || !out.WroteAny() {
		out.Abort()
		return nil, err
	}
	return out.Finish(versions...)
}

// madeAnew tells whether a piece of the model at hand is encoded again. One that has
// lost nothing only is for the sake of the earlier content.
func (w *rewriting) madeAnew(p objects.PieceID) bool {
	first, end := w.iv.find(pack.KindPiece, pack.Key(p))
	if first == end {
		return false
	}
	_, anew := w.anew[first]
	return w.orphans[first] || anew && w.now.before != (objects.BlobID{})
}

// comparable tells whether the earlier content of a model is in the new packs, or
// stays, so far.
func (w *rewriting) comparable(ctx context.Context, out *objects.Writer, m model) (bool, error) {
	if m.before == (objects.BlobID{}) {
		return false, nil
	}
	known := false
	err := w.iv.each(ctx, w.full, m.before, func(k int) {
		r := &w.iv.rows[k]
		known = known || r.kind == pack.KindPiece && out.Wrote(objects.PieceID(r.key))
	})
	return known, err
}

// pack moves what is needed out of one pack.
func (w *rewriting) pack(ctx context.Context, out *objects.Writer, s *source) error {
	rows, labels, err := records(s.x)
	if err != nil {
		return err
	}
	for _, row := range rows {
		first, end := w.iv.find(row.Kind, row.Key)
		if first == end || !w.iv.live[first] {
			continue
		}
		alone := true
		for _, r := range w.iv.rows[first:end] {
			alone = alone && w.packs[r.pack].take
		}
		if row.Kind == pack.KindPiece {
			if m, ok := w.anew[first]; ok && !out.Wrote(objects.PieceID(row.Key)) {
				if done, err := w.again(ctx, out, s, m, w.orphans[first]); err != nil {
					return err
				} else if done {
					continue
				}
			}
		}
		failed := func(err error) { w.fail(s.Name, err) }
		if err := out.Move(ctx, w.full, pack.Loc{Pack: s.Name, Row: row}, labels[row.Off], alone, failed); err != nil {
			return err
		}
	}
	return nil
}

// again encodes pieces of a model again: done tells whether that was to be.
func (w *rewriting) again(ctx context.Context, out *objects.Writer, s *source, m model, orphan bool) (done bool, err error) {
	if ok, err := w.comparable(ctx, out, m); err != nil {
		return false, err
	} else if !ok {
		if !orphan {
			return false, nil
		}
		m.before = objects.BlobID{}
	}
	w.now = m
	b, err := w.full.Blob(ctx, m.blob)
	var got objects.BlobID
	if err == nil {
		got, _, err = out.Blob(b, b.Size(), m.before)
	}
	if err == nil && got != m.blob {
		err = fmt.Errorf("content %s: %w: hash differs", m.blob, objects.ErrCorrupt)
	}
	if errors.Is(err, objects.ErrCorrupt) || errors.Is(err, objects.ErrMissing) {
		w.fail(s.Name, err)
		return true, ctx.Err()
	}
	return true, err
}

// fail notes what could not be moved out of a pack. Damage leaves the pack where it is;
// any other error ends it all.
func (w *rewriting) fail(p pack.Name, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !errors.Is(err, objects.ErrCorrupt) && !errors.Is(err, objects.ErrMissing) && !errors.Is(err, pack.ErrCorrupt) {
		w.failed = errors.Join(w.failed, fmt.Errorf("moving what is needed out of pack %s: %w", p, err))
		return
	}
	if w.damaged[p] == nil {
		w.damaged[p] = err
	}
}

// settle tells which of the packs can go: those that were read to the end.
func (w *rewriting) settle() {
	stays := make([]bool, len(w.packs))
	for _, s := range w.packs {
		if err := w.damaged[s.Name]; err != nil {
			w.left = append(w.left, s.Name)
			stays[s.number] = true
			w.Warn(fmt.Sprintf("pack %s stays as it is: %v", s.Name, err))
		} else if s.take {
			w.going = append(w.going, s.Info)
		}
	}
	if len(w.left) == 0 {
		return
	}
	for i := range w.res.Items {
		it := &w.res.Items[i]
		if it.Keep {
			continue
		}
		for _, kind := range []pack.Kind{pack.KindPiece, pack.KindRecipe} {
			first, end := w.iv.find(kind, pack.Key(it.Blob))
			for k := first; k < end; k++ {
				if stays[w.iv.rows[k].pack] {
					w.stay[it.Blob] = true
				}
			}
		}
	}
}
