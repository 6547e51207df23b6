package vfs

import (
	"io"
	"io/fs"
	"path"
	"syscall"
)

// memFile is one opening of a memNode; everything is guarded by m.mu.
type memFile struct {
	m        *Mem
	n        *memNode
	name     string
	off      int64
	writable bool
	closed   bool
}

func (f *memFile) Read(p []byte) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if err := f.check("read"); err != nil {
		return 0, err
	}
	if f.off >= int64(len(f.n.data)) {
		if len(p) == 0 {
			return 0, nil
		}
		return 0, io.EOF
	}
	n := copy(p, f.n.data[f.off:])
	f.off += int64(n)
	return n, nil
}

func (f *memFile) ReadAt(p []byte, off int64) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if err := f.check("read"); err != nil {
		return 0, err
	}
	if off < 0 {
		return 0, pathError("read", f.name, fs.ErrInvalid)
	}
	if off > int64(len(f.n.data)) {
		off = int64(len(f.n.data))
	}
	n := copy(p, f.n.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memFile) Write(p []byte) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if err := f.check("write"); err != nil {
		return 0, err
	}
	if !f.writable {
		return 0, pathError("write", f.name, syscall.EBADF)
	}
	n := len(p)
	if c := f.m.capacity; c >= 0 && int64(n) > c-f.m.used {
		n = int(max(0, c-f.m.used))
	}
	f.n.data = append(f.n.data, p[:n]...)
	f.m.used += int64(n)
	f.n.mtime = f.m.clock()
	f.n.ctime = f.n.mtime
	if n < len(p) {
		return n, pathError("write", f.name, noSpaceError{syscall.ENOSPC})
	}
	return n, nil
}

func (f *memFile) Sync() error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if f.closed {
		return pathError("sync", f.name, fs.ErrClosed)
	}
	f.n.synced, f.n.rewritten = f.n.data[:len(f.n.data):len(f.n.data)], false
	return nil
}

func (f *memFile) Stat() (fs.FileInfo, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if f.closed {
		return nil, pathError("stat", f.name, fs.ErrClosed)
	}
	return f.n.info(path.Base(f.name)), nil
}

func (f *memFile) Close() error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if f.closed {
		return pathError("close", f.name, fs.ErrClosed)
	}
	f.closed = true
	f.n.opens--
	f.m.release(f.n)
	return nil
}

func (f *memFile) check(op string) error {
	if f.closed {
		return pathError(op, f.name, fs.ErrClosed)
	}
	if f.n.mode.IsDir() {
		return pathError(op, f.name, syscall.EISDIR)
	}
	return nil
}
