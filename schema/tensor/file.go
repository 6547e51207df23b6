package tensor

import (
	"context"
	"errors"
	"fmt"
	"io"
)

const (
	bufSize  = 256 << 10 // how much is read at once, at most
	minRead  = 16 << 10  // and at least
	smallest = 8         // values are looked at in pieces of so many bytes
)

// file reads through one buffer. Its first error is kept, and ends everything:
// it is the reader's or the context's, never one of the content.
type file struct {
	ctx  context.Context
	r    io.ReaderAt
	size int64
	err  error

	buf []byte // what was read
	lo  int64  // where buf stands in the file
	mem []byte // what buf is a part of
}

// view returns the bytes at off, between least and most of them, whatever is
// there without reading twice. They are the caller's until the next call. The
// file must go on for least bytes, of which there are at most bufSize. It returns
// nil after an error.
func (f *file) view(off int64, least, most int) []byte {
	if at := off - f.lo; at < 0 || at+int64(least) > int64(len(f.buf)) {
		n := int(min(int64(min(max(most, minRead), bufSize)), f.size-off))
		if len(f.mem) < n {
			f.mem = make([]byte, n)
		}
		f.buf, f.lo = f.mem[:n], off
		if !f.read(f.buf, off) {
			f.buf = nil
			return nil
		}
	}
	b := f.buf[off-f.lo:]
	return b[:min(len(b), most)]
}

// read fills p, which lies within the file.
func (f *file) read(p []byte, off int64) bool {
	if f.err == nil {
		f.err = f.ctx.Err()
	}
	if f.err != nil {
		return false
	}
	if n, err := f.r.ReadAt(p, off); n < len(p) {
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		f.err = fmt.Errorf("reading %d bytes at %d: %w", len(p), off, err)
		return false
	}
	return true
}

// ReadAt makes a file an io.ReaderAt, for readers of formats inside it.
func (f *file) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off >= f.size {
		return 0, io.EOF
	}
	short := int64(len(p)) > f.size-off
	if short {
		p = p[:f.size-off]
	}
	if !f.read(p, off) {
		return 0, f.err
	}
	if short {
		return len(p), io.EOF
	}
	return len(p), nil
}

// scratch returns a buffer of bufSize bytes; what view returned is gone.
func (f *file) scratch() []byte {
	f.buf = nil
	if len(f.mem) < bufSize {
		f.mem = make([]byte, bufSize)
	}
	return f.mem
}
