package exchange

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/objects/pack"
)

// packSize is the length of the packs that are written. Each is named in the journal
// as soon as it is full: so much at most is sent again after an interruption.
const packSize = 128 << 20

// copying is one round being copied.
type copying struct {
	*transfer
	r     *round
	w     *objects.Writer
	ahead *ahead
	moved []bool

	labels map[spot][]uint64 // of the pack at hand
	of     pack.Name

	mu     sync.Mutex
	failed error
	again  bool // another copy may be right
}

// copy brings the records of a round to the destination. The packs that the journal
// does not name yet are returned.
func (t *transfer) copy(ctx context.Context, r *round) (rest []pack.Info, err error) {
	if len(r.recs) == 0 {
		return nil, nil
	}
	if err := t.places.age(ctx, t.from.State); err != nil {
		return nil, err
	}
	// Recipes and nodes come after all pieces: whoever finds one finds the pieces.
	pieces := slices.DeleteFunc(slices.Clone(r.recs), func(x record) bool { return x.loc.Kind != pack.KindPiece })
	others := slices.DeleteFunc(r.recs, func(x record) bool { return x.loc.Kind == pack.KindPiece })
	t.places.sort(pieces)
	t.places.sort(others)
	r.recs = append(pieces, others...)
	for i := range r.recs {
		if r.recs[i].loc.Kind == pack.KindPiece {
			r.index[r.recs[i].loc.Key] = int32(i)
		}
	}
	c := &copying{transfer: t, r: r, moved: make([]bool, len(r.recs)), ahead: newAhead(t.from.B, r.recs)}
	named := 0
	c.w = objects.NewWriter(ctx, t.to.B, t.to.Reader, objects.WriterOptions{NewName: t.o.NewName, MaxPack: t.o.Limits.Pack,
		Published: func(p pack.Info) error {
			if t.to.Written != nil {
				t.to.Written(ctx, t.to.State, []pack.Info{p})
			}
			if err := t.name(ctx, p); err != nil {
				return err
			}
			named++
			return nil
		}})
	c.ahead.passed(ctx, 0)
	for i := range r.recs {
		if err = c.move(ctx, i, 0); err != nil {
			break
		}
		c.ahead.passed(ctx, i)
		t.tell(int64(r.recs[i].loc.Stored))
	}
	if err == nil || errors.Is(err, context.Canceled) && ctx.Err() == nil {
		err = c.w.Flush()
	}
	c.mu.Lock()
	if err == nil || c.failed != nil && ctx.Err() == nil {
		err = c.failed
		if c.again {
			err = errAgain
		}
	}
	c.mu.Unlock()
	if err != nil {
		c.w.End()
		return nil, err
	}
	if err := t.prove(ctx, r); err != nil {
		c.w.End()
		return nil, err
	}
	all, err := c.w.Finish(r.footer()...)
	if err != nil {
		return nil, err
	}
	rest = all[named:]
	if t.to.Written != nil && len(rest) > 0 {
		t.to.Written(ctx, t.to.State, rest)
	}
	for _, p := range all {
		t.res.Bytes += p.Size
	}
	t.res.Packs += len(all)
	t.res.Records += len(r.recs)
	return rest, nil
}

// footer are the version records that the last pack keeps a copy of; none of too many.
func (r *round) footer() [][]byte {
	n := 0
	for _, rec := range r.records {
		n += len(rec)
	}
	if n > maxFooter {
		return nil
	}
	return r.records
}

const maxFooter = 4 << 20

// maxChain bounds how far bases are followed: no chain that can be read is deeper.
const maxChain = 200

