package exchange

import (
	"context"
	"fmt"

	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
)

// What a source says of a version is checked before the destination says so:
// DecodeVersion accepts one encoding and gives the ID; the numbers follow from those of
// the parents, which are there or have arrived; nodes of the tree are what their IDs
// and the nodes above say, with paths in order; what the version lists as changed is
// what its tree differs in from its first parent's. Records are hashed when they arrive
// (objects.Writer.Move), and models of several pieces as a whole.

// arrival is a version of the source that the destination lacks.
type arrival struct {
	entry  uint64 // in the source
	id     objects.VersionID
	rec    *objects.Version
	op     *journal.Op
	parent *origin // the first; nil for none
	nodes  []objects.TreeID
}

// origin is what is known of a version that others descend from.
type origin struct {
	at         journal.Target // in the destination; Entry 0: on its way
	tree       objects.TreeID
	seq        uint64
	generation uint64
	wanted     bool // its content came along
}

func (v *arrival) fail(err error) error {
	return fmt.Errorf("v%d %s: %w", v.rec.Seq, v.id.Short(), err)
}

// arrive reads a version of the source, and checks that its numbers follow from those
// of its parents.
func (t *transfer) arrive(ctx context.Context, entry uint64) (*arrival, error) {
	e, err := t.src.Entry(ctx, entry)
	if err != nil {
		return nil, err
	}
	rec, id, err := e.Version()
	if err != nil {
		return nil, err
	}
	if rec == nil {
		return nil, fmt.Errorf("journal entry %d holds no version: %w", entry, ErrWrong)
	}
	v := &arrival{entry: entry, id: id, rec: rec, op: e.Commit()}
	if len(rec.Parents) > journal.MaxParents {
		return nil, v.fail(fmt.Errorf("%d parents: %w", len(rec.Parents), ErrWrong))
	}
	seq, generation := uint64(1), uint64(1)
	for i, p := range v.op.Parents() {
		o, err := t.origin(ctx, p)
		if err != nil {
			return nil, v.fail(err)
		}
		generation = max(generation, o.generation+1)
		if i == 0 {
			v.parent, seq = o, o.seq+1
		}
	}
	if rec.Seq != seq || rec.Generation != generation {
		return nil, v.fail(fmt.Errorf("number %d and generation %d, its parents say %d and %d: %w", rec.Seq, rec.Generation, seq, generation, ErrWrong))
	}
	return v, nil
}

// origin finds a parent: among what has arrived, else in the destination.
func (t *transfer) origin(ctx context.Context, p journal.Target) (*origin, error) {
	if o := t.arrived[p.Entry]; o != nil {
		return o, nil
	}
	if o := t.origins[p.ID]; o != nil {
		return o, nil
	}
	ok, err := t.finder.find(ctx, p.ID)
	if err == nil && !ok {
		err = fmt.Errorf("its parent %s is neither here nor there: %w", p.ID.Short(), ErrWrong)
	}
	if err != nil {
		return nil, err
	}
	at := t.finder.known[p.ID]
	e, err := t.dst.Entry(ctx, at.Entry)
	if err != nil {
		return nil, err
	}
	rec, id, err := e.Version()
	if err == nil && (rec == nil || id != p.ID) {
		err = fmt.Errorf("journal entry %d is not version %s: %w", at.Entry, p.ID.Short(), journal.ErrCorrupt)
	}
	if err != nil {
		return nil, err
	}
	if len(t.origins) > maxOrigins {
		clear(t.origins)
	}
	o := &origin{at: at, tree: rec.Tree, seq: rec.Seq, generation: rec.Generation}
	t.origins[p.ID] = o
	return o, nil
}

const maxOrigins = 10_000

// changes compares what a version lists with what its tree differs in.
type changes struct {
	rec                     *objects.Version
	path                    func(string) error
	rest                    []objects.Change
	added, changed, removed int
	last                    string
}

func newChanges(rec *objects.Version, path func(string) error) *changes {
	return &changes{rec: rec, path: path, rest: rec.Changes}
}

func (c *changes) add(d objects.TreeDiff) error {
	if d.Path <= c.last && c.last != "" {
		return fmt.Errorf("%q after %q: %w", d.Path, c.last, ErrWrong)
	}
	c.last = d.Path
	if d.To != nil && c.path != nil {
		if err := c.path(d.Path); err != nil {
			return fmt.Errorf("%w: %w", ErrWrong, err)
		}
	}
	ch := d.Change()
	switch ch.Status {
	case objects.Added:
		c.added++
	case objects.Changed:
		c.changed++
	case objects.Removed:
		c.removed++
	}
	if len(c.rec.Changes) == 0 {
		return nil
	}
	if len(c.rest) == 0 {
		return fmt.Errorf("a change of %q that it does not list: %w", d.Path, ErrWrong)
	}
	ch.Kind = c.rest[0].Kind
	if c.rest[0] != ch {
		return fmt.Errorf("it lists another change than that of %q: %w", d.Path, ErrWrong)
	}
	c.rest = c.rest[1:]
	return nil
}

func (c *changes) end(ctx context.Context, tree *objects.Tree) error {
	models, bytes, err := tree.Totals(ctx)
	if err != nil {
		return err
	}
	v := c.rec
	switch {
	case len(c.rest) > 0:
		return fmt.Errorf("it lists a change of %q that its tree does not have: %w", c.rest[0].Path, ErrWrong)
	case c.added != v.Added || c.changed != v.Changed || c.removed != v.Removed:
		return fmt.Errorf("it counts other changes than its tree has: %w", ErrWrong)
	case len(v.Changes) == 0 && c.added+c.changed+c.removed > 0 && c.added+c.changed+c.removed <= objects.MaxChanges:
		return fmt.Errorf("it does not list its changes: %w", ErrWrong)
	case models != v.Models || bytes != v.Bytes:
		return fmt.Errorf("it counts other models than its tree has: %w", ErrWrong)
	}
	return nil
}
