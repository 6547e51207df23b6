package store

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"hash/fnv"
	"io/fs"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/internal/wire"
	"github.com/mstore/mstore/objects"
)

// statCache remembers which content a file had when it was last read, so that
// a file whose size, times and inode are still the same is not read again. It
// is cut into shards by a hash of the path, so that one model among 100,000
// costs one small file. A damaged shard is an empty one.
type statCache struct {
	fs  vfs.FS
	now func() time.Time

	mu     sync.Mutex
	shards map[byte]*statShard

	elsewhereOnce sync.Once
	elsewhere     func(path string) bool // of models that the working directory need not hold
}

type statShard struct {
	entries map[string]statEntry
	dirty   bool
}

type statEntry struct {
	size  int64
	mtime int64 // nanoseconds
	ident vfs.Identity
	blob  objects.BlobID
}

const (
	statShards = 64
	statMagic  = "MSTORESC"
	maxShard   = 64 << 20
)

func (s *Store) openStatCache() *statCache {
	return &statCache{fs: s.root, now: s.o.Clock, shards: map[byte]*statShard{}}
}

func shardName(n byte) string { return fmt.Sprintf("%s/stat/%02x", workDir, n) }

func (c *statCache) shard(path string) *statShard {
	h := fnv.New32a()
	_, _ = h.Write([]byte(path))
	n := byte(h.Sum32() % statShards)
	if sh := c.shards[n]; sh != nil {
		return sh
	}
	sh := &statShard{entries: map[string]statEntry{}}
	if b, err := vfs.ReadFile(c.fs, shardName(n), maxShard); err == nil {
		if entries, err := decodeShard(b); err == nil {
			sh.entries = entries
		}
	}
	c.shards[n] = sh
	return sh
}

// get returns the content that a file surely has.
func (c *statCache) get(path string, fi fs.FileInfo) (objects.BlobID, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.shard(path).entries[path]
	if !ok || e.size != fi.Size() || e.mtime != fi.ModTime().UnixNano() || e.ident != vfs.IdentityOf(fi) {
		return objects.BlobID{}, false
	}
	return e.blob, true
}

// put notes the content of a file that was read after since. A file that was
// changed so shortly before that a further change might not show in its times
// is not noted (git calls it racy).
func (c *statCache) put(path string, fi fs.FileInfo, blob objects.BlobID, since time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	sh := c.shard(path)
	ident := vfs.IdentityOf(fi)
	granule := 50 * time.Millisecond
	if fi.ModTime().Nanosecond() == 0 { // a file system that counts seconds
		granule = 2 * time.Second
	}
	limit := since.Add(-granule).UnixNano()
	if fi.ModTime().UnixNano() >= limit || ident.Ctime >= limit {
		if _, had := sh.entries[path]; had {
			delete(sh.entries, path)
			sh.dirty = true
		}
		return
	}
	sh.entries[path] = statEntry{fi.Size(), fi.ModTime().UnixNano(), ident, blob}
	sh.dirty = true
}

// drop forgets a file.
func (c *statCache) drop(path string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	sh := c.shard(path)
	if _, had := sh.entries[path]; had {
		delete(sh.entries, path)
		sh.dirty = true
	}
}

// save writes what has changed. It is a cache: errors are ignored, and nothing
// is synced.
func (c *statCache) save() {
	c.mu.Lock()
	defer c.mu.Unlock()
	made := false
	for n, sh := range c.shards {
		if !sh.dirty {
			continue
		}
		if !made && c.fs.MkdirAll(workDir+"/stat") != nil {
			return
		}
		made = true
		_ = vfs.WriteFileAtomic(c.fs, shardName(n), encodeShard(sh.entries), false)
		sh.dirty = false
	}
}

func encodeShard(entries map[string]statEntry) []byte {
	w := wire.Encoder{B: []byte(statMagic)}
	w.Uint(uint64(len(entries)))
	for _, p := range slices.Sorted(maps.Keys(entries)) {
		e := entries[p]
		w.String(p)
		w.Int(e.size)
		w.Int(e.mtime)
		w.Uint(e.ident.Inode)
		w.Int(e.ident.Ctime)
		w.Raw(e.blob[:])
	}
	return binary.LittleEndian.AppendUint32(w.B, crc32.ChecksumIEEE(w.B))
}

func decodeShard(b []byte) (map[string]statEntry, error) {
	n := len(b) - 4
	if n < len(statMagic) || string(b[:len(statMagic)]) != statMagic || crc32.ChecksumIEEE(b[:n]) != binary.LittleEndian.Uint32(b[n:]) {
		return nil, wire.ErrMalformed
	}
	d := wire.NewDecoder(b[len(statMagic):n])
	m := make(map[string]statEntry, d.Count(37))
	for d.Len() > 0 && d.Err() == nil {
		p := d.String()
		e := statEntry{size: d.Int(), mtime: d.Int(), ident: vfs.Identity{Inode: d.Uint(), Ctime: d.Int()}}
		d.Fixed(e.blob[:])
		m[p] = e
	}
	return m, d.End()
}
