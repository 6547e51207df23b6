// Package mirror keeps a second store as a copy of a first, file by file: the same
// packs, index and archive segments, entries, checkpoints and parity, byte for byte,
// under the same keys and with the same ID.
//
// Words: the source is the store that is written to, the target is its mirror. A file
// has arrived when it was verified where it lies in the target. What the target's
// journal names is there before it is named, at every moment, so that the target can be
// opened, read and checked while it is copied to, and after a copy that was cut off.
//
// Fetch takes single files from one copy to another, verified, for repair in either
// direction.
package mirror

import "errors"

var (
	// ErrOther: the target is another store.
	ErrOther = errors.New("it is another store")
	// ErrDiverged: the target has entries that the source does not have.
	ErrDiverged = errors.New("it has entries of its own")
	// ErrAhead: the target has all that the source has, and more.
	ErrAhead = errors.New("it has newer entries than what it mirrors")
	// ErrDamaged: something that is needed is damaged or lost.
	ErrDamaged = errors.New("damaged or lost")
	// ErrNotEmpty: there is something at the target, and it is no store.
	ErrNotEmpty = errors.New("there is something, and it is no store")
	// ErrPromoted: the target was a mirror, and has been made a store of its own.
	ErrPromoted = errors.New("it is no mirror any more")
)

// Damage is a file that could not be copied, because of what it holds.
type Damage struct {
	Key string
	Err error
}
