//go:build !unix || solaris || aix

package vfs

import (
	"errors"
	"fmt"
	"os"
)

// TryLock is unsupported here.
func TryLock(f *os.File, _ bool) (bool, error) {
	return false, fmt.Errorf("locking %q: %w", f.Name(), errors.ErrUnsupported)
}
