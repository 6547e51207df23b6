package journal

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/hashindex"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/objects/pack"
)

// History reads entries of one snapshot, wherever they lie, and finds versions
// among them. It may be used concurrently.
type History struct {
	j *Journal
	s *State

	mu         sync.Mutex
	archives   []*archive
	generation uint64              // of the checkpoint that names the archives
	blocks     map[uint64][][]byte // decoded, by first entry
	order      []uint64
	entries    map[uint64]*Entry // of the tail
}

// keepBlocks bounds the decoded blocks that are kept, up to 1 MB each.
const keepBlocks = 16

// History opens the history of a snapshot; nothing is read yet.
func (j *Journal) History(s *State) *History {
	h := &History{j: j, s: s, blocks: map[uint64][][]byte{}, entries: map[uint64]*Entry{}}
	return h
}

// State is the snapshot.
func (h *History) State() *State { return h.s }

// open returns the archive segments, and the generation that has them so.
func (h *History) open(ctx context.Context) ([]*archive, uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.generation == 0 {
		h.openAs(ctx, h.s)
	}
	return h.archives, h.generation
}

// openAs opens the archive segments of a state that follows h.s. What lies
// beyond h's watermark is left out: a block begins there, since every fold
// begins one.
func (h *History) openAs(ctx context.Context, s *State) {
	h.archives, h.generation = nil, s.generation
	for _, a := range s.archive {
		if a.First <= h.s.watermark {
			x := openArchive(ctx, h.j.b, a)
			x.limit = h.s.watermark
			h.archives = append(h.archives, x)
		}
	}
}

// refresh tells whether it is worth while to look again after err, which came
// of the archives of a generation: the segments were merged since, and those of
// now are open.
func (h *History) refresh(ctx context.Context, generation uint64, err error) bool {
	if !errors.Is(err, backend.ErrNotFound) {
		return false
	}
	now, lerr := h.j.Load(ctx)
	h.mu.Lock()
	defer h.mu.Unlock()
	if lerr == nil && now.generation > h.generation {
		h.openAs(ctx, now)
	}
	return h.generation > generation
}

// blocksFrom yields the blocks of the archive, newest first, down to the
// segment that holds entry n.
func (h *History) blocksFrom(ctx context.Context, n uint64) iter.Seq2[*block, error] {
	return func(yield func(*block, error) bool) {
		below := h.s.watermark + 1 // what was not yielded yet
	again:
		archives, generation := h.open(ctx)
		for i := len(archives) - 1; i >= 0 && archives[i].Last >= n; i-- {
			if archives[i].First >= below {
				continue
			}
			blocks, err := archives[i].directory(ctx)
			if h.refresh(ctx, generation, err) {
				goto again
			}
			if err != nil {
				yield(nil, err)
				return
			}
			for k := len(blocks) - 1; k >= 0; k-- {
				if blocks[k].First >= below {
					continue
				}
				below = blocks[k].First
				if !yield(&blocks[k], nil) {
					return
				}
			}
		}
	}
}

// Entry reads one entry. Errors wrap ErrNotFound for a number beyond the
// snapshot, ErrCorrupt, or are those of the backend.
func (h *History) Entry(ctx context.Context, n uint64) (*Entry, error) {
	e, _, err := h.entry(ctx, n)
	return e, err
}

// Hash returns the hash of an entry.
func (h *History) Hash(ctx context.Context, n uint64) (Hash, error) {
	if n == h.s.Number {
		return h.s.Hash, nil
	}
	_, core, err := h.entry(ctx, n)
	if err != nil {
		return Hash{}, err
	}
	return objects.EntryHash(core), nil
}

func (h *History) entry(ctx context.Context, n uint64) (*Entry, []byte, error) {
	if n == 0 || n > h.s.Number {
		return nil, nil, fmt.Errorf("journal entry %d: %w", n, ErrNotFound)
	}
	if n > h.s.watermark {
		h.mu.Lock()
		e := h.entries[n]
		h.mu.Unlock()
		if e != nil {
			return e, e.encodeCore(), nil
		}
		e, _, _, err := h.j.read(ctx, n)
		if errors.Is(err, backend.ErrNotFound) { // folded meanwhile
			return h.moved(ctx, n, err)
		}
		if err != nil {
			return nil, nil, err
		}
		if !h.s.holds(e) { // folded meanwhile, and a writer that is about to lose took its number
			return h.moved(ctx, n, fmt.Errorf("is another than in this snapshot: %w", ErrCorrupt))
		}
		h.mu.Lock()
		h.entries[n] = e
		h.mu.Unlock()
		return e, e.encodeCore(), nil
	}
	cores, first, err := h.block(ctx, n)
	if errors.Is(err, backend.ErrNotFound) {
		err = fmt.Errorf("journal entry %d: %w: %w", n, ErrMissing, err)
	}
	if err != nil {
		return nil, nil, err
	}
	core := cores[n-first]
	e, err := decodeCore(core)
	if err == nil && e.Number != n {
		err = fmt.Errorf("is entry %d: %w", e.Number, ErrCorrupt)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("journal entry %d: %w", n, err)
	}
	return e, core, nil
}

