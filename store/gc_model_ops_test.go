package store

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mstore/mstore/internal/vfs"
)

// content makes a model: few different ones, so that the same come back, and saves
// of one model that are stored as differences.
func (w *world) content() string {
	switch w.rng.IntN(6) {
	case 0:
		return strings.Repeat(fmt.Sprint(w.rng.IntN(6)), 1+w.rng.IntN(3)*40)
	case 1:
		return string(edited(model(uint64(w.rng.IntN(2)), 20_000), w.rng.IntN(12)))
	case 2:
		b := []byte(noise(1, 40_000))
		for range w.rng.IntN(3) {
			b[w.rng.IntN(8)*5000] ^= 1
		}
		return string(b)
	case 3:
		return fmt.Sprint("once: ", w.rng.Uint64())
	}
	return string(edited(model(1, 3000), w.rng.IntN(12)))
}

func (w *world) edit(d *desk) {
	for range 1 + w.rng.IntN(3) {
		name := modelPaths[w.rng.IntN(len(modelPaths))]
		if w.chance(2) {
			name = modelPaths[w.rng.IntN(2)]
		}
		if w.chance(6) && d.disk[name] != "" {
			if err := d.m.Remove(name); err != nil {
				w.fatal("%v", err)
			}
			delete(d.disk, name)
			continue
		}
		data := w.content()
		w.data[blobOf(data)] = data
		if d.disk[name] != "" && w.chance(2) {
			rewrite(w.t, d.m, name, []byte(data))
		} else {
			write(w.t, d.m, name, []byte(data))
		}
		d.disk[name] = data
	}
	for _, dir := range []string{"dir/sub", "dir", "x/y", "x", "."} {
		_ = d.m.SyncDir(dir) // some of them may not be there
	}
	w.log("edit")
}

