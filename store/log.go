package store

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/mstore/mstore/index"
	"github.com/mstore/mstore/internal/expr"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
)

// LogOptions say which versions are asked for; the zero value is all that led to HEAD.
type LogOptions struct {
	Rev   string   // "": HEAD
	All   bool     // what led to any branch, tag or alias; Rev is not looked at
	First bool     // follow first parents only
	Paths []string // only versions that changed one of these models or directories
	Limit int      // 0: all
	Since time.Time
	Until time.Time // versions before it
	Where string    // an expression on the version, see package expr and LogFields
	// Author and Grep are regular expressions that author and message must match.
	Author, Grep string
	Sort         string // "": newest first; else by a field that a version has one of, ascending
	// Reverse is oldest first, of the newest Limit; with Sort it is descending, and the
	// Limit counts after that.
	Reverse bool
}

// LogFields are what an expression in LogOptions.Where can ask for.
var LogFields = slices.Concat(expr.VersionFields, expr.ChangeFields)

// indexPays is Store.indexPays as a rule: opening the index costs as much as reading so
// many versions.
const indexPays = 2000

// Log yields the versions that led to Rev, through merges too, newest first, or
// sorted. An error ends the sequence.
func (s *Store) Log(ctx context.Context, o LogOptions) iter.Seq2[*Version, error] {
	return func(yield func(*Version, error) bool) {
		if err := s.log(ctx, o, func(v *Version) bool { return yield(v, nil) }); err != nil {
			yield(nil, classify(err))
		}
	}
}

func (s *Store) log(ctx context.Context, o LogOptions, yield func(*Version) bool) error {
	q, err := s.newQuery(ctx, &o)
	if err != nil {
		return err
	}
	q.yield = yield
	simple := q.where.Expr == nil && len(o.Paths) == 0 && o.Since.IsZero() && o.Until.IsZero()
	if o.Sort == "" && !o.Reverse && (simple || q.sn.st.Versions < s.indexPays) {
		if err = q.walk(ctx); err == nil && q.count == 0 && q.where.Expr != nil {
			err = q.ask(ctx, q.explainNothing)
		}
		return err
	}
	return q.ask(ctx, func(iq *index.Query) error {
		if err := q.answer(ctx, iq); err != nil || q.count > 0 {
			return err
		}
		return q.explainNothing(iq)
	})
}

// query is a question about the versions of a snapshot.
type query struct {
	s     *Store
	sn    *snapshot
	o     *LogOptions
	tips  []journal.Target
	where index.Where
	first map[uint64]uint64 // lines that lead to the first tip by first parents; nil: not known yet
	yield func(*Version) bool
	count int
}

func (s *Store) newQuery(ctx context.Context, o *LogOptions) (*query, error) {
	q := &query{s: s, o: o, where: index.Where{Paths: o.Paths, Since: o.Since, Until: o.Until}}
	if o.Where != "" {
		e, err := expr.Parse(o.Where)
		if err == nil {
			err = e.Check(LogFields)
		}
		if err != nil {
			return nil, err
		}
		q.where.Expr = e
	}
	for _, m := range [][2]string{{"author", o.Author}, {"message", o.Grep}} {
		if m[1] == "" {
			continue
		}
		e, err := expr.Matches(m[0], m[1])
		if err != nil {
			return nil, as(ErrUsage, fmt.Errorf("%s %q: %w", m[0], m[1], err))
		}
		q.where.Expr = expr.And(q.where.Expr, e)
	}
	if o.Sort != "" && !index.Sortable(o.Sort) {
		return nil, as(ErrUsage, fmt.Errorf("cannot sort by %q: give metrics.NAME, params.NAME, time, version, author, size or another field that a version has one of", o.Sort))
	}
	sn, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	q.sn = sn
	if o.All {
		for _, n := range sn.st.SortedNames(0) {
			if n.Kind != journal.Safety && !n.IsIncoming() {
				q.tips = append(q.tips, n.To)
			}
		}
	} else {
		rev := o.Rev
		if rev == "" {
			rev = "HEAD"
		}
		t, err := s.resolver(sn).Resolve(ctx, rev)
		if err != nil {
			return nil, classify(err)
		}
		q.tips = []journal.Target{t}
	}
	q.where.Facts = s.facts(ctx, sn)
	return q, nil
}

// facts are what the snapshot says of versions.
func (s *Store) facts(ctx context.Context, sn *snapshot) index.Facts {
	f := index.Facts{Now: s.o.Clock(), Tags: map[uint64][]string{}, Aliases: map[uint64][]string{}}
	for _, n := range sn.st.SortedNames(0) {
		switch n.Kind {
		case journal.Tag:
			f.Tags[n.To.Entry] = append(f.Tags[n.To.Entry], n.Name)
		case journal.Alias:
			f.Aliases[n.To.Entry] = append(f.Aliases[n.To.Entry], n.Name)
		}
	}
	if len(sn.st.Expiries) > 0 {
		f.Expired = func(id objects.BlobID) (bool, error) {
			x, err := sn.expiry(ctx, id)
			return x != nil, err
		}
	}
	f.Changes = func(entry uint64) ([]objects.Change, error) {
		e, err := sn.h.Entry(ctx, entry)
		if err != nil {
			return nil, err
		}
		v, err := sn.versionOf(e)
		if err != nil || v == nil {
			return nil, err
		}
		return sn.changes(ctx, v)
	}
	return f
}

