package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/mstore/mstore/gc"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/objects/pack"
)

// facts are a store as it should be. They follow the journal entry by entry; what
// was acknowledged is compared with them, and every entry is judged by what was
// known before it.
type facts struct {
	number   uint64
	hash     journal.Hash
	versions map[string]*fact
	order    []string          // IDs as they were made
	entries  map[uint64]string // IDs of versions by entry
	names    map[string]pointer
	moves    map[string][]string // all positions of aliases, the newest last
	stack    map[string][]string // those that rollback goes back to
	holds    map[holdOf]bool
	config   map[string]string

	gone      map[objects.BlobID]uint64   // expired by that entry
	was       map[objects.BlobID][]uint64 // all entries by which it has ever expired
	unsure    map[objects.BlobID]bool     // expired or not: either will do
	batches   map[uint64][]pack.Name      // packs that were condemned with an expiry
	condemned map[pack.Name]time.Time
	expired   []objects.BlobID // of the entries that were read last
}

type fact struct {
	id, parent string
	entry, seq uint64
	time       time.Time
	safety     bool
	branch     string
	metrics    map[string]any
	files      files
	changes    []objects.Change
}

type pointer struct {
	kind NameKind
	id   string
}

type holdOf struct{ id, path string }

func newFacts() *facts {
	return &facts{versions: map[string]*fact{}, entries: map[uint64]string{}, names: map[string]pointer{}, moves: map[string][]string{},
		stack: map[string][]string{}, holds: map[holdOf]bool{}, config: map[string]string{}, gone: map[objects.BlobID]uint64{},
		was: map[objects.BlobID][]uint64{}, unsure: map[objects.BlobID]bool{}, batches: map[uint64][]pack.Name{}, condemned: map[pack.Name]time.Time{}}
}

func (o *facts) clone() *facts {
	c := *o
	c.versions, c.entries, c.names = maps.Clone(o.versions), maps.Clone(o.entries), maps.Clone(o.names)
	c.moves, c.stack, c.holds, c.config = maps.Clone(o.moves), maps.Clone(o.stack), maps.Clone(o.holds), maps.Clone(o.config)
	c.was = maps.Clone(o.was)
	c.gone, c.unsure, c.batches, c.condemned = maps.Clone(o.gone), maps.Clone(o.unsure), maps.Clone(o.batches), maps.Clone(o.condemned)
	c.order, c.expired = slices.Clone(o.order), nil
	return &c
}

// same tells what differs in names, holds and versions.
func (o *facts) same(p *facts) error {
	switch {
	case !maps.Equal(o.names, p.names):
		return fmt.Errorf("names %v, want %v", o.names, p.names)
	case !maps.Equal(o.holds, p.holds):
		return fmt.Errorf("holds %v, want %v", o.holds, p.holds)
	case !maps.Equal(o.config, p.config):
		return fmt.Errorf("config %v, want %v", o.config, p.config)
	case len(o.order) != len(p.order):
		return fmt.Errorf("%d versions, want %d", len(o.order), len(p.order))
	}
	return nil
}

// line lists the first parents of a version, itself first.
func (o *facts) line(id string) (ids []string) {
	for ; id != ""; id = o.versions[id].parent {
		ids = append(ids, id)
	}
	return ids
}

func (o *facts) of(kind NameKind) map[string]string {
	out := map[string]string{}
	for name, p := range o.names {
		if p.kind == kind {
			out[name] = p.id
		}
	}
	return out
}

func blobOf(data string) objects.BlobID { return objects.BlobID(objects.HashPiece([]byte(data))) }

// protected are the contents that no policy may let go, with the reason.
func (o *facts) protected() map[objects.BlobID]string {
	out := map[objects.BlobID]string{}
	all := func(id, path, why string) {
		for p, data := range o.versions[id].files {
			if path == "" || p == path {
				out[blobOf(data)] = why
			}
		}
	}
	var newest time.Time
	for _, id := range o.order {
		if v := o.versions[id]; !v.safety {
			newest = v.time
		}
	}
	for name, p := range o.names {
		switch p.kind {
		case Branch, Tag:
			all(p.id, "", p.kind.String()+" "+name)
		case Alias:
			list := o.moves[name]
			for _, id := range list[max(0, len(list)-3):] {
				all(id, "", "alias "+name)
			}
		case Safety:
			if newest.Sub(o.versions[p.id].time) <= gc.SafetyKept {
				all(p.id, "", name)
			}
		}
	}
	for h := range o.holds {
		all(h.id, h.path, "hold")
	}
	return out
}

