package schema

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const metaJSON = `{
  "params": {"lr": 0.001, "epochs": 30, "name": "adam", "seed": "007", "on": true, "ratio": 1.0, "exp": 1e3, "neg": -5,
    "layers": [64, 32.5, "x", {"a<b": null}], "opt": {"beta": {"one": 0.9}}, "none": null, "empty": {}, "born": "2025-11-13"},
  "metrics": {"loss": 0.25, "best": {"epoch": 12}},
  "system_info": {"python_version": "3.12", "gpus": 2},
  "training_source": "a.wav",
  "description": "after\ntuning",
  "version": "2.0",
  "big": 9007199254740993,
  "list": []
}`

const metaYAML = `
params:
  lr: 0.001
  epochs: 30
  name: adam
  seed: "007"
  on: true
  ratio: 1.0
  exp: 1e3
  neg: -5
  layers: [64, 32.5, x, {a<b: null}]
  opt: {beta: {one: 0.9}}
  none: ~
  empty: {}
  born: 2025-11-13
metrics: {loss: 0.25, best: {epoch: 12}}
system_info:
  python_version: "3.12"
  gpus: 2
training_source: a.wav
description: "after\ntuning"
version: "2.0"
big: 9007199254740993
list: []
`

const metaTOML = `
training_source = "a.wav"
description = """after
tuning"""
version = '2.0'
big = 9007199254740993
list = []
[params]
lr = 0.001
epochs = 30
name = "adam"
seed = "007"
on = true
ratio = 1.0
exp = 1e3
neg = -5
layers = [64, 32.5, "x", {"a<b" = "null"}]
opt.beta.one = 0.9
born = 2025-11-13
[metrics]
loss = 0.25
best = {epoch = 12}
[system_info]
python_version = "3.12"
gpus = 2
`

func parseMeta(t *testing.T, file, src string) *Meta {
	t.Helper()
	m, err := ParseMeta(file, []byte(src))
	if err != nil {
		t.Fatalf("%v, of\n%s", err, src)
	}
	return m
}

func TestMetaFormatsAreOne(t *testing.T) {
	want := &Meta{
		Params: map[string]any{"lr": 0.001, "epochs": int64(30), "name": "adam", "seed": "007", "on": true, "ratio": 1.0, "exp": 1000.0, "neg": int64(-5),
			"layers": `[64,32.5,"x",{"a<b":null}]`, "opt.beta.one": 0.9, "born": "2025-11-13"},
		Metrics: map[string]any{"loss": 0.25, "best.epoch": int64(12)},
		Env:     map[string]any{"python_version": "3.12", "gpus": int64(2)},
		Source:  "a.wav", Message: "after\ntuning",
		Other: map[string]any{"version": "2.0", "big": int64(9007199254740993), "list": "[]"},
	}
	for file, src := range map[string]string{
		"x.json": metaJSON, "X.JSON": metaJSON, "x.yaml": metaYAML, "x.yml": metaYAML, "x": metaYAML, "x.txt": metaJSON, // JSON is YAML
		"x.toml": strings.Replace(metaTOML, `"a<b" = "null"`, `"a<b" = false`, 1),
	} {
		w := *want
		if file == "x.toml" { // it has no null
			w.Params = map[string]any{}
			for k, v := range want.Params {
				w.Params[k] = v
			}
			w.Params["layers"] = `[64,32.5,"x",{"a<b":false}]`
		}
		if d := cmp.Diff(&w, parseMeta(t, file, src)); d != "" {
			t.Errorf("%s: %s", file, d)
		}
	}
}

