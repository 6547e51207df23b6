package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// parseValues reads the arguments of --param or --metric. A key that is given
// twice keeps its last value.
func parseValues(flag string, args []string) (map[string]any, error) {
	values := make(map[string]any, len(args))
	for _, arg := range args {
		k, v, ok := strings.Cut(arg, "=")
		if !ok || k == "" {
			return nil, usagef("write "+flag+" loss=0.21", "%s %q: want KEY=VALUE", flag, arg)
		}
		value, err := parseValue(v)
		if err != nil {
			return nil, usagef("", "%s %q: the number is out of range", flag, arg)
		}
		values[k] = value
	}
	return values, nil
}

// metricValues is parseValues of --metric. Text that was perhaps meant for a number is told:
// whatever compares metrics passes it over.
func (a *app) metricValues(args []string) (map[string]any, error) {
	values, err := parseValues("--metric", args)
	for _, k := range slices.Sorted(maps.Keys(values)) {
		text, ok := values[k].(string)
		if low := strings.ToLower(text); ok && (strings.ContainsAny(text, "0123456789") || strings.Contains(low, "nan") || strings.Contains(low, "inf")) {
			a.warn(fmt.Sprintf("metric %s is no number, so it is kept as text: %q", k, text))
		}
	}
	return values, err
}

// parseValue gives text its type: what JSON would take for a number is an int64
// where it is integral and fits, else a float64; true and false are bools;
// anything else stays text.
func parseValue(s string) (any, error) {
	switch {
	case s == "true":
		return true, nil
	case s == "false":
		return false, nil
	case !isJSONNumber(s):
		return s, nil
	case !strings.ContainsAny(s, ".eE"):
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return n, nil
		}
	}
	return strconv.ParseFloat(s, 64)
}

// isJSONNumber tells whether s is a number in the grammar of RFC 8259.
func isJSONNumber(s string) bool {
	digits := func(s string) (rest string, ok bool) {
		rest = strings.TrimLeft(s, "0123456789")
		return rest, len(rest) < len(s)
	}
	s = strings.TrimPrefix(s, "-")
	rest, ok := digits(s)
	if !ok || len(s)-len(rest) > 1 && s[0] == '0' {
		return false
	}
	if strings.HasPrefix(rest, ".") {
		if rest, ok = digits(rest[1:]); !ok {
			return false
		}
	}
	if rest != "" && (rest[0] == 'e' || rest[0] == 'E') {
		rest = rest[1:]
		if rest != "" && (rest[0] == '+' || rest[0] == '-') {
			rest = rest[1:]
		}
		if rest, ok = digits(rest); !ok {
			return false
		}
	}
	return rest == ""
}

// showValue is a value for people.
func showValue(v any) string {
	switch v := v.(type) {
	case string:
		if s := cleanLine(v); s == v && v != "" && !strings.Contains(v, " ") {
			return v
		}
		return strconv.Quote(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	}
	return "?"
}
