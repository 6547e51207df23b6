//go:build darwin || freebsd

package store

import (
	"fmt"

	"golang.org/x/sys/unix"
)

func statFS(dir string) (fsFacts, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return fsFacts{}, fmt.Errorf("asking for the file system of %q: %w", dir, err)
	}
	size := uint64(st.Bsize)
	free := max(int64(st.Bavail), 0) // signed on FreeBSD: less than nothing, but for root
	return fsFacts{free: uint64(free) * size, total: st.Blocks * size, kind: unix.ByteSliceToString(st.Fstypename[:])}, nil
}
