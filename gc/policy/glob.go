package policy

import (
	"path"
	"strings"
)

// glob is a pattern over a name of parts between slashes. A part is matched as
// path.Match does; a part "**" stands for any number of parts.
type glob []string

// modelGlob reads a pattern for models: without a slash it matches the last
// part at any depth, else the whole path. A slash in front only anchors, one at
// the end means all that lies below.
func modelGlob(pattern string) (glob, error) {
	if !strings.Contains(pattern, "/") {
		pattern = "**/" + pattern
	}
	pattern = strings.TrimPrefix(pattern, "/")
	if strings.HasSuffix(pattern, "/") {
		pattern += "**"
	}
	return branchGlob(pattern)
}

// branchGlob reads a pattern for branches, which matches whole names.
func branchGlob(pattern string) (glob, error) {
	g := glob(strings.Split(pattern, "/"))
	for _, part := range g {
		if _, err := path.Match(part, ""); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// match gives every part of a name to a part of the pattern. Where that fails
// it goes back to the latest "**"; earlier ones need no second try. A "**" at
// the end stands for at least one part.
func (g glob) match(parts []string) bool {
	i, j := 0, 0
	star, mark := -1, 0
	for j < len(parts) {
		switch {
		case i < len(g) && g[i] == "**":
			star, mark = i, j
			i++
		case i < len(g) && matchPart(g[i], parts[j]):
			i++
			j++
		case star >= 0:
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	return i == len(g)
}

func matchPart(pattern, part string) bool {
	ok, err := path.Match(pattern, part)
	return ok && err == nil
}
