// Package jsondoctest makes random JSON documents for tests, changes them, and compares
// documents in the simplest way there is.
package jsondoctest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"pgregory.net/rapid"
)

// Number is a number by its text, or one of Python's words.
type Number string

// Object is an object with the order of its members.
type Object struct {
	Names  []string
	Values map[string]any
}

// NewObject returns an empty one.
func NewObject() *Object { return &Object{Values: map[string]any{}} }

// Set sets a member; a new one comes last.
func (o *Object) Set(name string, v any) {
	if _, ok := o.Values[name]; !ok {
		o.Names = append(o.Names, name)
	}
	o.Values[name] = v
}

// Delete takes a member out.
func (o *Object) Delete(name string) {
	delete(o.Values, name)
	o.Names = slices.DeleteFunc(o.Names, func(s string) bool { return s == name })
}

var (
	numbers = []string{"0", "1", "1.0", "-0.0", "2", "10", "1e1", "0.5", "5E-1", "0.068312345678901234", "123456789012345678901234567890", "-7", "1e400", "3.25", "0.00012"}
	strs    = []string{"", "a", "b", "x y", "é", "\"q\"", "a/b", "m~n", "line\nbreak", "\u2028", "𝄞", "C#m7", strings.Repeat("long ", 40)}
	names   = []string{"a", "b", "c", "id", "name", "pattern_id", "w", "a/b", "m~n", "é"} // not the empty one, at which json-patch fails
)

// Value makes a value of at most some depth.
func Value(t *rapid.T, depth int) any {
	kind := rapid.IntRange(0, 9).Draw(t, "kind")
	if depth == 0 {
		kind %= 5
	}
	switch kind {
	case 0:
		return nil
	case 1:
		return rapid.Bool().Draw(t, "bool")
	case 2:
		return rapid.SampledFrom(strs).Draw(t, "string")
	case 3, 4:
		return number(t)
	case 5, 6:
		o := NewObject()
		for range rapid.IntRange(0, 5).Draw(t, "members") {
			o.Set(rapid.SampledFrom(names).Draw(t, "name"), Value(t, depth-1))
		}
		return o
	case 7:
		return keyed(t, depth)
	case 8:
		list := []any{}
		for range rapid.IntRange(0, 50).Draw(t, "numbers") {
			list = append(list, number(t))
		}
		return list
	}
	list := []any{}
	for range rapid.IntRange(0, 7).Draw(t, "elements") {
		list = append(list, Value(t, depth-1))
	}
	return list
}

func number(t *rapid.T) Number {
	if rapid.Bool().Draw(t, "known number") {
		return Number(rapid.SampledFrom(numbers).Draw(t, "number"))
	}
	return Number(strconv.Itoa(rapid.IntRange(-5, 30).Draw(t, "integer")))
}

// keyed is an array of objects with a key.
func keyed(t *rapid.T, depth int) any {
	name := rapid.SampledFrom([]string{"id", "pattern_id", "name"}).Draw(t, "key")
	ids := rapid.SliceOfNDistinct(rapid.IntRange(0, 12), 0, 8, rapid.ID[int]).Draw(t, "keys")
	list := []any{}
	for _, id := range ids {
		o := NewObject()
		o.Set(name, Number(strconv.Itoa(id)))
		o.Set("w", Value(t, min(depth-1, 1)))
		list = append(list, o)
	}
	return list
}

// Clone copies a value.
func Clone(v any) any {
	switch v := v.(type) {
	case *Object:
		o := NewObject()
		for _, n := range v.Names {
			o.Set(n, Clone(v.Values[n]))
		}
		return o
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = Clone(v[i])
		}
		return list
	}
	return v
}

// Change returns a value with some changes; v is left as it is.
func Change(t *rapid.T, v any) any {
	v = Clone(v)
	for range rapid.IntRange(0, 4).Draw(t, "changes") {
		v = change(t, v)
	}
	return v
}

