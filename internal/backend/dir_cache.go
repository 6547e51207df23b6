package backend

import (
	"container/list"
	"errors"
	"sync"

	"github.com/mstore/mstore/internal/vfs"
)

const maxOpenFiles = 64

// fileCache keeps the files that were read last open. The zero value is ready.
type fileCache struct {
	mu    sync.Mutex
	files map[string]*list.Element // of *cachedFile
	used  list.List                // the most recently used in front
	drops uint64
}

// cachedFile is closed when the cache and all readers have let go of it.
type cachedFile struct {
	key   string
	file  vfs.File
	size  int64
	cache *fileCache
	refs  int // guarded by cache.mu
}

// get returns the file of a key, opened by open if need be. The caller releases
// it.
func (c *fileCache) get(key string, open func() (vfs.File, int64, error)) (*cachedFile, error) {
	c.mu.Lock()
	if e := c.files[key]; e != nil {
		c.used.MoveToFront(e)
		f := e.Value.(*cachedFile)
		f.refs++
		c.mu.Unlock()
		return f, nil
	}
	drops := c.drops
	c.mu.Unlock()

	file, size, err := open()
	if err != nil {
		return nil, err
	}
	f := &cachedFile{key: key, file: file, size: size, cache: c, refs: 1}
	c.mu.Lock()
	// What was opened before a deletion must not be found after it.
	if drops != c.drops || c.files[key] != nil {
		c.mu.Unlock()
		return f, nil
	}
	if c.files == nil {
		c.files = map[string]*list.Element{}
	}
	f.refs++
	c.files[key] = c.used.PushFront(f)
	var closing []*cachedFile
	for c.used.Len() > maxOpenFiles {
		closing = append(closing, c.removeLocked(c.used.Back()))
	}
	c.mu.Unlock()
	for _, old := range closing {
		old.release()
	}
	return f, nil
}

// drop forgets a key that was deleted.
func (c *fileCache) drop(key string) {
	c.mu.Lock()
	c.drops++
	e := c.files[key]
	var f *cachedFile
	if e != nil {
		f = c.removeLocked(e)
	}
	c.mu.Unlock()
	if f != nil {
		f.release()
	}
}

func (c *fileCache) closeAll() error {
	c.mu.Lock()
	var closing []*cachedFile
	for c.used.Len() > 0 {
		closing = append(closing, c.removeLocked(c.used.Back()))
	}
	c.mu.Unlock()
	var errs []error
	for _, f := range closing {
		errs = append(errs, f.release())
	}
	return errors.Join(errs...)
}

func (c *fileCache) removeLocked(e *list.Element) *cachedFile {
	f := c.used.Remove(e).(*cachedFile)
	delete(c.files, f.key)
	return f
}

// release lets go of a file that get returned; call it once.
func (f *cachedFile) release() error {
	f.cache.mu.Lock()
	f.refs--
	last := f.refs == 0
	f.cache.mu.Unlock()
	if last {
		return f.file.Close()
	}
	return nil
}
