package tensordiff

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"

	"github.com/mstore/mstore/schema/tensor"
)

// Source is a file. Reads may come from several goroutines at once.
type Source interface {
	io.ReaderAt
	Size() int64
}

// Identified is a source that may have a name for its bytes: two sources of
// which ID gives the same, and not "", hold the same bytes.
type Identified interface {
	Source
	ID() string
}

// Side is one of the two files that are compared.
type Side string

// The sides.
const (
	Before Side = "before"
	After  Side = "after"
)

// Options say how files are compared. The zero value compares everything.
type Options struct {
	// Same tells that n bytes at aOff of the file before and at bOff of the one
	// after are known to be equal, without reading them. It is called from
	// several goroutines, for ranges of any size. nil knows nothing.
	Same func(aOff, bOff, n int64) bool
	// Open opens another file of a model: name is a slash-separated path
	// relative to the directory of the side's file, and never leaves it. Weights
	// of TensorFlow.js and external data of ONNX are there. Tensors whose files
	// cannot be opened are compared by type and shape only, and are Unknown if
	// these are equal. nil opens none. A file is opened once, and is the
	// caller's to close after Diff.
	Open func(side Side, name string) (Source, error)
	// Names are those of the files before and after. Their extensions count
	// where the content is of no known format, as that of a damaged file.
	Names [2]string
	// Tolerance is the largest absolute change of an element that does not count
	// as one. With one of more than 0, a tensor of other bytes is equal if no
	// element counts. Opaque data knows no tolerance.
	Tolerance float64
	// Limit bounds the tensors, the layers and the metadata that are listed, each
	// apart; 0 lists all.
	Limit int
	// Workers is how many goroutines compare; 0 is one for each CPU, at most 8.
	// The result is the same for any number.
	Workers int
}

// FileError is a file that cannot be compared because it is damaged.
type FileError struct {
	Side    Side
	Problem tensor.Problem
}

func (e *FileError) Error() string {
	return fmt.Sprintf("the tensor file %s: %v", e.Side, e.Problem)
}

const maxWorkers = 8

// Diff compares the tensors of two files, whose formats may differ. The error is
// a [FileError] for a file that is damaged, [errors.ErrUnsupported] for one that
// is not of tensors, ctx's, or one of reading; each says the side.
//
// Memory is that of the headers, and of a megabyte for each worker, whatever the
// size of the tensors. Several Diffs may run at once.
func Diff(ctx context.Context, a, b Source, o Options) (*Result, error) {
	if o.Workers <= 0 {
		o.Workers = min(runtime.GOMAXPROCS(0), maxWorkers)
	}
	if !(o.Tolerance >= 0) {
		return nil, fmt.Errorf("comparing tensors: the tolerance %v is not a number of 0 or more", o.Tolerance)
	}
	var sides [2]*side
	for i, s := range []Source{a, b} {
		var err error
		if sides[i], err = openSide(ctx, []Side{Before, After}[i], s, o.Names[i], o.Open); err != nil {
			return nil, err
		}
	}
	c := &comparison{ctx: ctx, o: o, a: sides[0], b: sides[1]}
	c.match()
	if err := c.rename(); err != nil {
		return nil, err
	}
	if err := c.measure(); err != nil {
		return nil, err
	}
	return c.result(), nil
}

// Detect tells whether a file that begins with head, of which 64 KB or all must
// be there, is one that Diff compares. Of name only the extension counts.
func Detect(name string, head []byte) (tensor.Format, bool) {
	if tensor.IsTFJS(head) {
		return tensor.TFJS, true
	}
	f := tensor.Detect(name, head)
	return f, f != ""
}

var errFormat = fmt.Errorf("not a file of tensors: %w", errors.ErrUnsupported)
