package exchange

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects/pack"
	"github.com/mstore/mstore/refs"
)

const (
	// maxBatch and maxBatchBytes bound the entries that are made in one step.
	maxBatch      = 500
	maxBatchBytes = 4 << 20
	// expiredSize is what the name of an expired content takes beside its path, at most.
	expiredSize = 96
)

// append makes the versions of a round: all but the last batch of all on
// names of their own, which the last one takes away when it moves the names that ask for them.
// Names of the journal for packs, which it does not have yet, come with the first.
func (t *transfer) append(ctx context.Context, r *round, packs []pack.Info, last bool) error {
	rest := r.versions
	for first := true; first || len(rest) > 0; first = false {
		b := t.newBatch(r, packs)
		for len(rest) > 0 && len(b.entries) < t.o.Limits.Batch {
			fits, err := b.read(ctx, rest[0])
			if err != nil {
				return t.dropUnless(err, packs)
			}
			if !fits {
				break
			}
			rest = rest[1:]
		}
		final := last && len(rest) == 0
		if err := b.make(ctx, final); err != nil {
			return t.dropUnless(err, packs)
		}
		if len(b.drafts) == 0 {
			return nil
		}
		st, err := t.to.J.AppendAll(ctx, t.to.State, b.drafts)
		if errors.Is(err, journal.ErrLost) {
			if len(packs) > 0 { // keep what was sent
				if err := t.name(ctx, packs...); err != nil {
					return err
				}
			}
			return errAgain
		}
		if err != nil {
			return t.dropUnless(err, packs)
		}
		packs = nil
		b.done()
		t.to.State = st
		if t.to.Appended != nil {
			t.to.Appended(ctx, st)
		}
		t.tell(0)
		if !final {
			if err := t.refresh(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// batch is entries that are made in one step.
type batch struct {
	*transfer
	r       *round
	packs   []pack.Info
	entries []uint64 // in the source
	ops     []*journal.Op
	bytes   int

	drafts []journal.Draft
	at     map[uint64]journal.Target // where the versions will be
	lines  map[uint64]lineEnd
	grows  map[uint64]int            // which move takes a version along as it is made
	grown  map[int]bool              // moves that need nothing more
	named  map[string]journal.Target // where names have grown to in this batch
}

func (t *transfer) newBatch(r *round, packs []pack.Info) *batch {
	return &batch{transfer: t, r: r, packs: packs, at: map[uint64]journal.Target{}, lines: maps.Clone(t.lines), grows: map[uint64]int{}, grown: map[int]bool{}, named: map[string]journal.Target{}}
}

// read takes a version in. It does not fit if it is not the first and the batch would grow
// too large: one with very many expired contents goes alone.
func (b *batch) read(ctx context.Context, entry uint64) (fits bool, err error) {
	e, err := b.src.Entry(ctx, entry)
	if err != nil {
		return false, err
	}
	op := e.Commit()
	size := len(op.Record)
	for i := range b.r.expired[entry] {
		size += len(b.r.expired[entry][i].Path) + expiredSize
	}
	if len(b.entries) > 0 && b.bytes+size > maxBatchBytes {
		return false, nil
	}
	b.entries, b.ops = append(b.entries, entry), append(b.ops, op)
	b.bytes += size
	return true, nil
}

// make writes the entries.
func (b *batch) make(ctx context.Context, final bool) error {
	if final {
		b.grow()
	}
	if len(b.packs) > 0 {
		b.ops0(journal.Op{Kind: journal.OpAddPacks, Packs: b.packs})
	}
	for i, entry := range b.entries {
		if i > 0 || len(b.drafts) == 0 {
			if err := b.draft(); err != nil {
				return err
			}
		}
		b.version(entry, b.ops[i])
		b.expire(entry)
	}
	if !final {
		return nil
	}
	ops, err := b.names(ctx)
	if err != nil {
		return err
	}
	if len(b.drafts) == 0 && len(ops) > 0 {
		if err := b.draft(); err != nil {
			return err
		}
	}
	b.ops0(ops...)
	return nil
}

// draft begins an entry.
func (b *batch) draft() error {
	tx, err := b.to.J.NewTx()
	if err != nil {
		return err
	}
	b.drafts = append(b.drafts, journal.Draft{Time: b.o.Clock(), Tx: tx})
	return nil
}

// ops0 adds operations to the entry at hand, and begins the first.
func (b *batch) ops0(ops ...journal.Op) {
	if len(b.drafts) == 0 {
		if len(ops) == 0 {
			return
		}
		_ = b.draft()
	}
	d := &b.drafts[len(b.drafts)-1]
	d.Ops = append(d.Ops, ops...)
}

// number is that of the entry at hand.
func (b *batch) number() uint64 { return b.to.State.Number + uint64(len(b.drafts)) }

// grow finds the versions that are made on the names that are to have them: a name that
// is where the first of them hangs grows by them, and keeps its line.
func (b *batch) grow() {
	index := make(map[uint64]int, len(b.entries))
	for i, n := range b.entries {
		index[n] = i
	}
	for k, m := range b.moves {
		if m.Kind != journal.Branch && m.Kind != journal.Remote {
			continue
		}
		var chain []uint64
		at, ok := index[m.Tip.Entry]
		var below journal.Target
		for ok {
			entry := b.entries[at]
			if _, taken := b.grows[entry]; taken {
				chain = nil
				break
			}
			chain = append(chain, entry)
			below = b.ops[at].Parent
			at, ok = index[below.Entry]
		}
		if len(chain) == 0 {
			continue
		}
		if n, exists := b.to.State.Names[m.Name]; exists {
			if t, known := b.target(below); n.Kind != m.Kind || !known || n.To != t {
				continue
			}
		}
		for _, entry := range chain {
			b.grows[entry] = k
		}
		b.grown[k] = true
	}
}

// target tells where a version of the source is in the destination.
func (b *batch) target(t journal.Target) (journal.Target, bool) {
	if t.Entry == 0 {
		return journal.Target{}, false
	}
	if at, ok := b.at[t.Entry]; ok {
		return at, true
	}
	if o := b.arrived[t.Entry]; o != nil && o.at.Entry != 0 {
		return o.at, true
	}
	at, ok := b.finder.known[t.ID]
	return at, ok
}

// version adds the operation that makes a version.
func (b *batch) version(entry uint64, from *journal.Op) {
	op := journal.Op{Kind: journal.OpCommit, NameKind: journal.Remote, Name: b.incoming + onTheWay(from), Record: from.Record,
		Target: journal.Target{ID: from.Target.ID, Seq: from.Target.Seq, Entry: b.number()}}
	if k, ok := b.grows[entry]; ok {
		op.NameKind, op.Name = b.moves[k].Kind, b.moves[k].Name
	}
	op.Parent, _ = b.target(from.Parent)
	for _, m := range from.Merged {
		at, _ := b.target(m)
		op.Merged = append(op.Merged, at)
	}
	op.Target.Line = op.Target.Entry
	if p := op.Parent; p.Entry != 0 && b.continues(op.NameKind, op.Name, p) {
		op.Target.Line = p.Line
	}
	b.lines[op.Target.Line], b.named[op.Name] = lineEnd{op.Target, strings.HasPrefix(op.Name, b.incoming)}, op.Target
	b.at[entry] = op.Target
	b.ops0(op)
}

// onTheWay is the name, below incoming, of a version.
func onTheWay(op *journal.Op) string {
	if name := op.Branch(); refs.CheckName(name) == nil && op.NameKind != journal.Safety {
		return name
	}
	return "versions"
}

// lineEnd is where a line ends that this transfer has made versions of.
type lineEnd struct {
	at       journal.Target
	incoming bool // on a name that goes when all has arrived
}

// continues tells whether a version on a name goes on with the line of its parent: the
// name has grown to it, so that nobody else can go on with that line. From what was on
// its way a line is taken over by the name that takes it in.
func (b *batch) continues(kind journal.NameKind, name string, parent journal.Target) bool {
	end, ours := b.lines[parent.Line]
	if ours && end.at != parent {
		return false
	}
	if ours && end.incoming && !strings.HasPrefix(name, b.incoming) {
		return true
	}
	if at, ok := b.named[name]; ok {
		return at == parent
	}
	n, ok := b.to.State.Names[name]
	return ok && n.Kind == kind && !n.Forked && n.To == parent
}

// expire names the contents of a version that have expired in the source, in the entry
// that makes it: nobody must see the one without the other.
func (b *batch) expire(entry uint64) {
	items := slices.Clone(b.r.expired[entry])
	for i := range items {
		items[i].Entry = b.at[entry].Entry
	}
	for len(items) > 0 { // of one policy each
		reason := b.gone[items[0].Blob]
		k := slices.IndexFunc(items, func(x journal.Expired) bool { return b.gone[x.Blob] != reason })
		if k < 0 {
			k = len(items)
		}
		for part := range slices.Chunk(items[:k], journal.MaxExpired) {
			b.ops0(journal.Op{Kind: journal.OpExpire, Reason: reason, Expired: part})
		}
		items = items[k:]
	}
}

// names moves the names that have not grown, and takes away those of what was on its way.
func (b *batch) names(ctx context.Context) (ops []journal.Op, err error) {
	for k, m := range b.moves {
		if b.grown[k] {
			continue
		}
		at, ok := b.target(m.Tip)
		if !ok { // it was there: on its line, before what was looked for
			if ok, err = b.finder.find(ctx, m.Tip.ID); err == nil && !ok {
				err = fmt.Errorf("%s %s, version %s, is not here although a later one is: %w", m.Kind, m.Name, m.Tip.ID.Short(), ErrWrong)
			}
			if err != nil {
				return nil, err
			}
			at = b.finder.known[m.Tip.ID]
		}
		if n, ok := b.to.State.Names[m.Name]; ok && n.Kind == m.Kind && n.To.ID == m.Tip.ID {
			continue
		}
		ops = append(ops, journal.Op{Kind: journal.OpSetName, NameKind: m.Kind, Name: m.Name, Target: at, Reason: m.Reason})
	}
	going := map[string]journal.Target{}
	for name, n := range b.to.State.Names {
		if strings.HasPrefix(name, b.incoming) {
			going[name] = n.To
		}
	}
	for _, d := range b.drafts {
		for i := range d.Ops {
			if op := &d.Ops[i]; op.Kind == journal.OpCommit && strings.HasPrefix(op.Name, b.incoming) {
				going[op.Name] = op.Target
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(going)) {
		ops = append(ops, journal.Op{Kind: journal.OpDeleteName, NameKind: journal.Remote, Name: name, Target: going[name], Reason: "all is here"})
	}
	if b.o.Extra != nil {
		ops = append(ops, b.o.Extra(b.to)...)
	}
	return ops, nil
}

// done notes where the versions are, once they are.
func (b *batch) done() {
	t := b.transfer
	t.lines = b.lines
	for _, entry := range b.entries {
		t.arrived[entry].at = b.at[entry]
	}
	t.versions += len(b.entries)
	t.res.Versions += len(b.entries)
	for _, entry := range b.entries {
		t.res.Expired += len(b.r.expired[entry])
	}
	t.res.LeftOut += b.r.leftOut
	b.r.leftOut = 0
}
