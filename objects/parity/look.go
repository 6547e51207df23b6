package parity

import (
	"context"
	"errors"
	"io"

	"github.com/zeebo/blake3"

	"github.com/mstore/mstore/internal/backend"
)

// look is what a look at everything that a group consists of has found.
type look struct {
	files  []fileState
	seg    []bool // bad segments
	data   []bool // bad data shards: those with a bad segment
	parity []bool // bad parity shards
}

// fileState is what was found of a file besides its segments.
type fileState struct {
	missing bool
	size    int64 // -1: unknown
	err     error // the first that is more than an early end
}

func (l *look) badData() int   { return count(l.data) }
func (l *look) badParity() int { return count(l.parity) }

func count(bad []bool) (n int) {
	for _, b := range bad {
		if b {
			n++
		}
	}
	return n
}

// lookAt reads everything once. The only errors are those of ctx: what cannot
// be read is bad.
func (g *Group) lookAt(ctx context.Context) (*look, error) {
	r := g.reader(ctx)
	defer r.src.close()
	l := &look{
		files: make([]fileState, len(g.files)), seg: make([]bool, len(g.segs)),
		data: make([]bool, g.k),
	}
	c := &checker{r.src, blake3.New(), make([]byte, block)}
	for i := range g.files {
		if err := g.lookAtFile(c, l, i); err != nil {
			return nil, err
		}
	}
	var err error
	l.parity, _, err = g.lookAtParity(c)
	return l, err
}

func (g *Group) lookAtFile(c *checker, l *look, i int) error {
	f, state := g.files[i], &l.files[i]
	info, err := g.b.Stat(c.src.ctx, f.Key)
	switch {
	case c.src.ctx.Err() != nil:
		return c.src.ctx.Err()
	case errors.Is(err, backend.ErrNotFound):
		state.missing, state.size = true, -1
	case err != nil:
		state.err, state.size = err, -1
	default:
		state.size = info.Size
	}
	for j := g.file[i]; j < g.file[i+1]; j++ {
		s := &g.segs[j]
		bad := state.missing
		if !bad {
			c.h.Reset()
			err := c.add(f.Key, s.off, s.n, f.Size)
			if ctx := c.src.ctx.Err(); ctx != nil {
				return ctx
			}
			if err != nil && state.err == nil && err != io.ErrUnexpectedEOF && !errors.Is(err, backend.ErrNotFound) {
				state.err = err
			}
			bad = err != nil || finish(c.h) != g.data[j]
		}
		if bad {
			l.seg[j], l.data[s.shard] = true, true
		}
	}
	return nil
}

// lookAtParity tells which parity shards are bad, and the first error of those
// that cannot be read. Its error is that of the context.
func (g *Group) lookAtParity(c *checker) (bad []bool, failed, err error) {
	bad = make([]bool, g.m)
	hashers := make([]*blake3.Hasher, g.m)
	for j := range hashers {
		hashers[j] = blake3.New()
	}
	start := g.loc.parity()
	for col := int64(0); col < g.size && count(bad) < g.m; {
		var n int64
		for j := range hashers {
			off := int64(0)
			off, n = g.parityAt(j, col)
			if bad[j] {
				continue
			}
			c.h = hashers[j]
			err := c.add(g.name.Key(), start+off, n, start+g.parityLen())
			if ctx := c.src.ctx.Err(); ctx != nil {
				return nil, nil, ctx
			}
			if err != nil {
				bad[j] = true
				if failed == nil {
					failed = err
				}
			}
		}
		col += n
	}
	for j, h := range hashers {
		bad[j] = bad[j] || finish(h) != g.parity[j]
	}
	return bad, failed, nil
}

// checker hashes pieces of files.
type checker struct {
	src *source
	h   *blake3.Hasher
	buf []byte
}

// add adds n bytes of key from off to the hash. The reader will go on up to end.
func (c *checker) add(key string, off, n, end int64) error {
	for n > 0 {
		p := c.buf[:min(n, int64(len(c.buf)))]
		if err := c.src.read(key, off, p, end); err != nil {
			return err
		}
		c.h.Write(p)
		off, n = off+int64(len(p)), n-int64(len(p))
	}
	return nil
}
