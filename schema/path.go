package schema

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/theory/jsonpath"
	"github.com/theory/jsonpath/spec"
)

// Path names places in a document, in the part of JSONPath (RFC 9535) that can be
// followed while the document streams by: names, indices from the front, wildcards and
// slices from the front without a step. A wildcard goes through the members of objects
// as well as the elements of arrays.
type Path struct {
	src   string
	steps []step
}

// step is one selector.
type step struct {
	name     string // a member; "" with any of the others
	byName   bool
	wild     bool
	from, to int64 // elements from to below to
}

// ParsePath reads a path such as $.audio_frames[*].audio_data.f0.
func ParsePath(src string) (Path, error) {
	q, err := jsonpath.Parse(src)
	if err != nil {
		return Path{}, fmt.Errorf("path %q: %w", src, err)
	}
	p := Path{src: src}
	for _, seg := range q.Query().Segments() {
		if seg.IsDescendant() {
			return Path{}, fmt.Errorf("path %q: %s is not supported: name each level, or use [*]", src, seg)
		}
		if len(seg.Selectors()) != 1 {
			return Path{}, fmt.Errorf("path %q: %s names several places at once, which is not supported", src, seg)
		}
		var s step
		switch sel := seg.Selectors()[0].(type) {
		case spec.Name:
			s = step{name: string(sel), byName: true}
		case spec.WildcardSelector:
			s = step{wild: true}
		case spec.Index:
			s = step{from: int64(sel), to: int64(sel) + 1}
		case spec.SliceSelector:
			if s, err = parseSlice(sel.String()); err != nil {
				return Path{}, fmt.Errorf("path %q: %w", src, err)
			}
		default:
			return Path{}, fmt.Errorf("path %q: the selector %s is not supported", src, sel)
		}
		if !s.byName && !s.wild && (s.from < 0 || s.to < 0) {
			return Path{}, fmt.Errorf("path %q: places counted from the end are not supported", src)
		}
		p.steps = append(p.steps, s)
	}
	return p, nil
}

// parseSlice reads a slice as the library prints it.
func parseSlice(text string) (s step, err error) {
	parts := strings.Split(text, ":")
	if len(parts) != 2 {
		return s, fmt.Errorf("a slice with a step, %s, is not supported", text)
	}
	s.to = math.MaxInt64
	if parts[0] != "" {
		s.from, err = strconv.ParseInt(parts[0], 10, 64)
	}
	if parts[1] != "" && err == nil {
		s.to, err = strconv.ParseInt(parts[1], 10, 64)
	}
	return s, err
}

func (p Path) String() string { return p.src }

// below is the path of a field of what p selects; its dots separate names.
func (p Path) below(field string) Path {
	q := Path{src: p.src + "." + field, steps: p.steps[:len(p.steps):len(p.steps)]}
	for name := range strings.SplitSeq(field, ".") {
		q.steps = append(q.steps, step{name: name, byName: true})
	}
	return q
}

func (s step) matchesIndex(i int64) bool { return s.wild || !s.byName && s.from <= i && i < s.to }
