package index

import (
	"context"

	"github.com/mstore/mstore/objects"
)

// Record is one version as the journal holds it.
type Record struct {
	Entry  uint64 // number of its journal entry; unique, ascending
	ID     objects.VersionID
	Branch string // the branch it was committed to
	Line   uint64 // the first-parent line it belongs to
	*objects.Version
}

// Source is the journal, as the index needs it: one snapshot of it.
type Source interface {
	// Last returns the number of the newest entry, and its hash; 0 when there
	// is none.
	Last() (n uint64, hash [objects.IDSize]byte)
	// EntryHash returns the hash of entry n, 1 <= n <= Last.
	EntryHash(ctx context.Context, n uint64) ([objects.IDSize]byte, error)
	// Versions calls fn for the version of every entry after n that has one, in
	// ascending order. fn may keep the record. The other methods may be called meanwhile.
	Versions(ctx context.Context, n uint64, fn func(Record) error) error
}
