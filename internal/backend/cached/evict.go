package cached

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	tempPrefix = ".tmp-"
	// tempAge is when a temporary file is one of a dead process.
	tempAge = time.Hour
)

// grew notes what was written, and now and then makes room.
func (d *disk) grew(n int64) {
	if d.limit < 0 {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.used += n
	if d.look -= n; d.look < 0 || d.used > d.limit {
		d.evict()
		d.look = d.limit / 16
	}
}

// evict looks at what is really there, since other processes write and delete as well,
// and removes what was used least recently, down to nine tenths of the limit.
func (d *disk) evict() {
	type file struct {
		path string
		size int64
		used time.Time
	}
	var files []file
	d.used = 0
	filepath.WalkDir(d.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return nil
		}
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() {
			return nil
		}
		if strings.HasPrefix(e.Name(), tempPrefix) {
			if time.Since(info.ModTime()) > tempAge {
				os.Remove(path)
			}
			d.used += info.Size()
			return nil
		}
		files = append(files, file{path, info.Size(), info.ModTime()})
		d.used += info.Size()
		return nil
	})
	if d.used <= d.limit {
		return
	}
	slices.SortFunc(files, func(a, b file) int { return a.used.Compare(b.used) })
	for _, f := range files {
		if d.used <= d.limit/10*9 {
			break
		}
		os.Remove(f.path)
		d.used -= f.size
	}
}
