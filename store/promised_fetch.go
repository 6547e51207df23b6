package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/objects/pack"
)

const (
	// promisedPack is the length in bytes at which a pack of what was promised is
	// published: so much at most is fetched again after an interruption.
	promisedPack = 64 << 20
	// promisedGroup is how many raw bytes of contents are fetched before their recipes
	// are written, which make them known.
	promisedGroup = 256 << 20
)

// need gets those of some contents that are promised, in one go. What cannot be had is
// told to who reads it; the error is the context's.
func (sn *snapshot) need(ctx context.Context, blobs []objects.BlobID) error {
	if len(promising(sn.st)) == 0 {
		return nil
	}
	by := map[string][]objects.BlobID{}
	seen := map[objects.BlobID]bool{}
	for _, id := range blobs {
		if seen[id] {
			continue
		}
		seen[id] = true
		if x, err := sn.promise(ctx, id); err == nil && x != nil {
			by[x.Remote] = append(by[x.Remote], id)
		}
	}
	for _, remote := range promising(sn.st) {
		if len(by[remote]) > 0 {
			_, _ = sn.fetchPromised(ctx, by[remote], remote)
		}
	}
	return ctx.Err()
}

// Materialise gets what is promised of a version's content in one go, for who is going to
// read all of it. What cannot be had is told when it is read.
func (s *Store) Materialise(ctx context.Context, v *Version) error {
	sn, err := s.load(ctx)
	if err != nil || len(promising(sn.st)) == 0 {
		return err
	}
	var blobs []objects.BlobID
	for e, err := range sn.tree(v.Tree).Below(ctx, "") {
		if err != nil {
			return classify(err)
		}
		blobs = append(blobs, e.Blob)
	}
	return sn.need(ctx, blobs)
}

// fetchPromised gets contents from the remote that promises them, stores and publishes
// them, and returns a Reader that has them: of this store, or of the other where this one
// cannot be written to. What of several cannot be had is left out; of one the error says
// why.
func (sn *snapshot) fetchPromised(ctx context.Context, blobs []objects.BlobID, remote string) (*objects.Reader, error) {
	const tries = 20
	s := sn.s
	for try := 0; ; try++ {
		now, err := s.load(ctx)
		if err != nil {
			return nil, err
		}
		var todo []objects.BlobID
		for _, id := range blobs {
			if !now.listed(ctx, id) { // else another process was first
				todo = append(todo, id)
			}
		}
		if len(todo) == 0 {
			sn.r.Use(now.r.Set())
			sn.content.Use(now.r.Set())
			return now.r, nil
		}
		p, err := s.promisor(ctx, sn, remote)
		if err != nil {
			return nil, err
		}
		f := &keeping{sn: now, p: p, moved: map[objects.PieceID]bool{}, wanted: map[objects.PieceID]bool{}}
		var first error
		for _, id := range todo {
			if err := f.take(ctx, id); err != nil && first == nil {
				first = err
			}
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if len(f.contents) == 0 {
			return nil, first
		}
		if sn.readThrough.Load() {
			return f.from, nil
		}
		err = f.store(ctx)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.Is(err, errAgain) && try < tries, f.vanished() && try < tries:
			if err := p.reload(ctx); err != nil {
				return nil, err
			}
			continue
		case err != nil:
			if !errors.Is(classify(err), ErrReadOnly) {
				s.o.Warn(fmt.Sprintf("what is fetched from %s cannot be kept here, and is fetched again when it is needed next: %v", remote, err))
			}
			sn.readThrough.Store(true)
			return f.from, nil
		case first == nil:
			first = f.failure()
		}
		if now, err = s.load(ctx); err != nil {
			return nil, err
		}
		sn.r.Use(now.r.Set())
		sn.content.Use(now.r.Set())
		if len(blobs) > 1 {
			first = nil
		}
		return now.r, first
	}
}

// keeping is one attempt to store what another store has.
type keeping struct {
	sn       *snapshot // where to
	p        *promisor
	from     *objects.Reader
	contents []fetched
	total    int64

	wanted map[objects.PieceID]bool
	moved  map[objects.PieceID]bool
	made   []pack.Info // that the journal names

	mu   sync.Mutex
	errs []error // of reading
	bad  map[pack.Key]bool
}

// fetched is a content that is being fetched.
type fetched struct {
	id     objects.BlobID
	recipe *objects.Recipe
}

// single tells whether the content is stored as one piece, without a recipe.
func (c *fetched) single() bool {
	return len(c.recipe.Parts) == 1 && objects.BlobID(c.recipe.Parts[0].Piece) == c.id
}

// take finds out what a content is made of.
func (f *keeping) take(ctx context.Context, id objects.BlobID) error {
	if err := f.p.has(ctx, id); err != nil {
		return err
	}
	f.from = f.p.reader() // as it was just looked at
	rc, err := f.from.Recipe(ctx, id)
	if err != nil {
		return f.explain(err)
	}
	f.contents = append(f.contents, fetched{id, rc})
	f.total += rc.Size()
	for _, part := range rc.Parts {
		f.wanted[part.Piece] = true
	}
	return nil
}

// explain says whose fault an error of reading there is.
func (f *keeping) explain(err error) error {
	if errors.Is(classify(err), ErrDamaged) {
		return as(ErrDamaged, fmt.Errorf("the remote %s, which promised it, has it damaged: %w (run mstore fsck there)", f.p.remote, err))
	}
	return &PromisedError{f.p.remote, f.p.url, err}
}

