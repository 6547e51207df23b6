package schema

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

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

// holds is what the value of a keyword must be.
type holds byte

const (
	anything holds = iota
	aText
	aTruth
	aNumber
	aCount
	aList
	aPattern
	aType
	aSchema      // a schema
	schemaList   // a list of schemas
	schemasByKey // schemas by name
	names        // a list of names
	namesByKey   // lists of names, by name
	byKey        // anything, by name
)

// keywords are those of the draft 2020-12, as far as the library knows them.
var keywords = map[string]holds{
	"$id": aText, "$schema": aText, "$ref": aText, "$comment": aText, "$anchor": aText, "$dynamicAnchor": aText,
	"$vocabulary": byKey, "$defs": schemasByKey, "definitions": schemasByKey,
	"title": aText, "description": aText, "default": anything, "examples": aList, "format": aText,
	"deprecated": aTruth, "readOnly": aTruth, "writeOnly": aTruth,
	"contentEncoding": aText, "contentMediaType": aText, "contentSchema": aSchema,

	"type": aType, "enum": aList, "const": anything,
	"multipleOf": aNumber, "minimum": aNumber, "maximum": aNumber, "exclusiveMinimum": aNumber, "exclusiveMaximum": aNumber,
	"minLength": aCount, "maxLength": aCount, "pattern": aPattern,

	"prefixItems": schemaList, "items": aSchema, "contains": aSchema, "minContains": aCount, "maxContains": aCount,
	"minItems": aCount, "maxItems": aCount, "uniqueItems": aTruth, "unevaluatedItems": aSchema,

	"properties": schemasByKey, "patternProperties": schemasByKey, "additionalProperties": aSchema, "propertyNames": aSchema,
	"minProperties": aCount, "maxProperties": aCount, "required": names, "dependentRequired": namesByKey, "unevaluatedProperties": aSchema,

	"allOf": schemaList, "anyOf": schemaList, "oneOf": schemaList, "not": aSchema,
	"if": aSchema, "then": aSchema, "else": aSchema, "dependentSchemas": schemasByKey,
}

// refused are keywords that are not followed, with the reason.
var refused = map[string]string{
	"$dynamicRef": "is not supported", "$recursiveRef": "is not supported",
	"additionalItems": "is of older drafts: use prefixItems and items",
	"dependencies":    "is of older drafts: use dependentRequired or dependentSchemas",
}

// inPlace are the keywords whose schemas judge the same value as the schema that they
// stand in.
var inPlace = []string{"allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas"}

var typeNames = []string{"null", "boolean", "object", "array", "number", "integer", "string"}

// below calls f for every schema that is a part of obj, with its place.
func below(obj map[string]any, at string, f func(v any, at string) error) error {
	for _, k := range slices.Sorted(maps.Keys(obj)) {
		if err := belowKeyword(obj, k, at, f); err != nil {
			return err
		}
	}
	return nil
}

