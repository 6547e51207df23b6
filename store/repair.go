package store

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/mstore/mstore/gc"
	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/mirror"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/objects/pack"
	"github.com/mstore/mstore/objects/parity"
)

// Repair is something that was written again.
type Repair struct {
	Object string // a file's key, or a model's content
	Path   string // of the model
	From   string // what helped
}

// repairing is one attempt to heal a store.
type repairing struct {
	s         *Store
	done      []Repair
	changed   bool
	elsewhere []*other
}

func (r *repairing) note(object, path, from string) {
	r.changed = true
	if !slices.ContainsFunc(r.done, func(d Repair) bool { return d.Object == object && d.Path == path }) {
		r.done = append(r.done, Repair{object, path, from})
	}
}

// maxRounds bounds how often repair looks again at what it has done.
const maxRounds = 4

// repair heals what can be healed: files from parity and from copies of the store that
// lie elsewhere, journal entries from what repeats them, contents from the working
// directory and other stores, what is derived from what it is derived from. It writes
// what it did into the journal, and looks again. A mirror is healed by files alone:
// nothing is appended to its journal.
func (s *Store) repair(ctx context.Context, o FsckOptions, f *fsck) (*fsck, error) {
	if err := s.writable(ctx); err != nil {
		return nil, err
	}
	again := FsckOptions{}
	if o.partial() { // what was found may be part of more
		var err error
		if f, err = s.check(ctx, again, nil); err != nil {
			return nil, err
		}
	}
	r := &repairing{s: s}
	defer r.close()
	steps := []func(context.Context, *fsck) error{r.files, r.mirrored, r.journal, r.format, r.trees, r.contents, r.packs, r.forget, r.derived, r.parity}
	_, _, isMirror, err := mirror.Mark(ctx, s.b)
	if err != nil {
		return nil, classify(err)
	}
	if isMirror {
		steps = []func(context.Context, *fsck) error{r.files, r.mirrored, r.journal, r.format, r.parity}
	}
	for range maxRounds {
		before := len(r.done)
		for _, step := range steps {
			r.changed = false
			if err := step(ctx, f); err != nil {
				return nil, classify(err)
			}
			if !r.changed {
				continue
			}
			s.mu.Lock()
			s.set = nil // what was opened before the repair
			s.mu.Unlock()
			var err error
			if f, err = s.check(ctx, again, nil); err != nil {
				return nil, err
			}
			if f.rep.OK {
				break
			}
		}
		if f.rep.OK || len(r.done) == before {
			break
		}
	}
	if len(r.done) > 0 && f.sn != nil {
		if !isMirror {
			if err := r.record(ctx); err != nil {
				return nil, err
			}
		}
		s.protectOrWarn(ctx, true)
		if d, ok := s.b.(interface{ SyncDirs(...string) error }); ok { // damaged files that were deleted stay away
			if err := d.SyncDirs("objects", "journal", "parity"); err != nil {
				return nil, classify(err)
			}
		}
		var err error
		if f, err = s.check(ctx, again, nil); err != nil {
			return nil, err
		}
	}
	f.rep.Repaired, f.rep.Repairs = len(r.done), r.done
	return f, nil
}

// record writes into the journal what was repaired.
func (r *repairing) record(ctx context.Context) error {
	const most = 1000
	_, err := r.s.update(ctx, func(*snapshot) (ops []journal.Op, _ error) {
		for _, d := range r.done[:min(len(r.done), most)] {
			object := d.Object
			if d.Path != "" {
				object += " " + d.Path
			}
			ops = append(ops, journal.Op{Kind: journal.OpRepair, Key: object, Reason: d.From})
		}
		return ops, nil
	})
	return err
}

