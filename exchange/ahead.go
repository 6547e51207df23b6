package exchange

import (
	"context"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/objects/pack"
)

const (
	// gap: ranges that lie closer together are fetched as one, in bytes.
	gap = 256 << 10
	// stretch bounds one range, and window what is fetched ahead of the reads.
	stretch = 8 << 20
	window  = 48 << 20
)

// ahead tells a source what will be read soon.
type ahead struct {
	b      backend.Backend
	ranges []backend.Range
	first  []int // of each range: the first record in it
	count  map[pack.Name]int
	next   int   // the first range that was not asked for
	open   int   // the first range that was not passed
	bytes  int64 // asked for and not passed
}

func newAhead(b backend.Backend, recs []record) *ahead {
	a := &ahead{b: b, count: map[pack.Name]int{}}
	for i := range recs {
		l := &recs[i].loc
		a.count[l.Pack]++
		off, n := int64(l.Off), int64(pack.RecordSize(l.Stored))
		if k := len(a.ranges) - 1; k >= 0 {
			r := &a.ranges[k]
			if end := r.Off + r.N; r.Key == l.Pack.Key() && off >= r.Off && off <= end+gap && off+n-r.Off <= stretch {
				r.N = max(r.N, off+n-r.Off)
				continue
			}
		}
		a.ranges = append(a.ranges, backend.Range{Key: l.Pack.Key(), Off: off, N: n})
		a.first = append(a.first, i)
	}
	return a
}

// passed is told that record i was read, and keeps the window full.
func (a *ahead) passed(ctx context.Context, i int) {
	for a.open+1 < len(a.first) && a.first[a.open+1] <= i {
		if a.open < a.next {
			a.bytes -= a.ranges[a.open].N
		}
		a.open++
	}
	a.next = max(a.next, a.open)
	from := a.next
	for a.next < len(a.ranges) && (a.bytes == 0 || a.bytes+a.ranges[a.next].N <= window) {
		a.bytes += a.ranges[a.next].N
		a.next++
	}
	backend.Prefetch(ctx, a.b, a.ranges[from:a.next])
}
