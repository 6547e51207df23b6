package store

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/objects/pack"
	"github.com/mstore/mstore/objects/parity"
)

func (w *world) rules() map[string]string {
	n := func() string { return strconv.Itoa(1 + w.rng.IntN(3)) }
	some := func(list ...string) string { return list[w.rng.IntN(len(list))] }
	all := []func() (string, string){
		func() (string, string) { return "keep-last", n() }, func() (string, string) { return "keep-last", n() },
		func() (string, string) { return "keep-within", some("1h", "2d", "20d", "0") },
		func() (string, string) {
			return some("keep-hourly", "keep-daily", "keep-weekly", "keep-monthly", "keep-yearly"), n()
		},
		func() (string, string) { return "keep-best", some("score:max:2", "score:min", "score:max,score:min:3") },
		func() (string, string) {
			return "keep-where", some("metrics.score > 0.5", `params.lr < 0.3 or branch == "branch0"`, `tag == "tag1"`, "version < 4")
		},
		func() (string, string) { return "never-below", n() },
	}
	out := map[string]string{}
	for range (w.rng.IntN(9) + 2) / 4 { // mostly one
		rule, value := all[w.rng.IntN(len(all))]()
		out[rule] = value
	}
	return out
}

// setting changes what the store keeps, or how long what is let go stays.
func (w *world) setting(d *desk) {
	values := map[string][]string{"gc.grace": {"0", "2d", "14d"}, "gc.branch.branch*.ttl": {"3d", "20d"}, "gc.model.dir/**.keep-last": {"1", "2"},
		"gc.branch.branch0.keep-within": {"5d"}, "gc.never-below": {"2"}}
	key := pickKey(w.rng, values)
	next := w.o.clone()
	_, set := next.config[key]
	ctx := context.Background()
	if set && w.chance(2) {
		w.log("unset %s", key)
		delete(next.config, key)
		w.change(d, next, allowance{}, func(s *Store) error { return s.UnsetConfig(ctx, key, false) })
		return
	}
	value := values[key][w.rng.IntN(len(values[key]))]
	next.config[key] = value
	w.log("set %s %s", key, value)
	w.change(d, next, allowance{}, func(s *Store) error { return s.SetConfig(ctx, key, value, false) })
}

func (w *world) gc(d *desk) {
	w.collect(d, GCOptions{Rules: w.rules(), Now: w.chance(4)}, true)
}

// allowed is what a collection with these rules may do.
func (w *world) allowed(o GCOptions) allowance {
	may := allowance{expire: true, now: o.Now, none: true}
	for rule := range o.Rules {
		may.none = may.none && !strings.HasPrefix(rule, "keep-")
	}
	for key := range w.o.config {
		may.none = may.none && !strings.Contains(key, ".keep-") && !strings.HasSuffix(key, ".ttl")
	}
	for _, rule := range []string{"keep-last", "never-below"} {
		if w.o.config["gc."+rule] != "" {
			continue
		}
		if n, err := strconv.Atoi(o.Rules[rule]); err == nil && w.o.config["gc.model.dir/**.keep-last"] == "" {
			may.last = max(may.last, n)
		}
	}
	return may
}

func blobsOf(r *GCResult, keep bool) []objects.BlobID {
	var out []objects.BlobID
	for it := range r.Items() {
		if it.Keep == keep {
			out = append(out, it.Blob)
		}
	}
	return distinct(out)
}

