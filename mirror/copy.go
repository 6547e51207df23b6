package mirror

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects/pack"
)

// workers is how many large files are copied at once.
const workers = 4

// files copies large files, those that are damaged at the source left out.
func (c *copying) files(ctx context.Context, list []file, of func(key string) check) error {
	if len(list) == 0 {
		return nil
	}
	total := c.done
	for _, f := range list {
		total += f.size
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var mu sync.Mutex
	var wg sync.WaitGroup
	next := 0
	for range min(workers, len(list)) {
		wg.Go(func() {
			for ctx.Err() == nil {
				mu.Lock()
				if next == len(list) {
					mu.Unlock()
					return
				}
				f := list[next]
				next++
				mu.Unlock()
				damage, err := copyFile(ctx, c.from, c.to, f.key, f.size, f.replace, c.o.Lax, of(f.key))
				mu.Lock()
				err = c.arrived(f, damage, err)
				c.o.Progress(c.done, total)
				mu.Unlock()
				if err != nil {
					cancel(err)
				}
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// arrived notes how copying a file went. Another run may have been faster.
func (c *copying) arrived(f file, damage, err error) error {
	if errors.Is(err, backend.ErrExists) {
		err = nil
	} else if err == nil && (damage == nil || c.o.Lax) {
		c.count(f.key, f.size)
	}
	if err = c.vanished(f.key, err); errors.Is(err, ErrDamaged) {
		damage, err = err, nil
	}
	c.done += f.size
	if damage != nil {
		c.bad[f.key] = damage
	} else if err == nil {
		delete(c.bad, f.key)
	}
	return err
}

// packOf checks packs: those that are condemned, which nobody reads, for damage only.
func (c *copying) packOf(key string) check {
	name, _ := pack.ParseKey(key)
	_, condemned := c.src.State.Condemned[name]
	shared := pack.NewSet(c.from, c.src.State.Packs, c.src.State.Segments, nil)
	return packCheck(c.src.State, shared, c.to, condemned)
}

func (c *copying) segmentOf(key string) check {
	for _, s := range append([]*journal.State{c.src.State}, c.src.Checkpoints...) {
		for _, g := range s.Segments {
			if g.Key() == key {
				return segmentCheck(g)
			}
		}
	}
	return nil
}

func (c *copying) archiveOf(key string) check {
	for _, s := range append([]*journal.State{c.src.State}, c.src.Checkpoints...) {
		if slices.ContainsFunc(s.Archives(), func(i backend.Info) bool { return i.Key == key }) {
			return archiveCheck(s)
		}
	}
	return nil
}

// journal takes the target to the source's newest state: by its checkpoint, then entry
// by entry.
func (c *copying) journal(ctx context.Context, p *plan) error {
	if err := c.format(ctx); err != nil {
		return err
	}
	for _, f := range p.checkpoints {
		if err := c.checkpoint(ctx, f); err != nil {
			return err
		}
	}
	st := c.src.State
	known := map[uint64]journal.Hash{st.Number: st.Hash}
	if !c.fresh {
		known[c.dst.State.Number] = c.dst.State.Hash
	}
	for _, s := range c.src.Checkpoints {
		known[s.Number] = s.Hash
	}
	for _, f := range p.entries {
		if err := c.entries(ctx, f, known); err != nil {
			return err
		}
	}
	return nil
}

// entries copies one file of entries, if it follows what is there.
func (c *copying) entries(ctx context.Context, f file, known map[uint64]journal.Hash) error {
	x, err := c.entry(ctx, f.key)
	if err != nil {
		return c.journalDamage(f, err)
	}
	before, ok := known[x.First()-1]
	if ok && x.Entries[0].Prev != before {
		return c.journalDamage(f, fmt.Errorf("entry %d does not follow the one before: %w", x.First(), ErrDamaged))
	}
	if after, ok := known[x.Last()]; ok && after != x.Hash {
		return c.journalDamage(f, fmt.Errorf("hash of entry %d: %w", x.Last(), ErrDamaged))
	}
	if !ok && x.First() > c.start() && x.First() > 1 {
		return fmt.Errorf("entry %d is not known to follow the one before: %w", x.First(), errAgain)
	}
	known[x.Last()] = x.Hash
	data, err := c.bytes(ctx, f.key, journal.MaxEntryFile)
	if err != nil {
		return err
	}
	return c.put(ctx, f, data)
}

// journalDamage is damage of a file of the journal, which ends the run: the target stays
// where it is.
func (c *copying) journalDamage(f file, err error) error {
	if errors.Is(err, ErrDamaged) {
		c.bad[f.key] = err
		return c.broken()
	}
	return err
}

func (c *copying) checkpoint(ctx context.Context, f file) error {
	data, err := c.bytes(ctx, f.key, journal.MaxCheckpointFile)
	if err != nil {
		return err
	}
	s, err := journal.CheckCheckpointFile(f.key, data)
	if err == nil && s.Store != c.src.State.Store {
		err = fmt.Errorf("it is of another store: %w", ErrDamaged)
	}
	if err != nil {
		return c.journalDamage(f, damaged(err))
	}
	return c.put(ctx, f, data)
}

// put writes a small file. One that another run has written meanwhile is the same, or
// else the target has written its own.
func (c *copying) put(ctx context.Context, f file, data []byte) error {
	if f.replace {
		w, err := c.to.Replace(ctx, f.key)
		if err != nil {
			return err
		}
		if _, err := w.Write(data); err != nil {
			return errors.Join(err, w.Abort())
		}
		if err := w.Commit(); err != nil {
			return err
		}
		c.count(f.key, int64(len(data)))
		return nil
	}
	err := c.to.Put(ctx, f.key, data)
	if err == nil {
		c.count(f.key, int64(len(data)))
		return nil
	}
	if !errors.Is(err, backend.ErrExists) {
		return err
	}
	got, err := backend.ReadAll(ctx, c.to, f.key, max(journal.MaxEntryFile, journal.MaxCheckpointFile))
	switch {
	case errors.Is(err, backend.ErrNotFound): // and removed it, since it is folded
		return errAgain
	case err != nil:
		return err
	case !bytes.Equal(got, data):
		return fmt.Errorf("%w: %q is another", ErrDiverged, f.key)
	}
	return nil
}

// format copies the line that says which format the store has.
func (c *copying) format(ctx context.Context) error {
	const key = "format"
	if _, err := c.to.Stat(ctx, key); !errors.Is(err, backend.ErrNotFound) {
		return err
	}
	data, err := backend.ReadAll(ctx, c.from, key, 1<<10)
	if errors.Is(err, backend.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return c.put(ctx, file{key: key}, data)
}

// confirm reads the target as anybody would.
func (c *copying) confirm(ctx context.Context) (*journal.Survey, error) {
	now, err := c.tj.Survey(ctx)
	if err == nil && now.State == nil {
		err = now.Err
	}
	if err != nil {
		return nil, fmt.Errorf("reading the mirror back: %w", &targetError{damaged(err)})
	}
	st := c.src.State
	if now.State.Store != st.Store || now.State.Number < st.Number || now.State.Number == st.Number && now.State.Hash != st.Hash {
		return nil, fmt.Errorf("the mirror is at entry %d after it was brought to %d: %w", now.State.Number, st.Number, &targetError{ErrDamaged})
	}
	return now, nil
}

// parity copies parity files. They are an addition: one that is damaged or has gone is
// left out.
func (c *copying) parity(ctx context.Context, list []file) error {
	for _, f := range list {
		damage, err := copyFile(ctx, c.from, c.to, f.key, f.size, f.replace, false, parityCheck)
		switch {
		case errors.Is(err, errGone) || errors.Is(err, backend.ErrExists):
		case err != nil:
			return err
		case damage != nil:
			c.o.Warn(fmt.Sprintf("parity file %s is damaged, and not copied (mstore fsck --repair makes it anew): %v", f.key, damage))
		default:
			c.count(f.key, f.size)
		}
	}
	return nil
}