// files rebuilds damaged and lost files from parity.
func (r *repairing) files(ctx context.Context, f *fsck) error {
	reported := map[string]bool{}
	for _, p := range f.rep.Problems {
		reported[p.Object] = true
		if name, ok := packOf(p.Object); ok {
			reported[name.Key()] = true
		}
	}
	groups, err := r.s.parityFiles(ctx, func(string, error) {})
	if err != nil {
		return err
	}
	for _, g := range groups {
		d, err := g.Damage(ctx)
		if err != nil {
			return err
		}
		for _, x := range d.Files {
			_, isPack := pack.ParseKey(x.Key)
			if x.Missing && !reported[x.Key] && (f.sn != nil || isPack) { // it was removed
				continue
			}
			if err := r.rebuild(ctx, g, x.Key); err != nil {
				return err
			}
		}
	}
	return nil
}

// rebuild puts a file back from parity, if that holds enough.
func (r *repairing) rebuild(ctx context.Context, g *parity.Group, key string) error {
	w, err := r.s.b.Replace(ctx, key)
	if err != nil {
		return err
	}
	if err := g.Rebuild(ctx, key, w); err != nil {
		if aerr := w.Abort(); ctx.Err() != nil || aerr != nil {
			return errors.Join(err, aerr)
		}
		return nil // too much is damaged; other ways are left
	}
	if err := w.Commit(); err != nil {
		return err
	}
	r.note(key, "", "parity")
	return nil
}

// journal rebuilds entries and checkpoints from what repeats them.
func (r *repairing) journal(ctx context.Context, f *fsck) error {
	if f.sn != nil && !slices.ContainsFunc(f.rep.Problems, func(p Problem) bool { return strings.HasPrefix(p.Object, "journal/") }) {
		return nil
	}
	copies, err := r.copies(ctx)
	if err != nil {
		return err
	}
	done, err := r.s.j.Rebuild(ctx, copies)
	for _, d := range done {
		r.note(d.Key, "", d.From)
	}
	return err
}

// copies gathers the version records in the footers of all packs that can be read.
func (r *repairing) copies(ctx context.Context) (out []journal.Copy, err error) {
	infos, err := r.s.b.List(ctx, pack.Prefix, "", 0)
	if err != nil {
		return nil, err
	}
	for _, i := range infos {
		name, ok := pack.ParseKey(i.Key)
		if !ok {
			continue
		}
		info := pack.Info{Name: name, Size: i.Size}
		x, err := pack.OpenIndex(ctx, r.s.b, info)
		var n pack.Notes
		if err == nil {
			n, err = x.Notes()
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			continue
		}
		for k, rec := range n.Versions {
			c := journal.Copy{Pack: info, Record: rec}
			if k == len(n.Versions)-1 {
				c.Intent = n.Intent
			}
			out = append(out, c)
		}
	}
	return out, nil
}

func (r *repairing) format(ctx context.Context, f *fsck) error {
	if f.sn == nil || !slices.ContainsFunc(f.rep.Problems, func(p Problem) bool { return p.Object == formatKey }) {
		return nil
	}
	w, err := r.s.b.Replace(ctx, formatKey)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(w, formatLine); err != nil {
		return errors.Join(err, w.Abort())
	}
	if err := w.Commit(); err != nil {
		return err
	}
	r.note(formatKey, "", "what it always says")
	return nil
}

// packs moves all that can be read out of damaged packs, and removes them if nothing
// else is in them that is needed.
func (r *repairing) packs(ctx context.Context, f *fsck) error {
	if f.sn == nil || len(f.damaged) == 0 {
		return nil
	}
	var must []pack.Name
	for name := range f.damaged {
		if slices.ContainsFunc(f.layouts, func(p packRows) bool { return p.info.Name == name }) {
			must = append(must, name)
		}
	}
	if len(must) == 0 {
		return nil
	}
	res, err := r.s.collector().Collect(ctx, gc.CollectOptions{Only: map[objects.BlobID]bool{}, Must: must, Reason: "repair", Now: true, Clock: r.s.o.Clock()})
	if errors.Is(err, gc.ErrProtected) || errors.Is(err, objects.ErrMissing) || errors.Is(err, objects.ErrCorrupt) || errors.Is(err, pack.ErrCorrupt) || errors.Is(err, journal.ErrCorrupt) || errors.Is(err, journal.ErrMissing) {
		return ctx.Err() // the check names what is missing
	}
	if err != nil {
		return err
	}
	for _, p := range res.Removed {
		r.note(p.Name.Key(), "", "what else there is of it, in a new pack")
	}
	return nil
}

