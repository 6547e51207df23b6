package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/mstore/mstore/objects"
)

// collisions refuses a new path that some file system would take for one that
// is there already, or for another new one.
func (c *commit) collisions(ctx context.Context) error {
	tree := c.tree()
	added := map[string]string{}
	var paths []string
	removed := map[string]bool{}
	for _, e := range c.edits {
		if e.Remove {
			removed[e.Path] = true
			continue
		}
		_, had, err := tree.Get(ctx, e.Path)
		if err != nil {
			return err
		}
		if had {
			continue
		}
		f := fold(e.Path)
		if other, ok := added[f]; ok {
			return collision(e.Path, other)
		}
		added[f] = e.Path
		paths = append(paths, e.Path)
	}
	if len(paths) > 64 { // cheaper to look at every path once
		for e, err := range tree.Below(ctx, "") {
			if err != nil {
				return err
			}
			if p, ok := added[fold(e.Path)]; ok && !removed[e.Path] {
				return collision(p, e.Path)
			}
		}
		return nil
	}
	for _, p := range paths {
		other, err := findFolded(ctx, tree, p, removed)
		if err != nil {
			return err
		}
		if other != "" {
			return collision(p, other)
		}
	}
	return nil
}

func collision(a, b string) error {
	return as(ErrConflict, fmt.Errorf("%q and %q are one file on some file systems (they differ in case or in Unicode form only); rename one", a, b))
}

// findFolded looks for a path in the tree that folds to the same text as p. It
// goes down the tree character by character and follows only what can still
// match.
func findFolded(ctx context.Context, tree *objects.Tree, p string, removed map[string]bool) (string, error) {
	want := fold(p)
	var search func(prefix string) (string, error)
	search = func(prefix string) (string, error) {
		from := prefix
		for {
			e, ok, err := tree.Ceiling(ctx, from)
			if err != nil || !ok || !strings.HasPrefix(e.Path, prefix) {
				return "", err
			}
			if f := fold(e.Path); f == want && e.Path != p && !removed[e.Path] {
				return e.Path, nil
			}
			rest := e.Path[len(prefix):]
			if rest == "" {
				from = prefix + "\x00"
				continue
			}
			next := prefix + rest[:runeLen(rest)]
			if strings.HasPrefix(want, fold(next)) {
				if found, err := search(next); found != "" || err != nil {
					return found, err
				}
			}
			from = next + "\U0010ffff\U0010ffff"
		}
	}
	return search("")
}

func runeLen(s string) int {
	for i := range s {
		if i > 0 {
			return i
		}
	}
	return len(s)
}
