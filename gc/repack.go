package gc

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/objects/pack"
)

// Collector looks after the space that a store takes. All fields but Promised must be set.
type Collector struct {
	Backend  backend.Backend
	Journal  *journal.Journal
	Set      func(*journal.State) *pack.Set // the packs of a state
	NewName  func() pack.Name               // random names
	Progress func(done, total int64)        // raw bytes of blobs
	Warn     func(msg string)
	// Update appends the operations that ops makes from the newest state, again and
	// again until no other writer is first.
	Update func(ctx context.Context, ops func(*journal.State) ([]journal.Op, error)) error
	// Promised, if not nil, makes a test of commits: whether another store promises the
	// content of their versions, so that it may be absent here.
	Promised func(ctx context.Context, h *journal.History) (func(commit *journal.Op) bool, error)
}

// Options are the settings of a repack.
type Options struct {
	// All: packs that were made by an earlier repack too.
	All bool
	// MaxPack is the length in bytes of the packs that are written; 0: 256 MiB.
	MaxPack int64
}

// Result is what a repack did.
type Result struct {
	Packs  int   // that were rewritten
	Into   int   // so many
	Before int64 // bytes of the packs that were rewritten
	After  int64
	Left   []pack.Name // what stays because some of it cannot be read
}

const (
	// smallPart: a pack that repack made and that is less than this part of a full
	// one is taken up again, together with what came since.
	smallPart = 8
	// packSize is the length of the packs that repack writes. Each is published as
	// soon as it is full: so much at most is done again after an interruption.
	packSize = 256 << 20
	// worthPart: fewer bytes by less than this part, in as many packs, are no gain:
	// what is longer in a chain is slower to read.
	worthPart = 50
	// keepBytes is what is kept in memory of pieces that were read, and as much of
	// those that were written, as bases of the next.
	keepBytes = 64 << 20
)

// ErrGone: another process has removed packs meanwhile. Nothing was changed.
var ErrGone = errors.New("another process has rewritten the packs meanwhile: nothing is lost, and there is nothing left to do")

// Repack rewrites packs that commits have written: into few, with more time for
// each piece, the newest version of each model by itself and the earlier ones as
// differences to those that came after. It ends in one journal entry that names
// the new packs and removes the old ones, whose files are deleted then. No writer
// waits for it, and what is committed meanwhile stays as it is. When it is
// interrupted, the packs that were full are kept, and the next one goes on from
// there. When the new packs would not be smaller, it tries once more with the oldest
// version first, as commits have it; and when that is no gain either, the old ones
// stay.
//
// Damaged records are left where they are: a pack that has some stays.
func (c *Collector) Repack(ctx context.Context, o Options) (*Result, error) {
	if o.MaxPack == 0 {
		o.MaxPack = packSize
	}
	st, err := c.Journal.Load(ctx)
	if err != nil {
		return nil, err
	}
	r := &repack{Collector: c, st: st, res: &Result{}, stay: map[pack.Name]bool{}}
	if err := r.choose(ctx, o); err != nil {
		return nil, err
	}
	r.sweep(ctx)
	if len(r.old) == 0 {
		return r.res, nil
	}
	for _, newestFirst := range []bool{true, false} {
		made, err := r.rewrite(ctx, o.MaxPack, newestFirst)
		err = r.lost(ctx, err)
		if errors.Is(err, ErrGone) { // what the journal names already is of no use to anybody
			return nil, errors.Join(err, r.drop(ctx, nil))
		}
		if err != nil {
			return nil, err
		}
		if done, err := r.publish(ctx, made); done || err != nil || !r.ordered {
			return r.res, err
		}
	}
	return r.res, nil
}

type repack struct {
	*Collector
	st   *journal.State
	res  *Result
	full *objects.Reader // all packs
	kept *objects.Reader // those that are not rewritten

	removed  map[pack.Name]bool // by the journal, some time
	old      []*pack.Index
	versions [][]byte // copies of version records from their footers
	stay     map[pack.Name]bool
	early    []pack.Info // new packs that the journal names already
	taken    uint64      // entries by which this repack took packs back
	keys     []uint64    // the first bytes of what the old packs hold, sorted
	missed   int         // reads of what is not there
	ordered  bool        // some model has more than one content, so that the order matters
}

