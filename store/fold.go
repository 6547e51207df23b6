package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/journal"
)

// foldIfDue folds the journal when enough entries have come together in the
// state that was just appended to; only then does it look at the newest one,
// which another process may have folded. What was committed is safe already, so
// a failure is only told. It tells whether it has folded.
func (s *Store) foldIfDue(ctx context.Context, appended *journal.State) (folded bool) {
	if !appended.FoldDue() {
		return false
	}
	st, err := s.j.Load(ctx)
	if err == nil && st.FoldDue() {
		if _, err = s.j.Fold(ctx, st, s.packSet(st)); err == nil {
			folded = true
			s.sweep(ctx)
			s.protectOrWarn(ctx, false)
		}
	}
	if err != nil && ctx.Err() == nil && !errors.Is(err, journal.ErrLost) {
		s.o.Warn(fmt.Sprintf("the version is saved, but the journal could not be folded: %v", err))
	}
	return folded
}

// sweep removes what writers that died more than a day ago have left unfinished.
func (s *Store) sweep(ctx context.Context) {
	if d, ok := s.b.(*backend.Dir); ok {
		_, _, _ = d.Sweep(ctx, ".", s.o.Clock().Add(-debrisAge))
		return
	}
	_, _ = backend.Tidy(ctx, s.b, debrisAge)
}
