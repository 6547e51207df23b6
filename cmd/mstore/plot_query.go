package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mstore/mstore/internal/expr"
	"github.com/mstore/mstore/internal/plot"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/store"
)

// plotQuery is what a plot asks of a store.
type plotQuery struct {
	s            *store.Store
	fields       []plotField
	lines        []plotLine
	path         string // "" for none
	args         revPaths
	since, until time.Time
	where        string
	limit        int

	seen   map[string]string // keys of values that versions have, to field names
	passed int               // versions that were looked at
	stored map[string]map[uint64]int64
}

// plotLine is a history: what led to a version.
type plotLine struct{ rev, name string }

func (a *app) newPlotQuery(ctx context.Context, s *store.Store, o plotOptions) (*plotQuery, error) {
	q := &plotQuery{s: s, where: o.where, limit: o.limit, seen: map[string]string{}, stored: map[string]map[uint64]int64{}}
	var err error
	if o.since != "" {
		if q.since, err = parseSince(o.since, a.now()); err != nil {
			return nil, err
		}
	}
	if o.until != "" {
		if q.until, err = plotUntil(o.until, a.now()); err != nil {
			return nil, err
		}
	}
	revs, err := a.splitPlotArgs(ctx, q, o)
	if err != nil {
		return nil, err
	}
	if err := q.addLines(ctx, o.branches, revs); err != nil {
		return nil, err
	}
	if n := len(q.lines) * len(q.fields); n > plot.MaxSeries && !a.json {
		return nil, usagef("--json has no such limit", "%d lines: at most %d can be told apart", n, plot.MaxSeries)
	}
	for _, f := range q.fields {
		if f.name == "stored" && q.path == "" {
			return nil, usagef("mstore plot stored model.json", "stored is told of one model: give its PATH")
		}
	}
	return q, nil
}

// splitPlotArgs tells fields, revisions and the path apart.
func (a *app) splitPlotArgs(ctx context.Context, q *plotQuery, o plotOptions) (revs []string, err error) {
	args, after := o.args, []string(nil)
	if o.dash >= 0 {
		args, after = args[:o.dash], args[o.dash:]
	}
	if len(args) == 0 {
		return nil, usagef("mstore plot metrics.loss -- model.json", "plot needs a FIELD before --")
	}
	for len(args) > 0 {
		f, err := parsePlotField(args[0])
		if err != nil && len(q.fields) == 0 {
			return nil, err
		}
		if err != nil || len(q.fields) > 0 && a.exists(args[0]) {
			break
		}
		if !slices.Contains(q.fields, f) {
			q.fields = append(q.fields, f)
		}
		args = args[1:]
	}
	for len(args) > 0 && (q.s.IsRev(ctx, args[0]) || looksLikeRev(args[0]) && !a.exists(args[0])) {
		revs, args = append(revs, args[0]), args[1:]
	}
	q.args.implied = len(args) > 0
	if args = append(args, after...); len(args) > 1 {
		return nil, usagef("", "plot takes one PATH, not %d: %s names no version", len(args), shellQuote(cleanLine(args[0])))
	}
	q.args.paths, err = a.rels(q.s, args)
	q.path = first(q.args.paths)
	return revs, err
}

// addLines settles which histories are drawn, each once.
func (q *plotQuery) addLines(ctx context.Context, branches, revs []string) error {
	names, err := q.s.Names(ctx, store.Branch)
	if err != nil {
		return err
	}
	for _, b := range branches {
		if !slices.ContainsFunc(names, func(n store.Name) bool { return n.Name == b }) {
			return &hintError{fmt.Errorf("no branch is called %q: %w", b, store.ErrNotFound), "'mstore branch' lists them"}
		}
	}
	for _, rev := range append(slices.Clone(branches), revs...) {
		if l := (plotLine{rev, rev}); !slices.Contains(q.lines, l) {
			q.lines = append(q.lines, l)
		}
	}
	if len(q.lines) == 0 {
		line := plotLine{"", "HEAD"}
		for _, n := range names {
			if n.Current {
				line.name = n.Name
			}
		}
		q.lines = []plotLine{line}
	}
	return nil
}

// versions yields those that are asked for, newest first.
func (q *plotQuery) versions(ctx context.Context, rev string) iter.Seq2[*store.Version, error] {
	return func(yield func(*store.Version, error) bool) {
		n := 0
		for v, err := range q.s.Log(ctx, store.LogOptions{Rev: rev, Paths: q.args.paths, Since: q.since, Where: q.where}) {
			if err == nil && !q.until.IsZero() && v.Time.After(q.until) {
				continue
			}
			if n++; !yield(v, err) || err != nil || n == q.limit {
				return
			}
		}
	}
}

