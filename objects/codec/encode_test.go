package codec

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// sample draws pieces as models have them: text with and without numbers,
// tensors, noise, and runs of all of these.
func sample(t *rapid.T, label string) []byte {
	r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, label+" seed"), 3))
	var b []byte
	for range rapid.IntRange(0, 3).Draw(t, label+" runs") {
		n := r.IntN(1 + r.IntN(60_000))
		switch r.IntN(5) {
		case 0:
			for len(b) < n {
				b = fmt.Appendf(b, `{"t": %v, "n": %d}, `, r.NormFloat64(), r.IntN(1000))
			}
		case 1:
			b = append(b, symbols(r.Uint64(), n, 60, 2)...)
		case 2:
			b = append(b, noise(r.Uint64(), n)...)
		case 3:
			for range n / 4 {
				b = append(b, byte(r.Uint32()), byte(r.Uint32()), byte(r.IntN(3)), byte(0x3e+r.IntN(2)))
			}
		case 4:
			b = append(b, bytes.Repeat([]byte("again and again "), n/16)...)
		}
	}
	return b
}

// TestEncodeRoundTrip: whatever is encoded with whatever is known of it comes
// back, and is never longer than it was.
func TestEncodeRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := Input{Raw: sample(t, "raw"), Elem: rapid.SampledFrom(elems).Draw(t, "elem"),
			Level: rapid.SampledFrom([]Level{Default, Fast, Thorough}).Draw(t, "level")}
		for i := range rapid.IntRange(0, 4).Draw(t, "bases") {
			switch rapid.IntRange(0, 2).Draw(t, fmt.Sprint("base ", i)) {
			case 0:
				in.Bases = append(in.Bases, sample(t, fmt.Sprint("base ", i)))
			case 1: // the same, moved a little
				in.Bases = append(in.Bases, edited(rand.New(rand.NewPCG(uint64(i), 5)), in.Raw, 20))
			case 2: // the same tensor, trained on
				b := bytes.Clone(in.Raw)
				for k := 0; k < len(b); k += 7 {
					b[k]++
				}
				in.Bases = append(in.Bases, b)
			}
		}
		enc, id, used := Encode([]byte("x"), in)
		if enc[0] != 'x' || len(enc)-1 > len(in.Raw) || id.HasBases() != (len(used) > 0) {
			t.Fatalf("%s: %d bytes for %d, bases %v", id, len(enc)-1, len(in.Raw), used)
		}
		var bases [][]byte
		for _, i := range used {
			bases = append(bases, in.Bases[i])
		}
		dec, err := Decode([]byte("y"), id, enc[1:], len(in.Raw), bases)
		if err != nil || dec[0] != 'y' || !bytes.Equal(dec[1:], in.Raw) {
			t.Fatalf("%s of %d bytes does not come back: %v", id, len(in.Raw), err)
		}
	})
}

// TestEncodeChooses: each kind of piece gets the codec that was made for it.
func TestEncodeChooses(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var json, weights []byte
	for len(json) < 100_000 {
		json = fmt.Appendf(json, `{"f0": %v, "rms_db": %v}, `, float64(float32(r.NormFloat64())), r.NormFloat64())
	}
	for range 50_000 {
		weights = append(weights, byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32()), byte(0x3c+r.IntN(3)))
	}
	prose := bytes.Repeat([]byte("it was a bright cold day in april and the clocks were striking "), 1000)
	trained := bytes.Clone(weights)
	for i := 0; i < len(trained); i += 4 {
		trained[i] += byte(r.IntN(9))
	}
	f32 := Elem{4, true}
	for name, c := range map[string]struct {
		in   Input
		want ID
	}{
		"nothing":                 {Input{}, Raw},
		"noise":                   {Input{Raw: noise(1, 10_000)}, Raw},
		"prose":                   {Input{Raw: prose}, Zstd},
		"json":                    {Input{Raw: json}, Numbers},
		"json in haste":           {Input{Raw: json, Level: Fast}, Planes},
		"json edited":             {Input{Raw: edited(r, json, 5), Bases: [][]byte{json}}, Delta},
		"json edited in haste":    {Input{Raw: edited(r, json, 5), Bases: [][]byte{json}, Level: Fast}, Planes},
		"weights":                 {Input{Raw: weights, Elem: f32}, Planes},
		"weights of unknown type": {Input{Raw: weights}, Planes},
		"weights trained on":      {Input{Raw: trained, Elem: f32, Bases: [][]byte{json, weights}}, Diff},
		"json after weights":      {Input{Raw: json, Bases: [][]byte{weights}}, Numbers},
	} {
		if _, id, _ := Encode(nil, c.in); id != c.want {
			t.Errorf("%s: %s, want %s", name, id, c.want)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	raw := bytes.Repeat([]byte("0.123456789 "), 1000)
	enc, id, _ := Encode(nil, Input{Raw: raw})
	for _, size := range []int{0, 1, len(raw) - 1, len(raw) + 1, MaxPiece, MaxPiece + 1, -1} {
		if _, err := Decode(nil, id, enc, size, nil); !errors.Is(err, ErrCorrupt) {
			t.Errorf("decoded as %d bytes: %v", size, err)
		}
	}
	if _, err := Decode(nil, 77, enc, len(raw), nil); !errors.Is(err, ErrUnknown) {
		t.Error("unknown codec:", err)
	}
}

// FuzzDecode: whatever is stored, under whatever codec, decoding ends in as many
// bytes as it should, or in an error.
func FuzzDecode(f *testing.F) {
	base := symbols(1, 3000, 60, 1)
	for _, in := range []Input{{Raw: []byte("a")}, {Raw: bytes.Repeat([]byte("ab"), 99)}, {Raw: fmt.Append(nil, rand.Perm(500))},
		{Raw: edited(rand.New(rand.NewPCG(1, 1)), base, 9), Bases: [][]byte{base}}, {Raw: noise(1, 400), Elem: Elem{4, true}}} {
		enc, id, _ := Encode(nil, in)
		f.Add(byte(id), enc, len(in.Raw))
	}
	f.Fuzz(func(t *testing.T, id byte, stored []byte, size int) {
		size = min(size, 1<<20)
		out, err := Decode(nil, ID(id), stored, size, [][]byte{base})
		if err == nil && len(out) != size {
			t.Fatalf("%d bytes, want %d", len(out), size)
		}
	})
}

// FuzzEncode: any bytes come back, by themselves and against any base.
func FuzzEncode(f *testing.F) {
	f.Add([]byte(`{"a": 0.25, "b": [1, 2, 3]}`), []byte(`{"a": 0.5, "b": [1, 2, 3]}`), byte(0))
	f.Add(noise(1, 100), noise(1, 100), byte(4))
	f.Fuzz(func(t *testing.T, raw, base []byte, hint byte) {
		in := Input{Raw: raw, Bases: [][]byte{base}, Elem: elems[int(hint)%len(elems)], Level: Level(hint % 3)}
		enc, id, used := Encode(nil, in)
		var bases [][]byte
		if len(used) > 0 {
			bases = in.Bases
		}
		dec, err := Decode(nil, id, enc, len(raw), bases)
		if err != nil || !bytes.Equal(dec, raw) {
			t.Fatalf("%s does not come back: %v", id, err)
		}
	})
}