func TestMetaNames(t *testing.T) {
	for _, src := range []string{
		"parameters: {a: 1}\nmetrics: {b: 2}\nenvironment: {c: 3}\nsource: s\nmessage: m\nx: {y: z}\n",
		"params.a: 1\nmetrics.b: 2\nenv: {c: 3}\ntraining_source: s\ndescription: m\nx.y: z\n",
		"base: &base {}\nparams: {<<: *base, a: 1}\nmetrics: {b: 2}\nsystem_info: {c: 3}\nsource: s\nmessage: m\nx: {y: z}\n",
	} {
		want := &Meta{map[string]any{"a": int64(1)}, map[string]any{"b": int64(2)}, map[string]any{"c": int64(3)}, "s", "m", map[string]any{"x.y": "z"}}
		if d := cmp.Diff(want, parseMeta(t, "m.yaml", src)); d != "" {
			t.Errorf("%s: %s", src, d)
		}
	}
	env, err := ParseEnv("env.json", []byte(`{"python":"3.12","packages":{"numpy":"2.1"},"params":{"a":1},"gpu":null}`))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[string]any{"python": "3.12", "packages.numpy": "2.1", "params.a": int64(1)}, env); d != "" {
		t.Error(d)
	}
}

// Values keep their types; what looks like another type in quotes is text.
func TestMetaTypes(t *testing.T) {
	for _, w := range []struct {
		ext, src string
		want     any
	}{
		{"yaml", "v: 007x", "007x"}, {"yaml", "v: '1e3'", "1e3"}, {"yaml", "v: 1e3", 1000.0}, {"yaml", "v: yes", "yes"}, {"yaml", "v: 'true'", "true"},
		{"yaml", "v: True", true}, {"yaml", "v: 0x1F", int64(31)}, {"yaml", "v: 1_000", int64(1000)}, {"yaml", "v: .5", 0.5}, {"yaml", "v: 1.", 1.0},
		{"yaml", "v: 18446744073709551615", 18446744073709551615.0}, {"yaml", "v: 99999999999999999999", 1e20}, {"yaml", "v: 2025-11-13T10:00:00Z", "2025-11-13T10:00:00Z"},
		{"yaml", "v: 2025-11-13 10:00:00", "2025-11-13 10:00:00"}, {"yaml", "v: [2025-11-13]", `["2025-11-13"]`}, {"yaml", "v: |\n  a\n  b\n", "a\nb\n"},
		{"yaml", "v: !!str 5", "5"}, {"yaml", "v: !!binary aGk=", "aGk="}, {"yaml", "v: !own 5", "5"}, {"yaml", "v: ''", ""}, {"yaml", "v: [a, [b, {c: 1.0}]]", `["a",["b",{"c":1}]]`},
		{"json", `{"v":"2025-11-13T10:00:00Z"}`, "2025-11-13T10:00:00Z"}, {"json", `{"v":1.50}`, 1.5}, {"json", `{"v":1E2}`, 100.0}, {"json", `{"v":-0}`, int64(0)},
		{"json", `{"v":[1.0,1e2,"&<>"]}`, `[1,100,"&<>"]`}, {"json", `{"\u0076":"\u00e9"}`, "é"}, {"json", `{"v":9223372036854775808}`, 9223372036854775808.0},
		{"toml", `v = 1_000`, int64(1000)}, {"toml", `v = 1.0`, 1.0}, {"toml", `v = "1"`, "1"}, {"toml", `v = 0xff`, int64(255)}, {"toml", `v = true`, true},
		{"toml", `v = 2025-11-13T10:00:00.5+01:00`, "2025-11-13T10:00:00.5+01:00"}, {"toml", `v = 2025-11-13T10:00:00`, "2025-11-13T10:00:00"},
		{"toml", `v = 10:30:00.25`, "10:30:00.25"}, {"toml", `v = [2025-11-13, 1.0]`, `["2025-11-13",1]`}, {"toml", "[[v]]\na = 1\n[[v]]\na = 2.5", `[{"a":1},{"a":2.5}]`},
	} {
		if got := parseMeta(t, "m."+w.ext, w.src).Other["v"]; got != w.want {
			t.Errorf("%s: %v (%T), want %v (%T)", w.src, got, got, w.want, w.want)
		}
	}
}

