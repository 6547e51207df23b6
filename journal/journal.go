package journal

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/mstore/mstore/internal/backend"
)

// FoldEvery is how many entries may follow a checkpoint before the next is
// due.
const FoldEvery = 128

// Options are the settings of a Journal; zero values are replaced.
type Options struct {
	Clock func() time.Time
	Rand  io.Reader
}

// Journal reads and appends to the journal of the store that lies in a
// backend. It may be used concurrently.
type Journal struct {
	b     backend.Backend
	clock func() time.Time
	rand  io.Reader
}

// New does not touch the backend.
func New(b backend.Backend, o Options) *Journal {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	return &Journal{b: b, clock: o.Clock, rand: o.Rand}
}

func (j *Journal) random(p []byte) error {
	if _, err := io.ReadFull(j.rand, p); err != nil {
		return fmt.Errorf("reading random bytes: %w", err)
	}
	return nil
}

// Init makes entry 1. ErrLost: there is a store already.
func (j *Journal) Init(ctx context.Context) (*State, error) {
	op := Op{Kind: OpInit}
	if err := j.random(op.Store[:]); err != nil {
		return nil, err
	}
	s := newState()
	return j.Append(ctx, s, []Op{op}, time.Time{})
}

// listing is what a reader learns from one listing.
type listing struct {
	files       []backend.Info // all of them
	mirror      bool
	checkpoints []uint64 // generations, newest first
	keys        []uint64 // of entry files: the numbers of their first entries, ascending
}

func (j *Journal) list(ctx context.Context) (l listing, err error) {
	infos, err := j.b.List(ctx, prefix, "", 0)
	if err != nil {
		return l, fmt.Errorf("listing the journal: %w", err)
	}
	l.files = infos
	for _, i := range infos {
		l.mirror = l.mirror || i.Key == MirrorKey
		name := strings.TrimPrefix(i.Key, prefix)
		if len(name) != 17 {
			continue
		}
		n, err := strconv.ParseUint(name[1:], 16, 64)
		if err != nil {
			continue
		}
		switch name[0] {
		case 'c':
			l.checkpoints = append(l.checkpoints, ^n)
		case 'e':
			l.keys = append(l.keys, n)
		}
	}
	return l, nil
}

// Load returns the newest snapshot. Files that vanish under it, because others
// fold, make it start again. Errors wrap ErrNotStore, ErrCorrupt, ErrMissing,
// ErrFormat, or are those of the backend.
func (j *Journal) Load(ctx context.Context) (*State, error) {
	var err error
	for range 8 {
		var l listing
		if l, err = j.list(ctx); err != nil {
			return nil, err
		}
		if len(l.checkpoints)+len(l.keys) == 0 {
			return nil, ErrNotStore
		}
		var s *State
		if s, err = j.load(ctx, l, 0); err == nil {
			s.Mirror = l.mirror
			return s, nil
		}
		if !errors.Is(err, backend.ErrNotFound) && !errors.Is(err, ErrMissing) {
			break
		}
	}
	if errors.Is(err, backend.ErrNotFound) {
		err = fmt.Errorf("%w: %w", ErrMissing, err)
	}
	return nil, err
}

// load builds the state from the listed checkpoint number skip; when that one
// is damaged, from the one before it, whose entries are kept for that.
func (j *Journal) load(ctx context.Context, l listing, skip int) (*State, error) {
	keys := l.keys
	newest := j.ahead(ctx, keys)
	s := newState()
	if skip < len(l.checkpoints) {
		c, err := j.checkpoint(ctx, l.checkpoints[skip])
		newest.wait()
		if errors.Is(err, ErrCorrupt) {
			if older, oerr := j.load(ctx, l, skip+1); oerr == nil {
				older.generation = l.checkpoints[skip] // the next fold comes after it
				return older, nil
			}
		}
		if err != nil {
			return nil, err
		}
		s = c
	}
	for len(keys) > 0 && keys[0] <= s.watermark {
		keys = keys[1:]
	}
	if len(keys) == 0 {
		if s.watermark == 0 {
			return nil, missing(1)
		}
		return s, nil
	}
	return j.replay(ctx, s, keys, newest)
}

