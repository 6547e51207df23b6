package vfs

import (
	"maps"
	"math/rand/v2"
	"slices"
)

// ProcessCrash returns the file system as a process finds it that comes after a
// kill -9: everything that was written is there, and what was not durable is
// not so yet. The receiver stays as it is and shares nothing with the copy, so
// one state can be looked at in several ways.
func (m *Mem) ProcessCrash() *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.sibling()
	copies := map[*memNode]*memNode{}
	c.root = copyNode(m.root, copies)
	c.count()
	return c
}

// CrashClone returns the file system as it may be after a power cut at this
// moment; everything in it is durable. With a nil rng only what was synced is
// there. With an rng, what was not synced survives in part: of each directory's
// unsynced operations the first few or a random subset, of a file's unsynced
// tail any prefix, the end of it perhaps zeroed. The same rng and state give
// the same copy. The receiver stays as it is.
func (m *Mem) CrashClone(rng *rand.Rand) *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.sibling()
	copies := map[*memNode]*memNode{}
	c.root = crashNode(m.root, copies, rng)
	c.count()
	return c
}

func (m *Mem) sibling() *Mem {
	return &Mem{lastIno: m.lastIno, clock: m.clock, capacity: m.capacity}
}

// copyNode copies a node with all that it refers to, also from the past.
func copyNode(n *memNode, copies map[*memNode]*memNode) *memNode {
	if n == nil {
		return nil
	}
	if c := copies[n]; c != nil {
		return c
	}
	c := *n
	copies[n] = &c
	c.opens = 0
	c.data = slices.Clone(n.data)
	if n.rewritten {
		c.synced = slices.Clone(n.synced)
	} else if len(n.synced) <= len(c.data) {
		c.synced = c.data[:len(n.synced):len(n.synced)]
	}
	if !n.mode.IsDir() {
		return &c
	}
	c.entries = copyEntries(n.entries, copies)
	c.durable = copyEntries(n.durable, copies)
	c.pending = make([][]memChange, len(n.pending))
	for i, op := range n.pending {
		for _, ch := range op {
			c.pending[i] = append(c.pending[i], memChange{ch.name, copyNode(ch.node, copies)})
		}
	}
	return &c
}

func copyEntries(entries map[string]*memNode, copies map[*memNode]*memNode) map[string]*memNode {
	c := make(map[string]*memNode, len(entries))
	for name, n := range entries {
		c[name] = copyNode(n, copies)
	}
	return c
}

func crashNode(n *memNode, copies map[*memNode]*memNode, rng *rand.Rand) *memNode {
	c := &memNode{ino: n.ino, mode: n.mode, mtime: n.mtime, ctime: n.ctime, target: n.target}
	copies[n] = c
	if !n.mode.IsDir() {
		c.data = survivingData(n, rng)
		c.synced = c.data[:len(c.data):len(c.data)]
		return c
	}
	entries := maps.Clone(n.durable)
	for _, op := range survivingOps(n.pending, rng) {
		apply(entries, op)
	}
	c.entries = make(map[string]*memNode, len(entries))
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		child := entries[name]
		switch placed := copies[child]; {
		case placed == nil:
			c.entries[name] = crashNode(child, copies, rng)
		case !child.mode.IsDir():
			c.entries[name] = placed
		}
	}
	c.durable = maps.Clone(c.entries)
	return c
}

func survivingOps(pending [][]memChange, rng *rand.Rand) [][]memChange {
	if rng == nil || len(pending) == 0 {
		return nil
	}
	if rng.IntN(2) == 0 {
		return pending[:rng.IntN(len(pending)+1)]
	}
	var some [][]memChange
	for _, op := range pending {
		if rng.IntN(2) == 0 {
			some = append(some, op)
		}
	}
	return some
}

func survivingData(n *memNode, rng *rand.Rand) []byte {
	if rng == nil || n.rewritten && rng.IntN(2) == 0 {
		return slices.Clone(n.synced)
	}
	durable := len(n.synced)
	if n.rewritten {
		durable = 0
	}
	if durable >= len(n.data) {
		return slices.Clone(n.data)
	}
	data := slices.Clone(n.data[:durable+rng.IntN(len(n.data)-durable+1)])
	if rng.IntN(4) == 0 {
		clear(data[durable+rng.IntN(len(data)-durable+1):])
	}
	return data
}

// count sets the number of names of each node and the space used.
func (m *Mem) count() {
	seen := map[*memNode]bool{}
	var visit func(n *memNode)
	visit = func(n *memNode) {
		if !seen[n] {
			seen[n] = true
			n.links = 0
			m.used += int64(len(n.data))
			for _, child := range n.entries {
				visit(child)
			}
		}
		n.links++
	}
	visit(m.root)
}
