package store

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"testing"

	"github.com/mstore/mstore/internal/vfs"
)

// TestPromisedCrash dies at each write while what is promised is fetched and stored: what
// is left is a store in which everything reads back.
func TestPromisedCrash(t *testing.T) {
	full, dir := newDirStore(t)
	want := saveHistory(t, full, 3)
	base := vfs.NewMem()
	clonePart(t, full, base, dir, nil)
	syncAll(t, base, ".")
	crashEverywhere(t, base, func(s *Store) error {
		defer s.Close()
		return readVersion(s, 2, want[1])
	}, nil, func(m *vfs.Mem, acked bool) error {
		s, err := openOn(m, laterClock())
		if err != nil {
			return err
		}
		defer s.Close()
		if err := clean(s); err != nil {
			return err
		}
		for i, w := range want[:2] {
			if err := readVersion(s, i+1, w); err != nil {
				return err
			}
		}
		return clean(s)
	})
}

func readVersion(s *Store, n int, want files) error {
	v, err := s.Show(context.Background(), fmt.Sprintf("v%d", n))
	if err != nil {
		return err
	}
	if err := s.Materialise(context.Background(), v); err != nil {
		return err
	}
	got, err := modelsOf(s, v)
	if err == nil {
		err = sameFiles(got, want)
	}
	return err
}

// TestPromisedFault fails each operation: reading goes on, by way of the remote if what is
// fetched cannot be kept.
func TestPromisedFault(t *testing.T) {
	full, dir := newDirStore(t)
	want := saveHistory(t, full, 2)
	base := vfs.NewMem()
	clonePart(t, full, base, dir, nil)
	for name, errno := range map[string]error{"EIO": syscall.EIO, "no space": vfs.ErrNoSpace} {
		for k := 0; ; k++ {
			if testing.Short() && k%4 != 0 {
				continue
			}
			m := base.ProcessCrash()
			f := vfs.NewFault(m)
			n, failed := 0, false
			f.OnOp(func(op vfs.Op) error {
				if !mutates(op.Kind) {
					return nil
				}
				if n++; n == k+1 {
					failed = true
					return errno
				}
				return nil
			})
			s, err := openOn(f, laterClock())
			if err == nil {
				err = readVersion(s, 1, want[0])
			}
			if err != nil {
				t.Fatalf("%s at write %d: %v", name, k, err)
			}
			s.Close()
			f.OnOp(nil)
			if s, err = openOn(m, laterClock()); err == nil {
				err = errors.Join(clean(s), readVersion(s, 2, want[1]), clean(s), s.Close())
			}
			if err != nil {
				t.Fatalf("%s at write %d, afterwards: %v", name, k, err)
			}
			if !failed {
				break
			}
		}
	}
}