// choose finds the packs to rewrite. No pack that stays needs one of them, so
// that new packs, which may need those that stay, are never in a circle with
// them.
func (r *repack) choose(ctx context.Context, o Options) error {
	all, removed, err := r.Journal.History(r.st).AllPacks(ctx)
	if err != nil {
		return err
	}
	r.removed = removed
	set := r.Set(r.st)
	type candidate struct {
		x     *pack.Index
		notes pack.Notes
		take  bool
	}
	var packs []*candidate
	fresh := 0
	for _, p := range all {
		if _, ok := r.st.Condemned[p.Name]; ok {
			continue
		}
		x, err := set.Index(ctx, p)
		var n pack.Notes
		if err == nil {
			n, err = x.Notes()
		}
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			r.res.Left = append(r.res.Left, p.Name)
			continue
		}
		c := &candidate{x: x, notes: n, take: o.All || !n.Folded || p.Size < o.MaxPack/smallPart}
		if !n.Folded {
			fresh++
		}
		packs = append(packs, c)
	}
	for again := true; again; {
		again = false
		needed := map[pack.Name]bool{}
		for _, c := range packs {
			if !c.take {
				for _, p := range c.notes.Needs {
					needed[p] = true
				}
			}
		}
		for _, c := range packs {
			if c.take && (needed[c.x.Name] || slices.ContainsFunc(c.notes.Replaces, func(p pack.Name) bool { return needed[p] })) {
				c.take, again = false, true
			}
		}
	}
	taken := 0
	for _, c := range packs {
		if c.take {
			taken++
		}
	}
	if !o.All && fresh == 0 && taken < 4 { // what repack made before is as good as it gets
		return nil
	}
	dead := with(r.st.Hidden(), nil)
	for _, c := range packs {
		if c.take {
			r.old = append(r.old, c.x)
			dead[c.x.Name] = true
			r.versions = append(r.versions, c.notes.Versions...)
		}
	}
	for _, name := range r.res.Left { // no base for what is new
		dead[name] = true
	}
	r.full = objects.NewReader(r.Backend, set)
	r.full.KeepPieces(keepBytes)
	rest := pack.NewSet(r.Backend, r.st.Packs, r.st.Segments, dead)
	rest.Recover = set.Recover
	rest.Inherit(set)
	r.kept = objects.NewReader(r.Backend, rest)
	r.kept.KeepPieces(keepBytes)
	return nil
}

// sweep deletes the files of packs that the journal has removed: who removed
// them was killed before it could. A failure does no harm.
func (r *repack) sweep(ctx context.Context) {
	infos, err := r.Backend.List(ctx, pack.Prefix, "", 0)
	if err != nil {
		return
	}
	for _, i := range infos {
		if name, ok := pack.ParseKey(i.Key); ok && r.removed[name] {
			_ = r.Backend.Delete(ctx, i.Key)
		}
	}
}

// publish makes the new packs take the place of the old ones, if they take less.
func (r *repack) publish(ctx context.Context, made []pack.Info) (done bool, err error) {
	var remove []pack.Info
	var gain int64
	for _, x := range r.old {
		if !r.stay[x.Name] {
			remove = append(remove, x.Info)
			gain += x.Size
		}
	}
	after := int64(0)
	for _, p := range made {
		after += p.Size
	}
	if after > gain || (len(made) >= len(remove) && after > gain-gain/worthPart) {
		err := r.drop(ctx, made)
		r.early = nil
		return false, err
	}
	r.res.Packs, r.res.Into, r.res.Before, r.res.After = len(r.old), len(made), gain, after
	add := made[len(r.early):]
	err = r.Update(ctx, func(now *journal.State) ([]journal.Op, error) {
		if r.overtaken(now) {
			return nil, ErrGone
		}
		ops := []journal.Op{{Kind: journal.OpRemovePacks, Packs: remove}}
		if len(add) > 0 {
			ops = append([]journal.Op{{Kind: journal.OpAddPacks, Packs: add}}, ops...)
		}
		return ops, nil
	})
	if errors.Is(err, backend.ErrUnknown) {
		return false, err // the new packs may be in use
	}
	if err != nil {
		return false, errors.Join(err, r.drop(context.WithoutCancel(ctx), made))
	}
	objects.DeletePacks(context.WithoutCancel(ctx), r.Backend, remove)
	return true, nil
}

