package expr

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Type is what is known of a field's values.
type Type uint8

// The types of fields. Any is not checked.
const (
	Any Type = iota
	Number
	String
	Bool
	Time
	Duration
)

func (t Type) String() string {
	return [...]string{"any value", "a number", "a string", "true or false", "a date", "a duration"}[t]
}

// Field is a field that expressions may name. A name that ends in a dot, as
// "metrics.", stands for every field below it.
type Field struct {
	Name string
	Type Type
}

// FieldError: an expression names an unknown field, or compares a field with
// a literal of another type.
type FieldError struct {
	Pos   int // of the field in the source
	Field string
	Near  []string // of an unknown field: known ones with a similar name
	Msg   string   // of a literal of another type: what is wrong
}

func (e *FieldError) Error() string {
	where := fmt.Sprintf("expression, at character %d: ", e.Pos+1)
	switch {
	case e.Msg != "":
		return where + FormatField(e.Field) + " " + e.Msg
	case len(e.Near) > 0:
		return where + fmt.Sprintf("no field %s; did you mean %s?", FormatField(e.Field), strings.Join(e.Near, " or "))
	}
	return where + "no field " + FormatField(e.Field)
}

// Check demands that every field of the expression is among the given ones
// and that literals fit their types. Its error is a *FieldError for the first
// that does not.
func (e *Expr) Check(fields []Field) error {
	var first error
	walk(e.root, func(c *comparison) {
		if first == nil {
			first = c.check(fields)
		}
	})
	return first
}

// Find tells whether a field is among the given ones, or else which of these have a
// similar name.
func Find(field string, fields []Field) (near []string, ok bool) {
	if find(field, fields) >= 0 {
		return nil, true
	}
	return nearest(field, fields), false
}

func find(field string, fields []Field) int {
	return slices.IndexFunc(fields, func(f Field) bool {
		if strings.HasSuffix(f.Name, ".") {
			return strings.HasPrefix(field, f.Name) && len(field) > len(f.Name)
		}
		return f.Name == field
	})
}

func (n *comparison) check(fields []Field) error {
	i := find(n.Field, fields)
	if i < 0 {
		return &FieldError{Pos: n.pos, Field: n.Field, Near: nearest(n.Field, fields)}
	}
	want := fields[i].Type
	values, ok := n.Value.([]any)
	if !ok {
		values = []any{n.Value}
	}
	for _, v := range values {
		if msg := mismatch(want, n.Op, v); msg != "" {
			return &FieldError{Pos: n.pos, Field: n.Field, Msg: msg}
		}
	}
	return nil
}

func mismatch(want Type, op string, v any) string {
	var got Type
	switch v := v.(type) {
	case int64, float64:
		got = Number
	case bool:
		got = Bool
	case time.Duration:
		got = Duration
	case string:
		got = String
		if _, _, ok := parseDate(v); ok && want == Time {
			got = Time
		}
	}
	if (op == "like" || op == "~") && want != Any && want != String {
		return fmt.Sprintf("is %s; %s is for strings", want, op)
	}
	if want == Any || want == got {
		return ""
	}
	return fmt.Sprintf("is %s, and %s is not", want, formatValue(v))
}

// nearest returns up to three fields whose names differ little.
func nearest(name string, fields []Field) []string {
	type near struct {
		name string
		d    int
	}
	var list []near
	for _, f := range fields {
		n := f.Name
		if base, ok := strings.CutSuffix(n, "."); ok {
			// A prefix is near when the part before the dot is, or when the dot
			// was forgotten; the key is kept.
			head, key, _ := strings.Cut(name, ".")
			if key == "" {
				key = "NAME"
			}
			if d := distance(head, base); d <= 2 {
				list = append(list, near{FormatField(n + key), d})
			}
		} else if d := distance(strings.ToLower(name), n); d <= 1+len(n)/4 {
			list = append(list, near{n, d})
		}
	}
	slices.SortStableFunc(list, func(a, b near) int { return a.d - b.d })
	var names []string
	for _, n := range list[:min(3, len(list))] {
		names = append(names, n.name)
	}
	return names
}

// distance is Levenshtein's, over bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diag := row[0]
		row[0] = i + 1
		for j := range len(b) {
			d := diag
			if a[i] != b[j] {
				d = 1 + min(diag, row[j], row[j+1])
			}
			diag, row[j+1] = row[j+1], d
		}
	}
	return row[len(b)]
}
