package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"syscall"

	"github.com/mstore/mstore/store"
)

// The exit codes.
const (
	exitOK          = 0
	exitFailed      = 1   // damage, invalid input data or a failed check; input or output that failed
	exitUsage       = 2   // wrong usage
	exitNotFound    = 3   // no such store, version or model, or its content is expired
	exitDamaged     = 4   // something that was needed is damaged or lost
	exitConflict    = 5   // refused because of a conflict
	exitInterrupted = 130 // SIGINT or SIGTERM
)

// reportedError ends a command with a code when everything was said already.
type reportedError struct{ code int }

func (e reportedError) Error() string { return fmt.Sprintf("exit %d", e.code) }

// usageError is wrong usage that was found before the store was asked.
type usageError struct {
	msg  string
	hint string // what to type instead; may be empty
}

func (e *usageError) Error() string { return e.msg }

func usagef(hint, format string, args ...any) error {
	return &usageError{msg: fmt.Sprintf(format, args...), hint: hint}
}

// hintError adds to an error of the store what to do next.
type hintError struct {
	error
	hint string
}

func (e *hintError) Unwrap() error { return e.error }

// exitCode maps every error to an exit code; there is no other place.
func exitCode(ctx context.Context, err error) int {
	var reported reportedError
	var usage *usageError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(context.Cause(ctx), errInterrupted):
		return exitInterrupted
	case errors.As(err, &reported):
		return reported.code
	case errors.As(err, &usage):
		return exitUsage
	case errors.Is(err, errStdout) && errors.Is(err, syscall.EPIPE):
		return exitOK
	case errors.Is(err, store.ErrUnavailable), errors.Is(err, store.ErrDenied): // whatever it was needed for
		return exitFailed
	case errors.Is(err, store.ErrDamaged):
		return exitDamaged
	case errors.Is(err, store.ErrConflict), errors.Is(err, store.ErrReadOnly):
		return exitConflict
	case errors.Is(err, store.ErrUsage), errors.Is(err, store.ErrFormat), errors.Is(err, store.ErrAmbiguous):
		return exitUsage
	case errors.Is(err, store.ErrNoStore), errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrExpired):
		return exitNotFound
	}
	return exitFailed
}

// hintFor tells what to do about an error; empty when the message says it all.
func hintFor(err error) string {
	var usage *usageError
	var hint *hintError
	switch {
	case errors.As(err, &usage):
		return usage.hint
	case errors.As(err, &hint):
		return hint.hint
	case errors.Is(err, store.ErrDenied):
		return "see that AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, are those of this bucket, that they may read and write it, and that the clock is right (mstore doctor)"
	case errors.Is(err, store.ErrUnavailable):
		return "see that the endpoint in the URL is right and can be reached, and say it again: nothing is lost"
	}
	return ""
}

// reportError writes err to stderr, as text or as one JSON document. Nothing is
// written when the command reported already or stdout's reader went away.
func (a *app) reportError(err error, code int) {
	var reported reportedError
	if err == nil || code == exitOK || errors.As(err, &reported) && code != exitInterrupted {
		return
	}
	msg := err.Error()
	if code == exitInterrupted {
		msg = errInterrupted.Error()
	}
	if a.json {
		writeJSON(a.stderr, struct {
			Error      string `json:"error"`
			Code       int    `json:"code"`
			Quarantine string `json:"quarantine,omitempty"` // where what was refused is kept
		}{msg, code, quarantineOf(err)})
		return
	}
	a.progress.close()
	st := a.errStyle
	fmt.Fprintf(a.stderr, "%s %s\n", st.bad.Sprint("mstore:"), cleanText(msg))
	if hint := hintFor(err); hint != "" && code != exitInterrupted {
		fmt.Fprintf(a.stderr, "%s %s\n", st.dim.Sprint("hint:"), hint)
	}
}

// quarantineOf is the version in which what was refused is kept, if it is.
func quarantineOf(err error) string {
	var invalid *store.InvalidError
	var refused *store.RefusedError
	switch {
	case errors.As(err, &invalid):
		return invalid.Name
	case errors.As(err, &refused):
		return refused.Name
	}
	return ""
}

// writeJSON writes v as one line; characters such as < and > stay themselves.
func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
