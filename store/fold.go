package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/mstore/mstore/journal"
)

// foldIfDue folds the journal when enough entries have come together. What was
// committed is safe already, so a failure is only told.
func (s *Store) foldIfDue(ctx context.Context) {
	st, err := s.j.Load(ctx)
	if err == nil && st.FoldDue() {
		_, err = s.j.Fold(ctx, st, s.packSet(st))
	}
	if err != nil && ctx.Err() == nil && !errors.Is(err, journal.ErrLost) {
		s.o.Warn(fmt.Sprintf("the version is saved, but the journal could not be folded: %v", err))
	}
}
