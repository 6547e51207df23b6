// Package tensordiff compares two files of tensors.
package tensordiff
