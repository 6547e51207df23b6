package policy

import (
	"hash/maphash"
	"math/bits"
	"strconv"

	"github.com/mstore/mstore/objects"
)

// blobTable finds an item by its blob. It holds indexes only: a map of a
// million IDs would be as large as the items.
type blobTable struct {
	seed  maphash.Seed
	mask  uint64
	slots []int32 // index of an item plus one
}

// newBlobTable makes a table for at most n blobs.
func newBlobTable(n int) *blobTable {
	size := uint64(1) << bits.Len(uint(2*n))
	return &blobTable{maphash.MakeSeed(), size - 1, make([]int32, size)}
}

// slot is where the blob is, or where it belongs.
func (t *blobTable) slot(items []Item, blob *objects.BlobID) *int32 {
	for h := maphash.Bytes(t.seed, blob[:]); ; h++ {
		s := &t.slots[h&t.mask]
		if *s == 0 || items[*s-1].Blob == *blob {
			return s
		}
	}
}

// put adds the item unless one with its blob is there.
func (t *blobTable) put(items []Item, i int32) bool {
	s := t.slot(items, &items[i].Blob)
	if *s != 0 {
		return false
	}
	*s = i + 1
	return true
}

// find is the item with that blob, -1 for none.
func (t *blobTable) find(items []Item, blob *objects.BlobID) int32 {
	return *t.slot(items, blob) - 1
}

// keepSame keeps the items that have the same content as one that is kept; the
// first of those is named.
func (ev *evaluation) keepSame() {
	items := ev.items
	kept := 0
	for i := range items {
		if items[i].Keep {
			kept++
		}
	}
	if kept == len(items) || kept == 0 {
		return
	}
	table := newBlobTable(kept)
	for i := range items {
		if items[i].Keep {
			table.put(items, int32(i))
		}
	}
	type wording struct {
		item                   int32
		otherBranch, otherPath bool
	}
	texts := map[wording][]string{}
	// What is kept here is not in the table, so that each names a real reason.
	for i := range items {
		x := &items[i]
		if x.Keep {
			continue
		}
		k := table.find(items, &x.Blob)
		if k < 0 {
			continue
		}
		v := &ev.in.Versions[items[k].Version]
		w := wording{k, v.Branch != ev.in.Versions[x.Version].Branch, items[k].Path != x.Path}
		if texts[w] == nil {
			text := "same content as "
			switch {
			case v.Safety:
				text += "safety version "
			case w.otherBranch && v.Branch != "":
				text += v.Branch + "@"
			}
			text += "v" + strconv.FormatUint(v.Seq, 10)
			if w.otherPath {
				text += ":" + items[k].Path
			}
			texts[w] = []string{text}
		}
		x.Keep, x.Reasons = true, texts[w]
	}
}
