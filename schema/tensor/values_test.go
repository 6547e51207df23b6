package tensor

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// naive classifies one value in the plainest way.
func naive(dtype string, v uint64) (nan, inf, zero bool) {
	ieee := func(width, frac uint) (nan, inf, zero bool) {
		exp := v >> frac & (1<<(width-1-frac) - 1)
		full := exp == 1<<(width-1-frac)-1
		f := v & (1<<frac - 1)
		return full && f != 0, full && f == 0, exp == 0 && f == 0
	}
	switch dtype {
	case "F64", "C128":
		x := math.Float64frombits(v)
		return x != x, math.IsInf(x, 0), x == 0
	case "F32", "C64":
		x := float64(math.Float32frombits(uint32(v)))
		return x != x, math.IsInf(x, 0), x == 0
	case "BF16":
		x := float64(math.Float32frombits(uint32(v) << 16))
		return x != x, math.IsInf(x, 0), x == 0
	case "F16":
		return ieee(16, 10)
	case "F8_E5M2":
		return ieee(8, 2)
	case "F8_E4M3":
		return v&0x7f == 0x7f, false, v&0x7f == 0
	case "F8_E8M0":
		return v == 0xff, false, false
	default: // FNUZ
		return v == 0x80, false, v == 0
	}
}

func widthOf(dtype string) int { return int(looks[dtype].width) / 8 }

// load reads one value.
func load(b []byte, width int) uint64 {
	var w [8]byte
	copy(w[:], b[:width])
	return le.Uint64(w[:])
}

func reference(dtype string, b []byte) (seen, nan, inf int64, zero bool) {
	width := widthOf(dtype)
	zero = true
	for ; len(b) >= width; b = b[width:] {
		n, i, z := naive(dtype, load(b, width))
		seen++
		if n {
			nan++
		}
		if i {
			inf++
		}
		zero = zero && z
	}
	return seen, nan, inf, zero
}

// specials are the bit patterns at the edges of a type.
func specials(dtype string) (all []uint64) {
	l := looks[dtype]
	mask := uint64(math.MaxUint64) >> (64 - l.width)
	for _, v := range []uint64{0, 1, l.exp, l.exp | 1, l.exp | l.frac, l.exp - l.low, l.frac, l.low, l.exp | l.low>>1, 0x80, 0xff, 0x7f} {
		all = append(all, v&mask, (v|l.sign)&mask)
	}
	return all
}

func TestValuesAgainstReference(t *testing.T) {
	for dtype := range looks {
		t.Run(dtype, func(t *testing.T) {
			r := rand.New(rand.NewPCG(3, uint64(len(dtype))))
			width, edges := widthOf(dtype), specials(dtype)
			for round := range 3000 {
				n := r.IntN(40)
				var b []byte
				for range n {
					var w [8]byte
					switch r.IntN(4) {
					case round % 4: // nothing but edges, or few
						le.PutUint64(w[:], edges[r.IntN(len(edges))])
					default:
						le.PutUint64(w[:], []uint64{r.Uint64(), 0, looks[dtype].sign}[round%3])
					}
					b = append(b, w[:width]...)
				}
				seen, nan, inf, zero := reference(dtype, b)
				v := values{look: looks[dtype]}
				cut := 0
				if n > 0 {
					cut = r.IntN(len(b)) / smallest * smallest
				}
				v.add(b[:cut])
				v.add(b[cut:])
				if v.seen != seen || v.nan != nan || v.inf != inf || seen > 0 && (v.any == 0) != zero {
					t.Fatalf("%x: %d values, %d NaN, %d Inf, zero %v, want %d, %d, %d, %v", b, v.seen, v.nan, v.inf, v.any == 0, seen, nan, inf, zero)
				}
			}
		})
	}
}

// TestValuesOfFiles goes through files larger than the buffer, in both orders
// of bytes.
func TestValuesOfFiles(t *testing.T) {
	for dtype, descr := range map[string]string{"F16": "f2", "F32": "f4", "F64": "f8", "C64": "c8", "C128": "c16", "BF16": "", "F8_E4M3": "", "F8_E8M0": ""} {
		r := rand.New(rand.NewPCG(4, 5))
		width, edges := widthOf(dtype), specials(dtype)
		elem := int(elems[dtype].bits / 8)
		b := random(6, (bufSize+12345)/16*16)
		for range 50 {
			var w [8]byte
			le.PutUint64(w[:], edges[r.IntN(len(edges))])
			copy(b[r.IntN(len(b)/width)*width:], w[:width])
		}
		seen, nan, inf, _ := reference(dtype, b)
		s := sample{"w", dtype, []uint64{uint64(len(b) / elem)}, b}
		big := bytes.Clone(b)
		for i := 0; i < len(big); i += width {
			slices.Reverse(big[i : i+width])
		}
		files := map[string]struct {
			f Format
			b []byte
		}{"npy": {NPY, npyFile("<"+descr, s)}, "big-endian npy": {NPY, npyFile(">"+descr, sample{shape: s.shape, data: big})},
			"npz": {NPZ, zipFile(t, 8, zipMember{"w.npy", npyFile(">"+descr, sample{shape: s.shape, data: big})})}}
		if descr == "" {
			clear(files)
		}
		if safetensorsTypes[dtype] != nil {
			files["safetensors"] = struct {
				f Format
				b []byte
			}{Safetensors, safetensorsFile(f32(1, "a", 5), s, f32(1, "b", 5))}
		}
		for name, file := range files {
			rep := valid(t, file.f, file.b)
			if rep.NaNValues != nan || rep.InfValues != inf || rep.Zero != 0 {
				t.Errorf("%s in %s: %d NaN, %d Inf, want %d, %d", dtype, name, rep.NaNValues, rep.InfValues, nan, inf)
			}
			for _, n := range rep.Notes {
				if n.Of != seen {
					t.Errorf("%s in %s: %d values, want %d", dtype, name, n.Of, seen)
				}
			}
		}
	}
}

