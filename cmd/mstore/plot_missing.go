package main

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/mstore/mstore/index"
	"github.com/mstore/mstore/internal/expr"
)

// noValue says that no version has a number for a field, and what there is.
func (q *plotQuery) noValue(ctx context.Context, field int, left leftOut) error {
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
	types, err := q.s.ValueTypes(ctx)
	if err != nil {
		return err
	}
	var all []string
	for _, full := range slices.Sorted(maps.Keys(types)) {
		if types[full]&index.Numbers != 0 && !strings.HasPrefix(full, "meta.") {
			all = append(all, full)
		}
	}
	hint := ""
	if near := expr.Nearest(q.fields[field].field, all); len(near) > 0 {
		hint = "did you mean " + joinFields(near, " or ") + "?"
	} else if len(all) > 0 {
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
