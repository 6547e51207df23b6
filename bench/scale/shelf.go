package main

import (
	"bytes"
	"context"
	"io"
	"strings"
	"sync"

	"github.com/mstore/mstore/internal/backend"
)

// shelf stands for the local cache: what was read or written once is not asked for
// again, but for listings, and for what the newest listing does not confirm. It holds
// everything for ever, in memory, and reads a key at once in blocks.
type shelf struct {
	backend.Backend
	mu     sync.Mutex
	blocks map[string]map[int64][]byte
	recent map[string]bool // what is kept of journal/
}

// blockSize is how much is fetched at once.
const blockSize = 4 << 20

func newShelf(b backend.Backend) *shelf {
	return &shelf{Backend: b, blocks: map[string]map[int64][]byte{}, recent: map[string]bool{}}
}

func (s *shelf) keep(key string, at int64, data []byte) {
	if s.blocks[key] == nil {
		s.blocks[key] = map[int64][]byte{}
	}
	s.blocks[key][at] = data
	if strings.HasPrefix(key, "journal/") {
		s.recent[key] = true
	}
}

func (s *shelf) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	var out bytes.Buffer
	for at := off / blockSize; n < 0 || at*blockSize < off+n; at++ {
		s.mu.Lock()
		data, ok := s.blocks[key][at]
		s.mu.Unlock()
		if !ok {
			r, err := s.Backend.Get(ctx, key, at*blockSize, blockSize)
			if err != nil {
				return nil, err
			}
			data, err = io.ReadAll(r)
			r.Close()
			if err != nil {
				return nil, err
			}
			s.mu.Lock()
			s.keep(key, at, data)
			s.mu.Unlock()
		}
		end := int64(len(data))
		if n >= 0 {
			end = min(end, off+n-at*blockSize)
		}
		if from := max(off-at*blockSize, 0); from < end {
			out.Write(data[from:end])
		}
		if len(data) < blockSize {
			break
		}
	}
	return io.NopCloser(&out), nil
}

func (s *shelf) Put(ctx context.Context, key string, data []byte) error {
	err := s.Backend.Put(ctx, key, data)
	if err == nil {
		s.fill(key, bytes.Clone(data))
	}
	return err
}

func (s *shelf) fill(key string, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for at := int64(0); ; at++ {
		end := min(int64(len(data)), (at+1)*blockSize)
		s.keep(key, at, data[at*blockSize:end])
		if end-at*blockSize < blockSize {
			return
		}
	}
}

func (s *shelf) Create(ctx context.Context, key string) (backend.Writer, error) {
	w, err := s.Backend.Create(ctx, key)
	if err != nil {
		return nil, err
	}
	return &shelfWriter{Writer: w, s: s, key: key}, nil
}

type shelfWriter struct {
	backend.Writer
	s    *shelf
	key  string
	data []byte
}

func (w *shelfWriter) Write(p []byte) (int, error) {
	w.data = append(w.data, p...)
	return w.Writer.Write(p)
}

func (w *shelfWriter) Commit() error {
	err := w.Writer.Commit()
	if err == nil {
		w.s.fill(w.key, w.data)
	}
	return err
}

func (s *shelf) List(ctx context.Context, prefix, after string, limit int) ([]backend.Info, error) {
	infos, err := s.Backend.List(ctx, prefix, after, limit)
	if err == nil && strings.HasPrefix(prefix, "journal/") && limit <= 0 { // what is gone may come back as another
		have := map[string]bool{}
		for _, i := range infos {
			have[i.Key] = true
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		for key := range s.recent {
			if !have[key] {
				delete(s.blocks, key)
				delete(s.recent, key)
			}
		}
	}
	return infos, err
}

func (s *shelf) Delete(ctx context.Context, key string) error {
	s.mu.Lock()
	delete(s.blocks, key)
	s.mu.Unlock()
	return s.Backend.Delete(ctx, key)
}
