//go:build unix && !aix

package gitinfo

import (
	"os"

	"golang.org/x/sys/unix"
)

func lstat(path string) (fileStat, error) {
	var st unix.Stat_t
	for {
		err := unix.Lstat(path, &st)
		if err == nil {
			return fromStat(&st), nil
		}
		if err != unix.EINTR {
			return fileStat{}, &os.PathError{Op: "lstat", Path: path, Err: err}
		}
	}
}

func fstat(f *os.File) (fileStat, error) {
	var st unix.Stat_t
	for {
		err := unix.Fstat(int(f.Fd()), &st)
		if err == nil {
			return fromStat(&st), nil
		}
		if err != unix.EINTR {
			return fileStat{}, &os.PathError{Op: "fstat", Path: f.Name(), Err: err}
		}
	}
}

func fromStat(st *unix.Stat_t) fileStat {
	s := fileStat{exec: st.Mode&0o100 != 0, stamp: stamp{
		size:  st.Size,
		mtime: st.Mtim.Nano(),
		ctime: st.Ctim.Nano(),
		ino:   uint64(st.Ino), // of another type on some systems
	}}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		s.kind = kindFile
	case unix.S_IFLNK:
		s.kind = kindLink
	case unix.S_IFDIR:
		s.kind = kindDir
	}
	return s
}
