package objects

import (
	"context"
	"fmt"
	"iter"
	"sort"
	"strings"
)

// NodeReader gives the encoded bytes of a tree node, whose hash it has
// checked.
type NodeReader interface {
	TreeNode(ctx context.Context, id TreeID) ([]byte, error)
}

// Tree is the map from path to blob of one version, as a content-defined
// search tree: the same entries give the same nodes, whatever the history.
// The zero ID stands for the empty tree. A Tree may be used concurrently if its
// NodeReader may.
type Tree struct {
	ID    TreeID
	nodes NodeReader
}

// OpenTree returns the tree with that root.
func OpenTree(id TreeID, nodes NodeReader) *Tree { return &Tree{ID: id, nodes: nodes} }

func (t *Tree) node(ctx context.Context, id TreeID, level int) (*treeNode, error) {
	n, err := t.load(ctx, id)
	if err != nil {
		return nil, err
	}
	if level >= 0 && n.level != level {
		return nil, fmt.Errorf("tree node %s: %w: level %d, want %d", id, ErrCorrupt, n.level, level)
	}
	return n, nil
}

// load returns a node that others may hold as well.
func (t *Tree) load(ctx context.Context, id TreeID) (*treeNode, error) {
	if r, ok := t.nodes.(*Reader); ok {
		return r.decodedNode(ctx, id)
	}
	b, err := t.nodes.TreeNode(ctx, id)
	if err != nil {
		return nil, err
	}
	return decodeTreeNode(b)
}

func (t *Tree) root(ctx context.Context) (*treeNode, error) {
	if t.ID == (TreeID{}) {
		return &treeNode{}, nil
	}
	return t.node(ctx, t.ID, -1)
}

// Get looks one path up.
func (t *Tree) Get(ctx context.Context, path string) (e TreeEntry, ok bool, err error) {
	n, err := t.root(ctx)
	for err == nil {
		i := sort.Search(len(n.items), func(i int) bool { return n.items[i].key >= path })
		if i == len(n.items) {
			return e, false, nil
		}
		it := &n.items[i]
		if n.level == 0 {
			if it.key != path {
				return e, false, nil
			}
			return TreeEntry{Path: path, Blob: it.id, Size: it.size}, true, nil
		}
		n, err = t.node(ctx, it.id, n.level-1)
	}
	return e, false, err
}

// Totals returns the number of models and their raw bytes.
func (t *Tree) Totals(ctx context.Context) (models int, bytes int64, err error) {
	n, err := t.root(ctx)
	if err != nil {
		return 0, 0, err
	}
	models, bytes, _ = n.summary()
	return models, bytes, nil
}

// Below yields the entries whose path begins with prefix, in order of path.
func (t *Tree) Below(ctx context.Context, prefix string) iter.Seq2[TreeEntry, error] {
	return func(yield func(TreeEntry, error) bool) {
		for e, err := range t.from(ctx, prefix) {
			if (err == nil && !strings.HasPrefix(e.Path, prefix)) || !yield(e, err) {
				return
			}
		}
	}
}

// from yields the entries whose path is not less than first.
func (t *Tree) from(ctx context.Context, first string) iter.Seq2[TreeEntry, error] {
	return func(yield func(TreeEntry, error) bool) {
		n, err := t.root(ctx)
		if err == nil {
			_, err = t.fromNode(ctx, n, first, yield)
		}
		if err != nil {
			yield(TreeEntry{}, err)
		}
	}
}

func (t *Tree) fromNode(ctx context.Context, n *treeNode, first string, yield func(TreeEntry, error) bool) (more bool, err error) {
	for i := sort.Search(len(n.items), func(i int) bool { return n.items[i].key >= first }); i < len(n.items); i++ {
		it := &n.items[i]
		if n.level == 0 {
			if !yield(TreeEntry{Path: it.key, Blob: it.id, Size: it.size}, nil) {
				return false, nil
			}
			continue
		}
		child, err := t.node(ctx, it.id, n.level-1)
		if err != nil {
			return false, err
		}
		if more, err := t.fromNode(ctx, child, first, yield); !more || err != nil {
			return false, err
		}
	}
	return true, nil
}

// Walk visits every node of the tree, parents first, with its ID and encoded
// bytes. visit returns false to leave out what is below. Errors of reading are
// given to visit, which may swallow them.
func (t *Tree) Walk(ctx context.Context, visit func(id TreeID, entries []TreeEntry, err error) (bool, error)) error {
	if t.ID == (TreeID{}) {
		return nil
	}
	return t.walk(ctx, t.ID, -1, visit)
}

func (t *Tree) walk(ctx context.Context, id TreeID, level int, visit func(TreeID, []TreeEntry, error) (bool, error)) error {
	n, err := t.node(ctx, id, level)
	if err != nil {
		_, err = visit(id, nil, err)
		return err
	}
	var entries []TreeEntry
	if n.level == 0 {
		for _, it := range n.items {
			entries = append(entries, TreeEntry{Path: it.key, Blob: it.id, Size: it.size})
		}
	}
	deeper, err := visit(id, entries, nil)
	if err != nil || !deeper || n.level == 0 {
		return err
	}
	for _, it := range n.items {
		if err := t.walk(ctx, it.id, n.level-1, visit); err != nil {
			return err
		}
	}
	return nil
}

// Ceiling returns the first entry whose path is not less than path.
func (t *Tree) Ceiling(ctx context.Context, path string) (e TreeEntry, ok bool, err error) {
	for e, err := range t.from(ctx, path) {
		return e, err == nil, err
	}
	return e, false, nil
}
