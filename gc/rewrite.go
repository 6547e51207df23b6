package gc

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/objects/pack"
)

// rewrite writes everything of the old packs into new ones, and lists them.
func (r *repack) rewrite(ctx context.Context, maxPack int64, newestFirst bool) ([]pack.Info, error) {
	w := objects.NewWriter(ctx, r.Backend, r.kept, objects.WriterOptions{Repack: true, Replaces: r.replaced(), NewName: r.NewName, MaxPack: maxPack,
		Published: func(p pack.Info) error {
			if err := r.Update(ctx, func(now *journal.State) ([]journal.Op, error) {
				if r.overtaken(now) { // it may have been taken for what a dead writer left
					return nil, ErrGone
				}
				return []journal.Op{{Kind: journal.OpAddPacks, Packs: []pack.Info{p}}}, nil
			}); err != nil {
				return err
			}
			r.early = append(r.early, p)
			return nil
		}})
	err := r.blobs(ctx, w, newestFirst)
	if err == nil {
		err = r.rest(ctx, w)
	}
	if err != nil {
		w.End()
		return nil, err
	}
	return w.Finish(r.versions...)
}

// content is what a model was in some version.
type content struct {
	blob objects.BlobID
	size int64
}

// blobs stores what versions name: model by model, the newest content first and
// the earlier ones after it, or the other way round.
func (r *repack) blobs(ctx context.Context, w *objects.Writer, newestFirst bool) error {
	byPath, err := r.contents(ctx)
	if err == nil {
		err = r.listKeys(ctx)
	}
	if err != nil {
		return err
	}
	var done, total int64
	for _, list := range byPath {
		for _, c := range list {
			total += c.size
		}
	}
	seen := map[objects.BlobID]bool{}
	for _, path := range slices.Sorted(maps.Keys(byPath)) {
		list := byPath[path]
		r.ordered = r.ordered || len(list) > 1
		if newestFirst {
			slices.Reverse(list)
		}
		var last objects.BlobID
		for _, c := range list {
			if !seen[c.blob] && r.mayHold(c.blob) {
				seen[c.blob] = true
				if err := r.blob(ctx, w, c.blob, last); err != nil {
					return err
				}
			}
			last = c.blob
			done += c.size
			r.Progress(done, total)
		}
	}
	return nil
}

// listKeys remembers the beginnings of the keys of what the old packs hold.
func (r *repack) listKeys(ctx context.Context) error {
	r.keys = r.keys[:0]
	for _, x := range r.old {
		for row, err := range x.Rows() {
			if err != nil {
				return err
			}
			if row.Kind == pack.KindPiece || row.Kind == pack.KindRecipe {
				r.keys = append(r.keys, binary.BigEndian.Uint64(row.Key[:]))
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	slices.Sort(r.keys)
	return nil
}

// mayHold tells whether the old packs may hold a content, or its recipe.
func (r *repack) mayHold(id objects.BlobID) bool {
	_, found := slices.BinarySearch(r.keys, binary.BigEndian.Uint64(id[:]))
	return found
}

// contents lists what each model was, the oldest first.
func (r *repack) contents(ctx context.Context) (map[string][]content, error) {
	byPath := map[string][]content{}
	h := r.Journal.History(r.st)
	for e, err := range h.Entries(ctx, 0) {
		if err != nil {
			return nil, err
		}
		v, _, err := e.Version()
		if err != nil {
			return nil, err
		}
		if v == nil {
			continue
		}
		note := func(path string, blob objects.BlobID, size int64) {
			list := byPath[path]
			if len(list) == 0 || list[len(list)-1].blob != blob {
				byPath[path] = append(list, content{blob, size})
			}
		}
		changes, err := h.Changes(ctx, v, e.Commit().Parent, r.full)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			continue // what is not found this way is copied as it is
		}
		for _, c := range changes {
			if c.Status != objects.Removed {
				note(c.Path, c.Blob, c.Size)
			}
		}
	}
	return byPath, nil
}

// blob stores one content, as a difference to like where it can. Damaged content
// is left to rest.
func (r *repack) blob(ctx context.Context, w *objects.Writer, id, like objects.BlobID) error {
	if there, err := r.kept.Complete(ctx, id); err != nil || there {
		return err
	}
	b, err := r.full.Blob(ctx, id)
	if err != nil {
		return r.lenient(ctx, err)
	}
	got, _, err := w.Blob(b, b.Size(), like)
	if err == nil && got != id {
		err = fmt.Errorf("content %s: %w: hash differs", id, objects.ErrCorrupt)
	}
	return r.lenient(ctx, err)
}

// lenient passes over damage. What is missing because another process has
// removed packs meanwhile is none: then the work is in vain.
func (r *repack) lenient(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, objects.ErrMissing) || errors.Is(err, backend.ErrNotFound) {
		// Much may be missing because it has expired. Whether it is because of others is
		// asked now and then, and before anything is published.
		if r.missed++; r.missed%1000 != 1 {
			return nil
		}
		now, lerr := r.Journal.Load(ctx)
		if lerr == nil && r.overtaken(now) {
			lerr = ErrGone
		}
		return lerr
	}
	if errors.Is(err, objects.ErrCorrupt) {
		return nil
	}
	return err
}

// rest copies every record that the versions did not lead to: trees, recipes of
// other cuts, content that nothing names any more but somebody may be about to.
func (r *repack) rest(ctx context.Context, w *objects.Writer) error {
	for _, x := range r.old {
		rows, labels, err := records(x)
		if err != nil {
			return err
		}
		for _, row := range rows {
			err := w.Copy(ctx, r.full, pack.Loc{Pack: x.Name, Row: row}, labels[row.Off])
			if err == nil {
				continue
			}
			if lerr := r.lenient(ctx, err); lerr != nil {
				return lerr
			}
			if !r.stay[x.Name] {
				r.stay[x.Name] = true
				r.res.Left = append(r.res.Left, x.Name)
				r.Warn(fmt.Sprintf("pack %s stays as it is: %v", x.Name, err))
			}
		}
	}
	return nil
}

// replaced lists the old packs.
func (r *repack) replaced() []pack.Name {
	names := make([]pack.Name, len(r.old))
	for i, x := range r.old {
		names[i] = x.Name
	}
	return names
}

// records lists the records of a pack in their order, and their labels by where they
// are.
func records(x *pack.Index) (rows []pack.Row, labels map[uint32][]uint64, err error) {
	labels = map[uint32][]uint64{}
	for row, err := range x.Rows() {
		if err != nil {
			return nil, nil, err
		}
		if row.Kind == pack.KindLabel {
			labels[row.Off] = append(labels[row.Off], pack.Label(row.Key))
		} else {
			rows = append(rows, row)
		}
	}
	slices.SortFunc(rows, func(a, b pack.Row) int { return cmp.Compare(a.Off, b.Off) })
	return rows, labels, nil
}
