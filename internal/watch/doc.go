// Package watch decides when files that some program writes are to be saved: when they
// have come to rest, and are complete.
//
// Tracker is the pure part: it is told what was seen, and what time it is. Watcher joins
// it to a Place, where the files are and are saved, and a Source of changes. Notifier is
// the source that the operating system offers.
//
// A file that changed is at rest when nothing has happened to it for the settle time. One
// that is never so long at rest is tried after ten times that, and taken only if it is
// complete beyond doubt, by its own structure. A file that is cut off, or not well-formed,
// is stuck until it changes again.
package watch
