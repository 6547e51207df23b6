package cached

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cespare/xxhash/v2"
)

// blockID names one block of a key.
type blockID struct {
	key string
	n   int64 // it begins at byte n * BlockSize
}

// disk has copies of blocks in files, DIR/HH/HASH.NUMBER with the hash of the key, each
// with all that is needed to tell whether it is the block that is looked for:
//
//	8 bytes   magic, the format's number in it
//	8 bytes   xxhash64 of what follows
//	8 bytes   number of the block
//	2 bytes   length of the key, then the key
//	2 bytes   length of the tag, then the tag
//	          the block's bytes
//
// A file appears by a rename, whole. Nothing is synced: the checksum tells what a crash
// left. Errors of the file system are not told.
type disk struct {
	dir   string
	limit int64 // negative: none

	mu   sync.Mutex
	used int64 // by the last look, and what this process wrote since
	look int64 // what may be written until the next look
	// failing is set when the last write failed: there is no use in fetching ahead.
	failing atomic.Bool
}

const magic = "mscache1"

func newDisk(dir string, limit int64) *disk {
	d := &disk{dir: dir, limit: limit, look: limit / 16}
	if rand.IntN(16) == 0 { // many short processes, each of which writes little
		d.look = 0
	}
	return d
}

// place is the directory and the beginning of the names of a key's files.
func (d *disk) place(key string) (dir, name string) {
	sum := sha256.Sum256([]byte(key))
	h := hex.EncodeToString(sum[:16])
	return filepath.Join(d.dir, h[:2]), h[2:] + "."
}

func (d *disk) path(id blockID) string {
	dir, name := d.place(id.key)
	return filepath.Join(dir, name+strconv.FormatInt(id.n, 16))
}

func encode(id blockID, tag string, data []byte) []byte {
	b := make([]byte, 0, 64+len(id.key)+len(tag)+len(data))
	b = append(b, magic...)
	b = append(b, make([]byte, 8)...)
	b = binary.BigEndian.AppendUint64(b, uint64(id.n))
	for _, s := range []string{id.key, tag} {
		b = binary.BigEndian.AppendUint16(b, uint16(len(s)))
		b = append(b, s...)
	}
	b = append(b, data...)
	binary.BigEndian.PutUint64(b[8:], xxhash.Sum64(b[16:]))
	return b
}

// decode returns the block's bytes. whole is false when the file is not what encode
// makes; then, or when it is another block's or has another tag, ok is false.
func decode(id blockID, tag string, b []byte) (data []byte, ok, whole bool) {
	if len(b) < 24 || string(b[:8]) != magic || binary.BigEndian.Uint64(b[8:]) != xxhash.Sum64(b[16:]) {
		return nil, false, false
	}
	n, rest := int64(binary.BigEndian.Uint64(b[16:])), b[24:]
	var fields [2]string
	for i := range fields {
		if len(rest) < 2 {
			return nil, false, false
		}
		size := int(binary.BigEndian.Uint16(rest))
		if rest = rest[2:]; len(rest) < size {
			return nil, false, false
		}
		fields[i], rest = string(rest[:size]), rest[size:]
	}
	if len(rest) > BlockSize {
		return nil, false, false
	}
	return rest, n == id.n && fields[0] == id.key && fields[1] == tag, true
}

// load returns a copy; damaged says that there was one that is none.
func (d *disk) load(id blockID, tag string) (data []byte, ok, damaged bool) {
	path := d.path(id)
	info, err := os.Stat(path)
	if err != nil || info.Size() > BlockSize+maxHeader {
		return nil, false, false
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, false, false
	}
	data, ok, whole := decode(id, tag, b)
	if !whole {
		os.Remove(path)
		return nil, false, true
	}
	if ok && time.Since(info.ModTime()) > touchEvery {
		now := time.Now()
		os.Chtimes(path, now, now)
	}
	return data, ok, false
}

const (
	maxHeader  = 4 << 10
	touchEvery = time.Minute // so often the time of last use is noted
)

// has tells whether there is something that looks like a copy.
func (d *disk) has(id blockID) bool {
	_, err := os.Stat(d.path(id))
	return err == nil
}

// store keeps a copy.
func (d *disk) store(id blockID, tag string, data []byte) {
	if temp := d.stage(id, tag, data); temp != "" {
		d.publish(id, temp)
	}
}

// stage writes a copy under a temporary name; "" when it cannot.
func (d *disk) stage(id blockID, tag string, data []byte) (temp string) {
	b := encode(id, tag, data)
	if d.limit >= 0 && int64(len(b)) > d.limit {
		return ""
	}
	f, err := os.CreateTemp(d.dir, tempPrefix+"*")
	if os.IsNotExist(err) && os.MkdirAll(d.dir, 0o700) == nil {
		f, err = os.CreateTemp(d.dir, tempPrefix+"*")
	}
	if err != nil {
		d.failing.Store(true)
		return ""
	}
	_, err = f.Write(b)
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		d.failing.Store(true)
		os.Remove(f.Name())
		return ""
	}
	d.failing.Store(false)
	d.grew(int64(len(b)))
	return f.Name()
}

func (d *disk) publish(id blockID, temp string) {
	path := d.path(id)
	err := os.Rename(temp, path)
	if err != nil && os.MkdirAll(filepath.Dir(path), 0o700) == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		os.Remove(temp)
	}
}

// forget drops all copies of a key.
func (d *disk) forget(key string) (any bool) {
	dir, name := d.place(key)
	files, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	for _, f := range files {
		if strings.HasPrefix(f.Name(), name) && os.Remove(filepath.Join(dir, f.Name())) == nil {
			any = true
		}
	}
	return any
}
