//go:build unix && !solaris && !aix

package vfs

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// TryLock takes a lock on an open file, shared or exclusive, which the system drops
// when the file is closed. It reports false when another open file has a lock that
// conflicts.
func TryLock(f *os.File, exclusive bool) (bool, error) {
	how := syscall.LOCK_SH
	if exclusive {
		how = syscall.LOCK_EX
	}
	for {
		err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EWOULDBLOCK):
			return false, nil
		default:
			return false, fmt.Errorf("locking %q: %w", f.Name(), err)
		}
	}
}
