package tensordiff

import (
	"archive/zip"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/mstore/mstore/schema/tensor"
)

// data is where the bytes of a tensor are.
type data struct {
	entry *tensor.Entry
	which Side
	r     io.ReaderAt // nil if the file compresses them
	base  int64       // where they begin in r
	own   bool        // r is the side's file itself, which Options.Same knows
	id    string      // of r, "" if it has none
}

// data finds the bytes of a tensor. The error tells why they are not at hand.
func (s *side) data(i int) (*data, error) {
	e := &s.list.Tensors[i]
	d := &data{entry: e, which: s.Side, base: e.Off}
	switch {
	case e.Off < 0:
	case e.Files == nil:
		d.r, d.own = s.src, true
	default:
		var parts parts
		var ids []string
		for _, name := range e.Files {
			src, err := s.sibling(name)
			if err != nil {
				return nil, err
			}
			parts = append(parts, src)
			id := ""
			if x, ok := src.(Identified); ok {
				id = x.ID()
			}
			ids = append(ids, id)
			if id == "" {
				ids = nil
			}
		}
		if size := parts.size(); e.Off > size || e.Bytes > size-e.Off {
			return nil, fmt.Errorf("it needs bytes %d to %d of %q, there are %d", e.Off, e.Off+e.Bytes, e.Files[len(e.Files)-1], size)
		}
		if len(ids) == len(e.Files) {
			d.id = strings.Join(ids, " ")
		}
		d.r = parts
	}
	return d, nil
}

// parts are files that are read as one.
type parts []Source

func (p parts) size() (n int64) {
	for _, s := range p {
		n = plus(n, max(s.Size(), 0))
	}
	return n
}

func (p parts) ReadAt(b []byte, off int64) (n int, err error) {
	for _, s := range p {
		size := max(s.Size(), 0)
		if off >= size {
			off -= size
			continue
		}
		want := b[n:min(int64(len(b)), int64(n)+size-off)]
		k, err := s.ReadAt(want, off)
		if n += k; k < len(want) {
			return n, short(err)
		}
		if n == len(b) {
			return n, nil
		}
		off = 0
	}
	return n, io.EOF
}

// short is the error of a read that gave less than the file's size promised.
func short(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// reader reads the bytes of one tensor, by one goroutine.
type reader struct {
	*data
	stream io.ReadCloser // of compressed data
	at     int64         // where it stands
}

// serial tells that reading anywhere but on is slow.
func (d *data) serial() bool { return d.r == nil }

// read fills p with the bytes from off on, which are there.
func (r *reader) read(p []byte, off int64) error {
	var err error
	if r.serial() {
		if err = r.advance(p, off); damaged(err) {
			return &FileError{r.which, tensor.Problem{Tensor: r.entry.Name, Off: -1, Field: "member", Text: err.Error()}}
		}
	} else if n, e := r.r.ReadAt(p, r.base+off); n < len(p) {
		err = short(e)
	}
	if err != nil {
		return fmt.Errorf("reading tensor %q %s: %d bytes at %d: %w", r.entry.Name, r.which, len(p), off, err)
	}
	return nil
}

var errLonger = errors.New("it goes on after its end")

// damaged tells whether an error is that of a compressed member which cannot be
// decompressed.
func damaged(err error) bool {
	_, corrupt := errors.AsType[flate.CorruptInputError](err)
	return corrupt || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, errLonger) || errors.Is(err, zip.ErrChecksum) || errors.Is(err, zip.ErrFormat) || errors.Is(err, zip.ErrAlgorithm)
}

// advance reads compressed data, from its beginning again if off was passed. At
// the end the checksum is verified.
func (r *reader) advance(p []byte, off int64) error {
	if r.stream == nil || off < r.at {
		r.close()
		s, err := r.entry.Open()
		if err != nil {
			return err
		}
		r.stream, r.at = s, 0
	}
	if _, err := io.CopyN(io.Discard, r.stream, off-r.at); err != nil {
		return short(err)
	}
	if _, err := io.ReadFull(r.stream, p); err != nil {
		return short(err)
	}
	if r.at = off + int64(len(p)); r.at == r.entry.Bytes {
		var one [1]byte
		switch n, err := io.ReadFull(r.stream, one[:]); {
		case n > 0:
			return errLonger
		case err != io.EOF:
			return err
		}
	}
	return nil
}

func (r *reader) close() {
	if r.stream != nil {
		r.stream.Close()
		r.stream = nil
	}
}
