package parity

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mstore/mstore/internal/backend"
)

func TestKey(t *testing.T) {
	key := testName.Key()
	if key != "parity/ab0102030000000000000000000000ff.par" || !backend.ValidKey(key) {
		t.Error(key)
	}
	if n, ok := ParseKey(key); !ok || n != testName {
		t.Error(n, ok)
	}
	for _, bad := range []string{"", key[1:], key + "x", strings.ToUpper(key), strings.Replace(key, "ab", "AB", 1),
		strings.Replace(key, "ab", "", 1), strings.Replace(key, "ab", "zz", 1), "objects" + key[6:]} {
		if _, ok := ParseKey(bad); ok {
			t.Errorf("%q is a key", bad)
		}
	}
}

var shapes = [][]int{
	{0}, {1}, {511}, {512}, {513}, {1023}, {1024}, {128*512 - 1}, {128 * 512}, {128*512 + 1},
	{0, 0}, {0, 1, 0}, {100, 2000, 0, 1, 70000}, {3 << 20}, {2<<20 + 7, 1, 1 << 20}, {block * 128}, {block*128 + 1, 0},
}

// Whatever the sizes, everything is found intact, and with a file gone or a
// byte changed it is rebuilt if it lies in no more than m shards.
func TestRoundTrip(t *testing.T) {
	for _, sizes := range shapes {
		for _, percent := range []float64{0, DefaultPercent, 33.3, 100} {
			t.Run(fmt.Sprint(sizes, percent), func(t *testing.T) {
				f := protect(t, percent, sizes...)
				g := f.open()
				f.intact(g)
				f.heal(g)
				k, m, size := g.Shards()
				if m < 4 || float64(m) < float64(k)*percent/100 || k+m > 256 || k > 1 && size < 512 {
					t.Errorf("%d, %d shards of %d", k, m, size)
				}
				for i, file := range f.files {
					f.rebuild(g, file.Key)
					f.set(file.Key, nil)
					lost := 0
					if n := file.Size; n > 0 {
						lost = g.segs[g.file[i+1]-1].shard - g.segs[g.file[i]].shard + 1
					}
					fresh := f.open()
					d := f.damage(fresh)
					if len(d.Files) != 1 || !d.Files[0].Missing || d.Files[0].Key != file.Key || d.Shards != lost {
						t.Fatalf("%+v", d)
					}
					if d.Repairable() {
						f.rebuild(fresh, file.Key)
					} else if err := f.try(fresh, file.Key); !errors.Is(err, ErrTooDamaged) {
						t.Fatal(err)
					}
					f.reset()
				}
			})
		}
	}
}

func TestPercent(t *testing.T) {
	for _, c := range []struct {
		k       int
		percent float64
		m       int
	}{{1, 0, 4}, {1, 100, 4}, {128, 3, 4}, {128, 3.125, 4}, {128, 3.2, 5}, {128, 100, 128}, {5, 100, 5}, {100, 10, 10}} {
		if m := parityShards(c.k, c.percent); m != c.m {
			t.Errorf("%d shards, %v %%: %d, want %d", c.k, c.percent, m, c.m)
		}
	}
	if g := protect(t, DefaultPercent, 4<<20).open(); g.Percent() < 3 || g.Percent() > 4 {
		t.Errorf("%v %%", g.Percent())
	}
}

// A parity file of several stripes, which none of the others here has.
func TestStripes(t *testing.T) {
	f := protect(t, 100, 16<<20, 3, 17<<20)
	g := f.open()
	if n := int((g.size + g.width() - 1) / g.width()); n < 2 || g.size%g.width() == 0 {
		t.Fatalf("%d stripes", n)
	}
	f.intact(g)
	f.heal(g)
	f.set(f.files[1].Key, nil)
	f.edit(f.files[0].Key, func(p []byte) []byte { p[len(p)/2] ^= 1; p[7] ^= 1; return p })
	f.edit(testName.Key(), func(p []byte) []byte { p[len(p)/2] ^= 1; return p })
	g = f.open()
	g.hold = 100_000 // less than a shard
	f.rebuild(g, f.files[0].Key)
	f.rebuild(g, f.files[1].Key)
	f.set(f.files[0].Key, nil)
	g = f.open()
	g.hold = 10 << 20 // several restores
	f.rebuild(g, f.files[0].Key)
	f.rebuild(g, f.files[2].Key)
}

