package exchange

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/objects/pack"
)

const (
	maxTries = 100
	// What is collected before it is copied: records take some 150 bytes of memory, and
	// what is proved afterwards should still be in a cache.
	maxRound  = 500_000
	maxBytes  = 1 << 30
	maxRecent = 10_000 // versions in a round
)

// ErrBusy: others have changed the destination again and again.
var ErrBusy = errors.New("other processes keep changing the store that is written to: run it again")

// Transfer copies the versions that lead to the tips of moves, as far as the
// destination lacks them, and then moves the names. moves is asked before anything
// else and whenever the destination has changed since; its error ends the transfer.
//
// When Transfer returns without an error all of it is durable. After an error no name
// has moved, unless the error wraps backend.ErrUnknown; what was copied stays, and the
// next Transfer goes on from there. Errors wrap ErrLost, ErrWrong, those of objects and
// journal for what is damaged on either side, or those of the backends.
func Transfer(ctx context.Context, from, to *Peer, o Options, moves func(ctx context.Context, to *Peer) ([]Move, error)) (*Result, error) {
	o.fill()
	res := &Result{}
	bad := map[spot]bool{}
	for range maxTries {
		t := newTransfer(ctx, from, to, o, res, bad)
		err := t.run(ctx, moves)
		res.To = t.to
		if err == nil {
			return res, nil
		}
		if lacks(err) && from.Again != nil { // the source has rewritten its packs?
			now, lerr := from.Again(ctx)
			if lerr == nil && now.State.Removals != from.State.Removals {
				from, err = now, errAgain
			}
		}
		if lacks(err) {
			now, lerr := to.Again(ctx)
			if lerr == nil && now.State.Removals != to.State.Removals {
				err = errAgain
			}
		}
		if !errors.Is(err, errAgain) {
			return res, err
		}
		if to, err = to.Again(ctx); err != nil {
			return res, err
		}
	}
	return res, ErrBusy
}

func lacks(err error) bool {
	return errors.Is(err, backend.ErrNotFound) || errors.Is(err, objects.ErrMissing) || errors.Is(err, pack.ErrNotFound)
}

func (o *Options) fill() {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	set := func(p *int, v int) {
		if *p == 0 {
			*p = v
		}
	}
	set(&o.Limits.Records, maxRound)
	set(&o.Limits.Batch, maxBatch)
	if o.Limits.Bytes == 0 {
		o.Limits.Bytes = maxBytes
	}
	if o.Limits.Pack == 0 {
		o.Limits.Pack = packSize
	}
}

// transfer is one attempt.
type transfer struct {
	ctx      context.Context
	o        Options
	from, to *Peer
	src, dst *journal.History
	base     uint64 // State.Removals of the destination: what was there then is there still
	res      *Result

	finder *finder
	listed *listed
	places *places
	bad    map[spot]bool
	gone   map[objects.BlobID]string // nil: not read yet
	infos  map[pack.Name]pack.Info   // of the source; nil: not read yet

	moves    []Move
	tips     map[uint64]bool // entries in the source
	depth    map[uint64]int  // of the versions that a filter by depth wants
	arrived  map[uint64]*origin
	origins  map[objects.VersionID]*origin
	lines    map[uint64]lineEnd // lines that this transfer has made versions of
	incoming string

	versions, all   int
	bytes, allBytes atomic.Int64
}

func newTransfer(ctx context.Context, from, to *Peer, o Options, res *Result, bad map[spot]bool) *transfer {
	t := &transfer{ctx: ctx, o: o, from: from, to: to, src: from.J.History(from.State), base: to.State.Removals, res: res, bad: bad,
		places: newPlaces(from, bad), tips: map[uint64]bool{}, arrived: map[uint64]*origin{}, origins: map[objects.VersionID]*origin{},
		lines: map[uint64]lineEnd{}, incoming: fmt.Sprintf("%s%x/", journal.Incoming, from.State.Store[:8])}
	t.look()
	t.finder = newFinder(t.src, t.dst)
	return t
}

// look opens the destination as it is now.
func (t *transfer) look() {
	t.dst = t.to.J.History(t.to.State)
	t.listed = newListed(t.to)
}

// refresh loads the destination; errAgain when something may have been removed that
// this transfer relies on.
func (t *transfer) refresh(ctx context.Context) error {
	now, err := t.to.Again(ctx)
	if err != nil {
		return err
	}
	if now.State.Removals != t.base {
		return errAgain
	}
	t.to = now
	t.look()
	t.finder.dst = t.dst
	return nil
}

