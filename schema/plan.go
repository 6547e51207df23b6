package schema

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
)

// plan is a JSON Schema prepared for a document that streams by: what is to be looked
// at in a value, and the plans of its members. The library judges single values and
// whatever needs a value as a whole (anyOf, contains, uniqueItems, ...); members,
// elements and their numbers are followed here, so that nothing is held that the
// schema does not ask for.
type plan struct {
	also []*plan // allOf and $ref

	types  []string // "": any
	never  bool     // the schema false
	scalar []judge  // of numbers and strings, and enum and const of scalars
	whole  []judge  // need the value as a whole
	keys   []judge  // need the names of an object's members

	required     []string
	minP, maxP   *int
	minI, maxI   *int
	props        map[string]*plan
	patterns     []patternPlan
	extra        *plan // additionalProperties
	prefix       []*plan
	items        *plan
	hasContainer bool // anything of an object or array is looked at
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

// SchemaError: a JSON Schema that is none.
type SchemaError struct {
	At  string // JSON Pointer into the schema
	Err error
}

func (e *SchemaError) Error() string {
	at := e.At
	if at == "" {
		at = "the top"
	}
	return fmt.Sprintf("JSON Schema, at %s: %v", at, e.Err)
}

func (e *SchemaError) Unwrap() error { return e.Err }

// planner compiles one schema document.
type planner struct {
	root  any // as decoded from JSON
	defs  map[string]*jsonschema.Schema
	plans map[string]*plan // by pointer
}

// compileSchema prepares a JSON Schema of draft 2020-12. Its errors are *SchemaError.
func compileSchema(doc []byte) (*plan, error) {
	p := &planner{plans: map[string]*plan{}}
	if err := json.Unmarshal(doc, &p.root); err != nil {
		return nil, &SchemaError{"", err}
	}
	root, err := parseSchema(p.root, "")
	if err != nil {
		return nil, err
	}
	if root.Schema != "" && !strings.HasPrefix(root.Schema, "https://json-schema.org/draft/2020-12/") {
		return nil, &SchemaError{"/$schema", fmt.Errorf("%q is not the draft 2020-12", root.Schema)}
	}
	p.defs = root.Defs
	if p.defs == nil {
		p.defs = root.Definitions
	}
	return p.compile(p.root, "")
}

// parseSchema reads one schema with the library, which checks the keywords' types.
func parseSchema(v any, at string) (*jsonschema.Schema, error) {
	switch v.(type) {
	case map[string]any, bool:
	default:
		return nil, &SchemaError{at, fmt.Errorf("a schema is an object or true or false, not %s", excerptOf(v))}
	}
	b, err := json.Marshal(v)
	if err != nil {
		return nil, &SchemaError{at, err}
	}
	s := new(jsonschema.Schema)
	if err := json.Unmarshal(b, s); err != nil {
		return nil, &SchemaError{at, err}
	}
	for k := range s.Extra {
		if !strings.HasPrefix(k, "x-") {
			return nil, &SchemaError{at, fmt.Errorf("unknown keyword %q (names of one's own begin with x-)", k)}
		}
	}
	return s, nil
}

var typeNames = []string{"null", "boolean", "object", "array", "number", "integer", "string"}

// compile prepares the schema v, which stands at a pointer of the document.
func (p *planner) compile(v any, at string) (*plan, error) {
	if done := p.plans[at]; done != nil {
		return done, nil
	}
	out := &plan{}
	p.plans[at] = out
	if b, ok := v.(bool); ok {
		out.never = !b
		return out, nil
	}
	s, err := parseSchema(v, at)
	if err != nil {
		return nil, err
	}
	obj := v.(map[string]any)
	for _, part := range []func(*plan, *jsonschema.Schema, map[string]any, string) error{p.ofTypes, p.ofScalars, p.ofWhole, p.ofObjects, p.ofArrays, p.ofOthers} {
		if err := part(out, s, obj, at); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (p *planner) ofTypes(out *plan, s *jsonschema.Schema, _ map[string]any, at string) error {
	out.types = s.Types
	if s.Type != "" {
		out.types = []string{s.Type}
	}
	for _, t := range out.types {
		if !slices.Contains(typeNames, t) {
			return &SchemaError{at + "/type", fmt.Errorf("%q is not one of %s", t, strings.Join(typeNames, ", "))}
		}
	}
	return nil
}

// judge makes the library ready for a part of a schema.
func (p *planner) judge(s *jsonschema.Schema, keyword, want string, on byte, at string) (judge, error) {
	if on == 0 || on == '[' || on == '{' { // it may refer to definitions
		s = s.CloneSchemas()
		for name, d := range p.defs {
			if s.Defs == nil {
				s.Defs = map[string]*jsonschema.Schema{}
			}
			s.Defs[name] = d.CloneSchemas()
		}
	}
	r, err := s.Resolve(nil)
	if err != nil {
		return judge{}, &SchemaError{at + "/" + keyword, err}
	}
	return judge{keyword, want, on, r}, nil
}

func (p *planner) ofScalars(out *plan, s *jsonschema.Schema, obj map[string]any, at string) error {
	type part struct {
		keyword string
		on      byte
		set     bool
		want    string
		schema  *jsonschema.Schema
	}
	number := func(f *float64) string {
		if f == nil {
			return ""
		}
		return strconv.FormatFloat(*f, 'g', -1, 64)
	}
	count := func(n *int) string {
		if n == nil {
			return ""
		}
		return strconv.Itoa(*n)
	}
	parts := []part{
		{"multipleOf", '0', s.MultipleOf != nil, "a multiple of " + number(s.MultipleOf), &jsonschema.Schema{MultipleOf: s.MultipleOf}},
		{"minimum", '0', s.Minimum != nil, "at least " + number(s.Minimum), &jsonschema.Schema{Minimum: s.Minimum}},
		{"maximum", '0', s.Maximum != nil, "at most " + number(s.Maximum), &jsonschema.Schema{Maximum: s.Maximum}},
		{"exclusiveMinimum", '0', s.ExclusiveMinimum != nil, "more than " + number(s.ExclusiveMinimum), &jsonschema.Schema{ExclusiveMinimum: s.ExclusiveMinimum}},
		{"exclusiveMaximum", '0', s.ExclusiveMaximum != nil, "less than " + number(s.ExclusiveMaximum), &jsonschema.Schema{ExclusiveMaximum: s.ExclusiveMaximum}},
		{"minLength", '"', s.MinLength != nil, "at least " + count(s.MinLength) + " characters", &jsonschema.Schema{MinLength: s.MinLength}},
		{"maxLength", '"', s.MaxLength != nil, "at most " + count(s.MaxLength) + " characters", &jsonschema.Schema{MaxLength: s.MaxLength}},
		{"pattern", '"', s.Pattern != "", "text that matches " + s.Pattern, &jsonschema.Schema{Pattern: s.Pattern}},
	}
	if s.MultipleOf != nil && !(*s.MultipleOf > 0) {
		return &SchemaError{at + "/multipleOf", errors.New("must be above 0")}
	}
	for _, n := range []*int{s.MinLength, s.MaxLength, s.MinItems, s.MaxItems, s.MinProperties, s.MaxProperties, s.MinContains, s.MaxContains} {
		if n != nil && *n < 0 {
			return &SchemaError{at, fmt.Errorf("a count of %d", *n)}
		}
	}
	for _, x := range parts {
		if !x.set {
			continue
		}
		j, err := p.judge(x.schema, x.keyword, x.want, x.on, at)
		if err != nil {
			return err
		}
		out.scalar = append(out.scalar, j)
	}
	values := func(keyword string, list []any, schema *jsonschema.Schema) error {
		var texts []string
		simple := true
		for _, v := range list {
			texts = append(texts, excerptOf(v))
			switch v.(type) {
			case map[string]any, []any:
				simple = false
			}
		}
		want := "one of " + strings.Join(texts, ", ")
		if len(texts) == 1 {
			want = texts[0]
		}
		j, err := p.judge(schema, keyword, want, 0, at)
		if err != nil {
			return err
		}
		if simple {
			out.scalar = append(out.scalar, j)
		} else {
			out.whole = append(out.whole, j)
		}
		return nil
	}
	if s.Enum != nil {
		if err := values("enum", s.Enum, &jsonschema.Schema{Enum: s.Enum}); err != nil {
			return err
		}
	}
	if c, ok := obj["const"]; ok {
		return values("const", []any{c}, &jsonschema.Schema{Const: &c})
	}
	return nil
}

func (p *planner) ofWhole(out *plan, s *jsonschema.Schema, obj map[string]any, at string) error {
	type part struct {
		keyword, want string
		on            byte
		set           bool
		schema        *jsonschema.Schema
	}
	parts := []part{
		{"anyOf", "what one of the alternatives allows", 0, s.AnyOf != nil, &jsonschema.Schema{AnyOf: s.AnyOf}},
		{"oneOf", "what exactly one of the alternatives allows", 0, s.OneOf != nil, &jsonschema.Schema{OneOf: s.OneOf}},
		{"not", "something else", 0, s.Not != nil, &jsonschema.Schema{Not: s.Not}},
		{"if", "what then and else demand", 0, s.If != nil && (s.Then != nil || s.Else != nil), &jsonschema.Schema{If: s.If, Then: s.Then, Else: s.Else}},
		{"contains", "an array with such an element", '[', s.Contains != nil, &jsonschema.Schema{Contains: s.Contains, MinContains: s.MinContains, MaxContains: s.MaxContains}},
		{"uniqueItems", "elements that differ", '[', s.UniqueItems, &jsonschema.Schema{UniqueItems: true}},
		{"dependentSchemas", "what the members that are there demand", '{', s.DependentSchemas != nil, &jsonschema.Schema{DependentSchemas: s.DependentSchemas}},
	}
	if s.UnevaluatedItems != nil || s.UnevaluatedProperties != nil { // they depend on all else that is there
		all := *s
		all.Schema, all.ID = "", ""
		parts = append(parts, part{"unevaluated", "no more than the schema names", 0, true, &all})
	}
	if s.DynamicRef != "" || s.ID != "" && at != "" {
		return &SchemaError{at, errors.New("$dynamicRef and $id below the top are not supported")}
	}
	if s.ItemsArray != nil || s.AdditionalItems != nil || s.DependencySchemas != nil || s.DependencyStrings != nil {
		return &SchemaError{at, errors.New("items as a list, additionalItems and dependencies are of older drafts: use prefixItems, items, dependentRequired")}
	}
	for _, x := range parts {
		if !x.set {
			continue
		}
		j, err := p.judge(x.schema, x.keyword, x.want, x.on, at)
		if err != nil {
			return err
		}
		out.whole = append(out.whole, j)
	}
	return nil
}

func (p *planner) ofObjects(out *plan, s *jsonschema.Schema, obj map[string]any, at string) (err error) {
	out.required, out.minP, out.maxP = s.Required, s.MinProperties, s.MaxProperties
	if out.props, err = p.members(obj, "properties", at); err != nil {
		return err
	}
	patterns, err := p.members(obj, "patternProperties", at)
	if err != nil {
		return err
	}
	for src, sub := range patterns {
		re, err := regexp.Compile(src)
		if err != nil {
			return &SchemaError{at + "/patternProperties", err}
		}
		out.patterns = append(out.patterns, patternPlan{re, sub})
	}
	if out.extra, err = p.member(obj, "additionalProperties", at); err != nil {
		return err
	}
	if s.DependentRequired != nil {
		j, err := p.judge(&jsonschema.Schema{DependentRequired: s.DependentRequired}, "dependentRequired", "the members that others demand", '{', at)
		if err != nil {
			return err
		}
		out.keys = append(out.keys, j)
	}
	if s.PropertyNames != nil {
		j, err := p.judge(&jsonschema.Schema{PropertyNames: s.PropertyNames}, "propertyNames", "members with other names", '{', at)
		if err != nil {
			return err
		}
		out.keys = append(out.keys, j)
	}
	return nil
}

func (p *planner) ofArrays(out *plan, s *jsonschema.Schema, obj map[string]any, at string) (err error) {
	out.minI, out.maxI = s.MinItems, s.MaxItems
	if list, ok := obj["prefixItems"].([]any); ok {
		for i, v := range list {
			sub, err := p.compile(v, at+"/prefixItems/"+strconv.Itoa(i))
			if err != nil {
				return err
			}
			out.prefix = append(out.prefix, sub)
		}
	}
	out.items, err = p.member(obj, "items", at)
	return err
}

// ofOthers follows allOf and $ref.
func (p *planner) ofOthers(out *plan, s *jsonschema.Schema, obj map[string]any, at string) error {
	if list, ok := obj["allOf"].([]any); ok {
		for i, v := range list {
			sub, err := p.compile(v, at+"/allOf/"+strconv.Itoa(i))
			if err != nil {
				return err
			}
			out.also = append(out.also, sub)
		}
	}
	if s.Ref != "" {
		ptr, ok := strings.CutPrefix(s.Ref, "#")
		if !ok || ptr != "" && ptr[0] != '/' {
			return &SchemaError{at + "/$ref", fmt.Errorf("%q: only references into this schema are followed, such as #/$defs/name", s.Ref)}
		}
		v, err := pointTo(p.root, ptr)
		if err != nil {
			return &SchemaError{at + "/$ref", err}
		}
		sub, err := p.compile(v, ptr)
		if err != nil {
			return err
		}
		out.also = append(out.also, sub)
	}
	// What nothing refers to is checked all the same.
	for _, k := range []string{"$defs", "definitions"} {
		if _, err := p.members(obj, k, at); err != nil {
			return err
		}
	}
	out.hasContainer = len(out.required)+len(out.props)+len(out.patterns)+len(out.prefix)+len(out.keys) > 0 ||
		out.minP != nil || out.maxP != nil || out.minI != nil || out.maxI != nil || out.extra != nil || out.items != nil
	return nil
}

func (p *planner) member(obj map[string]any, name, at string) (*plan, error) {
	v, ok := obj[name]
	if !ok {
		return nil, nil
	}
	return p.compile(v, at+"/"+name)
}

func (p *planner) members(obj map[string]any, name, at string) (map[string]*plan, error) {
	m, ok := obj[name].(map[string]any)
	if !ok {
		return nil, nil
	}
	out := make(map[string]*plan, len(m))
	for k, v := range m {
		sub, err := p.compile(v, at+"/"+name+"/"+escapePointer(k))
		if err != nil {
			return nil, err
		}
		out[k] = sub
	}
	return out, nil
}

func escapePointer(s string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(s)
}

// pointTo follows a JSON Pointer.
func pointTo(v any, ptr string) (any, error) {
	if ptr == "" {
		return v, nil
	}
	for part := range strings.SplitSeq(ptr[1:], "/") {
		part = strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
		ok := false
		switch x := v.(type) {
		case map[string]any:
			v, ok = x[part]
		case []any:
			var i int
			if i, _ = strconv.Atoi(part); i >= 0 && i < len(x) {
				v, ok = x[i], true
			}
		}
		if !ok {
			return nil, fmt.Errorf("there is nothing at #%s", ptr)
		}
	}
	return v, nil
}

// typeOf is the JSON Schema type of a scalar.
func fits(types []string, kind byte, num float64) bool {
	if len(types) == 0 {
		return true
	}
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
		return slices.Contains(types, "number") || slices.Contains(types, "integer") && num == math.Trunc(num)
	}
	return slices.Contains(types, is)
}