func change(t *rapid.T, v any) any {
	switch v := v.(type) {
	case *Object:
		if len(v.Names) == 0 || rapid.IntRange(0, 5).Draw(t, "insert") == 0 {
			v.Set(rapid.SampledFrom(names).Draw(t, "name"), Value(t, 1))
			return v
		}
		n := rapid.SampledFrom(v.Names).Draw(t, "member")
		switch rapid.IntRange(0, 5).Draw(t, "what") {
		case 0:
			v.Delete(n)
		case 1:
			v.Names = rapid.Permutation(v.Names).Draw(t, "order")
		default:
			v.Set(n, change(t, v.Values[n]))
		}
		return v
	case []any:
		if len(v) == 0 {
			return append(v, Value(t, 1))
		}
		i := rapid.IntRange(0, len(v)-1).Draw(t, "element")
		switch rapid.IntRange(0, 8).Draw(t, "what") {
		case 0:
			return slices.Delete(v, i, i+1)
		case 1:
			return slices.Insert(v, i, Value(t, 1))
		case 2:
			x := v[i]
			v = slices.Delete(v, i, i+1)
			return slices.Insert(v, rapid.IntRange(0, len(v)).Draw(t, "to"), x)
		case 3:
			return rapid.Permutation(v).Draw(t, "order")
		}
		v[i] = change(t, v[i])
		return v
	}
	return Value(t, 1)
}

// Encode writes a value, in one of the ways that programs write JSON.
func Encode(t *rapid.T, v any) []byte {
	e := encoder{
		indent: rapid.SampledFrom([]string{"", "  ", "\t"}).Draw(t, "indent"),
		ascii:  rapid.Bool().Draw(t, "ascii"),
		comma:  rapid.SampledFrom([]string{",", ", "}).Draw(t, "comma"),
	}
	e.value(v, 0)
	if rapid.Bool().Draw(t, "newline") {
		e.WriteByte('\n')
	}
	return e.Bytes()
}

type encoder struct {
	bytes.Buffer
	indent, comma string
	ascii         bool
}

func (e *encoder) line(depth int) {
	if e.indent != "" {
		e.WriteByte('\n')
		e.WriteString(strings.Repeat(e.indent, depth))
	}
}

func (e *encoder) separator(i, depth int) {
	switch {
	case i == 0:
	case e.indent != "":
		e.WriteByte(',')
	default:
		e.WriteString(e.comma)
	}
	e.line(depth)
}

func (e *encoder) value(v any, depth int) {
	switch v := v.(type) {
	case *Object:
		e.WriteByte('{')
		for i, n := range v.Names {
			e.separator(i, depth+1)
			e.text(n)
			e.WriteString(": ")
			e.value(v.Values[n], depth+1)
		}
		if len(v.Names) > 0 {
			e.line(depth)
		}
		e.WriteByte('}')
	case []any:
		e.WriteByte('[')
		for i, x := range v {
			e.separator(i, depth+1)
			e.value(x, depth+1)
		}
		if len(v) > 0 {
			e.line(depth)
		}
		e.WriteByte(']')
	case Number:
		e.WriteString(string(v))
	case string:
		e.text(v)
	default:
		fmt.Fprintf(e, "%s", mustMarshal(v))
	}
}

func mustMarshal(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

func (e *encoder) text(s string) {
	b := mustMarshal(s)
	if !e.ascii {
		e.Write(b)
		return
	}
	for _, r := range string(b) {
		switch {
		case r >= 0x10000:
			fmt.Fprintf(e, `\u%04x\u%04x`, 0xd800+(r-0x10000)>>10, 0xdc00+(r-0x10000)&0x3ff)
		case r >= 0x7f:
			fmt.Fprintf(e, `\u%04x`, r)
		default:
			e.WriteRune(r)
		}
	}
}

// Canonical is a document in a form that equal documents share: members in order of their
// names, numbers as fractions. It panics when the document is not valid JSON.
func Canonical(doc []byte) string {
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		panic(fmt.Errorf("%w in %s", err, doc))
	}
	if !json.Valid(doc) {
		panic("not one valid document: " + string(doc))
	}
	var b strings.Builder
	canonical(&b, v)
	return b.String()
}

func canonical(b *strings.Builder, v any) {
	switch v := v.(type) {
	case map[string]any:
		var keys []string
		for n := range v {
			keys = append(keys, n)
		}
		slices.Sort(keys)
		b.WriteByte('{')
		for _, n := range keys {
			fmt.Fprintf(b, "%q:", n)
			canonical(b, v[n])
			b.WriteByte(' ')
		}
		b.WriteByte('}')
	case []any:
		b.WriteByte('[')
		for _, x := range v {
			canonical(b, x)
			b.WriteByte(' ')
		}
		b.WriteByte(']')
	case json.Number:
		r, ok := new(big.Rat).SetString(string(v))
		if !ok {
			panic("no number: " + string(v))
		}
		b.WriteString(r.RatString())
	case string:
		fmt.Fprintf(b, "%q", v)
	default:
		fmt.Fprint(b, v)
	}
}
