// Package textdiff compares two texts line by line.
//
// The differences are those of an anchored diff: lines that stand exactly once in
// both texts are matched first, and what lies between them after that. That takes
// O(n log n) steps whatever the texts are. What is not text, or too large for a
// person to read, is counted only.
package textdiff
