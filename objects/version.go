package objects

import "time"

// Change says how a version's tree differs from its first parent's at one
// path.
type Change struct {
	Path     string
	Status   Status
	Blob     BlobID // the new content; for Removed what was removed
	Size     int64  // bytes of Blob
	PrevSize int64  // bytes of what stood there before; 0 for Added
	// Kind is the kind of model that Blob was recognised as when it was saved; "" for
	// none, and where nobody looked.
	Kind string
}

// Status is what happened to a model.
type Status uint8

// The values of Status, as they stand in the version's encoding. Unchanged
// never does; reports use it.
const (
	Added Status = iota + 1
	Changed
	Removed
	Unchanged
)

func (s Status) String() string {
	switch s {
	case Added:
		return "added"
	case Changed:
		return "changed"
	case Removed:
		return "removed"
	case Unchanged:
		return "unchanged"
	}
	return "invalid"
}

// MaxChanges is the largest number of changes that a version lists by itself.
// A version that changes more holds only their counts; the list is then the
// comparison of its tree with its first parent's.
const MaxChanges = 1000

// Version is an immutable commit. Its ID is a hash over its canonical
// encoding, which is the same on every machine.
type Version struct {
	Tree       TreeID
	Parents    []VersionID // the first parent first; none for the first version
	Seq        uint64      // the first parent's plus one; the first version has 1
	Generation uint64      // the largest of the parents' plus one
	Time       time.Time   // UTC, nanoseconds
	Author     string
	Message    string
	Source     string         // what the models were made from
	Params     map[string]any // values: string, int64, float64, bool
	Metrics    map[string]any // values: string, int64, float64, bool
	Meta       map[string]any // how it came to be: git.commit, host, env.torch_version, ...; values as above
	Quality    Quality

	// Changes is sorted by path, and empty when there are more than MaxChanges.
	Changes                 []Change
	Added, Changed, Removed int   // counts, always filled in
	Models                  int   // number of models in Tree
	Bytes                   int64 // raw size of all models in Tree
}

// Quality is what validation said of the models that a version added or changed.
type Quality struct {
	Errors, Warnings int    // all of them
	Notes            []Note // not more than MaxNotes
}

// MaxNotes is how many findings of validation a version keeps.
const MaxNotes = 50

// Note is one finding of validation.
type Note struct {
	Path  string // of the model
	Error bool   // else a warning
	Rule  string // which rule it offends
	Place string // in the model: a JSONPath or a tensor; "" for the whole
	Text  string
}
