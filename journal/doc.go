// Package journal is the log of everything that ever changed a store: numbered
// entries, each created only if its number is free, each holding the hash of
// the one before. Whoever creates entry n has won n; who loses reads what
// happened, redoes what depends on it, and tries n + 1.
//
// Keys, all below "journal/":
//
//	c<inverted generation>   checkpoints: the state up to a watermark
//	e<number>                entries after the watermark (and some before it), one
//	                         or a batch, whose first has that number
//	a<name>                  archive segments: older entries in bulk
//
// Numbers are 16 hex digits; generations are inverted so that the newest
// checkpoint is listed first. A reader lists once, reads the newest checkpoint
// and the newest entry, and has a consistent snapshot: every file repeats in
// short (as digests) what the entries before it did, back to a base that
// follows from their numbers as in a Fenwick tree, so that the whole tail after a
// checkpoint takes two reads at the most. Digests also say which entries came in one
// file, so that a missing one is noticed.
//
// A batch is written by who has the state before it, and seen whole or not at all: no
// state ends inside one, so nobody tries a number inside one.
//
// The watermark rule: entries at or below the watermark of a checkpoint may be
// gone, so that a number could be created twice. After creating n a writer
// looks for a newer checkpoint; if n lies at or below its watermark, the
// archive tells who really won n.
package journal