func (f *keeping) fail(key pack.Key, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.bad == nil {
		f.bad = map[pack.Key]bool{}
	}
	f.bad[key] = true
	f.errs = append(f.errs, err)
}

// failure is the first error of reading.
func (f *keeping) failure() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.errs) == 0 {
		return nil
	}
	return f.explain(f.errs[0])
}

// vanished tells whether packs have gone there while they were read.
func (f *keeping) vanished() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, err := range f.errs {
		if errors.Is(err, backend.ErrNotFound) {
			return true
		}
	}
	return false
}

// store writes the contents into packs, and publishes these. The error is of writing.
func (f *keeping) store(ctx context.Context) error {
	s := f.sn.s
	w := objects.NewWriter(ctx, s.b, f.sn.r, objects.WriterOptions{NewName: newPackName, MaxPack: promisedPack,
		Published: func(p pack.Info) error { return f.publish(ctx, []pack.Info{p}) }})
	done, rest := int64(0), f.contents
	for len(rest) > 0 {
		group := rest[:0:0]
		for size := int64(0); len(rest) > 0 && (len(group) == 0 || size < promisedGroup); rest = rest[1:] {
			group = append(group, rest[0])
			size += rest[0].recipe.Size()
		}
		if err := f.group(ctx, w, group, &done); err != nil {
			w.End()
			return err
		}
	}
	packs, err := w.Finish()
	if err != nil {
		return err
	}
	var last []pack.Info
	for _, p := range packs {
		known := false
		for _, m := range f.made {
			known = known || m.Name == p.Name
		}
		if !known {
			last = append(last, p)
		}
	}
	return f.publish(ctx, last)
}

// group moves contents: their pieces, and when these are all there, their recipes.
func (f *keeping) group(ctx context.Context, w *objects.Writer, list []fetched, done *int64) error {
	f.prefetch(ctx, list)
	whole := make([]bool, len(list))
	for i, c := range list {
		b, err := f.from.Blob(ctx, c.id)
		if err == nil { // all of it, before any of it is stored
			_, err = b.WriteTo(&countingWriter{f.sn.s.o.Progress, done, f.total})
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			f.fail(pack.Key(c.id), err)
			continue
		}
		whole[i] = true
		for _, part := range c.recipe.Parts {
			if err := f.piece(ctx, w, part.Piece); err != nil {
				return err
			}
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for i, c := range list {
		f.mu.Lock()
		for _, part := range c.recipe.Parts {
			whole[i] = whole[i] && !f.bad[pack.Key(part.Piece)]
		}
		f.mu.Unlock()
		if !whole[i] || c.single() {
			continue
		}
		l, err := f.from.Set().Find(ctx, pack.KindRecipe, pack.Key(c.id))
		if err != nil {
			f.fail(pack.Key(c.id), err)
			continue
		}
		if err := w.Move(ctx, f.from, l, nil, false, func(err error) { f.fail(pack.Key(c.id), err) }); err != nil {
			return err
		}
	}
	return w.Flush()
}

// piece moves a piece, and before it those that it is a difference to, where these are
// wanted too: else it is stored by itself.
func (f *keeping) piece(ctx context.Context, w *objects.Writer, id objects.PieceID) error {
	if f.moved[id] {
		return nil
	}
	f.moved[id] = true
	l, err := f.from.Set().Find(ctx, pack.KindPiece, pack.Key(id))
	var bases []objects.PieceID
	if err == nil {
		bases, err = f.from.Bases(ctx, l)
	}
	if err != nil {
		f.fail(pack.Key(id), err)
		return ctx.Err()
	}
	for _, b := range bases {
		if f.wanted[b] {
			if err := f.piece(ctx, w, b); err != nil {
				return err
			}
		}
	}
	return w.Move(ctx, f.from, l, nil, false, func(err error) { f.fail(pack.Key(id), err) })
}

// prefetch tells the other store's backend what will be read.
func (f *keeping) prefetch(ctx context.Context, list []fetched) {
	var ranges []backend.Range
	for _, c := range list {
		for _, part := range c.recipe.Parts {
			if l, err := f.from.Set().Find(ctx, pack.KindPiece, pack.Key(part.Piece)); err == nil {
				ranges = append(ranges, backend.Range{Key: l.Pack.Key(), Off: int64(l.Off), N: int64(pack.RecordSize(l.Stored))})
			}
		}
	}
	backend.Prefetch(ctx, f.p.s.b, ranges)
}

// publish names packs in the journal. errAgain: packs were removed that they may need.
func (f *keeping) publish(ctx context.Context, packs []pack.Info) error {
	if len(packs) == 0 {
		return nil
	}
	s := f.sn.s
	s.protectPacks(ctx, f.sn.st, packs)
	_, err := s.update(ctx, func(now *snapshot) ([]journal.Op, error) {
		if now.st.Removals != f.sn.st.Removals {
			return nil, errAgain
		}
		return []journal.Op{{Kind: journal.OpAddPacks, Packs: packs}}, nil
	})
	if err == nil {
		f.made = append(f.made, packs...)
	} else if !errors.Is(err, backend.ErrUnknown) {
		objects.DeletePacks(context.WithoutCancel(ctx), s.b, packs)
	}
	return err
}

// countingWriter tells how much went by.
type countingWriter struct {
	progress ProgressFunc
	done     *int64
	total    int64
}

func (w *countingWriter) Write(p []byte) (int, error) {
	*w.done += int64(len(p))
	w.progress("fetching", *w.done, w.total)
	return len(p), nil
}

var _ io.Writer = (*countingWriter)(nil)
