package gitinfo

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// worktree is a work tree and where git keeps what it knows about it.
type worktree struct {
	root    string
	gitDir  string // HEAD and the index
	common  string // refs, objects and config: gitDir, unless this is a linked work tree
	conf    config
	confErr error // the configuration could not be read
}

// maxSmall bounds the files of one line or one page: .git, commondir, refs.
const maxSmall = 64 << 10

// find looks upward from dir as git does: the first repository decides, and if
// it has no work tree then there is none. A worktree with an error is one that
// is broken.
func find(dir string) (*worktree, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	// A link into a project is in that project, wherever the link is.
	if phys, err := filepath.EvalSymlinks(dir); err == nil {
		dir = phys
	}
	for at := dir; ; {
		gitDir := filepath.Join(at, ".git")
		fi, err := os.Stat(gitDir)
		switch {
		case err == nil && fi.Mode().IsRegular():
			if gitDir, err = readGitFile(gitDir); err != nil {
				return &worktree{root: at}, err
			}
			common, ok := isRepository(gitDir)
			if !ok {
				return &worktree{root: at}, fmt.Errorf("%q is not a git repository, but %q names it as one",
					gitDir, filepath.Join(at, ".git"))
			}
			return open(dir, at, gitDir, common), nil
		case err == nil && fi.IsDir():
			if common, ok := isRepository(gitDir); ok {
				return open(dir, at, gitDir, common), nil
			}
		}
		if _, ok := isRepository(at); ok {
			return nil, nil // dir is in a bare repository, or in .git
		}
		parent := filepath.Dir(at)
		if parent == at {
			return nil, nil
		}
		at = parent
	}
}

// open reads the configuration; nil if the repository has no work tree around
// dir.
func open(dir, root, gitDir, common string) *worktree {
	w := &worktree{root: root, gitDir: gitDir, common: common}
	w.conf, w.confErr = readConfig(gitDir, common)
	// Both settings speak of the main work tree.
	if gitDir != common {
		return w
	}
	switch {
	case w.conf.worktree != "":
		if phys, err := filepath.EvalSymlinks(gitDir); err == nil {
			gitDir = phys
		}
		w.root = resolve(gitDir, w.conf.worktree)
		if phys, err := filepath.EvalSymlinks(w.root); err == nil {
			w.root = phys
		}
		if rel, err := filepath.Rel(w.root, dir); err != nil || !filepath.IsLocal(rel) {
			return nil
		}
	case w.conf.bare:
		return nil
	}
	return w
}

// isRepository reports whether dir looks like a git directory, and where what
// its work trees share lies.
func isRepository(dir string) (common string, ok bool) {
	if _, err := os.Lstat(filepath.Join(dir, "HEAD")); err != nil {
		return "", false
	}
	common = dir
	switch s, err := readSmall(filepath.Join(dir, "commondir")); {
	case err == nil:
		common = resolve(dir, strings.TrimRight(s, "\r\n"))
	case !errors.Is(err, os.ErrNotExist):
		return "", false
	}
	for _, sub := range []string{"objects", "refs"} {
		if !isDir(filepath.Join(common, sub)) {
			return "", false
		}
	}
	return common, true
}

// readGitFile returns the directory that a .git file of a linked work tree or a
// submodule names.
func readGitFile(name string) (string, error) {
	s, err := readSmall(name)
	if err != nil {
		return "", err
	}
	dir, ok := strings.CutPrefix(strings.TrimRight(s, "\r\n"), "gitdir: ")
	if !ok || dir == "" {
		return "", fmt.Errorf("%q does not name a git directory", name)
	}
	return resolve(filepath.Dir(name), dir), nil
}

func resolve(base, name string) string {
	name = filepath.FromSlash(name)
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	return filepath.Join(base, name)
}

func isDir(name string) bool {
	fi, err := os.Stat(name)
	return err == nil && fi.IsDir()
}

// readSmall reads a file that is not longer than maxSmall.
func readSmall(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSmall+1))
	if err == nil && len(b) > maxSmall {
		err = fmt.Errorf("%q is too long", name)
	}
	return string(b), err
}
