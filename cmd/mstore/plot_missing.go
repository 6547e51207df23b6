package main

import (
	"maps"
	"slices"
	"strings"

	"github.com/mstore/mstore/internal/expr"
	"github.com/mstore/mstore/store"
)

// maxSeen bounds the names that are remembered for those who mistyped one.
const maxSeen = 10000

func (q *plotQuery) note(v *store.Version) {
	for section, values := range map[string]map[string]any{"metrics.": v.Metrics, "params.": v.Params} {
		for key, value := range values {
			if _, ok := asNumber(value); ok && len(q.seen) < maxSeen {
				q.seen[section+key] = key
			}
		}
	}
}

// noValue says that no version has a number for a field, and what there is.
func (q *plotQuery) noValue(field int, left leftOut) error {
	name := q.fields[field].name
	if q.passed == 0 {
		if q.path != "" && q.since.IsZero() && q.until.IsZero() && q.where == "" {
			return q.args.explain(notSaved([]string{q.path}), q.path)
		}
		return usagef("", "no version matches")
	}
	if len(q.fields) == 1 && left != (leftOut{}) {
		return usagef("", "no version has a number to draw for %s (%s)", name, left)
	}
	_, key, _ := strings.Cut(q.fields[field].field, ".")
	var near []string
	for _, k := range expr.Nearest(key, slices.Sorted(maps.Values(q.seen))) {
		for _, full := range slices.Sorted(maps.Keys(q.seen)) {
			if q.seen[full] == k && !slices.Contains(near, full) {
				near = append(near, full)
			}
		}
	}
	hint := ""
	if len(near) > 0 {
		hint = "did you mean " + joinFields(near[:min(3, len(near))], " or ") + "?"
	} else if all := slices.Sorted(maps.Keys(q.seen)); len(all) > 0 {
		hint = "there are " + joinFields(all[:min(5, len(all))], ", ")
		if len(all) > 5 {
			hint += ", …"
		}
	}
	return usagef(hint, "no version has %s", name)
}

func joinFields(fields []string, sep string) string {
	quoted := make([]string, len(fields))
	for i, f := range fields {
		quoted[i] = cleanLine(expr.FormatField(f))
	}
	return strings.Join(quoted, sep)
}
