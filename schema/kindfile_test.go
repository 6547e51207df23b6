package schema

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Every error of a kind file names the file, the line and the field.
func TestKindFileErrors(t *testing.T) {
	const head = "kind: k\nmatch: {has: a}\n"
	stats := func(s string) string { return head + "stats:\n  n: {value: $.n}\n  x: " + s }
	rule := func(s string) string {
		return head + "values: {n: {value: $.n}}\nrules:\n  - {rule: first, must: n > 1, message: m}\n  - " + s
	}
	for _, w := range []struct {
		src   string
		line  int
		field string
		text  string
	}{
		{"", 0, "", "the file is empty"},
		{"# nothing\n", 0, "", "the file is empty"},
		{"---\n", 2, "", `want fields, not ""`},
		{strings.Repeat("#", MaxKindFile+1), 0, "", "60001 bytes are more than the 60000"},
		{"kind: k\nmatch: {has: a\ntitle: t\n", 2, "", "did not find expected ',' or '}'"},
		{"kind: k\nmatch:\n  - has: a\n - has: b\n", 4, "", "did not find expected key"},
		{"kind: k\n\tmatch: a\n", 2, "", "tab character"},
		{"kind: 'k\n", 2, "", "unexpected end of stream"},
		{"kind: *x\n", 0, "", "unknown anchor 'x'"},
		{head + "---\nkind: l\n", 3, "", "more than one document"},
		{"- kind: k\n", 1, "", "want fields, not a list"},
		{"kind: k\n", 1, "match", "is missing"},
		{"title: t\nmatch: {has: a}\n", 1, "kind", `"" is not the name of a kind`},
		{"kind: My Kind\nmatch: {has: a}\n", 1, "kind", `"My Kind" is not the name`},
		{"kind: [k]\n", 1, "kind", "want text, not a list"},
		{"kind: ~\n", 1, "kind", "want text"},
		{"kind:\n", 1, "kind", "want text"},
		{head + "kinds: x\n", 3, "kinds", "unknown field; there are expects, kind, match, metrics, params, rules, schema, source, stats, title, values"},
		{head + "title: t\ntitle: t\n", 4, "title", "is given twice"},
		{"? [a]\n: b\n", 1, "", "unknown field"},

		{"kind: k\nmatch: []\n", 1, "match", "is missing"},
		{"kind: k\nmatch: x\n", 2, "match", `want fields, not "x"`},
		{"kind: k\nmatch:\n  - {has: a}\n  - {}\n", 4, "match", "names nothing"},
		{"kind: k\nmatch: {lacks: a}\n", 2, "match", "names nothing"},
		{"kind: k\nmatch:\n  name: 'x['\n", 3, "match.name", `"x[" is not a glob`},
		{"kind: k\nmatch: {format: [json, pickle]}\n", 2, "match.format", `"pickle" is not one of json, safetensors`},
		{"kind: k\nmatch: {names: x}\n", 2, "match.names", "unknown field; there are format, has, lacks, name"},
		{"kind: k\nmatch: {has: [a, []]}\n", 2, "match.has", "want text, not a list"},

		{head + "schema: {type: strnig}\n", 3, "schema", `JSON Schema, at /type: "strnig" is not one of`},
		{head + "expects:\n  properties:\n    a:\n      items: {minLength: -1}\n", 6, "expects", "JSON Schema, at /properties/a/items/minLength: want a count, not -1"},
		{head + "schema:\n  $defs:\n    a: {$ref: '#/$defs/b'}\n", 5, "schema", "there is no schema at #/$defs/b"},
		{head + "schema:\n  allOf: [{title: t}, {$ref: '#'}]\n", 4, "schema", "refers back to itself"},
		{head + "schema: text\n", 3, "schema", "a schema is an object or true or false"},
		{head + "schema: {minimum: .nan}\n", 3, "schema", "unsupported value: NaN"},
		{head + "schema: {properties: {1: true}}\n", 3, "schema", "unsupported type"},

		{head + "source: audio_file\n", 3, "source", `path "audio_file"`},
		{head + "source: [$.a, '$.b[']\n", 3, "source", `path "$.b["`},
		{head + "params:\n  a: $.a\n  b: $..b\n", 5, "params.b", "..[\"b\"] is not supported"},
		{head + "params: {a: '$..*'}\n", 3, "params.a", "not supported: name each level"},
		{head + "params: {a: '$[?@.x > 1]'}\n", 3, "params.a", "is not supported"},
		{head + "metrics: {a: '$.l[-1]'}\n", 3, "metrics.a", "counted from the end"},
		{head + "metrics: {a: '$.l[1:-1]'}\n", 3, "metrics.a", "counted from the end"},
		{head + "metrics: {a: '$.l[::2]'}\n", 3, "metrics.a", "a slice with a step"},
		{head + "metrics: {a: '$[\"x\",\"y\"]'}\n", 3, "metrics.a", "several places at once"},
		{head + "metrics: {a: [$.a]}\n", 3, "metrics.a", "want text, not a list"},
		{head + "metrics: [$.a]\n", 3, "metrics", "want fields, not a list"},
		{head + "metrics:\n  a: $.a\n  a: $.b\n", 5, "metrics.a", "is given twice"},
		{head + "metrics: {'': $.a}\n", 3, "metrics", "a field without a name"},

		{head + "stats: [n]\n", 3, "stats", "want fields, not a list"},
		{stats("{valu: $.x}"), 5, "stats.x.valu", "unknown field; there are by, count, distinct, first, last"},
		{stats("{value: $.x, size: $.x}"), 5, "stats.x.size", "is a second operation beside value"},
		{stats("{}"), 5, "stats.x", "names no operation"},
		{stats("{value: []}"), 5, "stats.x.value", "names no path"},
		{stats("{by: x}"), 5, "stats.x", "names no operation"},
		{stats("{mean: $.x, by: x}"), 5, "stats.x.by", "goes with sum only"},
		{stats("{sum: $.x, by: '('}"), 5, "stats.x.by", "missing closing )"},
		{stats("{value: $..x}"), 5, "stats.x.value", "is not supported"},
		{stats("{minus: [n]}"), 5, "stats.x.minus", "wants the names of two other figures"},
		{stats("{minus: [n, m]}"), 5, "stats.x", `"m" is not a figure above it`},
		{stats("{per: [x, n]}"), 5, "stats.x", `"x" is not a figure above it`},
		{head + "values: {n: {value: $.n}}\nstats:\n  n: {value: $.n}\n", 5, "stats.n", "two figures of that name"},
		{head + "stats:\n  n: {value: $.n}\nvalues:\n  n: {value: $.n}\n", 6, "values.n", "two figures of that name"},
		{head + "values:\n  n: {value: $.n}\n  x: {minus: [n, y]}\nstats: {y: {value: $.y}}\n", 5, "values.x", `"y" is not a figure above it`},
		{head + "stats: {a b: {value: $.n}}\n", 3, "stats.a b", "letters, digits and _ only"},

		{head + "rules: {rule: r}\n", 3, "rules", "want a list, not fields"},
		{rule("r"), 6, "rules", `want fields, not "r"`},
		{rule("{rule: Bad Name, must: n > 1, message: m}"), 6, "rules.rule", `"Bad Name" is not the name of a rule`},
		{rule("{must: n > 1, message: m}"), 6, "rules.rule", "is not the name of a rule"},
		{rule("{rule: r, must: n > 1, message: m, level: 3}"), 6, "rules.level", "unknown field; there are each, has, message, must"},
		{rule("{rule: first, must: n > 1, message: m}"), 6, "rules.first", "two rules of that name"},
		{rule("{rule: r, must: n > 1}"), 6, "rules.r.message", "is missing"},
		{rule("{rule: r, message: m}"), 6, "rules.r", "wants one of must, has and order"},
		{rule("{rule: r, each: $.l, must: x > 1, has: x, message: m}"), 6, "rules.r", "wants one of must, has and order"},
		{rule("{rule: r, has: x, message: m}"), 6, "rules.r", "go with each"},
		{rule("{rule: r, must: n > 1, share: 0.5, message: m}"), 6, "rules.r", "go with each"},
		{rule("{rule: r, must: n > 1, sample: 5, message: m}"), 6, "rules.r", "go with each"},
		{rule("{rule: r, order: ascending, message: m}"), 6, "rules.r", "go with each"},
		{rule("{rule: r, must: m > 1, message: m}"), 6, "rules.r.must", "no field m; did you mean n?"},
		{rule("{rule: r, when: m > 1, must: n > 1, message: m}"), 6, "rules.r.when", "no field m"},
		{rule("{rule: r, when: m > 1, each: '$.l', must: x > 1, message: m}"), 6, "rules.r.when", "no field m"},
		{rule("{rule: r, must: n >, message: m}"), 6, "rules.must", "expression, at character"},
		{rule("\n    rule: r\n    must: n > 1\n    severity: fatal\n    message: m"), 9, "rules.severity", `"fatal" is not error or warning`},
		{rule("{rule: r, each: $.l, must: x > 1, share: 0, message: m}"), 6, "rules.share", `"0" is not a share above 0 and up to 1`},
		{rule("{rule: r, each: $.l, must: x > 1, share: 1.5, message: m}"), 6, "rules.share", "not a share"},
		{rule("{rule: r, each: $.l, must: x > 1, share: .nan, message: m}"), 6, "rules.share", "not a share"},
		{rule("{rule: r, each: $.l, must: x > 1, share: half, message: m}"), 6, "rules.share", "not a share"},
		{rule("{rule: r, each: $.l, must: x > 1, sample: 0, message: m}"), 6, "rules.sample", `"0" is not a number of elements, 1 or more`},
		{rule("{rule: r, each: $.l, must: x > 1, sample: 1.5, message: m}"), 6, "rules.sample", "not a number of elements"},
		{rule("{rule: r, each: [$.l, $.m], must: x > 1, message: m}"), 6, "rules.each", "wants one path"},
		{rule("{rule: r, each: l, must: x > 1, message: m}"), 6, "rules.each", `path "l"`},
		{rule("{rule: r, each: $.l, order: falling, message: m}"), 6, "rules.order", `"falling" is not ascending`},
	} {
		_, err := ParseKind("kinds/mine.yaml", []byte(w.src))
		var ke *FileError
		if !errors.As(err, &ke) {
			t.Errorf("%.200q: %v", w.src, err)
			continue
		}
		if ke.File != "kinds/mine.yaml" || ke.Line != w.line || ke.Field != w.field || !strings.Contains(ke.Err.Error(), w.text) {
			t.Errorf("%.200q:\n%v\nwant line %d, field %q, %s", w.src, err, w.line, w.field, w.text)
		}
		var se *SchemaError
		if strings.HasPrefix(w.text, "JSON Schema") && !errors.As(err, &se) {
			t.Errorf("%v is no SchemaError", err)
		}
		place := "kinds/mine.yaml"
		if w.line > 0 {
			place += fmt.Sprint(":", w.line)
		}
		if w.field != "" {
			place += ": " + w.field
		}
		if !strings.HasPrefix(err.Error(), place+": ") {
			t.Errorf("%v, want %s", err, place)
		}
	}
}

