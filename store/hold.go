package store

import (
	"context"
	"fmt"
	"time"

	"github.com/mstore/mstore/journal"
)

// Hold is what no policy lets go.
type Hold struct {
	Version *Version
	Path    string // "" for all models
	Reason  string
	Time    time.Time
}

// Hold exempts a version, or one model of it, from every policy.
func (s *Store) Hold(ctx context.Context, rev, path, reason string) (*Version, error) {
	var v *Version
	_, err := s.update(ctx, func(sn *snapshot) (_ []journal.Op, err error) {
		if v, err = s.resolve(ctx, sn, rev); err != nil {
			return nil, err
		}
		if path != "" {
			if _, err := sn.model(ctx, v, path); err != nil {
				return nil, err
			}
		}
		if old, ok := sn.st.Holds[journal.HoldKey{Version: v.ID, Path: path}]; ok && old.Reason == reason {
			return nil, nil
		}
		return []journal.Op{{Kind: journal.OpHold, Target: v.target, Name: path, Reason: reason}}, nil
	})
	return v, err
}

// Unhold takes a hold back.
func (s *Store) Unhold(ctx context.Context, rev, path string) (*Version, error) {
	var v *Version
	_, err := s.update(ctx, func(sn *snapshot) (_ []journal.Op, err error) {
		if v, err = s.resolve(ctx, sn, rev); err != nil {
			return nil, err
		}
		if _, ok := sn.st.Holds[journal.HoldKey{Version: v.ID, Path: path}]; !ok {
			what := v.Name
			if path != "" {
				what += ":" + path
			}
			return nil, as(ErrNotFound, fmt.Errorf("%s is not held", what))
		}
		return []journal.Op{{Kind: journal.OpUnhold, Target: v.target, Name: path}}, nil
	})
	return v, err
}

// Holds lists what is held, by the age of the versions.
func (s *Store) Holds(ctx context.Context) ([]Hold, error) {
	sn, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	var out []Hold
	for _, h := range sn.st.SortedHolds() {
		v, err := sn.version(ctx, h.To)
		if err != nil {
			return nil, err
		}
		out = append(out, Hold{Version: v, Path: h.Path, Reason: h.Reason, Time: h.Time})
	}
	return out, nil
}