func TestMetaYAMLMerges(t *testing.T) {
	m := parseMeta(t, "m.yaml", `
one: &one {a: 1, b: 1, deep: {x: 1}}
two: &two {b: 2, c: 2}
params: {<<: [*one, *two], b: 3, list: &l [1, 2], again: *l}
metrics:
  c: 4
  <<: *two
`)
	if d := cmp.Diff(map[string]any{"a": int64(1), "b": int64(3), "c": int64(2), "deep.x": int64(1), "list": "[1,2]", "again": "[1,2]"}, m.Params); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(map[string]any{"b": int64(2), "c": int64(4)}, m.Metrics); d != "" {
		t.Error(d)
	}
}

func TestMetaErrors(t *testing.T) {
	// Few bytes that stand for very many values.
	bomb := "a: &a [x, x]\n"
	for c := 'b'; c < 'y'; c++ {
		bomb += fmt.Sprintf("%c: &%c [*%c, *%c, *%c, *%c]\n", c, c, c-1, c-1, c-1, c-1)
	}
	fields := "a: &a {x: 1}\n"
	for c := 'b'; c < 'y'; c++ {
		fields += fmt.Sprintf("%c: &%c {i: *%c, j: *%c, k: *%c}\n", c, c, c-1, c-1, c-1)
	}
	for _, w := range []struct {
		file, src string
		line      int
		field     string
		text      string
	}{
		{"m.json", "{\"metrics\":{\n\"loss\":\nNaN}}", 3, "metrics.loss", "NaN is no JSON"},
		{"m.json", "{\"metrics\":{\n\"l\":[1,\n-Infinity]}}", 3, "metrics.l", "-Infinity is no JSON"},
		{"m.yaml", "metrics:\n  loss: .nan\n", 2, "metrics.loss", "NaN is not a finite number"},
		{"m.yaml", "metrics:\n  a: 1\n  l: [1,\n   -.inf]\n", 3, "metrics.l", "-Inf is not a finite number"},
		{"m.yaml", "metrics: {l: [{x: .inf}]}\n", 1, "metrics.l", "+Inf is not a finite number"},
		{"m.toml", "[metrics]\na = 1\nloss = nan\n", 3, "metrics.loss", "NaN is not a finite number"},
		{"m.toml", "metrics.l = [1.0, inf]\n", 1, "metrics.l", "+Inf is not a finite number"},

		{"m.json", "{\"a\":1,\n\"b\":}", 2, "b", "missing value after object name"},
		{"m.json", "{\"a\":1,\n", 2, "a", "the file ends in the middle"},
		{"m.json", "{\"a\":1,\n\"a\":2}", 2, "a", "duplicate object member name"},
		{"m.json", "{\"a\":1}\n{}", 2, "", "more than one document"},
		{"m.json", "{\"a\":1}\nx", 2, "", "invalid character 'x'"},
		{"m.json", "", 1, "", "the file is empty"},
		{"m.json", " \n ", 1, "", "the file is empty"},
		{"m.json", "\uFEFF{}", 1, "", "invalid character"},
		{"m.json", "{\"a\":\"\xff\"}", 1, "a", "invalid UTF-8"},
		{"m.yaml", "a: 1\nb: [1,\n", 3, "", "did not find expected"},
		{"m.yaml", "a: 1\n b: 2\n", 2, "", "mapping values are not allowed"},
		{"m.yaml", "a: 1\n---\nb: 2\n", 2, "", "more than one document"},
		{"m.yaml", "a: 1\nb: 2\na: 3\n", 3, "a", "is given twice"},
		{"m.yaml", "params:\n  a: 1\n  'a': 3\n", 3, "params.a", "is given twice"},
		{"m.yaml", "params:\n  <<: 5\n", 2, "params", "merges what has no fields"},
		{"m.yaml", "params:\n  [1, 2]: 5\n", 2, "params", "a field whose name is no text"},
		{"m.yaml", "a: !!int x\n", 1, "a", "cannot decode"},
		{"m.yaml", "a: *b\n", 0, "", "unknown anchor"},
		{"m.toml", "a = 1\nb = \n", 2, "b", "expected value"},
		{"m.toml", "a = 1\na = 2\n", 2, "a", "already"},
		{"m.toml", "a = 1\n= 2\n", 2, "", ""},

		{"m.json", "{\n\"source\": 5}", 2, "source", "want text, not 5"},
		{"m.yaml", "a: 1\ntraining_source: [x]\n", 2, "training_source", `want text, not ["x"]`},
		{"m.toml", "a = 1\nsource = true\n", 2, "source", "want text, not true"},
		{"m.yaml", "message: 1.5\n", 1, "message", "want text, not 1.5"},
		{"m.yaml", "description: 2025\n", 1, "description", "want text, not 2025"},
		{"m.yaml", "a: 1\nparams: fast\n", 2, "params", "want fields below it"},
		{"m.json", "{\"metrics\":[1]}", 1, "metrics", "want fields below it"},
		{"m.toml", "env = 5\n", 1, "env", "want fields below it"},
		{"m.yaml", "just text\n", 1, "", "want fields, not just text"},
		{"m.yaml", "- a\n", 1, "", `want fields, not ["a"]`},
		{"m.json", "[1]", 1, "", "want fields, not [1]"},
		{"m.json", "null x", 1, "", "invalid character"},
		{"m.json", `{"a":{"":1}}`, 1, "a", "a field without a name"},
		{"m.yaml", "a: {'': 1}\n", 1, "a", "a field without a name"},
		{"m.toml", "[a]\n'' = 1\n", 0, "a", "a field without a name"},

		{"m.yaml", bomb, 0, "-", "too many values"},
		{"m.yaml", fields, 0, "-", "too many values"},
		{"m.yaml", "a: &a {b: *a, c: *a}\n", 0, "-", "nested too deeply"},
		{"m.yaml", strings.Repeat("[", 200) + strings.Repeat("]", 200), 1, "", "nested too deeply"},
		{"m.json", strings.Repeat("[", 10_001), 1, "-", "exceeded max depth"},
		{"m.yaml", strings.Repeat("#", MaxMetaFile+1), 0, "", "16777217 bytes are more than the 16777216"},
		{"m.json", strings.Repeat(" ", MaxMetaFile+1), 0, "", "16777217 bytes are more than the 16777216"},
	} {
		_, err := ParseMeta("dir/"+w.file, []byte(w.src))
		var me *FileError
		if !errors.As(err, &me) {
			t.Errorf("%.60q: %v, want %s", w.src, err, w.text)
			continue
		}
		field := w.field
		if field == "-" {
			field, w.line = me.Field, me.Line
		}
		if me.File != "dir/"+w.file || me.Line != w.line || me.Field != field || !strings.Contains(me.Err.Error(), w.text) {
			t.Errorf("%.60q: %.300v\nwant line %d, field %q, %s", w.src, err, w.line, w.field, w.text)
		}
		place := me.File
		if me.Line > 0 {
			place += fmt.Sprint(":", me.Line)
		}
		if me.Field != "" {
			place += ": " + me.Field
		}
		if !strings.HasPrefix(err.Error(), place+": ") {
			t.Errorf("%.300v, want %s", err, place)
		}
	}
}

// Files that say nothing are no mistake, where the format allows them.
func TestMetaEmpty(t *testing.T) {
	want := &Meta{map[string]any{}, map[string]any{}, map[string]any{}, "", "", map[string]any{}}
	for _, w := range [][2]string{{"m.yaml", ""}, {"m.yaml", "# nothing\n"}, {"m.yaml", "---\n"}, {"m.yaml", "{}"}, {"m.yaml", "null"}, {"m.toml", ""}, {"m.toml", "# x\n"},
		{"m.json", "{}"}, {"m.json", " null\n"}, {"m.yaml", "params:\nmetrics: {}\nsource: ~\n"}, {"m.toml", "[params]\n"}} {
		if d := cmp.Diff(want, parseMeta(t, w[0], w[1])); d != "" {
			t.Errorf("%s %q: %s", w[0], w[1], d)
		}
	}
}
