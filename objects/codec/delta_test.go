package codec

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// edited changes, inserts and removes runs of b, and moves some.
func edited(r *rand.Rand, b []byte, edits int) []byte {
	b = bytes.Clone(b)
	for range edits {
		if len(b) == 0 {
			break
		}
		at := r.IntN(len(b))
		n := min(r.IntN(1+r.IntN(300)), len(b)-at)
		switch r.IntN(4) {
		case 0:
			for i := range n {
				b[at+i] ^= byte(r.Uint32())
			}
		case 1:
			b = slices.Insert(b, at, noise(r.Uint64(), n)...)
		case 2:
			b = slices.Delete(b, at, at+n)
		case 3:
			run := bytes.Clone(b[at : at+n])
			b = slices.Insert(slices.Delete(b, at, at+n), r.IntN(len(b)-n+1), run...)
		}
	}
	return b
}

func TestDeltaRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 7))
		var bases [][]byte
		for range rapid.IntRange(1, 6).Draw(t, "bases") {
			bases = append(bases, noise(r.Uint64(), r.IntN(1+r.IntN(200_000))))
		}
		var raw []byte
		for range rapid.IntRange(1, 4).Draw(t, "runs") {
			b := bases[r.IntN(len(bases))]
			if len(b) > 0 {
				at := r.IntN(len(b))
				raw = append(raw, b[at:at+r.IntN(len(b)-at+1)]...)
			}
		}
		raw = edited(r, raw, rapid.IntRange(0, 200).Draw(t, "edits"))
		enc, used, ok := encodeDelta([]byte("x"), raw, bases)
		if !ok {
			return
		}
		var from [][]byte
		for _, i := range used {
			from = append(from, bases[i])
		}
		dec, err := Decode([]byte("y"), Delta, enc[1:], len(raw), from)
		if err != nil || !bytes.Equal(dec[1:], raw) {
			t.Fatalf("does not come back: %v", err)
		}
	})
}

// TestDeltaIsSmall: what a delta takes follows what was changed, not how large
// the piece is.
func TestDeltaIsSmall(t *testing.T) {
	base := noise(1, 1<<20)
	other := noise(2, 1<<20)
	r := rand.New(rand.NewPCG(1, 1))
	for name, c := range map[string]struct {
		raw   []byte
		bases [][]byte
		used  []int
		most  int
	}{
		"the same":           {base, [][]byte{other, base}, []int{1}, 60},
		"a hundred edits":    {edited(r, base, 100), [][]byte{base}, []int{0}, 16_000},
		"inserted":           {slices.Insert(bytes.Clone(base), 1000, other[:5000]...), [][]byte{base}, []int{0}, 5_200},
		"halves of two":      {slices.Concat(base[:1<<19], other[1<<19:]), [][]byte{base, nil, other}, []int{0, 2}, 80},
		"halves swapped":     {slices.Concat(base[1<<19:], base[:1<<19]), [][]byte{base}, []int{0}, 80},
		"the end is missing": {base[:700_000], [][]byte{base}, []int{0}, 60},
	} {
		enc, used, ok := encodeDelta(nil, c.raw, c.bases)
		if !ok || len(enc) > c.most || !slices.Equal(used, c.used) {
			t.Errorf("%s: %d bytes from bases %v, %v; want at most %d from %v", name, len(enc), used, ok, c.most, c.used)
		}
	}
	if _, _, ok := encodeDelta(nil, noise(3, 1<<20), [][]byte{base}); ok {
		t.Error("a delta to something else altogether")
	}
}

func TestDeltaNeedsItsBase(t *testing.T) {
	base := noise(1, 10_000)
	enc, _, ok := encodeDelta(nil, base[500:], [][]byte{base})
	if !ok {
		t.Fatal("not encoded")
	}
	for _, bases := range [][][]byte{nil, {nil}, {base[:9000]}} {
		if _, err := Decode(nil, Delta, enc, len(base)-500, bases); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%d bases: %v", len(bases), err)
		}
	}
}

