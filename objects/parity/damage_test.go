package parity

import (
	"bytes"
	"errors"
	"io"
	"math/rand"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mstore/mstore/internal/backend"
)

// Any changed bit of a protected file is found, in the right file, and undone.
func TestEveryByteOfData(t *testing.T) {
	f := protect(t, 3, 300, 0, 1300)
	for _, file := range f.files {
		for i := range file.Size {
			f.edit(file.Key, func(p []byte) []byte { p[i] ^= 1 << (i % 8); return p })
			g := f.open()
			d := f.damage(g)
			if len(d.Files) != 1 || d.Files[0].Key != file.Key || d.Shards != 1 || len(d.Files[0].Ranges) != 1 {
				t.Fatalf("%s, byte %d: %+v", file.Key, i, d)
			}
			if r := d.Files[0].Ranges[0]; i < r.Off || i >= r.Off+r.Len {
				t.Fatalf("%s, byte %d: %+v", file.Key, i, r)
			}
			f.rebuild(g, file.Key)
			if err := g.Heal(ctx, io.Discard); !errors.Is(err, ErrDamaged) {
				t.Fatalf("healed from damaged data: %v", err)
			}
		}
		f.set(file.Key, f.want[file.Key])
	}
}

// Any changed bit of the parity file is found and undone, and does not keep it
// from rebuilding.
func TestEveryByteOfParity(t *testing.T) {
	f := protect(t, 3, 300, 0, 1300)
	f.edit(f.files[0].Key, func(p []byte) []byte { p[7] ^= 1; return p })
	damaged := f.get(f.files[0].Key)
	for i := range f.want[testName.Key()] {
		f.edit(testName.Key(), func(p []byte) []byte { p[i] ^= 1 << (i % 8); return p })
		g := f.open()
		if err := g.Verify(ctx); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("byte %d: %v", i, err)
		}
		f.rebuild(g, f.files[0].Key)
		f.set(f.files[0].Key, f.want[f.files[0].Key])
		f.heal(g)
		f.set(f.files[0].Key, damaged)
	}
}

func TestTruncatedData(t *testing.T) {
	f := protect(t, 3, 1500, 400)
	key := f.files[0].Key
	for n := range 1500 {
		f.set(key, f.want[key][:n:n])
		g := f.open()
		d := f.damage(g)
		if len(d.Files) != 1 || d.Files[0].Found != int64(n) || d.Files[0].Err != nil || !d.Repairable() {
			t.Fatalf("%d: %+v", n, d)
		}
		f.rebuild(g, key)
	}
	f.set(key, append(slices.Clone(f.want[key]), 0))
	g := f.open()
	want := Damage{Files: []FileDamage{{Key: key, Size: 1500, Found: 1501}}, Parity: 4, ParityShards: 4}
	if diff := cmp.Diff(want, f.damage(g)); diff != "" {
		t.Error(diff)
	}
	f.rebuild(g, key)
	f.heal(g)
}

func TestTruncatedParity(t *testing.T) {
	f := protect(t, 3, 1500, 400)
	key := testName.Key()
	all := f.want[key]
	first := f.open().loc.parity()
	for n := range all {
		f.set(key, all[:n:n])
		g, err := Open(ctx, f.b, testName)
		if int64(n) < first {
			if !errors.Is(err, ErrCorrupt) {
				t.Fatalf("%d: %v", n, err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("%d: %v", n, err)
		}
		if err := g.Verify(ctx); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("%d: %v", n, err)
		}
		f.heal(g)
	}
	// The front is gone: the end serves.
	for n := range len(all) - int(first) {
		cut := slices.Clone(all)
		clear(cut[:n+1])
		f.set(key, cut)
		g := f.open()
		if err := g.Verify(ctx); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("%d: %v", n, err)
		}
		f.heal(g)
	}
	f.set(key, append(slices.Clone(all), 0))
	g := f.open()
	if err := g.Verify(ctx); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a byte too many: %v", err)
	}
	f.heal(g)
	f.set(key, nil)
	if _, err := Open(ctx, f.b, testName); !errors.Is(err, backend.ErrNotFound) {
		t.Errorf("no parity file: %v", err)
	}
	if err := g.Verify(ctx); !errors.Is(err, backend.ErrNotFound) {
		t.Errorf("no parity file: %v", err)
	}
}

