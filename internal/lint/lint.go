// Package lint holds the tests of the rules that the compiler does not check:
// which package may import which, and how long a file may be.
package lint
