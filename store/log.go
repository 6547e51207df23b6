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
var LogFields = slices.Insert(slices.Clone(expr.VersionFields), 2, expr.Age)

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
		if ok, err := q.where.Eval(versionEnv(v, q.s.o.Clock())); !ok || err != nil {
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
func versionEnv(v *Version, now time.Time) *expr.Version {
	e := &expr.Version{Seq: v.Seq, Time: v.Time, Now: now, Author: v.Author, Message: v.Message, Branch: v.Branch, Source: v.Source,
		Models: v.Models, Bytes: v.Bytes, Errors: v.Quality.Errors, Warnings: v.Quality.Warnings,
		Params: v.Params, Metrics: v.Metrics, Meta: v.Meta}
	if len(v.Tags) > 0 {
		e.Tag = v.Tags[0]
	}
	if len(v.Aliases) > 0 {
		e.Alias = v.Aliases[0]
	}
	return e
}
