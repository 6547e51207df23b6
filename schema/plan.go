package schema

import (
	"encoding/json"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/google/jsonschema-go/jsonschema"
)

// plan is a JSON Schema prepared for a document that streams by: what is to be looked
// at in a value, and the plans of its members. The library judges single values and
// whatever needs a value as a whole (anyOf, contains, uniqueItems, ...); members,
// elements and their numbers are followed here, so that nothing is held that the
// schema does not ask for.
type plan struct {
	also []*plan // allOf and $ref

	types  []string // none: any
	never  bool     // the schema false
	scalar []judge  // of numbers and strings, and enum and const of scalars
	whole  []judge  // need the value as a whole
	keys   []judge  // need the names of an object's members

	required   []string
	demands    []demand // dependentRequired
	minP, maxP *int
	minI, maxI *int
	props      map[string]*plan
	patterns   []patternPlan
	extra      *plan // additionalProperties
	prefix     []*plan
	items      *plan
	hasMembers bool // any of props, patterns and extra
}

// demand: where an object has the member, it must have the others.
type demand struct {
	member string
	others []string
}

type patternPlan struct {
	re   *regexp.Regexp
	plan *plan
}

// judge is one keyword, which the library evaluates.
type judge struct {
	keyword string
	want    string // for people
	on      byte   // '0' numbers, '"' strings, '[' arrays, '{' objects, 0 any
	schema  *jsonschema.Resolved
}

func (j *judge) ok(v any) bool { return j.schema.Validate(v) == nil }

// lazyPlan compiles a JSON Schema when it is first asked for; nil: there is none. It may
// be used concurrently.
type lazyPlan func() (*plan, error)

func newLazyPlan(compile func() (*plan, error)) lazyPlan { return sync.OnceValues(compile) }

// plan is that of a schema that has been found to be one: by ParseKind, or by a test.
func (l lazyPlan) plan() *plan {
	if l == nil {
		return nil
	}
	p, err := l()
	if err != nil {
		panic(err)
	}
	return p
}

// planner compiles one schema document.
type planner struct {
	places map[string]any   // the schemas that are in it, by JSON Pointer
	plans  map[string]*plan // likewise
	moved  any              // the document as standalone has it
}

// compileSchema prepares a JSON Schema of draft 2020-12. Its errors are *SchemaError.
func compileSchema(doc []byte) (*plan, error) {
	p := &planner{places: map[string]any{}, plans: map[string]*plan{}}
	var root any
	if err := json.Unmarshal(doc, &root); err != nil {
		return nil, &SchemaError{"", err}
	}
	if err := p.collect(root, ""); err != nil {
		return nil, err
	}
	if err := p.endless(); err != nil {
		return nil, err
	}
	return p.compile("")
}

// compile prepares the schema at a place of the document.
func (p *planner) compile(at string) (*plan, error) {
	if done := p.plans[at]; done != nil {
		return done, nil
	}
	out := &plan{}
	p.plans[at] = out
	obj, ok := p.places[at].(map[string]any)
	if !ok {
		out.never = p.places[at] == false
		return out, nil
	}
	switch t := obj["type"].(type) {
	case string:
		out.types = []string{t}
	case []any:
		out.types = textsOf(t)
	}
	for _, part := range []func(*plan, map[string]any, string) error{p.ofScalars, p.ofWhole, p.ofObjects, p.ofArrays, p.ofOthers} {
		if err := part(out, obj, at); err != nil {
			return nil, err
		}
	}
	return out, nil
}

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

func (p *planner) ofObjects(out *plan, obj map[string]any, at string) (err error) {
	out.required = textsOf(obj["required"])
	out.minP, out.maxP = countOf(obj, "minProperties"), countOf(obj, "maxProperties")
	props, _ := obj["properties"].(map[string]any)
	for name := range props {
		if out.props == nil {
			out.props = make(map[string]*plan, len(props))
		}
		if out.props[name], err = p.compile(at + "/properties/" + escapePointer(name)); err != nil {
			return err
		}
	}
	patterns, _ := obj["patternProperties"].(map[string]any)
	for _, src := range slices.Sorted(maps.Keys(patterns)) {
		sub, err := p.compile(at + "/patternProperties/" + escapePointer(src))
		if err != nil {
			return err
		}
		out.patterns = append(out.patterns, patternPlan{regexp.MustCompile(src), sub})
	}
	if out.extra, err = p.member(obj, "additionalProperties", at); err != nil {
		return err
	}
	demands, _ := obj["dependentRequired"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(demands)) {
		out.demands = append(out.demands, demand{name, textsOf(demands[name])})
	}
	if v, ok := obj["propertyNames"]; ok {
		j, err := p.judge(map[string]any{"propertyNames": v}, "propertyNames", "members with other names", '{', at)
		if err != nil {
			return err
		}
		out.keys = append(out.keys, j)
	}
	return nil
}

func (p *planner) ofArrays(out *plan, obj map[string]any, at string) (err error) {
	out.minI, out.maxI = countOf(obj, "minItems"), countOf(obj, "maxItems")
	list, _ := obj["prefixItems"].([]any)
	for i := range list {
		sub, err := p.compile(at + "/prefixItems/" + strconv.Itoa(i))
		if err != nil {
			return err
		}
		out.prefix = append(out.prefix, sub)
	}
	out.items, err = p.member(obj, "items", at)
	return err
}

// ofOthers follows allOf and $ref.
func (p *planner) ofOthers(out *plan, obj map[string]any, at string) error {
	list, _ := obj["allOf"].([]any)
	for i := range list {
		sub, err := p.compile(at + "/allOf/" + strconv.Itoa(i))
		if err != nil {
			return err
		}
		out.also = append(out.also, sub)
	}
	if ref, ok := obj["$ref"].(string); ok {
		to, err := p.target(ref, at)
		if err != nil {
			return err
		}
		sub, err := p.compile(to)
		if err != nil {
			return err
		}
		out.also = append(out.also, sub)
	}
	out.hasMembers = len(out.props)+len(out.patterns) > 0 || out.extra != nil
	return nil
}

func (p *planner) member(obj map[string]any, name, at string) (*plan, error) {
	if _, ok := obj[name]; !ok {
		return nil, nil
	}
	return p.compile(at + "/" + name)
}

func countOf(obj map[string]any, name string) *int {
	f, ok := obj[name].(float64)
	if !ok {
		return nil
	}
	n := int(f)
	return &n
}

// wrongType is the keyword that no value of that kind satisfies, "type" or "false", or
// ""; num is the value, if it is a number.
func (p *plan) wrongType(kind byte, num float64) string {
	var is string
	switch kind {
	case 'n':
		is = "null"
	case 't', 'f':
		is = "boolean"
	case '"':
		is = "string"
	case '{':
		is = "object"
	case '[':
		is = "array"
	case '0':
		is = "number"
	}
	switch {
	case p.never:
		return "false"
	case len(p.types) == 0 || slices.Contains(p.types, is) || kind == '0' && num == math.Trunc(num) && slices.Contains(p.types, "integer"):
		return ""
	}
	return "type"
}
