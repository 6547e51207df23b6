package vfs

import (
	"io/fs"
	"slices"
	"sync"
	"time"
)

// Mem is a file system in memory that knows what a disk would know. Content is
// durable as far as File.Sync saw it; the entries of a directory are durable as
// of its last SyncDir. A rename inside a directory is atomic; a rename from one
// directory to another is two independent entries, as on file systems without
// a journal: until both are synced, a power cut can leave either, both or none.
//
// CrashClone tells what a power cut leaves, ProcessCrash what a kill leaves.
// Mem may be used concurrently; every operation happens at one instant.
type Mem struct {
	mu       sync.Mutex
	root     *memNode
	lastIno  uint64
	clock    func() time.Time
	capacity int64 // negative: unlimited
	used     int64
}

// MemSys is what Sys of a FileInfo from a Mem points to.
type MemSys struct {
	Inode uint64
	Ctime int64 // nanoseconds since 1970
	Links int   // names of the file
}

// NewMem returns an empty file system without a limit, with the system's clock.
func NewMem() *Mem {
	m := &Mem{clock: time.Now, capacity: -1}
	m.root = m.newNode(fs.ModeDir | dirMode)
	m.root.links = 1
	return m
}

// SetClock makes mtimes and ctimes come from now, which is called with the file
// system locked.
func (m *Mem) SetClock(now func() time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.clock = now
}

// SetCapacity limits the sum of the sizes of all files; a write that does not
// fit is cut short and gives ErrNoSpace. A negative number lifts the limit.
// Names and directories take no space.
func (m *Mem) SetCapacity(bytes int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.capacity = bytes
}

// Used returns the sum of the sizes of all files, those included that have no
// name left but are open.
func (m *Mem) Used() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.used
}

// Symlink makes a symlink, for tests: the FS interface has no call for it. A
// target that leads out of the root is an error where it is followed.
func (m *Mem) Symlink(target, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.add("symlink", name, fs.ModeSymlink|0o777)
	if err == nil {
		n.target = target
	}
	return err
}

// Rewrite puts data in place of a file's content, as an editor does that opens
// with O_TRUNC: the inode stays, mtime and ctime change. For tests.
func (m *Mem) Rewrite(name string, data []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, _, n, err := m.existing("rewrite", name, true)
	if err != nil {
		return err
	}
	if !n.mode.IsRegular() {
		return pathError("rewrite", name, fs.ErrInvalid)
	}
	m.used += int64(len(data) - len(n.data))
	n.data, n.rewritten = slices.Clone(data), true
	n.mtime = m.clock()
	n.ctime = n.mtime
	return nil
}

// SetMtime sets a file's mtime, and its ctime to the clock's time, as utimes
// does. For tests.
func (m *Mem) SetMtime(name string, t time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, _, n, err := m.existing("utimes", name, true)
	if err != nil {
		return err
	}
	n.mtime, n.ctime = t, m.clock()
	return nil
}
