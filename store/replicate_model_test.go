package store

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/mirror"
)

// TestReplicateModel: random histories, mirrored at random moments and cut off at random
// places; then random damage, on either side, which the other heals.
func TestReplicateModel(t *testing.T) {
	seeds := 40
	if testing.Short() {
		seeds = 6
	}
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { replicateModel(t, rand.New(rand.NewPCG(seed, 28))) })
	}
}

func replicateModel(t *testing.T, r *rand.Rand) {
	p, b := newPast(t), backend.NewMem()
	if r.IntN(2) == 0 {
		if err := p.s.SetConfig(t.Context(), "store.parity", "off", false); err != nil {
			t.Fatal(err)
		}
	}
	log := []string{}
	at := uint64(0)
	for range 12 + r.IntN(12) {
		what := []string{"grow", "grow", "grow", "grow", "fold", "gc", "gc later", "repack", "entries", "batch", "mirror", "mirror", "cut off"}[r.IntN(13)]
		log = append(log, what)
		switch what {
		case "grow":
			p.grow(1 + r.IntN(3))
		case "fold":
			p.fold()
		case "gc", "gc later":
			p.gc(fmt.Sprint(1+r.IntN(4)), what == "gc")
		case "repack":
			p.repack()
		case "entries":
			p.entries(1 + r.IntN(10))
		case "batch":
			p.batch(1 + r.IntN(9))
		case "mirror":
			mustMirror(t, p.s, b)
			wantSame(t, p.s, b)
		case "cut off":
			left := r.IntN(25)
			hook := &backend.Hook{Backend: b, Before: backend.OneByOne(func(string, string) error {
				if left--; left < 0 {
					return errIO
				}
				return nil
			})}
			if _, err := mirrorIn(p.s, hook, ReplicateOptions{}); err != nil && !errors.Is(err, errIO) {
				t.Fatalf("%q: %v", log, err)
			}
		}
		now, err := consistent(b)
		if err == nil && now < at {
			err = fmt.Errorf("entry %d after %d", now, at)
		}
		if err != nil {
			t.Fatalf("%q: %v", log, err)
		}
		at = now
	}
	p.grow(1)
	mustMirror(t, p.s, b)
	wantSame(t, p.s, b)
	want := filesIn(t, p.s.b)
	models := map[string]string{}
	for _, name := range []string{"m.json", "x0.bin", "x1.bin"} {
		if data, err := vfs.ReadFile(p.m, name, 1<<20); err == nil {
			models[name] = string(data)
		}
	}
	for _, side := range []string{"store", "mirror"} {
		var hit []string
		harmed := func(m *vfs.Mem, dir string) {
			for _, key := range slices.Sorted(maps.Keys(want)) {
				if r.IntN(3) == 0 && key != formatKey && !strings.HasPrefix(key, "parity/") {
					how := slices.Sorted(maps.Keys(harms))[r.IntN(len(harms))]
					harms[how](t, m, dir+key)
					hit = append(hit, key+" "+how)
				}
			}
		}
		var s *Store
		var err error
		if side == "store" {
			s, _ = p.without(func(m *vfs.Mem) { harmed(m, DirName+"/") })
			st, _ := p.s.j.Load(t.Context())
			if err := s.editLocal(func(m map[string]string) error {
				m["remote.mirror.url"], m["remote.mirror.mirror"], m["remote.mirror.id"] = "/mirror", "true", fmt.Sprintf("%x", st.Store)
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			var rep *FsckReport
			if rep, err = helpedBy(s, b).Fsck(t.Context(), FsckOptions{Repair: true}); err == nil && !rep.OK {
				err = fmt.Errorf("%+v", rep.Problems)
			}
		} else {
			m := vfs.NewMem()
			d := backend.NewDir(m)
			for key, data := range filesIn(t, b) {
				if err := d.Put(t.Context(), key, []byte(data)); err != nil {
					t.Fatal(err)
				}
			}
			harmed(m, "")
			s = on(d)
			var res *Mirrored
			res, err = mirrorIn(p.s, d, ReplicateOptions{Verify: true})
			if errors.Is(err, mirror.ErrNotEmpty) { // its whole journal was lost, and the mark is there
				t.Fatal(err)
			}
			if err == nil && res.Problems > 0 {
				err = fmt.Errorf("%d problems are left there", res.Problems)
			}
		}
		if err != nil {
			t.Fatalf("%q, then at the %s %q: %v", log, side, hit, err)
		}
		mustFsck(t, s)
		for name, data := range models {
			if got := cat(t, s, "HEAD", name); string(got) != data {
				t.Fatalf("%q, then at the %s %q: %s differs", log, side, hit, name)
			}
		}
	}
}
