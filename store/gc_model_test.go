package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mstore/mstore/gc/policy"
	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/objects"
)

// jumpClock ticks, and can be set. It stays in the past, where the system's clock,
// by which backends tell that a temporary file is old, never is.
type jumpClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *jumpClock) tick() time.Time { return c.jump(700*time.Millisecond + 13) }

func (c *jumpClock) jump(d time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	return c.now
}

// deeds are what the sequences of a run did.
type deeds map[string]int

func (c deeds) String() string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(c)) {
		out = append(out, fmt.Sprintf("%s %d", k, c[k]))
	}
	return strings.Join(out, ", ")
}

// world is one random sequence on a store with two desks.
type world struct {
	t     testing.TB
	seed  uint64
	rng   *rand.Rand
	clock *jumpClock
	store *vfs.Mem
	desks []*desk
	o     *facts
	data  map[objects.BlobID]string // all that was ever on a desk
	warns []string
	trace []string
	count deeds

	perilous bool // the next command will hardly get through
	hurt     bool // the last one met a crash or a fault
}

func newWorld(t testing.TB, seed uint64, count deeds) *world {
	w := &world{t: t, seed: seed, rng: rand.New(rand.NewPCG(seed, 11)), o: newFacts(), data: map[objects.BlobID]string{}, count: count,
		clock: &jumpClock{now: time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC)}}
	w.store = vfs.NewMem()
	w.store.SetClock(w.clock.tick)
	if _, err := openMem(context.Background(), w.store, w.clock.tick); err != nil {
		t.Fatal(err)
	}
	syncAll(t, w.store, ".")
	for i := range 2 {
		d := &desk{m: w.store, disk: files{}, branch: DefaultBranch}
		if i > 0 {
			d.m = vfs.NewMem()
			d.m.SetClock(w.clock.tick)
		}
		w.desks = append(w.desks, d)
		w.open(d)
	}
	w.o = w.learn(allowance{})
	return w
}

func (w *world) open(d *desk) {
	closeStore(d.s)
	d.s = w.storeOn(d.m, w.store)
}

// closeStore closes the files that a store keeps open: in a vfs.Mem whoever reads a
// file uses it, and so it would not be swept.
func closeStore(s *Store) {
	if s != nil {
		_ = s.b.(*backend.Dir).Close()
	}
}

func (w *world) storeOn(root, store vfs.FS) *Store {
	return newStore(root, backend.NewDir(vfs.Sub(store, DirName)), Options{Clock: w.clock.tick})
}

func (w *world) log(format string, args ...any) {
	w.trace = append(w.trace, fmt.Sprintf(format, args...))
}

func (w *world) fatal(format string, args ...any) {
	w.t.Helper()
	w.t.Fatalf("MSTORE_SEED=%d, after:\n%s\n%s", w.seed, strings.Join(w.trace, "\n"), fmt.Sprintf(format, args...))
}

func (w *world) want(err, kind error) bool {
	w.t.Helper()
	if (err == nil) != (kind == nil) || !errors.Is(err, kind) {
		w.fatal("got error %v, want %v", err, kind)
	}
	return err == nil
}

func (w *world) chance(one int) bool { return w.rng.IntN(one) == 0 }

func (w *world) anyVersion() string {
	if len(w.o.order) == 0 {
		return ""
	}
	if w.chance(2) { // one of the last
		return w.o.order[len(w.o.order)-1-w.rng.IntN(min(6, len(w.o.order)))]
	}
	return w.o.order[w.rng.IntN(len(w.o.order))]
}

func (w *world) grace(o *facts) time.Duration {
	if d, err := policy.ParseDuration(o.config["gc.grace"]); err == nil {
		return d
	}
	return DefaultGrace
}

// steps are the commands, each as often as its weight.
var steps = []struct {
	weight int
	do     func(w *world, d *desk)
}{
	{4, (*world).edit}, {24, (*world).commit}, {6, (*world).name}, {2, (*world).hold}, {4, (*world).checkout},
	{7, (*world).gc}, {5, (*world).expire}, {2, (*world).undelete}, {2, (*world).repack}, {2, (*world).fold},
	{2, (*world).setting}, {3, (*world).wait}, {2, (*world).powerCut}, {2, (*world).damage}, {1, (*world).together}, {6, (*world).between},
	{1, (*world).fsck},
}

func (w *world) step() {
	sum := 0
	for _, s := range steps {
		sum += s.weight
	}
	n := w.rng.IntN(sum)
	accidents := func() int { return w.count["crashes"] + w.count["faults"] + w.count["damages"] + w.count["undeletes"] }
	before := accidents()
	for _, s := range steps {
		if n -= s.weight; n < 0 {
			s.do(w, w.desks[min(w.rng.IntN(4), 1)])
			break
		}
	}
	if accidents() > before {
		w.murky()
	}
	w.count["commands"]++
}

func (w *world) wait(*desk) {
	d := time.Duration(w.rng.Int64N(int64(30 * 24 * time.Hour)))
	switch w.rng.IntN(6) {
	case 0:
		d = -d / 2
	case 1, 2:
		d /= 100
	}
	w.clock.jump(d)
	w.log("%v go by", d.Round(time.Minute))
}