// belowKeyword calls f for every schema that stands at one keyword, if it is there.
func belowKeyword(obj map[string]any, k, at string, f func(v any, at string) error) error {
	x, ok := obj[k]
	if !ok {
		return nil
	}
	at += "/" + escapePointer(k)
	switch keywords[k] {
	case aSchema:
		return f(x, at)
	case schemaList:
		list, _ := x.([]any)
		for i, v := range list {
			if err := f(v, at+"/"+strconv.Itoa(i)); err != nil {
				return err
			}
		}
	case schemasByKey:
		m, _ := x.(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(m)) {
			if err := f(m[name], at+"/"+escapePointer(name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// collect finds the schemas at and below a place, and checks that they are.
func (p *planner) collect(v any, at string) error {
	obj, ok := v.(map[string]any)
	if _, truth := v.(bool); !ok && !truth {
		return &SchemaError{at, fmt.Errorf("a schema is an object or true or false, not %s", excerptOf(v))}
	}
	p.places[at] = v
	for _, k := range slices.Sorted(maps.Keys(obj)) {
		here := at + "/" + escapePointer(k)
		want, known := keywords[k]
		switch {
		case refused[k] != "":
			return &SchemaError{here, errors.New(refused[k])}
		case !known && !strings.HasPrefix(k, "x-"):
			return &SchemaError{here, fmt.Errorf("unknown keyword %q (names of one's own begin with x-)", k)}
		case known:
			if err := checkKeyword(k, want, obj[k], here); err != nil {
				return err
			}
		}
	}
	if obj["$defs"] != nil && obj["definitions"] != nil {
		return &SchemaError{at + "/definitions", errors.New("stands beside $defs, which is the newer name of the same")}
	}
	if obj["$id"] != nil && at != "" {
		return &SchemaError{at + "/$id", errors.New("is supported at the top only")}
	}
	return below(obj, at, p.collect)
}

// checkKeyword looks at the value of one keyword, but not into the schemas there.
func checkKeyword(k string, want holds, x any, at string) error {
	fail := func(what string) error {
		return &SchemaError{at, fmt.Errorf("want %s, not %s", what, excerptOf(x))}
	}
	text, isText := x.(string)
	number, isNumber := x.(float64)
	list, isList := x.([]any)
	m, isMap := x.(map[string]any)
	switch want {
	case aText:
		if !isText {
			return fail("text")
		}
	case aTruth:
		if _, ok := x.(bool); !ok {
			return fail("true or false")
		}
	case aNumber:
		if !isNumber {
			return fail("a number")
		}
		if k == "multipleOf" && number <= 0 {
			return fail("a number above 0")
		}
	case aCount:
		if !isNumber || number != math.Trunc(number) || number < 0 || number > math.MaxInt32 {
			return fail("a count")
		}
	case aPattern:
		if !isText {
			return fail("a regular expression")
		}
		if _, err := regexp.Compile(text); err != nil {
			return &SchemaError{at, err}
		}
	case aType:
		return checkType(x, at)
	case aList, schemaList:
		if isList {
			return nil
		}
		return fail("a list")
	case aSchema:
		if isList {
			return &SchemaError{at, errors.New("a list of schemas is of older drafts: use prefixItems")}
		}
	case byKey, schemasByKey:
		if !isMap {
			return fail("an object")
		}
	case names:
		if !isList || !allTexts(list) {
			return fail("a list of names")
		}
	case namesByKey:
		for name, v := range m {
			if list, ok := v.([]any); !ok || !allTexts(list) {
				return &SchemaError{at + "/" + escapePointer(name), fmt.Errorf("want a list of names, not %s", excerptOf(v))}
			}
		}
		if !isMap {
			return fail("lists of names")
		}
	}
	if k == "patternProperties" {
		for _, src := range slices.Sorted(maps.Keys(m)) {
			if _, err := regexp.Compile(src); err != nil {
				return &SchemaError{at + "/" + escapePointer(src), err}
			}
		}
	}
	if k == "$schema" && !strings.HasPrefix(text, "https://json-schema.org/draft/2020-12/") {
		return &SchemaError{at, fmt.Errorf("%q is not the draft 2020-12", text)}
	}
	return nil
}

func checkType(x any, at string) error {
	list, isList := x.([]any)
	if !isList {
		list = []any{x}
	}
	if len(list) == 0 {
		return &SchemaError{at, errors.New("names no type")}
	}
	for _, t := range list {
		if s, ok := t.(string); !ok || !slices.Contains(typeNames, s) {
			return &SchemaError{at, fmt.Errorf("%s is not one of %s", excerptOf(t), strings.Join(typeNames, ", "))}
		}
	}
	return nil
}

func allTexts(list []any) bool {
	return !slices.ContainsFunc(list, func(v any) bool { _, ok := v.(string); return !ok })
}

func textsOf(v any) (out []string) {
	list, _ := v.([]any)
	for _, x := range list {
		out = append(out, x.(string))
	}
	return out
}

// target is the place that the $ref of the schema at a place refers to.
func (p *planner) target(ref, at string) (string, error) {
	fragment, ok := strings.CutPrefix(ref, "#")
	ptr, err := url.PathUnescape(fragment)
	if !ok || err != nil || ptr != "" && ptr[0] != '/' {
		return "", &SchemaError{at + "/$ref", fmt.Errorf("%q: only references into this schema are followed, such as #/$defs/name", ref)}
	}
	if _, ok := p.places[ptr]; !ok {
		return "", &SchemaError{at + "/$ref", fmt.Errorf("there is no schema at %s", ref)}
	}
	return ptr, nil
}

// endless looks for schemas that come to judge the same value again by way of a
// reference, with no step into the document in between.
func (p *planner) endless() error {
	const entered, left = 1, 2
	state := map[string]int{}
	var visit func(v any, at string) error
	visit = func(v any, at string) error {
		switch state[at] {
		case entered:
			return &SchemaError{at, errors.New("refers back to itself, with no step into the document on the way")}
		case left:
			return nil
		}
		state[at] = entered
		obj, _ := v.(map[string]any)
		for _, k := range inPlace {
			if err := belowKeyword(obj, k, at, visit); err != nil {
				return err
			}
		}
		if ref, ok := obj["$ref"].(string); ok {
			to, err := p.target(ref, at)
			if err != nil {
				return err
			}
			if err := visit(p.places[to], to); err != nil {
				return err
			}
		}
		state[at] = left
		return nil
	}
	for _, at := range slices.Sorted(maps.Keys(p.places)) {
		if err := visit(p.places[at], at); err != nil {
			return err
		}
	}
	return nil
}

var (
	escaper   = strings.NewReplacer("~", "~0", "/", "~1")
	unescaper = strings.NewReplacer("~1", "/", "~0", "~")
)

// escapePointer writes a name as JSON Pointers have it.
func escapePointer(name string) string { return escaper.Replace(name) }