func (t *transfer) run(ctx context.Context, moves func(ctx context.Context, to *Peer) ([]Move, error)) (err error) {
	if t.moves, err = moves(ctx, t.to); err != nil {
		return err
	}
	tips := make([]journal.Target, len(t.moves))
	for i, m := range t.moves {
		tips[i] = m.Tip
		t.tips[m.Tip.Entry] = true
	}
	missing, err := t.finder.missing(ctx, tips)
	if err != nil {
		return err
	}
	for _, tip := range tips { // of a line of which the destination has more, it may not be known where
		if _, lacking := slices.BinarySearch(missing, tip.Entry); !lacking {
			if _, err := t.finder.find(ctx, tip.ID); err != nil {
				return err
			}
		}
	}
	if err := t.depths(ctx, tips, missing); err != nil {
		return err
	}
	t.all = len(missing)
	r := newRound()
	for i, entry := range missing {
		v, err := t.arrive(ctx, entry)
		if err != nil {
			return err
		}
		wanted := t.wants(v)
		if err := t.collect(ctx, r, v, wanted); err != nil {
			return err
		}
		t.arrived[entry] = &origin{tree: v.rec.Tree, seq: v.rec.Seq, generation: v.rec.Generation, wanted: wanted}
		if i+1 < len(missing) && (t.full(r) || len(r.versions) == maxRecent) {
			if err := t.settle(ctx, r, false); err != nil {
				return err
			}
			if err := t.refresh(ctx); err != nil {
				return err
			}
			r = newRound()
		}
	}
	return t.settle(ctx, r, true)
}

func (t *transfer) full(r *round) bool {
	return len(r.recs) >= t.o.Limits.Records || r.bytes >= t.o.Limits.Bytes
}

// depths finds the versions that a filter by depth wants.
func (t *transfer) depths(ctx context.Context, tips []journal.Target, missing []uint64) error {
	if t.o.Filter.Depth == 0 {
		return nil
	}
	t.depth = map[uint64]int{}
	lacking := make(map[uint64]bool, len(missing))
	for _, n := range missing {
		lacking[n] = true
	}
	level := tips
	for d := 1; d <= t.o.Filter.Depth && len(level) > 0; d++ {
		var next []journal.Target
		for _, v := range level {
			if t.depth[v.Entry] != 0 || !lacking[v.Entry] {
				continue
			}
			t.depth[v.Entry] = d
			parents, err := t.finder.parents(ctx, v)
			if err != nil {
				return err
			}
			next = append(next, parents...)
		}
		level = next
	}
	return nil
}

// drain copies what was collected of a version that is larger than a round.
func (t *transfer) drain(ctx context.Context, r *round) error {
	rest, err := t.copy(ctx, r)
	if err == nil && len(rest) > 0 {
		err = t.name(ctx, rest...)
	}
	if err == nil {
		err = t.refresh(ctx)
	}
	r.reset()
	return err
}

// settle copies a round and makes its versions.
func (t *transfer) settle(ctx context.Context, r *round, last bool) error {
	rest, err := t.copy(ctx, r)
	if err != nil {
		return err
	}
	return t.append(ctx, r, rest, last)
}

// name makes the journal name packs, so that the next transfer finds what is in them.
func (t *transfer) name(ctx context.Context, packs ...pack.Info) error {
	for range maxTries {
		st, err := t.to.J.Append(ctx, t.to.State, []journal.Op{{Kind: journal.OpAddPacks, Packs: packs}}, t.o.Clock())
		if err == nil {
			t.to.State = st
			return nil
		}
		if !errors.Is(err, journal.ErrLost) {
			return t.dropUnless(err, packs)
		}
		now, err := t.to.Again(ctx)
		if err != nil {
			return t.dropUnless(err, packs)
		}
		if now.State.Removals != t.base { // they may have been taken for what a dead writer left
			return t.dropUnless(errAgain, packs)
		}
		t.to.State = now.State
	}
	return t.dropUnless(ErrBusy, packs)
}

// dropUnless deletes packs that the journal does not name, unless it may do so.
func (t *transfer) dropUnless(err error, packs []pack.Info) error {
	if !errors.Is(err, backend.ErrUnknown) {
		objects.DeletePacks(context.WithoutCancel(t.ctx), t.to.B, packs)
	}
	return err
}

// tell reports progress.
func (t *transfer) tell(stored int64) {
	t.o.Progress(Progress{Versions: t.versions, AllVersions: t.all, Bytes: t.bytes.Add(stored), AllBytes: t.allBytes.Load()})
}

// Missing counts the versions that a Transfer of moves would copy.
func Missing(ctx context.Context, from, to *Peer, moves []Move) (int, error) {
	f := newFinder(from.J.History(from.State), to.J.History(to.State))
	tips := make([]journal.Target, len(moves))
	for i, m := range moves {
		tips[i] = m.Tip
	}
	list, err := f.missing(ctx, tips)
	return len(list), err
}
