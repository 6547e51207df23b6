package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"syscall"

	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/objects/parity"
)

// change is changeTo for what is known beforehand.
func (w *world) change(d *desk, next *facts, may allowance, do func(s *Store) error) error {
	w.t.Helper()
	return w.changeTo(d, next, may, do, func(*facts) {})
}

// changeTo runs a command, which may meet a crash or a fault on its way, and learns
// what came of it: next, which fix may complete, when it succeeded; nothing when it
// failed; either when it was hurt.
func (w *world) changeTo(d *desk, next *facts, may allowance, do func(s *Store) error, fix func(got *facts)) error {
	w.t.Helper()
	err := w.run(d, do)
	got := w.learn(may)
	fix(got)
	differs := got.same(next)
	if err != nil && differs != nil {
		differs = got.same(w.o)
	} else if err != nil && !w.hurt && got.same(w.o) != nil {
		differs = errors.New("it failed, and changed something")
	}
	if differs != nil {
		w.fatal("the command said %v: %v", err, differs)
	}
	w.o = got
	return err
}

// risk is how seldom a command meets a crash or a fault.
const risk = 7

// run runs a command; w.hurt tells whether something happened to it.
func (w *world) run(d *desk, do func(s *Store) error) error {
	w.t.Helper()
	w.hurt = false
	odds := risk
	if w.perilous {
		odds, w.perilous = 2, false
	}
	if !w.chance(odds) {
		return do(d.s)
	}
	k := int(math.Exp(w.rng.Float64() * math.Log(1500)))
	f := vfs.NewFault(w.store)
	fault := faults[w.rng.IntN(len(faults))]
	crash := w.chance(2)
	if crash {
		fault.name = "crash"
		f.CrashAt(k)
	} else {
		fault.set(f, k)
	}
	root := vfs.FS(f)
	if d != w.desks[0] {
		own := vfs.NewFault(d.m)
		own.OnOp(func(vfs.Op) error {
			if crash && f.Count() > k {
				return vfs.ErrCrashed
			}
			return nil
		})
		root = own
	}
	s := w.storeOn(root, f)
	err := do(s)
	ops := f.Ops()
	f.Reset()
	closeStore(s)
	if len(ops) <= k {
		w.open(d)
		return err
	}
	w.hurt = true
	w.log("  %s at operation %d of %d (%s %s): %v", fault.name, k, len(ops), ops[k].Kind, ops[k].Name, err)
	if crash {
		w.count["crashes"]++
		w.cut(d, w.chance(3))
	} else {
		w.count["faults"]++
		w.sane(err)
		syncAll(w.t, w.store, ".")
		w.open(d)
	}
	return err
}

// sane tells whether the error of a command that met a fault names it.
func (w *world) sane(err error) {
	w.t.Helper()
	if errors.Is(err, ErrExpired) { // it got that far
		return
	}
	if err != nil && !errors.Is(err, syscall.EIO) && !errors.Is(err, vfs.ErrNoSpace) && !errors.Is(err, io.ErrShortWrite) && !errors.Is(err, io.ErrUnexpectedEOF) {
		w.fatal("the cause is not in the error: %v", err)
	}
	if err != nil && strings.Contains(err.Error(), "panic") {
		w.fatal("%v", err)
	}
}

// cut lets the process of a desk die, or its power fail; then what is not durable
// is gone in part.
func (w *world) cut(d *desk, kill bool) {
	w.t.Helper()
	if kill {
		w.store = w.store.ProcessCrash()
		syncAll(w.t, w.store, ".")
	} else {
		w.store = w.store.CrashClone(w.rng)
	}
	if d == w.desks[1] && !kill {
		d.m = d.m.CrashClone(w.rng)
	}
	w.desks[0].m = w.store
	for _, d := range w.desks {
		w.open(d)
		now, err := onDisk(d.m)
		if err == nil && d.disk != nil {
			err = sameFiles(now, d.disk)
		}
		if err != nil {
			w.fatal("after the crash: %v", err)
		}
	}
}

// powerCut comes between two commands: what was acknowledged stays.
func (w *world) powerCut(d *desk) {
	w.log("power cut")
	w.cut(d, false)
	if now := w.learn(allowance{}); now.number != w.o.number {
		w.fatal("a power cut made entry %d", now.number)
	}
	w.count["crashes"]++
}

