package vfs

import "io/fs"

// IdentityOf reads the identity out of a FileInfo that came from an FS of this
// package; it is the zero Identity where the system does not tell (Windows).
func IdentityOf(fi fs.FileInfo) Identity {
	if s, ok := fi.Sys().(*MemSys); ok {
		return Identity{Inode: s.Inode, Ctime: s.Ctime}
	}
	return systemIdentity(fi)
}
