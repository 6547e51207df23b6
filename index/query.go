package index

import (
	"cmp"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/mstore/mstore/internal/expr"
	"github.com/mstore/mstore/objects"
)

// Hit is a version that answers a question.
type Hit struct {
	Entry     uint64
	Line, Seq uint64
	ID        objects.VersionID
	Path      string // see Where; "" when the question was not about paths
	Time      time.Time
	Value     any // of the field that Sorted sorts by; nil elsewhere
}

// Where says which versions are asked for: those that satisfy all of it. The
// zero value is every version.
type Where struct {
	// Path is a model or a directory, without a slash at its end. A version
	// answers when it added, changed or removed that model, or one below that
	// directory; Hit.Path is the first such.
	Path string
	// Blob, if not zero, demands that the version put this very content
	// somewhere (at or below Path); there is a hit for each such path.
	Blob objects.BlobID
	// Since and Until bound the version's time: Since <= time < Until. The zero
	// value is no bound.
	Since, Until time.Time
	// Conds are about indexed fields only, see Indexed.
	Conds []expr.Cond
}

// Indexed tells whether Where.Conds may hold a condition on the field, and
// Sorted sort by it: params.X, metrics.X, source, author, branch; and time,
// for conditions only.
func Indexed(field string) bool {
	return field == "time" || sortable(field)
}

func sortable(field string) bool {
	return field == "source" || field == "author" || field == "branch" ||
		strings.HasPrefix(field, "params.") || strings.HasPrefix(field, "metrics.")
}

// Query answers questions about one snapshot of a journal, inside With or
// Walk. It is not safe for concurrent use.
type Query struct {
	finder        finder
	last, indexed uint64
}

// finder yields hits newest first. With a field, it yields only versions that
// have it, with its value.
type finder interface {
	find(w Where, field string, elided bool, yield func(Hit) bool) error
}

// Last is the newest journal entry that the answers take into account.
func (q *Query) Last() uint64 { return q.last }

// Indexed is the newest journal entry that is answered for by badger; what is
// after it is read from the journal. 0 for Walk.
func (q *Query) Indexed() uint64 { return q.indexed }

// Find yields the versions that w asks for, newest (highest Entry) first, and
// those of one version by path. An error ends the sequence. With a Path or a
// Blob it does not see versions whose changes are elided; see Elided.
func (q *Query) Find(w Where) iter.Seq2[Hit, error] { return q.seq(w, false) }

// Elided yields, newest first, the versions that changed more than
// objects.MaxChanges models and so do not list what they changed. Find cannot
// match their Path or Blob: the caller compares their trees. Path and Blob of
// w are ignored here, the rest is respected.
func (q *Query) Elided(w Where) iter.Seq2[Hit, error] {
	w.Path, w.Blob = "", objects.BlobID{}
	return q.seq(w, true)
}

func (q *Query) seq(w Where, elided bool) iter.Seq2[Hit, error] {
	return func(yield func(Hit, error) bool) {
		more := true
		err := check(w, "")
		if err == nil {
			err = q.finder.find(w, "", elided, func(h Hit) bool {
				more = yield(h, nil)
				return more
			})
		}
		if err != nil && more {
			yield(Hit{}, err)
		}
	}
}

// Sorted returns the versions that w asks for and that have the field, sorted
// by its value: numbers, then strings, then false and true, and the other way
// round when desc; NaN always last; equal values newest first. A limit of 0 is
// none.
func (q *Query) Sorted(field string, desc bool, limit int, w Where) ([]Hit, error) {
	if err := check(w, field); err != nil {
		return nil, err
	}
	var hits []Hit
	sort := func() {
		slices.SortStableFunc(hits, func(a, b Hit) int { return compareValues(a.Value, b.Value, desc) })
		if limit > 0 && len(hits) > limit {
			clear(hits[limit:])
			hits = hits[:limit]
		}
	}
	err := q.finder.find(w, field, false, func(h Hit) bool {
		hits = append(hits, h)
		if limit > 0 && len(hits) >= 2*limit+1000 {
			sort() // stable, and what follows is older
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	sort()
	return hits, nil
}

func check(w Where, field string) error {
	for _, c := range w.Conds {
		if !Indexed(c.Field) {
			return fmt.Errorf("field %q is not in the index", c.Field)
		}
	}
	if field != "" && !sortable(field) {
		return fmt.Errorf("field %q is not in the index", field)
	}
	return nil
}

func compareValues(a, b any, desc bool) int {
	ra, rb := valueRank(a), valueRank(b)
	if ra == nanRank || rb == nanRank {
		return cmp.Compare(ra, rb)
	}
	c := cmp.Compare(ra, rb)
	if c == 0 {
		c, _ = expr.Compare(a, b)
	}
	if desc {
		return -c
	}
	return c
}

const nanRank = 3

func valueRank(v any) int {
	switch v := v.(type) {
	case string:
		return 1
	case bool:
		return 2
	case float64:
		if math.IsNaN(v) {
			return nanRank
		}
	}
	return 0
}

func (w *Where) inTime(t time.Time) bool {
	return !(t.Before(w.Since) && !w.Since.IsZero()) && (w.Until.IsZero() || t.Before(w.Until))
}
