package gc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/mstore/mstore/gc/policy"
	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/objects/pack"
)

// CollectOptions say what to let go, and when to remove it.
type CollectOptions struct {
	Policy *policy.Policy // nil: what Only names, and nothing else
	// Only are the contents to let go, in place of what a policy finds, with Reason.
	Only   map[objects.BlobID]bool
	Reason string
	Force  bool // Only: heads, tags, aliases and holds do not count
	// Must are packs that are rewritten in any case.
	Must []pack.Name

	DryRun bool
	Now    bool          // no grace: what is condemned is removed at once
	Grace  time.Duration // how long condemned packs are kept
	Clock  time.Time
	Branch string // the current one, which no ttl deletes
	// Dead tells, of packs that the journal does not name, those whose writers are
	// taken for dead. nil: none.
	Dead func(unnamed []pack.Info) []pack.Info
}

// Item is what a policy said of one content of a model.
type Item struct {
	Version *policy.Version // that brought it
	policy.Item
	Stored int64 // of an expired one: bytes that nothing else needs
}

// CollectResult is what a collection did, or would do.
type CollectResult struct {
	Items     []Item // by version, then path
	Reference time.Time
	Branches  []string // that a ttl has deleted
	Safety    []string // safety versions that were too old

	Freed     int64       // bytes of files that are gone, or would go, less what was written for them
	Condemned []pack.Info // now, and not removed yet
	Removed   []pack.Info
	Until     time.Time   // when what was condemned now can be removed
	Left      []pack.Name // packs that stay because some of it cannot be read
}

// ErrProtected: content that must be kept is missing, so that nothing is removed.
var ErrProtected = errors.New("content that must be kept is missing")

// errStale: others have changed what the plan rests on.
var errStale = errors.New("the store has changed meanwhile")

// maxExpired bounds the contents that are let go by one entry; where there are more,
// there are more entries.
var maxExpired = 200_000

// Collect lets go what the policy does not keep. Packs that hold some of it are
// condemned, by one journal entry that also names what is let go and the new packs
// into which all else of them has gone; when the grace is over, a later Collect looks
// again whether all that must be kept is there without them, removes them by another
// entry, and deletes the files. No writer waits for it, and one that relied on
// condemned content starts over. Interrupted, it leaves at most packs that nothing
// names.
func (c *Collector) Collect(ctx context.Context, o CollectOptions) (*CollectResult, error) {
	var all *CollectResult
	for {
		res, more, err := c.collectFresh(ctx, o)
		if all == nil {
			all = res
		} else if res != nil {
			all.Freed += res.Freed
			all.Condemned = append(all.Condemned, res.Condemned...)
			all.Removed = append(all.Removed, res.Removed...)
			all.Left, all.Until = res.Left, res.Until
		}
		if err != nil || !more {
			return all, err
		}
	}
}

// collectFresh starts over when others have changed what the plan rests on.
func (c *Collector) collectFresh(ctx context.Context, o CollectOptions) (*CollectResult, bool, error) {
	const tries = 20
	for try := 0; ; try++ {
		res, more, err := c.collectOnce(ctx, o)
		if !errors.Is(err, errStale) {
			return res, more, err
		}
		if try == tries {
			return nil, false, ErrGone
		}
	}
}

func (c *Collector) collectOnce(ctx context.Context, o CollectOptions) (res *CollectResult, more bool, err error) {
	st, err := c.Journal.Load(ctx)
	if err != nil {
		return nil, false, err
	}
	g := &collection{Collector: c, o: o, st: st, res: &CollectResult{}, full: objects.NewReader(c.Backend, c.Set(st))}
	g.full.KeepPieces(keepBytes)
	if err := g.plan(ctx); err != nil {
		return nil, false, err
	}
	if o.DryRun {
		return g.res, false, g.preview(ctx)
	}
	if err := g.condemn(ctx); err != nil {
		return nil, false, err
	}
	return g.res, g.more, g.remove(ctx)
}

// collection is one run.
type collection struct {
	*Collector
	o    CollectOptions
	st   *journal.State
	res  *CollectResult
	full *objects.Reader // all live packs

	h    *history
	iv   *inventory
	drop map[objects.BlobID]int64 // what goes, with its size
	more bool                     // so much goes that one entry cannot name it all
	dead []pack.Info              // of dead writers
}

