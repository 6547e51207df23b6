package store

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"
)

// hostile are models that break the rules of their formats.
func hostile() files {
	safetensors := func(size uint64, header, data string) string {
		return string(binary.LittleEndian.AppendUint64(nil, size)) + header + data
	}
	lying := `{"a":{"dtype":"F32","shape":[1000000000000],"data_offsets":[0,4000000000000]},"b":{"dtype":"F32","shape":[4],"data_offsets":[8,4]},` +
		`"c":{"dtype":"F32","shape":[300000],"data_offsets":[0,1200000]},"d":{"dtype":"F32","shape":[300000],"data_offsets":[100,1200100]},"c":{}}`
	numbers := string(model(1, 50_000))
	var wide []byte
	for _, u := range utf16.Encode([]rune(numbers)) {
		wide = binary.LittleEndian.AppendUint16(wide, u)
	}
	var bomb bytes.Buffer
	bomb.WriteString("PK\x03\x04\x14\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00")
	bomb.WriteString("\x00\x00\x00\x00\xff\xff\xff\xff\x05\x00\x00\x00a.npy")
	w, _ := flate.NewWriter(&bomb, 9)
	_, _ = w.Write(make([]byte, 200<<20))
	_ = w.Close()
	deep := strings.Repeat("[", 100_000)
	return files{
		"cut-off.json":        numbers[:33_333],
		"duplicate-keys.json": strings.Repeat(`{"a": 1, "a": 2.5, "a": `, 500) + "3" + strings.Repeat("}", 500),
		"odd-spacing.json":    strings.ReplaceAll(numbers, ", ", "\t ,\r\n\v"),
		"not-a-number.json":   strings.Repeat(`[NaN, Infinity, -Infinity, -0, -0.0, 1E5, 1e+5, 0x10, 1_000, 01, .5, 5., +1, --1]`, 300),
		"400-digits.json":     "[" + strings.Repeat(strings.Repeat("7", 400)+"."+strings.Repeat("3", 400)+"e-1234567890, ", 50) + "1]",
		"utf-16.json":         string(wide),
		"bom.json":            "\xef\xbb\xbf" + numbers,
		"deep.json":           deep + strings.Repeat("]", 100_000),
		"open.json":           deep,
		"only-digits":         strings.Repeat("31415926535897932384626433", 5000),
		"lying.safetensors":   safetensors(uint64(len(lying)), lying, noise(1, 1_300_000)),
		"huge.safetensors":    safetensors(1<<63, `{"a":{}}`, noise(2, 2000)),
		"short.safetensors":   safetensors(5000, `{"a":{"dtype":"F32","shape":[300000],"data_offsets":[0,1200000]}}`, ""),
		"bomb.npz":            bomb.String(),
		"lying.npy":           "\x93NUMPY\x01\x00\xff\xff{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999, 99999999)}" + noise(3, 70_000),
		"lying.gguf":          "GGUF\x03\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f" + noise(4, 5000),
		"lying.onnx":          "\x08\x07\x12\x07pytorch:\xff\xff\xff\xff\xff\xff\xff\xff\x7f" + noise(5, 5000),
		"lying.tflite":        "\xff\xff\xff\x7fTFL3" + noise(6, 5000),
	}
}

// TestHostileModels: whatever a model looks like, it is stored and comes back
// byte for byte: at first, as a difference to an earlier version, from a
// repacked store, and with the settings for live saving.
func TestHostileModels(t *testing.T) {
	first := hostile()
	second := files{}
	for p, data := range first {
		b := []byte(data)
		b[len(b)/2] ^= 1
		second[p] = string(b) + fmt.Sprint(len(p))
	}
	for _, fast := range []bool{false, true} {
		t.Run(fmt.Sprintf("fast=%v", fast), func(t *testing.T) {
			s, m := newMemStore(t)
			check := func(when string) {
				t.Helper()
				for i, f := range []files{first, second} {
					for p, data := range f {
						if got := cat(t, s, fmt.Sprintf("v%d", i+1), p); string(got) != data {
							t.Fatalf("%s: v%d:%s: %d bytes, want %d", when, i+1, p, len(got), len(data))
						}
					}
				}
				mustFsck(t, s)
			}
			for _, f := range []files{first, second} {
				put(t, m, f)
				save(t, s, CommitOptions{Paths: []string{"."}, Fast: fast, Validate: "off"})
			}
			check("committed")
			if _, err := s.Repack(t.Context(), RepackOptions{All: true}); err != nil {
				t.Fatal(err)
			}
			check("repacked")
		})
	}
}
