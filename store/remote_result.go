package store

import (
	"fmt"

	"github.com/mstore/mstore/exchange"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
)

// What became of a name in an exchange.
const (
	RefNew      = "new"
	RefForward  = "fast-forward"
	RefForced   = "forced" // it was elsewhere: what it had is not part of what it has now
	RefMoved    = "moved"  // an alias
	RefUpToDate = "up-to-date"
	RefDeleted  = "deleted"
	RefRejected = "rejected"
)

// RefUpdate is what became of one name.
type RefUpdate struct {
	Kind NameKind
	// From and To are the names on the side that gives and on the one that takes: main
	// and origin/main for a fetch. From is "" where the name is deleted.
	From, To string
	Old, New *Place // nil: there was, or is, none
	Outcome  string
	Reason   string // why it was rejected
}

// Place is a version that a name points at.
type Place struct {
	ID  objects.VersionID
	Seq uint64
}

func placeOf(t journal.Target) *Place { return &Place{ID: t.ID, Seq: t.Seq} }

func (p *Place) String() string { return fmt.Sprintf("v%d", p.Seq) }

// ExchangeResult is what Fetch or Push did, or would do.
type ExchangeResult struct {
	Remote   string // its name; "" for a bare location
	URL      string
	DryRun   bool
	Refs     []RefUpdate
	Versions int   // that were lacking
	Records  int   // pieces, recipes and tree nodes that were copied
	Bytes    int64 // that were stored for it
	Packs    int
	Expired  int // contents that had expired on the other side
	LeftOut  int // contents that a filter left out
}

// count takes over what was copied.
func (r *ExchangeResult) count(x *exchange.Result) {
	r.Versions, r.Records, r.Bytes, r.Packs, r.Expired, r.LeftOut = x.Versions, x.Records, x.Bytes, x.Packs, x.Expired, x.LeftOut
}

// rejected is an error for names that were refused; nil for none.
func (r *ExchangeResult) rejected(what, hint string) error {
	for _, u := range r.Refs {
		if u.Outcome != RefRejected {
			continue
		}
		name := u.To
		if name == "" {
			name = u.From
		}
		err := fmt.Errorf("%s of %s %s was refused: %s", what, u.Kind, name, u.Reason)
		if hint != "" && u.Kind == Branch {
			err = fmt.Errorf("%w%s", err, hint)
		}
		return as(ErrConflict, err)
	}
	return nil
}
