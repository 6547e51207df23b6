// Package exchange copies versions from one store to another.
//
// Version records and trees always travel whole; content travels unless a Filter
// leaves it out. A store that has a version has the records and trees of all its
// ancestors, so that only where histories part is looked for. What is missing is told
// by comparing trees; what the destination has is not sent. Records travel as they are
// stored, differences to what the destination has included, and are decoded and hashed
// again on arrival. Packs are named in the destination's journal as they fill, so that
// an interrupted transfer goes on where it was; versions follow when all of their
// content is there, and the names that ask for them move with the last of them, in one
// step.
//
// Nothing that a source says is believed: see check.go.
package exchange
