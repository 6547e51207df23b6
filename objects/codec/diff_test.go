package codec

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// gaussian makes n floats of the given size, of sigma 0.02.
func gaussian(seed uint64, n, size int) []byte {
	r := rand.New(rand.NewPCG(seed, 2))
	return moved(seed, make([]byte, n*size), size, func(float64) float64 { return 0.02 * r.NormFloat64() })
}

// moved applies f to the floats in b.
func moved(seed uint64, b []byte, size int, f func(float64) float64) []byte {
	out := make([]byte, len(b))
	for i := 0; i < len(b); i += size {
		switch size {
		case 2: // bfloat16
			v := f(float64(math.Float32frombits(uint32(binary.LittleEndian.Uint16(b[i:])) << 16)))
			binary.LittleEndian.PutUint16(out[i:], uint16((math.Float32bits(float32(v))+0x8000)>>16))
		case 4:
			v := f(float64(math.Float32frombits(binary.LittleEndian.Uint32(b[i:]))))
			binary.LittleEndian.PutUint32(out[i:], math.Float32bits(float32(v)))
		case 8:
			v := f(math.Float64frombits(binary.LittleEndian.Uint64(b[i:])))
			binary.LittleEndian.PutUint64(out[i:], math.Float64bits(v))
		}
	}
	return out
}

// tuned adds noise of sigma to floats.
func tuned(seed uint64, b []byte, size int, sigma float64) []byte {
	r := rand.New(rand.NewPCG(seed, 3))
	return moved(seed, b, size, func(v float64) float64 { return v + sigma*r.NormFloat64() })
}

func BenchmarkDiff(b *testing.B) {
	for _, size := range []int{2, 4, 8} {
		for _, sigma := range []float64{0.00002, 0.0001, 0.001} {
			base := gaussian(1, 2<<20/size, size)
			raw := tuned(2, base, size, sigma)
			e := Elem{Size: uint8(size), Float: true}
			stored, ok := encodeDiff(nil, raw, base, e, Default)
			if !ok {
				b.Fatal("does not pay")
			}
			name := fmt.Sprintf("float%d/%g", 8*size, sigma)
			b.Run("encode/"+name, func(b *testing.B) {
				var out []byte
				for b.Loop() {
					out, _ = encodeDiff(out[:0], raw, base, e, Default)
				}
				report(b, len(raw), len(out))
			})
			b.Run("decode/"+name, func(b *testing.B) {
				var out []byte
				for b.Loop() {
					var err error
					if out, err = Decode(out[:0], Diff, stored, len(raw), [][]byte{base}); err != nil {
						b.Fatal(err)
					}
				}
				report(b, len(raw), len(stored))
			})
		}
	}
}

func report(b *testing.B, raw, stored int) {
	b.SetBytes(int64(raw))
	b.ReportMetric(float64(stored)/float64(raw), "ratio")
}

func TestDiffRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := rapid.SampledFrom(elems).Draw(t, "elem")
		base := tensor(t, e)
		raw := changed(t, base, max(int(e.Size), 1))
		stored, ok := encodeDiff([]byte("x"), raw, base, e, Default)
		if !ok {
			if string(stored) != "x" {
				t.Fatal("refused, but appended")
			}
			// What would not pay must come back all the same.
			if stored, ok = forceDiff(raw, base, e); !ok {
				return
			}
		}
		checkDecode(t, Diff, stored[1:], raw, [][]byte{base})
		for _, bases := range [][][]byte{nil, {append(base, 0)}, {append(base, base...), base}} {
			if len(bases) > 0 && len(bases[0]) == len(raw) {
				continue
			}
			if _, err := Decode(nil, Diff, stored[1:], len(raw), bases); !errors.Is(err, ErrCorrupt) {
				t.Fatal("decoded with a wrong base:", err)
			}
		}
	})
}

// forceDiff encodes without asking whether it pays.
func forceDiff(raw, base []byte, e Elem) ([]byte, bool) {
	if !e.valid() {
		return nil, false
	}
	a := newLayout(len(raw), e, 0)
	s := new(diffScratch)
	x, y := a.body(raw), a.body(base)
	s.runs = appendRuns(nil, x, y, group*int(e.Size))
	s.survey.look(e.residual(), e, x, y, s.runs)
	ends, _ := s.survey.contexts()
	return s.appendDiff([]byte("x"), raw, base, a, ends, Default), true
}

// changed draws a successor of b.
func changed(t *rapid.T, b []byte, size int) []byte {
	r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 5))
	out := bytes.Clone(b)
	rate := rapid.SampledFrom([]float64{0, 0.001, 0.3, 1}).Draw(t, "rate")
	kind := rapid.IntRange(0, 4).Draw(t, "change")
	for i := 0; i+size <= len(b); i += size {
		if r.Float64() >= rate {
			continue
		}
		switch e := out[i : i+size]; kind {
		case 0:
			e[0] += byte(r.IntN(5))
		case 1:
			e[size-1] ^= 0x80
		case 2:
			e[size-1] = byte(r.Uint32())
		case 3:
			e[r.IntN(size)] ^= byte(r.Uint32())
		default:
			for k := range e {
				e[k] = byte(r.Uint32())
			}
		}
	}
	if len(out) > 0 && rapid.Bool().Draw(t, "last") {
		out[len(out)-1]++
	}
	return out
}

