package store

import (
	"errors"
	"io/fs"
	"syscall"

	"github.com/mstore/mstore/gc"
	"github.com/mstore/mstore/gc/policy"
	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/backend/bucket"
	"github.com/mstore/mstore/internal/expr"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/mirror"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/objects/codec"
	"github.com/mstore/mstore/objects/pack"
	"github.com/mstore/mstore/refs"
)

// What can go wrong, as errors.Is tells it. Every error that a Store returns
// wraps one of these, or an error of the operating system or the context.
var (
	// ErrNoStore: there is no store here.
	ErrNoStore = errors.New("no store here")
	// ErrNotFound: no such version, model, name or file.
	ErrNotFound = errors.New("not found")
	// ErrAmbiguous: an ID prefix fits several versions; the message lists them.
	ErrAmbiguous = errors.New("ambiguous")
	// ErrUsage: a bad name, revision, path, expression or option.
	ErrUsage = errors.New("wrong usage")
	// ErrFormat: the store was written by a newer mstore.
	ErrFormat = errors.New("written by a newer mstore")
	// ErrDamaged: something that is needed is damaged or lost.
	ErrDamaged = errors.New("damaged or lost")
	// ErrExpired: retention has let the content go.
	ErrExpired = errors.New("expired")
	// ErrPromised: the content lies in another store alone, which cannot be reached.
	ErrPromised = errors.New("promised, and not here")
	// ErrConflict: refused, because of what others did or of what is on disk.
	ErrConflict = errors.New("conflict")
	// ErrChanging, which is an ErrConflict: a file changed again and again while it was
	// read.
	ErrChanging = errors.New("keeps changing")
	// ErrInvalid: a model is not valid.
	ErrInvalid = errors.New("not valid")
	// ErrReadOnly: the store cannot be written to.
	ErrReadOnly = errors.New("the store is read-only")
	// ErrDenied: where the store lies, the credentials are refused.
	ErrDenied = bucket.ErrDenied
	// ErrUnavailable: where the store lies cannot be reached, or does not answer.
	ErrUnavailable = bucket.ErrUnavailable
	// ErrUnsuitable: a store cannot be kept safely there.
	ErrUnsuitable = errors.New("no place for a store")
)

// kindError adds a sentinel to an error without changing its text.
type kindError struct {
	kind error
	err  error
}

func (e *kindError) Error() string   { return e.err.Error() }
func (e *kindError) Unwrap() []error { return []error{e.kind, e.err} }

// as makes err satisfy errors.Is(err, kind).
func as(kind, err error) error { return &kindError{kind, err} }

// classify adds the sentinel that fits what the packages below reported.
func classify(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, bucket.ErrNoBucket) {
		return as(ErrNoStore, err)
	}
	if outOfReach(err) { // whatever it was needed for
		return err
	}
	for _, kind := range []error{ErrNoStore, ErrNotFound, ErrAmbiguous, ErrUsage, ErrFormat, ErrPromised, ErrDamaged, ErrExpired, ErrConflict, ErrInvalid, ErrReadOnly, ErrUnsuitable} {
		if errors.Is(err, kind) {
			return err
		}
	}
	is := func(targets ...error) bool {
		for _, t := range targets {
			if errors.Is(err, t) {
				return true
			}
		}
		return false
	}
	var ambiguous *refs.AmbiguousError
	var syntax *expr.SyntaxError
	var field *expr.FieldError
	var rule *policy.SyntaxError
	switch {
	case is(bucket.ErrNotConditional):
		return as(ErrUnsuitable, err)
	case is(bucket.ErrURL):
		return as(ErrUsage, err)
	case is(journal.ErrNotStore):
		return as(ErrNoStore, err)
	case is(refs.ErrNotFound, refs.ErrNoVersions):
		return as(ErrNotFound, err)
	case errors.As(err, &ambiguous):
		return as(ErrAmbiguous, err)
	case is(refs.ErrBadName, refs.ErrBadRevision) || errors.As(err, &syntax) || errors.As(err, &field) || errors.As(err, &rule) || is(gc.ErrNoMetric):
		return as(ErrUsage, err)
	case is(journal.ErrFormat, pack.ErrFormat, codec.ErrUnknown):
		return as(ErrFormat, err)
	case is(journal.ErrCorrupt, journal.ErrMissing, objects.ErrCorrupt, objects.ErrMissing, pack.ErrCorrupt, pack.ErrNotFound):
		return as(ErrDamaged, err)
	case is(gc.ErrGone, gc.ErrBusy, gc.ErrHeld, journal.ErrMirror, mirror.ErrOther, mirror.ErrDiverged, mirror.ErrAhead, mirror.ErrPromoted, mirror.ErrNotEmpty):
		return as(ErrConflict, err)
	case is(mirror.ErrDamaged):
		return as(ErrDamaged, err)
	case is(backend.ErrReadOnly, syscall.EROFS):
		return as(ErrReadOnly, err)
	case is(backend.ErrNotFound):
		return as(ErrDamaged, err)
	}
	return err
}

// outOfReach tells whether the store could not be asked, so that err says nothing about
// what is in it.
func outOfReach(err error) bool {
	return errors.Is(err, ErrUnavailable) || errors.Is(err, ErrDenied) || errors.Is(err, bucket.ErrNoBucket) || errors.Is(err, bucket.ErrMisbehaves)
}

func notExist(err error) bool { return errors.Is(err, fs.ErrNotExist) }
