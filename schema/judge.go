package schema

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
)

// judge is one keyword, which the library evaluates.
type judge struct {
	keyword string
	want    string // for people
	on      byte   // '0' numbers, '"' strings, '[' arrays, '{' objects, 0 any
	schema  *jsonschema.Resolved
}

func (j *judge) ok(v any) bool { return j.schema.Validate(v) == nil }

// judge makes the library ready for a part of a schema.
func (p *planner) judge(part map[string]any, keyword, want string, on byte, at string) (judge, error) {
	fail := func(err error) (judge, error) { return judge{}, &SchemaError{at + "/" + keyword, err} }
	src, err := json.Marshal(p.standalone(part))
	if err != nil {
		return fail(err)
	}
	s := new(jsonschema.Schema)
	if err := json.Unmarshal(src, s); err != nil {
		return fail(err)
	}
	r, err := s.Resolve(nil)
	if err != nil {
		return fail(err)
	}
	return judge{keyword, want, on, r}, nil
}

// standalone is a part of a schema with all that it refers to: the whole document, as a
// definition, with references that lead there.
func (p *planner) standalone(part map[string]any) any {
	moved, refers := move(part)
	if !refers {
		return moved
	}
	if p.moved == nil {
		p.moved, _ = move(p.places[""])
	}
	moved.(map[string]any)["$defs"] = map[string]any{"root": p.moved}
	return moved
}

// move copies a schema, with its references led to #/$defs/root, and tells whether it
// has any. Names of its own are left out, as they would be there twice.
func move(v any) (any, bool) {
	obj, ok := v.(map[string]any)
	if !ok {
		return v, false
	}
	refers := false
	sub := func(v any) any {
		m, r := move(v)
		refers = refers || r
		return m
	}
	out := make(map[string]any, len(obj))
	for k, x := range obj {
		switch keywords[k] {
		case aSchema:
			x = sub(x)
		case schemaList:
			list := slices.Clone(x.([]any))
			for i := range list {
				list[i] = sub(list[i])
			}
			x = list
		case schemasByKey:
			m := maps.Clone(x.(map[string]any))
			for name := range m {
				m[name] = sub(m[name])
			}
			x = m
		}
		switch k {
		case "$schema", "$id", "$anchor", "$dynamicAnchor", "$vocabulary":
			continue
		case "$ref":
			refers = true
			x = "#/$defs/root" + strings.TrimPrefix(x.(string), "#")
		}
		out[k] = x
	}
	return out, refers
}

func (p *planner) ofScalars(out *plan, obj map[string]any, at string) error {
	for _, x := range []struct {
		keyword      string
		on           byte
		before, rest string
	}{
		{"multipleOf", '0', "a multiple of ", ""}, {"minimum", '0', "at least ", ""}, {"maximum", '0', "at most ", ""},
		{"exclusiveMinimum", '0', "more than ", ""}, {"exclusiveMaximum", '0', "less than ", ""},
		{"minLength", '"', "at least ", " characters"}, {"maxLength", '"', "at most ", " characters"},
		{"pattern", '"', "text that matches ", ""},
	} {
		v, ok := obj[x.keyword]
		if !ok {
			continue
		}
		j, err := p.judge(map[string]any{x.keyword: v}, x.keyword, x.before+showValue(v)+x.rest, x.on, at)
		if err != nil {
			return err
		}
		out.scalar = append(out.scalar, j)
	}
	for _, keyword := range []string{"enum", "const"} {
		v, ok := obj[keyword]
		if !ok {
			continue
		}
		list, isList := v.([]any)
		if keyword == "const" || !isList {
			list = []any{v}
		}
		var texts []string
		simple := true
		for _, v := range list {
			texts = append(texts, excerptOf(v))
			switch v.(type) {
			case map[string]any, []any:
				simple = false
			}
		}
		want := strings.Join(texts, ", ")
		if len(texts) != 1 {
			want = "one of " + want
		}
		j, err := p.judge(map[string]any{keyword: v}, keyword, want, 0, at)
		if err != nil {
			return err
		}
		if simple {
			out.scalar = append(out.scalar, j)
		} else {
			out.whole = append(out.whole, j)
		}
	}
	return nil
}

// naming are the keywords that the unevaluated ones depend on.
var naming = []string{"$ref", "allOf", "anyOf", "oneOf", "if", "then", "else", "dependentSchemas", "prefixItems", "items",
	"contains", "minContains", "maxContains", "properties", "patternProperties", "additionalProperties"}

func (p *planner) ofWhole(out *plan, obj map[string]any, at string) error {
	for _, x := range []struct {
		keyword, want string
		on            byte
		with          []string
	}{
		{"anyOf", "what one of the alternatives allows", 0, nil},
		{"oneOf", "what exactly one of the alternatives allows", 0, nil},
		{"not", "something else", 0, nil},
		{"if", "what then and else demand", 0, []string{"then", "else"}},
		{"contains", "an array with such an element", '[', []string{"minContains", "maxContains"}},
		{"uniqueItems", "elements that differ", '[', nil},
		{"dependentSchemas", "what the members that are there demand", '{', nil},
		{"unevaluatedItems", "no more elements than the schema names", '[', naming},
		{"unevaluatedProperties", "no more members than the schema names", '{', naming},
	} {
		v, ok := obj[x.keyword]
		if !ok || v == false && x.keyword == "uniqueItems" {
			continue
		}
		part := map[string]any{x.keyword: v}
		for _, k := range x.with {
			if v, ok := obj[k]; ok {
				part[k] = v
			}
		}
		if x.keyword == "if" && len(part) == 1 {
			continue
		}
		j, err := p.judge(part, x.keyword, x.want, x.on, at)
		if err != nil {
			return err
		}
		out.whole = append(out.whole, j)
	}
	return nil
}
