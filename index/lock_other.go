//go:build !unix || solaris || aix

package index

import (
	"errors"
	"fmt"
	"os"
)

// lockFile is unsupported here, so that every question is answered from the
// journal.
func lockFile(f *os.File, _ bool) (bool, error) {
	return false, fmt.Errorf("locking %q: %w", f.Name(), errors.ErrUnsupported)
}