// holds tells whether an entry of the tail does what the snapshot says of its
// number.
func (s *State) holds(e *Entry) bool {
	i := e.Number - s.watermark - 1
	return i < uint64(len(s.tail)) && bytes.Equal(digestBytes(e.digest()), digestBytes(s.tail[i]))
}

// moved reads an entry that another process has moved since the snapshot.
func (h *History) moved(ctx context.Context, n uint64, gone error) (*Entry, []byte, error) {
	now, err := h.j.Load(ctx)
	if err != nil {
		return nil, nil, err
	}
	if now.generation == h.s.generation {
		return nil, nil, fmt.Errorf("journal entry %d: %w: %w", n, ErrMissing, gone)
	}
	return h.j.History(now).entry(ctx, n)
}

// block returns the cores of the archive block that holds entry n.
func (h *History) block(ctx context.Context, n uint64) (cores [][]byte, first uint64, err error) {
	for {
		archives, generation := h.open(ctx)
		cores, first, err = h.blockIn(ctx, archives, n)
		if err == nil {
			return cores, first, nil
		}
		if !h.refresh(ctx, generation, err) {
			return nil, 0, err
		}
	}
}

func (h *History) blockIn(ctx context.Context, archives []*archive, n uint64) (cores [][]byte, first uint64, err error) {
	i := sort.Search(len(archives), func(i int) bool { return archives[i].Last >= n })
	blocks, err := archives[i].directory(ctx)
	if err != nil {
		return nil, 0, err
	}
	k := sort.Search(len(blocks), func(k int) bool { return blocks[k].First > n }) - 1
	first = blocks[k].First
	h.mu.Lock()
	cores = h.blocks[first]
	h.mu.Unlock()
	if cores != nil {
		return cores, first, nil
	}
	if cores, err = archives[i].cores(ctx, &blocks[k]); err != nil {
		return nil, 0, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.order) >= keepBlocks {
		delete(h.blocks, h.order[0])
		h.order = h.order[1:]
	}
	h.blocks[first] = cores
	h.order = append(h.order, first)
	return cores, first, nil
}

