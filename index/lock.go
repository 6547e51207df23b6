package index

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/mstore/mstore/internal/vfs"
)

// dirLock is held on the file lock in the index's directory. The system lets
// it go when the process ends.
type dirLock struct{ f *os.File }

func (l *dirLock) release() {
	if l != nil && l.f != nil {
		l.f.Close()
		l.f = nil
	}
}

// lock takes the lock, making the directory if there is none. It waits for
// Options.Wait and then returns ErrBusy. Where the system has no locks it is an error, so
// that every question is answered from the journal.
func (ix *Index) lock(ctx context.Context, exclusive bool) (*dirLock, error) {
	deadline := time.Now().Add(ix.o.Wait)
	for pause := time.Millisecond; ; pause = min(2*pause, 20*time.Millisecond) {
		l, err := ix.tryLock(exclusive)
		if l != nil || err != nil {
			return l, err
		}
		if time.Now().After(deadline) {
			return nil, ErrBusy
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pause):
		}
	}
}

// tryLock returns nil and no error when another holds the lock.
func (ix *Index) tryLock(exclusive bool) (*dirLock, error) {
	if err := os.MkdirAll(ix.dir, 0o777); err != nil {
		return nil, fmt.Errorf("locking the index: %w", err)
	}
	f, err := os.OpenFile(ix.path("lock"), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, fmt.Errorf("locking the index: %w", err)
	}
	got, err := vfs.TryLock(f, exclusive)
	if err != nil || !got {
		f.Close()
		return nil, err
	}
	// The directory may have been removed since, and made anew by another.
	mine, err1 := f.Stat()
	there, err2 := os.Stat(ix.path("lock"))
	if err1 != nil || err2 != nil || !os.SameFile(mine, there) {
		f.Close()
		return nil, nil
	}
	return &dirLock{f}, nil
}
