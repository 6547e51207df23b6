package gc

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
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

// CollectResult is what a collection did, or would do.
type CollectResult struct {
	Versions  []policy.Version // all there are
	Items     []policy.Item    // by version, then path
	Stored    map[int]int64    // of expired items: stored bytes that nothing else needs
	Reference time.Time
	Branches  []string // that a ttl has deleted
	Safety    []string // safety versions that were too old

	Freed     int64       // bytes of files that are gone, or go when their grace is over, less what was written for them
	Condemned []pack.Info // now, and not removed yet
	Removed   []pack.Info
	Until     time.Time   // when what was condemned now can be removed
	Left      []pack.Name // packs that stay because some of it cannot be read
}

// ErrProtected: content that must be kept is missing, so that nothing is removed.
var ErrProtected = errors.New("content that must be kept is missing")

// errStale: others have changed what the plan rests on.
var errStale = errors.New("the store has changed meanwhile")

// maxExpired bounds the contents that are let go by one entry. Where there are more,
// entries that name the first of them come before: what they name is there until it is
// condemned, so that it has not expired when gc goes no further.
var maxExpired = 200_000

// Collect lets go what the policy does not keep. Packs that hold some of it are
// condemned, by one journal entry that also names what is let go and the new packs
// into which all else of them has gone; when the grace is over, a later Collect looks
// again whether all that must be kept is there without them, removes them by another
// entry, and deletes the files. No writer waits for it, and one that relied on
// condemned content starts over. Interrupted, it leaves at most packs that nothing
// names.
func (c *Collector) Collect(ctx context.Context, o CollectOptions) (*CollectResult, error) {
	const tries = 20
	for try := 0; ; try++ {
		res, err := c.collectOnce(ctx, o)
		if !errors.Is(err, errStale) {
			return res, err
		}
		if try == tries {
			return nil, ErrBusy
		}
		select { // not in step with who was in the way
		case <-time.After(time.Duration(rand.Int64N(int64(try+1) * int64(20*time.Millisecond)))):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// ErrBusy: others have changed the store again and again.
var ErrBusy = errors.New("other processes keep changing the store: nothing was let go; run it again")

func (c *Collector) collectOnce(ctx context.Context, o CollectOptions) (*CollectResult, error) {
	st, err := c.Journal.Load(ctx)
	if err != nil {
		return nil, err
	}
	g := &collection{Collector: c, o: o, st: st, res: &CollectResult{}, full: objects.NewReader(c.Backend, c.Set(st))}
	g.full.KeepPieces(keepBytes)
	if err := g.plan(ctx); err != nil {
		return nil, g.overtaken(ctx, err)
	}
	if o.DryRun {
		return g.res, g.preview(ctx)
	}
	if err := g.condemn(ctx); err != nil {
		return nil, g.overtaken(ctx, err)
	}
	return g.res, g.remove(ctx)
}

// overtaken makes an error errStale when others have removed packs since the
// beginning: what cannot be found then is no damage.
func (g *collection) overtaken(ctx context.Context, err error) error {
	if !errors.Is(err, objects.ErrMissing) && !errors.Is(err, backend.ErrNotFound) && !errors.Is(err, pack.ErrNotFound) {
		return err
	}
	if now, lerr := g.Journal.Load(ctx); lerr == nil && now.Removals != g.st.Removals {
		return errStale
	}
	return err
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
	drop *contents   // what goes
	dead []pack.Info // of dead writers
	lost losses
}

// plan finds out what goes, and checks that all else is there.
func (g *collection) plan(ctx context.Context) (err error) {
	if g.h, err = g.readHistory(ctx, g.st, g.full, g.o.Policy != nil && g.o.Policy.Asks(), g.o.Clock); err != nil {
		return err
	}
	var lost *losses
	if len(g.o.Only) > 0 { // what is lost with its pack may be declared gone
		lost = &g.lost
	}
	packs, removed, err := g.Journal.History(g.st).AllPacks(ctx)
	if err != nil {
		return err
	}
	if g.iv, err = g.takeInventory(ctx, g.st, g.full.Set(), packs, lost); err != nil {
		return err
	}
	if len(g.lost.packs) > 0 {
		g.full = objects.NewReader(g.Backend, pack.NewSet(g.Backend, g.st.Packs, g.st.Segments, with(g.st.Hidden(), g.lost.packs)))
	}
	g.h.markGone(g.iv)
	if len(g.lost.packs) > 0 {
		if err := g.checkTrees(ctx); err != nil {
			return errors.Join(err, g.lost.why)
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
		return errors.Join(err, g.lost.why)
	}
	if err := g.weigh(ctx); err != nil {
		return err
	}
	unnamed, err := g.debris(ctx, g.st, packs, removed, !g.o.DryRun)
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
			return fmt.Errorf("%w %q that the policy asks for; nothing was touched", ErrNoMetric, m)
		}
	}
	expired := g.o.Policy.ExpiredBranches(in, g.o.Branch)
	for _, b := range expired {
		if g.st.Names[b.Branch].Kind == journal.Remote { // it goes with the branch of the other store
			continue
		}
		g.res.Branches = append(g.res.Branches, b.Branch)
	}
	in.Heads = slices.DeleteFunc(in.Heads, func(h policy.Head) bool { return slices.Contains(g.res.Branches, h.Branch) })
	g.res.Safety = slices.Sorted(maps.Keys(g.h.old))
	res, err := g.o.Policy.Evaluate(in)
	if err != nil {
		return err
	}
	g.res.Versions, g.res.Items, g.res.Reference = in.Versions, res.Items, res.Reference
	g.drop = newContents(g.iv)
	for i := range res.Items {
		it := &res.Items[i]
		if it.Keep {
			continue
		}
		g.drop.add(it.Blob)
	}
	return nil
}

// choose lets go what is named, and keeps all else.
func (g *collection) choose() error {
	in := &g.h.in
	protected := map[objects.BlobID]string{}
	if !g.o.Force {
		none, err := policy.Parse(map[string]string{"gc.keep-where": "version < 0"})
		if err != nil {
			return err
		}
		res, err := none.Evaluate(in)
		if err != nil {
			return err
		}
		for i := range res.Items {
			if it := &res.Items[i]; it.Keep && g.o.Only[it.Blob] {
				protected[it.Blob] = fmt.Sprintf("%s of v%d is protected (%s)", it.Path, in.Versions[it.Version].Seq, strings.Join(it.Reasons, ", "))
			}
		}
	}
	g.drop, g.res.Versions = newContents(g.iv), in.Versions
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
			g.res.Items = append(g.res.Items, it)
			g.drop.add(ch.Blob)
		}
	}
	return nil
}

