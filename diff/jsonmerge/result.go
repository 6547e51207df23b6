package jsonmerge

import (
	"errors"

	"github.com/mstore/mstore/diff/internal/jsondoc"
)

// Source is random access to the bytes of a saved model.
type Source = jsondoc.Source

// SyntaxError says what is wrong with a document, and where: Side is "base", "ours" or
// "theirs", Line and Column (in characters) count from 1, Off (in bytes) from 0.
type SyntaxError = jsondoc.SyntaxError

// ErrConflict is the error of a merge with conflicts that no preference resolves.
var ErrConflict = errors.New("both sides changed the same values")

// Prefer says whose value is taken where both sides changed the same.
type Prefer int

const (
	None Prefer = iota
	Ours
	Theirs
)

// Options say how documents are merged.
type Options struct {
	Prefer Prefer
	// Limit is how many conflicts are listed; 0 is DefaultLimit, less than 0 none. All
	// are counted.
	Limit int
	// Preview is how many bytes of a value are shown; 0 is DefaultPreview.
	Preview int
	// Memory is up to how many bytes the text of a document is held in memory; of a larger
	// one only windows are. 0 is 32 MB.
	Memory int64
}

// Defaults of Options.
const (
	DefaultLimit   = 1000
	DefaultPreview = 200
)

// Result is what a merge came to. Its JSON form is stable.
type Result struct {
	// Conflicts are the first of them, in the order of the document, also those that a
	// preference resolved.
	Conflicts []Conflict `json:"conflicts"`
	// Total is how many conflicts there are.
	Total int64 `json:"total"`
	// FromOurs and FromTheirs count values and whole subtrees that were taken from a side
	// because it alone changed them: the changes of each side that the merge combined.
	FromOurs   int64 `json:"from_ours"`
	FromTheirs int64 `json:"from_theirs"`
	// Both counts changes that both sides made in the same way.
	Both int64 `json:"both"`
}

// Reason is why there is a conflict.
type Reason string

const (
	Changed  Reason = "changed"  // both changed a value, in different ways
	Deleted  Reason = "deleted"  // one side deleted what the other changed
	Inserted Reason = "inserted" // both added a member or element, with different values
	Reshaped Reason = "reshaped" // both changed a run of elements that cannot be aligned
	Reorder  Reason = "order"    // both moved elements of an array, in different ways
)

// Conflict is a value that both sides changed.
type Conflict struct {
	Reason Reason `json:"reason"`
	// Path is JSONPath for people, such as $.patterns[pattern_id=17].weight; a run of
	// elements is written as a slice, by its indices in base.
	Path string `json:"path"`
	// Base, Ours and Theirs are the values; nil where there is none.
	Base   *Value `json:"base,omitempty"`
	Ours   *Value `json:"ours,omitempty"`
	Theirs *Value `json:"theirs,omitempty"`
	// Taken is "ours" or "theirs", as preferred, or "" when the conflict stands.
	Taken string `json:"taken,omitempty"`
}

// Value is a value as far as it is shown.
type Value = jsondoc.Shown
