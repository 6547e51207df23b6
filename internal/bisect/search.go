package bisect

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
)

// Verdict is what a test said.
type Verdict string

// The verdicts, as they are written down.
const (
	Good Verdict = "good"
	Bad  Verdict = "bad"
	Skip Verdict = "skip" // it cannot be tested
)

// Valid tells whether v is one of the verdicts.
func (v Verdict) Valid() bool { return v == Good || v == Bad || v == Skip }

var (
	// ErrContradiction: a verdict that cannot be, after those before it.
	ErrContradiction = errors.New("contradicts an earlier verdict")
	// ErrDamaged: what is no state of a search.
	ErrDamaged = errors.New("the state of the search is damaged")
)

// Search is a search under way. It takes memory by the number of skipped places, not by
// that of all.
type Search struct {
	good, bad uint64   // the newest good place, the oldest bad one
	skipped   []uint64 // sorted, all between them
	row       uint     // places skipped since the last verdict
}

// New begins a search among n candidates, at least one.
func New(n uint64) *Search { return &Search{bad: max(n, 1)} }

// Mark tells the verdict of a place. That a place at or before a good one is good, or
// one at or after a bad one bad, changes nothing; the opposite is ErrContradiction, and
// so is a place that cannot be skipped, since its verdict is known.
func (s *Search) Mark(at uint64, v Verdict) error {
	switch {
	case v == Good && at >= s.bad, v == Bad && at <= s.good:
		return ErrContradiction
	case v == Skip && (at <= s.good || at >= s.bad):
		return fmt.Errorf("its verdict is known: %w", ErrContradiction)
	case v == Skip:
		if i, found := slices.BinarySearch(s.skipped, at); !found {
			s.skipped = slices.Insert(s.skipped, i, at)
			s.row++
		}
		return nil
	case v == Good:
		s.good = max(s.good, at)
	case v == Bad:
		s.bad = min(s.bad, at)
	default:
		return fmt.Errorf("verdict %q", v)
	}
	s.row = 0
	from, _ := slices.BinarySearch(s.skipped, s.good+1)
	to, _ := slices.BinarySearch(s.skipped, s.bad)
	s.skipped = s.skipped[min(from, to):to]
	return nil
}

// Left is the number of places that can still be tested to any purpose.
func (s *Search) Left() uint64 { return s.bad - s.good - 1 - uint64(len(s.skipped)) }

// Steps is the number of tests that are needed still, if none is skipped.
func (s *Search) Steps() int { return bits.Len64(s.Left()) }

// Next is the place to test next; false when no test can tell more.
//
// It is the middle of what can be tested, which halves it. After a place that could not
// be tested its neighbours are unlikely to be any better, so that the search then looks
// at a quarter, at three quarters, at an eighth, and so on (van der Corput's sequence)
// until something can be tested.
func (s *Search) Next() (at uint64, ok bool) {
	left := s.Left()
	if left == 0 {
		return 0, false
	}
	nth := left / 2
	if s.row > 0 {
		hi, _ := bits.Mul64(left, bits.Reverse64(uint64(s.row)+1))
		nth = hi
	}
	return s.testable(nth), true
}

// testable is the nth place, from 0, between good and bad that is not skipped.
func (s *Search) testable(nth uint64) uint64 {
	at := s.good + 1 + nth
	for _, skipped := range s.skipped {
		if skipped > at {
			break
		}
		at++
	}
	return at
}

// Range is where the first bad place lies: after good, and at bad or before it.
func (s *Search) Range() (good, bad uint64) { return s.good, s.bad }

// Found is the first bad place, if it is known.
func (s *Search) Found() (at uint64, ok bool) { return s.bad, s.bad == s.good+1 }
