package jsondiff

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func diff(t testing.TB, a, b string, o Options) *Result {
	t.Helper()
	r, err := Diff(context.Background(), strings.NewReader(a), strings.NewReader(b), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// lines tells changes in one line each.
func lines(r *Result) string {
	var b strings.Builder
	for _, c := range r.Changes {
		fmt.Fprintf(&b, "%s %s", c.Sort, c.Path)
		if c.A != nil {
			fmt.Fprintf(&b, " -%s", c.A.Text)
		}
		if c.B != nil {
			fmt.Fprintf(&b, " +%s", c.B.Text)
		}
		if c.Delta != nil {
			fmt.Fprintf(&b, " %+g", *c.Delta)
		}
		if c.Relative != nil {
			fmt.Fprintf(&b, " %+.3g", *c.Relative)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func TestChanges(t *testing.T) {
	for _, c := range []struct{ name, a, b, want string }{
		{"nothing", `{"a":[1,{"b":null}]}`, "{ \"a\" : [1,\n{\"b\":null}] }", ""},
		{"members", `{"a":1,"b":2,"x":true}`, `{"c":[1, 2],"x":false,"a":1.5}`, "added $.c +[1,2]\nremoved $.b -2\nchanged $.x -true +false\nnumber $.a -1 +1.5 +0.5 +0.5\n"},
		{"the order of members", `{"a":1,"b":{"x":1,"y":2},"c":3}`, `{"c":3,"b":{"y":2,"x":1},"a":1}`, ""},
		{"kinds", `{"a":1,"b":"x","c":[],"d":null}`, `{"a":"1","b":["x"],"c":{},"d":false}`, "retyped $.d -null +false\nretyped $.b -\"x\" +[\"x\"]\nretyped $.a -1 +\"1\"\nretyped $.c -[] +{}\n"},
		{"the document", `1`, `"x"`, "retyped $ -1 +\"x\"\n"},
		{"from zero", `[0,-2,NaN]`, `[3,-1,1]`, "number $[2] -NaN +1\nnumber $[0] -0 +3 +3\nnumber $[1] --2 +-1 +1 +0.5\n"},
		{"an insertion", `["a","b","c","d"]`, `["a","x","b","c","d"]`, "added $[1] +\"x\"\n"},
		{"a deletion", `["a","b","c","d"]`, `["a","d"]`, "removed $[1] -\"b\"\nremoved $[2] -\"c\"\n"},
		{"within an element", `[{"a":1,"b":"k"},[1],{"c":[2]}]`, `[{"a":1,"b":"l"},[1],"new",{"c":[3]}]`,
			"added $[2] +\"new\"\nchanged $[0].b -\"k\" +\"l\"\nnumber $[3].c[0] -2 +3 +1 +0.5\n"},
		{"by key", `{"patterns":[{"pattern_id":17,"w":1},{"pattern_id":18,"w":2},{"pattern_id":19,"w":3}]}`,
			`{"patterns":[{"pattern_id":18,"w":2},{"pattern_id":17,"w":2},{"pattern_id":20,"w":3}]}`,
			"removed $.patterns[pattern_id=19] -{\"pattern_id\":19,\"w\":3}\nadded $.patterns[pattern_id=20] +{\"pattern_id\":20,\"w\":3}\nnumber $.patterns[pattern_id=17].w -1 +2 +1 +1\nmoved $.patterns[pattern_id=17]\n"},
		{"by a key with a name", `[{"name":"a'b","v":1}]`, `[{"name":"a'b","v":2}]`, "number $[name=\"a'b\"].v -1 +2 +1 +1\n"},
		{"odd names", `{"":{"a b":1,"é'\n":1}}`, `{"":{"a b":2,"é'\n":3}}`, "number $['']['é\\'\\n'] -1 +3 +2 +2\nnumber $['']['a b'] -1 +2 +1 +1\n"},
		{"short numbers stay single", `[1,2,3,4]`, `[1,2,4,4]`, "number $[2] -3 +4 +1 +0.333\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := lines(diff(t, c.a, c.b, Options{}))
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// numbers is an array of n numbers, each made by a function.
func numbers(n int, of func(i int) string) string {
	var list []string
	for i := range n {
		list = append(list, of(i))
	}
	return "[" + strings.Join(list, ",") + "]"
}

func TestSummary(t *testing.T) {
	count := func(i int) string { return fmt.Sprint(i) }
	with := func(changed map[int]string) func(int) string {
		return func(i int) string {
			if s, ok := changed[i]; ok {
				return s
			}
			return fmt.Sprint(i)
		}
	}
	matrix := func(of func(i int) string) string {
		return numbers(20, func(r int) string { return numbers(3, func(c int) string { return of(3*r + c) }) })
	}
	for _, c := range []struct {
		name, a, b string
		want       Summary
	}{
		{"changed", numbers(100, count), numbers(100, with(map[int]string{10: "10.5", 40: "41", 70: "70.0"})),
			Summary{NumbersA: 100, NumbersB: 100, Changed: 2, MeanChange: 0.75, MaxChange: 1, MaxRelative: 0.5 / 10.5, MaxAt: []int64{40}, First: []int64{10}, Last: []int64{40}}},
		{"a matrix", matrix(count), matrix(with(map[int]string{7: "8", 31: "35"})),
			Summary{NumbersA: 60, NumbersB: 60, Changed: 2, MeanChange: 2.5, MaxChange: 4, MaxRelative: 0.125, MaxAt: []int64{10, 1}, First: []int64{2, 1}, Last: []int64{10, 1}}},
		{"longer", numbers(40, count), numbers(43, count), Summary{NumbersA: 40, NumbersB: 43, Added: 3, First: []int64{40}, Last: []int64{42}}},
		{"the first dropped", numbers(40, count), numbers(39, func(i int) string { return fmt.Sprint(i + 1) }), Summary{NumbersA: 40, NumbersB: 39, Removed: 1, First: []int64{0}, Last: []int64{0}}},
		{"not finite", numbers(40, count), numbers(40, with(map[int]string{3: "NaN", 4: "Infinity", 5: "null"})),
			Summary{NumbersA: 40, NumbersB: 39, Changed: 3, NotFinite: 2, First: []int64{3}, Last: []int64{5}}},
		{"an empty row", "[[]," + numbers(40, count) + "]", "[" + numbers(40, count) + "]", Summary{NumbersA: 40, NumbersB: 40, Other: 1, First: []int64{0}, Last: []int64{0}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := diff(t, `{"w":`+c.a+`}`, `{"w":`+c.b+`}`, Options{})
			if len(r.Changes) != 1 || r.Changes[0].Sort != Array || r.Changes[0].Path != "$.w" || r.Totals.Arrays != 1 {
				t.Fatalf("%s", lines(r))
			}
			got := *r.Changes[0].Summary
			got.sum, got.magnitude, got.finite = 0, 0, 0
			if d := cmp.Diff(c.want, got, cmp.AllowUnexported(Summary{})); d != "" {
				t.Error(d)
			}
			if n := c.want.Changed + c.want.Added + c.want.Removed; r.Totals.InArrays != n {
				t.Errorf("%d in arrays, not %d", r.Totals.InArrays, n)
			}
		})
	}
}

func TestTolerance(t *testing.T) {
	a := `{"x":1.0,"y":1000,"z":0.001,"s":"é","w":` + numbers(50, func(i int) string { return fmt.Sprint(i) }) + `}`
	b := `{"x":1.00,"y":1009,"z":0.009,"s":"\u00e9","w":` + numbers(50, func(i int) string { return fmt.Sprint(i) + ".001" }) + `}`
	r := diff(t, a, b, Options{Tolerance: 0.01})
	if want := (Totals{Within: 52, Respelled: 2}); !r.Equal || r.Totals != want || len(r.Changes) != 0 {
		t.Errorf("%+v", r)
	}
	r = diff(t, a, b, Options{Tolerance: 0.001})
	if want := (Totals{Numbers: 2, Within: 50, Respelled: 2}); r.Equal || r.Totals != want {
		t.Errorf("%+v", r.Totals)
	}
	r = diff(t, a, b, Options{})
	if want := (Totals{Numbers: 2, Arrays: 1, InArrays: 50, Respelled: 2}); r.Totals != want {
		t.Errorf("%+v", r.Totals)
	}
}

// Of many changes the weightiest are kept, in order, and all are counted.
func TestLimit(t *testing.T) {
	var a, b strings.Builder
	for i := range 500 {
		fmt.Fprintf(&a, `"n%d":%d,"s%d":"x","r%d":"gone",`, i, i+1, i, i)
		fmt.Fprintf(&b, `"n%d":%d,"s%d":"y",`, i, 2*i+1, i)
	}
	x, y := "{"+a.String()+`"end":0}`, "{"+b.String()+`"end":0}`
	all := diff(t, x, y, Options{Limit: 5000})
	if len(all.Changes) != 1499 || all.Omitted != 0 {
		t.Fatalf("%d changes, %d omitted", len(all.Changes), all.Omitted)
	}
	for _, n := range []int{1, 499, 501, 1200} {
		some := diff(t, x, y, Options{Limit: n})
		if d := cmp.Diff(all.Changes[:n], some.Changes, cmp.AllowUnexported(Summary{})); d != "" {
			t.Errorf("the first %d: %s", n, d)
		}
		if some.Totals != all.Totals || some.Omitted != int64(1499-n) {
			t.Errorf("the first %d: %+v, %d omitted", n, some.Totals, some.Omitted)
		}
	}
	if none := diff(t, x, y, Options{Limit: -1}); len(none.Changes) != 0 || none.Omitted != 1499 {
		t.Errorf("%d changes, %d omitted", len(none.Changes), none.Omitted)
	}
}

func TestPreview(t *testing.T) {
	r := diff(t, `{}`, `{"a": [ 1,  "é b", {"x" : "`+strings.Repeat("é", 500)+`"} ]}`, Options{Preview: 20})
	want := &Value{Type: "array", Text: "[1,\"é b\",{\"x\":\"éé", Cut: true, Size: 1026, Len: 3}
	if d := cmp.Diff(want, r.Changes[0].B); d != "" {
		t.Error(d)
	}
}

// Paths are cut where names or nesting would make them long.
func TestLongPaths(t *testing.T) {
	long := strings.Repeat("é", 200)
	doc := func(v string) string {
		return `{"` + long + `":` + strings.Repeat(`{"abcdefghi":`, 2000) + `{"z":` + v + "}" + strings.Repeat("}", 2001)
	}
	c := diff(t, doc("1"), doc("2"), Options{}).Changes[0]
	if !strings.HasPrefix(c.Path, "$['"+strings.Repeat("é", 50)+"…'].abcdefghi.") || !strings.HasSuffix(c.Path, ".abcdefghi….z") || len(c.Path) > 4200 {
		t.Errorf("%d bytes: %s", len(c.Path), c.Path)
	}
	if want := "/" + long + strings.Repeat("/abcdefghi", 2000) + "/z"; c.PointerA != want || c.PointerB != want {
		t.Errorf("%s", c.PointerA)
	}
	deep := strings.Repeat("[", 9000)
	c = diff(t, strings.Repeat(`{"abcdefghi":`, 9000)+"1"+strings.Repeat("}", 9000), strings.Repeat(`{"abcdefghi":`, 9000)+"2"+strings.Repeat("}", 9000), Options{}).Changes[0]
	if c.PointerA != "" || c.PointerB != "" {
		t.Errorf("pointers of %d bytes", len(c.PointerA))
	}
	if r := diff(t, deep+"1"+strings.Repeat("]", 9000), deep+"2"+strings.Repeat("]", 9000), Options{}); r.Totals.Numbers != 1 {
		t.Errorf("%+v", r.Totals)
	}
}

// The fields of the JSON form are promised.
func TestJSON(t *testing.T) {
	r := diff(t, `{"p":[{"id":1,"w":2},{"id":2}],"a/b~":"x"}`, `{"p":[{"id":2},{"id":1,"w":3}],"n":[1.50]}`, Options{})
	got, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	if err := json.Indent(&want, []byte(`{"equal":false,"changes":[
		{"sort":"added","path":"$.n","pointer_b":"/n","b":{"type":"array","text":"[1.50]","cut":false,"size":6,"len":1}},
		{"sort":"removed","path":"$['a/b~']","pointer_a":"/a~1b~0","a":{"type":"string","text":"\"x\"","cut":false,"size":3,"len":0}},
		{"sort":"number","path":"$.p[id=1].w","pointer_a":"/p/0/w","pointer_b":"/p/1/w","a":{"type":"number","text":"2","cut":false,"size":1,"len":0},"b":{"type":"number","text":"3","cut":false,"size":1,"len":0},"delta":1,"relative":0.5},
		{"sort":"moved","path":"$.p[id=1]","pointer_a":"/p/0","pointer_b":"/p/1"}],
		"omitted":0,"totals":{"added":1,"removed":1,"retyped":0,"changed":0,"numbers":1,"arrays":0,"in_arrays":0,"moved":1,"within":0,"respelled":0}}`), "", " "); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want.String(), string(got)); d != "" {
		t.Error(d)
	}
}

func TestErrorsNameTheSide(t *testing.T) {
	for _, c := range []struct {
		a, b, want string
		err        error
	}{
		{"[1]", "[1", "b:1:3: not well-formed JSON: the file ends in the middle of the document", ErrTruncated},
		{"", "[1]", "a:1:1: not well-formed JSON: the file is empty", ErrEmpty},
		{"", "", "a:1:1: not well-formed JSON: the file is empty", ErrEmpty},
	} {
		_, err := Diff(context.Background(), strings.NewReader(c.a), strings.NewReader(c.b), Options{})
		if err == nil || err.Error() != c.want || !errors.Is(err, c.err) {
			t.Errorf("%q, %q: %v", c.a, c.b, err)
		}
		err = Patch(context.Background(), new(bytes.Buffer), strings.NewReader(c.a), strings.NewReader(c.b), Options{})
		if err == nil || err.Error() != c.want {
			t.Errorf("%q, %q: %v", c.a, c.b, err)
		}
	}
}

func TestPatch(t *testing.T) {
	for _, c := range []struct{ a, b, want string }{
		{`{"a":1.0}`, `{"a":1}`, "[]\n"},
		{`1`, `[ 2, "a b" ]`, "[\n{\"op\":\"replace\",\"path\":\"\",\"value\":[2,\"a b\"]}\n]\n"},
		{`{"":[1,2],"a/b":0,"m~n":0}`, `{"":[1],"é\"\n":1.50,"m~n":1}`,
			`[
{"op":"remove","path":"//1"},
{"op":"replace","path":"/m~0n","value":1},
{"op":"remove","path":"/a~1b"},
{"op":"add","path":"/é\"\u000a","value":1.50}
]
`},
		{`["a","b","c","d"]`, `["x","a","d","e"]`, `[
{"op":"add","path":"/0","value":"x"},
{"op":"remove","path":"/2"},
{"op":"remove","path":"/2"},
{"op":"add","path":"/3","value":"e"}
]
`},
		{`[{"id":1},{"id":2},{"id":3},{"id":4}]`, `[{"id":4,"w":0},{"id":1},{"id":3}]`, `[
{"op":"remove","path":"/1"},
{"op":"move","from":"/2","path":"/0"},
{"op":"add","path":"/0/w","value":0}
]
`},
		{`{"\ud800":1}`, `{"\ud800":2}`, "[\n{\"op\":\"replace\",\"path\":\"/\\ud800\",\"value\":2}\n]\n"},
	} {
		var out bytes.Buffer
		if err := Patch(context.Background(), &out, strings.NewReader(c.a), strings.NewReader(c.b), Options{Tolerance: 100}); err != nil {
			t.Errorf("%s, %s: %v", c.a, c.b, err)
			continue
		}
		if d := cmp.Diff(c.want, out.String()); d != "" {
			t.Errorf("%s, %s: %s", c.a, c.b, d)
		}
	}
}

func TestPatchNeedsJSON(t *testing.T) {
	for _, c := range [][3]string{
		{"[1,\nNaN]", "[1]", "a:2:1: "},
		{"[1]", "[-Infinity]", "b:1:2: "},
	} {
		var out bytes.Buffer
		err := Patch(context.Background(), &out, strings.NewReader(c[0]), strings.NewReader(c[1]), Options{})
		if !errors.Is(err, ErrNotANumber) || !strings.HasPrefix(err.Error(), c[2]) || out.Len() > 0 {
			t.Errorf("%s, %s: %v, %s", c[0], c[1], err, out.String())
		}
	}
}

// failing is a writer that fails.
type failing struct{}

var errFull = errors.New("no space left")

func (failing) Write([]byte) (int, error) { return 0, errFull }

func TestPatchWriteError(t *testing.T) {
	for _, b := range []string{"[2]", `["` + strings.Repeat("x", 1<<20) + `"]`} {
		if err := Patch(context.Background(), failing{}, strings.NewReader("[1]"), strings.NewReader(b), Options{}); !errors.Is(err, errFull) {
			t.Error(err)
		}
	}
}