func TestKindFileMayRepeatItself(t *testing.T) {
	k := parseKind(t, `
kind: k
match: &m {has: &name a}
title: *name
schema: &s {properties: {a: {type: string}}}
expects: *s
stats: {n: &stat {value: &path $.n}, m: *stat}
rules:
  - &rule {rule: r, must: n > 1, message: m, severity: error}
params: {n: *path}
`)
	if k.Title != "a" || len(k.Stats) != 2 || k.Stats[1].Paths[0].String() != "$.n" || k.Params[0].Path.String() != "$.n" || k.Rules[0].Severity != Error {
		t.Errorf("%+v", k)
	}
	if k.must.plan() == nil || k.should.plan() == nil || k.Builtin || k.Rules[0].Share != 1 {
		t.Errorf("%+v", k)
	}
}

// kindView is what is public of a kind, and the fields that are asked for.
func kindView(k *Kind) any {
	fields := map[string][]string{}
	for _, r := range k.Rules {
		fields[r.Name] = r.fields
	}
	var rules, figures []string
	for _, r := range k.Rules {
		rules = append(rules, fmt.Sprint(r.Name, r.Severity, r.Message, r.When, r.Must, r.Each, r.Has, r.Order, r.Sample, r.Share))
	}
	for _, s := range slices.Concat(k.Stats, k.Values) {
		figures = append(figures, s.Name+": "+s.String())
	}
	return []any{k.Name, k.Title, k.Match, rules, figures, fmt.Sprint(k.Params, k.Metrics, k.From), fields, k.must != nil, k.should != nil}
}

