//go:build unix && !linux && !darwin

package vfs

import (
	"errors"
	"os"
)

func (r *Root) moveNoReplace(oldname, newname string) error {
	return &os.LinkError{Op: "move without replacing", Old: oldname, New: newname, Err: errors.ErrUnsupported}
}
