package vfs

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
)

const (
	fileMode = 0o644
	dirMode  = 0o755
)

// Root is the real file system below one directory, on os.Root: neither a name
// nor a symlink leads out of it, also while somebody exchanges directories for
// symlinks. It may be used concurrently.
type Root struct {
	dir  string
	root *os.Root
	// link is root.Link, but in tests that play a disk without hard links.
	link func(oldname, newname string) error
}

// OpenRoot opens the directory dir, which must exist. The caller closes it.
func OpenRoot(dir string) (*Root, error) {
	r, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &Root{dir: dir, root: r, link: r.Link}, nil
}

// Dir returns the directory as it was given to OpenRoot.
func (r *Root) Dir() string { return r.dir }

// Close releases the directory. Files that are open stay usable.
func (r *Root) Close() error { return r.root.Close() }

// Open implements FS.
func (r *Root) Open(name string) (File, error) {
	return r.open("open", name, os.O_RDONLY|openNonblock)
}

// Create implements FS. The mode is 0644 before the umask.
func (r *Root) Create(name string) (File, error) {
	f, err := r.open("create", name, os.O_CREATE|os.O_EXCL|os.O_RDWR)
	if err == nil {
		_, _ = TryLock(f.(rootFile).f, true) // for InUse; not every file system has locks
	}
	return f, err
}

// InUse implements FS: Create holds a lock as long as the file is open, and the
// system drops it with the process.
func (r *Root) InUse(name string) (bool, error) {
	f, err := r.Open(name)
	if err != nil {
		return false, err
	}
	free, err := TryLock(f.(rootFile).f, true)
	return err == nil && !free, f.Close()
}

func (r *Root) open(op, name string, flag int) (File, error) {
	local, err := localName(op, name)
	if err != nil {
		return nil, err
	}
	f, err := r.root.OpenFile(local, flag, fileMode)
	if err != nil {
		return nil, wrapSys(err)
	}
	return rootFile{f}, nil
}

// Mkdir implements FS. The mode is 0755 before the umask.
func (r *Root) Mkdir(name string) error {
	local, err := localName("mkdir", name)
	if err != nil {
		return err
	}
	return wrapSys(r.root.Mkdir(local, dirMode))
}

// MkdirAll implements FS.
func (r *Root) MkdirAll(name string) error {
	local, err := localName("mkdir", name)
	if err != nil {
		return err
	}
	return wrapSys(r.root.MkdirAll(local, dirMode))
}

// Link implements FS. A file system without hard links is recognised by its
// error, and the file is moved without replacing; where the system cannot do
// that either, the error is errors.ErrUnsupported.
func (r *Root) Link(oldname, newname string) error {
	oldLocal, err := localName("link", oldname)
	if err != nil {
		return err
	}
	newLocal, err := localName("link", newname)
	if err != nil {
		return err
	}
	err = r.link(oldLocal, newLocal)
	if err != nil && isNoHardLinks(err) {
		err = r.moveNoReplace(oldname, newname)
	}
	return wrapSys(err)
}

// Rename implements FS.
func (r *Root) Rename(oldname, newname string) error {
	oldLocal, err := localName("rename", oldname)
	if err != nil {
		return err
	}
	newLocal, err := localName("rename", newname)
	if err != nil {
		return err
	}
	return wrapSys(r.root.Rename(oldLocal, newLocal))
}

// Remove implements FS.
func (r *Root) Remove(name string) error {
	local, err := localName("remove", name)
	if err != nil {
		return err
	}
	return wrapSys(r.root.Remove(local))
}

// Lstat implements FS.
func (r *Root) Lstat(name string) (fs.FileInfo, error) {
	local, err := localName("lstat", name)
	if err != nil {
		return nil, err
	}
	return r.root.Lstat(local)
}

// Stat implements FS.
func (r *Root) Stat(name string) (fs.FileInfo, error) {
	local, err := localName("stat", name)
	if err != nil {
		return nil, err
	}
	return r.root.Stat(local)
}

// ReadDir implements FS. The Info of an entry is what Lstat says when it is
// called.
func (r *Root) ReadDir(name string) ([]fs.DirEntry, error) {
	f, err := r.openDir("readdir", name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	entries, err := f.ReadDir(-1)
	if err != nil {
		return nil, err
	}
	for i, e := range entries {
		entries[i] = rootEntry{e, r, path.Join(name, e.Name())}
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
	return entries, nil
}

// SyncDir implements FS. On Windows, and on file systems that say that they
// cannot sync a directory, it does nothing.
func (r *Root) SyncDir(name string) error {
	f, err := r.openDir("syncdir", name)
	if err != nil {
		return err
	}
	return wrapSys(errors.Join(syncDirFile(f), f.Close()))
}

func (r *Root) openDir(op, name string) (*os.File, error) {
	local, err := localName(op, name)
	if err != nil {
		return nil, err
	}
	return r.root.OpenFile(local, os.O_RDONLY|openDirectory, 0)
}

// rootEntry asks for its Info through the root: that of os goes by path, past
// whatever symlink came to stand there.
type rootEntry struct {
	fs.DirEntry
	root *Root
	name string
}

func (e rootEntry) Info() (fs.FileInfo, error) { return e.root.Lstat(e.name) }

type rootFile struct{ f *os.File }

func (f rootFile) Read(p []byte) (int, error)              { return f.f.Read(p) }
func (f rootFile) ReadAt(p []byte, off int64) (int, error) { return f.f.ReadAt(p, off) }
func (f rootFile) Stat() (fs.FileInfo, error)              { return f.f.Stat() }
func (f rootFile) Sync() error                             { return wrapSys(f.f.Sync()) }
func (f rootFile) Close() error                            { return wrapSys(f.f.Close()) }
func (f rootFile) Write(p []byte) (int, error) {
	n, err := f.f.Write(p)
	return n, wrapSys(err)
}
