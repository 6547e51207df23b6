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
)

// HealOptions say what is to be healed from where.
type HealOptions struct {
	From, To backend.Backend
	// Store is the ID of the store, if it is known otherwise; it counts when To's journal
	// cannot be read.
	Store *[16]byte
	// Suspect are keys of files that a check has found damaged or missing.
	Suspect []string
	Warn    func(string)
}

// Heal replaces files of To that are damaged or lost by those of From with the same
// keys, each verified: packs, index and archive segments, and if both have the same
// history, entries and checkpoints. A mirror that has newer entries than To has what To
// has lost. It returns the keys that it has written, also when it fails. Errors wrap
// ErrOther when the two are not copies of one store, and ErrDamaged when From cannot be
// read.
func Heal(ctx context.Context, o HealOptions) (done []string, err error) {
	if o.Warn == nil {
		o.Warn = func(string) {}
	}
	h := &healing{o: o, from: journal.New(o.From, journal.Options{}), to: journal.New(o.To, journal.Options{})}
	err = h.run(ctx)
	return h.done, err
}

type healing struct {
	o        HealOptions
	from, to *journal.Journal
	good     *journal.Survey // of From
	bad      *journal.Survey // of To
	same     bool            // one history leads to both
	done     []string
}

func (h *healing) run(ctx context.Context) (err error) {
	if h.good, err = h.from.Survey(ctx); err != nil {
		return damaged(err)
	}
	if h.good.State == nil {
		return damaged(h.good.Err)
	}
	if h.bad, err = h.to.Survey(ctx); err != nil {
		return err
	}
	if err := h.related(ctx); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{h.packs, h.segments, h.journal} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// related demands that both are copies of one store, and finds out whether one history
// leads to both.
func (h *healing) related(ctx context.Context) error {
	there := h.good.State
	other := func(id [16]byte) error { return fmt.Errorf("%w: its ID is %x, not %x", ErrOther, there.Store, id) }
	if here := h.bad.State; here != nil {
		if here.Store != there.Store {
			return other(here.Store)
		}
		common := min(here.Number, there.Number)
		a, err := h.to.History(here).Hash(ctx, common)
		if err != nil {
			h.same = ctx.Err() == nil // it is damaged; what is taken is checked against what is around it
			return ctx.Err()
		}
		b, err := h.from.History(there).Hash(ctx, common)
		h.same = err == nil && a == b
		return ctx.Err()
	}
	for _, c := range h.bad.Checkpoints {
		if c.Store != there.Store {
			return other(c.Store)
		}
		h.same = true
	}
	if h.same {
		return nil
	}
	for _, n := range h.bad.Entries { // some entry that can be read tells
		if n > there.Number {
			break
		}
		x, err := h.entry(ctx, h.o.To, journal.EntryKey(n))
		if err != nil {
			continue
		}
		if hash, err := h.from.History(there).Hash(ctx, x.Last()); err == nil && hash == x.Hash {
			h.same = true
			return nil
		}
		return fmt.Errorf("%w: entry %d is another", ErrOther, n)
	}
	if h.o.Store == nil || *h.o.Store != there.Store {
		return fmt.Errorf("%w, for all that can be seen", ErrOther)
	}
	h.same = true
	return ctx.Err()
}

func (h *healing) entry(ctx context.Context, b backend.Backend, key string) (*journal.EntryFile, error) {
	data, err := backend.ReadAll(ctx, b, key, journal.MaxEntryFile)
	if err != nil {
		return nil, err
	}
	return journal.CheckEntryFile(key, data)
}

func (h *healing) suspect(key string) bool { return slices.Contains(h.o.Suspect, key) }

// take replaces a file by that of From, if that is right.
func (h *healing) take(ctx context.Context, key string, ok check) (bool, error) {
	info, err := h.o.From.Stat(ctx, key)
	if errors.Is(err, backend.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	damage, err := copyFile(ctx, h.o.From, h.o.To, key, info.Size, true, false, ok)
	if errors.Is(err, errGone) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if damage != nil {
		h.o.Warn(fmt.Sprintf("%s is damaged there too: %v", key, damage))
		return false, nil
	}
	h.done = append(h.done, key)
	return true, nil
}

// packs takes packs that were found damaged. Their names are random and never used
// again, so that one of that name which is right is that one.
func (h *healing) packs(ctx context.Context) error {
	st := h.good.State
	shared := pack.NewSet(h.o.From, st.Packs, st.Segments, nil)
	for _, key := range h.o.Suspect {
		name, ok := pack.ParseKey(key)
		if !ok {
			continue
		}
		_, condemned := st.Condemned[name]
		if _, err := h.take(ctx, key, packCheck(st, shared, h.o.To, condemned)); err != nil {
			return err
		}
	}
	return nil
}

// segments takes index and archive segments that the checkpoints of To name, and that
// were found damaged or are lost.
func (h *healing) segments(ctx context.Context) error {
	for _, s := range h.bad.Checkpoints {
		if err := h.segmentsOf(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

func (h *healing) segmentsOf(ctx context.Context, s *journal.State) error {
	for _, g := range s.Segments {
		if err := h.part(ctx, g.Key(), g.Size, segmentCheck(g)); err != nil {
			return err
		}
	}
	for _, a := range s.Archives() {
		if err := h.part(ctx, a.Key, a.Size, archiveCheck(s)); err != nil {
			return err
		}
	}
	return nil
}

// part takes a file that is part of what a checkpoint names.
func (h *healing) part(ctx context.Context, key string, size int64, ok check) error {
	if slices.Contains(h.done, key) {
		return nil
	}
	info, err := h.o.To.Stat(ctx, key)
	if err != nil && !errors.Is(err, backend.ErrNotFound) {
		return err
	}
	if err == nil && info.Size == size && !h.suspect(key) {
		if h.bad.State != nil { // then it was looked at
			return nil
		}
		if err := ok(ctx, h.o.To, key, size); !errors.Is(err, ErrDamaged) {
			return err
		}
	}
	_, err = h.take(ctx, key, ok)
	return err
}

// journal takes entries and checkpoints that are damaged or lost.
func (h *healing) journal(ctx context.Context) error {
	if !h.same {
		return nil
	}
	floor := uint64(0) // entries up to it are in the archive
	newest := uint64(0)
	if len(h.bad.Checkpoints) > 0 {
		floor, newest = h.bad.Checkpoints[0].Watermark(), h.bad.Checkpoints[0].Generation()
	}
	for _, s := range slices.Backward(h.good.Checkpoints) {
		key := s.CheckpointKey()
		_, there := h.bad.Files[key]
		if there && !h.damaged(ctx, key) || !there && s.Generation() <= newest {
			continue
		}
		if !there && !h.lost() {
			continue
		}
		if err := h.segmentsOf(ctx, s); err != nil {
			return err
		}
		if !h.complete(ctx, s) {
			continue
		}
		if _, err := h.take(ctx, key, h.checkpointCheck); err != nil {
			return err
		}
	}
	if now, err := h.to.Survey(ctx); err == nil && len(now.Checkpoints) > 0 {
		floor = now.Checkpoints[0].Watermark()
	}
	for _, n := range h.good.Entries {
		key := journal.EntryKey(n)
		_, there := h.bad.Files[key]
		if there && !h.damaged(ctx, key) || !there && (n <= floor || !h.lost()) {
			continue
		}
		if _, err := h.take(ctx, key, h.entryCheck); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// lost tells whether files that are not there are to be taken: since the journal cannot
// be read, or is behind its mirror, which has nothing that was not here first.
func (h *healing) lost() bool {
	return h.bad.State == nil || h.good.Mirror && h.good.State.Number > h.bad.State.Number
}

// damaged tells whether a small file of To is not what its checksum says.
func (h *healing) damaged(ctx context.Context, key string) bool {
	var err error
	if _, ok := journal.ParseEntryKey(key); ok {
		_, err = h.entry(ctx, h.o.To, key)
	} else {
		var data []byte
		if data, err = backend.ReadAll(ctx, h.o.To, key, journal.MaxCheckpointFile); err == nil {
			_, err = journal.CheckCheckpointFile(key, data)
		}
	}
	return errors.Is(damaged(err), ErrDamaged) || h.suspect(key) && err != nil
}

// complete tells whether To has all that a checkpoint names of the journal.
func (h *healing) complete(ctx context.Context, s *journal.State) bool {
	for _, a := range s.Archives() {
		if info, err := h.o.To.Stat(ctx, a.Key); err != nil || info.Size != a.Size {
			return false
		}
	}
	return true
}

// checkpointCheck demands that a checkpoint says what the entries say.
func (h *healing) checkpointCheck(ctx context.Context, b backend.Backend, key string, _ int64) error {
	data, err := backend.ReadAll(ctx, b, key, journal.MaxCheckpointFile)
	if err != nil {
		return damaged(err)
	}
	s, err := journal.CheckCheckpointFile(key, data)
	if err == nil && s.Store != h.good.State.Store {
		err = fmt.Errorf("it is of another store: %w", ErrDamaged)
	}
	if err == nil {
		err = journal.New(b, journal.Options{}).CheckAgainstEntries(ctx, s)
	}
	return damaged(err)
}

// entryCheck demands that a file of entries stands between those around it.
func (h *healing) entryCheck(ctx context.Context, b backend.Backend, key string, _ int64) error {
	x, err := h.entry(ctx, b, key)
	if err != nil {
		return damaged(err)
	}
	if x.First() > 1 {
		if prev, ok := h.hashOf(ctx, x.First()-1); ok && prev != x.Entries[0].Prev {
			return fmt.Errorf("entry %d does not follow the one before: %w", x.First(), ErrDamaged)
		}
	}
	if next, err := h.entry(ctx, h.o.To, journal.EntryKey(x.Last()+1)); err == nil && next.Entries[0].Prev != x.Hash {
		return fmt.Errorf("entry %d is not followed by the next: %w", x.Last(), ErrDamaged)
	}
	return nil
}

// hashOf finds the hash of an entry of To, if it can be read.
func (h *healing) hashOf(ctx context.Context, n uint64) (hash journal.Hash, ok bool) {
	for _, c := range h.bad.Checkpoints {
		if c.Number == n {
			return c.Hash, true
		}
	}
	if x, err := h.entry(ctx, h.o.To, journal.EntryKey(n)); err == nil && x.Last() == n {
		return x.Hash, true
	}
	return hash, false
}

// IsFile tells whether a key is that of a file that Heal heals.
func IsFile(key string) bool {
	_, isSegment := pack.ParseSegmentKey(key)
	return isSegment || isPack(key) || strings.HasPrefix(key, journal.Prefix)
}