// newestOf are the last n contents of each model on the lines of branch heads.
func (o *facts) newestOf(n int) map[objects.BlobID]string {
	out := map[objects.BlobID]string{}
	for name, head := range o.of(Branch) {
		count := map[string]int{}
		for _, id := range o.line(head) {
			for _, ch := range o.versions[id].changes {
				if count[ch.Path]++; ch.Status != objects.Removed && count[ch.Path] <= n {
					out[ch.Blob] = fmt.Sprintf("one of the last %d of %s on %s", n, ch.Path, name)
				}
			}
		}
	}
	return out
}

// future tells whether some version is dated after the one that was made last, or
// after now.
func (o *facts) future(now time.Time) bool {
	last := now
	for _, id := range o.order {
		if v := o.versions[id]; !v.safety {
			last = v.time
		}
	}
	if last.After(now) {
		last = now
	}
	return slices.ContainsFunc(o.order, func(id string) bool { return o.versions[id].time.After(last) })
}

// allowance is what a command may let go and remove.
type allowance struct {
	expire bool
	force  bool // what is protected too
	none   bool // no rule lets anything go but old safety versions
	last   int  // so many of each model are kept at least
	now    bool // condemned packs go before their time
	any    bool // several commands ran at once
}

// learn reads the entries that came since, and judges them.
func (w *world) learn(may allowance) *facts {
	w.t.Helper()
	ctx := context.Background()
	s := w.desks[0].s
	st, err := s.j.Load(ctx)
	if err != nil {
		w.fatal("loading the journal: %v", err)
	}
	o := w.o.clone()
	if st.Number < o.number || st.Number == o.number && st.Hash != o.hash {
		w.fatal("the journal ends at entry %d, it was at %d", st.Number, o.number)
	}
	h := s.j.History(st)
	for n := o.number + 1; n <= st.Number; n++ {
		e, err := h.Entry(ctx, n)
		if err != nil {
			w.fatal("entry %d: %v", n, err)
		}
		if n == o.number+1 && n > 1 && e.Prev != o.hash {
			w.fatal("entry %d does not follow what was acknowledged", n)
		}
		w.apply(o, e, may)
	}
	o.number, o.hash = st.Number, st.Hash
	return o
}

func (w *world) apply(o *facts, e *journal.Entry, may allowance) {
	w.t.Helper()
	w.judge(o, e, may)
	var expires bool
	for i := range e.Ops {
		op := &e.Ops[i]
		id := op.Target.ID.String()
		switch op.Kind {
		case journal.OpCommit:
			w.applyCommit(o, e)
		case journal.OpSetName:
			o.names[op.Name] = pointer{op.NameKind, id}
			if op.NameKind == Alias {
				o.moves[op.Name] = append(slices.Clip(o.moves[op.Name]), id)
				if s := o.stack[op.Name]; op.Reason == rollbackReason && len(s) > 1 {
					o.stack[op.Name] = s[:len(s)-1]
				} else {
					o.stack[op.Name] = append(slices.Clip(s), id)
				}
			}
		case journal.OpDeleteName:
			delete(o.names, op.Name)
			delete(o.stack, op.Name)
		case journal.OpHold:
			o.holds[holdOf{id, op.Name}] = true
		case journal.OpUnhold:
			delete(o.holds, holdOf{id, op.Name})
		case journal.OpSetConfig:
			o.config[op.Key] = op.Value
		case journal.OpUnsetConfig:
			delete(o.config, op.Key)
		case journal.OpExpire:
			expires = true
			for _, x := range op.Expired {
				o.gone[x.Blob] = e.Number
				o.was[x.Blob] = append(slices.Clip(o.was[x.Blob]), e.Number)
				delete(o.unsure, x.Blob)
				o.expired = append(o.expired, x.Blob)
			}
		case journal.OpCondemn:
			for _, p := range op.Packs {
				o.condemned[p.Name] = e.Time
				if expires {
					o.batches[e.Number] = append(o.batches[e.Number], p.Name)
				}
			}
		case journal.OpUndelete:
			o.undelete(op.Packs)
		case journal.OpAddPacks, journal.OpRemovePacks:
			for _, p := range op.Packs {
				delete(o.condemned, p.Name)
			}
		}
	}
}

