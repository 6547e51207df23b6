package store

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"strings"

	ignore "github.com/sabhiram/go-gitignore"

	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/objects"
)

// IgnoreFile lists, in the syntax of .gitignore, what is passed over when a
// directory is walked. It may stand in any directory.
const IgnoreFile = ".mstoreignore"

var ignoredDirs = map[string]bool{DirName: true, ".git": true, ".hg": true, ".svn": true, ".jj": true}

// IsIgnoredDir tells whether directories of a name are never walked into: a store, and
// other tools' own.
func IsIgnoredDir(name string) bool { return ignoredDirs[name] }

// scanner finds the models of a working directory.
type scanner struct {
	fs   vfs.FS
	tree *objects.Tree // tracked models are found even where a pattern says to ignore them
	warn func(string)
	skip string // a directory that is left out: a store inside of the root; "" for none
	// Of those who walk again and again: told of each directory before it is listed, and
	// whether an error at a path is to be passed over. Either may be nil.
	entering func(dir string)
	pass     func(p string, err error) bool
}

// TempPrefix begins the names of files that are being written: by checkout, and by
// programs that save with mstore. Walks pass them over.
const TempPrefix = ".mstore-tmp-"

// tempName is a new such name, without directory.
func tempName() string { return TempPrefix + strings.TrimPrefix(vfs.TempName(), vfs.TempPrefix) }

// file is a regular file that was found.
type file struct {
	path string
	fi   fs.FileInfo
}

type ignoreRules struct {
	dir string // the patterns are relative to it
	*ignore.GitIgnore
}

// walk calls fn for each regular file at or below dir, except what is ignored.
func (sc *scanner) walk(ctx context.Context, dir string, fn func(file) error) error {
	rules, err := sc.rulesAbove(dir)
	if err != nil {
		return err
	}
	return sc.walkDir(ctx, dir, rules, fn)
}

func (sc *scanner) rulesAbove(dir string) ([]ignoreRules, error) {
	var rules []ignoreRules
	for i, above := 0, "."; dir != "."; i++ {
		r, err := sc.rules(above)
		if err != nil {
			return nil, err
		}
		rules = append(rules, r...)
		parts := strings.Split(dir, "/")
		if i >= len(parts)-1 {
			break
		}
		above = path.Join(parts[:i+1]...)
	}
	return rules, nil
}

func (sc *scanner) rules(dir string) ([]ignoreRules, error) {
	b, err := vfs.ReadFile(sc.fs, path.Join(dir, IgnoreFile), 1<<20)
	if notExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", path.Join(dir, IgnoreFile), err)
	}
	g := ignore.CompileIgnoreLines(strings.Split(string(b), "\n")...)
	return []ignoreRules{{dir, g}}, nil
}

func isIgnored(rules []ignoreRules, p string, isDir bool) bool {
	for i := len(rules) - 1; i >= 0; i-- { // the nearest file decides
		rel := p
		if rules[i].dir != "." {
			rel = strings.TrimPrefix(p, rules[i].dir+"/")
		}
		if isDir {
			rel += "/"
		}
		if hit, pattern := rules[i].MatchesPathHow(rel); pattern != nil {
			return hit
		}
	}
	return false
}

// enter lists a directory and adds its own rules to those from above.
func (sc *scanner) enter(dir string, rules []ignoreRules) ([]fs.DirEntry, []ignoreRules, error) {
	entries, err := sc.fs.ReadDir(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("reading directory %q: %w", dir, err)
	}
	own, err := sc.rules(dir)
	return entries, append(rules[:len(rules):len(rules)], own...), err
}

func (sc *scanner) walkDir(ctx context.Context, dir string, rules []ignoreRules, fn func(file) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if sc.entering != nil {
		sc.entering(dir)
	}
	entries, rules, err := sc.enter(dir, rules)
	if err != nil {
		return sc.unless(dir, err)
	}
	for _, e := range entries {
		p := path.Join(dir, e.Name())
		if strings.HasPrefix(e.Name(), TempPrefix) || (e.IsDir() && (IsIgnoredDir(e.Name()) || p == sc.skip)) {
			continue
		}
		if isIgnored(rules, p, e.IsDir()) {
			tracked, err := sc.tracked(ctx, p, e.IsDir())
			if err != nil {
				return err
			}
			if !tracked {
				continue
			}
		}
		if err := checkPath(p); err != nil {
			if err = sc.unless(p, err); err != nil {
				return err
			}
			continue
		}
		if e.IsDir() {
			if err := sc.walkDir(ctx, p, rules, fn); err != nil {
				return err
			}
			continue
		}
		fi, err := e.Info()
		if notExist(err) { // gone since the directory was read
			continue
		}
		if err != nil {
			if err = sc.unless(p, fmt.Errorf("looking at %q: %w", p, err)); err != nil {
				return err
			}
			continue
		}
		if !fi.Mode().IsRegular() {
			sc.warn(fmt.Sprintf("%q is %s and was left out", p, kindOf(fi.Mode())))
			continue
		}
		if err := fn(file{p, fi}); err != nil {
			return err
		}
	}
	return nil
}

// unless is err, or nil where it is to be passed over.
func (sc *scanner) unless(p string, err error) error {
	if sc.pass != nil && sc.pass(p, err) {
		return nil
	}
	return err
}

// tracked tells whether the tree has p, or something below it.
func (sc *scanner) tracked(ctx context.Context, p string, isDir bool) (bool, error) {
	if !isDir {
		_, ok, err := sc.tree.Get(ctx, p)
		return ok, err
	}
	for _, err := range sc.tree.Below(ctx, p+"/") {
		return err == nil, err
	}
	return false, nil
}