// plan finds out what goes, and checks that all else is there.
func (g *collection) plan(ctx context.Context) (err error) {
	if g.h, err = g.readHistory(ctx, g.st, g.full); err != nil {
		return err
	}
	if g.iv, err = g.takeInventory(ctx, g.st, g.full.Set()); err != nil {
		return err
	}
	in := &g.h.in
	for i := range in.Versions {
		for k := range in.Versions[i].Changes {
			ch := &in.Versions[i].Changes[k]
			ch.Gone = !ch.Removed && g.h.gone[ch.Blob] && !g.iv.hasBlob(ch.Blob)
		}
	}
	if g.o.Policy != nil {
		err = g.evaluate()
	} else {
		err = g.choose()
	}
	if err != nil {
		return err
	}
	if err := g.markKept(ctx); err != nil {
		return err
	}
	if err := g.weigh(ctx); err != nil {
		return err
	}
	unnamed, err := g.debris(ctx, g.st)
	if err == nil && g.o.Dead != nil {
		g.dead = g.o.Dead(unnamed)
	}
	return err
}

// ErrNoMetric: a policy asks for the best by a metric that no version has.
var ErrNoMetric = errors.New("no version has the metric")

func (g *collection) evaluate() error {
	in := &g.h.in
	for _, m := range g.o.Policy.Metrics() {
		if !slices.ContainsFunc(in.Versions, func(v policy.Version) bool { _, ok := v.Metrics[m]; return ok }) {
			return fmt.Errorf("keep-best: %w %q; nothing was touched", ErrNoMetric, m)
		}
	}
	expired := g.o.Policy.ExpiredBranches(in, g.o.Branch)
	for _, b := range expired {
		g.res.Branches = append(g.res.Branches, b.Branch)
	}
	in.Heads = slices.DeleteFunc(in.Heads, func(h policy.Head) bool { return slices.Contains(g.res.Branches, h.Branch) })
	g.res.Safety = slices.Sorted(maps.Keys(g.h.old))
	res, err := g.o.Policy.Evaluate(in)
	if err != nil {
		return err
	}
	g.res.Reference = res.Reference
	g.drop = map[objects.BlobID]int64{}
	for i := range res.Items {
		it := &res.Items[i]
		g.res.Items = append(g.res.Items, Item{Version: &in.Versions[it.Version], Item: *it})
		if it.Keep {
			continue
		}
		if _, goes := g.drop[it.Blob]; !goes && len(g.drop) >= maxExpired && !g.o.DryRun {
			g.more = true
			continue
		}
		g.drop[it.Blob] = it.Size
	}
	return nil
}

// choose lets go what is named, and keeps all else.
func (g *collection) choose() error {
	in := &g.h.in
	protected := map[objects.BlobID]string{}
	if !g.o.Force {
		keepNothing := *in
		none, err := policy.Parse(map[string]string{"gc.keep-last": "1", "gc.never-below": "0"})
		if err != nil {
			return err
		}
		res, err := none.Evaluate(&keepNothing)
		if err != nil {
			return err
		}
		for i := range res.Items {
			if it := &res.Items[i]; it.Keep && g.o.Only[it.Blob] {
				for _, why := range it.Reasons {
					if why != "last 1" {
						protected[it.Blob] = fmt.Sprintf("%s of v%d is protected (%s)", it.Path, in.Versions[it.Version].Seq, why)
					}
				}
			}
		}
	}
	g.drop = map[objects.BlobID]int64{}
	for i := range in.Versions {
		for _, ch := range in.Versions[i].Changes {
			if ch.Removed || ch.Gone {
				continue
			}
			it := policy.Item{Version: i, Path: ch.Path, Blob: ch.Blob, Size: ch.Size, Keep: !g.o.Only[ch.Blob]}
			if it.Keep {
				continue
			}
			if why := protected[ch.Blob]; why != "" {
				return fmt.Errorf("%w: %s", ErrHeld, why)
			}
			it.Reasons = []string{g.o.Reason}
			g.res.Items = append(g.res.Items, Item{Version: &in.Versions[i], Item: it})
			g.drop[ch.Blob] = ch.Size
		}
	}
	return nil
}

// ErrHeld: what should go at once is protected.
var ErrHeld = errors.New("refused")

