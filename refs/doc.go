// Package refs is names and revisions: what a branch, tag or alias may be
// called, and what a person may write to name a version. It reads the journal
// and nothing else, in O(log n) reads.
//
//	HEAD            the head of the current branch
//	v12             the version with that number among the first parents of HEAD
//	NAME            a branch, tag or alias
//	NAME@v12        the same among the first parents of NAME
//	NAME@{2}        where NAME pointed two moves ago
//	NAME@{TIME}     where NAME pointed then: 2025-11-13 (the end of that day),
//	                an RFC 3339 time, or words such as "yesterday", "3 days ago"
//	4f1c            an ID, or its first digits, at least 4
//	REV~3           the first parent's first parent's first parent
//	REV^2           the second parent of a merge; REV^ is the first, as REV~ is
package refs
