package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mstore/mstore/internal/expr"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/store"
)

// usualColumns are those of --csv without --columns, before all parameters and metrics.
var usualColumns = []string{"version", "id", "time", "branch", "author", "message", "size"}

// columnFields are what --columns can name beside what expressions can.
var columnFields = append(slices.Clone(store.LogFields), expr.Field{Name: "id", Type: expr.String}, expr.Field{Name: "parents", Type: expr.String})

// columnPrinter prints fields of versions, as a table or as CSV.
type columnPrinter struct {
	app     *app
	fields  []string
	expired *store.Expired
	csv     *csv.Writer // nil: a table
	table   columns
	widths  []int
}

// tableRows is how many rows of a table decide how wide its columns are.
const tableRows = 500

func (a *app) newColumnPrinter(ctx context.Context, s *store.Store, o logOptions) (*columnPrinter, error) {
	p := &columnPrinter{app: a}
	var err error
	if o.columns == "" {
		p.fields, err = defaultColumns(ctx, s)
	} else if p.fields, err = parseColumns(o.columns); err == nil {
		err = p.warnUnknown(ctx, s)
	}
	if err != nil {
		return nil, err
	}
	if slices.Contains(p.fields, "expired") {
		if p.expired, err = s.Expired(ctx); err != nil {
			return nil, err
		}
	}
	header := make([]string, len(p.fields))
	row := make([]cell, len(p.fields))
	for i, f := range p.fields {
		header[i] = expr.FormatField(f)
		row[i] = cell{text: cleanLine(header[i]), look: a.style.dim}
	}
	if o.csv {
		p.csv = csv.NewWriter(a.out)
		return p, p.csv.Write(header)
	}
	p.table.add(row...)
	return p, nil
}

// defaultColumns are usualColumns, and every parameter and metric that there is.
func defaultColumns(ctx context.Context, s *store.Store) ([]string, error) {
	types, err := s.ValueTypes(ctx)
	if err != nil {
		return nil, err
	}
	fields := slices.Clone(usualColumns)
	for _, name := range slices.Sorted(maps.Keys(types)) {
		if !strings.HasPrefix(name, "meta.") {
			fields = append(fields, name)
		}
	}
	return fields, nil
}

// parseColumns reads fields, separated by commas.
func parseColumns(list string) (fields []string, err error) {
	for _, arg := range splitList(list) {
		field, err := expr.ParseField(arg)
		if err != nil {
			return nil, usagef("fields are version, time, message, metrics.NAME, …; see mstore log --help", "--columns: %q is no field", arg)
		}
		if near, ok := expr.Find(field, columnFields); !ok {
			hint := "see mstore log --help"
			if len(near) > 0 {
				hint = "did you mean " + strings.Join(near, " or ") + "?"
			}
			return nil, usagef(hint, "--columns: no field %s", expr.FormatField(field))
		}
		fields = append(fields, field)
	}
	return fields, nil
}

// warnUnknown tells of fields that no version has.
func (p *columnPrinter) warnUnknown(ctx context.Context, s *store.Store) error {
	var known []string
	for _, f := range p.fields {
		section, _, ok := strings.Cut(f, ".")
		if !ok || section == "quality" {
			continue
		}
		if known == nil {
			types, err := s.ValueTypes(ctx)
			if err != nil {
				return err
			}
			known = slices.Sorted(maps.Keys(types))
		}
		if section == "git" || section == "env" {
			f = "meta." + f
		}
		if _, ok := slices.BinarySearch(known, f); ok {
			continue
		}
		text := "no version has " + strings.TrimPrefix(expr.FormatField(f), "meta.")
		if near := expr.Nearest(f, known); len(near) > 0 {
			text += "; did you mean " + joinFields(near, " or ") + "?"
		}
		p.app.warn(text)
	}
	return nil
}

func (p *columnPrinter) print(ctx context.Context, s *store.Store, v *store.Version) error {
	env := v.Env()
	env.Changes = &expr.Changes{Now: p.app.now()}
	if slices.ContainsFunc(p.fields, func(f string) bool { return f == "path" || f == "kind" || f == "expired" }) {
		if err := p.addChanges(ctx, s, v, env.Changes); err != nil {
			return err
		}
	}
	record := make([]string, len(p.fields))
	row := make([]cell, len(p.fields))
	for i, f := range p.fields {
		var value any
		switch f {
		case "id":
			value = v.ID.String()
		case "parents":
			var ids []string
			for _, id := range v.Parents {
				ids = append(ids, id.String())
			}
			value = ids
		case "version":
			value = versionName(v)
		default:
			value, _ = env.Lookup(f)
		}
		record[i] = plainValue(value)
		_, number := expr.Float(value)
		row[i] = cell{text: cleanLine(p.shown(f, value, record[i])), right: number}
	}
	if p.csv != nil {
		if err := p.csv.Write(record); err != nil {
			return err
		}
		return p.app.out.failed()
	}
	if p.widths != nil {
		return writeRow(p.app.out, "", row, p.widths)
	}
	p.table.add(row...)
	if len(p.table.rows) > tableRows {
		return p.close()
	}
	return nil
}

func (p *columnPrinter) addChanges(ctx context.Context, s *store.Store, v *store.Version, to *expr.Changes) error {
	changes, err := changesOf(ctx, s, v)
	if err != nil {
		return err
	}
	for _, c := range changes {
		to.Paths = append(to.Paths, c.Path)
		if c.Status == objects.Removed {
			continue
		}
		if c.Kind != "" && !slices.Contains(to.Kinds, c.Kind) {
			to.Kinds = append(to.Kinds, c.Kind)
		}
		if p.expired != nil && !to.Expired {
			x, err := p.expired.Of(ctx, c.Blob)
			if err != nil {
				return err
			}
			to.Expired = x != nil
		}
	}
	return nil
}

// close prints what was held back to see how wide it is.
func (p *columnPrinter) close() error {
	if p.csv != nil {
		p.csv.Flush()
		return p.csv.Error()
	}
	if p.widths != nil || len(p.table.rows) == 1 {
		return nil
	}
	p.widths = p.table.widths()
	for _, row := range p.table.rows {
		if err := writeRow(p.app.out, "", row, p.widths); err != nil {
			return err
		}
	}
	return nil
}

// shown is a value for people.
func (p *columnPrinter) shown(field string, value any, plain string) string {
	switch x := value.(type) {
	case time.Time:
		return x.Local().Format("2006-01-02 15:04:05")
	case time.Duration:
		return x.Round(time.Second).String()
	case string:
		if field == "id" {
			return x[:10]
		}
		return firstLine(x)
	case []string:
		if field == "parents" {
			for i := range x {
				x[i] = x[i][:10]
			}
			return strings.Join(x, ", ")
		}
		if len(x) > 3 {
			return fmt.Sprintf("%s and %d more", strings.Join(x[:3], ", "), len(x)-3)
		}
		return strings.Join(x, ", ")
	}
	return plain
}

// plainValue is a value for programs: numbers with all their digits, times as RFC 3339 in
// UTC, lengths of time in seconds, several values separated by spaces.
func plainValue(value any) string {
	switch x := value.(type) {
	case nil:
		return ""
	case string:
		return x
	case []string:
		return strings.Join(x, " ")
	case float64:
		return strconv.FormatFloat(x, 'g', -1, 64)
	case time.Time:
		return x.UTC().Format(time.RFC3339)
	case time.Duration:
		return strconv.FormatFloat(x.Seconds(), 'f', -1, 64)
	}
	return fmt.Sprint(value)
}