// drop takes new packs back. Those that the journal names already may have been
// relied on since: they stay unless everything in them is elsewhere too.
func (r *repack) drop(ctx context.Context, made []pack.Info) error {
	extra := made[min(len(made), len(r.early)):]
	early := r.early
	if len(early) > 0 {
		err := r.Update(ctx, func(now *journal.State) (_ []journal.Op, err error) {
			if early, err = r.ours(ctx, now); err != nil || len(early) == 0 {
				return nil, err
			}
			spare, err := r.spare(ctx, now, early)
			if err == nil && !spare {
				err = errNeeded
			}
			return []journal.Op{{Kind: journal.OpRemovePacks, Packs: early}}, err
		})
		if errors.Is(err, errNeeded) {
			objects.DeletePacks(ctx, r.Backend, extra)
			return nil
		}
		if err != nil {
			return fmt.Errorf("taking new packs back: %w", err)
		}
		if len(early) > 0 {
			r.taken++
		}
	}
	objects.DeletePacks(ctx, r.Backend, early)
	objects.DeletePacks(ctx, r.Backend, extra)
	return nil
}

// ours lists the new packs that nobody has condemned or removed meanwhile.
func (r *repack) ours(ctx context.Context, now *journal.State) (out []pack.Info, err error) {
	live, err := r.Journal.History(now).LivePacks(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range r.early {
		if _, condemned := now.Condemned[p.Name]; !condemned && slices.Contains(live, p) {
			out = append(out, p)
		}
	}
	return out, nil
}

// lost makes an error ErrGone when others have removed packs since the beginning:
// what cannot be found then is no damage.
func (r *repack) lost(ctx context.Context, err error) error {
	if err == nil || !errors.Is(err, objects.ErrMissing) && !errors.Is(err, backend.ErrNotFound) && !errors.Is(err, pack.ErrNotFound) {
		return err
	}
	if now, lerr := r.Journal.Load(ctx); lerr == nil && r.overtaken(now) {
		return ErrGone
	}
	return err
}

var errNeeded = errors.New("in use")

// overtaken tells whether others have removed packs since the beginning.
func (r *repack) overtaken(now *journal.State) bool {
	return now.Removals != r.st.Removals+r.taken
}

// spare tells whether other packs hold all that these do.
func (r *repack) spare(ctx context.Context, now *journal.State, packs []pack.Info) (bool, error) {
	set := r.Set(now)
	others := pack.NewSet(r.Backend, now.Packs, now.Segments, with(now.Hidden(), packs))
	others.Recover = set.Recover
	others.Inherit(set)
	for _, p := range packs {
		x, err := set.Index(ctx, p)
		if err != nil {
			return false, err
		}
		for row, err := range x.Rows() {
			if err != nil {
				return false, err
			}
			if row.Kind == pack.KindLabel {
				continue
			}
			if _, err := others.Find(ctx, row.Kind, row.Key); errors.Is(err, pack.ErrNotFound) {
				return false, nil
			} else if err != nil {
				return false, err
			}
		}
	}
	return true, nil
}

// with adds packs to a set of dead ones.
func with(dead map[pack.Name]bool, packs []pack.Info) map[pack.Name]bool {
	all := maps.Clone(dead)
	if all == nil {
		all = map[pack.Name]bool{}
	}
	for _, p := range packs {
		all[p.Name] = true
	}
	return all
}