func TestZeroAndNotes(t *testing.T) {
	zero := make([]byte, 4000)
	minus := bytes.Repeat(floats(math.Copysign(0, -1)), 10)
	all := []sample{
		{"zero", "F32", []uint64{1000}, zero}, {"minus", "F32", []uint64{10}, minus}, {"one", "F32", nil, zero[:4]},
		{"none", "F32", []uint64{0, 3}, nil}, {"int", "I64", []uint64{2}, zero[:16]},
		{"bad", "F32", []uint64{3}, floats(math.NaN(), math.Inf(-1), math.NaN())},
	}
	r := valid(t, Safetensors, safetensorsFile(all...))
	want := []Note{{"zero", SortZero, 1000, 1000}, {"minus", SortZero, 10, 10}, {"bad", SortNaN, 2, 3}, {"bad", SortInf, 1, 3}}
	if !slices.Equal(r.Notes, want) || r.NaN != 1 || r.Inf != 1 || r.Zero != 2 || r.NaNValues != 2 || r.InfValues != 1 {
		t.Errorf("notes %v, want %v; report %+v", r.Notes, want, r)
	}
	if r = check(t, Safetensors, safetensorsFile(all...), Options{Limit: 1}); len(r.Notes) != 3 || r.Zero != 2 {
		t.Errorf("with a limit: %+v", r)
	}
	if r = check(t, Safetensors, safetensorsFile(all...), Options{NoValues: true}); len(r.Notes)+r.NaN+r.Zero != 0 || r.Parameters != 1016 {
		t.Errorf("without values: %+v", r)
	}
}

func TestScales(t *testing.T) {
	for _, c := range []struct {
		typ   uint32
		block int
		elems uint64
		at    int
	}{{2, 18, 32, 0}, {3, 20, 32, 2}, {8, 34, 32, 0}, {10, 84, 256, 82}, {12, 144, 256, 2}, {14, 210, 256, 208}} {
		b := random(7, c.block*3000)
		s := sample{"w", "", []uint64{c.elems, 3000}, b}
		if r := valid(t, GGUF, ggufFile(c.typ, s)); len(r.Notes) != 0 || r.Parameters != int64(c.elems)*3000 || r.Bytes != int64(len(b)) {
			t.Errorf("type %d: %+v", c.typ, r)
		}
		binary.LittleEndian.PutUint16(b[2999*c.block+c.at:], 0x7e00)
		binary.LittleEndian.PutUint16(b[5*c.block+c.at:], 0xfc00)
		r := valid(t, GGUF, ggufFile(c.typ, s))
		scales := int64(len(ggmlTypes[c.typ].look.scales)) * 3000
		if want := []Note{{"w", SortNaN, 1, scales}, {"w", SortInf, 1, scales}}; !slices.Equal(r.Notes, want) {
			t.Errorf("type %d: notes %v, want %v", c.typ, r.Notes, want)
		}
		if r = valid(t, GGUF, ggufFile(c.typ, sample{"w", "", s.shape, make([]byte, len(b))})); r.Zero != 1 {
			t.Errorf("type %d: zeros are not found", c.typ)
		}
	}
}

func BenchmarkValues(b *testing.B) {
	for _, dtype := range []string{"F32", "BF16", "F16", "F64", "F8_E4M3", "F8_E8M0"} {
		for _, size := range []int{bufSize, 64 << 20} {
			data := random(1, size)
			file := safetensorsFile(sample{"w", dtype, []uint64{uint64(size) * 8 / elems[dtype].bits}, data})
			b.Run(fmt.Sprintf("%s/%dKB", dtype, size>>10), func(b *testing.B) {
				b.SetBytes(int64(size))
				for b.Loop() {
					if size == bufSize { // the scan alone, in cache
						v := values{look: looks[dtype]}
						v.add(data)
					} else if _, err := Check(context.Background(), Safetensors, bytes.NewReader(file), int64(len(file)), Options{}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
