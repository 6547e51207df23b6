package store

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/mstore/mstore/index"
	"github.com/mstore/mstore/objects"
)

// FieldValue is what one version has of a field.
type FieldValue struct {
	Name  string // "v12"
	Seq   uint64
	ID    objects.VersionID
	Entry uint64
	Time  time.Time
	Value any // string, int64, float64, bool or time.Time; nil when the version does not have it
}

// Values yields the values of a field that a version has one of, of the versions that Log
// would yield, newest first: from the index where there is one, so that no version is
// read. Sort and Reverse are not looked at. An error ends the sequence.
func (s *Store) Values(ctx context.Context, o LogOptions, field string) iter.Seq2[FieldValue, error] {
	return func(yield func(FieldValue, error) bool) {
		more := true
		err := s.values(ctx, o, field, func(v FieldValue) bool {
			more = yield(v, nil)
			return more
		})
		if err != nil && more {
			yield(FieldValue{}, classify(err))
		}
	}
}

func (s *Store) values(ctx context.Context, o LogOptions, field string, yield func(FieldValue) bool) error {
	if !index.Sortable(field) {
		return as(ErrUsage, fmt.Errorf("a version has more than one value of %q, or none", field))
	}
	o.Sort, o.Reverse = "", false
	q, err := s.newQuery(ctx, &o)
	if err != nil {
		return err
	}
	return q.ask(ctx, func(iq *index.Query) error {
		if err := q.bound(ctx); err != nil {
			return err
		}
		n, last := 0, uint64(0)
		for h, err := range iq.Values(field, q.where) {
			if err != nil {
				return err
			}
			if h.Entry == last { // another path of the same version
				continue
			}
			last = h.Entry
			if n++; !yield(FieldValue{fmt.Sprintf("v%d", h.Seq), h.Seq, h.ID, h.Entry, h.Time, h.Value}) || n == o.Limit {
				return nil
			}
		}
		return nil
	})
}
