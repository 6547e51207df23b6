package schema

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPlaces(t *testing.T) {
	text := func(path string) string { return path + " is 5, expected string" }
	for _, w := range []struct{ about, schema, doc, want string }{
		{"top", `{"type":"string"}`, `5`, "1:1: " + text("$:")},
		{"after space", `{"type":"string"}`, " \n\t 5 ", "2:3: " + text("$:")},
		{"member", `{"properties":{"a":{"type":"string"}}}`, `{"a":5}`, "1:6: " + text("$.a:")},
		{"member after space", `{"properties":{"a":{"type":"string"}}}`, "{\n  \"a\" : \n\t5\n}", "3:2: " + text("$.a:")},
		{"CRLF", `{"properties":{"a":{"type":"string"}}}`, "{\r\n\r\n \"a\": 5\r\n}", "3:7: " + text("$.a:")},
		{"tabs count as one", `{"properties":{"a":{"type":"string"}}}`, "\t{\t\"a\":\t5}", "1:9: " + text("$.a:")},
		{"characters, not bytes", `{"properties":{"日本":{"type":"string"}}}`, `{"é":"日本語😀","日本": 5}`, "1:19: " + text("$['日本']:")},
		{"nested", `{"properties":{"a":{"items":{"items":{"properties":{"b":{"type":"string"}}}}}}}`,
			`{"x":[[1]],"a":[[],[{},{"b":"","c":[1,2],"b":5}]]}`, "1:46: " + text("$.a[1][1].b:")},
		{"after a skipped value", `{"prefixItems":[true,true,{"type":"string"}]}`, "[{\"a\":[1,\n2]},\"é\",5]", "2:9: " + text("$[2]:")},
		{"object in an array", `{"items":{"type":"string"}}`, `["a",{"b":[1]}]`, "1:6: $[1]: is an object, expected string"},
		{"array in an object", `{"additionalProperties":{"type":"string"}}`, `{"a":"", "b": []}`, "1:15: $.b: is an array, expected string"},
		{"required", `{"properties":{"a":{"required":["b"]}}}`, `{"c":1,"a":{"d":{}}}`, `1:12: $.a: has no member "b", which is required`},
		{"at an alternative", `{"items":{"anyOf":[{"type":"string"},{"type":"null"}]}}`, `[null,"", 5]`, "1:11: $[2]: is 5, expected what one of the alternatives allows"},
		{"below an alternative", `{"items":{"anyOf":[{},true],"properties":{"a":{"items":{"type":"string"}}}}}`, "[{},\n {\"é\":1,\"a\":[\"\",5]}]", "2:17: " + text("$[1].a[1]:")},
		{"empty object", `{"minProperties":1}`, ` {}`, "1:2: $: is an object of 0, expected at least 1 members"},
		{"false", `{"properties":{"a":false}}`, `{"a":[5]}`, "1:6: $.a: is not allowed here"},
	} {
		rep := judged(t, schemaRegistry(t, w.schema), w.doc)
		if f := only(t, rep); f.String() != w.want {
			t.Errorf("%s: %s, want %s", w.about, f.String(), w.want)
		}
	}
}

