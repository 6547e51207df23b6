package vfs

import (
	"os"
	"path"
	"path/filepath"

	"golang.org/x/sys/windows"
)

// moveNoReplace renames oldname and fails with fs.ErrExist when newname is
// taken: MoveFileEx without MOVEFILE_REPLACE_EXISTING. It goes by path, so the
// parents are looked up inside the root first.
func (r *Root) moveNoReplace(oldname, newname string) error {
	for _, name := range []string{oldname, newname} {
		dir, err := r.root.Open(filepath.FromSlash(path.Dir(name)))
		if err != nil {
			return err
		}
		dir.Close()
	}
	from, err := windows.UTF16PtrFromString(filepath.Join(r.dir, filepath.FromSlash(oldname)))
	if err != nil {
		return pathError("link", oldname, err)
	}
	to, err := windows.UTF16PtrFromString(filepath.Join(r.dir, filepath.FromSlash(newname)))
	if err != nil {
		return pathError("link", newname, err)
	}
	if err := windows.MoveFileEx(from, to, windows.MOVEFILE_WRITE_THROUGH); err != nil {
		return &os.LinkError{Op: "move without replacing", Old: oldname, New: newname, Err: err}
	}
	return nil
}