// reading is an entry file that is being read.
type reading struct {
	done chan struct{}
	f    *file
	err  error
}

// ahead begins to read the newest file while the checkpoint is read: it is needed
// unless nothing follows the checkpoint.
func (j *Journal) ahead(ctx context.Context, keys []uint64) *reading {
	r := &reading{done: make(chan struct{})}
	if len(keys) == 0 {
		close(r.done)
		return r
	}
	go func() {
		defer close(r.done)
		r.f, r.err = j.read(ctx, keys[len(keys)-1])
	}()
	return r
}

func (r *reading) wait() (*file, error) { <-r.done; return r.f, r.err }

func missing(n uint64) error { return fmt.Errorf("journal entry %d: %w", n, ErrMissing) }

func (j *Journal) checkpoint(ctx context.Context, generation uint64) (*State, error) {
	b, err := backend.ReadAll(ctx, j.b, checkpointKey(generation), maxCheckpoint)
	if err != nil {
		return nil, fmt.Errorf("reading checkpoint %d: %w", generation, err)
	}
	return decodeCheckpoint(b, generation)
}

// replay applies the tail to s: the newest file, then the files whose digests cover
// the rest, back to the watermark. keys are the files after the watermark, ascending.
func (j *Journal) replay(ctx context.Context, s *State, keys []uint64, newest *reading) (*State, error) {
	f, err := newest.wait()
	if err != nil {
		return nil, err
	}
	digests := f.all()
	for digests[0].Number > s.watermark+1 {
		more, err := j.before(ctx, keys, digests[0].Number-1)
		if err != nil {
			return nil, err
		}
		digests = append(more, digests...)
	}
	for len(digests) > 0 && digests[0].Number <= s.watermark {
		digests = digests[1:]
	}
	if err := complain(keys, digests); err != nil {
		return nil, err
	}
	for _, d := range digests {
		d.Ops = withoutRecords(slices.Clone(d.Ops))
		s.apply(d)
	}
	s.Hash, s.newest = f.hash(), f.entries
	return s, nil
}

// before returns digests that end with entry at: those of the file that holds it, which
// is the one with the largest number that is not beyond.
func (j *Journal) before(ctx context.Context, keys []uint64, at uint64) ([]Digest, error) {
	i := sort.Search(len(keys), func(i int) bool { return keys[i] > at }) - 1
	if i < 0 {
		return nil, missing(at)
	}
	f, err := j.read(ctx, keys[i])
	if errors.Is(err, ErrCorrupt) {
		return j.around(ctx, keys[i+1:], at, err)
	}
	if err != nil {
		return nil, err
	}
	if f.last() < at {
		return nil, missing(f.last() + 1)
	}
	all := f.all()
	return all[:uint64(len(all))-(f.last()-at)], nil
}

// complain demands that the files that are listed are those in which the entries of
// the digests came. What it misses may have been folded away, or is lost.
func complain(keys []uint64, digests []Digest) error {
	for _, d := range digests {
		if d.Batched {
			continue
		}
		if len(keys) == 0 || keys[0] > d.Number {
			return missing(d.Number)
		}
		if keys[0] < d.Number {
			return fmt.Errorf("journal entry %d lies inside another file: %w", keys[0], ErrCorrupt)
		}
		keys = keys[1:]
	}
	return nil
}

// around finds what a later file repeats of a damaged one, up to entry at.
func (j *Journal) around(ctx context.Context, later []uint64, at uint64, damage error) ([]Digest, error) {
	for _, key := range later {
		f, err := j.read(ctx, key)
		if err != nil {
			continue
		}
		for i, d := range f.digests {
			if d.Number == at {
				return f.digests[:i+1], nil
			}
		}
	}
	return nil, damage
}

