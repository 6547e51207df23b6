package gc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/objects/pack"
)

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
	for i := range g.res.Items {
		if it := &g.res.Items[i]; !it.Keep && w.stay[it.Blob] {
			it.Keep, it.Reasons = true, stays
		}
	}
	expired := g.expired(w.stay)
	condemned := slices.Concat(w.going, g.lost.packs, g.dead)
	reason := "gc"
	if g.o.Policy == nil {
		reason = g.o.Reason
	} else if s := g.o.Policy.String(); s != "" {
		reason = s
	}
	if len(made)+len(condemned)+len(expired)+len(g.res.Branches)+len(g.res.Safety) == 0 {
		return nil
	}
	for len(expired) > maxExpired && err == nil {
		err = g.Update(ctx, func(now *journal.State) ([]journal.Op, error) {
			if now.Removals != g.st.Removals {
				return nil, errStale
			}
			return letGo(expired[:maxExpired], reason), nil
		})
		expired = expired[maxExpired:]
	}
	if err != nil {
		discard()
		return err
	}
	err = g.Update(ctx, func(now *journal.State) ([]journal.Op, error) {
		dead, fresh, err := g.recheck(ctx, now, made, slices.Concat(w.going, g.lost.packs))
		if err != nil {
			return nil, err
		}
		condemned = slices.Concat(w.going, g.lost.packs, dead)
		var ops []journal.Op
		if len(made) > 0 {
			ops = append(ops, journal.Op{Kind: journal.OpAddPacks, Packs: made})
		}
		left := slices.DeleteFunc(slices.Clone(expired), func(x journal.Expired) bool { return slices.Contains(fresh, x.Blob) })
		ops = append(ops, letGo(left, reason)...) // not what somebody has just saved again
		if len(condemned) > 0 {
			ops = append(ops, journal.Op{Kind: journal.OpCondemn, Packs: condemned, Reason: reason})
		}
		for _, b := range g.res.Branches {
			n, ok := now.Names[b]
			if ok && n.To != g.st.Names[b].To { // it lives
				return nil, errStale
			}
			if ok {
				ops = append(ops, journal.Op{Kind: journal.OpDeleteName, NameKind: n.Kind, Name: b, Target: n.To, Reason: "ttl"})
			}
		}
		for _, b := range g.res.Safety {
			ops = append(ops, journal.Op{Kind: journal.OpDeleteName, NameKind: g.st.Names[b].Kind, Name: b, Target: g.h.old[b], Reason: "older than 30 days"})
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
	for _, p := range condemned {
		g.res.Freed += p.Size
	}
	for _, p := range made {
		g.res.Freed -= p.Size
	}
	return nil
}

// letGo are the operations that name what is let go.
func letGo(expired []journal.Expired, reason string) (ops []journal.Op) {
	for items := range slices.Chunk(expired, journal.MaxExpired) {
		ops = append(ops, journal.Op{Kind: journal.OpExpire, Reason: reason, Expired: items})
	}
	return ops
}

// expired lists what is let go, for the journal. Content of which a damaged pack
// holds some stays with that pack. What another store promises has not expired when a
// policy lets go of the copy here.
func (g *collection) expired(stay map[objects.BlobID]bool) (out []journal.Expired) {
	for i := range g.res.Items {
		it := &g.res.Items[i]
		if !it.Keep && g.drop.has(it.Blob) && !stay[it.Blob] && !(g.o.Policy != nil && g.h.promised[it.Blob]) {
			v := &g.res.Versions[it.Version]
			out = append(out, journal.Expired{Version: v.ID, Entry: v.Entry, Path: it.Path, Blob: it.Blob, Size: it.Size})
		}
	}
	return out
}

// recheck looks at what others have done since the plan was made. Commits that
// keep to what stays do no harm; anything else makes the plan stale. It returns
// the packs of dead writers that are still not named, and the contents that were saved
// since.
func (g *collection) recheck(ctx context.Context, now *journal.State, made, going []pack.Info) (dead []pack.Info, fresh []objects.BlobID, err error) {
	if now.Removals != g.st.Removals {
		return nil, nil, errStale
	}
	named := map[pack.Name]bool{}
	h := g.Journal.History(now)
	for n := g.st.Number + 1; n <= now.Number; n++ {
		e, err := h.Entry(ctx, n)
		if err != nil {
			return nil, nil, err
		}
		for i := range e.Ops {
			switch op := &e.Ops[i]; op.Kind {
			case journal.OpAddPacks:
				if e.Commit() == nil { // by repack or a repair: what is in them may need what goes
					return nil, nil, errStale
				}
				for _, p := range op.Packs {
					named[p.Name] = true
				}
			case journal.OpCommit:
				v, _, err := e.Version()
				if err != nil {
					return nil, nil, err
				}
				changes, err := h.Changes(ctx, v, op.Parent, objects.NewReader(g.Backend, g.Set(now)))
				if err != nil {
					return nil, nil, err
				}
				for _, ch := range changes {
					if ch.Status != objects.Removed {
						fresh = append(fresh, ch.Blob)
					}
				}
			case journal.OpExpire: // our own, or it changed what there is too
			default: // a name, a hold, a setting: the policy may say otherwise now
				return nil, nil, errStale
			}
		}
	}
	if len(fresh) > 0 {
		b := &without{Backend: g.Backend, gone: map[pack.Name]bool{}}
		for _, p := range going {
			b.gone[p.Name] = true
		}
		for name := range now.Condemned {
			b.gone[name] = true
		}
		after := pack.NewSet(b, slices.Concat(now.Packs, made), now.Segments, with(now.Hidden(), going))
		r := objects.NewReader(b, after)
		for _, id := range fresh {
			b, err := r.Blob(ctx, id)
			if err == nil {
				_, err = b.WriteTo(io.Discard)
			}
			if err != nil && ctx.Err() == nil {
				return nil, nil, errStale
			}
		}
	}
	for _, p := range g.dead {
		if !named[p.Name] {
			dead = append(dead, p)
		}
	}
	return dead, fresh, ctx.Err()
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
