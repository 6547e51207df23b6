package exchange

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"
)

// Filter says which content is wanted: that of versions which are both near enough to
// a tip and young enough, at paths that match. Tips count as young enough. The zero
// Filter wants everything.
type Filter struct {
	Depth int       // a tip is at depth 1, its parents at 2; 0: all
	Paths []string  // globs, as in settings: one without a slash matches in any directory
	Since time.Time // when the version was made; zero: all
}

// All tells whether everything is wanted.
func (f Filter) All() bool { return f.Depth == 0 && len(f.Paths) == 0 && f.Since.IsZero() }

// allVersions tells whether no version's content is left out as a whole.
func (f Filter) allVersions() bool { return f.Depth == 0 && f.Since.IsZero() }

// path tells whether models at a path are wanted.
func (f Filter) path(p string) bool {
	return len(f.Paths) == 0 || slices.ContainsFunc(f.Paths, func(glob string) bool { return matchGlob(glob, p) })
}

func matchGlob(glob, p string) bool {
	if !strings.Contains(glob, "/") {
		p = p[strings.LastIndexByte(p, '/')+1:]
	}
	ok, err := doublestar.Match(glob, p)
	return ok && err == nil
}

// Path tells whether content at a path is wanted, of versions whose content is.
func (f Filter) Path(p string) bool { return f.path(p) }

// String is what ParseFilter reads: a line for each condition; "" for everything.
func (f Filter) String() string {
	var lines []string
	if f.Depth > 0 {
		lines = append(lines, "depth="+strconv.Itoa(f.Depth))
	}
	for _, p := range f.Paths {
		lines = append(lines, "path="+p)
	}
	if !f.Since.IsZero() {
		lines = append(lines, "since="+f.Since.UTC().Format(time.RFC3339Nano))
	}
	return strings.Join(lines, "\n")
}

// ParseFilter reads what String writes.
func ParseFilter(s string) (f Filter, err error) {
	if s == "" {
		return f, nil
	}
	for line := range strings.SplitSeq(s, "\n") {
		key, value, _ := strings.Cut(line, "=")
		switch {
		case key == "depth" && f.Depth == 0:
			f.Depth, err = strconv.Atoi(value)
			if err == nil && f.Depth < 1 {
				err = errors.New("a depth is 1 or more")
			}
		case key == "path" && value != "":
			f.Paths = append(f.Paths, value)
			if !doublestar.ValidatePattern(value) {
				err = errors.New("not a glob")
			}
		case key == "since" && f.Since.IsZero():
			f.Since, err = time.Parse(time.RFC3339Nano, value)
		default:
			err = errors.New("want depth=N, path=GLOB or since=TIME")
		}
		if err != nil {
			return Filter{}, fmt.Errorf("filter %q: %w", line, err)
		}
	}
	return f, nil
}