// ErrHeld: what should go at once is protected.
var ErrHeld = errors.New("refused")

// markKept marks all that is not let go. Something of it that is not there, and is
// not known to have expired, means that the store is damaged: then nothing is done.
func (g *collection) markKept(ctx context.Context) error {
	for i := range g.h.in.Versions {
		v := &g.h.in.Versions[i]
		for _, ch := range v.Changes {
			if ch.Removed || ch.Gone || g.drop.has(ch.Blob) || g.iv.marked(ch.Blob) {
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

// checkTrees makes sure that the trees of all versions are there without the packs
// that cannot be read: what lists the models of a version is never let go.
func (g *collection) checkTrees(ctx context.Context) error {
	seen := map[objects.TreeID]bool{}
	for e, err := range g.Journal.History(g.st).Entries(ctx, 0) {
		if err != nil {
			return err
		}
		v, _, err := e.Version()
		if err != nil {
			return err
		}
		if v == nil {
			continue
		}
		err = objects.OpenTree(v.Tree, g.full).Walk(ctx, func(id objects.TreeID, _ []objects.TreeEntry, err error) (bool, error) {
			again := seen[id]
			seen[id] = true
			return !again, err
		})
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("%w: the list of models of v%d: %w; nothing was removed (mstore fsck --repair may help)", ErrProtected, v.Seq, err)
		}
	}
	return nil
}

// weigh tells of each expired content how many stored bytes nothing else needs.
func (g *collection) weigh(ctx context.Context) error {
	counted := make([]bool, len(g.iv.rows))
	g.res.Stored = map[int]int64{}
	for i := range g.res.Items {
		it := &g.res.Items[i]
		if it.Keep {
			continue
		}
		err := g.iv.each(ctx, g.full, it.Blob, func(k int) {
			if !g.iv.live[k] && !counted[k] {
				counted[k] = true
				g.res.Stored[i] += int64(g.iv.rows[k].stored)
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

// stays is why content is kept that the policy lets go.
var stays = []string{"some of it is in a pack that cannot be read, and stays"}