func withoutRecords(ops []Op) []Op {
	for i := range ops {
		ops[i].Record, ops[i].Expired = nil, nil
	}
	return ops
}

// read reads the entry file that begins with entry n.
func (j *Journal) read(ctx context.Context, n uint64) (*file, error) {
	b, err := backend.ReadAll(ctx, j.b, entryKey(n), maxEntry)
	if err != nil {
		return nil, fmt.Errorf("reading journal entry %d: %w", n, err)
	}
	return decodeFile(b, n)
}

// Append creates the next entry after s and returns the state that follows.
// When another writer has that number the error is ErrLost and nothing was
// changed: Load, and try again. ErrMirror: nothing is appended to a mirror. An error that wraps backend.ErrUnknown means
// that the entry may be there or not. The entry's time is at, or now when at is
// zero. ops are completed with the entry's number and not kept.
func (j *Journal) Append(ctx context.Context, s *State, ops []Op, at time.Time) (*State, error) {
	if at.IsZero() {
		at = j.clock()
	}
	tx, err := j.NewTx()
	if err != nil {
		return nil, err
	}
	return j.AppendAs(ctx, s, ops, at, tx)
}

// NewTx returns a random number for AppendAs.
func (j *Journal) NewTx() (tx [16]byte, err error) {
	err = j.random(tx[:])
	return tx, err
}

// AppendAs is Append with a transaction number that the caller has chosen, and a
// time, which must not be zero. No two attempts may have the same number.
func (j *Journal) AppendAs(ctx context.Context, s *State, ops []Op, at time.Time, tx [16]byte) (*State, error) {
	return j.AppendAll(ctx, s, []Draft{{Ops: ops, Time: at, Tx: tx}})
}

// settle finds out whether the file that was put counts, of which e is the first entry.
func (j *Journal) settle(ctx context.Context, s *State, e *Entry, put error) error {
	unknown := func(err error) error {
		return fmt.Errorf("journal entry %d: %w: %w", e.Number, backend.ErrUnknown, err)
	}
	mine := put == nil
	var rerr error
	switch {
	case put == nil:
	case errors.Is(put, backend.ErrExists), errors.Is(put, backend.ErrUnknown):
		// A repeated request may have met its own success: read it back.
		var got *file
		got, rerr = j.read(ctx, e.Number)
		mine = rerr == nil && got.entries[0].Tx == e.Tx
		if mine && errors.Is(put, backend.ErrUnknown) { // there, but perhaps not durably
			return unknown(put)
		}
		if rerr != nil && !errors.Is(rerr, backend.ErrNotFound) && !errors.Is(rerr, ErrCorrupt) {
			return unknown(rerr)
		}
	default:
		return fmt.Errorf("writing journal entry %d: %w", e.Number, put)
	}
	archived, err := j.archived(ctx, s, e.Number)
	switch {
	case err != nil:
		return unknown(err)
	case archived != nil && archived.Tx == e.Tx:
		return nil
	case archived == nil && mine:
		return nil
	case archived == nil && rerr != nil && errors.Is(put, backend.ErrUnknown):
		return unknown(put)
	}
	if mine {
		_ = j.b.Delete(ctx, entryKey(e.Number)) // readers pass over it in any case
	}
	return ErrLost
}

// archived applies the watermark rule after entry n was created on s: it
// returns the entry that has the number by a checkpoint newer than s, or nil
// when the number lies above every watermark.
func (j *Journal) archived(ctx context.Context, s *State, n uint64) (*Entry, error) {
	newest, err := j.b.List(ctx, prefix+"c", "", 1)
	if err != nil {
		return nil, err
	}
	if len(newest) == 0 || newest[0].Key >= checkpointKey(s.generation) {
		return nil, nil
	}
	now, err := j.Load(ctx)
	if err != nil || n > now.watermark {
		return nil, err
	}
	return j.History(now).Entry(ctx, n)
}
