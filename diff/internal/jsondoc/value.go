package jsondoc

import "io"

// Source is random access to the bytes of a document, which must not change meanwhile.
type Source interface {
	io.ReaderAt
	Size() int64
}

// Kind is the kind of a value, by the byte that it may begin with.
type Kind byte

const (
	Object Kind = '{'
	Array  Kind = '['
	String Kind = '"'
	Number Kind = '0'
	True   Kind = 't'
	False  Kind = 'f'
	Null   Kind = 'n'

	// Several is a run of elements, which is no value of its own.
	Several Kind = ','
)

// String is the kind's name in messages and reports.
func (k Kind) String() string {
	switch k {
	case Object:
		return "object"
	case Array:
		return "array"
	case String:
		return "string"
	case Number:
		return "number"
	case True, False:
		return "bool"
	case Null:
		return "null"
	case Several:
		return "elements"
	}
	return "nothing"
}

// Value is one value of a Doc. The zero Value is no value.
type Value struct {
	Start, End int64  // its bytes in the document
	Hash       uint64 // what it is worth
	Spelling   uint64 // how it is written
	Count      int64  // members or elements
	Leaves     int64  // scalars in it, itself included
	Numbers    int64  // numbers among them
	Kind       Kind
	Objects    bool // it is an object or holds one
}

// Size is the length of its text.
func (v Value) Size() int64 { return v.End - v.Start }

// IsContainer tells an object or array from a scalar.
func (v Value) IsContainer() bool { return v.Kind == Object || v.Kind == Array }

// Numeric tells an array, or a matrix of any rank, that is mostly numbers: no objects,
// and at least nine of ten leaves are numbers.
func (v Value) Numeric() bool {
	return v.Kind == Array && !v.Objects && v.Numbers > 0 && v.Numbers*10 >= v.Leaves*9
}
