package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/mstore/mstore/schema"
	"github.com/mstore/mstore/store"
)

// inspected is one model that validate or audit looked at.
type inspected struct {
	path   string // as it is shown
	report *schema.Report
	size   int64
}

// inspector looks at files and saved models, with the kinds of the store here if there
// is one.
type inspector struct {
	a       *app
	s       *store.Store // nil: none
	checker *store.Checker
	// also, if set, is given each file before it is looked at, with its name below the
	// directory that was named.
	also func(rel, file string) error
}

// inspecting runs f with an inspector.
func (a *app) inspecting(ctx context.Context, o schema.Options, f func(*inspector) error) error {
	in := &inspector{a: a}
	s, err := a.open(ctx)
	switch {
	case errors.Is(err, store.ErrNoStore) && a.storeDir == "":
		kinds, err := schema.NewRegistry()
		if err != nil {
			return err
		}
		in.checker = store.NewChecker(kinds, o)
		return f(in)
	case err != nil:
		return err
	}
	in.s = s
	if in.checker, err = s.Checker(ctx, o); err == nil {
		err = f(in)
	}
	return errors.Join(err, s.Close())
}

// each calls f with every model that an argument names: a file, the files below a
// directory, or REV and REV:PATH.
func (in *inspector) each(ctx context.Context, arg string, f func(inspected) error) error {
	file := absolute(in.a.cwd, arg)
	fi, err := os.Lstat(file)
	switch {
	case err == nil && fi.IsDir():
		return walkFiles(file, func(rel, file string) error {
			if strings.HasPrefix(path.Base(rel), store.TempPrefix) {
				return nil
			}
			return in.file(ctx, filepath.ToSlash(filepath.Join(arg, rel)), rel, file, f)
		})
	case err == nil && fi.Mode().IsRegular():
		return in.file(ctx, arg, strings.TrimPrefix(arg, "./"), file, f)
	case err == nil:
		return usagef("", "%s is neither a file nor a directory", arg)
	case in.s == nil:
		return fmt.Errorf("%s: no such file, and no store here: %w", arg, store.ErrNotFound)
	}
	if _, _, one := splitRevPath(arg); one {
		rev, path, err := in.a.revPath(in.s, arg)
		if err != nil {
			return err
		}
		rep, err := in.saved(ctx, rev, path)
		if err != nil {
			return err
		}
		return f(inspected{arg, rep, 0})
	}
	v, err := in.s.Show(ctx, arg)
	if err != nil {
		if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrUsage) && !looksLikeRev(arg) {
			return fmt.Errorf("%s: no such file, and no such version: %w", arg, store.ErrNotFound)
		}
		return err
	}
	if err := in.s.Materialise(ctx, v); err != nil {
		return err
	}
	for m, err := range in.s.Models(ctx, v, "") {
		if err != nil {
			return err
		}
		rep, err := in.saved(ctx, v.ID.String(), m.Path)
		if errors.Is(err, store.ErrExpired) {
			in.a.warn(err.Error())
			continue
		}
		if err != nil {
			return err
		}
		if err := f(inspected{m.Path, rep, m.Size}); err != nil {
			return err
		}
	}
	return nil
}

func (in *inspector) saved(ctx context.Context, rev, path string) (*schema.Report, error) {
	r, err := in.s.OpenModel(ctx, rev, path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return in.checker.Check(ctx, schema.Input{Name: path, Size: r.Model().Size, At: r})
}

// walkFiles calls fn with every regular file below a directory that may be a model, and
// its name relative to the directory, with slashes.
func walkFiles(dir string, fn func(rel, file string) error) error {
	return filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && file != dir && store.IsIgnoredDir(d.Name()):
			return filepath.SkipDir
		case !d.Type().IsRegular():
			return nil
		}
		rel, err := filepath.Rel(dir, file)
		if err != nil {
			return err
		}
		return fn(filepath.ToSlash(rel), file)
	})
}

func (in *inspector) file(ctx context.Context, name, rel, file string, f func(inspected) error) error {
	if in.also != nil {
		if err := in.also(rel, file); err != nil {
			return err
		}
	}
	r, err := os.Open(file)
	if err != nil {
		return err
	}
	defer r.Close()
	fi, err := r.Stat()
	if err != nil {
		return err
	}
	in.a.progress.update("looking at models", 0, 0)
	rep, err := in.checker.Check(ctx, schema.Input{Name: strings.TrimPrefix(name, "./"), Size: fi.Size(), At: r})
	if err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	return f(inspected{name, rep, fi.Size()})
}

// judged is one model in JSON, as validate and audit print it.
type judgedDoc struct {
	Path     string         `json:"path"`
	Kind     string         `json:"kind"` // empty: unknown
	Valid    bool           `json:"valid"`
	Wrapped  bool           `json:"wrapped"`
	Errors   []findingDoc   `json:"errors"`
	Warnings []findingDoc   `json:"warnings"`
	Stats    map[string]any `json:"stats"`

	// Where there are more than are listed.
	MoreErrors   int `json:"more_errors,omitempty"`
	MoreWarnings int `json:"more_warnings,omitempty"`
}

func newJudgedDoc(m inspected, valid bool) judgedDoc {
	d := judgedDoc{Path: m.path, Kind: m.report.Kind, Valid: valid, Wrapped: m.report.Wrapped, Stats: map[string]any{}}
	d.Errors, d.Warnings = findings(m.report)
	d.MoreErrors, d.MoreWarnings = m.report.Errors-len(d.Errors), m.report.Warnings-len(d.Warnings)
	for _, s := range m.report.Stats {
		d.Stats[s.Name] = s.Value
	}
	return d
}

func kindOr(kind, none string) string {
	if kind == "" {
		return none
	}
	return kind
}
