package backend

import (
	"errors"
	"fmt"
	"strings"
)

// ErrInvalidKey: the key, or the prefix of a listing, is not of the form that
// Backend demands.
var ErrInvalidKey = errors.New("invalid key")

const (
	maxKey     = 1024 // bytes, the limit of S3
	maxElement = 255  // bytes, the limit of common file systems
)

// ValidKey tells whether key has the form that Backend demands: elements of
// [a-z0-9_.-] that do not begin with a dot, joined by slashes; at most 255
// bytes an element and 1,024 in all.
func ValidKey(key string) bool {
	if len(key) > maxKey {
		return false
	}
	for elem := range strings.SplitSeq(key, "/") {
		if !validElement(elem) {
			return false
		}
	}
	return true
}

// ValidPrefix tells whether some valid key begins with prefix.
func ValidPrefix(prefix string) bool {
	if i := strings.LastIndexByte(prefix, '/'); i >= 0 {
		if !ValidKey(prefix[:i]) {
			return false
		}
		prefix = prefix[i+1:]
	}
	return prefix == "" || validElement(prefix)
}

func validElement(elem string) bool {
	if elem == "" || elem[0] == '.' || len(elem) > maxElement {
		return false
	}
	for i := range len(elem) {
		c := elem[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '.' && c != '-' {
			return false
		}
	}
	return true
}

func checkKey(op, key string) error {
	if !ValidKey(key) {
		return fmt.Errorf("%s %q: %w", op, key, ErrInvalidKey)
	}
	return nil
}

func checkRange(key string, off int64) error {
	if off < 0 {
		return fmt.Errorf("reading %q: negative offset %d", key, off)
	}
	return nil
}
