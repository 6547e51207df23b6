package schema

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/mstore/mstore/internal/expr"
)

// Kind is a sort of model: how it is recognised, what its documents must look like,
// what is said of it, and when its quality is in doubt. It is made by ParseKind and
// may be used concurrently.
type Kind struct {
	Name    string
	Title   string
	Builtin bool
	Source  []byte // the file that it was read from

	Match  []Match
	Stats  []Stat // shown
	Values []Stat // used by rules only
	Rules  []Rule
	// Params and Metrics are taken from the document as metadata of the version.
	Params, Metrics []Extract
	From            []Path // what the model was made from: the first that is there

	must, should lazyPlan // the schema, and what is merely expected
}

// Match is one way of recognising a kind; all that it names must be so.
type Match struct {
	Names   []string // any of these globs matches the file's name, or its path where the glob has a slash
	Has     []string // members of the document, all of them
	Lacks   []string // members that it has not
	Formats []string // any of these formats; without, JSON
}

// Extract is a value of a document that becomes a parameter or a metric.
type Extract struct {
	Name string
	Path Path
}

// Severity says what a finding means: an error makes a model invalid.
type Severity string

// The severities.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Stat is one figure about a model.
type Stat struct {
	Name  string
	Op    string // one of statOps
	Paths []Path // the first that selects anything counts
	By    *regexp.Regexp
	Of    [2]string // minus and per: names of other figures
}

// statOps are the figures that there are, with what they do.
var statOps = map[string]string{
	"value":    "the value there",
	"size":     "how many members or elements it has",
	"count":    "how many places the path selects",
	"distinct": "how many different values it selects",
	"sum":      "their sum; with by: the largest sum of a group",
	"min":      "the least number",
	"max":      "the greatest number",
	"mean":     "their mean",
	"first":    "the first number",
	"last":     "the last number",
	"span":     "the greatest less the least",
	"minus":    "one figure less another",
	"per":      "one figure divided by another",
}

// Rule is a doubt about a model's quality. With Each it looks at elements of the
// document, else at the figures of Stats and Values.
type Rule struct {
	Name     string
	Severity Severity
	Message  string

	When   *expr.Expr // on figures: where it does not hold, neither does the rule apply
	Must   *expr.Expr // on figures, or on the members of an element
	Each   *Path      // elements
	Has    []string   // members that an element must have
	Order  bool       // elements are numbers that do not fall
	Sample int64      // elements that are looked at; 0: all
	Share  float64    // share of the elements for which it must hold, 0 to 1

	fields []string // of an element: those that Must or Has name, and then those that only Message does
	asked  int      // how many of them Must or Has name
}

// named tells whether a match that asks for a name asks for this one.
func (m *Match) named(name string) bool {
	return len(m.Names) == 0 || slices.ContainsFunc(m.Names, func(glob string) bool {
		subject := path.Base(name)
		if strings.Contains(glob, "/") {
			subject = name
		}
		ok, err := doublestar.Match(glob, subject)
		return ok && err == nil
	})
}

func (m *Match) formatted(format string) bool {
	if len(m.Formats) == 0 {
		return format == FormatJSON
	}
	return slices.Contains(m.Formats, format)
}

// fitting tells whether the match takes models of that name and format.
func (m *Match) fitting(name, format string) bool { return m.formatted(format) && m.named(name) }

// unconditional tells whether the match does not ask what is in a document.
func (m *Match) unconditional() bool { return len(m.Has)+len(m.Lacks) == 0 }

func (m *Match) fits(has map[string]bool) bool {
	for _, k := range m.Has {
		if !has[k] {
			return false
		}
	}
	return !slices.ContainsFunc(m.Lacks, func(k string) bool { return has[k] })
}

// String describes the match for people.
func (m *Match) String() string {
	var parts []string
	if len(m.Formats) > 0 {
		parts = append(parts, "format "+strings.Join(m.Formats, " or "))
	}
	if len(m.Names) > 0 {
		parts = append(parts, "name "+strings.Join(m.Names, " or "))
	}
	if len(m.Has) > 0 {
		parts = append(parts, "has "+strings.Join(m.Has, ", "))
	}
	if len(m.Lacks) > 0 {
		parts = append(parts, "lacks "+strings.Join(m.Lacks, ", "))
	}
	return strings.Join(parts, "; ")
}

// String describes the figure for people.
func (s *Stat) String() string {
	if s.Of[0] != "" {
		return fmt.Sprintf("%s %s %s", s.Of[0], s.Op, s.Of[1])
	}
	var paths []string
	for _, p := range s.Paths {
		paths = append(paths, p.String())
	}
	text := s.Op + " of " + strings.Join(paths, ", or ")
	if s.By != nil {
		text += " by " + s.By.String()
	}
	return text
}
