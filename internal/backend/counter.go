package backend

import (
	"context"
	"io"
	"sync/atomic"
)

// Counts says how often each operation was asked for, whether or not it worked,
// and how many bytes went through.
type Counts struct {
	Gets, Puts, Creates, Lists, Deletes, Stats int64
	BytesRead, BytesWritten                    int64
}

// Counter counts what goes through it to another backend. It may be used
// concurrently.
type Counter struct {
	b                                          Backend
	gets, puts, creates, lists, deletes, stats atomic.Int64
	read, written                              atomic.Int64
}

// NewCounter returns a Counter over b, at zero.
func NewCounter(b Backend) *Counter { return &Counter{b: b} }

// Counts returns the counts since the start or the last Reset. Bytes are those
// that were in fact read from readers and accepted by writers.
func (c *Counter) Counts() Counts {
	return Counts{
		Gets: c.gets.Load(), Puts: c.puts.Load(), Creates: c.creates.Load(),
		Lists: c.lists.Load(), Deletes: c.deletes.Load(), Stats: c.stats.Load(),
		BytesRead: c.read.Load(), BytesWritten: c.written.Load(),
	}
}

// Reset sets all counts to zero and returns what they were.
func (c *Counter) Reset() Counts {
	return Counts{
		Gets: c.gets.Swap(0), Puts: c.puts.Swap(0), Creates: c.creates.Swap(0),
		Lists: c.lists.Swap(0), Deletes: c.deletes.Swap(0), Stats: c.stats.Swap(0),
		BytesRead: c.read.Swap(0), BytesWritten: c.written.Swap(0),
	}
}

// Get implements Backend.
func (c *Counter) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	c.gets.Add(1)
	r, err := c.b.Get(ctx, key, off, n)
	if err != nil {
		return nil, err
	}
	return &countedReader{r, &c.read}, nil
}

// Put implements Backend.
func (c *Counter) Put(ctx context.Context, key string, data []byte) error {
	c.puts.Add(1)
	err := c.b.Put(ctx, key, data)
	if err == nil {
		c.written.Add(int64(len(data)))
	}
	return err
}

// Create implements Backend.
func (c *Counter) Create(ctx context.Context, key string) (Writer, error) {
	c.creates.Add(1)
	w, err := c.b.Create(ctx, key)
	if err != nil {
		return nil, err
	}
	return &countedWriter{w, &c.written}, nil
}

// Replace implements Backend.
func (c *Counter) Replace(ctx context.Context, key string) (Writer, error) {
	c.creates.Add(1)
	w, err := c.b.Replace(ctx, key)
	if err != nil {
		return nil, err
	}
	return &countedWriter{w, &c.written}, nil
}

// List implements Backend.
func (c *Counter) List(ctx context.Context, prefix, after string, limit int) ([]Info, error) {
	c.lists.Add(1)
	return c.b.List(ctx, prefix, after, limit)
}

// Delete implements Backend.
func (c *Counter) Delete(ctx context.Context, key string) error {
	c.deletes.Add(1)
	return c.b.Delete(ctx, key)
}

// Stat implements Backend.
func (c *Counter) Stat(ctx context.Context, key string) (Info, error) {
	c.stats.Add(1)
	return c.b.Stat(ctx, key)
}

// Tag implements Tagger, if the backend below does.
func (c *Counter) Tag(key string) (string, bool) { return tagOf(c.b, key) }

type countedReader struct {
	io.ReadCloser
	n *atomic.Int64
}

func (r *countedReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	r.n.Add(int64(n))
	return n, err
}

type countedWriter struct {
	Writer
	n *atomic.Int64
}

func (w *countedWriter) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	w.n.Add(int64(n))
	return n, err
}
