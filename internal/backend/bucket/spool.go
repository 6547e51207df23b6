package bucket

import (
	"io"
	"os"
	"sync"
)

// maxInMemory is how much of an unfinished content is kept in memory.
const maxInMemory = 1 << 20

// spool keeps what a Writer was given until it is uploaded: in memory, and when it grows
// in a file without a name. One may write while others read.
type spool struct {
	dir string

	mu   sync.RWMutex
	mem  []byte // as long as there is no file
	file *os.File
	name string // to be removed; "" when the file has no name any more
	size int64
}

func (s *spool) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file == nil {
		if len(s.mem)+len(p) <= maxInMemory {
			s.mem = append(s.mem, p...)
			s.size += int64(len(p))
			return len(p), nil
		}
		if err := s.toFile(); err != nil {
			return 0, err
		}
	}
	n, err := s.file.WriteAt(p, s.size)
	s.size += int64(n)
	return n, err
}

func (s *spool) toFile() error {
	if s.dir != "" {
		if err := os.MkdirAll(s.dir, 0o700); err != nil {
			return err
		}
	}
	f, err := os.CreateTemp(s.dir, "upload-*.tmp")
	if err != nil {
		return err
	}
	s.file, s.name = f, f.Name()
	if os.Remove(s.name) == nil { // so that it goes with this process, however that ends
		s.name = ""
	}
	if _, err := f.WriteAt(s.mem, 0); err != nil {
		return err
	}
	s.mem = nil
	return nil
}

// Size implements content.
func (s *spool) Size() int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.size
}

// ReadAt implements io.ReaderAt.
func (s *spool) ReadAt(p []byte, off int64) (int, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.file == nil {
		if off < 0 || off >= int64(len(s.mem)) {
			return 0, io.EOF
		}
		n := copy(p, s.mem[off:])
		if n < len(p) {
			return n, io.EOF
		}
		return n, nil
	}
	return s.file.ReadAt(p, off)
}

func (s *spool) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mem = nil
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	if s.name != "" {
		os.Remove(s.name)
	}
	return err
}
