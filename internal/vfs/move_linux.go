package vfs

import "golang.org/x/sys/unix"

func renameNoReplace(oldDir int, oldname string, newDir int, newname string) error {
	return unix.Renameat2(oldDir, oldname, newDir, newname, unix.RENAME_NOREPLACE)
}