// forget removes packs from the journal that are lost, or cannot be read at all, when
// nothing is missing without them.
func (r *repairing) forget(ctx context.Context, f *fsck) error {
	if f.sn == nil {
		return nil
	}
	live, err := f.sn.h.LivePacks(ctx)
	if err != nil {
		return nil // the check tells
	}
	without := map[pack.Name]bool{}
	var lost []pack.Info
	for _, p := range live {
		if f.damaged[p.Name] {
			without[p.Name] = true
			lost = append(lost, p)
		}
	}
	if len(lost) == 0 {
		return nil
	}
	g, err := r.s.check(ctx, FsckOptions{}, without)
	if err != nil {
		return err
	}
	for _, p := range g.rep.Problems {
		if p.Kind != "index" && !strings.HasPrefix(p.Object, parity.Prefix) {
			return nil
		}
	}
	removals := f.sn.st.Removals
	_, err = r.s.update(ctx, func(sn *snapshot) ([]journal.Op, error) {
		if sn.st.Removals != removals {
			return nil, nil
		}
		return []journal.Op{{Kind: journal.OpRemovePacks, Packs: lost}}, nil
	})
	if err != nil {
		return err
	}
	objects.DeletePacks(ctx, r.s.b, lost)
	for _, p := range lost {
		r.note(p.Name.Key(), "", "nothing: all that is needed of it is elsewhere")
	}
	return nil
}

// derived folds the journal: that builds index segments and checkpoints anew. Those
// of the generation before go with the fold after.
func (r *repairing) derived(ctx context.Context, f *fsck) error {
	if f.sn == nil {
		return nil
	}
	var keys []string
	for _, p := range f.rep.Problems {
		_, isSegment := pack.ParseSegmentKey(p.Object)
		if isSegment || strings.HasPrefix(p.Object, "journal/c") || strings.HasPrefix(p.Object, "journal/a") {
			keys = append(keys, p.Object)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	for range 3 {
		sn, _, err := r.s.appendOps(ctx, func(*snapshot) ([]journal.Op, error) {
			return []journal.Op{{Kind: journal.OpRepair, Key: keys[0], Reason: "built anew"}}, nil
		})
		if err != nil {
			return err
		}
		if _, err := r.s.j.Fold(ctx, sn.st, r.s.packSet(sn.st)); err != nil {
			return ctx.Err() // what is damaged cannot be folded
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	for _, key := range keys {
		if _, err := r.s.b.Stat(ctx, key); errors.Is(err, backend.ErrNotFound) {
			r.note(key, "", "built anew")
		}
	}
	return nil
}

// parity writes damaged parity files again, or makes others in their place.
func (r *repairing) parity(ctx context.Context, f *fsck) error {
	for _, p := range f.rep.Problems {
		name, ok := parity.ParseKey(p.Object)
		if !ok {
			continue
		}
		err := r.heal(ctx, name)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			if err := r.s.b.Delete(ctx, p.Object); err != nil && !errors.Is(err, backend.ErrNotFound) {
				return err
			}
			r.s.protectOrWarn(ctx, true)
			r.note(p.Object, "", "made anew from the files that it protects")
			continue
		}
		r.note(p.Object, "", "the files that it protects")
	}
	return nil
}

func (r *repairing) heal(ctx context.Context, name parity.Name) error {
	g, err := parity.Open(ctx, r.s.b, name)
	if err != nil {
		return err
	}
	w, err := r.s.b.Replace(ctx, name.Key())
	if err != nil {
		return err
	}
	if err := g.Heal(ctx, w); err != nil {
		return errors.Join(err, w.Abort())
	}
	return w.Commit()
}
