package gitinfo

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/go-git/go-git/v5/plumbing"
)

// maxSymbolic is how many symbolic refs git follows.
const maxSymbolic = 5

// head returns the commit that HEAD names, "" before the first one, and the
// branch, which is the last ref on the way. The refs are read here because the library's hashes have 20 bytes: it
// would cut the commit of a SHA-256 repository short.
func (w *worktree) head() (commit, branch string, err error) {
	if s := w.conf.refStorage; s != "" && s != "files" {
		return "", "", fmt.Errorf("ref storage %q: %w", s, errors.ErrUnsupported)
	}
	name := "HEAD"
	for range maxSymbolic {
		s, err := w.ref(name)
		if err != nil {
			return "", branch, fmt.Errorf("reading ref %q: %w", name, err)
		}
		if s == "" {
			return "", branch, nil
		}
		target, symbolic := strings.CutPrefix(s, "ref:")
		if !symbolic {
			if !isHash(s) {
				return "", branch, fmt.Errorf("ref %q is not a hash", name)
			}
			return strings.ToLower(s), branch, nil
		}
		target = strings.TrimSpace(target)
		if !strings.HasPrefix(target, "refs/") || !plumbing.ReferenceName(target).IsSafe() || !filepath.IsLocal(filepath.FromSlash(target)) {
			return "", branch, fmt.Errorf("ref %q names %q, which is no ref", name, target)
		}
		branch = strings.TrimPrefix(target, "refs/heads/")
		name = target
	}
	return "", branch, fmt.Errorf("HEAD: more than %d symbolic refs", maxSymbolic)
}

// ref returns the text of a ref, "" if there is none.
func (w *worktree) ref(name string) (string, error) {
	dir := w.common
	if ofWorktree(name) {
		dir = w.gitDir
	}
	file := filepath.Join(dir, filepath.FromSlash(name))
	s, err := readSmall(file)
	switch {
	case err == nil:
		s, _, _ = strings.Cut(s, "\n")
		if s = strings.TrimSpace(s); s == "" {
			return "", fmt.Errorf("%q is empty", file)
		}
		return s, nil
	// Packing leaves the directory refs/heads/a behind when a/b was a branch
	// and a is one now.
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR), isDir(file):
		return packedRef(filepath.Join(w.common, "packed-refs"), name)
	}
	return "", err
}

// ofWorktree reports whether each work tree has the ref for itself.
func ofWorktree(name string) bool {
	if !strings.HasPrefix(name, "refs/") {
		return true
	}
	for _, p := range []string{"refs/bisect/", "refs/worktree/", "refs/rewritten/"} {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}

func packedRef(file, name string) (string, error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	sc := bufio.NewScanner(f)
	for sc.Scan() {
		// "# pack-refs with: …" and "^<the commit of the tag above>" have no
		// such name.
		hash, ref, _ := strings.Cut(sc.Text(), " ")
		if ref == name {
			return hash, nil
		}
	}
	return "", sc.Err()
}

func isHash(s string) bool {
	_, err := hex.DecodeString(s)
	return err == nil && (len(s) == 40 || len(s) == 64)
}
