package vfs

import (
	"io/fs"
	"maps"
	"path"
	"slices"
	"syscall"
)

// Open implements FS.
func (m *Mem) Open(name string) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, _, n, err := m.existing("open", name, true)
	if err != nil {
		return nil, err
	}
	n.opens++
	return &memFile{m: m, n: n, name: name}, nil
}

// Create implements FS.
func (m *Mem) Create(name string) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.add("create", name, fileMode)
	if err != nil {
		return nil, err
	}
	n.opens++
	return &memFile{m: m, n: n, name: name, writable: true}, nil
}

// Mkdir implements FS.
func (m *Mem) Mkdir(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, err := m.add("mkdir", name, fs.ModeDir|dirMode)
	return err
}

// MkdirAll implements FS.
func (m *Mem) MkdirAll(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !validName(name) {
		return pathError("mkdir", name, fs.ErrInvalid)
	}
	for i := 0; i <= len(name); i++ {
		if i < len(name) && name[i] != '/' {
			continue
		}
		_, _, n, err := m.walk("mkdir", name[:i], true)
		if err != nil {
			return err
		}
		if n == nil {
			_, err = m.add("mkdir", name[:i], fs.ModeDir|dirMode)
		} else if !n.mode.IsDir() {
			err = pathError("mkdir", name[:i], syscall.ENOTDIR)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Link implements FS.
func (m *Mem) Link(oldname, newname string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, _, n, err := m.existing("link", oldname, false)
	if err != nil {
		return err
	}
	if n.mode.IsDir() {
		return pathError("link", oldname, syscall.EPERM)
	}
	dir, base, old, err := m.walk("link", newname, false)
	if err != nil {
		return err
	}
	if old != nil {
		return pathError("link", newname, fs.ErrExist)
	}
	n.links++
	n.ctime = m.clock()
	m.change(dir, memChange{base, n})
	return nil
}

// Rename implements FS.
func (m *Mem) Rename(oldname, newname string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	from, oldBase, n, err := m.existing("rename", oldname, false)
	if err != nil {
		return err
	}
	to, newBase, old, err := m.walk("rename", newname, false)
	switch {
	case err != nil:
		return err
	case from == nil || to == nil || n.mode.IsDir() && n.holds(to):
		return pathError("rename", oldname, fs.ErrInvalid)
	case old == n:
		return nil
	case old == nil:
	case old.mode.IsDir() && !n.mode.IsDir():
		return pathError("rename", newname, syscall.EISDIR)
	case !old.mode.IsDir() && n.mode.IsDir():
		return pathError("rename", newname, syscall.ENOTDIR)
	case len(old.entries) > 0:
		return pathError("rename", newname, syscall.ENOTEMPTY)
	}
	if old != nil {
		m.unlink(old)
	}
	n.ctime = m.clock()
	if from == to {
		m.change(to, memChange{oldBase, nil}, memChange{newBase, n})
	} else {
		m.change(to, memChange{newBase, n})
		m.change(from, memChange{oldBase, nil})
	}
	return nil
}

// Remove implements FS.
func (m *Mem) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir, base, n, err := m.existing("remove", name, false)
	switch {
	case err != nil:
		return err
	case dir == nil:
		return pathError("remove", name, fs.ErrInvalid)
	case len(n.entries) > 0:
		return pathError("remove", name, syscall.ENOTEMPTY)
	}
	m.change(dir, memChange{base, nil})
	m.unlink(n)
	return nil
}

// InUse implements FS. Whoever has the file open counts.
func (m *Mem) InUse(name string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, _, n, err := m.existing("lock", name, true)
	if err != nil {
		return false, err
	}
	return n.opens > 0, nil
}

// ReadDir implements FS.
func (m *Mem) ReadDir(name string) ([]fs.DirEntry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, _, n, err := m.existing("readdir", name, true)
	if err != nil {
		return nil, err
	}
	if !n.mode.IsDir() {
		return nil, pathError("readdir", name, syscall.ENOTDIR)
	}
	entries := make([]fs.DirEntry, 0, len(n.entries))
	for _, base := range slices.Sorted(maps.Keys(n.entries)) {
		entries = append(entries, fs.FileInfoToDirEntry(n.entries[base].info(base)))
	}
	return entries, nil
}

// Lstat implements FS.
func (m *Mem) Lstat(name string) (fs.FileInfo, error) { return m.stat("lstat", name, false) }

// Stat implements FS.
func (m *Mem) Stat(name string) (fs.FileInfo, error) { return m.stat("stat", name, true) }

func (m *Mem) stat(op, name string, follow bool) (fs.FileInfo, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, _, n, err := m.existing(op, name, follow)
	if err != nil {
		return nil, err
	}
	return n.info(path.Base(name)), nil
}

// SyncDir implements FS.
func (m *Mem) SyncDir(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, _, n, err := m.existing("syncdir", name, true)
	if err != nil {
		return err
	}
	if !n.mode.IsDir() {
		return pathError("syncdir", name, syscall.ENOTDIR)
	}
	for _, op := range n.pending {
		apply(n.durable, op)
	}
	n.pending = nil
	return nil
}
