package codec

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

var elems = []Elem{{1, false}, {1, true}, {2, false}, {2, true}, {4, false}, {4, true}, {8, false}, {8, true}, {}}

// noise makes n bytes that nothing makes shorter.
func noise(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 6))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// tensor draws bytes as tensors have them, and some as they should not.
func tensor(t *rapid.T, e Elem) []byte {
	size := max(int(e.Size), 1)
	n := rapid.SampledFrom([]int{0, 1, 2, 7, 8, 9, 63, 64, 65, 511, 512, 513, 3000, 70000}).Draw(t, "n")
	seed := rapid.Uint64().Draw(t, "seed")
	var b []byte
	switch rapid.IntRange(0, 4).Draw(t, "kind") {
	case 0:
		b = noise(seed, n*size)
	case 1:
		b = bytes.Repeat([]byte{byte(seed)}, n*size)
	case 2: // infinities, NaNs, zeros of both signs, the smallest and the largest integers
		r := rand.New(rand.NewPCG(seed, 4))
		b = make([]byte, n*size)
		for i := range b {
			b[i] = []byte{0, 1, 0x7f, 0x80, 0x81, 0xfe, 0xff}[r.IntN(7)]
		}
	case 3:
		b = symbols(seed, n*size, 20, 5)
	default:
		b = gaussian(seed, n*size/8, 8)
		if size > 1 {
			b = gaussian(seed, n, size)
		}
	}
	odd := rapid.IntRange(0, 7).Draw(t, "odd bytes")
	return append(b, noise(seed, odd)...)
}

func TestPlanesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := rapid.SampledFrom(elems).Draw(t, "elem")
		raw := tensor(t, e)
		lead := rapid.IntRange(0, max(int(e.Size)-1, 0)).Draw(t, "lead")
		l := rapid.SampledFrom([]Level{Default, Fast, Thorough}).Draw(t, "level")
		stored, ok := encodePlanes([]byte("x"), raw, e, lead, l)
		if !ok {
			if string(stored) != "x" {
				t.Fatal("refused, but appended")
			}
			return
		}
		if len(stored)-1 >= len(raw) {
			t.Fatalf("%d bytes for %d", len(stored)-1, len(raw))
		}
		checkDecode(t, Planes, stored[1:], raw, nil)
	})
}

// checkDecode decodes stored, and sees to it that damage is noticed or harmless.
func checkDecode(t interface{ Fatal(...any) }, id ID, stored, raw []byte, bases [][]byte) {
	out, err := Decode([]byte("y"), id, stored, len(raw), bases)
	if err != nil || out[0] != 'y' || !bytes.Equal(out[1:], raw) {
		t.Fatal("does not come back:", err)
	}
	for _, size := range []int{0, len(raw) - 1, len(raw) + 1} {
		if out, err := Decode(nil, id, stored, size, bases); size >= 0 && err == nil && len(out) != size {
			t.Fatal("wrong length", len(out))
		}
	}
	for _, k := range []int{0, 1, len(stored) / 2, len(stored) - 1} {
		if _, err := Decode(nil, id, stored[:k], len(raw), bases); !errors.Is(err, ErrCorrupt) {
			t.Fatal("cut off at", k, "of", len(stored), err)
		}
	}
}

func TestSplitMerge(t *testing.T) {
	for _, e := range elems[:8] {
		for n := range 40 {
			raw := noise(uint64(n), n*int(e.Size))
			planes, back := make([]byte, len(raw)), make([]byte, len(raw))
			splitPlanes(planes, raw, e)
			mergePlanes(back, planes, e)
			if !bytes.Equal(back, raw) {
				t.Fatalf("%v: %d elements do not come back", e, n)
			}
		}
	}
	// A float's exponent is the whole top byte.
	planes := make([]byte, 4)
	splitPlanes(planes, []byte{0x01, 0x00, 0x80, 0xbf}, Elem{4, true})
	if want := []byte{0x03, 0x00, 0x00, 0x7f}; !bytes.Equal(planes, want) {
		t.Errorf("%x, want %x", planes, want)
	}
}

