package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/vfs"
)

// oracle is a store as it should be, in maps: what a random sequence of
// commands on the real one is compared with.
type oracle struct {
	versions map[string]known
	order    []string          // IDs as they were made
	branches map[string]string // name to head
	tags     map[string]string
	aliases  map[string][]string // positions, the newest last
}

type known struct {
	parent string
	seq    uint64
	files  files
}

// line lists the first parents of a version, itself first.
func (o *oracle) line(id string) (ids []string) {
	for ; id != ""; id = o.versions[id].parent {
		ids = append(ids, id)
	}
	return ids
}

// desk is a working directory with its own workspace on the shared store.
type desk struct {
	s      *Store
	m      *vfs.Mem
	disk   files
	branch string
	last   files // of the tree checked out last
}

// play is one random sequence.
type play struct {
	t     *testing.T
	seed  uint64
	rng   *rand.Rand
	o     oracle
	store *vfs.Mem // what the desks share
	desks []*desk
	clock func() time.Time
	trace []string
}

var modelPaths = []string{"a.json", "b.bin", "c", "dir/d.json", "dir/e", "dir/sub/f.json", "x/y/z.json", "x/w"}

func newPlay(t *testing.T, seed uint64) *play {
	p := &play{t: t, seed: seed, rng: rand.New(rand.NewPCG(seed, 5)),
		o:     oracle{versions: map[string]known{}, branches: map[string]string{}, tags: map[string]string{}, aliases: map[string][]string{}},
		clock: ticking(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), 700*time.Millisecond)}
	p.store = vfs.NewMem()
	p.store.SetClock(p.clock)
	if _, err := openMem(t.Context(), p.store, p.clock); err != nil {
		t.Fatal(err)
	}
	syncAll(t, p.store, ".")
	for i := range 2 {
		d := &desk{m: p.store, disk: files{}, branch: DefaultBranch}
		if i > 0 {
			d.m = vfs.NewMem()
			d.m.SetClock(p.clock)
		}
		p.desks = append(p.desks, d)
		p.open(d)
	}
	return p
}

func (p *play) open(d *desk) {
	d.s = newStore(d.m, backend.NewDir(vfs.Sub(p.store, DirName)), Options{Clock: p.clock})
}

func (p *play) fatal(format string, args ...any) {
	p.t.Helper()
	p.t.Fatalf("seed %d, after %s:\n%s", p.seed, strings.Join(p.trace, "; "), fmt.Sprintf(format, args...))
}

// want compares an error with the kind that must come, nil for none.
func (p *play) want(err, kind error) bool {
	p.t.Helper()
	if (err == nil) != (kind == nil) || !errors.Is(err, kind) {
		p.fatal("got error %v, want %v", err, kind)
	}
	return err == nil
}

func pickKey[V any](rng *rand.Rand, m map[string]V) string {
	if len(m) == 0 {
		return ""
	}
	keys := slices.Sorted(maps.Keys(m))
	return keys[rng.IntN(len(keys))]
}

func (p *play) anyVersion() string {
	if len(p.o.order) == 0 {
		return ""
	}
	return p.o.order[p.rng.IntN(len(p.o.order))]
}

func (p *play) step() {
	d := p.desks[min(p.rng.IntN(4), 1)]
	id := p.anyVersion()
	switch n := p.rng.IntN(21); {
	case n < 5:
		p.edit(d)
	case n < 10:
		p.commit(d)
	case id == "":
	case n < 11:
		p.setTag(d, id)
	case n < 13:
		p.setBranch(d, id)
	case n < 14:
		p.setAlias(d, id)
	case n < 15:
		p.rollback(d)
	case n < 16:
		p.remove(d)
	case n < 18:
		p.checkout(d, id)
	case n < 19:
		p.fold(d)
	case n < 20:
		p.repack(d)
	default:
		p.crash()
	}
}

func (p *play) edit(d *desk) {
	for range 1 + p.rng.IntN(3) {
		name := modelPaths[p.rng.IntN(len(modelPaths))]
		switch n := p.rng.IntN(6); {
		case n == 0 && d.disk[name] != "":
			if err := d.m.Remove(name); err != nil {
				p.fatal("%v", err)
			}
			delete(d.disk, name)
		default: // few contents, so that the same ones come back, and saves of one model
			data := strings.Repeat(fmt.Sprint(p.rng.IntN(6)), 1+p.rng.IntN(3)*40)
			if p.rng.IntN(3) == 0 {
				data = string(edited(model(1, 3000), p.rng.IntN(12)))
			}
			if d.disk[name] != "" && n < 3 {
				if err := d.m.Rewrite(name, []byte(data)); err != nil { // in place
					p.fatal("%v", err)
				}
			} else {
				write(p.t, d.m, name, []byte(data))
			}
			d.disk[name] = data
		}
	}
	p.trace = append(p.trace, "edit")
}

