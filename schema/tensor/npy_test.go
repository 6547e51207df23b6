package tensor

import (
	"archive/zip"
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNPY(t *testing.T) {
	want := &Report{Tensors: 1, Parameters: 6, Bytes: 24, DTypes: map[string]int{"F32": 1}, Metadata: map[string]string{}}
	if diff := cmp.Diff(want, valid(t, NPY, npyFile("<f4", f32(1, "", 2, 3)))); diff != "" {
		t.Error(diff)
	}
	for descr, c := range map[string]struct {
		name string
		size int
	}{
		"'|b1'": {"BOOL", 1}, "'?'": {"BOOL", 1}, "'|i1'": {"I8", 1}, "'<i2'": {"I16", 2}, "'>i8'": {"I64", 8}, "'=u4'": {"U32", 4}, "'f8'": {"F64", 8},
		"'<f2'": {"F16", 2}, "'<f16'": {"F128", 16}, "'<c8'": {"C64", 8}, "'<c16'": {"C128", 16}, "'<c32'": {"C256", 32},
		"'|S5'": {"S", 5}, "'<U3'": {"U", 12}, "'|V7'": {"V", 7}, "'<M8[ns]'": {"M8", 8}, "'<m8'": {"m8", 8}, "'|S0'": {"S", 0},
		"[('a', '<f4'), ('b', '|S3', (2, 2)), ('', '|V4')]": {"struct", 20}, "[(('title', 'a'), [('x', '<i2')])]": {"struct", 2},
		"('<f4', (2, 3))": {"struct", 24}, "[(u'a', '<f4', 3)]": {"struct", 12},
	} {
		for version := byte(1); version <= 3; version++ {
			dict := fmt.Sprintf("{'descr': %s, 'fortran_order': True, 'shape': (3,)}", descr)
			if r := valid(t, NPY, rawNPY(version, dict, random(1, 3*c.size))); r.DTypes[c.name] != 1 || r.Bytes != int64(3*c.size) {
				t.Errorf("%s: %+v", descr, r)
			}
		}
	}
	valid(t, NPY, rawNPY(1, `{"shape": (2L, 1), "descr": "<f4", "fortran_order": False,}`, random(1, 8)))
	valid(t, NPY, rawNPY(1, `{'shape': (), 'descr': '<f4', 'fortran_order': False}`, random(1, 4)))
	valid(t, NPY, rawNPY(1, `{'shape': (0, 5), 'descr': '<f4', 'fortran_order': False}`, nil))
}

// brokenNPY are what can be wrong with an array; tensor is "w" in NPZ.
func brokenNPY(tensor string) []broken {
	dict := func(descr, order, shape string) []byte {
		return rawNPY(1, fmt.Sprintf("{'descr': %s, 'fortran_order': %s, 'shape': %s}", descr, order, shape), random(1, 8))
	}
	good := npyFile("<f4", f32(1, "", 2))
	patch := func(at int, c byte) []byte {
		b := bytes.Clone(good)
		b[at] = c
		return b
	}
	return []broken{
		{"empty", nil, "size", "needs 8 bytes, there are 0", tensor},
		{"magic", []byte("\x93NUMPX\x01\x00\x00\x00"), "magic", "must be", tensor},
		{"version", patch(6, 4), "version", "version 4.0 is not known", tensor},
		{"minor version", patch(7, 1), "version", "version 1.1 is not known, 1.0 is", tensor},
		{"header cut", patch(9, 4), "size", "the header needs", tensor},
		{"header too long", append([]byte(npyMagic+"\x02\x00"), u32(1<<30)...), "header", "at most", tensor},
		{"not a dictionary", rawNPY(1, "(1, 2)", nil), "header", "a tuple, it must be a dictionary", tensor},
		{"not a literal", rawNPY(1, "{'descr': open('x')}", nil), "header", "where a value should begin", tensor},
		{"dictionary open", rawNPY(1, "{'descr': '<f4'", nil), "header", "a comma or '}' is missing", tensor},
		{"string open", rawNPY(1, "{'descr", nil), "header", "a string does not end", tensor},
		{"colon", rawNPY(1, "{'descr', 1}", nil), "header", "a colon", tensor},
		{"text behind", rawNPY(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} x", random(1, 8)), "header", "'x' follows", tensor},
		{"nested", rawNPY(1, strings.Repeat("(", 100), nil), "header", "nested", tensor},
		{"number", dict("'<f4'", "False", "(99999999999999999999,)"), "header", "too large", tensor},
		{"missing", rawNPY(1, "{'descr': '<f4', 'shape': (2,)}", random(1, 8)), "fortran_order", "missing", tensor},
		{"more keys", rawNPY(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'x': None}", random(1, 8)), "header", "not descr", tensor},
		{"key twice", rawNPY(1, "{'descr': '<f4', 'descr': '<f4'}", nil), "descr", "twice", tensor},
		{"order", dict("'<f4'", "0", "(2,)"), "fortran_order", "True or False", tensor},
		{"shape", dict("'<f4'", "False", "(2)"), "shape", "a number, it must be a tuple", tensor},
		{"list", dict("'<f4'", "False", "[2]"), "shape", "a list, it must be a tuple", tensor},
		{"negative", dict("'<f4'", "False", "(-2,)"), "shape", "whole number of 0 or more", tensor},
		{"length of another kind", dict("'<f4'", "False", "('2',)"), "shape", "whole number", tensor},
		{"overflow", dict("'<f4'", "False", "(4294967296, 4294967296)"), "shape", "more elements than", tensor},
		{"overflow in bytes", dict("'<f8'", "False", "(2305843009213693952,)"), "shape", "more elements than", tensor},
		{"objects", dict("'|O'", "False", "(2,)"), "descr", "pickled Python objects", tensor},
		{"objects in a field", dict("[('a', '<f4'), ('b', '|O8')]", "False", "(1,)"), "descr", "pickled Python objects", tensor},
		{"type", dict("'<x4'", "False", "(2,)"), "descr", "not a known type", tensor},
		{"size", dict("'<f3'", "False", "(2,)"), "descr", "not a known type", tensor},
		{"no type", dict("''", "False", "(2,)"), "descr", "not a known type", tensor},
		{"type and more", dict("'<f4x'", "False", "(2,)"), "descr", "not a known type", tensor},
		{"time", dict("'<M4'", "False", "(2,)"), "descr", "not a known type", tensor},
		{"field", dict("[('a',)]", "False", "(2,)"), "descr", "a tuple of a name", tensor},
		{"field's shape", dict("[('a', '<f4', 'x')]", "False", "(2,)"), "shape", "a string", tensor},
		{"large field", dict("[('a', '<f8', (1000000, 1000000))]", "False", "(2,)"), "descr", "2 GB", tensor},
		{"type of another kind", dict("None", "False", "(2,)"), "descr", "it is None", tensor},
	}
}

func TestBrokenNPY(t *testing.T) {
	for _, b := range brokenNPY("") {
		b.test(t, NPY)
	}
	good := npyFile("<f4", f32(1, "", 2))
	for _, b := range []broken{
		{"cut", good[:len(good)-1], "size", "the array needs bytes 128 to 136, the file has 135", ""},
		{"more", append(bytes.Clone(good), 0), "size", "the array ends at byte 136, the file has 137", ""},
	} {
		b.test(t, NPY)
	}
}

func TestTruncatedNPY(t *testing.T) {
	truncate(t, NPY, npyFile("<f4", f32(1, "", 2, 3)), nil)
	truncate(t, NPY, rawNPY(3, "{'descr': '>f8', 'fortran_order': True, 'shape': (2,)}", random(1, 16)), nil)
}

func TestNPZ(t *testing.T) {
	bad := sample{"bad", "F32", []uint64{3}, floats(math.NaN(), 1, math.Inf(1))}
	for _, method := range []uint16{zip.Store, zip.Deflate} {
		b := npzFile(t, method, f32(1, "a", 2, 3), bad, f32(2, "big", 1000, 100))
		want := &Report{Tensors: 3, Parameters: 100009, Bytes: 400036, DTypes: map[string]int{"F32": 3}, Metadata: map[string]string{},
			NaN: 1, Inf: 1, NaNValues: 1, InfValues: 1, Notes: []Note{{"bad", SortNaN, 1, 3}, {"bad", SortInf, 1, 3}}}
		if diff := cmp.Diff(want, valid(t, NPZ, b)); diff != "" {
			t.Error(diff)
		}
	}
	valid(t, NPZ, zipFile(t, zip.Deflate, zipMember{"readme.txt", []byte("text")}, zipMember{"a.npy", npyFile("<f4", f32(1, "", 2))}))
	valid(t, NPZ, zipFile(t, zip.Deflate))
}

func TestBrokenNPZ(t *testing.T) {
	good := npyFile("<f4", f32(1, "", 2))
	for _, method := range []uint16{zip.Store, zip.Deflate} {
		for _, b := range brokenNPY("w") {
			b.file = zipFile(t, method, zipMember{"w.npy", b.file})
			b.test(t, NPZ)
		}
	}
	// Where the bytes of an archive are that the tests change.
	stored := zipFile(t, zip.Store, zipMember{"w.npy", good}, zipMember{"x.txt", []byte("hello, world")})
	flip := func(old, new string) []byte {
		b := bytes.Clone(stored)
		at := bytes.Index(b, []byte(old))
		if at < 0 || len(old) != len(new) {
			t.Fatalf("no %q", old)
		}
		copy(b[at:], new)
		return b
	}
	directory := func(from, to string, off int, value []byte) []byte {
		b := zipFile(t, zip.Store, zipMember{"v.npy", good}, zipMember{"w.npy", good})
		at := bytes.LastIndex(b, []byte(from)) - 46
		if string(b[at:at+4]) != to {
			t.Fatal("no directory there")
		}
		copy(b[at+off:], value)
		return b
	}
	deflated := zipFile(t, zip.Deflate, zipMember{"w.npy", good})
	copy(deflated[40:], "\xff\xff\xff")
	for _, b := range []broken{
		{"empty", nil, "directory", "the file has 0 bytes", ""},
		{"no directory", stored[:100], "directory", "not a valid zip file", ""},
		{"twice", zipFile(t, zip.Store, zipMember{"w.npy", good}, zipMember{"w.npy", good}), "name", "two members", "w"},
		{"checksum", flip(string(good[130:136]), "\x00\x01\x00\x01\x00\x01"), "member", "checksum error", "w"},
		{"checksum of text", flip("hello", "hullo"), "member", "checksum error", "x.txt"},
		{"deflate", deflated, "member", "is damaged", "w"},
		{"array cut", zipFile(t, zip.Deflate, zipMember{"w.npy", good[:len(good)-1]}), "size", "needs 136 bytes, the member has 135", "w"},
		{"array and more", zipFile(t, zip.Deflate, zipMember{"w.npy", append(bytes.Clone(good), 0)}), "size", "takes 136 bytes, the member has 137", "w"},
		{"method", directory("w.npy", "PK\x01\x02", 10, []byte{99, 0}), "member", "unsupported compression", "w"},
		{"overlap", directory("w.npy", "PK\x01\x02", 42, u32(0)), "member", "the member before it ends", "w"},
		{"offset", directory("w.npy", "PK\x01\x02", 42, u32(7)), "member", "no header where", "w"},
		{"beyond the end", directory("w.npy", "PK\x01\x02", 20, u32(1<<30, 1<<30)), "size", "needs bytes", "w"},
	} {
		b.test(t, NPZ)
	}
}

// TestNPZDirectory has a directory that would take much memory.
func TestNPZDirectory(t *testing.T) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := range maxDirectory>>16 + 2 {
		if _, err := z.CreateHeader(&zip.FileHeader{Name: fmt.Sprint(i), Comment: strings.Repeat("x", 1<<16-1)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	broken{"directory", b.Bytes(), "directory", "more than 16777216 bytes", ""}.test(t, NPZ)
}

func TestTruncatedNPZ(t *testing.T) {
	truncate(t, NPZ, npzFile(t, zip.Store, f32(1, "a", 2), f32(2, "b", 3)), nil)
	truncate(t, NPZ, npzFile(t, zip.Deflate, f32(1, "a", 2), f32(2, "b", 3)), nil)
}
