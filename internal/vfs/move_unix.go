//go:build linux || darwin

package vfs

import (
	"errors"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// moveNoReplace renames oldname and fails with fs.ErrExist when newname is
// taken. Both parents are opened inside the root first.
func (r *Root) moveNoReplace(oldname, newname string) error {
	oldDir, err := r.root.Open(path.Dir(oldname))
	if err != nil {
		return err
	}
	defer oldDir.Close()
	newDir, err := r.root.Open(path.Dir(newname))
	if err != nil {
		return err
	}
	defer newDir.Close()
	err = renameNoReplace(int(oldDir.Fd()), path.Base(oldname), int(newDir.Fd()), path.Base(newname))
	if err == nil {
		return nil
	}
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTSUP) {
		err = errors.Join(errors.ErrUnsupported, err)
	}
	return &os.LinkError{Op: "move without replacing", Old: oldname, New: newname, Err: err}
}
