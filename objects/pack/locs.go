package pack

import (
	"bytes"
	"cmp"
	"container/heap"
	"context"
	"iter"
)

// Locs yields the rows of all live packs in order of key and kind, so that the
// copies of one record follow each other. Memory grows with the number of packs
// that no segment covers and of segments, not with that of rows. An index that
// is lost or damaged ends the sequence with an error, also a segment, although
// its packs would say the same.
func (s *Set) Locs(ctx context.Context) iter.Seq2[Loc, error] {
	return func(yield func(Loc, error) bool) {
		var sources []iter.Seq2[Loc, error]
		for _, p := range s.packs {
			if s.dead[p.Name] {
				continue
			}
			x, err := s.Index(ctx, p)
			if err != nil {
				yield(Loc{}, err)
				return
			}
			sources = append(sources, x.locs())
		}
		for _, info := range s.segments {
			g, err := s.Segment(ctx, info)
			if err != nil {
				yield(Loc{}, err)
				return
			}
			sources = append(sources, g.Locs())
		}
		n := 0
		for l, err := range merged(sources) {
			if n++; err == nil && n%4096 == 0 {
				err = ctx.Err()
			}
			if err != nil {
				yield(Loc{}, err)
				return
			}
			if !s.dead[l.Pack] && !yield(l, nil) {
				return
			}
		}
	}
}

// merged joins sorted sequences. The first error ends it.
func merged(sources []iter.Seq2[Loc, error]) iter.Seq2[Loc, error] {
	return func(yield func(Loc, error) bool) {
		var h locHeap
		for _, src := range sources {
			next, stop := iter.Pull2(src)
			defer stop()
			l, err, ok := next()
			if err != nil {
				yield(l, err)
				return
			}
			if ok {
				h = append(h, locHead{next, l})
			}
		}
		heap.Init(&h)
		for len(h) > 0 {
			if !yield(h[0].loc, nil) {
				return
			}
			l, err, ok := h[0].next()
			switch {
			case err != nil:
				yield(l, err)
				return
			case ok:
				h[0].loc = l
				heap.Fix(&h, 0)
			default:
				heap.Pop(&h)
			}
		}
	}
}

// locHead is the next row of a sequence.
type locHead struct {
	next func() (Loc, error, bool)
	loc  Loc
}

type locHeap []locHead

func (h locHeap) Len() int { return len(h) }
func (h locHeap) Less(i, j int) bool {
	a, b := &h[i].loc, &h[j].loc
	return cmp.Or(bytes.Compare(a.Key[:], b.Key[:]), cmp.Compare(a.Kind, b.Kind)) < 0
}
func (h locHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *locHeap) Push(x any)   { *h = append(*h, x.(locHead)) }
func (h *locHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}