// markKept marks all that is not let go. Something of it that is not there, and is
// not known to have expired, means that the store is damaged: then nothing is done.
func (g *collection) markKept(ctx context.Context) error {
	seen := map[objects.BlobID]bool{}
	for i := range g.h.in.Versions {
		v := &g.h.in.Versions[i]
		for _, ch := range v.Changes {
			if ch.Removed || ch.Gone || seen[ch.Blob] {
				continue
			}
			seen[ch.Blob] = true
			if _, drop := g.drop[ch.Blob]; drop {
				continue
			}
			if err := g.iv.mark(ctx, g.full, ch.Blob); err != nil {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				return fmt.Errorf("%w: v%d:%s: %w; nothing was removed (mstore fsck tells more, mstore fsck --repair may help)", ErrProtected, v.Seq, ch.Path, err)
			}
		}
		if i%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// weigh tells of each expired content how many stored bytes nothing else needs.
func (g *collection) weigh(ctx context.Context) error {
	counted := map[int]bool{}
	for i := range g.res.Items {
		it := &g.res.Items[i]
		if it.Keep {
			continue
		}
		err := g.iv.each(ctx, g.full, it.Blob, func(k int) {
			if !g.iv.live[k] && !counted[k] {
				counted[k] = true
				it.Stored += int64(g.iv.rows[k].stored)
			}
		})
		if err != nil && !errors.Is(err, objects.ErrMissing) && !errors.Is(err, objects.ErrCorrupt) { // what goes may be damaged
			return err
		}
	}
	return nil
}

// preview adds up what would be freed.
func (g *collection) preview(ctx context.Context) error {
	for k := range g.iv.rows {
		if r := &g.iv.rows[k]; !g.iv.live[k] {
			g.res.Freed += int64(r.stored)
		}
	}
	for _, p := range g.dead {
		g.res.Freed += p.Size
	}
	for _, p := range g.st.SortedCondemned() {
		if g.due(ctx, p) {
			g.res.Freed += p.Size
		}
	}
	return ctx.Err()
}

// due tells whether a condemned pack is to be removed. Who does not come for a
// policy does not touch what others have condemned, unless it holds what must go.
func (g *collection) due(ctx context.Context, p journal.Condemned) bool {
	if g.o.Policy == nil {
		return g.o.Now && (slices.ContainsFunc(g.res.Condemned, func(q pack.Info) bool { return q.Name == p.Name }) || g.holds(ctx, p.Info))
	}
	return g.o.Now || g.o.Clock.Sub(p.Time) >= g.o.Grace
}

// holds tells whether a condemned pack has some of what must go.
func (g *collection) holds(ctx context.Context, p pack.Info) bool {
	if len(g.o.Only) == 0 {
		return false
	}
	x, err := pack.OpenIndex(ctx, g.Backend, p)
	if err != nil {
		return false
	}
	for id := range g.o.Only {
		for _, kind := range []pack.Kind{pack.KindPiece, pack.KindRecipe} {
			if _, ok, err := x.Find(kind, pack.Key(id)); ok && err == nil {
				return true
			}
		}
	}
	return false
}

// condemn publishes the new packs, what is let go, and which packs are to be
// removed, by one entry.
func (g *collection) condemn(ctx context.Context) error {
	w := &rewriting{collection: g}
	made, err := w.run(ctx)
	if err != nil {
		return err
	}
	discard := func() { objects.DeletePacks(context.WithoutCancel(ctx), g.Backend, made) }
	g.res.Left = w.left
	expired := g.expired(w.stay)
	condemned := slices.Concat(w.going, g.dead)
	reason := "gc"
	if g.o.Policy == nil {
		reason = g.o.Reason
	} else if s := g.o.Policy.String(); s != "" {
		reason = s
	}
	if len(made)+len(condemned)+len(expired)+len(g.res.Branches)+len(g.res.Safety) == 0 {
		return nil
	}
	err = g.Update(ctx, func(now *journal.State) ([]journal.Op, error) {
		dead, err := g.recheck(ctx, now, made, w.going)
		if err != nil {
			return nil, err
		}
		condemned = slices.Concat(w.going, dead)
		var ops []journal.Op
		if len(made) > 0 {
			ops = append(ops, journal.Op{Kind: journal.OpAddPacks, Packs: made})
		}
		for items := range slices.Chunk(expired, journal.MaxExpired) {
			ops = append(ops, journal.Op{Kind: journal.OpExpire, Reason: reason, Expired: items})
		}
		if len(condemned) > 0 {
			ops = append(ops, journal.Op{Kind: journal.OpCondemn, Packs: condemned, Reason: reason})
		}
		for _, b := range g.res.Branches {
			if n, ok := now.Names[b]; ok {
				ops = append(ops, journal.Op{Kind: journal.OpDeleteName, NameKind: n.Kind, Name: b, Target: n.To, Reason: "ttl"})
			}
		}
		for _, b := range g.res.Safety {
			ops = append(ops, journal.Op{Kind: journal.OpDeleteName, NameKind: journal.Safety, Name: b, Target: g.h.old[b], Reason: "older than 30 days"})
		}
		return ops, nil
	})
	if errors.Is(err, backend.ErrUnknown) {
		return err // the new packs may be in use
	}
	if err != nil {
		discard()
		return err
	}
	g.res.Condemned = condemned
	g.res.Until = g.o.Clock.Add(g.o.Grace)
	for _, p := range made {
		g.res.Freed -= p.Size
	}
	return nil
}

// expired lists what is let go, for the journal. Content of which a damaged pack
// holds some stays with that pack.
func (g *collection) expired(stay map[objects.BlobID]bool) (out []journal.Expired) {
	for i := range g.res.Items {
		it := &g.res.Items[i]
		if _, goes := g.drop[it.Blob]; goes && !it.Keep && !stay[it.Blob] {
			out = append(out, journal.Expired{Version: it.Version.ID, Entry: it.Version.Entry, Path: it.Path, Blob: it.Blob, Size: it.Size})
		}
	}
	return out
}

// recheck looks at what others have done since the plan was made. Commits that
// keep to what stays do no harm; anything else makes the plan stale. It returns
// the packs of dead writers that are still not named.
func (g *collection) recheck(ctx context.Context, now *journal.State, made, going []pack.Info) (dead []pack.Info, err error) {
	if now.Removals != g.st.Removals {
		return nil, errStale
	}
	named := map[pack.Name]bool{}
	h := g.Journal.History(now)
	var fresh []objects.BlobID
	for n := g.st.Number + 1; n <= now.Number; n++ {
		e, err := h.Entry(ctx, n)
		if err != nil {
			return nil, err
		}
		for i := range e.Ops {
			switch op := &e.Ops[i]; op.Kind {
			case journal.OpAddPacks:
				for _, p := range op.Packs {
					named[p.Name] = true
				}
			case journal.OpCommit:
				v, _, err := e.Version()
				if err != nil {
					return nil, err
				}
				changes, err := h.Changes(ctx, v, op.Parent, objects.NewReader(g.Backend, g.Set(now)))
				if err != nil {
					return nil, err
				}
				for _, ch := range changes {
					if ch.Status != objects.Removed {
						fresh = append(fresh, ch.Blob)
					}
				}
			default: // a name, a hold, a setting: the policy may say otherwise now
				return nil, errStale
			}
		}
	}
	if len(fresh) > 0 {
		b := &without{Backend: g.Backend, gone: map[pack.Name]bool{}}
		for _, p := range going {
			b.gone[p.Name] = true
		}
		after := pack.NewSet(b, slices.Concat(now.Packs, made), now.Segments, with(now.Hidden(), going))
		r := objects.NewReader(b, after)
		for _, id := range fresh {
			b, err := r.Blob(ctx, id)
			if err == nil {
				_, err = b.WriteTo(io.Discard)
			}
			if err != nil && ctx.Err() == nil {
				return nil, errStale
			}
		}
	}
	for _, p := range g.dead {
		if !named[p.Name] {
			dead = append(dead, p)
		}
	}
	return dead, ctx.Err()
}

// without is a backend that lacks some packs.
type without struct {
	backend.Backend
	gone map[pack.Name]bool
}

// Get implements backend.Backend.
func (b *without) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	if name, ok := pack.ParseKey(key); ok && b.gone[name] {
		return nil, fmt.Errorf("reading %q: %w", key, backend.ErrNotFound)
	}
	return b.Backend.Get(ctx, key, off, n)
}
