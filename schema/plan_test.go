package schema

import (
	"cmp"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
)

// schemaKind has a JSON Schema, and takes everything.
func schemaKind(schema string) (*Kind, error) {
	k := &Kind{Name: "k", Match: []Match{{Names: []string{"*"}}}}
	k.must = newLazyPlan(func() (*plan, error) { return compileSchema([]byte(schema)) })
	_, err := k.must()
	return k, err
}

// schemaRegistry has the kind of a JSON Schema.
func schemaRegistry(t testing.TB, schema string) *Registry {
	t.Helper()
	k, err := schemaKind(schema)
	if err != nil {
		t.Fatalf("%v\nof %s", err, schema)
	}
	return registryOf(t, k)
}

func registryOf(t testing.TB, own ...*Kind) *Registry {
	t.Helper()
	r, err := NewRegistry(own...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// judged looks at a document with a JSON Schema.
func judged(t testing.TB, r *Registry, doc string) *Report {
	t.Helper()
	rep := checkWith(t, r, "x.json", doc, Options{})
	for _, f := range rep.Findings {
		if f.Rule != "schema" || f.Severity != Error || f.Line < 1 || f.Column < 1 || f.Message == "" {
			t.Errorf("finding %+v", f)
		}
	}
	return rep
}

// reference is what the library says of whole documents.
func reference(t testing.TB, schema string) func(doc string) error {
	t.Helper()
	var s jsonschema.Schema
	if err := json.Unmarshal([]byte(schema), &s); err != nil {
		t.Fatalf("%v\nof %s", err, schema)
	}
	r, err := s.Resolve(nil)
	if err != nil {
		t.Fatalf("%v\nof %s", err, schema)
	}
	return func(doc string) error {
		var v any
		if err := json.Unmarshal([]byte(doc), &v); err != nil {
			t.Fatalf("%v\nof %s", err, doc)
		}
		return r.Validate(v)
	}
}

// maker makes schemas and documents that have something to do with each other.
type maker struct{ *rand.Rand }

func pick[T any](m maker, list ...T) T { return list[m.IntN(len(list))] }

func (m maker) name() string   { return pick(m, "a", "b", "c", "ab", "b/c", "~d", "é", "") }
func (m maker) text() string   { return pick(m, "", "a", "ab", "abc", "b1", "é", "日本語", "\"\\\n") }
func (m maker) number() any    { return pick[any](m, 0, 1, 2, 3, -1, 1.5, 2.0, 0.5, -2.5, 1e3) }
func (m maker) regexp() string { return pick(m, "^a", "b$", "^[a-c]+$", "1", ".", "^$", "é|b") }

func (m maker) names() []any {
	list := []any{}
	for range m.IntN(3) {
		list = append(list, m.name())
	}
	return list
}

func (m maker) value(depth int) any {
	switch n := m.IntN(12); {
	case n < 3:
		return m.number()
	case n < 5:
		return m.text()
	case n < 6:
		return pick[any](m, true, false, nil)
	case depth <= 0:
		return m.number()
	case n < 9:
		list := []any{}
		for range m.IntN(4) {
			list = append(list, m.value(depth-1))
		}
		return list
	}
	o := object{}
	for range m.IntN(5) {
		o[m.name()] = m.value(depth - 1)
	}
	return o
}

func (m maker) schemas(depth int) []any {
	list := []any{}
	for range 1 + m.IntN(3) {
		list = append(list, m.schema(depth))
	}
	return list
}

func (m maker) byName(depth int, name func() string) object {
	o := object{}
	for range 1 + m.IntN(3) {
		o[name()] = m.schema(depth)
	}
	return o
}

// schema has a few keywords of any sort.
func (m maker) schema(depth int) any {
	if m.IntN(12) == 0 {
		return m.IntN(4) > 0
	}
	s := object{}
	for range 1 + m.IntN(3) {
		if n := m.IntN(34); n < 17 || depth > 0 {
			m.keyword(s, n, depth-1)
		}
	}
	return s
}

func (m maker) keyword(s object, n, depth int) {
	switch n {
	case 0, 1:
		s["type"] = pick[any](m, "object", "array", "string", "number", "integer", "boolean", "null", []any{"object", "array"}, []any{"number", "string"}, []any{"integer", "null"})
	case 2:
		s["enum"] = []any{m.value(2), m.value(1), m.value(0)}
	case 3:
		s["const"] = m.value(1)
	case 4:
		s["multipleOf"] = pick[any](m, 0.5, 1, 2, 1.5)
	case 5:
		s["minimum"] = m.number()
	case 6:
		s["maximum"] = m.number()
	case 7:
		s[pick(m, "exclusiveMinimum", "exclusiveMaximum")] = m.number()
	case 8:
		s[pick(m, "minLength", "maxLength")] = m.IntN(4)
	case 9:
		s["pattern"] = m.regexp()
	case 10:
		s[pick(m, "minItems", "maxItems")] = m.IntN(4)
	case 11:
		s[pick(m, "minProperties", "maxProperties")] = m.IntN(4)
	case 12:
		s["required"] = m.names()
	case 13:
		s["dependentRequired"] = object{m.name(): m.names(), m.name(): m.names()}
	case 14:
		s["uniqueItems"] = m.IntN(4) > 0
	case 15:
		s["propertyNames"] = pick[any](m, object{"pattern": m.regexp()}, object{"maxLength": 1}, object{"$ref": "#/$defs/text"}, object{"enum": m.names()})
	case 16:
		s["$ref"] = pick(m, "#/$defs/text", "#/$defs/x", "#/$defs/y~1z", "#/%24defs/x", "#")
	case 17, 18, 19:
		s["properties"] = m.byName(depth, m.name)
	case 20:
		s["patternProperties"] = m.byName(depth, m.regexp)
	case 21, 22:
		s["additionalProperties"] = m.schema(depth)
	case 23, 24:
		s["items"] = m.schema(depth)
	case 25:
		s["prefixItems"] = m.schemas(depth)
	case 26:
		s["contains"] = m.schema(depth)
		if m.IntN(2) == 0 {
			s["minContains"], s["maxContains"] = m.IntN(3), m.IntN(3)
		}
	case 27:
		s["allOf"] = m.schemas(depth)
	case 28:
		s["anyOf"] = m.schemas(depth)
	case 29:
		s["oneOf"] = m.schemas(depth)
	case 30:
		s["not"] = m.schema(depth)
	case 31:
		s["if"] = m.schema(depth)
		for _, k := range []string{"then", "else"} {
			if m.IntN(3) > 0 {
				s[k] = m.schema(depth)
			}
		}
	case 32:
		s["dependentSchemas"] = m.byName(depth, m.name)
	case 33:
		s[pick(m, "unevaluatedProperties", "unevaluatedItems")] = m.schema(depth)
	}
}

// A document that streams by is judged as the library judges it as a whole.
func TestSchemaAgreesWithLibrary(t *testing.T) {
	m := maker{random(t)}
	n := 400
	if testing.Short() {
		n = 200
	}
	valid, invalid, endless := 0, 0, 0
	for range n {
		s, ok := m.schema(4).(object)
		if !ok {
			continue
		}
		s["$defs"] = object{"text": object{"type": "string", "minLength": m.IntN(3)}, "x": m.schema(3), "y/z": m.schema(2)}
		schema := toJSON(t, s)
		k, err := schemaKind(schema)
		if err != nil {
			if !strings.Contains(err.Error(), "refers back to itself") {
				t.Fatalf("%v\nof %s", err, schema)
			}
			endless++ // the library would not come back from it
			continue
		}
		r, library := registryOf(t, k), reference(t, schema)
		for range 20 {
			doc := toJSON(t, m.value(4))
			rep, err := judged(t, r, doc), library(doc)
			if rep.Valid() != (err == nil) {
				t.Fatalf("schema %s\ndocument %s\nfound %v\nthe library %v", schema, doc, rep.Findings, err)
			}
			if rep.Valid() {
				valid++
			} else {
				invalid++
			}
		}
	}
	t.Logf("%d valid, %d not, %d schemas that lead back to themselves", valid, invalid, endless)
	if min(valid, invalid) < 4*n || endless == 0 {
		t.Error("too few of one sort")
	}
}

func TestSchemasThatAreNone(t *testing.T) {
	for _, w := range []struct{ schema, at, text string }{
		{`{"type":"strnig"}`, "/type", `"strnig" is not one of null`},
		{`{"type":["string",5]}`, "/type", "5 is not one of"},
		{`{"type":[]}`, "/type", "names no type"},
		{`{"type":{}}`, "/type", "an object is not one of"},
		{`{"properties":{"a/b":{"items":{"type":"strnig"}}}}`, "/properties/a~1b/items/type", "strnig"},
		{`{"anyOf":[{"type":"string"},{"not":{"type":"strnig"}}]}`, "/anyOf/1/not/type", "strnig"},
		{`{"$defs":{"unused":{"type":"strnig"}}}`, "/$defs/unused/type", "strnig"},
		{`{"propertie":{}}`, "/propertie", `unknown keyword "propertie"`},
		{`{"Type":"string"}`, "/Type", "unknown keyword"},
		{`{"if":{"than":true}}`, "/if/than", "unknown keyword"},
		{`{"pattern":"("}`, "/pattern", "missing closing )"},
		{`{"pattern":5}`, "/pattern", "want a regular expression"},
		{`{"patternProperties":{"[":{}}}`, "/patternProperties/[", "missing closing ]"},
		{`{"minLength":-1}`, "/minLength", "want a count, not -1"},
		{`{"maxItems":1.5}`, "/maxItems", "want a count, not 1.5"},
		{`{"minProperties":"3"}`, "/minProperties", `want a count, not "3"`},
		{`{"minimum":"0"}`, "/minimum", `want a number, not "0"`},
		{`{"multipleOf":0}`, "/multipleOf", "above 0"},
		{`{"uniqueItems":1}`, "/uniqueItems", "want true or false"},
		{`{"title":5}`, "/title", "want text"},
		{`{"enum":"a"}`, "/enum", "want a list"},
		{`{"required":"a"}`, "/required", "want a list of names"},
		{`{"required":[1]}`, "/required", "want a list of names"},
		{`{"dependentRequired":{"a":"b"}}`, "/dependentRequired/a", "want a list of names"},
		{`{"dependentRequired":[]}`, "/dependentRequired", "want lists of names"},
		{`{"properties":[]}`, "/properties", "want an object"},
		{`{"properties":{"a":5}}`, "/properties/a", "a schema is an object or true or false, not 5"},
		{`{"allOf":{}}`, "/allOf", "want a list"},
		{`{"items":[{"type":"string"}]}`, "/items", "older drafts"},
		{`{"additionalItems":false}`, "/additionalItems", "older drafts"},
		{`{"dependencies":{}}`, "/dependencies", "older drafts"},
		{`{"$schema":"http://json-schema.org/draft-07/schema#"}`, "/$schema", "not the draft 2020-12"},
		{`{"$dynamicRef":"#a"}`, "/$dynamicRef", "not supported"},
		{`{"items":{"$id":"http://a/b"}}`, "/items/$id", "at the top only"},
		{`{"$defs":{},"definitions":{}}`, "/definitions", "beside $defs"},
		{`{"$ref":"#/$defs/a"}`, "/$ref", "there is no schema at #/$defs/a"},
		{`{"$ref":"#/$defs","$defs":{}}`, "/$ref", "there is no schema"},
		{`{"$ref":"#/allOf/x","allOf":[true]}`, "/$ref", "there is no schema"},
		{`{"$ref":"#/enum/0","enum":[{}]}`, "/$ref", "there is no schema"},
		{`{"not":{"$ref":"#/nowhere"}}`, "/not/$ref", "there is no schema"},
		{`{"$ref":"https://example.org/a.json"}`, "/$ref", "only references into this schema"},
		{`{"$ref":"other.json#/a"}`, "/$ref", "only references into this schema"},
		{`{"$ref":"#anchor","$anchor":"anchor"}`, "/$ref", "only references into this schema"},
		{`{"$ref":"#/%zz"}`, "/$ref", "only references into this schema"},
		{`5`, "", "a schema is an object or true or false, not 5"},
		{`[]`, "", "not an array of 0"},
		{`{`, "", "unexpected end"},
		{`{"$ref":"#"}`, "", "refers back to itself"},
		{`{"allOf":[{"$ref":"#"}]}`, "", "refers back to itself"},
		{`{"anyOf":[true,{"not":{"$ref":"#"}}]}`, "", "refers back to itself"},
		{`{"$defs":{"a":{"allOf":[{"$ref":"#/$defs/b"}]},"b":{"then":{"$ref":"#/$defs/a"},"if":true}}}`, "/$defs/a", "refers back to itself"},
		{`{"properties":{"x":{"$ref":"#/properties/x"}}}`, "/properties/x", "refers back to itself"},
		{`{"$ref":"#/properties/x/anyOf/0","properties":{"x":{"anyOf":[{"$ref":"#/properties/x"}]}}}`, "/properties/x/anyOf/0", "refers back to itself"},
		{`{"dependentSchemas":{"a":{"$ref":"#"}}}`, "", "refers back to itself"},
	} {
		_, err := schemaKind(w.schema)
		var se *SchemaError
		if !errors.As(err, &se) || se.At != w.at || !strings.Contains(err.Error(), w.text) {
			t.Errorf("%s: %v; want %s at %q", w.schema, err, w.text, w.at)
		}
		if place := cmp.Or(w.at, "the top"); err != nil && !strings.Contains(err.Error(), "JSON Schema, at "+place+": ") {
			t.Errorf("%s: %v does not tell the place", w.schema, err)
		}
	}
}

// What is referred to in many ways is looked at once, and objected to once.
func TestSchemaReferredToTwice(t *testing.T) {
	defs := object{"d60": object{"type": "string"}}
	for i := range 60 {
		ref := object{"$ref": "#/$defs/d" + strconv.Itoa(i+1)}
		defs["d"+strconv.Itoa(i)] = object{"allOf": []any{ref, ref}}
	}
	schema := toJSON(t, object{"properties": object{"a": object{"$ref": "#/$defs/d0"}}, "patternProperties": object{"a": object{"$ref": "#/$defs/d0"}}, "$defs": defs})
	if f := only(t, judged(t, schemaRegistry(t, schema), `{"a":5}`)); f.Path != "$.a" {
		t.Errorf("%+v", f)
	}
}
