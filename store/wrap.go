package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/internal/wrapper"
	"github.com/mstore/mstore/schema"
)

// WrapOptions say which files are wrapped as {"metadata":…,"data":…}, or unwrapped.
type WrapOptions struct {
	Paths  []string // files and directories, relative to the root
	Glob   string   // of the files below directories; "": *.json
	Unwrap bool
	DryRun bool
	// Metadata are put into every wrapper, before what is found out of the model.
	Metadata map[string]any
}

// WrapResult is what was done, or would be.
type WrapResult struct {
	Changed []string // paths
	Already []string // that were wrapped, or had no wrapper, already
	Broken  []WrapFailure
	Saved   *Version // the originals, before anything was changed; nil when they were saved already
}

// WrapFailure is a file that was left as it was.
type WrapFailure struct {
	Path string
	Err  error
}

// Wrap adds the metadata wrapper to files, or takes it away, each atomically, and
// nothing else of them changes. The files are committed first as they are.
func (s *Store) Wrap(ctx context.Context, o WrapOptions) (*WrapResult, error) {
	if o.Glob == "" {
		o.Glob = "*.json"
	}
	res := &WrapResult{}
	sn, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	checker, err := s.Checker(ctx, schema.Options{Limit: 1})
	if err != nil {
		return nil, err
	}
	type todo struct {
		path string
		fi   fs.FileInfo
		info wrapper.Info
	}
	var list []todo
	var total, done int64
	look := func(f file) error {
		info, err := s.inspectWrapper(ctx, f.path)
		var se *wrapper.SyntaxError
		var me *wrapper.MetadataError
		switch {
		case errors.As(err, &se) || errors.As(err, &me):
			res.Broken = append(res.Broken, WrapFailure{f.path, err})
		case err != nil:
			return err
		case info.Wrapped != o.Unwrap:
			res.Already = append(res.Already, f.path)
		default:
			list = append(list, todo{f.path, f.fi, info})
			total += f.fi.Size()
		}
		return nil
	}
	_, tree, err := sn.branchHead(ctx, s.head().Branch)
	if err != nil {
		return nil, err
	}
	sc := &scanner{fs: s.root, tree: tree, warn: s.o.Warn, skip: s.inside()}
	for _, p := range o.Paths {
		fi, err := lstat(s.root, p)
		switch {
		case notExist(err):
			return nil, as(ErrNotFound, fmt.Errorf("%q: no such file", p))
		case err != nil:
			return nil, err
		case fi.IsDir():
			err = sc.walk(ctx, p, func(f file) error {
				if !MatchGlob(o.Glob, f.path) {
					return nil
				}
				return look(f)
			})
		case fi.Mode().IsRegular():
			err = look(file{p, fi})
		default:
			err = as(ErrUsage, fmt.Errorf("%q is %s", p, kindOf(fi.Mode())))
		}
		if err != nil {
			return nil, err
		}
	}
	if o.DryRun || len(list) == 0 {
		for _, t := range list {
			res.Changed = append(res.Changed, t.path)
		}
		return res, nil
	}
	c := CommitOptions{Validate: validateOff, Message: "before mstore wrap"}
	if o.Unwrap {
		c.Message = "before mstore unwrap"
	}
	for _, t := range list {
		c.Paths = append(c.Paths, t.path)
	}
	saved, err := s.Commit(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("saving the files as they are: %w", err)
	}
	if saved.Created {
		res.Saved = saved.Version
	}
	for _, t := range list {
		if err := s.rewrap(ctx, checker, file{t.path, t.fi}, t.info, &o); err != nil {
			return res, fmt.Errorf("%q: %w (the files before it are done, it and those after it are as they were)", t.path, err)
		}
		res.Changed = append(res.Changed, t.path)
		done += t.fi.Size()
		s.o.Progress("rewriting", done, total)
	}
	return res, nil
}

func (s *Store) inspectWrapper(ctx context.Context, p string) (wrapper.Info, error) {
	f, err := s.root.Open(p)
	if err != nil {
		return wrapper.Info{}, err
	}
	defer f.Close()
	return wrapper.Inspect(&ctxReader{ctx, f})
}

// rewrap writes one file anew, and puts it in its place if that has not changed.
func (s *Store) rewrap(ctx context.Context, checker *Checker, was file, info wrapper.Info, o *WrapOptions) (err error) {
	in, err := s.root.Open(was.path)
	if err != nil {
		return err
	}
	defer in.Close()
	temp := path.Join(path.Dir(was.path), tempName())
	out, err := s.root.Create(temp)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = s.root.Remove(temp)
		}
	}()
	if o.Unwrap {
		err = wrapper.Unwrap(out, in, info)
	} else {
		var meta map[string]any
		if meta, err = wrapMetadata(ctx, checker, was, in, o.Metadata); err == nil {
			err = wrapper.Wrap(out, meta, &ctxReader{ctx, io.NewSectionReader(in, 0, was.fi.Size())}, was.fi.Size())
		}
	}
	if err == nil {
		err = out.Sync()
	}
	if cerr := out.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	now, err := s.root.Lstat(was.path)
	if err != nil {
		return err
	}
	// Not by the time of the inode: wrapping another name of the same file changes it.
	if now.Size() != was.fi.Size() || !now.ModTime().Equal(was.fi.ModTime()) || vfs.IdentityOf(now).Inode != vfs.IdentityOf(was.fi).Inode {
		return as(ErrConflict, errors.New("changed meanwhile"))
	}
	if s.rootDir != "" {
		if err := os.Chmod(filepath.Join(s.rootDir, filepath.FromSlash(temp)), now.Mode().Perm()); err != nil {
			return err
		}
	}
	if err := s.root.Rename(temp, was.path); err != nil {
		return err
	}
	return s.root.SyncDir(path.Dir(was.path))
}

// wrapMetadata is what a wrapper says of a model: what was given, and what the model
// itself tells.
func wrapMetadata(ctx context.Context, checker *Checker, f file, in io.ReaderAt, given map[string]any) (map[string]any, error) {
	rep, err := checker.Check(ctx, schema.Input{Name: f.path, Size: f.fi.Size(), At: in})
	if err != nil {
		return nil, err
	}
	meta := map[string]any{"version": "2.0", "created_at": f.fi.ModTime().UTC().Format(time.RFC3339)}
	if rep.Kind != "" {
		meta["kind"] = rep.Kind
	}
	if rep.Source != "" {
		meta["training_source"] = rep.Source
	}
	if len(rep.Params) > 0 {
		meta["parameters"] = rep.Params
	}
	if len(rep.Metrics) > 0 {
		meta["metrics"] = rep.Metrics
	}
	for k, v := range given {
		meta[k] = v
	}
	return meta, nil
}
