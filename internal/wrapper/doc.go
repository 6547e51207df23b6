// Package wrapper reads and writes models that carry their metadata with them:
// a JSON document {"metadata": {...}, "data": MODEL}.
//
// The model's bytes are kept as they are. Wrap copies them, white space
// included, and notes their number in the metadata as data_size; by that
// Inspect knows which of the white space around the value is the model's own,
// so that Unwrap returns the very bytes. Of a wrapper that another program
// wrote, the model is the value without the white space around it.
//
// Documents are read once, as a stream. What is held of them at a time is a
// buffer of 64 KB, the nesting, and the metadata, which are bounded; a string
// of any length passes through. What counts as JSON is RFC 8259, except that a
// name may occur twice in an object and a string may hold bytes that are not
// UTF-8: such models exist, and it is not for this package to refuse them.
package wrapper
