package vfs

import (
	"io/fs"
	"syscall"
)

func systemIdentity(fi fs.FileInfo) Identity {
	s, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return Identity{}
	}
	return Identity{Inode: s.Ino, Ctime: s.Ctim.Nano()}
}
