package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/mstore/mstore/internal/vfs"
)

// workLock is a lock on something in the workspace, which the system lets go with the
// process. A nil one locks nothing.
type workLock struct{ f *os.File }

// lockBisect takes the lock on the search of this workspace. It does not wait, for who
// holds it may run tests for hours.
func (s *Store) lockBisect() (*workLock, error) {
	if s.rootDir == "" { // a store in memory, which no other process sees
		return nil, nil
	}
	name := filepath.Join(s.rootDir, filepath.FromSlash(bisectLockFile))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return nil, classify(fmt.Errorf("locking the bisect: %w", err))
	}
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, classify(fmt.Errorf("locking the bisect: %w", err))
	}
	got, err := vfs.TryLock(f, true)
	switch {
	case err == nil && got, errors.Is(err, errors.ErrUnsupported):
		return &workLock{f}, nil
	case err != nil:
		return nil, errors.Join(err, f.Close())
	}
	return nil, errors.Join(as(ErrConflict, errors.New("another 'mstore bisect' is at work here; wait for it, or interrupt it: nothing is lost")), f.Close())
}

func (l *workLock) release() error {
	if l == nil || l.f == nil {
		return nil
	}
	err := l.f.Close()
	l.f = nil
	return err
}
