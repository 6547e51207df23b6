package policy

import (
	"time"

	"github.com/mstore/mstore/objects"
)

// Item is a content that a version put at a path, and what becomes of it.
// Contents that are gone already are no items.
type Item struct {
	Version int // index in the input
	Path    string
	Blob    objects.BlobID
	Size    int64
	Keep    bool
	// Reasons are everything that keeps it, in the order of the rules, then
	// pins, then heads, each text once; or the one reason why it is not kept.
	// Items share the slice, so nobody may change it.
	Reasons []string
}

// Result is what Evaluate decides.
type Result struct {
	Items     []Item    // sorted by version, then as the version's changes are
	Reference time.Time // that durations counted back from
}

// Blob is a content and its size.
type Blob struct {
	ID   objects.BlobID
	Size int64
}

// Expired returns the contents that are not kept, each once, in the order of
// the first item that has them. None of them is also kept.
func (r *Result) Expired() []Blob {
	count := 0
	for i := range r.Items {
		if !r.Items[i].Keep {
			count++
		}
	}
	var list []Blob
	seen := newBlobTable(count)
	for i := range r.Items {
		if x := &r.Items[i]; !x.Keep && seen.put(r.Items, int32(i)) {
			list = append(list, Blob{x.Blob, x.Size})
		}
	}
	return list
}
