package jsondoc

import (
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mstore/mstore/diff/internal/jsondoctest"
)

func mustOpen(t rapid.TB, doc string, memory int64) *Doc {
	t.Helper()
	d, err := open(doc, memory)
	if err != nil {
		t.Fatalf("%s: %v", doc, err)
	}
	return d
}

// Values in one row are equal; those written alike, and only those, have one spelling.
func TestHashes(t *testing.T) {
	rows := [][]string{
		{"1", "1.0", "1.00", "1e0", "10e-1", "0.1E1", "1E0", "1e+0", "1e00"},
		{"0", "-0", "0.0", "0e5", "-0.00"},
		{"-1", "-1.0"},
		{"100", "1e2"},
		{"12345678901234567890123", "12345678901234567890123.0", "1.2345678901234567890123e22"},
		{"12345678901234567890124"},
		{"0.00000000000000000000000012345", "1.2345e-25"},
		{"100000000000000000000000000", "1e26"},
		{"1e400"}, {"1e401"}, {"NaN"}, {"Infinity"}, {"-Infinity"},
		{`"NaN"`}, {"null"}, {"true"}, {"false"}, {`"true"`}, {`"1"`},
		{`"é"`, `"\u00e9"`, `"\u00E9"`},
		{`"𝄞"`, `"\ud834\udd1e"`},
		{`"\ud834"`}, {`"\udd1e\ud834"`},
		{`"a/b"`, `"a\/b"`},
		{`"\n"`, `"\u000a"`}, {`"n"`}, {`""`},
		{"[]"}, {"{}"}, {"[[]]"}, {"[{}]"}, {"[[],[]]"}, {"[[[]]]"},
		{"[1,2]", "[1.0,2]"}, {"[2,1]"}, {"[1,[2]]"}, {"[[1],2]"},
		{`{"a":1.50,"b":2}`, `{"a":1.5,"b":2}`}, {`{"a":2,"b":1.5}`}, {`{"a":1.5}`}, {`{"a":1.5,"b":2,"c":null}`},
	}
	type seen struct {
		row  int
		text string
	}
	hashes, spellings := map[uint64]seen{}, map[uint64]string{}
	for i, row := range rows {
		for _, text := range row {
			for _, memory := range memories {
				v := mustOpen(t, text, memory).Root
				if x, ok := hashes[v.Hash]; ok && x.row != i {
					t.Errorf("%s equals %s", text, x.text)
				}
				hashes[v.Hash] = seen{i, text}
				if x, ok := spellings[v.Spelling]; ok && x != text {
					t.Errorf("%s is spelled as %s", text, x)
				}
				spellings[v.Spelling] = text
			}
		}
	}
	if len(hashes) != len(rows) {
		t.Errorf("%d values among %d", len(hashes), len(rows))
	}
}

// Members in another order are the same value, spelled the same; white space is nothing.
func TestOrderOfMembers(t *testing.T) {
	x := mustOpen(t, `{"a":[1,2],"b":{"c":3}}`, 0).Root
	y := mustOpen(t, "{ \"b\" : {\"c\": 3},\n\"a\":[1 ,2] }\n", 0).Root
	if x.Hash != y.Hash || x.Spelling != y.Spelling {
		t.Error("they differ")
	}
}

// Long strings hash as short ones do, wherever windows end.
func TestLongStrings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "é", "𝄞", `\n`, `\\`, `\\\\\\`, `\"`, `\ud834\udd1e`, `\ud834`, `\u00e9`, strings.Repeat("x", 30)}), 0, 60).Draw(t, "parts")
		doc := `"` + strings.Join(parts, "") + `"`
		x := mustOpen(t, doc, 0).Root
		y := mustOpen(t, strings.Repeat(" ", rapid.IntRange(0, 20).Draw(t, "space"))+doc, int64(rapid.IntRange(1, 3000).Draw(t, "memory"))).Root
		if x.Hash != y.Hash || x.Spelling != y.Spelling {
			t.Fatalf("%s differs from itself", doc)
		}
	})
}

// Numbers have one hash exactly when they are equal as fractions.
func TestNumberHash(t *testing.T) {
	text := rapid.StringMatching(`-?(0|[1-9][0-9]{0,22})(\.[0-9]{1,22})?([eE][-+]?[0-9]{1,2})?`)
	rapid.Check(t, func(t *rapid.T) {
		x := text.Draw(t, "x")
		y := text.Draw(t, "y")
		if rapid.Bool().Draw(t, "equal") {
			r, _ := new(big.Rat).SetString(x)
			y = r.FloatString(130)
		}
		_, h, _ := number([]byte(x))
		_, k, _ := number([]byte(y))
		a, _ := new(big.Rat).SetString(x)
		b, _ := new(big.Rat).SetString(y)
		if (h == k) != (a.Cmp(b) == 0) {
			t.Fatalf("%s and %s", x, y)
		}
	})
}

// The index, fine or coarse, gives the children that reading gives.
func TestChildrenThroughIndex(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		doc := string(jsondoctest.Encode(t, jsondoctest.Value(t, 5)))
		x := mustOpen(t, doc, 0) // no index for what is so small
		y := mustOpen(t, doc, int64(rapid.SampledFrom([]int{1, 500, 1 << 21}).Draw(t, "memory")))
		compareTrees(t, x, y, x.Root, y.Root)
	})
}

func compareTrees(t *rapid.T, x, y *Doc, v, w Value) {
	if v != w {
		t.Fatalf("%+v and %+v", v, w)
	}
	if !v.IsContainer() {
		return
	}
	a, b := x.Children(v), y.Children(w)
	n := int64(0)
	for ; ; n++ {
		more, err := a.Next()
		more2, err2 := b.Next()
		if err != nil || err2 != nil || more != more2 {
			t.Fatal(err, err2, more, more2)
		}
		if !more {
			break
		}
		if a.Name != b.Name || a.Index != n {
			t.Fatal(a.Name, b.Name, a.Index)
		}
		compareTrees(t, x, y, a.Value, b.Value)
	}
	if n != v.Count {
		t.Fatalf("%d children of %d", n, v.Count)
	}
}