// rewrite writes a file in place, durably.
func rewrite(t interface {
	Helper()
	Fatal(...any)
}, m *vfs.Mem, name string, data []byte) {
	t.Helper()
	err := m.Rewrite(name, data)
	if err == nil {
		var f vfs.File
		if f, err = m.Open(name); err == nil {
			err = errors.Join(f.Sync(), f.Close())
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) commit(d *desk) {
	if !w.chance(3) {
		w.edit(d)
	}
	o := CommitOptions{Paths: []string{"."}, Author: "tester"}
	head := w.o.of(Branch)[d.branch]
	was := files{}
	if head != "" {
		was = w.o.versions[head].files
	}
	want, covered := d.disk.with(), slices.Collect(maps.Values(d.disk))
	if d != w.desks[0] || w.chance(3) { // one model, or one directory
		name := modelPaths[w.rng.IntN(len(modelPaths))]
		if w.chance(3) {
			name, _, _ = strings.Cut(name, "/")
		}
		want, covered, o.Paths = was.with(), nil, []string{name}
		found := false
		for _, q := range modelPaths {
			if q == name || strings.HasPrefix(q, name+"/") {
				found = found || d.disk[q] != "" || was[q] != ""
				want = want.with(q, d.disk[q])
				if d.disk[q] != "" {
					covered = append(covered, d.disk[q])
				}
			}
		}
		if !found {
			return
		}
	}
	if w.chance(2) {
		o.Metrics = map[string]any{"score": float64(w.rng.IntN(100)) / 100}
		o.Params = map[string]any{"lr": float64(w.rng.IntN(10)) / 10}
	}
	o.Fast = w.chance(8)
	w.log("commit %v on %s", o.Paths, d.branch)
	if head == "" && len(w.o.of(Branch)) > 0 { // its branch had its time
		_, err := d.s.Commit(context.Background(), o)
		w.want(err, ErrConflict)
		return
	}
	changed := !maps.Equal(was, want)
	next := w.o.clone()
	if changed {
		next.order = append(next.order, "")
		next.names[d.branch] = pointer{Branch, ""}
	}
	var res *CommitResult
	err := w.changeTo(d, next, allowance{}, func(s *Store) (err error) {
		res, err = s.Commit(context.Background(), o)
		return err
	}, func(got *facts) {
		if !changed || len(got.order) != len(next.order) {
			return
		}
		id := got.order[len(got.order)-1]
		next.order[len(next.order)-1], next.names[d.branch] = id, pointer{Branch, id}
		v := got.versions[id]
		if err := sameFiles(v.files, want); err != nil || v.parent != head || !maps.Equal(v.metrics, o.Metrics) {
			w.fatal("the version has another content, parent or metrics: %v", err)
		}
	})
	if err == nil && res.Created != changed {
		w.fatal("created %v, changed %v: %s to %s", res.Created, changed, describeFiles(was), describeFiles(want))
	}
	for _, data := range covered { // what had expired is saved again
		b := blobOf(data)
		if err == nil {
			delete(w.o.gone, b)
			delete(w.o.unsure, b)
		} else if w.o.gone[b] > 0 {
			w.o.unsure[b] = true
		}
	}
}

func (w *world) name(d *desk) {
	id := w.anyVersion()
	if id == "" {
		return
	}
	ctx := context.Background()
	next := w.o.clone()
	tag, branch, alias := fmt.Sprintf("tag%d", w.rng.IntN(2)), fmt.Sprintf("branch%d", w.rng.IntN(3)), fmt.Sprintf("alias%d", w.rng.IntN(2))
	var kind error
	set := func(k NameKind, name string, force bool) func(s *Store) error {
		return func(s *Store) error { _, err := s.SetName(ctx, k, name, id, force); return err }
	}
	unset := func(k NameKind, name string) func(s *Store) error {
		if next.names[name].kind != k {
			kind = ErrNotFound
		}
		delete(next.names, name)
		return func(s *Store) error { return s.DeleteName(ctx, k, name, false) }
	}
	var do func(s *Store) error
	what := ""
	switch w.rng.IntN(9) {
	case 0:
		what = "tag " + tag
		if at, ok := w.o.names[tag]; ok && at.id != id {
			kind = ErrConflict
		}
		next.names[tag] = pointer{Tag, id}
		do = set(Tag, tag, false)
	case 1:
		what, do = "untag "+tag, unset(Tag, tag)
	case 2, 3:
		force := w.chance(3)
		what = fmt.Sprintf("branch %s, force %v", branch, force)
		if at, ok := w.o.names[branch]; ok && !force && !slices.Contains(w.o.line(id), at.id) {
			kind = ErrConflict
		}
		next.names[branch] = pointer{Branch, id}
		do = set(Branch, branch, force)
	case 4:
		if w.desks[0].branch == branch || w.desks[1].branch == branch {
			return
		}
		what, do = "delete "+branch, unset(Branch, branch)
		if kind == nil && !w.reached(branch) {
			kind = ErrConflict
		}
	case 5, 6:
		what, do = "alias "+alias, set(Alias, alias, false)
		next.names[alias] = pointer{Alias, id}
	case 7:
		what, do = "unalias "+alias, unset(Alias, alias)
	default:
		what = "rollback " + alias
		switch s := w.o.stack[alias]; len(s) {
		case 0:
			kind = ErrNotFound
		case 1:
			kind = ErrConflict
		default:
			next.names[alias] = pointer{Alias, s[len(s)-2]}
		}
		do = func(s *Store) error { _, err := s.Rollback(ctx, alias); return err }
	}
	w.log("%s (v%d)", what, w.o.versions[id].seq)
	w.refused(d, next, kind, do)
}

// reached tells whether another name leads to a branch's head.
func (w *world) reached(branch string) bool {
	for other, p := range w.o.names {
		if other != branch && p.kind != Safety && slices.Contains(w.o.line(p.id), w.o.names[branch].id) {
			return true
		}
	}
	return false
}

// refused is a change, or an error of that kind and no change.
func (w *world) refused(d *desk, next *facts, kind error, do func(s *Store) error) {
	w.t.Helper()
	if kind != nil {
		w.want(do(d.s), kind)
		next = w.o.clone()
		do = func(*Store) error { return nil }
	}
	w.change(d, next, allowance{}, do)
}

func (w *world) hold(d *desk) {
	id := w.anyVersion()
	if id == "" {
		return
	}
	next := w.o.clone()
	if len(w.o.holds) > 1 || w.chance(3) && len(w.o.holds) > 0 {
		list := slices.SortedFunc(maps.Keys(w.o.holds), func(a, b holdOf) int { return strings.Compare(a.id+a.path, b.id+b.path) })
		h := list[w.rng.IntN(len(list))]
		delete(next.holds, h)
		w.log("unhold v%d %s", w.o.versions[h.id].seq, h.path)
		w.change(d, next, allowance{}, func(s *Store) error { _, err := s.Unhold(context.Background(), h.id, h.path); return err })
		return
	}
	path := ""
	if w.chance(2) {
		path = pickKey(w.rng, w.o.versions[id].files)
	}
	next.holds[holdOf{id, path}] = true
	w.log("hold v%d %s", w.o.versions[id].seq, path)
	w.change(d, next, allowance{}, func(s *Store) error {
		_, err := s.Hold(context.Background(), id, path, fmt.Sprint(w.rng.IntN(2)))
		return err
	})
}

// checkout brings a version, or one model, back; what of it has expired is told.
func (w *world) checkout(d *desk) {
	id := w.anyVersion()
	if id == "" {
		return
	}
	o, to := CheckoutOptions{Rev: id}, d.branch
	if w.chance(3) {
		to = pickKey(w.rng, w.o.of(Branch))
		o.Rev, id = to, w.o.names[to].id
	}
	v := w.o.versions[id]
	one := ""
	if w.chance(3) && len(v.files) > 0 {
		one = pickKey(w.rng, v.files)
		o.Rev, o.Paths, to = id, []string{one}, d.branch
	}
	want, was := d.disk.with(), d.disk
	if one == "" {
		for _, tree := range []files{d.last, w.headFiles(d)} {
			for name := range tree {
				if v.files[name] == "" {
					delete(want, name)
				}
			}
		}
	}
	var expired []string
	sure := true
	for name, data := range v.files {
		if one != "" && name != one || want[name] == data {
			continue
		}
		b := blobOf(data)
		sure = sure && !w.o.unsure[b]
		if _, gone := w.o.gone[b]; gone {
			expired = append(expired, name)
		} else {
			want[name] = data
		}
	}
	slices.Sort(expired)
	w.log("checkout %.12s, v%d %s, %d expired", o.Rev, v.seq, one, len(expired))
	var res *CheckoutResult
	next := w.o.clone()
	d.disk = nil // what is there is seen below
	w.unlinkTemps(d)
	err := w.changeTo(d, next, allowance{}, func(s *Store) (err error) {
		res, err = s.Checkout(context.Background(), o)
		return err
	}, func(got *facts) {
		for _, vid := range got.order[len(w.o.order):] { // what was saved first
			next.order = append(next.order, vid)
			next.names[got.versions[vid].branch] = pointer{Safety, vid}
		}
	})
	now, derr := onDisk(d.m)
	w.want(derr, nil)
	d.disk = now
	if one != "" && len(expired) > 0 && sure && !w.hurt {
		w.want(err, ErrExpired)
		w.want(sameFiles(now, was), nil)
		return
	}
	if err == nil && sure {
		var told []string
		for _, x := range res.Expired {
			told = append(told, x.Path)
		}
		if w.hurt { // what was there before is not removed where it could not be seen to be saved
			for name, data := range now {
				if _, ok := want[name]; !ok && was[name] == data {
					want[name] = data
				}
			}
		}
		if err := sameFiles(now, want); err != nil || !slices.Equal(told, expired) {
			w.fatal("told to have expired: %q, want %q; on disk: %v", told, expired, err)
		}
	} else if err != nil && !w.hurt && !errors.Is(err, ErrExpired) {
		w.fatal("%v", err)
	}
	for name, data := range now {
		if data != was[name] && data != v.files[name] {
			w.fatal("%s is neither what it was nor what it should be", name)
		}
	}
	for name, data := range was {
		if now[name] != data {
			w.saved(d, name, data)
		}
	}
	head := d.s.head()
	if head.Branch != to && (err == nil || head.Branch != d.branch) {
		w.fatal("on branch %s, want %s", head.Branch, to)
	}
	d.branch = head.Branch
	if x, err := d.s.Show(context.Background(), id); err == nil && hex.EncodeToString(x.Tree[:]) == head.Tree {
		d.last = v.files
	}
}

func (w *world) headFiles(d *desk) files {
	if v := w.o.versions[w.o.of(Branch)[d.branch]]; v != nil {
		return v.files
	}
	return nil
}

// saved makes sure that the store can give back what was overwritten.
func (w *world) saved(d *desk, name, data string) {
	b := blobOf(data)
	for _, id := range w.o.order {
		for p, other := range w.o.versions[id].files {
			if other != data {
				continue
			}
			if text, err := readModel(d.s, id, p); err != nil || text != data {
				w.fatal("%s was overwritten, and cannot be read back: %v", name, err)
			}
			delete(w.o.gone, b)
			delete(w.o.unsure, b)
			return
		}
	}
	w.fatal("%s was overwritten, and is in no version", name)
}
