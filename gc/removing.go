package gc

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/objects/pack"
)

// remove removes the condemned packs whose grace is over.
func (g *collection) remove(ctx context.Context) error {
	const tries = 20
	for try := 0; ; try++ {
		err := g.removeOnce(ctx)
		if errors.Is(err, errStale) && try < tries {
			continue
		}
		if errors.Is(err, errStale) {
			err = ErrBusy
		}
		return err
	}
}

func (g *collection) removeOnce(ctx context.Context) error {
	st, err := g.Journal.Load(ctx)
	if err != nil {
		return err
	}
	var due []pack.Info
	for _, p := range st.SortedCondemned() {
		if g.due(ctx, p) {
			due = append(due, p.Info)
		}
	}
	if len(due) == 0 {
		return nil
	}
	if due, err = g.dependents(ctx, st, due); err != nil {
		return err
	}
	if err := g.expendable(ctx, st, due); err != nil {
		return err
	}
	err = g.Update(ctx, func(now *journal.State) ([]journal.Op, error) {
		if !maps.Equal(now.Condemned, st.Condemned) { // some were taken back, or others came that need these
			return nil, errStale
		}
		return []journal.Op{{Kind: journal.OpRemovePacks, Packs: due}}, nil
	})
	if err != nil {
		return err
	}
	objects.DeletePacks(context.WithoutCancel(ctx), g.Backend, due)
	g.res.Removed = due
	for _, p := range due {
		if !slices.Contains(g.res.Condemned, p) { // by an earlier run
			g.res.Freed += p.Size
		}
	}
	g.res.Condemned = slices.DeleteFunc(g.res.Condemned, func(p pack.Info) bool { return slices.Contains(due, p) })
	return nil
}

// dependents adds, to condemned packs that are to be removed, those that are condemned
// too and cannot be decoded without them: taken back, they would be damage.
func (g *collection) dependents(ctx context.Context, st *journal.State, due []pack.Info) ([]pack.Info, error) {
	all := objects.NewReader(g.Backend, pack.NewSet(g.Backend, st.Packs, st.Segments, st.Dead))
	for again := true; again; {
		again = false
		b := &without{Backend: g.Backend, gone: map[pack.Name]bool{}}
		for _, p := range due {
			b.gone[p.Name] = true
		}
		after := pack.NewSet(b, st.Packs, st.Segments, with(st.Dead, due))
		r := objects.NewReader(b, after)
		for _, p := range st.SortedCondemned() {
			if b.gone[p.Name] {
				continue
			}
			x, err := after.Index(ctx, p.Info)
			if err == nil {
				var ok bool
				if ok, err = g.decodes(ctx, all, r, x); err == nil && !ok {
					due, again = append(due, p.Info), true
				}
			}
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
		}
	}
	return due, nil
}

// expendable makes sure that all that was ever saved and not let go is there
// without the condemned packs.
func (g *collection) expendable(ctx context.Context, st *journal.State, due []pack.Info) error {
	full := objects.NewReader(g.Backend, g.Set(st))
	again := &collection{Collector: g.Collector, st: st, full: full, res: &CollectResult{}}
	var err error
	if again.h, err = g.readHistory(ctx, st, full, false, g.o.Clock); err != nil {
		return err
	}
	packs, err := g.Journal.History(st).LivePacks(ctx)
	if err != nil {
		return err
	}
	if again.iv, err = g.takeInventory(ctx, st, full.Set(), packs, nil); err != nil {
		return err
	}
	again.drop = newContents(again.iv)
	again.h.markGone(again.iv)
	if err := again.markKept(ctx); err != nil {
		return err
	}
	broken, err := again.broken(ctx, st, nil, due)
	if err == nil && len(broken) > 0 {
		err = fmt.Errorf("%w: pack %s cannot be read without packs that should go; nothing was removed", ErrProtected, broken[0])
	}
	return err
}

// broken lists the packs that stay and have differences that cannot be decoded when
// some packs have gone. Such a difference names where its base was; now it must be
// found by its content, in the new packs or in those that stay, and that must not
// lead back to where it began.
func (g *collection) broken(ctx context.Context, st *journal.State, made, going []pack.Info) (out []pack.Name, err error) {
	gone := map[pack.Name]bool{} // what is condemned already goes some time
	for name := range st.Condemned {
		gone[name] = true
	}
	for _, p := range going {
		gone[p.Name] = true
	}
	if len(gone) == 0 {
		return nil, nil
	}
	stays := map[pack.Name]bool{}
	for _, p := range g.iv.packs {
		stays[p.Name] = !gone[p.Name]
	}
	b := &without{Backend: g.Backend, gone: gone}
	after := pack.NewSet(b, slices.Concat(st.Packs, made), st.Segments, with(st.Hidden(), going))
	r := objects.NewReader(b, after)
	for _, p := range g.iv.packs {
		if gone[p.Name] {
			continue
		}
		x, err := after.Index(ctx, p)
		if err != nil {
			return nil, err
		}
		n, err := x.Notes()
		if err != nil {
			return nil, err
		}
		// A base whose pack has gone before is found by its content, wherever that is.
		if !slices.ContainsFunc(n.Needs, func(p pack.Name) bool { return !stays[p] }) {
			continue
		}
		ok, err := g.decodes(ctx, g.full, r, x)
		if err != nil {
			return nil, err
		}
		if !ok {
			out = append(out, p.Name)
		}
	}
	return out, nil
}

// decodes tells whether all differences of a pack that could be decoded still can.
func (g *collection) decodes(ctx context.Context, before, r *objects.Reader, x *pack.Index) (bool, error) {
	for row, err := range x.Rows() {
		if err != nil {
			return false, err
		}
		l := pack.Loc{Pack: x.Name, Row: row}
		bases, err := r.Bases(ctx, l)
		if err == nil && len(bases) > 0 {
			_, err = r.ReadAt(ctx, nil, l)
		}
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		if err != nil {
			if _, was := before.ReadAt(ctx, nil, l); was == nil { // else it was damaged before
				return false, nil
			}
		}
	}
	return true, nil
}
