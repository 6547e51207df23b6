package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/internal/watch"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/schema"
	"github.com/mstore/mstore/store"
)

// watchPlace is a store as watch sees it. The store is opened anew each time, so that
// nothing that others do to it, nor a store that comes back, is in the way.
type watchPlace struct {
	a               *app
	o               watchOptions
	root            string
	named           []string // relative to the root
	params, metrics map[string]any
	warned          map[string]bool // paths of which it was said that they cannot be read
}

func (p *watchPlace) abs(rel string) string { return filepath.Join(p.root, filepath.FromSlash(rel)) }

// placeError says what an error means to watch, without changing its text.
type placeError struct{ kind, err error }

func (e *placeError) Error() string   { return e.err.Error() }
func (e *placeError) Unwrap() []error { return []error{e.kind, e.err} }

// placed tells watch what an error of the store means.
func placed(err error) error {
	kind := error(nil)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, store.ErrNoStore), errors.Is(err, store.ErrFormat), errors.Is(err, errStdout):
		kind = watch.ErrFatal
	case errors.Is(err, store.ErrChanging):
		kind = watch.ErrChanging
	case errors.Is(err, store.ErrInvalid), errors.Is(err, store.ErrUsage):
		kind = watch.ErrRefused
	default:
		return err
	}
	return &placeError{kind, err}
}

// Scan implements watch.Place. The directories above what is named are watched too: it
// may come later, or go and come back.
func (p *watchPlace) Scan(ctx context.Context, at string, dir func(string), file func(string, watch.Stat)) error {
	return placed(p.a.with(ctx, func(s *store.Store) error {
		for _, named := range p.named {
			start := named
			switch {
			case at == "" || below(named, at):
				for i := range named {
					if named[i] == '/' {
						dir(named[:i])
					}
				}
				if named != "." {
					dir(".")
				}
			case below(at, named):
				start = at
			default:
				continue
			}
			err := s.Files(ctx, store.FilesOptions{Paths: []string{start}, Under: named, Dir: dir, Pass: p.pass, File: func(f string, fi fs.FileInfo) {
				if p.wants(f, named) {
					file(f, statOf(fi))
				}
			}})
			if err != nil {
				return err
			}
		}
		return nil
	}))
}

// below tells whether a path is another, or lies below it.
func below(p, dir string) bool {
	return dir == "." || p == dir || strings.HasPrefix(p, dir+"/")
}

// wants tells whether a file is to be saved that lies at or below what was named.
func (p *watchPlace) wants(file, named string) bool {
	if file != named {
		for part := range strings.SplitSeq(strings.TrimPrefix(file, named+"/"), "/") {
			if watch.IsTemporary(part) {
				return false
			}
		}
	}
	return len(p.o.include) == 0 || slices.ContainsFunc(p.o.include, func(glob string) bool { return store.MatchGlob(glob, file) })
}

// pass goes on without what cannot be read, or named; it is said once.
func (p *watchPlace) pass(at string, err error) bool {
	if !errors.Is(err, fs.ErrPermission) && !errors.Is(err, store.ErrUsage) {
		return false
	}
	if !p.warned[at] {
		p.warned[at] = true
		p.a.warn(fmt.Sprintf("left out: %v", err))
	}
	return true
}

func statOf(fi fs.FileInfo) watch.Stat {
	return watch.Stat{Size: fi.Size(), ModTime: fi.ModTime().UnixNano(), Inode: vfs.IdentityOf(fi).Inode}
}

// Stat implements watch.Place.
func (p *watchPlace) Stat(rel string) (st watch.Stat, isDir, there bool) {
	fi, err := os.Lstat(p.abs(rel))
	if err != nil || !fi.IsDir() && !fi.Mode().IsRegular() {
		return st, false, false
	}
	return statOf(fi), fi.IsDir(), true
}

// Writers implements watch.Place.
func (p *watchPlace) Writers(paths []string) map[string]bool {
	root, err := filepath.EvalSymlinks(p.root)
	if err != nil {
		return nil
	}
	files := make([]string, len(paths))
	for i, rel := range paths {
		files[i] = filepath.Join(root, filepath.FromSlash(rel))
	}
	open := watch.Writers(files)
	writers := map[string]bool{}
	for i, rel := range paths {
		writers[rel] = open[files[i]]
	}
	return writers
}

// Judge implements watch.Place. Files that are saved already are not read.
func (p *watchPlace) Judge(ctx context.Context, paths []string) ([]watch.Judgement, error) {
	judged := make([]watch.Judgement, len(paths))
	return judged, placed(p.a.with(ctx, func(s *store.Store) error {
		unsaved, err := s.Unsaved(ctx, paths)
		if err != nil || len(unsaved) == 0 {
			return err
		}
		checker, err := s.Checker(ctx, schema.Options{Limit: 1, NoValues: true})
		if err != nil {
			return err
		}
		left := map[string]bool{}
		for _, rel := range unsaved {
			left[rel] = true
		}
		for i, rel := range paths {
			if left[rel] {
				judged[i] = judge(ctx, s, checker, rel)
			}
		}
		return ctx.Err()
	}))
}

func judge(ctx context.Context, s *store.Store, c *store.Checker, rel string) watch.Judgement {
	rep, err := s.CheckFile(ctx, c, rel)
	switch {
	case err != nil:
		return watch.Judgement{State: watch.Part, Why: err.Error()}
	case rep.Damaged:
		return watch.Judgement{State: watch.Part, Why: rep.Findings[0].String()}
	case rep.Format != "":
		return watch.Judgement{State: watch.Whole}
	}
	if fi, err := os.Lstat(filepath.Join(s.Root(), filepath.FromSlash(rel))); err != nil || fi.Size() == 0 {
		return watch.Judgement{State: watch.Part, Why: "it is empty"}
	}
	return watch.Judgement{State: watch.Mute}
}

// Save implements watch.Place.
func (p *watchPlace) Save(ctx context.Context, paths []string) (made bool, err error) {
	a, o := p.a, &p.o
	err = a.with(ctx, func(s *store.Store) error {
		hooks := a.hooksOf(s, o.noHooks)
		res, err := s.Commit(ctx, store.CommitOptions{Paths: paths, Present: true, Message: o.message, Params: p.params, Metrics: p.metrics,
			Source: o.source, SourceDir: a.cwd, Fast: o.fast, Validate: o.validate, Before: hooks.before})
		if err != nil {
			return err
		}
		if res.GCPays {
			a.gcInBackground(s)
		}
		if made = res.Created; !made {
			return nil
		}
		defer debug.FreeOSMemory() // until the next save, perhaps for hours
		hooks.after(ctx, res)
		return a.reportWatched(res)
	})
	return made, placed(err)
}

// reportWatched is "v12 model.json 5.1 MB".
func (a *app) reportWatched(res *store.CommitResult) error {
	a.progress.close()
	if a.json {
		doc := newVersionDoc(res.Version, res.Models)
		doc.Created = &res.Created
		if err := writeJSON(a.out, doc); err != nil {
			return err
		}
		return a.out.Flush()
	}
	const most = 4
	var names []string
	var size int64
	for _, c := range res.Models {
		if c.Status == objects.Added || c.Status == objects.Changed {
			names, size = append(names, cleanLine(c.Path)), size+c.Size
		}
	}
	if n := len(names); n > most {
		names = append(names[:most-1], fmt.Sprintf("and %d more", n-most+1))
	}
	fmt.Fprintf(a.out, "%s %s %s\n", a.style.version.Sprint(res.Version.Name), strings.Join(names, ", "), humanBytes(size))
	a.warnOfFindings(res)
	return a.out.Flush()
}