func (w *world) fold(d *desk) {
	w.log("fold")
	w.change(d, w.o.clone(), allowance{}, func(s *Store) error {
		st, err := s.j.Load(context.Background())
		if err == nil {
			_, err = s.j.Fold(context.Background(), st, s.packSet(st))
		}
		return err
	})
}

func (w *world) fsck(d *desk) {
	w.log("fsck")
	rep, err := d.s.Fsck(context.Background(), FsckOptions{})
	if err != nil || !rep.OK {
		w.fatal("%v, %+v", err, rep)
	}
	if n := len(w.o.gone); rep.Expired > n || rep.Expired < n-len(w.o.unsure) {
		w.fatal("fsck counts %d expired contents, want %d", rep.Expired, n)
	}
	w.lookAtAll(d)
}

// lookAtAll reads every version.
func (w *world) lookAtAll(d *desk) {
	known := map[objects.BlobID]bool{}
	for _, id := range w.o.order {
		w.lookAt(d, id, known)
	}
}

// look compares names, histories and some contents.
func (w *world) look(d *desk) {
	ctx := context.Background()
	got := map[string]pointer{}
	for _, kind := range []NameKind{Branch, Tag, Alias, Safety} {
		names, err := d.s.Names(ctx, kind)
		w.want(err, nil)
		for _, n := range names {
			got[n.Name] = pointer{kind, n.Version.ID.String()}
		}
	}
	if !maps.Equal(got, w.o.names) {
		w.fatal("names %v, want %v", got, w.o.names)
	}
	for name, p := range w.o.names {
		var ids []string
		for v, err := range d.s.Log(ctx, LogOptions{Rev: name}) {
			w.want(err, nil)
			ids = append(ids, v.ID.String())
		}
		if want := w.o.line(p.id); !slices.Equal(ids, want) {
			w.fatal("log of %s: %q, want %q", name, ids, want)
		}
	}
	if id := w.anyVersion(); id != "" {
		w.lookAt(d, id, map[objects.BlobID]bool{})
	}
}

// lookAt compares a version, and reads what of it was not read before.
func (w *world) lookAt(d *desk, id string, known map[objects.BlobID]bool) {
	w.t.Helper()
	ctx := context.Background()
	want := w.o.versions[id]
	v, err := d.s.Show(ctx, id)
	w.want(err, nil)
	if v.Seq != want.seq || v.Entry != want.entry || !v.Time.Equal(want.time) || !maps.Equal(v.Metrics, want.metrics) || v.Models != len(want.files) {
		w.fatal("%s is %+v, want %+v", id, v.Version, want)
	}
	got := map[string]objects.BlobID{}
	for m, err := range d.s.Models(ctx, v, "") {
		w.want(err, nil)
		got[m.Path] = m.Blob
	}
	if len(got) != len(want.files) {
		w.fatal("%s has the models %v, want %s", v.Name, got, describeFiles(want.files))
	}
	for p, data := range want.files {
		b := blobOf(data)
		if got[p] != b {
			w.fatal("%s:%s is %s, want %s", v.Name, p, got[p], b)
		}
		if known[b] {
			continue
		}
		known[b] = true
		text, err := readModel(d.s, id, p)
		_, gone := w.o.gone[b]
		switch {
		case err == nil && text != data:
			w.fatal("%s:%s reads as something else", v.Name, p)
		case err == nil && gone && !w.o.unsure[b]:
			w.fatal("%s:%s (%s) has expired by entry %d, and can be read", v.Name, p, b.Short(), w.o.gone[b])
		case errors.Is(err, ErrExpired) && gone:
		case err != nil:
			w.fatal("%s:%s (%s, gone %v): %v", v.Name, p, b.Short(), gone, err)
		}
	}
}

func readModel(s *Store, rev, p string) (string, error) {
	r, err := s.OpenModel(context.Background(), rev, p)
	if err != nil {
		return "", err
	}
	defer r.Close()
	var b strings.Builder
	_, err = r.WriteTo(&b)
	return b.String(), err
}

// play runs one sequence to its end.
func (w *world) play(steps int) {
	for i := range steps {
		w.step()
		if i%8 == 7 {
			w.look(w.desks[i/8%2])
		}
	}
	w.fsck(w.desks[1])
	w.collect(w.desks[0], GCOptions{Now: true}, false)
	w.fsck(w.desks[0])
	w.count["sequences"]++
	w.count["versions"] += len(w.o.order)
}

// TestRetentionModel plays random commands, with crashes, faults, damage and writers
// at once, on a store whose retention is at work. MSTORE_TORTURE=10m goes on with
// fresh seeds for that long, MSTORE_SEED=7 plays one.
func TestRetentionModel(t *testing.T) {
	const length = 120
	count := deeds{}
	defer func() { t.Log(count) }()
	if s := os.Getenv("MSTORE_SEED"); s != "" {
		seed, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		newWorld(t, seed, count).play(length)
		return
	}
	if s := os.Getenv("MSTORE_TORTURE"); s != "" {
		defer func() { fmt.Println(count) }() // also without -v
		d, err := time.ParseDuration(s)
		if err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(d); time.Now().Before(end); {
			newWorld(t, rand.Uint64N(1<<40), count).play(length)
		}
		return
	}
	seeds := uint64(20)
	if testing.Short() {
		seeds = 4
	}
	for seed := range seeds {
		newWorld(t, seed, count).play(length)
	}
}
