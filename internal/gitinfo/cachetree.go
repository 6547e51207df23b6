package gitinfo

import (
	"bytes"
	"strconv"

	"github.com/go-git/go-git/v5/plumbing"
)

// cacheTree is what the index knows of the tree object of a directory.
type cacheTree struct {
	name  string
	count int // entries of the index below it; -1 when the node is invalid
	hash  plumbing.Hash
	subs  []*cacheTree
}

// maxDepth is how deep directories may lie: a path has at most 4096 bytes.
const maxDepth = 2048

func parseCacheTree(b []byte, depth int) (t *cacheTree, rest []byte, ok bool) {
	if depth > maxDepth {
		return nil, nil, false
	}
	name, b, ok1 := bytes.Cut(b, []byte{0})
	count, b, ok2 := bytes.Cut(b, []byte{' '})
	subs, b, ok3 := bytes.Cut(b, []byte{'\n'})
	n, err1 := strconv.Atoi(string(count))
	m, err2 := strconv.Atoi(string(subs))
	if !ok1 || !ok2 || !ok3 || err1 != nil || err2 != nil {
		return nil, nil, false
	}
	t = &cacheTree{name: string(name), count: max(n, -1)}
	if n >= 0 {
		if len(b) < len(t.hash) {
			return nil, nil, false
		}
		b = b[copy(t.hash[:], b):]
	}
	for range m {
		var sub *cacheTree
		if sub, b, ok = parseCacheTree(b, depth+1); !ok {
			return nil, nil, false
		}
		t.subs = append(t.subs, sub)
	}
	return t, b, true
}

// sub returns the node of a directory; nil if there is none, also in nil.
func (t *cacheTree) sub(name string) *cacheTree {
	if t == nil {
		return nil
	}
	for _, s := range t.subs {
		if s.name == name {
			return s
		}
	}
	return nil
}
