// Package expr is the small language that log --where, gc and quality rules
// share: a condition on the fields of one version.
//
//	metrics.loss < 0.5 and not params.opt in ('sgd', 'adam')
//	age < 30d or tag like 'release-*'
//	time >= '2025-11-13' and author ~ '@example\.org$'
//
// Operators, weakest first: or, and, not, then = (or ==) != < <= > >=, in (a,
// b), like 'glob' (* is any run of characters, ? is one), ~ 'regexp' (RE2,
// unanchored). A field stands on the left and a literal on the right; a field
// alone asks whether it is true. Keywords may be written in any case.
//
// Fields are dotted words, and a part with odd characters is quoted:
// metrics."a b". Literals are numbers, 'single' and "double" quoted strings (a
// backslash escapes the next character), true, false, durations (30d, 12h,
// 1h30m; units ns us ms s m h d w) and dates. A date is written 2025-11-13 or
// as RFC 3339, in quotes or without. A date without a time is the whole day in
// UTC: time = 2025-11-13 is any moment of that day, <= includes it, > is after
// it.
//
// A comparison is false when the version does not have the field, when the
// types differ (number against string) and when the value is NaN; that holds
// for != as well, as in SQL. But not turns false into true, so not
// metrics.loss < 1 holds for a version without metrics.loss.
package expr
