package schema

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/theory/jsonpath"
)

// Whatever a file holds, it is well-formed if and only if encoding/json says so, and
// places lie in it.
func FuzzCheckJSON(f *testing.F) {
	for _, doc := range []string{`{"audio_frames":[{"timestamp":1,"audio_data":{"f0":440.0}}],"own":[1,"1",1.0]}`, `{"metadata":{"a":[1]},"data":{"transitions":{"a->b":{"probability":0.5}}}}`,
		`{"training_successful":true,"audio_oracle_stats":{"total_states":1e400}}`, "", " ", "[NaN]", "-Infinity", `{"a":1}{"a":1}`, "[1,\n\"\\ud800\xff\"]", `{"a":1,"a":2}`,
		"\xef\xbb\xbf{}", `"\u0041\""`, "nul", "-", "1e", "[[[[", "{\"\\u0000\":[]}\r\n", `{"own":{"x":[null,{"y":-0.0}]}}`} {
		f.Add([]byte(doc), byte(0))
		f.Add([]byte(doc), byte(1))
	}
	r := registry(f, `
kind: own
match: {has: own}
schema:
  properties: {own: {anyOf: [{type: array, uniqueItems: true}, {type: object, additionalProperties: {$ref: '#/$defs/x'}}]}}
  $defs: {x: {type: [array, 'null'], items: {oneOf: [{$ref: '#/$defs/x'}, {const: {y: 0}}]}}}
stats: {n: {count: '$.own[*]'}, most: {sum: '$.own[*].y', by: '.'}, d: {distinct: '$.own[1:3]'}}
rules: [{rule: r, each: '$.own[*]', must: value > 0 or y > 0, message: "{value} {y} {key}"}, {rule: o, each: '$.own[*]', order: ascending, message: m}]
`)
	names := []string{"x.json", "x_rhythm_oracle.json", "x_harmonic_transitions.json", "x_correlation.json"}
	f.Fuzz(func(t *testing.T, doc []byte, n byte) {
		if len(doc) > 5000 { // no deeper than any parser goes
			return
		}
		name := names[int(n)%len(names)]
		rep, err := r.Check(context.Background(), Input{Name: name, Size: int64(len(doc)), At: bytes.NewReader(doc)}, Options{Limit: 1 + int(n>>2)})
		if err != nil {
			t.Fatal(err)
		}
		if rep.Format != FormatJSON {
			return // the content is that of tensors
		}
		if rep.Damaged == json.Valid(doc) || rep.Damaged && (len(rep.Findings) != 1 || rep.Findings[0].Rule != "json") {
			t.Errorf("damaged %v, %v", rep.Damaged, rep.Findings)
		}
		lines := bytes.Split(doc, []byte("\n"))
		for _, x := range rep.Findings {
			if x.off > int64(len(doc)) || x.off >= 0 && (x.Line < 1 || x.Line > len(lines) || x.Column < 1 || x.Column > len(lines[x.Line-1])+1) {
				t.Errorf("place of %+v", x)
			}
		}
		for _, m := range []map[string]any{rep.Params, rep.Metrics, rep.Metadata} {
			isFinite(t, m)
		}
		for _, s := range rep.Stats {
			isFinite(t, map[string]any{s.Name: s.Value})
		}
	})
}

// isFinite demands values that metadata can have.
func isFinite(t *testing.T, m map[string]any) {
	t.Helper()
	for k, v := range m {
		switch v := v.(type) {
		case string, int64, bool:
		case float64:
			if math.IsNaN(v) || math.IsInf(v, 0) {
				t.Errorf("%s is %v", k, v)
			}
		default:
			t.Errorf("%s is %v, a %T", k, v, v)
		}
	}
}

// linesOf is the number of lines as YAML counts them, with one for the end of the file.
func linesOf(src []byte) int {
	n := 2
	for _, r := range string(src) {
		if strings.ContainsRune("\n\r\u0085\u2028\u2029", r) {
			n++
		}
	}
	return n
}