// move copies a record, and before it those of its bases that are to be copied too.
// What is a difference to something that is not is made whole.
func (c *copying) move(ctx context.Context, i, depth int) error {
	if c.moved[i] {
		return nil
	}
	c.moved[i] = true
	x := &c.r.recs[i]
	bases, err := c.from.Reader.Bases(ctx, x.loc)
	if err != nil {
		c.fail(i, err)
		return ctx.Err()
	}
	for _, b := range bases {
		if k, ok := c.r.index[pack.Key(b)]; ok && depth < maxChain {
			if err := c.move(ctx, int(k), depth+1); err != nil {
				return err
			}
		}
	}
	labels, err := c.labelsOf(ctx, x.loc)
	if err != nil {
		return err
	}
	return c.w.Move(ctx, c.from.Reader, x.loc, labels, true, func(err error) { c.fail(i, err) })
}

// fail notes that a record could not be read. There may be another copy.
func (c *copying) fail(i int, err error) {
	if errors.Is(err, context.Canceled) && c.ctx.Err() == nil { // the Writer has failed, and says why
		return
	}
	if !errors.Is(err, objects.ErrCorrupt) && !errors.Is(err, objects.ErrMissing) && !errors.Is(err, pack.ErrCorrupt) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.failed == nil {
			c.failed = err
		}
		return
	}
	x := &c.r.recs[i]
	at := spot{x.loc.Pack, x.loc.Off}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.bad[at] {
		c.bad[at] = true
		other := false
		_ = c.from.Reader.Set().FindAll(context.WithoutCancel(c.ctx), x.loc.Kind, x.loc.Key, func(l pack.Loc) bool {
			other = !c.bad[spot{l.Pack, l.Off}]
			return !other
		})
		if other && c.failed == nil {
			c.again = true
			return
		}
	}
	if c.failed != nil {
		return
	}
	c.again = false
	c.failed = fmt.Errorf("the list of models of a version: %w", err)
	if x.of >= 0 {
		m := &c.r.contents[x.of]
		c.failed = fmt.Errorf("%q of v%d %s: %w", m.Path, m.Seq, m.Version.Short(), err)
	}
}

// labelsOf tells by which labels similar pieces are found. Where little of a large
// pack is wanted its index is not read for that: labels help to save space, and
// nothing else.
func (c *copying) labelsOf(ctx context.Context, l pack.Loc) ([]uint64, error) {
	if l.Kind != pack.KindPiece {
		return nil, nil
	}
	if c.labels == nil || c.of != l.Pack {
		c.labels, c.of = map[spot][]uint64{}, l.Pack
		x, err := c.index(ctx, l.Pack)
		if err != nil || x == nil {
			return nil, ctx.Err()
		}
		if n := c.ahead.count[l.Pack]; x.Len() > 4096 && x.Len() > 32*n {
			return nil, nil
		}
		for row, err := range x.Rows() {
			if err != nil {
				return nil, ctx.Err()
			}
			if row.Kind == pack.KindLabel {
				at := spot{l.Pack, row.Off}
				c.labels[at] = append(c.labels[at], pack.Label(row.Key))
			}
		}
	}
	return c.labels[spot{l.Pack, l.Off}], nil
}

// index opens the index of a pack of the source; nil where it cannot be.
func (c *copying) index(ctx context.Context, name pack.Name) (*pack.Index, error) {
	if c.infos == nil {
		c.infos = map[pack.Name]pack.Info{}
		all, err := c.from.Reader.Set().Packs(ctx)
		if err != nil {
			return nil, err
		}
		for _, p := range all {
			c.infos[p.Name] = p
		}
	}
	p, ok := c.infos[name]
	if !ok {
		return nil, nil
	}
	return c.from.Reader.Set().Index(ctx, p)
}

// prove puts the models of a round that have several pieces together, as the source
// has them, and recomputes their hashes: that the recipe is what its hash says does not
// tell that it is right.
func (t *transfer) prove(ctx context.Context, r *round) error {
	if t.o.Trusted {
		return nil
	}
	for _, i := range r.checks {
		c := &r.contents[i]
		b, err := t.from.Reader.Blob(ctx, c.Blob)
		if err == nil {
			_, err = b.WriteTo(io.Discard)
		}
		if err != nil {
			return fmt.Errorf("%q of v%d %s: %w", c.Path, c.Seq, c.Version.Short(), err)
		}
	}
	return nil
}
