package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/mstore/mstore/store"
)

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
	var paths []string
	for _, arg := range args {
		if q.s.IsRev(ctx, arg) || looksLikeRev(arg) && !a.exists(arg) {
			revs = append(revs, arg)
		} else {
			paths, q.args.implied = append(paths, arg), true
		}
	}
	if paths = append(paths, after...); len(paths) > 1 {
		return nil, usagef("", "plot takes one PATH, not %d: %s names no version", len(paths), shellQuote(cleanLine(paths[0])))
	}
	q.args.paths, err = a.rels(q.s, paths)
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
