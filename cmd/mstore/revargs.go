package main

import (
	"context"
	"errors"
	"os"
	"path"
	"strings"

	"github.com/mstore/mstore/store"
)

// revPaths is a command line's REV and PATHs.
type revPaths struct {
	rev     string   // "" when none was given
	paths   []string // relative to the root
	implied bool     // the first argument was taken for a path because it names no version
}

// splitRevPaths tells the version from the paths: the first argument is a
// version if it names one or has the form of one, and no "--" stands before it
// (dash is cobra's ArgsLenAtDash). All others are paths.
func (a *app) splitRevPaths(ctx context.Context, s *store.Store, args []string, dash int) (r revPaths, err error) {
	if len(args) > 0 && dash != 0 {
		if dash == 1 || s.IsRev(ctx, args[0]) || looksLikeRev(args[0]) && !a.exists(args[0]) {
			r.rev, args = args[0], args[1:]
		} else {
			r.implied = true
		}
	}
	r.paths, err = a.rels(s, args)
	return r, err
}

func (a *app) exists(path string) bool {
	_, err := os.Lstat(absolute(a.cwd, path))
	return err == nil
}

// looksLikeRev tells whether arg can hardly be meant as a path, so that the
// answer to a version that is not there speaks of versions.
func looksLikeRev(arg string) bool {
	if strings.ContainsAny(arg, "~^") || strings.Contains(arg, "@{") || strings.Contains(arg, "@v") || arg == "HEAD" {
		return true
	}
	if n, ok := strings.CutPrefix(arg, "v"); ok && n != "" && strings.Trim(n, "0123456789") == "" {
		return true
	}
	return len(arg) >= 4 && strings.Trim(arg, "0123456789abcdef") == ""
}

// explain turns "no such model" into a message about both readings, where the
// user's first argument was taken for a path.
func (r revPaths) explain(err error, arg string) error {
	if err == nil || !r.implied || !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return &hintError{err, shellQuote(arg) + " names no version, so it was taken for a path; 'mstore log' lists the versions"}
}

// splitRevPath takes REV:PATH apart at the first colon that does not stand in
// braces, as in main@{2026-11-23 10:15}:model.json. Without one, ok is false.
func splitRevPath(arg string) (rev, path string, ok bool) {
	braces := 0
	for i := 0; i < len(arg); i++ {
		switch arg[i] {
		case '{':
			braces++
		case '}':
			braces--
		case ':':
			if braces <= 0 {
				return arg[:i], arg[i+1:], true
			}
		}
	}
	return "", "", false
}

// revPath reads REV:PATH, where PATH is relative to the root unless it begins
// with ./ or ../, or PATH alone, which is HEAD's and relative to the working
// directory.
func (a *app) revPath(s *store.Store, arg string) (rev, rel string, err error) {
	rev, p, ok := splitRevPath(arg)
	base := s.Root()
	switch {
	case !ok:
		p, base = arg, a.cwd
	case p == "":
		return "", "", usagef("write REV:PATH, for example v12:model.json", "%q names no model", arg)
	case strings.HasPrefix(p, "./") || strings.HasPrefix(p, "../"):
		base = a.cwd
	case path.IsAbs(p):
		return "", "", usagef("write REV:PATH, for example v12:model.json", "%q: the path after a version is relative to the root", arg)
	}
	if rev == "" {
		rev = "HEAD"
	}
	rel, err = s.Rel(base, p)
	return rev, rel, err
}
