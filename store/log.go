package store

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/mstore/mstore/index"
	"github.com/mstore/mstore/internal/expr"
	"github.com/mstore/mstore/objects"
)

// LogOptions say which versions are asked for; the zero value is all of the
// current branch.
type LogOptions struct {
	Rev   string   // "": HEAD
	Paths []string // only versions that changed one of these models or directories
	Limit int      // 0: all
	Since time.Time
	Where string // an expression on the version, see package expr and LogFields
	Sort  string // "": newest first; params.X, metrics.X, source, author: ascending
}

// LogFields are what an expression in LogOptions.Where can ask for.
var LogFields = []expr.Field{
	{Name: "version", Type: expr.Number}, {Name: "time", Type: expr.Time}, {Name: "age", Type: expr.Duration},
	{Name: "author", Type: expr.String}, {Name: "message", Type: expr.String}, {Name: "branch", Type: expr.String},
	{Name: "source", Type: expr.String}, {Name: "tag", Type: expr.String}, {Name: "alias", Type: expr.String},
	{Name: "models", Type: expr.Number}, {Name: "size", Type: expr.Number},
	{Name: "params."}, {Name: "metrics."}, {Name: "git."}, {Name: "env."}, {Name: "meta."},
	{Name: "quality.errors", Type: expr.Number}, {Name: "quality.warnings", Type: expr.Number},
}

// indexPays is the number of versions from which a question is answered by the
// index: opening it costs as much as reading so many.
const indexPays = 2000

// Log yields the versions that led to Rev, newest first, or sorted. An error
// ends the sequence.
func (s *Store) Log(ctx context.Context, o LogOptions) iter.Seq2[*Version, error] {
	return func(yield func(*Version, error) bool) {
		if err := s.log(ctx, o, func(v *Version) bool { return yield(v, nil) }); err != nil {
			yield(nil, classify(err))
		}
	}
}

func (s *Store) log(ctx context.Context, o LogOptions, yield func(*Version) bool) error {
	var where *expr.Expr
	if o.Where != "" {
		var err error
		if where, err = expr.Parse(o.Where); err == nil {
			err = where.Check(LogFields)
		}
		if err != nil {
			return err
		}
	}
	if o.Sort == "time" {
		o.Sort = ""
	}
	if o.Sort != "" && !index.Indexed(o.Sort) {
		return as(ErrUsage, fmt.Errorf("cannot sort by %q: give metrics.NAME, params.NAME, author, source or time", o.Sort))
	}
	sn, err := s.load(ctx)
	if err != nil {
		return err
	}
	v, err := s.resolve(ctx, sn, o.Rev)
	if err != nil {
		return err
	}
	q := &logQuery{s: s, sn: sn, o: o, where: where, yield: yield}
	simple := len(o.Paths) == 0 && o.Where == "" && o.Sort == ""
	if simple || sn.st.Versions < indexPays && o.Sort == "" {
		return q.walk(ctx, v)
	}
	return q.ask(ctx, v)
}

type logQuery struct {
	s     *Store
	sn    *snapshot
	o     LogOptions
	where *expr.Expr
	yield func(*Version) bool
	count int
}

// emit passes a version on; false ends the query.
func (q *logQuery) emit(v *Version) bool {
	q.count++
	return q.yield(v) && (q.o.Limit == 0 || q.count < q.o.Limit)
}

// walk follows first parents.
func (q *logQuery) walk(ctx context.Context, v *Version) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		ok, err := q.matches(ctx, v)
		if err != nil {
			return err
		}
		if ok && !q.emit(v) {
			return nil
		}
		if v.parent.Entry == 0 {
			return nil
		}
		if v, err = q.sn.version(ctx, v.parent); err != nil {
			return err
		}
	}
}

func (q *logQuery) matches(ctx context.Context, v *Version) (bool, error) {
	if !q.o.Since.IsZero() && v.Time.Before(q.o.Since) {
		return false, nil
	}
	if q.where != nil {
		if ok, err := q.where.Eval(versionEnv{v, q.s.o.Clock()}); !ok || err != nil {
			return false, err
		}
	}
	if len(q.o.Paths) == 0 {
		return true, nil
	}
	changes, err := q.sn.changes(ctx, v)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(changes, func(c objects.Change) bool {
		return slices.ContainsFunc(q.o.Paths, func(p string) bool { return atOrBelow(c.Path, p) })
	}), nil
}

func atOrBelow(path, dir string) bool {
	return dir == "." || path == dir || strings.HasPrefix(path, dir+"/")
}

// versionEnv gives an expression the fields of a version.
type versionEnv struct {
	v   *Version
	now time.Time
}

func (e versionEnv) Lookup(field string) (value any, known bool) {
	first := func(names []string) any {
		if len(names) == 0 {
			return nil
		}
		return names[0]
	}
	text := func(s string) any {
		if s == "" {
			return nil
		}
		return s
	}
	switch field {
	case "version":
		return int64(e.v.Seq), true
	case "time":
		return e.v.Time, true
	case "age":
		return e.now.Sub(e.v.Time), true
	case "author":
		return e.v.Author, true
	case "message":
		return e.v.Message, true
	case "branch":
		return e.v.Branch, true
	case "source":
		return text(e.v.Source), true
	case "tag":
		return first(e.v.Tags), true
	case "alias":
		return first(e.v.Aliases), true
	case "models":
		return int64(e.v.Models), true
	case "size":
		return e.v.Bytes, true
	case "quality.errors":
		return int64(e.v.Quality.Errors), true
	case "quality.warnings":
		return int64(e.v.Quality.Warnings), true
	}
	if strings.HasPrefix(field, "git.") || strings.HasPrefix(field, "env.") {
		return e.v.Meta[field], true
	}
	if k, ok := strings.CutPrefix(field, "meta."); ok {
		return e.v.Meta[k], true
	}
	if k, ok := strings.CutPrefix(field, "params."); ok {
		return e.v.Params[k], true
	}
	if k, ok := strings.CutPrefix(field, "metrics."); ok {
		return e.v.Metrics[k], true
	}
	return nil, false
}
