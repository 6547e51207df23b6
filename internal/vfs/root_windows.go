package vfs

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/windows"
)

const (
	openNonblock  = 0
	openDirectory = 0
)

func localName(op, name string) (string, error) {
	if !validName(name) {
		return "", pathError(op, name, os.ErrInvalid)
	}
	local, err := filepath.Localize(name)
	if err != nil {
		return "", pathError(op, name, err)
	}
	return local, nil
}

func isNoSpace(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL) ||
		errors.Is(err, windows.ERROR_DISK_QUOTA_EXCEEDED) || errors.Is(err, syscall.ENOSPC)
}

// isNoHardLinks: FAT and exFAT answer ERROR_INVALID_FUNCTION.
func isNoHardLinks(err error) bool {
	return errors.Is(err, errors.ErrUnsupported) || errors.Is(err, windows.ERROR_INVALID_FUNCTION)
}

// syncDirFile does nothing: Windows has no sync of a directory; NTFS logs its
// metadata in order.
func syncDirFile(*os.File) error { return nil }
