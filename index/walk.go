package index

import (
	"context"
	"fmt"

	"github.com/mstore/mstore/internal/expr"
	"github.com/mstore/mstore/objects"
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

func (f *walker) find(w *Where, want wanted, yield func(Hit) bool) error {
	// groups are the hits of a version; versions come in ascending order.
	var groups [][]Hit
	err := f.versions(func(r Record) error {
		hits, err := w.match(want, r)
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
			if !want.latest.late(h.Value) && !yield(h) {
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
	return one.match(wanted{}, r)
}

// match returns the hits of one version, with what is wanted of it.
func (w *Where) match(want wanted, r Record) ([]Hit, error) {
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
	if want.field != "" {
		if h.Value = env.value(want.field); h.Value == nil && !want.all {
			return nil, nil
		}
	}
	if want.times {
		h.Time = r.Time.UTC()
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
		e.version = VersionEnv(e.Version, e.Branch, e.facts.Tags[e.Entry], e.facts.Aliases[e.Entry])
	}
	return e.version.Lookup(field)
}

// VersionEnv gives an expression the fields of a version, but for expr.ChangeFields.
func VersionEnv(v *objects.Version, branch string, tags, aliases []string) *expr.Version {
	return &expr.Version{Seq: v.Seq, Time: v.Time.UTC(), Author: v.Author, Message: v.Message, Branch: branch, Source: v.Source,
		Tags: tags, Aliases: aliases, Models: v.Models, Bytes: v.Bytes,
		Errors: v.Quality.Errors, Warnings: v.Quality.Warnings, Params: v.Params, Metrics: v.Metrics, Meta: v.Meta}
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
