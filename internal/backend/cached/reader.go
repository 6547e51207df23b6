package cached

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
)

const (
	// maxRun is how many blocks are asked for by one request.
	maxRun = 16
	// readAhead is how many blocks more are asked for when a key is read in order.
	readAhead = 4
)

// reader gives a range of a key, block by block.
type reader struct {
	c        *Backend
	ctx      context.Context
	key, tag string
	pos, end int64  // end is behind the last byte asked for
	block    []byte // the one that pos lies in, or the last of the key
	at       int64  // its number; -1: none
	run      *run   // nil: none is open
	closed   bool
}

// newReader loads the first block, so that a key that is absent is told at once.
func (c *Backend) newReader(ctx context.Context, key, tag string, off, n int64) (*reader, error) {
	end := int64(math.MaxInt64)
	if n >= 0 && n <= math.MaxInt64-off {
		end = off + n
	}
	r := &reader{c: c, ctx: ctx, key: key, tag: tag, pos: off, end: end, at: -1}
	if err := r.load(off / BlockSize); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// load makes block n the current one.
func (r *reader) load(n int64) error {
	id := blockID{r.key, n}
	for {
		if err := r.ctx.Err(); err != nil {
			return err
		}
		if r.run != nil && r.run.next == n && n < r.run.end {
			return r.take(id)
		}
		if data, ok := r.c.find(id, r.tag); ok {
			r.set(n, data)
			return nil
		}
		f, mine := r.c.take(id, r.tag)
		if !mine {
			select {
			case <-f.done:
			case <-r.ctx.Done():
				return r.ctx.Err()
			}
			if f.err == nil && f.tag == r.tag {
				r.set(n, f.data)
				return nil
			}
			continue // its context, not ours, may have ended
		}
		data, err := r.fetch(n)
		r.c.land(id, f, data, landed(err))
		if err != nil {
			return err
		}
		r.set(n, data)
		return nil
	}
}

// landed is what others are told of an error.
func landed(err error) error {
	if err == nil {
		return nil
	}
	return errors.Join(errAbandoned, err)
}

// take reads the next block of the open run, also when somebody else fetches it.
func (r *reader) take(id blockID) error {
	data, err := r.run.block()
	if err != nil {
		return fmt.Errorf("reading %q: %w", r.key, err)
	}
	r.set(id.n, data)
	return nil
}

func (r *reader) set(n int64, data []byte) {
	r.at, r.block = n, data
	if r.run == nil || r.run.end <= n+1 {
		r.c.noteRead(r.ctx, r.key, n, data)
	}
}

// fetch asks for block n and those behind it that are wanted and missing.
func (r *reader) fetch(n int64) ([]byte, error) {
	r.closeRun()
	run, err := r.c.openRun(r.ctx, r.key, r.tag, n, r.c.runEnd(r.key, n, r.end))
	if err != nil {
		return nil, err
	}
	r.run = run
	return run.block()
}

// runEnd is behind the last block that a request for block n of a read up to byte end
// should ask for.
func (c *Backend) runEnd(key string, n, end int64) int64 {
	to := n + 1
	if end > to*BlockSize {
		to = min((end-1)/BlockSize+1, n+maxRun)
	}
	for i := n + 1; i < to; i++ {
		if c.disk.has(blockID{key, i}) {
			return i
		}
	}
	return to
}

func (r *reader) closeRun() {
	if r.run != nil {
		r.run.close()
		r.run = nil
	}
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	if r.closed {
		return 0, fmt.Errorf("reading %q: the reader is closed", r.key)
	}
	if len(p) == 0 {
		return 0, nil
	}
	if r.pos >= r.end {
		return 0, io.EOF
	}
	if n := r.pos / BlockSize; n != r.at {
		if r.at == n-1 && len(r.block) < BlockSize {
			return 0, io.EOF // that was the last
		}
		if err := r.load(n); err != nil {
			return 0, err
		}
	}
	in := r.pos - r.at*BlockSize
	if in >= int64(len(r.block)) {
		return 0, io.EOF
	}
	n := copy(p[:min(int64(len(p)), r.end-r.pos)], r.block[in:])
	r.pos += int64(n)
	return n, nil
}

// Close implements io.Closer.
func (r *reader) Close() error {
	r.closed = true
	r.block = nil
	r.closeRun()
	return nil
}
