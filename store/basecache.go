package store

import (
	"path"
	"sync"

	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/objects"
)

// baseCache keeps, in the workspace, the raw pieces of what was saved last, so
// that the next save need not decode the chain that its bases are at the end of:
// what takes up to 65 ms for a model of 5 MB then takes 3. It holds models that
// were saved more than once, up to a size in all. It is never trusted: a piece
// counts only if its hash is right, and the cache may be lost or deleted at any
// time. Nothing is synced.
type baseCache struct {
	fs   vfs.FS
	most int64 // bytes; 0: no cache

	mu   sync.Mutex
	size int64           // of all files; -1: not known yet
	gone map[string]bool // files that are of no more use
	put  map[string]bool
}

const (
	baseDir = workDir + "/bases"
	// defaultBaseCache is the setting commit.cache unless it is set, in MiB.
	defaultBaseCache = 256
)

func (s *Store) openBaseCache(mib int64) *baseCache {
	return &baseCache{fs: s.root, most: mib << 20, size: -1, gone: map[string]bool{}, put: map[string]bool{}}
}

func baseName(id objects.PieceID) string { return path.Join(baseDir, id.String()) }

// Get implements objects.BaseCache.
func (c *baseCache) Get(id objects.PieceID, dst []byte) ([]byte, bool) {
	if c.most == 0 {
		return nil, false
	}
	f, err := c.fs.Open(baseName(id))
	if err != nil {
		return nil, false
	}
	defer f.Close()
	n := len(dst)
	fi, err := f.Stat()
	if err != nil || fi.Size() > int64(cap(dst)-n) {
		return nil, false
	}
	dst = dst[:n+int(fi.Size())]
	if k, _ := f.ReadAt(dst[n:], 0); k < len(dst)-n {
		return nil, false
	}
	return dst, objects.HashPiece(dst[n:]) == id
}

// Drop implements objects.BaseCache.
func (c *baseCache) Drop(id objects.PieceID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gone[baseName(id)] = true
}

// Put implements objects.BaseCache.
func (c *baseCache) Put(id objects.PieceID, raw []byte) {
	if !c.room(int64(len(raw))) {
		return
	}
	c.mu.Lock()
	c.put[baseName(id)] = true
	c.mu.Unlock()
	f, err := c.fs.Create(baseName(id))
	if err != nil {
		return
	}
	_, err = f.Write(raw)
	if cerr := f.Close(); err != nil || cerr != nil {
		_ = c.fs.Remove(baseName(id))
	}
}

// room takes n bytes of what is left.
func (c *baseCache) room(n int64) bool {
	if n > c.most/4 {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.size < 0 {
		if c.fs.MkdirAll(baseDir) != nil {
			return false
		}
		entries, err := c.fs.ReadDir(baseDir)
		if err != nil {
			return false
		}
		c.size = 0
		for _, e := range entries {
			if fi, err := e.Info(); err == nil {
				c.size += fi.Size()
			}
		}
	}
	if c.size+n > c.most {
		return false
	}
	c.size += n
	return true
}

// tidy removes what is of no more use after a commit, and, when there is no room,
// everything that was not kept just now: most of it is of models that nobody
// saves any more. Of a commit that failed nothing is kept.
func (c *baseCache) tidy(committed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !committed {
		for name := range c.put {
			_ = c.fs.Remove(name)
		}
		return
	}
	if c.size > c.most*3/4 {
		entries, err := c.fs.ReadDir(baseDir)
		if err != nil {
			return
		}
		for _, e := range entries {
			c.gone[path.Join(baseDir, e.Name())] = true
		}
	}
	for name := range c.gone {
		if !c.put[name] {
			_ = c.fs.Remove(name)
		}
	}
}
