package tensor

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestGGUF(t *testing.T) {
	all := []sample{{"tok", "", []uint64{64, 3}, random(1, 18*6)}, {"out", "", []uint64{32}, random(2, 18)}}
	b := ggufFile(2, all...)
	want := &Report{Tensors: 2, Parameters: 64*3 + 32, Bytes: 18 * 7, DTypes: map[string]int{"Q4_0": 2},
		Metadata: map[string]string{"general.name": "a model", "layers": "32", "low": "-1", "eps": "0.5", "wide": "-2", "flag": "true"}}
	if diff := cmp.Diff(want, valid(t, GGUF, b)); diff != "" {
		t.Error(diff)
	}
	b[4] = 2
	valid(t, GGUF, b)
	valid(t, GGUF, rawGGUF(1, nil, nil, nil))
	valid(t, GGUF, rawGGUF(64, [][]byte{kv("general.alignment", 4, u32(64))}, [][]byte{ggufInfo("s", 0, 64), ggufInfo("v", 30, 0, 3)}, random(3, 68)))
	for number, e := range ggmlTypes {
		if e.block == 0 || e.bits%8 != 0 || e.look != nil && e.look.scales != nil && e.look.scales[len(e.look.scales)-1]+2 > e.look.block {
			t.Errorf("type %d: %+v", number, e)
		}
	}
}

func TestGGUFNumbers(t *testing.T) {
	var pairs [][]byte
	for i, width := range ggufWidths {
		if width > 0 {
			pairs = append(pairs, kv(string(rune('a'+i)), uint32(i), bytes.Repeat([]byte{0xff}, int(width))))
		}
	}
	pairs[7] = kv("h", ggufBool, []byte{0})
	want := map[string]string{"a": "255", "b": "-1", "c": "65535", "d": "-1", "e": "4294967295", "f": "-1", "g": "NaN", "h": "false",
		"k": "18446744073709551615", "l": "-1", "m": "NaN"}
	if diff := cmp.Diff(want, valid(t, GGUF, rawGGUF(1, pairs, nil, nil)).Metadata); diff != "" {
		t.Error(diff)
	}
}