// read passes the values of fields on, nil where a version has none, newest first,
// until fn returns false.
func (q *plotQuery) read(ctx context.Context, line plotLine, fields []plotField, fn func(v *store.Version, field int, value any) (bool, error)) error {
	found := make([]bool, len(fields))
	for v, err := range q.versions(ctx, line.rev) {
		if err != nil {
			return err
		}
		q.passed++
		for i, f := range fields {
			value, err := q.value(ctx, line, v, f)
			if err != nil {
				return err
			}
			if found[i] = found[i] || value != nil; !found[i] {
				q.note(v)
			}
			if more, err := fn(v, i, value); err != nil || !more {
				return err
			}
		}
	}
	return nil
}

// value is what a version has of a field, or nil.
func (q *plotQuery) value(ctx context.Context, line plotLine, v *store.Version, f plotField) (any, error) {
	switch {
	case f.name == "stored":
		return q.storedOf(ctx, line, v)
	case f.name == "size" && q.path != "" && q.path != ".":
		return q.sizeOf(ctx, v)
	}
	return f.of(v), nil
}

// sizeOf is what the model, or all models of the directory, have in a version that
// changed it.
func (q *plotQuery) sizeOf(ctx context.Context, v *store.Version) (any, error) {
	changes := v.Changes
	if len(changes) == 0 {
		var err error
		if changes, err = q.s.Changes(ctx, v); err != nil {
			return nil, err
		}
	}
	if i := slices.IndexFunc(changes, func(c objects.Change) bool { return c.Path == q.path }); i >= 0 {
		if changes[i].Status == objects.Removed {
			return nil, nil
		}
		return changes[i].Size, nil
	}
	var sum int64
	for m, err := range q.s.Models(ctx, v, q.path) {
		if err != nil {
			return nil, err
		}
		sum += m.Size
	}
	return sum, nil
}

// storedOf is what a version added to the store for the model.
func (q *plotQuery) storedOf(ctx context.Context, line plotLine, v *store.Version) (any, error) {
	added := q.stored[line.rev]
	if added == nil {
		stats, err := q.s.ModelStats(ctx, line.rev, q.path, 0)
		if err != nil {
			return nil, err
		}
		added = make(map[uint64]int64, len(stats))
		for _, m := range stats {
			if m.Status != objects.Removed && m.Expired == nil {
				added[m.Version.Entry] = m.Added
			}
		}
		q.stored[line.rev] = added
	}
	if n, ok := added[v.Entry]; ok {
		return n, nil
	}
	return nil, nil
}

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

// title names what is drawn, cleaned for a terminal.
func (q *plotQuery) title() string {
	names := make([]string, len(q.fields))
	for i, f := range q.fields {
		names[i] = f.name
	}
	title := strings.Join(names, ", ")
	if q.path != "" {
		title += " of " + q.path
	}
	if len(q.lines) == 1 {
		title += " on " + q.lines[0].name
	}
	return cleanLine(title)
}

// label names one line among others.
func (q *plotQuery) label(line plotLine, field int) string {
	switch {
	case len(q.fields) == 1:
		return cleanLine(line.name)
	case len(q.lines) == 1:
		return cleanLine(q.fields[field].name)
	}
	return cleanLine(line.name + " " + q.fields[field].name)
}

// allBytes tells whether all fields are sizes.
func (q *plotQuery) allBytes() bool {
	return !slices.ContainsFunc(q.fields, func(f plotField) bool { return f.name != "size" && f.name != "stored" })
}

// plotField is a field whose values can be drawn.
type plotField struct {
	field string // as expressions look it up
	name  string // as expressions write it
}

var plotFields = append(slices.Clone(expr.VersionFields), expr.Field{Name: "stored", Type: expr.Number})

// parsePlotField reads a field as an expression has it.
func parsePlotField(arg string) (plotField, error) {
	e, err := expr.Parse(arg + " > 0")
	if err != nil || !e.Exact() || len(e.Conjuncts()) != 1 {
		return plotField{}, usagef("metrics.NAME, params.NAME, size or stored; quote odd names: 'metrics.\"a b\"'", "%q is no field", arg)
	}
	f := e.Conjuncts()[0].Field
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
