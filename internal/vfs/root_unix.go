//go:build unix

package vfs

import (
	"errors"
	"os"
	"syscall"
)

const (
	openNonblock  = syscall.O_NONBLOCK
	openDirectory = syscall.O_DIRECTORY
)

func localName(op, name string) (string, error) {
	if !validName(name) {
		return "", pathError(op, name, os.ErrInvalid)
	}
	return name, nil
}

func isNoSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// isNoHardLinks: link(2) says EPERM on FAT and some FUSE and network systems,
// the others where the call is missing altogether.
func isNoHardLinks(err error) bool {
	return errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOTSUP) ||
		errors.Is(err, syscall.EOPNOTSUPP) || errors.Is(err, syscall.ENOSYS)
}

// syncDirFile takes EINVAL and ENOTSUP for "there is no such thing here": CIFS
// and some FUSE systems answer so for directories.
func syncDirFile(f *os.File) error {
	err := f.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		return nil
	}
	return err
}
