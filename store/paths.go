package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/mstore/mstore/internal/vfs"
)

// Rel turns a path as the user typed it, absolute or relative to cwd, into the
// slash-separated path relative to the root by which models are named. A path
// outside the root wraps ErrUsage.
func (s *Store) Rel(cwd, p string) (string, error) {
	if p == "" {
		return "", as(ErrUsage, errors.New("an empty path"))
	}
	abs := filepath.FromSlash(p)
	if !filepath.IsAbs(abs) {
		abs = filepath.Join(cwd, abs)
	}
	rel, err := filepath.Rel(s.rootDir, filepath.Clean(abs))
	if err != nil || !filepath.IsLocal(rel) {
		// The same place may have two names: /tmp and /private/tmp.
		if real, rerr := filepath.EvalSymlinks(filepath.Dir(abs)); rerr == nil {
			if root, rerr := filepath.EvalSymlinks(s.rootDir); rerr == nil {
				rel, err = filepath.Rel(root, filepath.Join(real, filepath.Base(abs)))
			}
		}
	}
	if err != nil || !filepath.IsLocal(rel) {
		return "", as(ErrUsage, fmt.Errorf("%q is outside of %q", p, s.rootDir))
	}
	return filepath.ToSlash(rel), nil
}

// checkPath tells why a path cannot name a model.
func checkPath(p string) error {
	why := ""
	switch {
	case p == "" || p == ".":
		why = "it names no file"
	case !utf8.ValidString(p):
		why = "it is not valid UTF-8"
	case strings.ContainsFunc(p, unicode.IsControl):
		why = "it holds a line break or another control character"
	case !fs.ValidPath(p):
		why = "it is not a plain relative path"
	case len(p) > 4096:
		why = "it is longer than 4096 bytes"
	case strings.EqualFold(strings.SplitN(p, "/", 2)[0], DirName):
		why = "mstore's own directory is not saved"
	}
	if why != "" {
		return as(ErrUsage, fmt.Errorf("path %q: %s", p, why))
	}
	return nil
}

// lstat looks at a path without following a symlink anywhere in it. A symlink
// in the middle wraps ErrUsage.
func lstat(fsys vfs.FS, p string) (fs.FileInfo, error) {
	for i := range len(p) {
		if p[i] != '/' {
			continue
		}
		fi, err := fsys.Lstat(p[:i])
		if err != nil {
			return nil, err
		}
		if fi.Mode()&fs.ModeSymlink != 0 {
			return nil, as(ErrUsage, fmt.Errorf("path %q: %q is a symlink", p, p[:i]))
		}
		if !fi.IsDir() {
			return nil, &fs.PathError{Op: "lstat", Path: p, Err: fs.ErrNotExist}
		}
	}
	return fsys.Lstat(p)
}

// kindOf names what a file is that is neither a directory nor regular.
func kindOf(m fs.FileMode) string {
	switch {
	case m&fs.ModeSymlink != 0:
		return "a symlink"
	case m&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case m&fs.ModeSocket != 0:
		return "a socket"
	case m&fs.ModeDevice != 0:
		return "a device"
	}
	return "not a regular file"
}

var foldCaser = cases.Fold()

// fold maps names that a file system may take for one to the same text: what is
// equal under Unicode normalisation and case folding.
func fold(p string) string {
	ascii := true
	for i := range len(p) {
		if p[i] >= utf8.RuneSelf {
			ascii = false
			break
		}
	}
	if ascii {
		return strings.ToLower(p)
	}
	return norm.NFD.String(foldCaser.String(norm.NFD.String(p)))
}

// removeEmptyDir removes a directory that holds nothing but directories.
func removeEmptyDir(fsys vfs.FS, dir string) error {
	entries, err := fsys.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.IsDir() {
			return fs.ErrExist
		}
		if err := removeEmptyDir(fsys, path.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return fsys.Remove(dir)
}

// removeEmptyParents removes the directories above p that hold nothing, and
// returns the lowest that is left.
func removeEmptyParents(fsys vfs.FS, p string) (left string) {
	for left = path.Dir(p); left != "."; left = path.Dir(left) {
		if entries, err := fsys.ReadDir(left); err != nil || len(entries) > 0 || fsys.Remove(left) != nil {
			break
		}
	}
	return left
}

func isPermission(err error) bool { return errors.Is(err, os.ErrPermission) }

// atOrBelow tells whether a path is dir, which may be ".", or lies below it.
func atOrBelow(path, dir string) bool {
	return dir == "." || path == dir || strings.HasPrefix(path, dir+"/")
}