// The built-in kinds are read without their JSON Schemas; here they are all compiled.
func TestBuiltinKinds(t *testing.T) {
	entries, err := builtins()
	if err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir("kinds")
	if err != nil || len(files) != len(entries) {
		t.Errorf("%d files, %d kinds, %v", len(files), len(entries), err)
	}
	var names []string
	for i, k := range registry(t).Kinds() {
		names = append(names, k.Name)
		if k.Name != entries[i].name || !k.Builtin || k.Title == "" {
			t.Errorf("%s of %s: %+v", k.Name, entries[i].name, k)
		}
		if d := cmp.Diff(k.Match, entries[i].match); d != "" {
			t.Errorf("%s is recognised otherwise than its file says: %s", k.Name, d)
		}
		src, err := os.ReadFile(filepath.Join("kinds", k.Name+".yaml"))
		if err != nil || !bytes.Equal(src, k.Source) {
			t.Errorf("%s: not its file, %v", k.Name, err)
		}
		again := parseKind(t, string(k.Source))
		if d := cmp.Diff(kindView(k), kindView(again)); d != "" {
			t.Errorf("%s read again: %s", k.Name, d)
		}
		for _, lazy := range []lazyPlan{k.must, k.should} {
			if lazy == nil {
				continue
			}
			if p, err := lazy(); err != nil || p == nil {
				t.Errorf("%s: %v", k.Name, err)
			}
		}
		for _, m := range k.Match {
			if m.String() == "" {
				t.Errorf("%s has a match without a text", k.Name)
			}
		}
	}
	if !slices.Equal(names, builtinOrder) {
		t.Errorf("%v", names)
	}
}

