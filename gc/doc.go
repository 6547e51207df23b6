// Package gc looks after what a store holds and the space that it takes. Collect lets
// go what a policy does not keep: what is needed of the packs that hold it is moved into
// new ones, the old ones are condemned, and removed when their grace is over. Repack
// rewrites packs into less space. Both work on packs and the journal alone and never
// ask an index.
//
// An item is a content that a version put at a path; what becomes of it is decided by
// package gc/policy. Live packs are those that the journal has added, and neither
// removed nor condemned; packs that it does not name are of writers at work, or dead.
package gc
