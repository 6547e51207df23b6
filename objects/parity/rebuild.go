package parity

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/zeebo/blake3"

	"github.com/mstore/mstore/internal/backend"
)

// restoreBytes bounds what Rebuild restores at a time.
const restoreBytes = 32 << 20

// Rebuild writes the bytes of a file of the group as they were when it was
// protected: what is intact as it is, the rest made from the other files and
// the parity. Only if it returns nil is what was written right, all of it, by
// its hashes; after an error it is worth nothing.
//
// What is intact is known from the last Damage, or else found out first, which
// reads everything. What has changed since is not used: the error is ErrChanged
// then, and the next call looks anew. ErrTooDamaged: there is not parity enough
// for the damaged parts of this file. backend.ErrNotFound: no such file in the
// group. Errors of w pass through. Memory: up to 32 MiB.
func (g *Group) Rebuild(ctx context.Context, key string, w io.Writer) error {
	i, ok := g.index(key)
	if !ok {
		return fmt.Errorf("rebuilding %q: not in the group: %w", key, backend.ErrNotFound)
	}
	if g.seen == nil {
		l, err := g.lookAt(ctx)
		if err != nil {
			return err
		}
		g.seen = l
	}
	r := g.reader(ctx)
	defer r.src.close()
	b := &rebuilder{g: g, look: g.seen, src: r, w: w, h: blake3.New(), buf: make([]byte, block)}
	if err := b.file(i); err != nil {
		if b.changed {
			g.seen = nil
		}
		return fmt.Errorf("rebuilding %q: %w", key, err)
	}
	return nil
}

func (g *Group) index(key string) (int, bool) {
	for i, f := range g.files {
		if f.Key == key {
			return i, true
		}
	}
	return 0, false
}

// rebuilder writes a file of a group. It hashes every segment that it writes.
type rebuilder struct {
	g       *Group
	look    *look
	src     *columns
	w       io.Writer
	h       *blake3.Hasher
	buf     []byte
	changed bool // since the look
}

func (b *rebuilder) file(i int) error {
	var held map[int][]byte // bad segments that are restored
	to := b.g.file[i+1]
	for j := b.g.file[i]; j < to; j++ {
		var err error
		switch s := &b.g.segs[j]; {
		case !b.look.seg[j]:
			err = b.copy(j)
		case s.n > b.g.hold:
			err = b.restoreLong(j)
		default:
			if held[j] == nil {
				// Restoring one more costs little: everything is read for the
				// first already.
				batch := []int{j}
				for n := j + 1; n < to && int64(len(batch)+1)*b.g.size <= b.g.hold; n++ {
					if b.look.seg[n] {
						batch = append(batch, n)
					}
				}
				held = nil // before as much again is made
				held, err = b.restore(batch)
			}
			if err == nil {
				b.h.Reset()
				err = b.write(held[j])
			}
		}
		if err != nil {
			return err
		}
		if err := b.check(j); err != nil {
			return err
		}
	}
	return nil
}

// copy writes an intact segment.
func (b *rebuilder) copy(j int) error {
	s := &b.g.segs[j]
	f := b.g.files[s.file]
	b.h.Reset()
	for off := int64(0); off < s.n; {
		p := b.buf[:min(s.n-off, int64(len(b.buf)))]
		if err := b.src.src.read(f.Key, s.off+off, p, f.Size); err != nil {
			return b.unexpected(err)
		}
		if err := b.write(p); err != nil {
			return err
		}
		off += int64(len(p))
	}
	return nil
}

// restore makes bad segments, which lie in different shards.
func (b *rebuilder) restore(segs []int) (map[int][]byte, error) {
	lost := make([]int, len(segs))
	from, to := b.g.size, int64(0) // columns
	for i, j := range segs {
		s := &b.g.segs[j]
		lost[i] = s.shard
		from, to = min(from, s.col), max(to, s.col+s.n)
	}
	c, err := b.solve(lost)
	if err != nil {
		return nil, err
	}
	out := stripe(len(lost), to-from)
	if err := c.run(b.src, from, to, out, b.buf); err != nil {
		return nil, b.unexpected(err)
	}
	made := make(map[int][]byte, len(segs))
	for i, j := range segs {
		s := &b.g.segs[j]
		made[j] = out[i][s.col-from : s.col-from+s.n]
	}
	return made, nil
}

// restoreLong writes a bad segment that is too long to be held.
func (b *rebuilder) restoreLong(j int) error {
	s := &b.g.segs[j]
	c, err := b.solve([]int{s.shard})
	if err != nil {
		return err
	}
	b.h.Reset()
	out := stripe(1, b.g.hold)
	for col, end := s.col, s.col+s.n; col < end; col += b.g.hold {
		to := min(col+b.g.hold, end)
		part := [][]byte{out[0][:to-col]}
		if err := c.run(b.src, col, to, part, b.buf); err != nil {
			return b.unexpected(err)
		}
		if err := b.write(part[0]); err != nil {
			return err
		}
	}
	return nil
}

// solve makes lost data shards of k intact shards, with as little parity as
// that takes.
func (b *rebuilder) solve(lost []int) (*code, error) {
	inputs := make([]int, 0, b.g.k)
	for i, bad := range slices.Concat(b.look.data, b.look.parity) {
		if !bad && len(inputs) < b.g.k {
			inputs = append(inputs, i)
		}
	}
	if len(inputs) < b.g.k {
		return nil, fmt.Errorf("%d of %d data shards are damaged, %d of %d parity shards are intact: %w",
			b.look.badData(), b.g.k, b.g.m-b.look.badParity(), b.g.m, ErrTooDamaged)
	}
	return solve(b.g.k, b.g.m, inputs, lost)
}

func (b *rebuilder) write(p []byte) error {
	b.h.Write(p)
	_, err := b.w.Write(p)
	return err
}

// check says whether the segment that was written is what it should be.
func (b *rebuilder) check(j int) error {
	if finish(b.h) != b.g.data[j] {
		s := &b.g.segs[j]
		return b.unexpected(fmt.Errorf("bytes %d to %d do not match their hash", s.off, s.off+s.n))
	}
	return nil
}

// unexpected is the error when what was found intact no longer is; a cancelled
// context is no change.
func (b *rebuilder) unexpected(err error) error {
	if ctx := b.src.src.ctx.Err(); ctx != nil {
		return ctx
	}
	b.changed = true
	return fmt.Errorf("%w: %w", ErrChanged, err)
}
