package jsonmerge

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/mstore/mstore/diff/internal/jsondoc"
	"github.com/mstore/mstore/diff/internal/jsondoctest"
)

// What is merged looks like ours, with parts of theirs.
func TestLooks(t *testing.T) {
	for _, c := range []struct{ name, base, ours, theirs, want string }{
		{"members side by side", `{"a": 1, "b": 2}`, "{\n  \"a\": 1.50,\n  \"b\": 2.0\n}\n", `{"a":1,"b":3e0}`, "{\n  \"a\": 1.50,\n  \"b\": 3e0\n}\n"},
		{"a new member", `{"a":1}`, "{\n  \"a\": 2\n}\n", `{"a": 1, "b": [1, 2]}`, "{\n  \"a\": 2,\n  \"b\": [1, 2]\n}\n"},
		{"a new member in one line", `{"a": 1, "b": 1}`, `{"a": 2, "b": 1}`, `{"a":1,"b":1,"c":1}`, `{"a": 2, "b": 1, "c":1}`},
		{"the first member deleted", `{"a":1,"b":2,"c":3}`, "{\n \"a\":1,\n \"b\":2,\n \"c\":4\n}", `{"b":2,"c":3}`, "{\n \"b\":2,\n \"c\":4\n}"},
		{"the last member deleted", `{"a":1,"b":2,"c":3}`, "{\n \"a\":0,\n \"b\":2,\n \"c\":3\n}", `{"a":1,"b":2}`, "{\n \"a\":0,\n \"b\":2\n}"},
		{"the middle deleted", `{"a":1,"b":2,"c":3}`, "{\"a\":0,\n\n\"b\":2,\n  \"c\":3}", `{"a":1,"c":3}`, "{\"a\":0,\n  \"c\":3}"},
		{"all deleted", `{"x":{"a":1,"b":2},"y":1}`, "{\"x\":{ \"a\":1 },\"y\":2}", `{"x":{"b":2},"y":1}`, `{"x":{},"y":2}`},
		{"the only members exchanged", `{"x":{"a":1}}`, `{"x":{ }}`, `{"x":{"a":1, "b":{}}}`, `{"x":{"b":{}}}`},
		{"elements", `["a","b","c","d"]`, "[\n\"a\",\n\"B\",\n\"c\",\n\"d\"\n]\n", `["a","b","c","x","d","e"]`, "[\n\"a\",\n\"B\",\n\"c\",\n\"x\",\n\"d\",\n\"e\"\n]\n"},
		{"an element before the first", `["a","b"]`, `["a", "b", "c"]`, `["x","a","b"]`, `["x", "a", "b", "c"]`},
		{"elements by key", `[{"id":1,"v":1},{"id":2,"v":1}]`, `[ {"id":2,"v":1},{"id":1,"v":2} ]`, `[{"id":1,"v":1},{"id":3},{"id":2,"v":5}]`, `[ {"id":2,"v":5},{"id":1,"v":2},{"id":3} ]`},
		{"only theirs moved", `[{"id":1,"v":1},{"id":2},{"id":3}]`, `[{"id":1,"v":2}, {"id":2}, {"id":4}, {"id":3}]`, `[{"id":3},{"id":1,"v":1},{"id":2}]`, `[{"id":3}, {"id":1,"v":2}, {"id":2}, {"id":4}]`},
		{"numbers by position", `[1,2,3]`, `[ 1, 2.5, 3 ]`, `[1,2,4]`, `[ 1, 2.5, 4 ]`},
		{"the same on both sides", `{"a":1,"b":1}`, `{"a":2.0,"b":1,"c":"é"}`, `{"a":2,"c":"\u00e9","b":3}`, `{"a":2.0,"b":3,"c":"é"}`},
		{"ours only written otherwise", `{"a":[1,2],"b":"x"}`, "{ \"b\": \"x\",\n \"a\": [1, 2.0] }", `{"a":[1,2,3],"b":"x"}`, "{ \"b\": \"x\",\n \"a\": [1, 2.0, 3] }"},
		{"what Python writes", `{"a":NaN,"b":1}`, `{"a":Infinity,"b":1}`, `{"a":NaN,"b":-Infinity}`, `{"a":Infinity,"b":-Infinity}`},
		{"a scalar document", `1`, ` 1.0 `, "2\n", " 2 "},
	} {
		for _, memory := range []int64{0, 1} {
			t.Run(c.name, func(t *testing.T) {
				var out bytes.Buffer
				r, err := Merge(t.Context(), &out, strings.NewReader(c.base), strings.NewReader(c.ours), strings.NewReader(c.theirs), Options{Memory: memory})
				if err != nil {
					t.Fatalf("%v: %+v", err, r)
				}
				if d := cmp.Diff(c.want, out.String()); d != "" {
					t.Error(d)
				}
			})
		}
	}
}

