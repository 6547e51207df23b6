// Package vfs is the file-system seam. Everything that mstore reads or writes
// on a local disk goes through an FS, so that tests can forget what was not
// synced, fail any operation, or fill the disk.
//
// Four implementations: the real one (OpenRoot), memory with crash clones
// (NewMem), fault injection over another FS (NewFault) and a size limit
// (Mem.SetCapacity).
package vfs

import (
	"io"
	"io/fs"
)

// FS is a file system that is rooted at one directory. Names are relative,
// slash-separated and clean as fs.ValidPath demands; "." is the root. A name
// never reaches outside the root, not through a symlink either. Errors satisfy
// errors.Is with fs.ErrNotExist, fs.ErrExist and fs.ErrPermission; a full disk
// is ErrNoSpace. An FS may be used by several goroutines at once.
type FS interface {
	// Open opens a file for reading. It does not block on a FIFO or a device;
	// callers that care for the kind of file ask Lstat before and File.Stat
	// after.
	Open(name string) (File, error)
	// Create makes a new file for writing and fails with fs.ErrExist when the
	// name is taken, by a symlink too.
	Create(name string) (File, error)
	// Mkdir makes one directory; MkdirAll also its missing parents and is
	// content with what exists.
	Mkdir(name string) error
	MkdirAll(name string) error
	// Link gives a file a second name and fails with fs.ErrExist when that name
	// is taken: exactly one of several racing callers wins. Where the file
	// system has no hard links, the real FS moves the file without replacing
	// (then the old name is gone).
	Link(oldname, newname string) error
	// Rename moves a file, replacing what stood at newname.
	Rename(oldname, newname string) error
	// Remove deletes a file or an empty directory.
	Remove(name string) error
	// ReadDir lists a directory, sorted by name.
	ReadDir(name string) ([]fs.DirEntry, error)
	// Lstat does not follow a symlink in the last element; Stat follows it, but
	// never out of the root.
	Lstat(name string) (fs.FileInfo, error)
	Stat(name string) (fs.FileInfo, error)
	// InUse tells whether somebody who made a file with Create has it open still,
	// in any process. Where the system cannot say, it is false.
	InUse(name string) (bool, error)
	// SyncDir makes the entries of a directory durable: creations, links,
	// renames and removals in it.
	SyncDir(name string) error
}

// File is an open file. Writes go to its end.
type File interface {
	io.Reader
	io.ReaderAt
	io.Writer
	io.Closer
	Stat() (fs.FileInfo, error)
	// Sync makes the content durable; the name needs FS.SyncDir.
	Sync() error
}

// Identity is what the operating system knows of a file besides its name, to
// tell whether it is still the same: Inode 0 and Ctime 0 where it cannot say.
type Identity struct {
	Inode uint64
	Ctime int64 // change time of the inode, nanoseconds since 1970
}
