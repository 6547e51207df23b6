package gitinfo

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// kind is the type of a file.
type kind uint8

const (
	kindOther kind = iota // sockets and the like: never in git
	kindFile
	kindLink
	kindDir
)

// fileStat is what lstat says of a file.
type fileStat struct {
	kind kind
	exec bool
	stamp
}

// stamp is what tells that a file's content has not changed. Systems that have
// no ctime or inode number leave them 0.
type stamp struct {
	size         int64
	mtime, ctime int64 // nanoseconds since 1970
	ino          uint64
}

// settleTime is how old a change must be for the times to show every later one:
// longer than the coarsest clock of a file system, the 2 s of FAT.
const settleTime = 2*time.Second + 100*time.Millisecond

// settled reports whether a change after now would show in the stamp.
func (s stamp) settled(now time.Time) bool {
	changed := s.mtime
	if s.ctime != 0 {
		changed = s.ctime // mtime can be set at will
	}
	return changed < now.Add(-settleTime).UnixNano()
}

// dirWalk makes sure that the directories above a file are directories: a file
// behind a link is not in the work tree.
type dirWalk struct {
	root string
	last string // a directory that was checked, with all above it
}

// enter reports whether the directory of a name is there.
func (d *dirWalk) enter(name string) (bool, error) {
	dir := name[:max(strings.LastIndexByte(name, '/'), 0)]
	if dir == d.last {
		return true, nil
	}
	for at := 0; at < len(dir); at++ {
		n := strings.IndexByte(dir[at:], '/')
		if n < 0 {
			n = len(dir) - at
		}
		at += n
		if sub := dir[:at]; sub != d.last && !strings.HasPrefix(d.last, sub+"/") {
			st, err := lstat(filepath.Join(d.root, filepath.FromSlash(sub)))
			if err != nil || st.kind != kindDir {
				return false, err
			}
		}
	}
	d.last = dir
	return true, nil
}

func isMissing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}
