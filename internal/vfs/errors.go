package vfs

import (
	"errors"
	"io/fs"
	"strings"
)

var (
	// ErrNoSpace: the disk or the user's quota is full. The cause (ENOSPC,
	// EDQUOT) stays reachable through errors.Is as well.
	ErrNoSpace = errors.New("no space left")
	// ErrTooLarge: a file holds more bytes than ReadFile was told to accept.
	ErrTooLarge = errors.New("larger than allowed")
	// ErrCrashed: the answer of a Fault to every operation after its crash.
	ErrCrashed = errors.New("simulated crash")

	errEscapes = errors.New("name leads out of the root")
)

// noSpaceError keeps the system's error and its text and adds ErrNoSpace.
type noSpaceError struct{ error }

func (e noSpaceError) Unwrap() error        { return e.error }
func (e noSpaceError) Is(target error) bool { return target == ErrNoSpace }

// wrapSys marks what the operating system says about a full disk.
func wrapSys(err error) error {
	if err != nil && isNoSpace(err) {
		return noSpaceError{err}
	}
	return err
}

// validName is fs.ValidPath without the demand for UTF-8: names of models are
// bytes.
func validName(name string) bool {
	if name == "." {
		return true
	}
	for elem := range strings.SplitSeq(name, "/") {
		if elem == "" || elem == "." || elem == ".." || strings.IndexByte(elem, 0) >= 0 {
			return false
		}
	}
	return true
}

func pathError(op, name string, err error) error {
	return &fs.PathError{Op: op, Path: name, Err: err}
}