// Two percent of a single file in one run, wherever it lies.
func TestTwoPercent(t *testing.T) {
	for _, size := range []int{700, 30_000, 65_000, 65_537, 200_003, 1 << 20} {
		f := protect(t, DefaultPercent, size)
		key, n := f.files[0].Key, (size+49)/50
		offs := []int{0, size - n}
		for range 60 {
			offs = append(offs, rand.Intn(size-n+1))
		}
		for _, off := range offs {
			f.edit(key, func(p []byte) []byte {
				for i := range n {
					p[off+i] ^= 0xff
				}
				return p
			})
			g := f.open()
			if d := f.damage(g); len(d.Files) != 1 || !d.Repairable() {
				t.Fatalf("%d bytes from %d of %d: %+v", n, off, size, d)
			}
			f.rebuild(g, key)
		}
	}
}

// Any four bytes.
func TestScatteredBytes(t *testing.T) {
	for _, size := range []int{4, 5000, 65_536, 100_000} {
		f := protect(t, DefaultPercent, size)
		key := f.files[0].Key
		for range 60 {
			f.edit(key, func(p []byte) []byte {
				for range 4 {
					p[rand.Intn(size)] ^= 1
				}
				return p
			})
			f.rebuild(f.open(), key)
		}
	}
}

// Of many small files some are gone.
func TestMissingAmongMany(t *testing.T) {
	sizes := make([]int, 3000)
	for i := range sizes {
		sizes[i] = i % 200
	}
	f := protect(t, DefaultPercent, sizes...)
	for _, i := range []int{0, 1, 777, 2998, 2999} {
		f.set(f.files[i].Key, nil)
	}
	g := f.open()
	d := f.damage(g)
	if len(d.Files) != 5 || !d.Repairable() {
		t.Fatalf("%+v", d)
	}
	for i := 0; i < len(f.files); i += 7 {
		f.rebuild(g, f.files[i].Key)
	}
	for _, i := range []int{0, 1, 777, 2998, 2999} {
		f.rebuild(g, f.files[i].Key)
	}
}

func TestTooDamaged(t *testing.T) {
	f := protect(t, DefaultPercent, 1000, 200_000, 300)
	key := f.files[1].Key
	f.edit(key, func(p []byte) []byte {
		for i := range 5 {
			p[30_000*i+5000] ^= 1
		}
		return p
	})
	g := f.open()
	if d := f.damage(g); d.Shards != 5 || d.Parity != 4 || d.Repairable() {
		t.Errorf("%+v", d)
	}
	if err := f.try(g, key); !errors.Is(err, ErrTooDamaged) {
		t.Error(err)
	}
	// What needs no parity is still written.
	f.rebuild(g, f.files[0].Key)
	f.rebuild(g, f.files[2].Key)
	if err := f.try(g, "objects/other"); !errors.Is(err, backend.ErrNotFound) {
		t.Error(err)
	}
}

// Ranges that cannot be read are no worse than ranges that are wrong.
func TestMediumErrors(t *testing.T) {
	f := protect(t, DefaultPercent, 70_000, 200_000)
	key := f.files[1].Key
	b := &flaky{f.b, map[string][]Range{
		key:            {{0, 1}, {199_999, 1}, {100_000, 2500}},
		testName.Key(): {{0, 100}},
	}}
	g := openIn(t, b)
	d := f.damage(g)
	if len(d.Files) != 1 || d.Files[0].Key != key || len(d.Files[0].Ranges) != 3 || !errors.Is(d.Files[0].Err, errMedium) || d.Files[0].Found != 200_000 {
		t.Fatalf("%+v", d)
	}
	f.rebuild(g, key)
	f.rebuild(g, f.files[0].Key)
	if err := g.Verify(ctx); !errors.Is(err, ErrCorrupt) || !errors.Is(err, errMedium) {
		t.Errorf("verify: %v", err)
	}
	if err := g.Heal(ctx, io.Discard); !errors.Is(err, ErrDamaged) || !errors.Is(err, errMedium) {
		t.Errorf("heal: %v", err)
	}
	b.bad[testName.Key()] = []Range{{0, 1 << 40}}
	if _, err := Open(ctx, b, testName); !errors.Is(err, errMedium) || errors.Is(err, ErrCorrupt) {
		t.Errorf("open: %v", err)
	}
	if d := f.damage(g); d.Parity != 0 || d.Repairable() {
		t.Errorf("%+v", d)
	}
	if err := f.try(g, key); !errors.Is(err, ErrTooDamaged) {
		t.Errorf("rebuild: %v", err)
	}
	h := &backend.Hook{Backend: f.b, Before: func(op, key string) error {
		if op == backend.OpStat && key == f.files[0].Key {
			return errMedium
		}
		return nil
	}}
	if d := f.damage(openIn(t, h)); len(d.Files) != 1 || d.Files[0].Found != -1 || d.Files[0].Err == nil || d.Files[0].Ranges != nil {
		t.Errorf("%+v", d)
	}
}

