package tensor

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Entry is a tensor that a file lists.
type Entry struct {
	// Name is as the file has it. It need not be unique: constants inside an
	// ONNX graph may share one, and a file that is not valid may have any.
	Name string
	// DType is by the names of [Report.DTypes].
	DType string
	// Shape is outermost first, as NumPy and PyTorch write it: the lengths of
	// GGUF turned around. A scalar has none.
	Shape []int64
	// Elements is the product of Shape.
	Elements int64
	// Block elements take BlockBits bits; Block is 1 unless the type is
	// quantised, BlockBits 0 for a type whose elements have no one length.
	Block, BlockBits int64

	// Files are the files that hold the data, one after the other, by their
	// paths relative to the listed file's directory; nil for the file itself.
	Files []string
	// Off is where in them the data begins, -1 if they hold it compressed:
	// then [Listing.Open] reads it. Bytes is its length, decompressed.
	Off, Bytes int64
	// Packed data is no array of numbers of one width: numbers or text as
	// Protocol Buffers have them.
	Packed bool
	// BigEndian numbers begin with their high byte.
	BigEndian bool
	// Fortran order has the first index run fastest.
	Fortran bool
	// Scale, if it is not 0, tells that the numbers are quantised: a value is
	// the number times Scale plus Min.
	Scale, Min float64

	member *zip.File // of an archive that compresses it
	header int64     // of the member, in bytes
}

// Pair is an entry of a file's metadata.
type Pair struct {
	Key string
	// Value is what the file says, as text. One of more than 200 bytes, and an
	// array, is told by its beginning or its length only.
	Value string
	// Sum is the SHA-256 of the whole value as the file has it, zero if Value is
	// all of it.
	Sum [sha256.Size]byte
}

// Listing is what a file has.
type Listing struct {
	Format Format
	// Tensors are those whose entry is valid, in the order of their data where
	// the format has such an order.
	Tensors []Entry
	// Complete tells that Tensors are all: no entry was unreadable, none lies
	// beyond the file's end or in another.
	Complete bool
	// Metadata is in the order of the file: the entries of __metadata__ of
	// safetensors, all keys of GGUF but those of bookkeeping, and of ONNX what
	// [Report.Metadata] has, with the number of nodes of each operator.
	Metadata []Pair
	// Problems are as in a [Report], at most Options.Limit of them.
	Problems []Problem
}

// List reads the structure of a file, and not its values. Its errors are those
// of [Check]. A listing of NPZ reads r when it is opened.
func List(ctx context.Context, f Format, r io.ReaderAt, size int64, o Options) (*Listing, error) {
	o.NoValues = true
	c := newChecker(ctx, r, size, o)
	c.list = &Listing{Format: f}
	if f == TFJS {
		c.tfjs()
	} else if err := c.run(f); err != nil {
		return nil, fmt.Errorf("listing tensors of format %q: %w", f, err)
	}
	if c.err != nil {
		return nil, c.err
	}
	c.list.Problems = c.rep.Problems
	c.list.Complete = c.rep.Tensors == len(c.list.Tensors) && c.toEnd
	return c.list, nil
}

// add lists a tensor.
func (l *Listing) add(e Entry, t *elem) {
	e.DType, e.Block, e.BlockBits = t.name, int64(t.block), int64(t.bits)
	e.Name = strings.Clone(e.Name) // it may be a part of the header
	l.Tensors = append(l.Tensors, e)
}

// Open reads the data of a tensor whose Off is -1, from its beginning. A caller
// that reads one byte more than there are learns whether the checksum was right.
func (e *Entry) Open() (io.ReadCloser, error) {
	if e.member == nil {
		return nil, fmt.Errorf("opening tensor %s: its data is not compressed: %w", quote(e.Name), errors.ErrUnsupported)
	}
	r, err := e.member.Open()
	if err != nil {
		return nil, err
	}
	if _, err := io.CopyN(io.Discard, r, e.header); err != nil {
		return nil, errors.Join(unexpected(err), r.Close())
	}
	return r, nil
}

// lengths converts a shape whose product is known to fit.
func lengths(dims []uint64) []int64 {
	s := make([]int64, len(dims))
	for i, d := range dims {
		s[i] = int64(min(d, 1<<62)) // next to a length of 0 anything may stand
	}
	return s
}