func TestMatchOf(t *testing.T) {
	for _, w := range [][2]string{
		{"kind: k\nmatch: {has: a}\nstats: {}\n", "match: {has: a}\n"},
		{"kind: k\nmatch:\n- has: a\n\n# why\n  # so\n- has: b\nstats: {}\n", "match:\n- has: a\n\n# why\n  # so\n- has: b\n"},
		{"kind: k\nmatch:\n  has: a", "match:\n  has: a"},
	} {
		if got := string(matchOf([]byte(w[0]))); got != w[1] {
			t.Errorf("%q, want %q", got, w[1])
		}
	}
}

func TestOwnKindsComeFirst(t *testing.T) {
	r := registry(t, "kind: zoo\nmatch: {has: animals}\n", "kind: correlation\ntitle: mine\nmatch: {has: correlated}\n", "kind: zoo\ntitle: second\nmatch: {has: x}\n")
	var names []string
	for _, k := range r.Kinds() {
		names = append(names, k.Name)
	}
	want := slices.Concat([]string{"zoo", "correlation"}, slices.DeleteFunc(slices.Clone(builtinOrder), func(s string) bool { return s == "correlation" }))
	if !slices.Equal(names, want) {
		t.Errorf("%v", names)
	}
	if k := r.Kind("correlation"); k == nil || k.Title != "mine" || k.Builtin {
		t.Errorf("%+v", k)
	}
	if k := r.Kind("zoo"); k == nil || k.Title != "" {
		t.Errorf("%+v", k)
	}
	if k := r.Kind("nothing"); k != nil {
		t.Errorf("%+v", k)
	}
	for _, w := range [][3]string{
		{"x_correlation.json", `{"tempo":0}`, "json"},
		{"x.json", `{"correlated":1}`, "correlation"},
		{"x.json", `{"correlated":1,"animals":1}`, "zoo"},
		{"x.json", `{"audio_frames":[],"correlated":1}`, "correlation"},
		{"x_rhythm_oracle.json", `{"animals":1}`, "rhythm_oracle"}, // a name decides before members do
		{"x_rhythm_oracle.json", `{}`, "rhythm_oracle"},
		{"x_rhythm_oracle.json", `{"audio_frames":[]}`, "rhythm_oracle"},
	} {
		if rep := checkWith(t, r, w[0], w[1], Options{}); rep.Kind != w[2] {
			t.Errorf("%s %s: %s, want %s", w[0], w[1], rep.Kind, w[2])
		}
	}
	all := registry(t, "kind: all\nmatch: {format: json}\n")
	for name, kind := range map[string]string{"x.json": "all", "x_correlation.json": "correlation"} {
		if rep := checkWith(t, all, name, `{"audio_frames":[]}`, Options{}); rep.Kind != kind {
			t.Errorf("%s: %s, want %s", name, rep.Kind, kind)
		}
	}
	if rep := check(t, "x_correlation.json", `{"tempo":0}`); rep.Kind != "correlation" {
		t.Errorf("%+v", rep)
	}
}

