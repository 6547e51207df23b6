package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/mstore/mstore/internal/expr"
	"github.com/mstore/mstore/store"
)

// plotField is a field whose values can be drawn.
type plotField struct {
	field string // as expressions look it up
	name  string // as expressions write it
}

var plotFields = append(slices.Clone(expr.VersionFields), expr.Field{Name: "stored", Type: expr.Number})

// parsePlotField reads a field as an expression has it.
func parsePlotField(arg string) (plotField, error) {
	f, err := expr.ParseField(arg)
	if err != nil {
		return plotField{}, usagef("metrics.NAME, params.NAME, size or stored; quote odd names: 'metrics.\"a b\"'", "%q is no field", arg)
	}
	e, err := expr.Parse(expr.FormatField(f) + " > 0")
	if err != nil {
		return plotField{}, err
	}
	if err := e.Check(plotFields); err != nil {
		var unknown *expr.FieldError
		if errors.As(err, &unknown) && unknown.Msg != "" {
			return plotField{}, usagef("", "%s is not a number", expr.FormatField(f))
		}
		hint := "metrics.NAME, params.NAME, size and stored are fields"
		if unknown != nil && len(unknown.Near) > 0 {
			hint = "did you mean " + strings.Join(unknown.Near, " or ") + "?"
		}
		return plotField{}, usagef(hint, "no field %s", expr.FormatField(f))
	}
	return plotField{f, expr.FormatField(f)}, nil
}

// of is what a version has of the field by itself; nil for nothing.
func (f plotField) of(v *store.Version) any {
	env := expr.Version{Seq: v.Seq, Models: v.Models, Bytes: v.Bytes, Errors: v.Quality.Errors, Warnings: v.Quality.Warnings,
		Params: v.Params, Metrics: v.Metrics, Meta: v.Meta}
	value, _ := env.Lookup(f.field)
	return value
}
