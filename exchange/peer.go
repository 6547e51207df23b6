package exchange

import (
	"context"
	"errors"
	"time"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/objects/pack"
)

// Peer is one of two stores, at one moment.
type Peer struct {
	B      backend.Backend
	J      *journal.Journal
	State  *journal.State
	Reader *objects.Reader // of the packs of State; it should have Reload

	// Again returns the store as it is now. Of a source it may be nil.
	Again func(ctx context.Context) (*Peer, error)
	// Written, if set, is told of packs that are durable, before the journal names them;
	// Appended of the state after entries were made.
	Written  func(ctx context.Context, st *journal.State, packs []pack.Info)
	Appended func(ctx context.Context, st *journal.State)
}

// Move says that a name of the destination is to point at a version of the source.
type Move struct {
	Kind   journal.NameKind
	Name   string
	Tip    journal.Target // in the source
	Reason string
}

// Options are the settings of a Transfer. NewName must be set.
type Options struct {
	Filter  Filter
	NewName func() pack.Name // random names
	Clock   func() time.Time // nil: time.Now
	// Progress, if set, is told how many versions and stored bytes were copied, of how
	// many that are known to be needed. It may be called from several goroutines.
	Progress func(Progress)
	// Trusted: the source is one's own, so that what every read checks is enough. Else
	// models of several pieces are put together once more and their hash recomputed.
	Trusted bool
	// CheckPath tells why a model cannot have a path; nil: any path is right.
	CheckPath func(path string) error
	// Absent is asked about content that the source lacks although nothing says that it
	// has expired, and the Filter wants it: nil to leave it out, as promised by another
	// store, or the error that ends the transfer. If Absent is nil, content that is
	// lacking is ErrLost.
	Absent func(c Content) error
	// Skip, if set, tells of content that is not wanted, whatever the Filter says.
	Skip func(objects.BlobID) bool
	// Extra are operations that go into the entry that moves the names.
	Extra func(to *Peer) []journal.Op

	Limits Limits
}

// Limits bound what is done in one step; zero values are replaced.
type Limits struct {
	Records int   // that are collected before they are copied
	Bytes   int64 // stored, likewise
	Pack    int64 // bytes of a pack
	Batch   int   // entries of the journal
}

// Progress is how far a Transfer is.
type Progress struct {
	Versions, AllVersions int
	Bytes, AllBytes       int64 // stored
}

// Content is a model of a version.
type Content struct {
	Version objects.VersionID
	Seq     uint64
	Path    string
	Blob    objects.BlobID
	Size    int64 // bytes
}

// Result is what a Transfer did.
type Result struct {
	Versions int   // that the destination lacked
	Records  int   // pieces, recipes and tree nodes that were copied
	Bytes    int64 // of the packs that were written
	Packs    int
	Expired  int // contents that had expired in the source
	LeftOut  int // contents that the Filter, or Absent, left out
	// To is the destination after it.
	To *Peer
}

var (
	// ErrLost: content that is to be copied is neither in the source nor told to have
	// expired there.
	ErrLost = errors.New("lost")
	// ErrWrong: the source sent what contradicts itself.
	ErrWrong = errors.New("sent by the other store, and wrong")
)

// errAgain: the destination has changed so that the transfer starts again; what was
// sent is there.
var errAgain = errors.New("start again")