func TestMatches(t *testing.T) {
	r := registry(t, `
kind: k
match:
  - {name: ['models/**/*.json', 'exact-?.json'], lacks: [b, c]}
  - {name: '*.net', has: [a, b]}
  - {format: [npy, json], has: d}
`)
	for _, w := range []struct {
		name, doc string
		is        bool
	}{
		{"models/a/b/x.json", `{}`, true}, {"models/x.json", `{"a":1}`, true}, {"old/models/x.json", `{}`, false},
		{"models/x.json", `{"c":1}`, false}, {"exact-1.json", `{}`, true}, {"deep/exact-1.json", `{}`, true}, {"exact-12.json", `{}`, false},
		{"x.net", `{"a":1,"b":2}`, true}, {"x.net", `{"a":1}`, false}, {"x.json", `{"d":null}`, true}, {"x.json", `{"x":{"d":1}}`, false},
	} {
		if rep := checkWith(t, r, w.name, w.doc, Options{}); (rep.Kind == "k") != w.is {
			t.Errorf("%s %s: kind %q", w.name, w.doc, rep.Kind)
		}
	}
	var texts []string
	for _, m := range r.Kind("k").Match {
		texts = append(texts, m.String())
	}
	want := []string{"name models/**/*.json or exact-?.json; lacks b, c", "name *.net; has a, b", "format npy or json; has d"}
	if !reflect.DeepEqual(texts, want) {
		t.Errorf("%q", texts)
	}
}

// The examples of the documentation are kinds.
func TestDocumentedKinds(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join("..", "docs", "kinds.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(doc), "```yaml\n")
	if len(blocks) < 3 {
		t.Errorf("%d examples", len(blocks)-1)
	}
	for _, block := range blocks[1:] {
		src, _, _ := strings.Cut(block, "```")
		parseKind(t, src)
	}
}