// Entries yields the entries after n in ascending order.
func (h *History) Entries(ctx context.Context, n uint64) iter.Seq2[*Entry, error] {
	return func(yield func(*Entry, error) bool) {
		for n++; n <= h.s.Number; n++ {
			e, err := h.Entry(ctx, n)
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// LivePacks lists every pack that was added and not removed, by reading all
// entries: what the index segments say otherwise.
func (h *History) LivePacks(ctx context.Context) ([]pack.Info, error) {
	live := map[pack.Name]bool{}
	var packs []pack.Info
	for e, err := range h.Entries(ctx, 0) {
		if err != nil {
			return nil, err
		}
		for _, op := range e.Ops {
			switch op.Kind {
			case OpAddPacks:
				for _, p := range op.Packs {
					live[p.Name] = true
				}
				packs = append(packs, op.Packs...)
			case OpRemovePacks:
				for _, p := range op.Packs {
					delete(live, p.Name)
				}
			}
		}
	}
	return slices.DeleteFunc(packs, func(p pack.Info) bool { return !live[p.Name] }), nil
}

// Parent returns the first parent of the version at t: false for the first
// version of all.
func (h *History) Parent(ctx context.Context, t Target) (Target, bool, error) {
	e, err := h.Entry(ctx, t.Entry)
	if err != nil {
		return Target{}, false, err
	}
	op := e.Commit()
	if op == nil {
		return Target{}, false, fmt.Errorf("journal entry %d holds no version: %w", t.Entry, ErrCorrupt)
	}
	return op.Parent, op.Parent.Entry != 0, nil
}

// FindSeq returns the first-parent ancestor of t (or t itself) with that
// sequence number.
func (h *History) FindSeq(ctx context.Context, t Target, seq uint64) (Target, error) {
	for {
		if seq == t.Seq {
			return t, nil
		}
		if seq > t.Seq || seq == 0 {
			return Target{}, ErrNotFound
		}
		found, ok, err := h.onLine(ctx, t.Line, seq)
		if ok || err != nil {
			return found, err
		}
		// The line begins later: go on from where it forked off.
		start, err := h.Entry(ctx, t.Line)
		if err != nil {
			return Target{}, err
		}
		op := start.Commit()
		if op == nil {
			return Target{}, fmt.Errorf("line %d: %w", t.Line, ErrCorrupt)
		}
		if op.Target.Seq <= seq {
			return Target{}, fmt.Errorf("line %d lacks version %d: %w", t.Line, seq, ErrCorrupt)
		}
		if op.Parent.Entry == 0 {
			return Target{}, ErrNotFound
		}
		t = op.Parent
	}
}

// onLine finds a version by its place on a line.
func (h *History) onLine(ctx context.Context, line, seq uint64) (Target, bool, error) {
	for i := len(h.s.tail) - 1; i >= 0; i-- {
		for _, op := range h.s.tail[i].Ops {
			if op.Kind == OpCommit && op.Target.Line == line && op.Target.Seq == seq {
				return op.Target, true, nil
			}
		}
	}
	for b, err := range h.blocksFrom(ctx, line) {
		if err != nil {
			return Target{}, false, err
		}
		for _, span := range b.Lines {
			if span.Line != line || seq < span.First || seq > span.Last {
				continue
			}
			for n := b.First; n < b.First+uint64(b.Count); n++ {
				e, err := h.Entry(ctx, n)
				if err != nil {
					return Target{}, false, err
				}
				if op := e.Commit(); op != nil && op.Target.Line == line && op.Target.Seq == seq {
					return op.Target, true, nil
				}
			}
		}
	}
	return Target{}, false, nil
}

// FindID returns the versions whose ID begins with a prefix of hex digits, at
// most limit of them.
func (h *History) FindID(ctx context.Context, hexPrefix string, limit int) ([]Target, error) {
	var want objects.VersionID
	padded := hexPrefix
	if len(padded)%2 == 1 {
		padded += "0"
	}
	raw, err := hex.DecodeString(padded)
	if err != nil || len(raw) > len(want) {
		return nil, fmt.Errorf("%q: %w", hexPrefix, objects.ErrBadID)
	}
	copy(want[:], raw)
	for {
		archives, generation := h.open(ctx)
		out, err := h.findID(ctx, archives, want, hexPrefix, limit)
		if err == nil || !h.refresh(ctx, generation, err) {
			return out, err
		}
	}
}

func (h *History) findID(ctx context.Context, archives []*archive, want objects.VersionID, hexPrefix string, limit int) ([]Target, error) {
	var out []Target
	for i := range h.s.tail {
		for _, op := range h.s.tail[i].Ops {
			if op.Kind == OpCommit && len(out) < limit && op.Target.ID.String()[:len(hexPrefix)] == hexPrefix {
				out = append(out, op.Target)
			}
		}
	}
	for _, a := range archives {
		var rows []idRow
		err := a.ids.Prefix(want[:], 4*len(hexPrefix), func(b []byte) bool {
			if r := parseIDRow(b); r.Entry <= a.limit {
				rows = append(rows, r)
			}
			return len(out)+len(rows) < limit
		})
		if errors.Is(err, backend.ErrNotFound) {
			return nil, a.fail(fmt.Errorf("%w: %w", ErrMissing, err))
		}
		if errors.Is(err, hashindex.ErrCorrupt) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = fmt.Errorf("%w: %w", ErrCorrupt, err)
		}
		if err != nil {
			return nil, a.fail(err)
		}
		for _, r := range rows {
			if len(out) >= limit {
				break
			}
			e, err := h.Entry(ctx, r.Entry)
			if err != nil {
				return nil, err
			}
			op := e.Commit()
			if op == nil || op.Target.ID != r.ID {
				return nil, a.fail(fmt.Errorf("version %s: %w", r.ID, ErrCorrupt))
			}
			out = append(out, op.Target)
		}
	}
	return out, nil
}

// Move is one step of a name's reflog.
type Move struct {
	Entry  uint64
	Time   time.Time
	To     Target // zero: deleted
	Kind   NameKind
	Reason string
}

// Moves yields the reflog of a name, newest first. Blocks of the archive in
// which it did not move are not read.
func (h *History) Moves(ctx context.Context, name string) iter.Seq2[Move, error] {
	return func(yield func(Move, error) bool) {
		for i := len(h.s.tail) - 1; i >= 0; i-- {
			d := &h.s.tail[i]
			for k := len(d.Ops) - 1; k >= 0; k-- {
				if m, ok := moveOf(d.Number, d.Time, &d.Ops[k], name); ok && !yield(m, nil) {
					return
				}
			}
		}
		for b, err := range h.blocksFrom(ctx, 1) {
			if err != nil {
				yield(Move{}, err)
				return
			}
			if !h.movesIn(ctx, b, name, yield) {
				return
			}
		}
	}
}

func (h *History) movesIn(ctx context.Context, b *block, name string, yield func(Move, error) bool) bool {
	left := uint64(0)
	for _, m := range b.Moves {
		if m.Name == name {
			left = m.Count
		}
	}
	for n := b.First + uint64(b.Count) - 1; left > 0 && n >= b.First; n-- {
		e, err := h.Entry(ctx, n)
		if err != nil {
			yield(Move{}, err)
			return false
		}
		for k := len(e.Ops) - 1; k >= 0; k-- {
			if m, ok := moveOf(e.Number, e.Time, &e.Ops[k], name); ok {
				left--
				if !yield(m, nil) {
					return false
				}
			}
		}
	}
	return true
}

func moveOf(n uint64, t time.Time, op *Op, name string) (Move, bool) {
	if op.Name != name {
		return Move{}, false
	}
	switch op.Kind {
	case OpCommit:
		return Move{Entry: n, Time: t, To: op.Target, Kind: op.NameKind, Reason: "commit"}, true
	case OpSetName:
		return Move{Entry: n, Time: t, To: op.Target, Kind: op.NameKind, Reason: op.Reason}, true
	case OpDeleteName:
		return Move{Entry: n, Time: t, Kind: op.NameKind, Reason: op.Reason}, true
	}
	return Move{}, false
}

// MoveCount skips count moves of a name and returns the next: the N of
// NAME@{N}. Whole blocks are skipped by their counts.
func (h *History) MoveCount(ctx context.Context, name string, count uint64) (Move, error) {
	for i := len(h.s.tail) - 1; i >= 0; i-- {
		d := &h.s.tail[i]
		for k := len(d.Ops) - 1; k >= 0; k-- {
			if m, ok := moveOf(d.Number, d.Time, &d.Ops[k], name); ok {
				if count == 0 {
					return m, nil
				}
				count--
			}
		}
	}
	for b, err := range h.blocksFrom(ctx, 1) {
		if err != nil {
			return Move{}, err
		}
		for _, m := range b.Moves {
			if m.Name != name {
				continue
			}
			if count >= m.Count {
				count -= m.Count
				continue
			}
			var found Move
			var ferr error
			h.movesIn(ctx, b, name, func(m Move, err error) bool {
				found, ferr = m, err
				count--
				return err == nil && count != ^uint64(0)
			})
			return found, ferr
		}
	}
	return Move{}, ErrNotFound
}

// MoveAt returns the last move of a name at or before a time: where NAME@{TIME}
// points. Times are taken to ascend with entry numbers.
func (h *History) MoveAt(ctx context.Context, name string, t time.Time) (Move, error) {
	for i := len(h.s.tail) - 1; i >= 0; i-- {
		d := &h.s.tail[i]
		for k := len(d.Ops) - 1; k >= 0; k-- {
			if m, ok := moveOf(d.Number, d.Time, &d.Ops[k], name); ok && !m.Time.After(t) {
				return m, nil
			}
		}
	}
	for b, err := range h.blocksFrom(ctx, 1) {
		if err != nil {
			return Move{}, err
		}
		if b.Time.After(t) {
			continue
		}
		var found *Move
		var ferr error
		h.movesIn(ctx, b, name, func(m Move, err error) bool {
			if err != nil {
				ferr = err
			} else if !m.Time.After(t) {
				found = &m
			}
			return ferr == nil && found == nil
		})
		if ferr != nil {
			return Move{}, ferr
		}
		if found != nil {
			return *found, nil
		}
	}
	return Move{}, ErrNotFound
}
