package objects

import (
	"fmt"

	"github.com/mstore/mstore/internal/wire"
)

// maxTreeLevel bounds the height of a tree that is read: with at least two
// children a node, no real one comes near.
const maxTreeLevel = 40

// maxTreePath bounds a path that is read, in bytes.
const maxTreePath = 1 << 16

// TreeEntry is one model of a version.
type TreeEntry struct {
	Path string
	Blob BlobID
	Size int64 // bytes
}

// treeItem is an entry of a node: in a leaf a model, above it a child node
// with the largest path below it.
type treeItem struct {
	key   string
	id    [IDSize]byte
	size  int64 // raw bytes of the model, or of all models below
	count int   // models below; 1 in a leaf
}

// treeNode is a decoded node. Level 0 is a leaf.
type treeNode struct {
	level int
	items []treeItem
}

func (n *treeNode) encode() ([]byte, TreeID) {
	var e wire.Encoder
	e.Byte(byte(n.level))
	e.Uint(uint64(len(n.items)))
	prev := ""
	for i := range n.items {
		it := &n.items[i]
		shared := commonPrefix(prev, it.key)
		e.Uint(uint64(shared))
		e.String(it.key[shared:])
		e.Raw(it.id[:])
		e.Uint(uint64(it.size))
		if n.level > 0 {
			e.Uint(uint64(it.count))
		}
		prev = it.key
	}
	return e.B, derive(treeContext, e.B)
}

func decodeTreeNode(b []byte) (*treeNode, error) {
	d := wire.NewDecoder(b)
	n := &treeNode{level: int(d.Byte())}
	if n.level > maxTreeLevel {
		d.Fail("level %d", n.level)
	}
	n.items = make([]treeItem, d.Count(IDSize+3))
	if len(n.items) == 0 && n.level > 0 {
		d.Fail("empty inner node")
	}
	if len(n.items) >= len(treeLimits) {
		d.Fail("%d entries", len(n.items))
		n.items = nil
	}
	prev := ""
	for i := range n.items {
		it := &n.items[i]
		shared := d.Uint()
		if shared > uint64(len(prev)) {
			d.Fail("shared prefix of %d bytes", shared)
			break
		}
		it.key = prev[:shared] + d.String()
		if len(it.key) > maxTreePath {
			d.Fail("path of %d bytes", len(it.key))
		}
		if i > 0 && it.key <= prev || commonPrefix(prev, it.key) != int(shared) {
			d.Fail("paths out of order")
		}
		d.Fixed(it.id[:])
		it.size = int64(decodeInt(d))
		it.count = 1
		if n.level > 0 {
			it.count = decodeInt(d)
		}
		if d.Err() != nil {
			break
		}
		prev = it.key
	}
	if err := d.End(); err != nil {
		return nil, fmt.Errorf("tree node: %w: %w", ErrCorrupt, err)
	}
	return n, nil
}

func commonPrefix(a, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// VerifyTreeNode tells whether b is a tree node with that ID.
func VerifyTreeNode(id TreeID, b []byte) error {
	if TreeID(derive(treeContext, b)) != id {
		return fmt.Errorf("tree node %s: %w: hash differs", id, ErrCorrupt)
	}
	_, err := decodeTreeNode(b)
	return err
}

// summary is what the parent says of a node.
func (n *treeNode) summary() (count int, size int64, last string) {
	for i := range n.items {
		count += n.items[i].count
		size += n.items[i].size
	}
	if len(n.items) > 0 {
		last = n.items[len(n.items)-1].key
	}
	return count, size, last
}

// A node ends after an entry whose path hashes below a limit that grows with
// the number of entries so far. The limit is the hazard of a Weibull
// distribution of shape 3 and scale 32: nodes of 29 ± 10 entries, never more
// than 105. It looks at paths only, so that a model that changes never moves a
// boundary, and at nothing before the node, so that a tree does not depend on
// the order in which it came to be.
var treeLimits = func() (limits [106]uint64) {
	const scale = 32 * 32 * 32
	for i := range limits {
		p := uint64(3 * i * i)
		if p >= scale {
			limits[i] = ^uint64(0)
		} else {
			limits[i] = p << 49 // p / 2^15 of 2^64
		}
	}
	return limits
}()

// endsNode tells whether a node at level ends with its n-th entry, key.
func endsNode(level, n int, key string) bool {
	if n >= len(treeLimits)-1 {
		return true
	}
	h := uint64(14695981039346656037) + uint64(level)*0x9e3779b97f4a7c15
	for i := 0; i < len(key); i++ { // FNV-1a, then the finaliser of splitmix64
		h = (h ^ uint64(key[i])) * 1099511628211
	}
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	h ^= h >> 31
	return h < treeLimits[n]
}