func distinct(list []objects.BlobID) []objects.BlobID {
	slices.SortFunc(list, func(a, b objects.BlobID) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(list)
}

// collect is a gc, announced by a dry run.
func (w *world) collect(d *desk, o GCOptions, perilous bool) {
	w.t.Helper()
	ctx := context.Background()
	w.log("gc %v, now %v", o.Rules, o.Now)
	dry := o
	dry.DryRun = true
	was := w.storeFiles()
	plan, err := d.s.GC(ctx, dry)
	if asksScore(o.Rules) && !w.measured() {
		w.want(err, ErrUsage)
		return
	}
	w.want(err, nil)
	if !maps.Equal(was, w.storeFiles()) {
		w.fatal("a dry run changed something")
	}
	next := w.o.clone()
	for _, name := range slices.Concat(plan.Branches, plan.Safety) {
		delete(next.names, name)
	}
	for _, d := range w.desks {
		closeStore(d.s)
	}
	var res *GCResult
	w.perilous = perilous && w.chance(2)
	err = w.change(d, next, w.allowed(o), func(s *Store) (err error) {
		s.o.Warn = func(msg string) { w.warned(msg) }
		res, err = s.GC(ctx, o)
		return err
	})
	d.s.o.Warn = func(string) {}
	w.letGo(err, plan, res)
	w.count["gcs"]++
	if err == nil && !w.hurt {
		if len(w.warns) > 0 {
			w.fatal("warned: %q", w.warns)
		}
		w.noDebris(d, o.Now)
	}
	w.warns = nil
}

// warned fails unless a fault explains it.
func (w *world) warned(msg string) { w.warns = append(w.warns, msg) }

// letGo compares what has expired with what was announced and told.
func (w *world) letGo(err error, plan, res *GCResult) {
	w.t.Helper()
	want, got := blobsOf(plan, false), distinct(w.o.expired)
	left := err == nil && w.hurt && res.Left > 0
	if left { // what could not be read stays, for now
		want = blobsOf(res, false)
	}
	w.count["expired"] += len(got)
	if !slices.Equal(got, want) && (err == nil || len(got) > 0) {
		w.fatal("%d contents have expired, %d were announced", len(got), len(want))
	}
	if err != nil {
		if !w.hurt {
			w.fatal("%v", err)
		}
		return
	}
	if told := blobsOf(res, false); !slices.Equal(told, want) {
		w.fatal("%d contents are told to have expired, %d were announced", len(told), len(want))
	}
	if left {
		return
	}
	if kept := blobsOf(res, true); !slices.Equal(kept, blobsOf(plan, true)) {
		w.fatal("%d contents are told to be kept, %d were announced", len(kept), len(blobsOf(plan, true)))
	}
	if res.Left > 0 || !slices.Equal(res.Branches, plan.Branches) || !slices.Equal(res.Safety, plan.Safety) {
		w.fatal("got %d packs left, branches %q, %q; announced %q, %q", res.Left, res.Branches, res.Safety, plan.Branches, plan.Safety)
	}
}

func (w *world) measured() bool {
	return slices.ContainsFunc(w.o.order, func(id string) bool { _, ok := w.o.versions[id].metrics["score"]; return ok })
}

// storeFiles are the files of the store but those of the workspace.
func (w *world) storeFiles() files {
	f := files{}
	w.want(eachFile(w.store, DirName, func(p string) error {
		if strings.HasPrefix(p, workDir+"/") {
			return nil
		}
		b, err := vfs.ReadFile(w.store, p, 1<<30)
		f[p] = string(b)
		return err
	}), nil)
	return f
}

// noDebris demands that nothing is in the store that nobody needs, and that all
// that is there has parity.
func (w *world) noDebris(d *desk, now bool) {
	w.t.Helper()
	ctx := context.Background()
	st, err := d.s.j.Load(ctx)
	w.want(err, nil)
	live, err := d.s.j.History(st).LivePacks(ctx)
	w.want(err, nil)
	named := map[string]bool{}
	for _, p := range live {
		named[p.Name.Key()] = true
	}
	covered := map[string]bool{}
	groups, err := d.s.parityFiles(ctx, func(key string, err error) { w.fatal("parity %s: %v", key, err) })
	w.want(err, nil)
	there := w.storeFiles()
	for _, g := range groups {
		hurt, err := g.Damage(ctx)
		w.want(err, nil)
		// What the next fold deletes may be damaged, and fsck does not mind.
		old := slices.ContainsFunc(hurt.Files, func(f parity.FileDamage) bool { return !f.Missing })
		for _, f := range g.Files() {
			covered[f.Key] = true
			if old {
				continue
			}
			if _, ok := there[DirName+"/"+f.Key]; !ok {
				w.fatal("parity %s is for %s, which is gone", g.Name().Key(), f.Key)
			}
		}
	}
	for p := range there {
		key := strings.TrimPrefix(p, DirName+"/")
		_, isPack := pack.ParseKey(key)
		switch {
		case strings.Contains(p, vfs.TempPrefix):
			fi, err := w.store.Lstat(p) // one that a key names too counts as in use while that is read
			if w.want(err, nil); now && fi.Sys().(*vfs.MemSys).Links == 1 {
				w.fatal("%s is left", p)
			}
		case isPack && !named[key] && now:
			w.fatal("the journal does not name %s", p)
		case !strings.HasPrefix(key, "parity/") && !covered[key] && (!isPack || named[key]):
			w.fatal("%s has no parity", p)
		}
		delete(named, key)
	}
	if len(named) > 0 {
		w.fatal("these packs are not there: %v", named)
	}
	if now && len(st.Condemned) > 0 {
		w.fatal("%d packs are still condemned", len(st.Condemned))
	}
}

func (w *world) expire(d *desk) {
	id := w.anyVersion()
	if id == "" || len(w.o.versions[id].files) == 0 {
		return
	}
	ctx := context.Background()
	v := w.o.versions[id]
	path := ""
	if w.chance(2) {
		path = pickKey(w.rng, v.files)
	}
	o := ExpireOptions{Force: w.chance(4), Grace: w.chance(3)}
	w.log("expire v%d:%s, %+v", v.seq, path, o)
	kept := w.o.protected()
	held, perhaps := false, w.o.future(w.clock.jump(0))
	for p, data := range v.files {
		if b := blobOf(data); (path == "" || p == path) && kept[b] != "" {
			held = held || w.o.gone[b] == 0
			perhaps = perhaps || w.o.unsure[b]
		}
	}
	dry := o
	dry.DryRun = true
	plan, err := d.s.Expire(ctx, id, path, dry)
	switch {
	case held && !o.Force:
		w.want(err, ErrConflict)
		return
	case errors.Is(err, ErrConflict) && !o.Force && perhaps:
		return
	}
	w.want(err, nil)
	may := allowance{expire: true, force: o.Force, now: !o.Grace}
	var res *GCResult
	w.perilous = true
	err = w.change(d, w.o.clone(), may, func(s *Store) (err error) {
		res, err = s.Expire(ctx, id, path, o)
		return err
	})
	w.letGo(err, plan, res)
	w.count["expires"]++
	if err == nil && !w.hurt {
		for p, data := range v.files {
			if _, gone := w.o.gone[blobOf(data)]; !gone && (path == "" || p == path) {
				w.fatal("%s was not let go", p)
			}
		}
	}
}

func (w *world) undelete(d *desk) {
	w.log("undelete, %d packs condemned", len(w.o.condemned))
	var n int
	before := len(w.o.condemned)
	err := w.change(d, w.o.clone(), allowance{}, func(s *Store) (err error) {
		n, _, err = s.Undelete(context.Background())
		return err
	})
	if err == nil && (n != before || len(w.o.condemned) > 0) {
		w.fatal("%d packs are back, %d were condemned, %d still are", n, before, len(w.o.condemned))
	}
	w.count["undeletes"]++
}

func (w *world) repack(d *desk) {
	o := RepackOptions{All: w.chance(3)}
	w.log("repack %v", o)
	w.perilous = w.chance(2)
	if err := w.change(d, w.o.clone(), allowance{}, func(s *Store) error { _, err := s.Repack(context.Background(), o); return err }); err != nil && !w.hurt {
		w.fatal("%v", err)
	}
}

// asksScore tells whether rules ask for the metric score.
func asksScore(rules map[string]string) bool {
	return rules["keep-best"] != "" || strings.Contains(rules["keep-where"], "metrics.score")
}