// The order of the files, where they are read from and the percentage's last
// digits make no difference.
func TestDeterministic(t *testing.T) {
	f := protect(t, 10, 1000, 200, 300000)
	files := []File{f.files[2], f.files[0], f.files[1]}
	for i := range files {
		key := files[i].Key
		files[i].From = bytes.NewReader(f.want[key])
	}
	other := backend.NewMem()
	if _, err := Write(ctx, other, testName, files, 9.99); err != nil {
		t.Fatal(err)
	}
	got, err := backend.ReadAll(ctx, other, testName.Key(), 1<<20)
	if err != nil || !bytes.Equal(got, f.want[testName.Key()]) {
		t.Errorf("other bytes, %v", err)
	}
	want := []FileInfo{{"objects/00000", 1000}, {"objects/00001", 200}, {"objects/00002", 300000}}
	if diff := cmp.Diff(want, f.open().Files()); diff != "" {
		t.Error(diff)
	}
	if info := f.open().Info(); info != (Info{testName, int64(len(got)), 301200}) {
		t.Errorf("%+v", info)
	}
}

func TestWriteRefuses(t *testing.T) {
	b := backend.NewMem()
	if err := b.Put(ctx, "a", []byte("12345")); err != nil {
		t.Fatal(err)
	}
	from := strings.NewReader("12345")
	many := make([]File, maxFiles+1)
	for i := range many {
		many[i] = File{Key: fmt.Sprint("f", i), From: from}
	}
	long := make([]File, maxFiles)
	for i := range long {
		long[i] = File{Key: fmt.Sprintf("%s/%08d", strings.Repeat("x", 250), i), From: from}
	}
	for name, c := range map[string]struct {
		files   []File
		percent float64
	}{
		"none":             {nil, 3},
		"many":             {many, 3},
		"long":             {long, 3},
		"percent":          {[]File{{Key: "a", Size: 5}}, 100.5},
		"negative percent": {[]File{{Key: "a", Size: 5}}, -1},
		"nan":              {[]File{{Key: "a", Size: 5}}, math.NaN()},
		"twice":            {[]File{{Key: "a", Size: 5}, {Key: "a", Size: 5, From: from}}, 3},
		"key":              {[]File{{Key: "../a", Size: 5, From: from}}, 3},
		"no key":           {[]File{{Size: 5, From: from}}, 3},
		"size":             {[]File{{Key: "a", Size: -1}}, 3},
		"shorter":          {[]File{{Key: "a", Size: 6}}, 3},
		"longer":           {[]File{{Key: "a", Size: 4}}, 3},
		"short reader":     {[]File{{Key: "a", Size: 6, From: from}}, 3},
		"sum":              {[]File{{Key: "a", Size: maxTotal, From: from}, {Key: "b", Size: 1, From: from}}, 3},
		"missing":          {[]File{{Key: "b", Size: 5}}, 3},
	} {
		if _, err := Write(ctx, b, testName, c.files, c.percent); err == nil {
			t.Errorf("%s: no error", name)
		}
		if _, err := b.Stat(ctx, testName.Key()); !errors.Is(err, backend.ErrNotFound) {
			t.Errorf("%s: published, %v", name, err)
		}
	}
}

// An error at any operation leaves nothing behind and comes through.
func TestWriteFaults(t *testing.T) {
	f := protect(t, 3, 1000, 2000)
	f.set(testName.Key(), nil)
	for at := 0; ; at++ {
		n := 0
		h := &backend.Hook{Backend: f.b, Before: func(op, key string) error {
			n++
			if n == at+1 && op != backend.OpAbort {
				return errMedium
			}
			return nil
		}}
		_, err := Write(ctx, h, testName, f.files, 3)
		if n <= at {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
		if !errors.Is(err, errMedium) {
			t.Fatalf("operation %d: %v", at, err)
		}
		if _, err := f.b.Stat(ctx, testName.Key()); !errors.Is(err, backend.ErrNotFound) {
			t.Fatalf("operation %d: published, %v", at, err)
		}
	}
	if _, err := Write(ctx, f.b, testName, f.files, 3); !errors.Is(err, backend.ErrExists) {
		t.Errorf("a name twice: %v", err)
	}
}

func TestCancel(t *testing.T) {
	f := protect(t, 3, 100000)
	g := f.open()
	done, cancel := context.WithCancel(ctx)
	cancel()
	_, write := Write(done, f.b, Name{1}, f.files, 3)
	_, open := Open(done, f.b, testName)
	_, damage := g.Damage(done)
	for name, err := range map[string]error{
		"write": write, "open": open, "damage": damage, "verify": g.Verify(done),
		"heal": g.Heal(done, io.Discard), "rebuild": g.Rebuild(done, f.files[0].Key, io.Discard),
	} {
		if !errors.Is(err, context.Canceled) || errors.Is(err, ErrDamaged) || errors.Is(err, ErrChanged) || errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