// damage hurts one file of a store that has parity for all; a repair must bring
// everything back.
func (w *world) damage(d *desk) {
	ctx := context.Background()
	st, err := d.s.j.Load(ctx)
	if err == nil {
		err = d.s.protect(ctx, st, w.chance(2))
	}
	w.want(err, nil)
	var names []string
	w.want(eachFile(w.store, DirName, func(p string) error {
		if !strings.HasPrefix(p, workDir+"/") && !strings.Contains(p, vfs.TempPrefix) {
			names = append(names, p)
		}
		return nil
	}), nil)
	name := names[w.rng.IntN(len(names))]
	whole := read(w.t, w.store, name)
	b, what := slices.Clone(whole), "flip a bit of"
	switch n := w.rng.IntN(6); {
	case n == 0 && !strings.HasSuffix(name, fmt.Sprintf("journal/e%016x", st.Number)): // without the last entry the store is what it was before
		what = "lose"
		if err := w.store.Remove(name); err != nil {
			w.fatal("%v", err)
		}
		w.want(w.store.SyncDir(name[:strings.LastIndexByte(name, '/')]), nil)
	case n == 1:
		what = "cut"
		b = b[:w.rng.IntN(len(b))]
		rewrite(w.t, w.store, name, b)
	case n == 2:
		what = "clear some of"
		at := w.rng.IntN(len(b))
		clear(b[at:min(len(b), at+200)])
		rewrite(w.t, w.store, name, b)
	default:
		b[w.rng.IntN(len(b))] ^= 1 << w.rng.IntN(8)
		rewrite(w.t, w.store, name, b)
	}
	w.log("%s %s", what, name)
	for _, d := range w.desks {
		w.open(d)
	}
	if !w.repairable(d, name) {
		w.log("  too much for the parity that there is")
		if _, err := w.store.Lstat(name); err == nil {
			w.want(w.store.Remove(name), nil)
		}
		write(w.t, w.store, name, whole)
		for _, d := range w.desks {
			w.open(d)
		}
		return
	}
	w.readDamaged(d)
	w.workDamaged(d)
	can := w.repairable(d, name)
	w.perilous = w.chance(2)
	var rep *FsckReport
	err = w.run(d, func(s *Store) (err error) {
		rep, err = s.Fsck(ctx, FsckOptions{Repair: true})
		return err
	})
	if w.hurt {
		w.open(d)
		rep, err = d.s.Fsck(ctx, FsckOptions{Repair: true})
	}
	if err == nil && !can { // of the files that share its parity too many have been removed
		w.log("  too late for the parity that there was")
		for b, entries := range w.o.was { // what had expired and was there again may have expired again with it
			if _, gone := w.o.gone[b]; !gone {
				w.o.gone[b] = entries[len(entries)-1]
			}
			w.o.unsure[b] = true
		}
		w.count["too late"]++
		_ = w.store.Remove(name)
		write(w.t, w.store, name, whole)
		w.open(d)
		rep, err = d.s.Fsck(ctx, FsckOptions{Repair: true})
	}
	if err != nil || !rep.OK {
		w.fatal("repair: %v, %+v", err, rep)
	}
	got := w.learn(allowance{now: true})
	if err := got.same(w.o); err != nil {
		w.fatal("after the repair: %v", err)
	}
	w.o = got
	for _, d := range w.desks {
		w.open(d)
	}
	w.fsck(d)
	w.count["repairs"] += rep.Repaired
	w.count["damages"]++
}

// repairable tells whether parity is enough to bring a file back.
func (w *world) repairable(d *desk, name string) bool {
	ctx := context.Background()
	key := strings.TrimPrefix(name, DirName+"/")
	if strings.HasPrefix(key, "parity/") {
		return true
	}
	groups, err := d.s.parityFiles(ctx, func(string, error) {})
	w.want(err, nil)
	for _, g := range groups {
		if x, err := g.Damage(ctx); err == nil && x.Repairable() && slices.ContainsFunc(x.Files, func(f parity.FileDamage) bool { return f.Key == key }) {
			return true
		}
	}
	return false
}

// workDamaged goes on before anybody has seen the damage: it must not be made
// permanent.
func (w *world) workDamaged(d *desk) {
	ctx := context.Background()
	st, err := d.s.j.Load(ctx)
	if err == nil {
		switch w.rng.IntN(6) {
		case 0:
			w.log("  fold")
			_, err = d.s.j.Fold(ctx, st, d.s.packSet(st))
		case 1:
			w.log("  repack")
			_, err = d.s.Repack(ctx, RepackOptions{All: w.chance(2)})
		case 2:
			w.log("  parity")
			err = d.s.protect(ctx, st, w.chance(2))
		}
	}
	if err = classify(err); err != nil && !errors.Is(err, ErrDamaged) {
		w.fatal("damaged: %v", err)
	}
}

// readDamaged reads some of a damaged store: nothing comes out wrong.
func (w *world) readDamaged(d *desk) {
	for range 3 {
		id := w.anyVersion()
		if id == "" {
			return
		}
		for p, data := range w.o.versions[id].files {
			text, err := readModel(d.s, id, p)
			_, gone := w.o.gone[blobOf(data)]
			switch {
			case err == nil && text != data:
				w.fatal("damaged, %s reads as something else", p)
			case errors.Is(err, ErrExpired) && !gone:
				w.fatal("damaged, %s is told to have expired: %v", p, err)
			case err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrExpired):
				w.fatal("damaged, %s: %v", p, err)
			}
		}
	}
}

// unlinkTemps removes what a power cut left of renames from one directory to
// another: a temporary file that is a model too. When a checkout swept it, the model
// would look as if it was changed meanwhile, and the checkout would have to be
// repeated.
func (w *world) unlinkTemps(d *desk) {
	for _, name := range temps(d.m) {
		if fi, err := d.m.Lstat(name); err == nil && fi.Sys().(*vfs.MemSys).Links > 1 {
			w.want(d.m.Remove(name), nil)
		}
	}
	_ = d.m.SyncDir(tempDir) // which may not be there
}