func FuzzParseKind(f *testing.F) {
	for _, name := range builtinOrder {
		src, err := kindFiles.ReadFile("kinds/" + name + ".yaml")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
	f.Add([]byte("kind: k\nmatch: &m [{has: a}, {name: x*, lacks: b}]\nexpects: {$ref: '#/$defs/a', $defs: {a: {not: {type: string}}}}\nstats: {a: {size: $}, b: {per: [a, a]}}"))
	f.Add([]byte("kind: k\nmatch: {format: json}\nrules:\n- {rule: r, when: n = 1, each: '$[*]', must: x in (1, 2) and not y like 'a*', sample: 3, share: .5, message: '{x}'}\nvalues: {n: {value: $.n}}"))
	docs := []string{`{"a":1,"audio_frames":[{"timestamp":1}]}`, `[{"x":1,"y":"a"},2,[3]]`}
	f.Fuzz(func(t *testing.T, src []byte) {
		k, err := ParseKind("k.yaml", src)
		if err != nil {
			var ke *FileError
			if !errors.As(err, &ke) || ke.File != "k.yaml" || ke.Err == nil || ke.Line < 0 || ke.Line > linesOf(src) {
				t.Errorf("%#v", err)
			}
			return
		}
		again, err := ParseKind("k.yaml", k.Source)
		if err != nil || !reflect.DeepEqual(kindView(k), kindView(again)) {
			t.Errorf("%v, %+v is not %+v", err, again, k)
		}
		k.Match = []Match{{Names: []string{"*"}}}
		for _, doc := range docs {
			if rep := checkWith(t, registryOf(t, k), "x.json", doc, Options{}); rep.Damaged || rep.Kind != k.Name {
				t.Errorf("%+v", rep)
			}
		}
	})
}

func FuzzParseMeta(f *testing.F) {
	files := []string{"m.json", "m.yaml", "m.toml"}
	for i, src := range []string{metaJSON, metaYAML, metaTOML, `{"a":[1,{"b":NaN}]}`, "a: &a [1]\nb: {<<: {c: *a}, d: .inf}\n", "[[a]]\nb.c = 1979-05-27\n", "", "\"\r\r"} {
		f.Add([]byte(src), byte(i%3))
	}
	f.Fuzz(func(t *testing.T, src []byte, n byte) {
		file := files[int(n)%3]
		m, err := ParseMeta(file, src)
		env, envErr := ParseEnv(file, src)
		for _, err := range []error{err, envErr} {
			var me *FileError
			if err != nil && (!errors.As(err, &me) || me.File != file || me.Err == nil || me.Line < 0 || me.Line > linesOf(src)) {
				t.Errorf("%#v", err)
			}
		}
		if envErr != nil && err == nil {
			t.Errorf("as metadata %+v, but as environment %v", m, envErr)
		}
		isFinite(t, env)
		if err == nil {
			for _, v := range []map[string]any{m.Params, m.Metrics, m.Env, m.Other} {
				isFinite(t, v)
			}
		}
	})
}

// A path selects as much while a document streams by as the library selects in it.
func FuzzParsePath(f *testing.F) {
	for _, src := range []string{"$", "$.a", "$['a']", "$.a[*]", "$.a[0]", "$.a[1:]", "$.a[:2].b", "$[*][*]", "$..a", "$.a[-1]", "$.a[::2]", "$.a[0,1]", `$["b'\u0041"]`, "$[?@.a]", "$.a[9007199254740991]", "$.a[2:1]", "$.*.b"} {
		f.Add(src)
	}
	const doc = `{"a":[{"b":1,"c":[2]},[3,4,[5]],"x",null,{}],"b":{"a":{"b":[6]},"1":7},"":[[]],"b'A":{"*":8}}`
	var value any
	if err := json.Unmarshal([]byte(doc), &value); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, src string) {
		p, err := ParsePath(src)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "path ") {
				t.Error(err)
			}
			return
		}
		if p.String() != src {
			t.Errorf("%s became %s", src, p)
		}
		k := &Kind{Name: "k", Match: []Match{{Names: []string{"*"}}}, Stats: []Stat{{Name: "n", Op: "count", Paths: []Path{p}}}}
		got := stat(checkWith(t, registryOf(t, k), "x.json", doc, Options{}), "n")
		if want := int64(len(jsonpath.MustParse(src).Select(value))); got != want {
			t.Errorf("%s selects %v, the library %v", src, got, want)
		}
	})
}
