package jsondiff

import "github.com/mstore/mstore/diff/internal/jsondoc"

// Source is random access to the bytes of a saved model.
type Source = jsondoc.Source

// SyntaxError says what is wrong with a document, and where: Side is "a" or "b", Line and
// Column (in characters) count from 1, Off (in bytes) from 0.
type SyntaxError = jsondoc.SyntaxError

// What a SyntaxError may wrap.
var (
	ErrEmpty      = jsondoc.ErrEmpty      // nothing but white space
	ErrTruncated  = jsondoc.ErrTruncated  // cut off
	ErrDuplicate  = jsondoc.ErrDuplicate  // a name twice in one object
	ErrUTF8       = jsondoc.ErrUTF8       // invalid UTF-8
	ErrDepth      = jsondoc.ErrDepth      // more than 10,000 levels
	ErrTooLarge   = jsondoc.ErrTooLarge   // an object of more than 16 million members, or a giant name or number
	ErrNotANumber = jsondoc.ErrNotANumber // NaN or Infinity, where only JSON will do
)

// Options say how documents are compared. The zero value asks for all changes.
type Options struct {
	// Tolerance makes numbers x and y count as equal where |x-y| <= Tolerance*max(1,|x|,|y|):
	// absolute for what is small, relative for what is large.
	Tolerance float64
	// Limit is how many changes are kept, the weightiest; the others are only counted.
	// 0 is DefaultLimit, less than 0 none.
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

// Result is how two documents differ. Its JSON form is stable.
type Result struct {
	// Equal tells that there are no changes: only numbers within the tolerance, and
	// respellings.
	Equal bool `json:"equal"`
	// Changes are the weightiest, in this order: what was added, removed or became another
	// kind, by size; other values that changed, by size; numbers and arrays of numbers, by
	// relative magnitude; elements that moved. Of equals the earlier comes first.
	Changes []Change `json:"changes"`
	// Omitted is how many changes there are beyond those in Changes.
	Omitted int64  `json:"omitted"`
	Totals  Totals `json:"totals"`
}

// Totals count all changes, those that are omitted too.
type Totals struct {
	Added     int64 `json:"added"`     // values
	Removed   int64 `json:"removed"`   // values
	Retyped   int64 `json:"retyped"`   // values that became another kind
	Changed   int64 `json:"changed"`   // strings and words
	Numbers   int64 `json:"numbers"`   // single numbers
	Arrays    int64 `json:"arrays"`    // arrays of numbers that are summarised
	InArrays  int64 `json:"in_arrays"` // numbers changed, added and removed in those
	Moved     int64 `json:"moved"`     // elements that are elsewhere in their array
	Within    int64 `json:"within"`    // numbers that differ within the tolerance: no change
	Respelled int64 `json:"respelled"` // numbers and strings that are equal but written otherwise: no change
}

// Count is how many changes that are.
func (t Totals) Count() int64 {
	return t.Added + t.Removed + t.Retyped + t.Changed + t.Numbers + t.Arrays + t.Moved
}

// Sort is the sort of a change.
type Sort string

const (
	Added   Sort = "added"   // B only
	Removed Sort = "removed" // A only
	Retyped Sort = "retyped" // of another kind
	Changed Sort = "changed" // a string, true or false
	Number  Sort = "number"  // one number
	Array   Sort = "array"   // an array of numbers, summarised
	Moved   Sort = "moved"   // an element that is elsewhere in its array
)

// Change is one change.
type Change struct {
	Sort Sort `json:"sort"`
	// Path is for people: JSONPath, with elements that were aligned by a key named by it,
	// such as $.patterns[pattern_id=17].weight; other elements go by their index in b (in a
	// if they were removed). Names are cut to 100 bytes, and of paths beyond 4 KB the middle
	// is left out, with an ellipsis.
	Path string `json:"path"`
	// PointerA and PointerB are JSON Pointers (RFC 6901) into the documents; "" where the
	// value is not in that document, or is the document, or the pointer is longer than 64 KB.
	PointerA string `json:"pointer_a,omitempty"`
	PointerB string `json:"pointer_b,omitempty"`
	// A and B are the value before and after.
	A *Value `json:"a,omitempty"`
	B *Value `json:"b,omitempty"`
	// Delta of a number is b-a, Relative is that divided by |a|; nil where that is no
	// finite number.
	Delta    *float64 `json:"delta,omitempty"`
	Relative *float64 `json:"relative,omitempty"`
	// Summary is of an Array.
	Summary *Summary `json:"summary,omitempty"`
}

// Value is a value as far as it is shown.
type Value = jsondoc.Shown

// Summary is what happened in an array of numbers, or a matrix. Places are indices, one
// for each dimension, in b.
type Summary struct {
	NumbersA    int64   `json:"numbers_a"` // how many there are in a
	NumbersB    int64   `json:"numbers_b"`
	Changed     int64   `json:"changed"`
	Added       int64   `json:"added"`
	Removed     int64   `json:"removed"`
	Other       int64   `json:"other"`        // elements other than numbers that changed
	MeanChange  float64 `json:"mean_change"`  // mean |b-a| of the changed with a finite difference
	MaxChange   float64 `json:"max_change"`   // the largest of them
	MaxRelative float64 `json:"max_relative"` // |b-a|/max(|a|,|b|), the largest
	MaxAt       []int64 `json:"max_at,omitempty"`
	First       []int64 `json:"first,omitempty"` // the first element that changed, was added or removed
	Last        []int64 `json:"last,omitempty"`
	NotFinite   int64   `json:"not_finite"` // changes from or to NaN or an infinity

	sum, magnitude float64
	finite         int64
}
