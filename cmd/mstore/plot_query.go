package main

import (
	"context"
	"iter"
	"slices"
	"strings"
	"time"

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

	passed int // versions that were looked at
	stored map[string]map[uint64]int64
}

// plotLine is a history: what led to a version.
type plotLine struct{ rev, name string }

func (a *app) newPlotQuery(ctx context.Context, s *store.Store, o plotOptions) (*plotQuery, error) {
	q := &plotQuery{s: s, where: o.where, limit: o.limit, stored: map[string]map[uint64]int64{}}
	var err error
	if q.since, q.until, err = a.span(o.since, o.until); err != nil {
		return nil, err
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

// read passes the values of a field on, nil where a version has none, newest first, until
// fn returns false.
func (q *plotQuery) read(ctx context.Context, line plotLine, f plotField, fn func(store.FieldValue) (bool, error)) error {
	o := store.LogOptions{Rev: line.rev, First: true, Paths: q.args.paths, Since: q.since, Until: q.until, Where: q.where, Limit: q.limit}
	values := q.s.Values(ctx, o, f.field)
	switch {
	case f.name == "stored":
		values = q.of(ctx, o, func(v *store.Version) (any, error) { return q.storedOf(ctx, line, v) })
	case f.name == "size" && q.path != "" && q.path != ".":
		values = q.of(ctx, o, func(v *store.Version) (any, error) { return q.sizeOf(ctx, v) })
	}
	for v, err := range values {
		if err != nil {
			return err
		}
		q.passed++
		if more, err := fn(v); err != nil || !more {
			return err
		}
	}
	return nil
}

// of yields what versions have that no field says.
func (q *plotQuery) of(ctx context.Context, o store.LogOptions, value func(*store.Version) (any, error)) iter.Seq2[store.FieldValue, error] {
	return func(yield func(store.FieldValue, error) bool) {
		for v, err := range q.s.Log(ctx, o) {
			x := store.FieldValue{}
			if err == nil {
				x = store.FieldValue{Name: v.Name, Seq: v.Seq, ID: v.ID, Entry: v.Entry, Time: v.Time}
				x.Value, err = value(v)
			}
			if !yield(x, err) || err != nil {
				return
			}
		}
	}
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
			if m.Status != objects.Removed && m.Expired == nil && m.Promised == nil {
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
