package store

import (
	"io"

	"github.com/mstore/mstore/internal/vfs"
)

// maxSpool is how much of a pipe is kept in memory for validation; more goes to a file
// of the workspace.
const maxSpool = 32 << 20

// spool keeps a copy of what comes through a pipe.
type spool struct {
	fs   vfs.FS
	buf  []byte
	file vfs.File
	name string
	size int64
}

func (s *spool) Write(p []byte) (int, error) {
	if s.file == nil && len(s.buf)+len(p) > maxSpool {
		if err := s.spill(); err != nil {
			return 0, err
		}
	}
	s.size += int64(len(p))
	if s.file != nil {
		return s.file.Write(p)
	}
	s.buf = append(s.buf, p...)
	return len(p), nil
}

// spill moves what was kept to a file.
func (s *spool) spill() error {
	if err := s.fs.MkdirAll(tempDir); err != nil {
		return err
	}
	name := tempDir + "/" + vfs.TempName()
	f, err := s.fs.Create(name)
	if err != nil {
		return err
	}
	s.file, s.name = f, name
	if _, err := f.Write(s.buf); err != nil {
		return err
	}
	s.buf = nil
	return nil
}

// done makes what was written readable.
func (s *spool) done() error {
	if s.file == nil {
		return nil
	}
	if err := s.file.Close(); err != nil {
		return err
	}
	f, err := s.fs.Open(s.name)
	if err == nil {
		s.file = f
	}
	return err
}

// ReadAt implements io.ReaderAt.
func (s *spool) ReadAt(p []byte, off int64) (int, error) {
	if s.file != nil {
		return s.file.ReadAt(p, off)
	}
	if off < 0 || off > int64(len(s.buf)) {
		return 0, io.EOF
	}
	n := copy(p, s.buf[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// close lets go of the copy.
func (s *spool) close() {
	if s.file == nil {
		return
	}
	_ = s.file.Close()
	_ = s.fs.Remove(s.name) // what is left there is swept some time
}