func TestBrokenGGUF(t *testing.T) {
	data := random(1, 256)
	pair := func(p ...[]byte) []byte { return rawGGUF(ggufAlign, p, nil, nil) }
	infos := func(i ...[]byte) []byte { return rawGGUF(ggufAlign, ggufPairs(), i, data) }
	version := func(b ...byte) []byte { return append(append([]byte(ggufMagic), b...), u64(0, 0)...) }
	counts := func(tensors, pairs uint64) []byte {
		return append(append(append([]byte(ggufMagic), u32(3)...), u64(tensors, pairs)...), data...)
	}
	arrays := append(u32(ggufArray), bytes.Repeat(append(u32(ggufArray), u64(1)...), 20)...)
	for _, b := range []broken{
		{"empty", nil, "size", "the header needs bytes 0 to 4", ""},
		{"magic", []byte("GGML\x03\x00\x00\x00"), "magic", "must be", ""},
		{"magic turned around", []byte("FUGG\x00\x00\x00\x03"), "magic", "big-endian", ""},
		{"version 1", version(1, 0, 0, 0), "version", "version 1 is not supported", ""},
		{"version 4", version(4, 0, 0, 0), "version", "version 4 is not supported", ""},
		{"version 0", version(0, 0, 0, 0), "version", "version 0 is not supported", ""},
		{"big-endian", version(0, 0, 0, 3), "version", "bytes of 3 turned around: the file is big-endian", ""},
		{"tensors", counts(1<<40, 0), "tensor_count", "10 at most can be in the 256 bytes", ""},
		{"pairs", counts(0, 1<<40), "metadata_kv_count", "18 at most", ""},
		{"empty key", pair(kv("", 0, []byte{1}), kv("k", 4, u32(1))), "key", "is empty", ""},
		{"long key", pair(kv(strings.Repeat("k", 1<<16), 0, []byte{1})), "key", "at most 65535", ""},
		{"endless key", pair(append(u64(1<<50), data...)), "size", "key 0 needs bytes", ""},
		{"key twice", pair(kv("k", 0, []byte{1}), kv("k", 0, []byte{1})), "key", `"k" is there twice`, ""},
		{"type", pair(kv("k", 13, data)), "value_type", `the value of key "k" is of type 13`, ""},
		{"type of elements", pair(kv("k", ggufArray, append(u32(77), u64(1)...))), "value_type", "type 77", ""},
		{"bool", pair(kv("k", ggufBool, []byte{2})), "value", "must be 0 or 1", ""},
		{"string", pair(kv("k", ggufString, append(u64(1<<63), data...))), "size", `the value of key "k" needs`, ""},
		{"array", pair(kv("k", ggufArray, append(append(u32(12), u64(1<<62)...), data...))), "size", "needs", ""},
		{"array of strings", pair(kv("k", ggufArray, append(append(u32(ggufString), u64(1<<30)...), data...))), "size", "needs", ""},
		{"array of arrays", pair(kv("k", ggufArray, append(append(u32(ggufArray), u64(1<<62)...), data...))), "size", "needs", ""},
		{"nested", pair(append(ggufText(nil, "k"), arrays...)), "value_type", "nested more than 8 deep", ""},
		{"alignment's type", pair(kv("general.alignment", 10, u64(32))), "general.alignment", "must be of type 4", ""},
		{"alignment 0", pair(kv("general.alignment", 4, u32(0))), "general.alignment", "power of two", ""},
		{"alignment 4", pair(kv("general.alignment", 4, u32(4))), "general.alignment", "power of two", ""},
		{"alignment 24", pair(kv("general.alignment", 4, u32(24))), "general.alignment", "power of two", ""},
		{"empty name", infos(ggufInfo("", 0, 0, 4)), "name", "is empty", ""},
		{"long name", infos(ggufInfo(strings.Repeat("n", 65), 0, 0, 4)), "name", "at most 64", ""},
		{"name twice", infos(ggufInfo("n", 0, 0, 4), ggufInfo("n", 0, 32, 4)), "name", "two tensors", "n"},
		{"dimensions", infos(ggufInfo("n", 0, 0, 1, 1, 1, 1, 1)), "n_dimensions", "at most 4", ""},
		{"tensor type", infos(ggufInfo("n", 4, 0, 4)), "type", "4 is not a known type", "n"},
		{"overflow", infos(ggufInfo("n", 0, 0, 1<<32, 1<<32)), "dimensions", "more elements than", "n"},
		{"row", infos(ggufInfo("n", 2, 0, 16, 2)), "dimensions", "a multiple of 32", "n"},
		{"scalar row", infos(ggufInfo("n", 2, 0)), "dimensions", "a row has 1 elements", "n"},
		{"offset", infos(ggufInfo("n", 0, 16, 4)), "offset", "not a multiple of the alignment 32", "n"},
		{"far", infos(ggufInfo("n", 0, math.MaxUint64-31, 4)), "offset", "beyond any file", "n"},
		{"overlap", infos(ggufInfo("n", 0, 0, 16), ggufInfo("m", 0, 32, 4)), "offset", `tensor "n" before it ends`, "m"},
		{"beyond the end", infos(ggufInfo("n", 0, 256, 4)), "size", `tensor "n" needs bytes`, "n"},
		{"list cut", rawGGUF(1, nil, [][]byte{ggufInfo("n", 0, 0, 4)}, nil)[:55], "size", `the entry of tensor "n" needs bytes 49 to 57`, ""},
	} {
		b.test(t, GGUF)
	}
}

func TestTruncatedGGUF(t *testing.T) {
	b := ggufFile(0, sample{"a", "", []uint64{3, 2}, random(1, 24)}, sample{"b", "", []uint64{5}, random(2, 20)})
	truncate(t, GGUF, b, nil)
	// The padding after the last tensor may be missing, as readers of single
	// tensors do not need it.
	padded := append(bytes.Clone(b), make([]byte, 12)...)
	truncate(t, GGUF, padded, func(n int) bool { return n >= len(b) })
}