// undelete brings back what the packs hold: surely all that was let go when all of
// them were condemned; perhaps what they held when it was let go an earlier time.
func (o *facts) undelete(packs []pack.Info) {
	back := map[pack.Name]bool{}
	for _, p := range packs {
		back[p.Name] = true
		delete(o.condemned, p.Name)
	}
	for b, n := range o.gone {
		back := func(p pack.Name) bool { return back[p] }
		if all := o.batches[n]; len(all) > 0 && !slices.ContainsFunc(all, func(p pack.Name) bool { return !back(p) }) {
			delete(o.gone, b)
			continue
		}
		for _, n := range o.was[b] {
			if slices.ContainsFunc(o.batches[n], back) {
				o.unsure[b] = true
			}
		}
	}
}

func (w *world) applyCommit(o *facts, e *journal.Entry) {
	w.t.Helper()
	rec, vid, err := e.Version()
	if err != nil {
		w.fatal("entry %d: %v", e.Number, err)
	}
	op := e.Commit()
	v := &fact{id: vid.String(), entry: e.Number, seq: rec.Seq, time: rec.Time, safety: op.NameKind == Safety, branch: op.Name,
		metrics: rec.Metrics, changes: rec.Changes, files: files{}}
	if op.Parent.Entry != 0 {
		v.parent = o.entries[op.Parent.Entry]
		v.files = o.versions[v.parent].files.with()
	}
	for _, ch := range rec.Changes {
		if ch.Status == objects.Removed {
			delete(v.files, ch.Path)
			continue
		}
		data, ok := w.data[ch.Blob]
		if !ok {
			w.fatal("entry %d: %s became content %s, which nobody has written", e.Number, ch.Path, ch.Blob)
		}
		v.files[ch.Path] = data
		delete(o.gone, ch.Blob)
		delete(o.unsure, ch.Blob)
	}
	if o.versions[v.id] != nil {
		w.fatal("version %s comes twice", v.id)
	}
	o.versions[v.id] = v
	o.order = append(o.order, v.id)
	o.entries[e.Number] = v.id
	o.names[op.Name] = pointer{op.NameKind, v.id}
}

// judge looks at what an entry lets go and removes.
func (w *world) judge(o *facts, e *journal.Entry, may allowance) {
	w.t.Helper()
	then := o.clone()
	for i := range e.Ops {
		if op := &e.Ops[i]; op.Kind == journal.OpDeleteName { // by ttl, or its age
			delete(then.names, op.Name)
		}
	}
	var kept, safetyOnly map[objects.BlobID]string
	for i := range e.Ops {
		op := &e.Ops[i]
		switch op.Kind {
		case journal.OpExpire:
			if !may.expire {
				w.fatal("entry %d lets content go", e.Number)
			}
			if kept == nil {
				kept = then.protected()
				if may.last > 0 {
					maps.Copy(kept, then.newestOf(may.last))
				}
				safetyOnly = then.reached()
			}
			for _, x := range op.Expired {
				if why := kept[x.Blob]; why != "" && !may.force {
					w.fatal("entry %d lets %s of version %.8x go, which %s protects", e.Number, x.Path, x.Version, why)
				}
				if why := safetyOnly[x.Blob]; may.none && why != "" {
					w.fatal("entry %d lets %s of version %.8x go without a rule: %s", e.Number, x.Path, x.Version, why)
				}
			}
		case journal.OpRemovePacks:
			early, due := 0, 0 // some may go early, as they cannot be read without one that is due
			for _, p := range op.Packs {
				if at, ok := o.condemned[p.Name]; ok && e.Time.Sub(at) < w.grace(o) {
					early++
				} else if ok {
					due++
				}
			}
			if early > 0 && due == 0 && !may.now && !may.any {
				w.fatal("entry %d removes %d packs before their grace of %v is over", e.Number, early, w.grace(o))
			}
		}
	}
}

// reached are the contents of all versions but safety versions.
func (o *facts) reached() map[objects.BlobID]string {
	out := map[objects.BlobID]string{}
	for _, id := range o.order {
		v := o.versions[id]
		for _, ch := range v.changes {
			if !v.safety && ch.Status != objects.Removed {
				out[ch.Blob] = fmt.Sprintf("v%d of %s", v.seq, v.branch)
			}
		}
	}
	return out
}