// What changes between the look and the use is not used.
func TestChanged(t *testing.T) {
	f := protect(t, DefaultPercent, 100_000, 50_000)
	key := f.files[0].Key
	for _, second := range []func(){
		func() { f.edit(f.files[1].Key, func(p []byte) []byte { p[9] ^= 1; return p }) }, // used to restore
		func() { f.set(f.files[1].Key, nil) },
		func() { f.edit(key, func(p []byte) []byte { p[0] ^= 1; p[99_999] ^= 1; return p }) }, // copied
	} {
		f.reset()
		f.edit(key, func(p []byte) []byte { p[0] ^= 1; return p })
		g := f.open()
		if d := f.damage(g); d.Shards != 1 {
			t.Fatalf("%+v", d)
		}
		second()
		if err := f.try(g, key); !errors.Is(err, ErrChanged) {
			t.Errorf("%v", err)
		}
		if err := f.try(g, key); err != nil && !errors.Is(err, ErrTooDamaged) {
			t.Errorf("again: %v", err)
		}
	}
	// Repaired meanwhile.
	f.reset()
	f.edit(key, func(p []byte) []byte { p[0] ^= 1; return p })
	g := f.open()
	f.damage(g)
	f.reset()
	f.rebuild(g, key)
}

type failing struct{ n int }

func (w *failing) Write(p []byte) (int, error) {
	if w.n -= len(p); w.n < 0 {
		return 0, errMedium
	}
	return len(p), nil
}

func TestWriterFails(t *testing.T) {
	f := protect(t, DefaultPercent, 100_000)
	f.edit(f.files[0].Key, func(p []byte) []byte { p[50_000] ^= 1; return p })
	g := f.open()
	for _, n := range []int{0, 20_000, 50_000, 99_999} {
		if err := g.Rebuild(ctx, f.files[0].Key, &failing{n}); !errors.Is(err, errMedium) || errors.Is(err, ErrChanged) {
			t.Errorf("rebuild: %v", err)
		}
	}
	f.reset()
	for _, n := range []int{0, 1000, 5000, int(g.Info().Size) - 1} {
		if err := g.Heal(ctx, &failing{n}); !errors.Is(err, errMedium) || errors.Is(err, ErrDamaged) {
			t.Errorf("heal: %v", err)
		}
	}
}

// Random groups with random damage: what can be rebuilt by the count of shards
// is, and nothing else, and never to other bytes.
func TestRandomDamage(t *testing.T) {
	seed := rand.Int63()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewSource(seed))
	for range 150 {
		sizes := make([]int, 1+rnd.Intn(20))
		for i := range sizes {
			sizes[i] = rnd.Intn(1 << rnd.Intn(16))
		}
		f := protect(t, float64(rnd.Intn(40)), sizes...)
		keys := []string{testName.Key()}
		for _, file := range f.files {
			keys = append(keys, file.Key)
		}
		for range 1 + rnd.Intn(6) {
			key := keys[rnd.Intn(len(keys))]
			p := slices.Clone(f.get(key))
			switch n := len(p); rnd.Intn(6) {
			case 0:
				p = p[:rnd.Intn(n+1)]
			case 1:
				p = append(p, 1)
			case 2:
				at := rnd.Intn(n + 1)
				clear(p[at:min(n, at+rnd.Intn(2000))])
			default:
				if n > 0 {
					p[rnd.Intn(n)] ^= 1
				}
			}
			f.set(key, p)
		}
		g, err := Open(ctx, f.b, testName)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Fatal(err)
			}
			continue
		}
		d := f.damage(g)
		for _, file := range f.files {
			i := slices.IndexFunc(d.Files, func(x FileDamage) bool { return x.Key == file.Key })
			if same := bytes.Equal(f.get(file.Key), f.want[file.Key]); same != (i < 0) {
				t.Fatalf("%s is intact: %v, %+v", file.Key, same, d)
			}
			err := f.try(g, file.Key)
			if needs := i >= 0 && d.Files[i].Ranges != nil; needs && !d.Repairable() {
				if !errors.Is(err, ErrTooDamaged) {
					t.Fatal(err)
				}
			} else if err != nil {
				t.Fatal(err)
			}
		}
		for _, file := range f.files {
			f.set(file.Key, f.want[file.Key])
		}
		f.heal(g)
	}
}