// Names are written so that they can be used as paths, whatever is in them.
func TestOddNames(t *testing.T) {
	for doc, path := range map[string]string{
		`"a"`: "$.a", `"A_1"`: "$.A_1", `"\u0041"`: "$.A", `"1a"`: "$['1a']", `"a b"`: "$['a b']", `"a.b"`: "$['a.b']", `""`: "$['']",
		`"it's"`: `$['it\'s']`, `"a\"b"`: `$['a"b']`, `"\\"`: `$['\\']`, `"é"`: "$['é']", `"\u00e9"`: "$['é']", `"\ud83d\ude00"`: "$['😀']",
		`"a/b~c"`: "$['a/b~c']", `"[0]"`: "$['[0]']", `"\n"`: `$['\n']`, `"\u0000"`: `$['\u0000']`, `"\t"`: `$['\u0009']`, `"$"`: "$['$']",
	} {
		rep := judged(t, schemaRegistry(t, `{"additionalProperties":{"type":"string"}}`), "{"+doc+":5}")
		if f := only(t, rep); f.Path != path {
			t.Errorf("%s: path %s, want %s", doc, f.Path, path)
		}
		p, err := ParsePath(path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		k := parseKind(t, "kind: k\nmatch: {name: '*'}\nstats: {x: {value: $.x}}")
		k.Stats[0].Paths = []Path{p}
		if got := stat(checkWith(t, registryOf(t, k), "x.json", "{"+doc+":5}", Options{}), "x"); got != int64(5) {
			t.Errorf("%s selects %v in {%s:5}", path, got, doc)
		}
	}
	// An escape is only another way to write a name.
	schema := `{"properties":{"A":{"type":"string"}},"patternProperties":{"^A$":{"maxLength":0}},"required":["A"],"additionalProperties":false}`
	for doc, want := range map[string]int{`{"\u0041":""}`: 0, `{"\u0041":5}`: 1, `{"\u0041":"x"}`: 1, `{"\\u0041":""}`: 2} {
		if rep := judged(t, schemaRegistry(t, schema), doc); rep.Errors != want {
			t.Errorf("%s: %v", doc, rep.Findings)
		}
	}
}

func TestExcerpts(t *testing.T) {
	r := schemaRegistry(t, `{"items":{"type":"null"}}`)
	long := strings.Repeat("é", 50)
	for _, w := range [][2]string{
		{`"a<b"`, `"a<b"`}, {`"a\tb"`, `"a\tb"`}, {`1.50`, "1.5"}, {`1e2`, "100"}, {`12345678901234567890`, "12345678901234567000"}, {`1e999`, "1.7976931348623157e+308"},
		{`true`, "true"}, {`{"a":1}`, "an object"}, {`[1,2]`, "an array"}, {`"` + long + `"`, `"` + strings.Repeat("é", 29) + "…"},
		{strings.Repeat(" ", 5000) + `"` + strings.Repeat("x", 70_000) + `"`, `"` + strings.Repeat("x", 59) + "…"},
		{strings.Repeat(" ", 65_530) + `"far out"`, `"far out"`},
	} {
		if f := only(t, judged(t, r, "["+w[0]+"]")); f.Found != w[1] {
			t.Errorf("%.40s: found %s, want %s", w[0], f.Found, w[1])
		}
	}
}

// The values of members of one name are all looked at.
func TestDuplicateNames(t *testing.T) {
	r := schemaRegistry(t, `{"properties":{"a":{"type":"string"}},"required":["a"],"maxProperties":1}`)
	rep := judged(t, r, `{"a":"","a":5,"a":6}`)
	var paths []string
	for _, f := range rep.Findings {
		paths = append(paths, f.String())
	}
	want := []string{"1:1: $: is an object of 3, expected at most 1 members", "1:13: $.a: is 5, expected string", "1:19: $.a: is 6, expected string"}
	if d := cmp.Diff(want, paths); d != "" {
		t.Error(d)
	}
	rep = checkWith(t, registry(t), "x.json", `{"metadata":{"a":1,"a":2},"data":{"x":1},"data":{"audio_frames":[]}}`, Options{})
	if !rep.Wrapped || rep.Kind != "audio_oracle" || rep.Metadata["a"] != int64(2) {
		t.Errorf("%+v", rep)
	}
}

func TestFindingsAreLimited(t *testing.T) {
	var items []string
	for i := range 1000 {
		items = append(items, fmt.Sprint(i))
	}
	doc := `{"a":[` + strings.Join(items, ",\n") + `]}`
	r := registry(t, `
kind: k
match: {name: '*'}
schema: {properties: {a: {items: {type: string}}}}
expects: {required: [b, c], properties: {a: {items: {maximum: 899}}}}
rules:
  - {rule: few, must: n > 1000, message: "only {n}"}
values: {n: {size: $.a}}
`)
	for _, w := range []struct{ limit, kept, errs int }{{0, 100, 100}, {-1, 100, 100}, {1, 1, 1}, {7, 7, 7}, {2000, 1103, 1000}, {1050, 1050, 1000}} {
		rep := checkWith(t, r, "x.json", doc, Options{Limit: w.limit})
		if rep.Errors != 1000 || rep.Warnings != 103 {
			t.Errorf("limit %d: %d errors, %d warnings", w.limit, rep.Errors, rep.Warnings)
		}
		if len(rep.Findings) != w.kept {
			t.Errorf("limit %d: %d findings", w.limit, len(rep.Findings))
		}
		for i, f := range rep.Findings[:w.errs] {
			if want := fmt.Sprintf("$.a[%d]", i); f.Path != want || f.Line != i+1 || f.Severity != Error {
				t.Fatalf("limit %d: finding %d is %+v", w.limit, i, f)
			}
		}
		for _, f := range rep.Findings[w.errs:] {
			if f.Severity != Warning {
				t.Errorf("limit %d: %+v", w.limit, f)
			}
		}
	}
}

// Errors come first, and of one severity those that come first in the document.
func TestOrderOfFindings(t *testing.T) {
	rep := checkWith(t, registry(t, `
kind: k
match: {name: '*'}
schema: {required: [z], properties: {b: {type: string}, c: {required: [y]}, d: {anyOf: [{type: string}, {type: 'null'}]}}}
expects: {properties: {a: {type: string}, e: {type: string}}}
values: {n: {value: $.a}}
rules:
  - {rule: of-figures, must: n > 5, message: "{n}"}
  - {rule: bad, severity: error, must: n > 6, message: "{n}"}
  - {rule: of-elements, each: '$.f[*]', must: value > 1, message: "{value}"}
`), "x.json", `{"a":5,"b":5,"c":{"x":1},"d":5,"e":5,"f":[2,1]}`, Options{})
	var list []string
	for _, f := range rep.Findings {
		list = append(list, fmt.Sprintf("%s %d:%d %s", f.Rule, f.Line, f.Column, f.Path))
	}
	want := []string{"bad 0:0 ", "schema 1:1 $", "schema 1:12 $.b", "schema 1:18 $.c", "schema 1:30 $.d",
		"of-figures 0:0 ", "expects 1:6 $.a", "expects 1:36 $.e", "of-elements 1:45 $.f[1]"}
	if !slices.Equal(list, want) {
		t.Errorf("%s", strings.Join(list, "\n"))
	}
}

func TestWrapper(t *testing.T) {
	doc := `{"metadata":{"version":"2.0","system":{"python":{"version":"3.12","too":{"deep":1}},"ok":true},"none":null,"list":[1.5]},
"data":{"audio_frames":[]}}`
	rep := check(t, "x.json", doc)
	want := map[string]any{"version": "2.0", "system.python.version": "3.12", "system.ok": true, "list.0": 1.5}
	if d := cmp.Diff(want, rep.Metadata); d != "" {
		t.Error(d)
	}
	if f := rep.Findings[0]; f.Path != "$.data" || f.Line != 2 || f.Column != 8 {
		t.Errorf("%+v", f)
	}
	for _, w := range []struct {
		doc     string
		wrapped bool
		found   string
	}{
		{`{"data":{},"metadata":{}}`, true, ""},
		{`{"metadata":{},"data":5}`, true, ""},
		{`{"metadata":[1],"data":{}}`, true, "an array"},
		{`{"metadata":"x","data":{}}`, true, `"x"`},
		{`{"metadata":null,"data":{}}`, true, "null"},
		{`{"metadata":{},"data":{},"more":1}`, false, ""},
		{`{"metadata":{}}`, false, ""},
		{`{"data":{}}`, false, ""},
		{`{"x":{"metadata":{},"data":{}}}`, false, ""},
		{`[{"metadata":{},"data":{}}]`, false, ""},
	} {
		rep := check(t, "x.json", w.doc)
		if rep.Wrapped != w.wrapped || rep.Valid() != (w.found == "") {
			t.Errorf("%s: %+v", w.doc, rep)
		}
		if w.found != "" {
			if f := only(t, rep); f.Rule != "wrapper" || f.Found != w.found || f.Path != "$.metadata" || f.Column != 13 {
				t.Errorf("%s: %+v", w.doc, f)
			}
		}
	}
	many := object{}
	for i := range 2000 {
		many[fmt.Sprint("k", i)] = i
	}
	if rep := check(t, "x.json", toJSON(t, object{"metadata": many, "data": 1})); len(rep.Metadata) != maxMetadata {
		t.Errorf("%d values of metadata", len(rep.Metadata))
	}
}

func TestOptionsTakeMetadata(t *testing.T) {
	path := func(s string) Path {
		p, err := ParsePath(s)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	o := Options{Params: []Extract{{"lr", path("$.config.lr")}, {"distance_threshold", path("$.other")}, {"absent", path("$.absent")}},
		Metrics: []Extract{{"loss", path("$.history[1]")}, {"huge", path("$.huge")}}}
	doc := `{"config":{"lr":0.01},"history":[3,2.5],"huge":1e999,"audio_frames":[],"distance_threshold":1,"other":"mine","audio_file":null,"training_source":"a.wav"}`
	rep := checkWith(t, registry(t), "x.json", doc, o)
	if d := cmp.Diff(map[string]any{"lr": 0.01, "distance_threshold": "mine"}, rep.Params); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(map[string]any{"loss": 2.5, "huge": 1.7976931348623157e308}, rep.Metrics); d != "" {
		t.Error(d)
	}
	if rep.Source != "a.wav" {
		t.Errorf("source %q", rep.Source)
	}
	rep = checkWith(t, registry(t), "x.json", `{"config":{"lr":"high"}}`, o)
	if d := cmp.Diff(map[string]any{"lr": "high"}, rep.Params); d != "" || rep.Kind != "json" || rep.Metrics != nil {
		t.Errorf("%+v", rep)
	}
}
