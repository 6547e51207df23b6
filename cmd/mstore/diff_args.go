package main

import (
	"context"
	"errors"
	"iter"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mstore/mstore/store"
)

// diffSides is what a command line asks to compare.
type diffSides struct {
	models   bool // two models, else versions
	from, to store.ModelSide
	paths    []string // of versions
	implied  string   // the first argument, where it was taken for a path
}

// diffArgs tells versions, models and paths apart; dash is cobra's ArgsLenAtDash.
func (a *app) diffArgs(ctx context.Context, s *store.Store, args []string, dash int) (d diffSides, err error) {
	heads, paths := args, []string(nil)
	if dash >= 0 {
		heads, paths = args[:dash], args[dash:]
	}
	isModel := func(i int) bool {
		if i >= len(heads) || i > 1 {
			return false
		}
		_, _, ok := splitRevPath(heads[i])
		return ok && !a.exists(heads[i])
	}
	if isModel(0) || isModel(1) {
		if len(args) > 2 {
			return d, usagef("mstore diff v1:a.json v2:b.json", "two models are compared; there is more: %q", args[2])
		}
		return a.diffModels(ctx, s, heads, isModel)
	}
	revs := 0
	for revs < len(heads) && revs < 2 && (dash >= 0 || a.isRev(ctx, s, heads[revs])) {
		revs++
	}
	if dash >= 0 && revs < len(heads) {
		return d, usagef("", `%q: at most two versions stand before "--"`, heads[revs])
	}
	if revs == 0 && len(heads) > 0 {
		d.implied = heads[0]
	}
	if revs > 0 {
		d.from.Rev = heads[0]
	}
	if revs > 1 {
		d.to.Rev = heads[1]
	}
	d.paths, err = a.rels(s, slices.Concat(heads[revs:], paths))
	return d, err
}

// isRev tells whether an argument is to be taken for a version.
func (a *app) isRev(ctx context.Context, s *store.Store, arg string) bool {
	return s.IsRev(ctx, arg) || looksLikeRev(arg) && !a.exists(arg)
}

// diffModels reads two sides of which one at least is REV:PATH. What the other leaves out
// is that one's.
func (a *app) diffModels(ctx context.Context, s *store.Store, args []string, isModel func(int) bool) (d diffSides, err error) {
	d.models = true
	sides := []*store.ModelSide{&d.from, &d.to}
	for i := range args {
		if isModel(i) {
			if sides[i].Rev, sides[i].Path, err = a.revPath(s, args[i]); err != nil {
				return d, err
			}
		}
	}
	for i, side := range sides {
		other := sides[1-i]
		switch {
		case isModel(i):
		case i >= len(args):
			side.Path, side.Working = other.Path, true
		case !a.exists(args[i]) && a.isRev(ctx, s, args[i]):
			side.Rev, side.Path = args[i], other.Path
		default:
			side.File, side.Path = absolute(a.cwd, args[i]), filepath.ToSlash(args[i])
		}
	}
	return d, nil
}

// open asks the store.
func (d *diffSides) open(ctx context.Context, s *store.Store, how store.Compare) (*store.Diff, iter.Seq2[*store.ModelDiff, error], error) {
	if d.models {
		diff, m, err := s.DiffModels(ctx, d.from, d.to, how)
		return diff, func(yield func(*store.ModelDiff, error) bool) { yield(m, nil) }, err
	}
	diff, err := s.Diff(ctx, store.DiffOptions{From: d.from.Rev, To: d.to.Rev, Paths: d.paths, Compare: how})
	if err != nil {
		return nil, nil, err
	}
	return diff, diff.Models(ctx), nil
}

// single tells whether one model was named, and no directory.
func (d *diffSides) single(ctx context.Context, s *store.Store, diff *store.Diff) bool {
	if d.models || len(d.paths) != 1 {
		return d.models
	}
	for _, v := range []*store.Version{diff.From, diff.To} {
		if v == nil {
			continue
		}
		for m, err := range s.Models(ctx, v, d.paths[0]) {
			return err == nil && m.Path == d.paths[0]
		}
	}
	return false
}

// explain adds what to do about an error.
func (d *diffSides) explain(err error) error {
	var kinds *store.KindsError
	switch {
	case errors.As(err, &kinds):
		return &hintError{err, "--binary compares sizes and hashes, --text lines"}
	case strings.Contains(d.implied, ".."):
		return &hintError{err, "versions are given one by one: mstore diff v1 v2"}
	case d.implied != "":
		return revPaths{implied: true}.explain(err, d.implied)
	}
	return err
}
