// Package index answers questions about a store's history: which versions
// touched a path, hold a blob, have a parameter or metric, and when. It is
// derived from the journal, lies in the workspace, may be deleted at any time
// and is never needed to read a model: a damaged, foreign or outdated index is
// repaired or rebuilt without a word, and answers are those of the journal
// whatever lies in its directory.
//
// Vocabulary. A block is the versions of a run of journal entries, at most
// blockRows of them, stored in columns: IDs, rows (entry, line, sequence
// number, time), paths, blobs, and one column for each field (params.x,
// metrics.y, source, author, branch), with a filter of 32-bit fingerprints of
// every path, directory and blob in it. A block's head names its columns with
// their checksums, and the entry it ends at with that entry's hash. The chain
// is the blocks from entry 1 on, without a gap; its end is the watermark. The
// tail is what the journal has after the watermark: fewer than Options.Batch
// entries are not stored but read for each question, so that a small store
// never opens badger and a large one writes seldom.
//
// The directory holds lock (taken shared to read, exclusively to write), db
// (badger's files), SEAL (what those files look like after a clean close) and
// RETRY (one attempt to recover without a seal was begun). Badger is shown
// files only if they fit the seal, because on a damaged table it may end the
// whole process.
package index
