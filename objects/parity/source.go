package parity

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/mstore/mstore/internal/backend"
)

// source reads pieces of files. Pieces that lie one after another come from one
// Get, so that a sequence is read in as many requests as it has files.
type source struct {
	ctx  context.Context
	b    backend.Backend
	from map[string]io.ReaderAt // of files that are not read from b

	open io.ReadCloser // nil: none
	key  string        // of open
	off  int64         // where open stands
	end  int64         // where open ends
}

// read fills p with the bytes of key from off. Bytes up to end are likely to be
// wanted next. Too few bytes are io.ErrUnexpectedEOF. After an error the next
// read begins anew.
func (s *source) read(key string, off int64, p []byte, end int64) error {
	if err := s.ctx.Err(); err != nil {
		return err
	}
	if r := s.from[key]; r != nil {
		n, err := r.ReadAt(p, off)
		if n == len(p) {
			return nil
		}
		return s.failed(err)
	}
	if s.open == nil || s.key != key || s.off != off || s.end < off+int64(len(p)) {
		s.close()
		end = max(end, off+int64(len(p)))
		r, err := s.b.Get(s.ctx, key, off, end-off)
		if err != nil {
			return s.failed(err)
		}
		s.open, s.key, s.off, s.end = r, key, off, end
	}
	n, err := io.ReadFull(s.open, p)
	s.off += int64(n)
	if err != nil {
		s.close()
		return s.failed(err)
	}
	return nil
}

// failed is the error of a read; a cancelled context comes first.
func (s *source) failed(err error) error {
	if ctx := s.ctx.Err(); ctx != nil {
		return ctx
	}
	if err == nil || errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (s *source) close() {
	if s.open != nil {
		s.open.Close()
		s.open = nil
	}
}

// columns reads shards of a group, by columns.
type columns struct {
	*layout
	src *source
	// key and parity tell where the parity lies; unused while it is not written.
	key    string
	parity int64
	// onData, unless nil, is given the data of segments as it is read.
	onData func(seg int, off int64, piece []byte)
}

// read fills p with the columns of a shard from col; data shards come first,
// then parity shards. The caller will read no further than column end, and
// whole shards one after another when all is true.
func (c *columns) read(shard int, col int64, p []byte, end int64, all bool) error {
	if shard >= c.k {
		return c.readParity(shard-c.k, col, p, end)
	}
	for i := c.find(shard, col); len(p) > 0; i++ {
		if i == c.shard[shard+1] {
			clear(p)
			return nil
		}
		s := &c.segs[i]
		f := &c.files[s.file]
		skip := col - s.col
		piece := p[:min(s.n-skip, int64(len(p)))]
		stop := f.Size
		if !all {
			stop = min(stop, s.off+end-s.col)
		}
		if err := c.src.read(f.Key, s.off+skip, piece, stop); err != nil {
			return fmt.Errorf("reading %q from %d: %w", f.Key, s.off+skip, err)
		}
		if c.onData != nil {
			c.onData(i, skip, piece)
		}
		p, col = p[len(piece):], col+int64(len(piece))
	}
	return nil
}

func (c *columns) readParity(j int, col int64, p []byte, end int64) error {
	for len(p) > 0 {
		off, n := c.parityAt(j, col)
		piece := p[:min(n, int64(len(p)))]
		off += c.parity
		if err := c.src.read(c.key, off, piece, off+min(n, end-col)); err != nil {
			return fmt.Errorf("reading %q from %d: %w", c.key, off, err)
		}
		p, col = p[len(piece):], col+int64(len(piece))
	}
	return nil
}
