package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/objects/pack"
)

// Expiry says when and why content was let go.
type Expiry struct {
	Time   time.Time
	Policy string
	// Until, if not zero: its packs are still there, and mstore undelete brings them
	// back until gc removes them, not before then.
	Until time.Time
	entry uint64
}

func (x *Expiry) String() string {
	s := fmt.Sprintf("expired on %s by policy: %s", x.Time.UTC().Format("2006-01-02 15:04 MST"), x.Policy)
	if !x.Until.IsZero() {
		s += fmt.Sprintf(" (mstore undelete brings it back until %s at least)", x.Until.UTC().Format("2006-01-02"))
	}
	return s
}

// Expired tells which contents of a store have expired. It is for one moment, and
// may be used concurrently.
type Expired struct{ sn *snapshot }

// Expired returns what has expired by now.
func (s *Store) Expired(ctx context.Context) (*Expired, error) {
	sn, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	return &Expired{sn}, nil
}

// Of tells when and why a content was let go; nil if it was not, or is there again.
func (x *Expired) Of(ctx context.Context, id objects.BlobID) (*Expiry, error) {
	return x.sn.expiry(ctx, id)
}

// listed tells whether some pack surely lists a content.
func (sn *snapshot) listed(ctx context.Context, id objects.BlobID) bool {
	_, ok, err := sn.r.HasBlob(ctx, id)
	return err == nil && ok
}

// expiry tells when and why a content was let go; nil if it was not, or is there.
func (sn *snapshot) expiry(ctx context.Context, id objects.BlobID) (*Expiry, error) {
	if len(sn.st.Expiries) == 0 {
		return nil, nil
	}
	sn.expiredMu.Lock()
	defer sn.expiredMu.Unlock()
	if sn.expired == nil {
		all, err := sn.readExpiries(ctx)
		if err != nil {
			return nil, classify(err)
		}
		sn.expired = all
	}
	x := sn.expired[id]
	if x == nil {
		return nil, nil
	}
	_, there, err := sn.r.HasBlob(ctx, id)
	if err != nil { // a pack is lost: was it in there, saved again since?
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if !errors.Is(err, pack.ErrCorrupt) && !errors.Is(err, backend.ErrNotFound) { // a disk that does not answer
			return nil, classify(err)
		}
		if sn.last == nil {
			if sn.last, err = sn.lastSaved(ctx); err != nil {
				return nil, classify(err)
			}
		}
		there = sn.last[id] > x.entry
	}
	if there {
		return nil, nil
	}
	return x, nil
}

// lastSaved tells, of contents that have expired some time, which entry saved them
// last.
func (sn *snapshot) lastSaved(ctx context.Context) (map[objects.BlobID]uint64, error) {
	last := map[objects.BlobID]uint64{}
	for e, err := range sn.h.Entries(ctx, sn.st.Expiries[0].Entry) {
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
		for _, ch := range v.Changes {
			if ch.Status != objects.Removed {
				last[ch.Blob] = e.Number
			}
		}
	}
	return last, nil
}

// readExpiries lists what has expired. Where the journal is damaged it is passed over:
// what expired there is told as lost, and all else stays readable.
func (sn *snapshot) readExpiries(ctx context.Context) (map[objects.BlobID]*Expiry, error) {
	all := map[objects.BlobID]*Expiry{}
	var last uint64
	for _, op := range sn.st.Expiries {
		if op.Entry == last { // one entry may have several
			continue
		}
		last = op.Entry
		e, err := sn.h.Entry(ctx, op.Entry)
		if errors.Is(classify(err), ErrDamaged) && ctx.Err() == nil {
			continue
		}
		if err != nil {
			return nil, err
		}
		for i := range e.Ops {
			if len(e.Ops[i].Expired) == 0 {
				continue
			}
			x := &Expiry{Time: e.Time, Policy: e.Ops[i].Reason, entry: e.Number}
			for _, c := range sn.st.Condemned {
				if c.Entry == e.Number {
					x.Until = c.Time.Add(sn.grace)
				}
			}
			for _, it := range e.Ops[i].Expired {
				all[it.Blob] = x
			}
		}
	}
	return all, nil
}

// expiredModel is the error for a model whose content was let go.
func expiredModel(v *Version, path string, x *Expiry) error {
	return as(ErrExpired, fmt.Errorf("%s:%s has %s", v.Name, path, x))
}
