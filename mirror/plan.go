package mirror

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects/pack"
	"github.com/mstore/mstore/objects/parity"
)

// file is one that the target lacks.
type file struct {
	key     string
	size    int64 // as the journal names it, else as it was listed
	replace bool  // there is one, of another length
}

// plan is what is to be copied, in this order.
type plan struct {
	packs, indexes, archives []file
	checkpoints, entries     []file // of the newest state first; ascending
	parity                   []file
}

func (p *plan) all() []file {
	return slices.Concat(p.packs, p.indexes, p.archives, p.checkpoints, p.entries, p.parity)
}

func isPack(key string) bool {
	_, ok := pack.ParseKey(key)
	return ok
}

func (c *copying) missing(list []file, key string, size int64, have map[string]int64) []file {
	n, there := have[key]
	if there && n == size || slices.ContainsFunc(list, func(f file) bool { return f.key == key }) {
		return list
	}
	return append(list, file{key, size, there})
}

// plan finds out what the target lacks. The newest checkpoint takes the target to its
// watermark in one step; from there, or from where the target is, it goes entry by
// entry, and whatever is named on the way must be there.
func (c *copying) plan(ctx context.Context) (*plan, error) {
	st := c.src.State
	p := &plan{}
	c.named = map[pack.Name]bool{}
	packs, err := c.packs(ctx, st)
	if err != nil {
		return nil, err
	}
	for _, x := range packs {
		c.named[x.Name] = true
		p.packs = c.missing(p.packs, x.Name.Key(), x.Size, c.had)
	}
	for _, s := range append([]*journal.State{st}, c.src.Checkpoints...) {
		for _, g := range s.Segments {
			p.indexes = c.missing(p.indexes, g.Key(), g.Size, c.had)
		}
		for _, a := range s.Archives() {
			p.archives = c.missing(p.archives, a.Key, a.Size, c.dst.Files)
		}
	}
	c.planCheckpoints(p)
	floor := uint64(0)
	if len(c.src.Checkpoints) == 2 {
		floor = c.src.Checkpoints[1].Watermark()
	}
	for _, n := range c.src.Entries {
		key := journal.EntryKey(n)
		if _, there := c.dst.Files[key]; n > floor && !there {
			p.entries = append(p.entries, file{key: key, size: c.src.Files[key]})
		}
	}
	if err := c.passing(ctx, p); err != nil {
		return nil, err
	}
	for key, size := range c.has {
		if strings.HasPrefix(key, parity.Prefix) {
			p.parity = c.missing(p.parity, key, size, c.had)
		}
	}
	slices.SortFunc(p.parity, func(a, b file) int { return strings.Compare(a.key, b.key) })
	return p, nil
}

// packs lists what the journal names, condemned packs included.
func (c *copying) packs(ctx context.Context, st *journal.State) ([]pack.Info, error) {
	packs, err := pack.NewSet(c.from, st.Packs, st.Segments, st.Dead).Packs(ctx)
	if err == nil || ctx.Err() != nil {
		return packs, err
	}
	if packs, err = c.sj.History(st).LivePacks(ctx); err != nil { // an index segment is damaged
		return nil, damaged(err)
	}
	return packs, nil
}

// at is where the target is.
func (c *copying) at() uint64 {
	if c.fresh {
		return 0
	}
	return c.dst.State.Number
}

// start is where the target goes on from, entry by entry.
func (c *copying) start() uint64 { return max(c.at(), c.src.State.Watermark()) }

func (c *copying) planCheckpoints(p *plan) {
	for i, s := range c.src.Checkpoints {
		key := s.CheckpointKey()
		_, there := c.dst.Files[key]
		readable := slices.ContainsFunc(c.dst.Checkpoints, func(x *journal.State) bool { return x.Generation() == s.Generation() })
		switch {
		case !there:
			p.checkpoints = append(p.checkpoints, file{key: key, size: c.src.Files[key]})
		case !readable && (len(c.dst.Checkpoints) < 2 || s.Generation() > c.dst.Checkpoints[1].Generation()), // damaged
			i == 0 && c.at() < s.Watermark(): // the source had lost its own, and has made it anew
			p.checkpoints = append(p.checkpoints, file{key, c.src.Files[key], true})
		}
	}
}

// passing makes sure that what is named on the way is there: packs that were added, or
// lived still, and were removed since. Where they have gone, the source's journal is
// folded, so that the way is one step.
func (c *copying) passing(ctx context.Context, p *plan) error {
	start := c.start()
	for _, n := range c.src.Entries {
		key := journal.EntryKey(n)
		if n <= start {
			continue
		}
		f, err := c.entry(ctx, key)
		if err != nil {
			return err
		}
		for _, e := range f.Entries {
			for _, op := range e.Ops {
				if op.Kind != journal.OpRemovePacks {
					continue
				}
				for _, x := range op.Packs {
					key := x.Name.Key()
					if size, ok := c.had[key]; ok && size == x.Size || c.noFold {
						continue
					}
					if size, ok := c.has[key]; !ok || size != x.Size || c.gone[key] != 0 {
						return c.fold(ctx, fmt.Sprintf("pack %s came and went", x.Name))
					}
					p.packs = c.missing(p.packs, key, x.Size, c.had)
				}
			}
		}
	}
	return nil
}

// maxFolds bounds how often one run folds the source's journal.
const maxFolds = 3

// fold folds the source's journal, and has the run begin again.
func (c *copying) fold(ctx context.Context, why string) error {
	if c.noFold {
		return nil
	}
	if c.o.DryRun { // it would be folded
		c.noFold = true
		return errAgain
	}
	err := errors.New("it was folded before")
	if c.o.Fold == nil {
		err = errors.New("the source is not to be written to")
	} else if c.folds++; c.folds <= maxFolds {
		err = c.o.Fold(ctx)
	}
	if err == nil || errors.Is(err, journal.ErrLost) {
		return errAgain
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	c.o.Warn(fmt.Sprintf("until this run has ended, the mirror may lack content of some versions (%s, and the source's journal cannot be folded: %v)", why, err))
	c.noFold = true
	return nil
}

// entry reads a file of entries of the source, and verifies it.
func (c *copying) entry(ctx context.Context, key string) (*journal.EntryFile, error) {
	data, err := c.bytes(ctx, key, journal.MaxEntryFile)
	if err != nil {
		return nil, err
	}
	f, err := journal.CheckEntryFile(key, data)
	return f, damaged(err)
}

// maxKept bounds the files of the journal that are kept from planning to copying.
const maxKept = 32 << 20

// bytes reads a small file of the source.
func (c *copying) bytes(ctx context.Context, key string, most int64) ([]byte, error) {
	if data, ok := c.data[key]; ok {
		return data, nil
	}
	data, err := backend.ReadAll(ctx, c.from, key, most)
	if err != nil {
		return nil, c.vanished(key, damaged(err))
	}
	kept := len(data)
	for _, d := range c.data {
		kept += len(d)
	}
	if kept <= maxKept {
		c.data[key] = data
	}
	return data, nil
}

// vanished takes a file that is not there for lost if it was not there before, and
// nothing has happened since that could have removed it.
func (c *copying) vanished(key string, err error) error {
	if !errors.Is(err, errGone) {
		return err
	}
	if c.gone[key] == c.src.State.Number {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	c.gone[key] = c.src.State.Number
	return err
}
