// Package policy decides which contents of a store's history are kept. It is a
// pure function: versions in; keep or expire, with every reason, out. It reads
// no clock and no file.
//
// # Vocabulary
//
// An item is a content that a version put at a path. It is in force from its
// version up to, not including, the version on the same first-parent history
// that changes or removes that path again; on branches that fork off meanwhile
// it stays in force until it is changed there.
//
// A line is the first-parent history of a branch head, or of the tip that a
// deleted branch left: a version that no head and no other version leads to.
// Such a tip is under the rules of the branch that it was committed to, but
// without the protection of a head; if the branch has a ttl that is over for that tip, it is no line,
// and what is on no other expires. A safety version that no line leads through
// is under no rule: the caller pins those that are to stay.
//
// A version is on a line, or merged into it: then a merge on the line, or merged
// into it, has the version among the ancestors of its further parents. What is
// merged into a line is its history too: it is no tip, falls under no ttl, and the
// rules that ask each version by itself (keep-within, keep-where) ask it; those
// that count do not count it.
//
// The reference is the moment that durations count back from: the time of the
// version committed last. A version dated after it is from the future: one of
// the two clocks was wrong, so whatever is in force there is kept, under every
// policy, and its date uses up no place of keep-hourly to keep-yearly. A clock
// that jumped ahead once therefore does not move the window, and one that went
// back keeps more.
//
// # Rules
//
// For each path and each line the rules look at the items of that path on that
// line, newest first. What any rule keeps on any line is kept.
//
//	keep-last N           the newest N items
//	keep-within D         what was in force at some moment within D before the reference
//	keep-hourly N         the newest item of each of the last N hours that have one (UTC);
//	                      keep-daily, keep-weekly (from Monday), keep-monthly, keep-yearly
//	keep-best M:min:N     the N items whose versions have the least (max: the largest)
//	                      metric M; of equals the newer; several are separated by commas,
//	                      and N may be left out: 1
//	keep-where EXPR       what is in force in a version for which the expression holds,
//	                      see package expr and Fields
//	never-below N         the newest N items; no reason for others to go
//	ttl D                 of branches: see Policy.ExpiredBranches
//
// What is in force at a head or at a pin is kept too. Where no rule beginning
// with keep applies, everything is kept. An item that nothing keeps stays when
// a kept one has the same content. An item whose content is gone already counts
// for nothing, but it ended its predecessor.
//
// # Levels
//
// Each rule is set for the store (gc.RULE), for models (gc.model.GLOB.RULE) and
// for branches (gc.branch.GLOB.RULE). The later level replaces the same rule of
// the earlier; "off", a count of 0 or a duration of 0 replaces it by nothing.
// Among the patterns of a level that match and set the rule the longest counts,
// among equally long ones the first in text order.
package policy
