package wrapper

import (
	"errors"
	"fmt"
)

var (
	// ErrNotJSON: the document is not one well-formed JSON value. Errors that
	// wrap it are a *SyntaxError, which says where.
	ErrNotJSON = errors.New("not JSON")
	// ErrNotWrapped: Unwrap was given the Info of a document that is no wrapper.
	ErrNotWrapped = errors.New("not a wrapper: no object of metadata and data alone")
	// ErrSize: the reader given to Wrap holds more or fewer bytes than
	// announced.
	ErrSize = errors.New("size differs from the one announced")
)

// SyntaxError says where a document ceases to be JSON. It wraps ErrNotJSON.
type SyntaxError struct {
	Off  int64 // bytes before the place
	Text string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("not JSON, at byte %d: %s", e.Off, e.Text)
}

// Unwrap returns ErrNotJSON.
func (e *SyntaxError) Unwrap() error { return ErrNotJSON }

// MetadataError: the metadata of a wrapper are not what they must be, an
// object of at most MaxMetadata bytes.
type MetadataError struct {
	Off   int64  // of the value of metadata in the document
	Found string // what stands there: "a string", "more than 16 MB"
}

func (e *MetadataError) Error() string {
	return fmt.Sprintf("metadata of the wrapper, at byte %d: found %s in place of an object", e.Off, e.Found)
}