func TestPlanesSize(t *testing.T) {
	row := gaussian(1, 1000, 4)
	for name, c := range map[string]struct {
		raw  []byte
		e    Elem
		most float64
	}{
		"bfloat16":   {gaussian(1, 1<<19, 2), Elem{2, true}, 0.665},
		"float32":    {gaussian(1, 1<<18, 4), Elem{4, true}, 0.84},
		"guessed":    {gaussian(1, 1<<19, 2), Elem{}, 0.665},
		"equal rows": {bytes.Repeat(row, 100), Elem{4, true}, 0.02},
		"zeros":      {make([]byte, 1<<20), Elem{4, true}, 0.0001},
		"counters":   {counters(1 << 16), Elem{4, false}, 0.4},
	} {
		stored, ok := encodePlanes(nil, c.raw, c.e, 0, Default)
		if got := float64(len(stored)) / float64(len(c.raw)); !ok || got > c.most {
			t.Errorf("%s: %.4f of raw, want at most %.4f", name, got, c.most)
		}
	}
	if _, ok := encodePlanes(nil, noise(1, 1<<20), Elem{4, true}, 0, Default); ok {
		t.Error("noise was taken")
	}
}

// counters makes n small 4-byte integers.
func counters(n int) []byte {
	b := make([]byte, 4*n)
	for i, c := range symbols(1, n, 200, 2) {
		b[4*i] = c
	}
	return b
}

func TestGuessElem(t *testing.T) {
	for name, c := range map[string]struct {
		b []byte
		e Elem
	}{
		"bfloat16": {gaussian(1, 1<<16, 2), Elem{2, true}},
		"float32":  {gaussian(1, 1<<16, 4), Elem{4, true}},
		"float64":  {gaussian(1, 1<<16, 8), Elem{8, false}}, // rotated they are no smaller
		"counters": {counters(1 << 16), Elem{4, false}},
		"bytes":    {symbols(1, 1<<16, 100, 1), Elem{Size: 1}},
		"noise":    {noise(1, 1<<16), Elem{Size: 1}},
		"few":      {[]byte("abc"), Elem{Size: 1}},
		"none":     {nil, Elem{Size: 1}},
		"zeros":    {make([]byte, 5000), Elem{Size: 1}},
	} {
		for cut := range max(int(c.e.Size), 1) {
			e, lead := guessElem(c.b[min(cut, len(c.b)):])
			want := (int(c.e.Size) - cut) % int(c.e.Size)
			if e != c.e || lead != want {
				t.Errorf("%s without the first %d bytes: %v after %d, want %v after %d", name, cut, e, lead, c.e, want)
			}
		}
	}
}

func FuzzPlanes(f *testing.F) {
	for i, e := range elems {
		raw := append(gaussian(uint64(i), 400, max(2, int(e.Size))), "tail"[:i%4]...)
		stored, _ := encodePlanes(nil, raw, e, i%max(1, int(e.Size)), Default)
		f.Add(stored, len(raw), raw, uint8(i))
		f.Add(stored, len(raw)/2, bytes.Repeat(raw[:8], 90), uint8(i*9))
	}
	f.Fuzz(func(t *testing.T, stored []byte, size int, raw []byte, how uint8) {
		if size = min(max(size, 0), 1<<17); true {
			if out, err := Decode(nil, Planes, stored, size, nil); err == nil && len(out) != size {
				t.Fatal("wrong length")
			} else if err != nil && !errors.Is(err, ErrCorrupt) {
				t.Fatal(err)
			}
		}
		e := elems[int(how)%len(elems)]
		if enc, ok := encodePlanes(nil, raw, e, int(how)%max(1, int(e.Size)), Level(how/9%3)); ok {
			checkDecode(t, Planes, enc, raw, nil)
		}
	})
}

func BenchmarkPlanes(b *testing.B) {
	for _, size := range []int{2, 4, 8} {
		raw := gaussian(1, 2<<20/size, size)
		e := Elem{Size: uint8(size), Float: true}
		stored, _ := encodePlanes(nil, raw, e, 0, Default)
		b.Run(fmt.Sprintf("encode/float%d", 8*size), func(b *testing.B) {
			var out []byte
			for b.Loop() {
				out, _ = encodePlanes(out[:0], raw, e, 0, Default)
			}
			report(b, len(raw), len(out))
		})
		b.Run(fmt.Sprintf("decode/float%d", 8*size), func(b *testing.B) {
			var out []byte
			for b.Loop() {
				var err error
				if out, err = Decode(out[:0], Planes, stored, len(raw), nil); err != nil {
					b.Fatal(err)
				}
			}
			report(b, len(raw), len(stored))
		})
	}
}
