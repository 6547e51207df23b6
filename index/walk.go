package index

import (
	"context"
	"fmt"

	"github.com/mstore/mstore/internal/expr"
)

// Walk answers the same questions as Index.With, by reading every version from
// src for each: slowly, and without touching an index. The error is fn's.
func Walk(ctx context.Context, src Source, fn func(*Query) error) error {
	last, _ := src.Last()
	return fn(&Query{finder: &walker{ctx, src, 0}, last: last})
}

type walker struct {
	ctx   context.Context
	src   Source
	after uint64 // entries up to this one are not looked at
}

func (f *walker) versions(fn func(Record) error) error {
	err := f.src.Versions(f.ctx, f.after, func(r Record) error {
		if err := fn(r); err != nil {
			return err
		}
		return f.ctx.Err()
	})
	if err != nil {
		return fmt.Errorf("reading the journal's versions: %w", err)
	}
	return nil
}

func (f *walker) find(w *Where, field string, floor *floor, yield func(Hit) bool) error {
	// groups are the hits of a version; versions come in ascending order.
	var groups [][]Hit
	err := f.versions(func(r Record) error {
		hits, err := w.match(field, r)
		if len(hits) > 0 {
			groups = append(groups, hits)
		}
		return err
	})
	if err != nil {
		return err
	}
	for i := len(groups) - 1; i >= 0; i-- {
		for _, h := range groups[i] {
			if !floor.late(h.Value) && !yield(h) {
				return nil
			}
		}
	}
	return nil
}

func (f *walker) fields(types map[string]Types) error {
	return f.versions(func(r Record) error {
		for section, m := range map[string]map[string]any{"params.": r.Params, "metrics.": r.Metrics, "meta.": r.Meta} {
			for name, v := range m {
				switch v.(type) {
				case string:
					types[section+name] |= Strings
				case int64, float64:
					types[section+name] |= Numbers
				case bool:
					types[section+name] |= Bools
				}
			}
		}
		return nil
	})
}

// Match returns the hits of one version, as Find would; Lines is not looked at.
func (w *Where) Match(r Record) ([]Hit, error) {
	one := *w
	one.Lines = nil
	return one.match("", r)
}

// match returns the hits of one version. With a field they have its value, and there are
// none where the version does not have it.
func (w *Where) match(field string, r Record) ([]Hit, error) {
	if last, ok := w.Lines[r.Line]; w.Lines != nil && (!ok || r.Seq > last) || !w.inTime(r.Time) {
		return nil, nil
	}
	env := recordEnv{Record: r, facts: &w.Facts}
	if w.Expr != nil {
		ok, err := w.Expr.Eval(&env)
		if env.err != nil {
			err = env.err
		}
		if !ok || err != nil {
			return nil, err
		}
	}
	h := Hit{Entry: r.Entry, Line: r.Line, Seq: r.Seq, ID: r.ID}
	if field != "" {
		if h.Value = env.value(field); h.Value == nil {
			return nil, nil
		}
	}
	changes, err := w.Facts.changesOf(r.Entry, r.Version)
	if err != nil {
		return nil, err
	}
	if len(w.Paths) == 0 && !w.byChange() {
		return []Hit{h}, nil
	}
	hits := w.changeHits(nil, h, changes)
	if len(hits) == 0 && !w.byChange() {
		hits = append(hits, h)
	}
	return hits, nil
}

// recordEnv gives an expression the fields of a version.
type recordEnv struct {
	Record
	facts   *Facts
	version *expr.Version // made when it is needed
	err     error
}

// Lookup implements expr.Env.
func (e *recordEnv) Lookup(field string) (any, bool) {
	switch field {
	case "age":
		return e.facts.Now.Sub(e.Time), true
	case "path", "kind", "expired":
		changes, err := e.facts.changesOf(e.Entry, e.Version)
		var value any
		if err == nil {
			value, _, err = changesEnv{e.facts, changes}.lookup(field)
		}
		if e.err == nil {
			e.err = err
		}
		return value, true
	}
	if e.version == nil {
		e.version = &expr.Version{Seq: e.Seq, Time: e.Time.UTC(), Author: e.Author, Message: e.Message, Branch: e.Branch, Source: e.Source,
			Tags: e.facts.Tags[e.Entry], Aliases: e.facts.Aliases[e.Entry], Models: e.Models, Bytes: e.Bytes,
			Errors: e.Quality.Errors, Warnings: e.Quality.Warnings, Params: e.Params, Metrics: e.Metrics, Meta: e.Meta}
	}
	return e.version.Lookup(field)
}

// value returns what Sorted sorts by; nil for what the version does not have, and for
// values of a type that no version has.
func (e *recordEnv) value(field string) any {
	v, _ := e.Lookup(field)
	switch field {
	case "time", "version":
		return v
	}
	switch v.(type) {
	case string, int64, float64, bool:
		return v
	}
	return nil
}
