package journal

import (
	"context"
	"time"
)

// Draft is an entry to be.
type Draft struct {
	Ops  []Op
	Time time.Time // must not be zero
	Tx   [16]byte  // see NewTx
}

// AppendAll creates the next entries after s, all of them or none, in one step, and
// returns the state that follows. The first has the number s.Number+1, the others
// follow it. Errors are those of Append.
func (j *Journal) AppendAll(ctx context.Context, s *State, drafts []Draft) (*State, error) {
	var err error
	for _, d := range drafts {
		if s, err = j.AppendAs(ctx, s, d.Ops, d.Time, d.Tx); err != nil {
			return nil, err
		}
	}
	return s, nil
}
