package cached

import (
	"context"
	"errors"
	"io"
)

// flight is a block that somebody fetches; others wait for it.
type flight struct {
	tag  string
	done chan struct{}
	// data and err may be read when done is closed.
	data []byte
	err  error
}

// errAbandoned is what those get who waited for a block that is not fetched after all;
// they fetch it themselves.
var errAbandoned = errors.New("fetching was given up")

// find looks for a block that need not be fetched.
func (c *Backend) find(id blockID, tag string) ([]byte, bool) {
	if data, ok := c.memory.get(id, tag); ok {
		c.hits.Add(1)
		return data, true
	}
	data, ok, damaged := c.disk.load(id, tag)
	if damaged {
		c.damaged.Add(1)
	}
	if !ok {
		return nil, false
	}
	c.hits.Add(1)
	c.memory.put(id, tag, data)
	return data, true
}

// take makes the caller the one who fetches a block. When somebody else does, it returns
// his flight, and mine is false.
func (c *Backend) take(id blockID, tag string) (f *flight, mine bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f := c.flights[id]; f != nil {
		return f, false
	}
	f = &flight{tag: tag, done: make(chan struct{})}
	c.flights[id] = f
	return f, true
}

// land ends a flight that the caller took.
func (c *Backend) land(id blockID, f *flight, data []byte, err error) {
	f.data, f.err = data, err
	c.mu.Lock()
	delete(c.flights, id)
	c.mu.Unlock()
	close(f.done)
}

// run is a stream of consecutive blocks of a key, by one request.
type run struct {
	c    *Backend
	key  string
	tag  string
	next int64 // the block that comes next
	end  int64 // behind the last one
	body io.ReadCloser
}

// openRun asks for blocks from..to-1.
func (c *Backend) openRun(ctx context.Context, key, tag string, from, to int64) (*run, error) {
	body, err := c.b.Get(ctx, key, from*BlockSize, (to-from)*BlockSize)
	if err != nil {
		return nil, err
	}
	return &run{c: c, key: key, tag: tag, next: from, end: to, body: body}, nil
}

// block reads the next block, and keeps it. A short one is the last of the key.
func (r *run) block() ([]byte, error) {
	var data []byte
	small := make([]byte, 64<<10) // most keys of the journal fit
	n, err := io.ReadFull(r.body, small)
	data = small[:n]
	if err == nil {
		full := make([]byte, BlockSize)
		copy(full, small)
		n, err = io.ReadFull(r.body, full[len(small):])
		data = full[:len(small)+n]
	}
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, err
	}
	r.c.misses.Add(1)
	id := blockID{r.key, r.next}
	r.c.memory.put(id, r.tag, data)
	r.c.disk.store(id, r.tag, data)
	r.next++
	return data, nil
}

func (r *run) close() error { return r.body.Close() }
