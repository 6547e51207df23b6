package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mstore/mstore/objects"
)

// MaxBatch is how many entries are written at once at most.
const MaxBatch = 1024

// maxBatchBytes bounds the cores of a batch, so that its file is sent in one request
// and readers hold it easily. An entry that is larger goes alone.
const maxBatchBytes = 8 << 20

// ErrTooLarge: the entries do not fit into one file. Nothing was changed.
var ErrTooLarge = errors.New("too large for one write to the journal")

// Draft is an entry to be.
type Draft struct {
	Ops  []Op
	Time time.Time // must not be zero
	Tx   [16]byte  // see NewTx
}

// Batch is a run of entries that are to follow a state in one step. It is not safe
// for concurrent use.
type Batch struct {
	on   *State // that it follows
	next *State
	file file
	size int // bytes of the cores
}

// NewBatch begins a batch that follows s, which it does not change.
func NewBatch(s *State) *Batch {
	return &Batch{on: s, next: s.clone()}
}

// Len is the number of entries.
func (b *Batch) Len() int { return len(b.file.entries) }

// State is what the store will be like when the batch is written: where names are, and
// which number comes next (State().Number + 1). It changes with the next Add and is
// for building that alone.
func (b *Batch) State() *State { return b.next }

// Add appends an entry. Its operations are completed with its number (Target.Entry of a
// commit, and Target.Line where that is 0) and must not be changed before the batch is
// written. When there is no room for it any more the error is ErrTooLarge and the batch
// is as it was; the first entry is refused only if it can never be written.
func (b *Batch) Add(d Draft) error {
	e := &Entry{Number: b.next.Number + 1, Prev: b.next.Hash, Tx: d.Tx, Time: time.Unix(0, d.Time.UnixNano()).UTC(), Ops: d.Ops}
	complete(e)
	core := e.encodeCore()
	if len(core) > maxCore || len(d.Ops) > maxOps {
		return fmt.Errorf("journal entry of %d bytes and %d operations: %w", len(core), len(d.Ops), ErrTooLarge)
	}
	if n := b.Len(); n > 0 && (n >= MaxBatch || b.size+len(core) > maxBatchBytes) {
		return fmt.Errorf("batch of %d entries: %w", n+1, ErrTooLarge)
	}
	digest := e.digest()
	digest.Ops = withoutRecords(slices.Clone(digest.Ops))
	for i := range digest.Ops { // the caller's slices are the caller's
		op := &digest.Ops[i]
		op.Packs, op.Merged = slices.Clone(op.Packs), slices.Clone(op.Merged)
	}
	digest.Batched = b.Len() > 0
	b.next.apply(digest)
	b.next.Hash = objects.EntryHash(core)
	b.file.entries, b.file.cores = append(b.file.entries, e), append(b.file.cores, core)
	b.size += len(core)
	return nil
}

// complete fills in what follows from an entry's number.
func complete(e *Entry) {
	for i := range e.Ops {
		switch op := &e.Ops[i]; op.Kind {
		case OpCommit:
			op.Target.Entry = e.Number
			if op.Target.Line == 0 {
				op.Target.Line = e.Number
			}
		case OpExpire:
			op.Expiry = expiryOf(e.Number, op.Expired)
		}
	}
}

// AppendBatch creates the entries of a batch, all of them or none, in one step, and
// returns the state that follows. A batch without entries does nothing. Errors are
// those of Append. A batch is written once.
func (j *Journal) AppendBatch(ctx context.Context, b *Batch) (*State, error) {
	if b.Len() == 0 {
		return b.on, nil
	}
	if b.on.Mirror {
		return nil, ErrMirror
	}
	b.file.digests = b.on.repeated(b.file.first(), b.file.last())
	data := b.file.encode()
	if len(data) > maxEntry { // a reader would refuse it
		return nil, fmt.Errorf("journal entry of %d bytes: fold the journal: %w", len(data), ErrTooLarge)
	}
	err := j.b.Put(ctx, entryKey(b.file.first()), data)
	if err = j.settle(ctx, b.on, b.file.entries[0], err); err != nil {
		return nil, err
	}
	return b.next, nil
}

// AppendAll creates the next entries after s, all of them or none, in one step, and
// returns the state that follows. The first has the number s.Number+1, the others
// follow it. Errors are those of Append, and ErrTooLarge when there are more than fit
// into one file: see Fit.
func (j *Journal) AppendAll(ctx context.Context, s *State, drafts []Draft) (*State, error) {
	b := NewBatch(s)
	for _, d := range drafts {
		if err := b.Add(d); err != nil {
			return nil, err
		}
	}
	return j.AppendBatch(ctx, b)
}

// Fit tells how many of the drafts AppendAll takes at once, from the first on: at least
// one, if there is one.
func Fit(s *State, drafts []Draft) int {
	b := NewBatch(s)
	for i, d := range drafts {
		if b.Add(d) != nil {
			return max(i, 1)
		}
	}
	return len(drafts)
}

// RepeatSetting is the setting by which every file repeats the whole tail, when it is
// "all": where each file costs a request, a reader then needs no more than one. A tail
// that has grown beyond what is folded as a rule is repeated in part, as without it.
const RepeatSetting = "journal.repeat"

const mostRepeated = 4 * FoldEvery

// repeated are the digests that a file of the entries from first to last has: those
// back to the least base of its numbers, counted from the watermark, as in a Fenwick
// tree. A reader that goes from a file to the one that holds the entry before its
// digests takes no more steps than a number has hex digits, wherever files begin.
func (s *State) repeated(first, last uint64) []Digest {
	from := s.watermark + lowestBase(first-s.watermark, last-s.watermark)
	digests := s.tail
	if s.Config[RepeatSetting] == "all" && len(digests) <= mostRepeated {
		return digests
	}
	for len(digests) > 0 && digests[0].Number <= from {
		digests = digests[1:]
	}
	return digests
}
