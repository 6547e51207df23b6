package journal

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/sampling"
)

// However many entries there are, one by one and in batches, folding keeps the objects in a
// listing of the journal few: two generations of entries and checkpoints, and of archive
// segments as many as the number of entries has digits.
func TestListingStaysSmall(t *testing.T) {
	total := uint64(6_000)
	if sampling.Long() {
		total = 100_000
	}
	b := backend.NewMem()
	w := newStore(t, b)
	r := rand.New(rand.NewPCG(3, 3))
	most, mostSegments := 0, 0
	for w.s.Number < total {
		if r.IntN(40) == 0 {
			w.appendBatch("main", "batch", 1+r.IntN(300))
		} else {
			w.commits(1)
		}
		if w.s.FoldDue() {
			w.fold()
		}
		if w.s.Number%7 > 0 && w.s.Number-w.s.watermark > 2 {
			continue
		}
		infos, err := b.List(t.Context(), prefix, "", 0)
		if err != nil {
			t.Fatal(err)
		}
		segments := 0
		for _, i := range infos {
			if strings.HasPrefix(i.Key, prefix+"a") {
				segments++
			}
		}
		most, mostSegments = max(most, len(infos)), max(mostSegments, segments)
	}
	t.Logf("%d entries: %d objects at the most, %d of them archive segments", w.s.Number, most, mostSegments)
	if most > 2*FoldEvery+12 || mostSegments > 8 {
		t.Errorf("%d objects in a listing, %d of them archive segments", most, mostSegments)
	}
	w.verify()
}
