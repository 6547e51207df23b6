package expr

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Cond is one comparison of a field with a literal. One whose Op is ~ comes from an
// expression.
type Cond struct {
	Field string
	Op    string         // = != < <= > >= in like ~
	Value any            // int64, float64, string, bool, time.Duration; of in: []any
	re    *regexp.Regexp // of ~
}

// Match tells whether a value satisfies the condition. The value is a string,
// bool, int, int64, float64, time.Time or time.Duration, or a []string, of which one
// is enough; nil (absent) and any other type satisfy nothing.
func (c Cond) Match(v any) bool {
	switch x := v.(type) {
	case string:
		return c.MatchString(x)
	case []string:
		return slices.ContainsFunc(x, c.MatchString)
	}
	switch c.Op {
	case "in":
		list, _ := c.Value.([]any)
		for _, w := range list {
			if (Cond{Field: c.Field, Op: "=", Value: w}).Match(v) {
				return true
			}
		}
		return false
	case "like", "~":
		return false
	}
	if t, ok := v.(time.Time); ok {
		return c.matchTime(t)
	}
	order, ok := Compare(v, c.Value)
	return ok && c.ordered(order)
}

// MatchString is Match of a string.
func (c Cond) MatchString(s string) bool {
	switch c.Op {
	case "in":
		list, _ := c.Value.([]any)
		return slices.ContainsFunc(list, func(w any) bool { t, ok := w.(string); return ok && t == s })
	case "~":
		return c.re != nil && c.re.MatchString(s)
	}
	literal, ok := c.Value.(string)
	if !ok {
		return false
	}
	if c.Op == "like" {
		return glob(literal, s)
	}
	return c.ordered(strings.Compare(s, literal))
}

// ordered tells whether a value that stands so to the literal satisfies the comparison.
func (c Cond) ordered(order int) bool {
	switch c.Op {
	case "=":
		return order == 0
	case "!=":
		return order != 0
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	case ">=":
		return order >= 0
	}
	return false
}

func (c Cond) matchTime(t time.Time) bool {
	var start, end time.Time
	switch v := c.Value.(type) {
	case time.Time:
		start, end = v, v.Add(1)
	case string:
		var ok bool
		if start, end, ok = parseDate(v); !ok {
			return false
		}
	default:
		return false
	}
	switch c.Op {
	case "=":
		return !t.Before(start) && t.Before(end)
	case "!=":
		return t.Before(start) || !t.Before(end)
	case "<":
		return t.Before(start)
	case "<=":
		return t.Before(end)
	case ">":
		return !t.Before(end)
	case ">=":
		return !t.Before(start)
	}
	return false
}

// Compare orders two values: numbers by their exact value whatever their type,
// strings by bytes, false before true, durations and times by length and
// moment. It reports false when they cannot be compared: one is NaN or nil, or
// the types differ.
func Compare(a, b any) (int, bool) {
	switch x := a.(type) {
	case string:
		y, ok := b.(string)
		return cmp.Compare(x, y), ok
	case bool:
		y, ok := b.(bool)
		switch {
		case x == y:
			return 0, ok
		case y:
			return -1, ok
		}
		return 1, ok
	case time.Duration:
		y, ok := b.(time.Duration)
		return cmp.Compare(x, y), ok
	case time.Time:
		y, ok := b.(time.Time)
		return x.Compare(y), ok
	case int:
		return Compare(int64(x), b)
	case int64:
		switch y := b.(type) {
		case int:
			return cmp.Compare(x, int64(y)), true
		case int64:
			return cmp.Compare(x, y), true
		case float64:
			return compareIntFloat(x, y), y == y
		}
	case float64:
		switch y := b.(type) {
		case int:
			return -compareIntFloat(int64(y), x), x == x
		case int64:
			return -compareIntFloat(y, x), x == x
		case float64:
			return cmp.Compare(x, y), x == x && y == y
		}
	}
	return 0, false
}

func compareIntFloat(i int64, f float64) int {
	switch {
	case f >= math.MaxInt64: // the constant rounds up to 2^63
		return -1
	case f < math.MinInt64:
		return 1
	}
	t := math.Trunc(f)
	if c := cmp.Compare(i, int64(t)); c != 0 {
		return c
	}
	return cmp.Compare(t, f)
}

// Float is a number of a version as a float64; false for values of other types.
func Float(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

// parseDate reads a date, or a moment; what it means lasts from start until
// before end.
func parseDate(s string) (start, end time.Time, ok bool) {
	if t, err := time.Parse("2006-01-02", s); err == nil {
		return t, t.AddDate(0, 0, 1), true
	}
	if len(s) < len("2006-01-02T15:04") {
		return start, end, false
	}
	b := []byte(s)
	if b[10] == ' ' || b[10] == 't' {
		b[10] = 'T'
	}
	if b[len(b)-1] == 'z' {
		b[len(b)-1] = 'Z'
	}
	for _, f := range []struct {
		layout string
		length time.Duration
	}{
		{time.RFC3339Nano, 1}, {"2006-01-02T15:04:05", 1},
		{"2006-01-02T15:04Z07:00", time.Minute}, {"2006-01-02T15:04", time.Minute},
	} {
		if t, err := time.Parse(f.layout, string(b)); err == nil {
			return t, t.Add(f.length), true
		}
	}
	return start, end, false
}

// glob matches * (any run) and ? (any one character) over the whole of s.
func glob(pattern, s string) bool {
	if !strings.Contains(pattern, "?") {
		return globRuns(pattern, s)
	}
	star, mark, i, j := -1, 0, 0, 0
	for j < len(s) {
		_, width := utf8.DecodeRuneInString(s[j:])
		if i < len(pattern) {
			switch p, w := utf8.DecodeRuneInString(pattern[i:]); {
			case p == '*':
				star, mark = i, j
				i++
				continue
			case p == '?' || pattern[i:i+w] == s[j:j+width]:
				i += w
				j += width
				continue
			}
		}
		if star < 0 {
			return false
		}
		_, width = utf8.DecodeRuneInString(s[mark:])
		mark += width
		i, j = star+1, mark
	}
	return strings.Trim(pattern[i:], "*") == ""
}

// globRuns is glob of a pattern without ?.
func globRuns(pattern, s string) bool {
	part, rest, more := strings.Cut(pattern, "*")
	if !more {
		return s == pattern
	}
	if !strings.HasPrefix(s, part) {
		return false
	}
	for s = s[len(part):]; ; {
		if part, rest, more = strings.Cut(rest, "*"); !more {
			return strings.HasSuffix(s, part)
		}
		i := strings.Index(s, part)
		if i < 0 {
			return false
		}
		s = s[i+len(part):]
	}
}

func formatValue(v any) string {
	switch x := v.(type) {
	case string:
		return quote(x)
	case float64:
		s := fmt.Sprint(x)
		if !strings.ContainsAny(s, ".eIN") {
			s += ".0"
		}
		return s
	case time.Duration:
		return strings.ReplaceAll(x.String(), "µ", "u")
	}
	return fmt.Sprint(v)
}

func quote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}
