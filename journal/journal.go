package journal

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/objects"
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
	entries     []backend.Info
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
			l.entries = append(l.entries, i)
		}
	}
	return l, nil
}

func entryNumber(key string) uint64 {
	n, _ := strconv.ParseUint(strings.TrimPrefix(key, prefix+"e"), 16, 64)
	return n
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
		if len(l.checkpoints)+len(l.entries) == 0 {
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
	s := newState()
	if skip < len(l.checkpoints) {
		c, err := j.checkpoint(ctx, l.checkpoints[skip])
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
	entries := l.entries
	for len(entries) > 0 && entryNumber(entries[0].Key) <= s.watermark {
		entries = entries[1:]
	}
	for i, e := range entries {
		if want := s.watermark + 1 + uint64(i); entryNumber(e.Key) != want {
			return nil, fmt.Errorf("journal entry %d: %w", want, ErrMissing)
		}
	}
	if len(entries) == 0 {
		if s.watermark == 0 {
			return nil, fmt.Errorf("journal entry 1: %w", ErrMissing)
		}
		return s, nil
	}
	return j.replay(ctx, s, entries)
}

func (j *Journal) checkpoint(ctx context.Context, generation uint64) (*State, error) {
	b, err := backend.ReadAll(ctx, j.b, checkpointKey(generation), maxCheckpoint)
	if err != nil {
		return nil, fmt.Errorf("reading checkpoint %d: %w", generation, err)
	}
	return decodeCheckpoint(b, generation)
}

// replay applies the tail to s: the newest entry, then the entries whose
// digests cover the rest, back to the watermark.
func (j *Journal) replay(ctx context.Context, s *State, entries []backend.Info) (*State, error) {
	last := entries[len(entries)-1]
	n := entryNumber(last.Key)
	newest, hash, digests, err := j.read(ctx, n)
	if err != nil {
		return nil, err
	}
	digests = append(digests, newest.digest())
	for digests[0].Number > s.watermark+1 {
		at := digests[0].Number - 1
		e, _, more, err := j.read(ctx, at)
		if errors.Is(err, ErrCorrupt) {
			more, err = j.around(ctx, at, n, err)
		} else if err == nil {
			more = append(more, e.digest())
		}
		if err != nil {
			return nil, err
		}
		digests = append(more, digests...)
	}
	for _, d := range digests {
		if d.Number > s.watermark {
			d.Ops = withoutRecords(d.Ops)
			s.apply(d)
		}
	}
	s.Number, s.Hash = n, hash
	return s, nil
}

// around finds the digest of a damaged entry in a later one.
func (j *Journal) around(ctx context.Context, at, last uint64, damage error) ([]Digest, error) {
	for n := at + 1; n <= last; n++ {
		_, _, digests, err := j.read(ctx, n)
		if err != nil {
			continue
		}
		for i, d := range digests {
			if d.Number == at {
				return digests[i : i+1], nil
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

// read reads one entry file.
func (j *Journal) read(ctx context.Context, n uint64) (*Entry, Hash, []Digest, error) {
	b, err := backend.ReadAll(ctx, j.b, entryKey(n), maxEntry)
	if err != nil {
		return nil, Hash{}, nil, fmt.Errorf("reading journal entry %d: %w", n, err)
	}
	return decodeEntry(b, n)
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
	if s.Mirror {
		return nil, ErrMirror
	}
	e := &Entry{Number: s.Number + 1, Prev: s.Hash, Tx: tx, Time: time.Unix(0, at.UnixNano()).UTC(), Ops: ops}
	for i := range ops {
		switch op := &ops[i]; op.Kind {
		case OpCommit:
			op.Target.Entry = e.Number
			if op.Target.Line == 0 {
				op.Target.Line = e.Number
			}
		case OpExpire:
			op.Expiry = expiryOf(e.Number, op.Expired)
		}
	}
	core := e.encodeCore()
	if len(core) > maxCore || len(ops) > maxOps {
		return nil, fmt.Errorf("journal entry of %d bytes and %d operations is too large", len(core), len(ops))
	}
	digests := s.tail
	for len(digests) > 0 && digests[0].Number <= base(e.Number) {
		digests = digests[1:]
	}
	file := encodeEntry(core, digests)
	if len(file) > maxEntry { // a reader would refuse it
		return nil, fmt.Errorf("journal entry of %d bytes is too large: fold the journal", len(file))
	}
	err := j.b.Put(ctx, entryKey(e.Number), file)
	if err = j.settle(ctx, s, e, err); err != nil {
		return nil, err
	}
	next := s.clone()
	d := e.digest()
	d.Ops = withoutRecords(append([]Op(nil), d.Ops...))
	next.apply(d)
	next.Hash = objects.EntryHash(core)
	return next, nil
}

// settle finds out whether the entry that was put counts.
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
		var got *Entry
		got, _, _, rerr = j.read(ctx, e.Number)
		mine = rerr == nil && got.Tx == e.Tx
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
