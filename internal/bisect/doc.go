// Package bisect searches for the first bad one of a line of versions. It is pure: it
// says which version to test next, and is told the verdict.
//
// The candidates stand at places 1 to n. Place 0 is known to be good and place n to be
// bad; whatever comes after a bad one is taken to be bad, whatever comes before a good
// one to be good. A place that cannot be tested is skipped.
package bisect
