package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sort"
	"sync"

	"github.com/mstore/mstore/internal/backend"
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
	entries    map[uint64]*Entry            // of the tail
	versions   map[objects.VersionID]Target // of the tail; nil: not looked at
}

// keepBlocks bounds the decoded blocks that are kept, up to 1 MB each.
const keepBlocks = 16

// History opens the history of a snapshot; nothing is read yet.
func (j *Journal) History(s *State) *History {
	h := &History{j: j, s: s, blocks: map[uint64][][]byte{}, entries: map[uint64]*Entry{}}
	for _, e := range s.newest {
		if e.Number > s.watermark {
			h.entries[e.Number] = e
		}
	}
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
		e, err := h.recent(ctx, n)
		if errors.Is(err, backend.ErrNotFound) || errors.Is(err, errAnother) { // folded meanwhile
			return h.moved(ctx, n, err)
		}
		if err != nil {
			return nil, nil, err
		}
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

// errAnother: entries were folded, and a writer that is about to lose took the number
// of their file.
var errAnother = fmt.Errorf("is another than in this snapshot: %w", ErrCorrupt)

// recent reads an entry after the watermark, and those that came in one file with it.
func (h *History) recent(ctx context.Context, n uint64) (*Entry, error) {
	h.mu.Lock()
	e := h.entries[n]
	h.mu.Unlock()
	if e != nil {
		return e, nil
	}
	f, err := h.j.read(ctx, h.s.fileOf(n))
	if err != nil {
		return nil, err
	}
	for _, e := range f.entries {
		if !h.s.holds(e) {
			return nil, errAnother
		}
	}
	if f.last() < n {
		return nil, errAnother
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range f.entries {
		h.entries[e.Number] = e
	}
	return h.entries[n], nil
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
			e, _, err := h.next(ctx, n)
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// next is entry for who reads on in ascending order: files after the watermark are read
// several at once.
func (h *History) next(ctx context.Context, n uint64) (*Entry, []byte, error) {
	if n > h.s.watermark && n < h.s.Number {
		h.readAhead(ctx, n)
	}
	return h.entry(ctx, n)
}

// aheadFiles and aheadEntries bound what is read before it is asked for.
const (
	aheadFiles   = 64
	aheadEntries = MaxBatch
)

// readAhead reads the file that holds entry n, if it was not read yet, and some that
// follow. What goes wrong is told to whoever asks for the entry.
func (h *History) readAhead(ctx context.Context, n uint64) {
	h.mu.Lock()
	have := h.entries[n] != nil
	h.mu.Unlock()
	if have {
		return
	}
	var starts []uint64
	for k := h.s.fileOf(n); k <= h.s.Number && k < n+aheadEntries && len(starts) < aheadFiles; k++ {
		if !h.s.tail[k-h.s.watermark-1].Batched {
			starts = append(starts, k)
		}
	}
	if len(starts) > 1 {
		each(len(starts), func(i int) { _, _ = h.recent(ctx, starts[i]) })
	}
}

// LivePacks lists every pack that was added and not removed, by reading all
// entries: what the index segments say otherwise.
func (h *History) LivePacks(ctx context.Context) ([]pack.Info, error) {
	live, _, err := h.AllPacks(ctx)
	return live, err
}

// AllPacks is LivePacks, and tells which packs were removed.
func (h *History) AllPacks(ctx context.Context) (live []pack.Info, removed map[pack.Name]bool, err error) {
	removed = map[pack.Name]bool{}
	for e, err := range h.Entries(ctx, 0) {
		if err != nil {
			return nil, nil, err
		}
		for _, op := range e.Ops {
			switch op.Kind {
			case OpAddPacks:
				live = append(live, op.Packs...)
			case OpRemovePacks:
				for _, p := range op.Packs {
					removed[p.Name] = true
				}
			}
		}
	}
	return slices.DeleteFunc(live, func(p pack.Info) bool { return removed[p.Name] }), removed, nil
}

// Parents returns the parents of the version at t, the first parent first; none for
// the first version of all.
func (h *History) Parents(ctx context.Context, t Target) ([]Target, error) {
	e, err := h.Entry(ctx, t.Entry)
	if err != nil {
		return nil, err
	}
	op := e.Commit()
	if op == nil {
		return nil, fmt.Errorf("journal entry %d holds no version: %w", t.Entry, ErrCorrupt)
	}
	return op.Parents(), nil
}