func (p *play) repack(d *desk) {
	p.trace = append(p.trace, "repack")
	_, err := d.s.Repack(context.Background(), RepackOptions{All: p.rng.IntN(4) == 0})
	p.want(err, nil)
}

func (p *play) commit(d *desk) {
	head := p.o.branches[d.branch]
	was := p.o.versions[head].files
	want, paths := d.disk.with(), []string{"."}
	if d != p.desks[0] || p.rng.IntN(3) == 0 { // one model, or one directory
		name := modelPaths[p.rng.IntN(len(modelPaths))]
		if p.rng.IntN(3) == 0 {
			name, _, _ = strings.Cut(name, "/")
		}
		want, paths = was.with(), []string{name}
		found := false
		for _, q := range modelPaths {
			if q == name || strings.HasPrefix(q, name+"/") {
				found = found || d.disk[q] != "" || was[q] != ""
				want = want.with(q, d.disk[q])
			}
		}
		if _, err := d.m.Lstat(name); !found && err == nil {
			return // an empty directory
		}
		if !found {
			_, err := d.s.Commit(context.Background(), CommitOptions{Paths: paths, Author: "tester"})
			p.want(err, ErrNotFound)
			return
		}
	}
	p.trace = append(p.trace, fmt.Sprintf("commit %v on %s after v%d", paths, d.branch, p.o.versions[head].seq))
	res, err := d.s.Commit(context.Background(), CommitOptions{Paths: paths, Author: "tester"})
	p.want(err, nil)
	if changed := !maps.Equal(was, want); res.Created != changed {
		p.fatal("created %v, changed %v: %s to %s", res.Created, changed, describeFiles(was), describeFiles(want))
	}
	if !res.Created {
		return
	}
	id := res.Version.ID.String()
	if _, twice := p.o.versions[id]; twice {
		p.fatal("version %s comes twice", id)
	}
	p.o.versions[id] = known{head, p.o.versions[head].seq + 1, want}
	p.o.order = append(p.o.order, id)
	p.o.branches[d.branch] = id
}

func (p *play) checkout(d *desk, id string) {
	rev, to := id, d.branch
	if p.rng.IntN(2) == 0 {
		to = pickKey(p.rng, p.o.branches)
		rev, id = to, p.o.branches[to]
	}
	p.trace = append(p.trace, fmt.Sprintf("checkout %.12s, v%d", rev, p.o.versions[id].seq))
	want := d.disk.with()
	for _, tree := range []files{d.last, p.o.versions[p.o.branches[d.branch]].files} {
		for name := range tree {
			delete(want, name)
		}
	}
	v := p.o.versions[id].files
	maps.Copy(want, v)
	res, err := d.s.Checkout(context.Background(), CheckoutOptions{Rev: rev})
	p.want(err, nil)
	now, err := onDisk(d.m)
	if err == nil {
		err = sameFiles(now, want)
	}
	if err != nil {
		p.fatal("on disk: %v", err)
	}
	safe := map[string]bool{}
	for _, k := range p.o.versions {
		for _, data := range k.files {
			safe[data] = true
		}
	}
	if res.Safety != nil {
		f, err := modelsOf(d.s, res.Safety)
		if err != nil {
			p.fatal("safety version: %v", err)
		}
		for _, data := range f {
			safe[data] = true
		}
	}
	names, err := d.s.Names(context.Background(), Safety)
	p.want(err, nil)
	for _, n := range names { // content that an earlier one has is not saved again
		f, err := modelsOf(d.s, n.Version)
		p.want(err, nil)
		for _, data := range f {
			safe[data] = true
		}
	}
	for name, was := range d.disk {
		if now[name] != was && !safe[was] {
			p.fatal("%s is lost", name)
		}
	}
	d.disk, d.last, d.branch = want, v, to
	if res.Branch != to {
		p.fatal("on branch %s, want %s", res.Branch, to)
	}
}

func (p *play) fold(d *desk) {
	p.trace = append(p.trace, "fold")
	st, err := d.s.j.Load(context.Background())
	if err == nil {
		_, err = d.s.j.Fold(context.Background(), st, d.s.packSet(st))
	}
	p.want(err, nil)
}

// crash lets the power fail: what was acknowledged stays.
func (p *play) crash() {
	p.trace = append(p.trace, "crash")
	for _, d := range p.desks { // the user's own files are on disk
		for _, dir := range []string{"dir/sub", "dir", "x/y", "x", "."} {
			_ = d.m.SyncDir(dir) // some of them may not be there
		}
		for name := range d.disk {
			write(p.t, d.m, name, []byte(d.disk[name]))
		}
	}
	p.store = p.store.CrashClone(p.rng)
	p.desks[0].m = p.store
	p.desks[1].m = p.desks[1].m.CrashClone(p.rng)
	for _, d := range p.desks {
		p.open(d)
		now, err := onDisk(d.m)
		if err == nil {
			err = sameFiles(now, d.disk)
		}
		if err != nil {
			p.fatal("after the crash: %v", err)
		}
	}
}