func FuzzDeltaDecode(f *testing.F) {
	base := noise(1, 5000)
	r := rand.New(rand.NewPCG(3, 3))
	for _, raw := range [][]byte{base, edited(r, base, 20), append(noise(2, 300), base[1000:]...)} {
		enc, _, ok := encodeDelta(nil, raw, [][]byte{base})
		if ok {
			f.Add(enc, len(raw))
		}
	}
	f.Fuzz(func(t *testing.T, stored []byte, size int) {
		out, err := Decode(nil, Delta, stored, min(size, 1<<20), [][]byte{base})
		if err == nil && len(out) != min(size, 1<<20) {
			t.Fatalf("%d bytes, want %d", len(out), size)
		}
	})
}

func FuzzDeltaRoundTrip(f *testing.F) {
	f.Add([]byte("the quick brown fox jumps over the lazy dog"), []byte("the quick brown cat jumps over the lazy dog"), []byte("x"))
	f.Fuzz(func(t *testing.T, a, b, raw []byte) {
		enc, used, ok := encodeDelta(nil, raw, [][]byte{a, b})
		if !ok {
			return
		}
		var from [][]byte
		for _, i := range used {
			from = append(from, [][]byte{a, b}[i])
		}
		dec, err := Decode(nil, Delta, enc, len(raw), from)
		if err != nil || !bytes.Equal(dec, raw) {
			t.Fatalf("does not come back: %v", err)
		}
	})
}

func BenchmarkDelta(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	base := noise(1, 2<<20)
	raw := edited(r, base, 500)
	enc, _, _ := encodeDelta(nil, raw, [][]byte{base})
	b.Run("encode", func(b *testing.B) {
		b.SetBytes(int64(len(raw)))
		b.ReportMetric(float64(len(enc))/float64(len(raw)), "ratio")
		for b.Loop() {
			enc, _, _ = encodeDelta(enc[:0], raw, [][]byte{base})
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.SetBytes(int64(len(raw)))
		var out []byte
		for b.Loop() {
			out, _ = Decode(out[:0], Delta, enc, len(raw), [][]byte{base})
		}
	})
}

// TestPatchesPutTogether: a patch on patches makes what applying them one after
// the other makes.
func TestPatchesPutTogether(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 9))
		parse := func(raw []byte, bases [][]byte) (*Patch, [][]byte) {
			enc, used, ok := encodeDelta(nil, raw, bases)
			if !ok {
				t.Skip("not alike")
			}
			p, err := ParsePatch(enc, len(raw))
			if err != nil {
				t.Fatal(err)
			}
			var from [][]byte
			var sizes []int
			for _, i := range used {
				from, sizes = append(from, bases[i]), append(sizes, len(bases[i]))
			}
			if err := p.Over(sizes); err != nil {
				t.Fatal(err)
			}
			return p, from
		}
		roots := [][]byte{noise(r.Uint64(), 5000+r.IntN(20_000)), noise(r.Uint64(), 5000+r.IntN(20_000))}
		edits := rapid.IntRange(0, 60).Draw(t, "edits")
		middle := [][]byte{
			edited(r, slices.Concat(roots[0], roots[1][:2000]), edits),
			edited(r, roots[1], edits),
		}
		top := edited(r, slices.Concat(middle[1][500:], middle[0], middle[1]), edits)
		p, mids := parse(top, middle)
		bases := slices.Clone(mids)
		for k, m := range mids {
			inner, from := parse(m, roots)
			var err error
			if p, err = p.On(k, len(bases), inner); err != nil {
				t.Fatal(err)
			}
			bases[k] = nil
			bases = append(bases, from...)
		}
		got, err := p.Apply([]byte("x"), bases)
		if err != nil || !bytes.Equal(got[1:], top) {
			t.Fatalf("%d bytes, want %d: %v", len(got)-1, len(top), err)
		}
	})
}
