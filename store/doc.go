// Package store is the public Go API of mstore, git for machine-learning
// models: it saves files as immutable versions, brings any of them back byte
// for byte, and proves that everything is intact.
//
// A Store joins two things: the store itself, shared and append-only (packs
// full of content and one journal), and a workspace, local to one working
// directory and dispensable (which branch is current, a cache of file times,
// the history index).
//
// The order of writing is what keeps promises: packs are made durable, then
// one journal entry that names them is created; that entry is the commit.
package store
