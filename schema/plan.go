package schema

import (
	"encoding/json"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"sync"
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
