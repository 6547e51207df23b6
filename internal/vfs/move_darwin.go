package vfs

import "golang.org/x/sys/unix"

func renameNoReplace(oldDir int, oldname string, newDir int, newname string) error {
	return unix.RenameatxNp(oldDir, oldname, newDir, newname, unix.RENAME_EXCL)
}
