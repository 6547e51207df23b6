package vfs

import (
	"io/fs"
	"time"
)

// memNode is an inode: a file, a directory or a symlink.
type memNode struct {
	ino          uint64
	mode         fs.FileMode
	mtime, ctime time.Time
	links, opens int

	data      []byte
	synced    []byte // the durable content; shares data's array while only appended to
	rewritten bool   // data no longer begins with synced

	entries map[string]*memNode
	durable map[string]*memNode // entries as of the last SyncDir
	pending [][]memChange       // what led from durable to entries, in order

	target string
}

// memChange gives a name to a node, or takes it away where node is nil. Several
// in one element of memNode.pending survive together or not at all.
type memChange struct {
	name string
	node *memNode
}

func apply(entries map[string]*memNode, changes []memChange) {
	for _, c := range changes {
		if c.node == nil {
			delete(entries, c.name)
		} else {
			entries[c.name] = c.node
		}
	}
}

func (m *Mem) newNode(mode fs.FileMode) *memNode {
	m.lastIno++
	now := m.clock()
	n := &memNode{ino: m.lastIno, mode: mode, mtime: now, ctime: now}
	if mode.IsDir() {
		n.entries, n.durable = map[string]*memNode{}, map[string]*memNode{}
	}
	return n
}

// add makes a node under a name that must be free.
func (m *Mem) add(op, name string, mode fs.FileMode) (*memNode, error) {
	dir, base, n, err := m.walk(op, name, false)
	if err != nil {
		return nil, err
	}
	if n != nil {
		return nil, pathError(op, name, fs.ErrExist)
	}
	n = m.newNode(mode)
	n.links = 1
	m.change(dir, memChange{base, n})
	return n, nil
}

// change alters a directory by changes that belong together.
func (m *Mem) change(dir *memNode, changes ...memChange) {
	apply(dir.entries, changes)
	dir.pending = append(dir.pending, changes)
	dir.mtime = m.clock()
	dir.ctime = dir.mtime
}

func (m *Mem) unlink(n *memNode) {
	n.links--
	n.ctime = m.clock()
	m.release(n)
}

// release gives back the space of a file that neither a name nor an open file
// holds any more. The data stay: a power cut may undo the removal.
func (m *Mem) release(n *memNode) {
	if n.links == 0 && n.opens == 0 {
		m.used -= int64(len(n.data))
	}
}

// holds tells whether a directory is dir or lies above it.
func (n *memNode) holds(dir *memNode) bool {
	if n == dir {
		return true
	}
	for _, child := range n.entries {
		if child.mode.IsDir() && child.holds(dir) {
			return true
		}
	}
	return false
}

func (n *memNode) info(base string) fs.FileInfo {
	size := int64(len(n.data))
	if n.mode&fs.ModeSymlink != 0 {
		size = int64(len(n.target))
	}
	return memInfo{base, size, n.mode, n.mtime, &MemSys{n.ino, n.ctime.UnixNano(), n.links}}
}

type memInfo struct {
	name  string
	size  int64
	mode  fs.FileMode
	mtime time.Time
	sys   *MemSys
}

func (i memInfo) Name() string       { return i.name }
func (i memInfo) Size() int64        { return i.size }
func (i memInfo) Mode() fs.FileMode  { return i.mode }
func (i memInfo) ModTime() time.Time { return i.mtime }
func (i memInfo) IsDir() bool        { return i.mode.IsDir() }
func (i memInfo) Sys() any           { return i.sys }
