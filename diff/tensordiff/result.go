package tensordiff

import (
	"encoding/json"
	"math"

	"github.com/mstore/mstore/schema/tensor"
)

// Number is a float64 that JSON has as null where it is not finite: it is not
// defined, or beyond what a float64 holds.
type Number float64

// MarshalJSON encodes a number, or null.
func (n Number) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(n)) || math.IsInf(float64(n), 0) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

// UnmarshalJSON reads null as NaN.
func (n *Number) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*n = Number(math.NaN())
		return nil
	}
	return json.Unmarshal(b, (*float64)(n))
}

// Status is what became of a tensor.
type Status string

// The statuses, in the order in which tensors are listed.
const (
	Removed  Status = "removed"
	Added    Status = "added"
	Renamed  Status = "renamed"  // one removed and one added are equal in type, shape and bytes
	Reshaped Status = "reshaped" // its type may have changed too
	Retyped  Status = "retyped"  // the shape is the same
	Changed  Status = "changed"
	Unknown  Status = "unknown" // type and shape are equal, the data could not be compared; Note says why
	Equal    Status = "equal"   // never listed
)

// Result is what differs between two files.
type Result struct {
	Before File `json:"before"`
	After  File `json:"after"`
	// Equal: no tensor and no metadata differs, and none is unknown.
	Equal bool `json:"equal"`
	// Summary is one line for a person, with names as the files have them.
	Summary string `json:"summary"`
	Counts  Counts `json:"counts"`
	// Tensors are those that are not equal, structural changes first in the
	// order of the statuses, then by the relative L2 norm of their change, then
	// by name.
	Tensors []Tensor `json:"tensors"`
	// Layers are those with a tensor that is not equal, by the relative L2 norm
	// of their change, those with structural changes first.
	Layers []Layer `json:"layers"`
	// Metadata are the entries that differ, by key.
	Metadata []Metadata `json:"metadata"`
	// Omitted is how many of each there are beyond Options.Limit.
	Omitted Omitted `json:"omitted"`
	// Problems are departures from the formats that do not hinder comparing.
	Problems []Problem `json:"problems"`
}

// File is one of the two.
type File struct {
	Format   tensor.Format `json:"format"`
	Tensors  int           `json:"tensors"`
	Elements int64         `json:"elements"`
	Bytes    int64         `json:"bytes"` // of the tensors
}

// Counts has how many tensors are of each status, and of layers.
type Counts struct {
	Removed  int `json:"removed"`
	Added    int `json:"added"`
	Renamed  int `json:"renamed"`
	Reshaped int `json:"reshaped"`
	Retyped  int `json:"retyped"`
	Changed  int `json:"changed"`
	Unknown  int `json:"unknown"`
	Equal    int `json:"equal"`
	// Layers counts the groups of kind layer in either file, LayersChanged those
	// of them with a tensor that is not equal.
	Layers        int `json:"layers"`
	LayersChanged int `json:"layers_changed"`
}

// Omitted counts what is not listed.
type Omitted struct {
	Tensors  int `json:"tensors"`
	Layers   int `json:"layers"`
	Metadata int `json:"metadata"`
}

// Tensor is one that is not equal. What a side does not have is absent.
type Tensor struct {
	Name        string  `json:"name"`
	From        string  `json:"from,omitempty"` // the name before, of one renamed
	Status      Status  `json:"status"`
	Layer       string  `json:"layer"` // the name of its [Layer]
	DTypeBefore string  `json:"dtype_before,omitempty"`
	DTypeAfter  string  `json:"dtype_after,omitempty"`
	ShapeBefore []int64 `json:"shape_before,omitzero"` // outermost first, [] for a scalar
	ShapeAfter  []int64 `json:"shape_after,omitzero"`
	Elements    int64   `json:"elements"` // after, or before if it was removed
	// Delta is there for changed tensors, and retyped ones of numbers.
	Delta *Delta `json:"delta,omitempty"`
	Note  string `json:"note,omitempty"`
}

// Delta is by how much a tensor changed. The package's documentation has the
// formulas. Of an opaque one there are only the bytes.
type Delta struct {
	// Opaque data is not decoded: quantised in blocks, complex, text.
	Opaque bool `json:"opaque"`
	// Share is the part of the elements that changed, of opaque data of the bytes.
	Share Number `json:"share"`

	Bytes        int64 `json:"bytes,omitempty"` // of opaque data
	BytesChanged int64 `json:"bytes_changed,omitempty"`

	*Values
}

// Values is by how much numbers changed.
type Values struct {
	ElementsChanged int64   `json:"elements_changed"`
	L2              Number  `json:"l2"`          // of after - before
	RelativeL2      Number  `json:"relative_l2"` // to L2Before; null if that is 0
	L2Before        Number  `json:"l2_before"`
	MaxAbs          Number  `json:"max_abs"`       // of after - before
	MaxAbsIndex     []int64 `json:"max_abs_index"` // where, the first; null if nothing changed
	Cosine          Number  `json:"cosine"`        // null if a side is all zeros
	Before          Moments `json:"before"`
	After           Moments `json:"after"`
}

// Moments describe the values of one side.
type Moments struct {
	Mean Number `json:"mean"` // of the finite ones; null if there is none
	Std  Number `json:"std"`  // of the population
	NaN  int64  `json:"nan"`
	Inf  int64  `json:"inf"`
}

// Kind is a sort of layer.
type Kind string

// The kinds.
const (
	KindLayer     Kind = "layer" // numbered
	KindEmbedding Kind = "embedding"
	KindOptimizer Kind = "optimizer"
	KindOther     Kind = "other"
)

// Layer is a group of tensors with a common beginning of their names.
type Layer struct {
	Name string `json:"name"`
	Kind Kind   `json:"kind"`
	// Tensors are those of either file, TensorsChanged those that are not equal.
	Tensors        int `json:"tensors"`
	TensorsChanged int `json:"tensors_changed"`
	// Structural are those that were added, removed, renamed, reshaped or retyped.
	Structural int `json:"structural"`
	// The norms are over the tensors with Values. RelativeL2 is 0 if there are
	// none.
	L2         Number `json:"l2"`
	RelativeL2 Number `json:"relative_l2"`
}

// Metadata is an entry that differs. Values that are long are cut, so that both
// may read the same.
type Metadata struct {
	Key    string `json:"key"`
	Status Status `json:"status"` // removed, added or changed
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

// Problem is a departure from a format.
type Problem struct {
	Side Side   `json:"side"`
	Text string `json:"text"`
}
