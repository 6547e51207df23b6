package objects

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/objects/pack"
)

// nearby is how many bytes that nobody asked for are fetched along rather than that two
// requests are made.
const nearby = 256 << 10

// FetchesAhead tells whether Prefetch does anything.
func (r *Reader) FetchesAhead() bool {
	_, ok := r.b.(backend.Prefetcher)
	return ok
}

// Prefetch looks up what blobs are made of and has it fetched, many ranges at once, for
// reads that come soon. It returns when all requests are under way. Whatever cannot be
// found or fetched is told to who reads it. Memory grows with the number of pieces.
func (r *Reader) Prefetch(ctx context.Context, blobs []BlobID) {
	if !r.FetchesAhead() {
		return
	}
	set := r.Set()
	var pieces, recipes []pack.Loc
	var parted []BlobID
	for _, id := range blobs {
		if l, err := set.Find(ctx, pack.KindPiece, pack.Key(id)); err == nil {
			pieces = append(pieces, l)
		} else if l, err := set.Find(ctx, pack.KindRecipe, pack.Key(id)); err == nil {
			recipes, parted = append(recipes, l), append(parted, id)
		}
		if ctx.Err() != nil {
			return
		}
	}
	r.fetchAhead(ctx, recipes)
	for _, id := range parted {
		rc, err := r.Recipe(ctx, id)
		if err != nil {
			continue
		}
		for _, p := range rc.Parts {
			if l, err := set.Find(ctx, pack.KindPiece, pack.Key(p.Piece)); err == nil {
				pieces = append(pieces, l)
			}
		}
		if ctx.Err() != nil {
			return
		}
	}
	r.fetchAhead(ctx, pieces)
}

// fetchAhead has the records at these places fetched.
func (r *Reader) fetchAhead(ctx context.Context, locs []pack.Loc) {
	slices.SortFunc(locs, func(a, b pack.Loc) int {
		return cmp.Or(bytes.Compare(a.Pack[:], b.Pack[:]), cmp.Compare(a.Off, b.Off))
	})
	var ranges []backend.Range
	for _, l := range locs {
		off, n := int64(l.Off), int64(pack.RecordSize(l.Stored))
		if k := len(ranges) - 1; k >= 0 && ranges[k].Key == l.Pack.Key() && off <= ranges[k].Off+ranges[k].N+nearby {
			ranges[k].N = max(ranges[k].N, off+n-ranges[k].Off)
			continue
		}
		ranges = append(ranges, backend.Range{Key: l.Pack.Key(), Off: off, N: n})
	}
	backend.Prefetch(ctx, r.b, ranges)
}

// backwards foretells which packs a chain of bases leads to. Each save of a model is a
// difference to the one before it, in the pack that was written before: where one base
// after the other lies in an older pack, those before them are fetched too, more each
// time that this was right. Packs that are not small are left alone.
type backwards struct {
	mu    sync.Mutex
	of    *pack.Set
	order []pack.Info       // oldest first
	at    map[pack.Name]int // in order
	asked map[pack.Name]bool
	width int // how many were fetched last
	low   int // the oldest that was fetched
}

const (
	smallPack  = 4 << 20
	firstAhead = 4
	mostAhead  = 64
)

// follow is told that a base lies in a pack.
func (w *backwards) follow(ctx context.Context, r *Reader, p pack.Name) {
	if !r.FetchesAhead() {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if set := r.Set(); w.of != set {
		w.of, w.order, w.at, w.asked, w.width = set, set.Opened(), map[pack.Name]int{}, map[pack.Name]bool{}, 0
		for i, x := range w.order {
			w.at[x.Name] = i
		}
	}
	i, known := w.at[p]
	if !known {
		return
	}
	switch {
	case !w.asked[p]: // not foreseen
		w.width, w.low = firstAhead, i
	case i > w.low+w.width/2: // the last ones that were foreseen are still to come
		return
	default:
		w.width = min(2*w.width, mostAhead)
	}
	var ranges []backend.Range
	w.asked[p] = true
	for k := w.low - 1; k >= 0 && len(ranges) < w.width; k-- {
		w.low = k
		if x := w.order[k]; !w.asked[x.Name] && x.Size <= smallPack {
			w.asked[x.Name] = true
			ranges = append(ranges, backend.Range{Key: x.Name.Key(), N: x.Size})
		}
	}
	backend.Prefetch(ctx, r.b, ranges)
}