// TestResidual tries all pairs of 2 bytes near the edges of the alphabet, and
// some of the others' edges.
func TestResidual(t *testing.T) {
	edges := []uint64{0, 1, 2, 3, 7, 8, 15, 16, 127, 128, 254, 255, 256, 257, 1<<15 - 1, 1 << 15, 1<<15 + 1, 1<<16 - 1,
		1<<24 - 1, 1 << 24, 1<<24 + 1, 1 << 31, 1<<31 - 1, 1<<32 - 1, 1<<53 - 1, 1 << 53, 1 << 63, 1<<63 - 1, 1<<64 - 1}
	for _, e := range elems[:8] {
		var x, y []byte
		for _, a := range edges {
			for _, b := range edges {
				for _, d := range edges {
					x = append(x, binary.LittleEndian.AppendUint64(nil, a^b<<3)[:e.Size]...)
					y = append(y, binary.LittleEndian.AppendUint64(nil, a^b<<3+d)[:e.Size]...)
				}
			}
		}
		for _, p := range [][2][]byte{{x, y}, {y, x}} {
			stored, _ := forceDiff(p[0], p[1], e)
			checkDecode(t, Diff, stored[1:], p[0], p[1:])
		}
	}
}

func TestDiffSize(t *testing.T) {
	base2, base4 := gaussian(1, 1<<19, 2), gaussian(1, 1<<18, 4)
	last := bytes.Clone(base4)
	last[len(last)-5]++
	rows := bytes.Clone(base4)
	copy(rows[400<<10:], tuned(3, base4[400<<10:420<<10], 4, 0.0001))
	for name, c := range map[string]struct {
		raw, base []byte
		e         Elem
		most      float64
	}{
		"equal":       {base2, base2, Elem{2, true}, 0.0001},
		"one element": {last, base4, Elem{4, true}, 0.001},
		"some rows":   {rows, base4, Elem{4, true}, 0.014},
		"fine-tune":   {tuned(2, base2, 2, 0.0001), base2, Elem{2, true}, 0.19},
		"guessed":     {tuned(2, base2, 2, 0.0001), base2, Elem{}, 0.19},
		"next step":   {tuned(2, base4, 4, 0.0001), base4, Elem{4, true}, 0.6},
	} {
		stored, ok := encodeDiff(nil, c.raw, c.base, c.e, Default)
		got := float64(len(stored)) / float64(len(c.raw))
		if !ok || got > c.most {
			t.Errorf("%s: %.4f of raw, want at most %.4f", name, got, c.most)
		}
		if est := diffCost(c.raw, c.base, c.e) / 8; math.Abs(est-got) > 0.01+got/20 {
			t.Errorf("%s: estimated at %.4f of raw, is %.4f", name, est, got)
		}
	}
}

// TestDiffOfForeignStreams: no encoder here writes symbols with zstd, but the
// format allows it.
func TestDiffOfForeignStreams(t *testing.T) {
	base := make([]byte, 4096)
	raw := bytes.Repeat([]byte{1, 2, 1, 1}, 1024)
	stored := []byte{0, 2, 0, 64, 1} // planeLayout of bytes, all groups coded, one context
	stored = append(stored, appendStream(nil, raw, repeats, Default)...)
	if stored[7] != streamZstd {
		t.Fatal("no zstd")
	}
	stored = append(stored, 0)
	checkDecode(t, Diff, stored, raw, [][]byte{base})
}

func TestDiffRefuses(t *testing.T) {
	raw, other := gaussian(1, 1<<18, 4), gaussian(2, 1<<18, 4)
	for name, base := range map[string][]byte{"unrelated": other, "shorter": raw[4:], "none": nil} {
		if _, ok := encodeDiff(nil, raw, base, Elem{4, true}, Default); ok {
			t.Errorf("%s: taken as a base", name)
		}
	}
	if !math.IsInf(diffCost(raw, raw[1:], Elem{4, true}), 1) {
		t.Error("a base of another length has a cost")
	}
}

func FuzzDiff(f *testing.F) {
	for i, e := range elems {
		base := append(gaussian(uint64(i), 400, max(2, int(e.Size))), "tail"[:i%4]...)
		raw := bytes.Clone(base)
		for k := range len(raw) / 3 {
			raw[3*k] += byte(k & 3)
		}
		stored, _ := encodeDiff(nil, raw, base, e, Default)
		f.Add(stored, base, raw, uint8(i))
	}
	f.Fuzz(func(t *testing.T, stored, base, raw []byte, how uint8) {
		if out, err := Decode(nil, Diff, stored, len(base), [][]byte{base}); err == nil && len(out) != len(base) {
			t.Fatal("wrong length")
		} else if err != nil && !errors.Is(err, ErrCorrupt) {
			t.Fatal(err)
		}
		n := min(len(base), len(raw))
		e := elems[int(how)%len(elems)]
		if enc, ok := forceDiff(raw[:n], base[:n], e); ok {
			checkDecode(t, Diff, enc[1:], raw[:n], [][]byte{base[:n]})
		}
		if enc, ok := encodeDiff(nil, raw[:n], base[:n], e, Level(how/9%3)); ok {
			checkDecode(t, Diff, enc, raw[:n], [][]byte{base[:n]})
		}
	})
}