// emit passes a version on; false ends the query.
func (q *query) emit(ctx context.Context, v *Version) (bool, error) {
	aside, err := q.aside(ctx, v)
	if err != nil {
		return false, err
	}
	v.Aside = aside
	q.count++
	return q.yield(v) && (q.o.Limit == 0 || q.count < q.o.Limit), nil
}

// aside tells whether a version is not among the first parents of the revision that was
// asked for.
func (q *query) aside(ctx context.Context, v *Version) (bool, error) {
	if q.o.First || !q.o.All && v.target.Line == q.tips[0].Line {
		return false, nil
	}
	if q.first == nil {
		from := q.tips[0]
		if q.o.All {
			n, ok := q.sn.st.Names[q.s.head().Branch]
			if !ok {
				q.first = map[uint64]uint64{}
				return true, nil
			}
			from = n.To
		}
		var err error
		if q.first, err = q.sn.firstLines(ctx, from); err != nil {
			return false, err
		}
	}
	return q.first[v.target.Line] < v.Seq, nil
}

// firstLines tells which versions led to t by first parents: for each line, up to which
// number.
func (sn *snapshot) firstLines(ctx context.Context, t journal.Target) (map[uint64]uint64, error) {
	lines := map[uint64]uint64{}
	for {
		lines[t.Line] = t.Seq
		start, err := sn.h.Entry(ctx, t.Line)
		if err != nil {
			return nil, err
		}
		op := start.Commit()
		if op == nil {
			return nil, as(ErrDamaged, fmt.Errorf("journal entry %d holds no version", t.Line))
		}
		if op.Parent.Entry == 0 {
			return lines, nil
		}
		t = op.Parent
	}
}

// explainNothing looks for why no version was found: a field that none has, or values
// that no version's can be compared with.
func (q *query) explainNothing(iq *index.Query) error {
	if q.where.Expr == nil && q.o.Sort == "" {
		return nil
	}
	types, err := iq.Fields()
	if err != nil {
		return err
	}
	fields := knownFields(types)
	if q.o.Sort != "" {
		if near, ok := expr.Find(q.o.Sort, fields); !ok {
			return noSuchField(q.o.Sort, near)
		}
	}
	if q.where.Expr == nil {
		return nil
	}
	var unknown *expr.FieldError
	if err := q.where.Expr.Check(fields); errors.As(err, &unknown) && unknown.Msg == "" {
		q.s.o.Warn(fmt.Sprintf("no version has %s%s", expr.FormatField(unknown.Field), didYouMean(unknown.Near)))
	} else if err != nil {
		return err
	}
	return nil
}

// ValueTypes returns which params.NAME, metrics.NAME and meta.NAME versions have, on any
// branch, and of which types.
func (s *Store) ValueTypes(ctx context.Context) (map[string]index.Types, error) {
	sn, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	var types map[string]index.Types
	err = s.ask(ctx, sn, func(iq *index.Query) (err error) {
		types, err = iq.Fields()
		return err
	})
	return types, classify(err)
}

func noSuchField(field string, near []string) error {
	return as(ErrUsage, fmt.Errorf("no version has %s%s", expr.FormatField(field), didYouMean(near)))
}

func didYouMean(near []string) string {
	if len(near) == 0 {
		return ""
	}
	text := "; did you mean " + near[0]
	for _, n := range near[1:] {
		text += " or " + n
	}
	return text + "?"
}

// knownFields are LogFields with, in place of whole sections, the names that there are.
func knownFields(types map[string]index.Types) []expr.Field {
	var fields []expr.Field
	for _, f := range LogFields {
		if f.Name[len(f.Name)-1] != '.' {
			fields = append(fields, f)
		}
	}
	for name, t := range types {
		f := expr.Field{Name: name}
		switch t {
		case index.Numbers:
			f.Type = expr.Number
		case index.Strings:
			f.Type = expr.String
		case index.Bools:
			f.Type = expr.Bool
		}
		fields = append(fields, f)
		for _, section := range []string{"git.", "env."} {
			if rest, ok := strings.CutPrefix(name, "meta."+section); ok {
				fields = append(fields, expr.Field{Name: section + rest, Type: f.Type})
			}
		}
	}
	slices.SortFunc(fields, func(a, b expr.Field) int { return comparePaths(a.Name, b.Name) })
	return fields
}
