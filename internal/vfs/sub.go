package vfs

import (
	"io/fs"
	"path"
)

// Sub returns the part of an FS below dir, which must exist before it is used.
func Sub(fsys FS, dir string) FS {
	if dir == "." {
		return fsys
	}
	return &sub{fsys, dir}
}

type sub struct {
	fs  FS
	dir string
}

func (s *sub) full(op, name string) (string, error) {
	if !fs.ValidPath(name) {
		return "", &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	return path.Join(s.dir, name), nil
}

func (s *sub) Open(name string) (File, error) {
	full, err := s.full("open", name)
	if err != nil {
		return nil, err
	}
	return s.fs.Open(full)
}

func (s *sub) Create(name string) (File, error) {
	full, err := s.full("create", name)
	if err != nil {
		return nil, err
	}
	return s.fs.Create(full)
}

func (s *sub) one(op, name string, do func(string) error) error {
	full, err := s.full(op, name)
	if err != nil {
		return err
	}
	return do(full)
}

func (s *sub) Mkdir(name string) error    { return s.one("mkdir", name, s.fs.Mkdir) }
func (s *sub) MkdirAll(name string) error { return s.one("mkdir", name, s.fs.MkdirAll) }
func (s *sub) Remove(name string) error   { return s.one("remove", name, s.fs.Remove) }
func (s *sub) SyncDir(name string) error  { return s.one("sync", name, s.fs.SyncDir) }

func (s *sub) InUse(name string) (used bool, err error) {
	err = s.one("lock", name, func(full string) (err error) {
		used, err = s.fs.InUse(full)
		return err
	})
	return used, err
}

func (s *sub) two(op, oldname, newname string, do func(string, string) error) error {
	from, err := s.full(op, oldname)
	if err != nil {
		return err
	}
	to, err := s.full(op, newname)
	if err != nil {
		return err
	}
	return do(from, to)
}

func (s *sub) Link(oldname, newname string) error {
	return s.two("link", oldname, newname, s.fs.Link)
}

func (s *sub) Rename(oldname, newname string) error {
	return s.two("rename", oldname, newname, s.fs.Rename)
}

func (s *sub) ReadDir(name string) ([]fs.DirEntry, error) {
	full, err := s.full("readdir", name)
	if err != nil {
		return nil, err
	}
	return s.fs.ReadDir(full)
}

func (s *sub) Lstat(name string) (fs.FileInfo, error) {
	full, err := s.full("lstat", name)
	if err != nil {
		return nil, err
	}
	return s.fs.Lstat(full)
}

func (s *sub) Stat(name string) (fs.FileInfo, error) {
	full, err := s.full("stat", name)
	if err != nil {
		return nil, err
	}
	return s.fs.Stat(full)
}