func TestConflicts(t *testing.T) {
	for _, c := range []struct{ name, base, ours, theirs, want, takeOurs, takeTheirs string }{
		{"a value", `{"a":{"b":1},"c":1}`, `{"a":{"b":2},"c":1}`, `{"a":{"b":"x"},"c":2}`, "changed $.a.b 1 2 \"x\"", `{"a":{"b":2},"c":2}`, `{"a":{"b":"x"},"c":2}`},
		{"deleted by theirs", `{"a":1,"b":1}`, `{"a":2,"b":1}`, `{"b":1}`, "deleted $.a 1 2 -", `{"a":2,"b":1}`, `{"b":1}`},
		{"deleted by ours", `{"a":1,"b":1}`, `{"b":1}`, `{"a":2,"b":1}`, "deleted $.a 1 - 2", `{"b":1}`, `{"b":1,"a":2}`},
		{"inserted twice", `{}`, `{"a":1}`, `{"a":[2]}`, "inserted $.a - 1 [2]", `{"a":1}`, `{"a":[2]}`},
		{"elements inserted twice", `["a","b"]`, `["a","x","y","b"]`, `["a", "z", "b"]`, "inserted $[1:1] - \"x\",\"y\" \"z\"", `["a","x","y","b"]`, `["a","z","b"]`},
		{"a keyed element", `[{"id":"k","v":1}]`, `[{"id":"k","v":2}]`, `[{"id":"k","v":3}]`, "changed $[id=\"k\"].v 1 2 3", `[{"id":"k","v":2}]`, `[{"id":"k","v":3}]`},
		{"a key inserted twice", `[{"id":1}]`, `[{"id":1},{"id":2,"v":1}]`, `[{"id":2,"v":2},{"id":1}]`, "inserted $[id=2] - {\"id\":2,\"v\":1} {\"id\":2,\"v\":2}", `[{"id":1},{"id":2,"v":1}]`, `[{"id":1},{"id":2,"v":2}]`},
		{"the order", `[{"id":1},{"id":2},{"id":3}]`, `[{"id":2},{"id":1},{"id":3}]`, `[{"id":1},{"id":3},{"id":2}]`, "order $ [{\"id\":1},{\"id\":2},{\"id\":3}] [{\"id\":2},{\"id\":1},{\"id\":3}] [{\"id\":1},{\"id\":3},{\"id\":2}]", `[{"id":2},{"id":1},{"id":3}]`, `[{"id":1},{"id":3},{"id":2}]`},
		{"kinds", `{"a":[1]}`, `{"a":[2]}`, `{"a":{"b":1}}`, "changed $.a [1] [2] {\"b\":1}", `{"a":[2]}`, `{"a":{"b":1}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			for prefer, want := range map[Prefer]string{None: "", Ours: c.takeOurs, Theirs: c.takeTheirs} {
				got, r := merged(t, []byte(c.base), []byte(c.ours), []byte(c.theirs), prefer, 0)
				if got != want {
					t.Errorf("preferring %d: %s", prefer, got)
				}
				var b strings.Builder
				for _, x := range r.Conflicts {
					fmt.Fprintf(&b, "%s %s", x.Reason, x.Path)
					for _, v := range []*Value{x.Base, x.Ours, x.Theirs} {
						if v == nil {
							b.WriteString(" -")
						} else {
							b.WriteString(" " + v.Text)
						}
					}
					if x.Taken != [...]string{"", "ours", "theirs"}[prefer] {
						t.Errorf("preferring %d, %q was taken", prefer, x.Taken)
					}
				}
				if d := cmp.Diff(c.want, b.String()); d != "" {
					t.Error(d)
				}
			}
		})
	}
}

// Arrays too long to align merge by position, or as a whole.
func TestLongArrays(t *testing.T) {
	array := func(n int, change map[int]string) string {
		var b strings.Builder
		for i := range n {
			s, ok := change[i]
			if !ok {
				s = `"s"`
			}
			b.WriteString("," + s)
		}
		return `{"a":[` + b.String()[1:] + `],"b":1}`
	}
	const n = jsondoc.MaxElements + 1
	got, _ := merged(t, []byte(array(n, nil)), []byte(array(n, map[int]string{5: "1"})), []byte(array(n, map[int]string{n - 1: "2"})), None, 0)
	if got != array(n, map[int]string{5: "1", n - 1: "2"}) {
		t.Error("by position it became another")
	}
	longer := array(n+1, nil)
	_, r := merged(t, []byte(array(n, nil)), []byte(array(n, map[int]string{5: "1"})), []byte(longer), None, 0)
	if r.Total != 1 || r.Conflicts[0].Reason != Reshaped || r.Conflicts[0].Path != "$.a" {
		t.Errorf("%+v", r)
	}
	// Where ours only writes it otherwise, theirs is taken.
	got, _ = merged(t, []byte(array(n, nil)), []byte(strings.Replace(array(n, nil), `"s"`, ` "s"`, 1)), []byte(longer), None, 0)
	if got != longer {
		t.Error("theirs was not taken")
	}
}

// Of many conflicts the first are listed.
func TestLimit(t *testing.T) {
	doc := func(v int) []byte {
		o := map[string]int{}
		for i := range 100 {
			o[fmt.Sprintf("n%02d", i)] = v
		}
		b, _ := json.Marshal(o)
		return b
	}
	for limit, want := range map[int]int{0: 100, 7: 7, -1: 0} {
		r, err := Merge(t.Context(), new(bytes.Buffer), bytes.NewReader(doc(1)), bytes.NewReader(doc(2)), bytes.NewReader(doc(3)), Options{Limit: limit})
		if !errors.Is(err, ErrConflict) || r.Total != 100 || len(r.Conflicts) != want {
			t.Errorf("limit %d: %v, %d of %d", limit, err, len(r.Conflicts), r.Total)
		}
		if want > 6 && r.Conflicts[6].Path != "$.n06" {
			t.Errorf("the seventh is %s", r.Conflicts[6].Path)
		}
	}
}

// Changes of different members always merge, however deep.
func TestDifferentMembers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := []string{"a", "b", "c", "d", "e", "f"}
		base, ours, theirs, want := jsondoctest.NewObject(), jsondoctest.NewObject(), jsondoctest.NewObject(), jsondoctest.NewObject()
		for _, n := range names {
			v := jsondoctest.Value(t, 2)
			there := rapid.Bool().Draw(t, "there")
			if there {
				base.Set(n, v)
			}
			changed, kept := ours, theirs
			if rapid.Bool().Draw(t, "by theirs") {
				changed, kept = theirs, ours
			}
			if there {
				kept.Set(n, v)
			}
			if rapid.IntRange(0, 3).Draw(t, "stays") > 0 {
				v = jsondoctest.Change(t, v)
				changed.Set(n, v)
				want.Set(n, v)
			}
		}
		wrap := func(o *jsondoctest.Object) []byte {
			o.Names = rapid.Permutation(slices.Clone(o.Names)).Draw(t, "order")
			top := jsondoctest.NewObject()
			top.Set("x", []any{o})
			return jsondoctest.Encode(t, top)
		}
		b, x, y := wrap(base), wrap(ours), wrap(theirs)
		got, r := merged(t, b, x, y, None, memory(t))
		if r.Total > 0 || jsondoctest.Canonical([]byte(got)) != jsondoctest.Canonical(wrap(want)) {
			t.Fatalf("%d conflicts\n%s\n%s\n%s\nbecame %s", r.Total, b, x, y, got)
		}
	})
}

func TestErrors(t *testing.T) {
	docs := []string{"[1]", "[2]", "[3]"}
	for i, side := range []string{"base", "ours", "theirs"} {
		bad := slices.Clone(docs)
		bad[i] = "[1,\n"
		_, err := Merge(context.Background(), new(bytes.Buffer), strings.NewReader(bad[0]), strings.NewReader(bad[1]), strings.NewReader(bad[2]), Options{})
		var se *SyntaxError
		if !errors.As(err, &se) || se.Side != side || se.Line != 2 || !errors.Is(err, jsondoc.ErrTruncated) {
			t.Error(err)
		}
	}
	full := errors.New("no space left")
	_, err := Merge(context.Background(), failing{full}, strings.NewReader("[1]"), strings.NewReader("[1]"), strings.NewReader("[2]"), Options{})
	if !errors.Is(err, full) {
		t.Error(err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// The fields of the JSON form are promised.
func TestJSON(t *testing.T) {
	_, r := merged(t, []byte(`{"a":1,"b":1}`), []byte(`{"a":2,"b":1}`), []byte(`{"a":3,"b":[]}`), Ours, 0)
	got, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	value := func(s string) string { return `{"type":"number","text":"` + s + `","cut":false,"size":1,"len":0}` }
	want := `{"conflicts":[{"reason":"changed","path":"$.a","base":` + value("1") + `,"ours":` + value("2") + `,"theirs":` + value("3") + `,"taken":"ours"}],"total":1,"from_ours":0,"from_theirs":1,"both":0}`
	if d := cmp.Diff(want, string(got)); d != "" {
		t.Error(d)
	}
}
