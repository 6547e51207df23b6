package vfs

import (
	"errors"
	"io"
	"io/fs"
)

// Open implements FS.
func (f *Fault) Open(name string) (File, error) { return f.openWith(OpOpen, name, f.fs.Open) }

// Create implements FS.
func (f *Fault) Create(name string) (File, error) { return f.openWith(OpCreate, name, f.fs.Create) }

func (f *Fault) openWith(kind, name string, open func(string) (File, error)) (file File, err error) {
	err = f.do(kind, "", name, func() error {
		file, err = open(name)
		return err
	})
	if err != nil {
		if file != nil {
			file.Close()
		}
		return nil, err
	}
	return &faultFile{f, file, name}, nil
}

// Mkdir implements FS.
func (f *Fault) Mkdir(name string) error {
	return f.do(OpMkdir, "", name, func() error { return f.fs.Mkdir(name) })
}

// MkdirAll implements FS.
func (f *Fault) MkdirAll(name string) error {
	return f.do(OpMkdirAll, "", name, func() error { return f.fs.MkdirAll(name) })
}

// Link implements FS.
func (f *Fault) Link(oldname, newname string) error {
	return f.do(OpLink, oldname, newname, func() error { return f.fs.Link(oldname, newname) })
}

// Rename implements FS.
func (f *Fault) Rename(oldname, newname string) error {
	return f.do(OpRename, oldname, newname, func() error { return f.fs.Rename(oldname, newname) })
}

// Remove implements FS.
func (f *Fault) Remove(name string) error {
	return f.do(OpRemove, "", name, func() error { return f.fs.Remove(name) })
}

// ReadDir implements FS.
func (f *Fault) ReadDir(name string) (entries []fs.DirEntry, err error) {
	err = f.do(OpReadDir, "", name, func() error {
		entries, err = f.fs.ReadDir(name)
		return err
	})
	if err != nil {
		return nil, err
	}
	return entries, nil
}

// InUse implements FS.
func (f *Fault) InUse(name string) (used bool, err error) {
	err = f.do(OpOpen, "", name, func() error {
		used, err = f.fs.InUse(name)
		return err
	})
	return used, err
}

// Lstat implements FS.
func (f *Fault) Lstat(name string) (fs.FileInfo, error) { return f.stat(OpLstat, name, f.fs.Lstat) }

// Stat implements FS.
func (f *Fault) Stat(name string) (fs.FileInfo, error) { return f.stat(OpStat, name, f.fs.Stat) }

func (f *Fault) stat(kind, name string, stat func(string) (fs.FileInfo, error)) (fi fs.FileInfo, err error) {
	err = f.do(kind, "", name, func() error {
		fi, err = stat(name)
		return err
	})
	if err != nil {
		return nil, err
	}
	return fi, nil
}

// SyncDir implements FS.
func (f *Fault) SyncDir(name string) error {
	return f.do(OpSyncDir, "", name, func() error { return f.fs.SyncDir(name) })
}

type faultFile struct {
	f    *Fault
	file File
	name string
}

func (f *faultFile) Read(p []byte) (int, error) {
	return f.f.transfer(OpRead, f.name, p, nil, f.file.Read)
}

func (f *faultFile) ReadAt(p []byte, off int64) (int, error) {
	return f.f.transfer(OpRead, f.name, p, io.ErrUnexpectedEOF,
		func(p []byte) (int, error) { return f.file.ReadAt(p, off) })
}

func (f *faultFile) Write(p []byte) (int, error) {
	return f.f.transfer(OpWrite, f.name, p, io.ErrShortWrite, f.file.Write)
}

func (f *faultFile) Stat() (fs.FileInfo, error) {
	return f.f.stat(OpStat, f.name, func(string) (fs.FileInfo, error) { return f.file.Stat() })
}

func (f *faultFile) Sync() error { return f.f.do(OpSync, "", f.name, f.file.Sync) }

// Close closes the file below also when it is made to fail, as close(2) does.
func (f *faultFile) Close() error {
	closed := false
	err := f.f.do(OpClose, "", f.name, func() error {
		closed = true
		return f.file.Close()
	})
	if !closed {
		err = errors.Join(err, f.file.Close())
	}
	return err
}
