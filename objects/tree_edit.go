package objects

import (
	"context"
	"sort"
)

// TreeEdit puts an entry, or removes a path.
type TreeEdit struct {
	TreeEntry
	Remove bool
}

// Apply returns the tree with the edits made, which must be sorted by path,
// each path once. New nodes go to write, children before parents; nodes that
// the old tree has as well may be among them. Reads and writes are in
// proportion to the edits and the height of the tree.
func (t *Tree) Apply(ctx context.Context, edits []TreeEdit, write func(TreeID, []byte) error) (*Tree, error) {
	root, err := t.root(ctx)
	if err != nil {
		return nil, err
	}
	b := &treeBuilder{ctx: ctx, old: t, write: write}
	if err := b.merge(root, edits); err != nil {
		return nil, err
	}
	id, err := b.finish()
	if err != nil {
		return nil, err
	}
	return OpenTree(id, t.nodes), nil
}

// treeBuilder takes the entries of every level in order and closes nodes as it
// goes. open[l] is the node being filled at level l; passing whole subtrees on
// is right exactly while all levels below are at the start of a node.
type treeBuilder struct {
	ctx     context.Context
	old     *Tree
	write   func(TreeID, []byte) error
	open    [][]treeItem
	emitted []int // closed nodes by level
}

func (b *treeBuilder) clean(level int) bool {
	for l := 0; l <= level && l < len(b.open); l++ {
		if len(b.open[l]) > 0 {
			return false
		}
	}
	return true
}

// merge feeds one old node with the edits that belong to it.
func (b *treeBuilder) merge(n *treeNode, edits []TreeEdit) error {
	if n.level == 0 {
		return b.mergeLeaf(n, edits)
	}
	for i := range n.items {
		it := &n.items[i]
		mine := len(edits)
		if i < len(n.items)-1 { // what lies beyond the last path goes to the last child
			mine = sort.Search(len(edits), func(k int) bool { return edits[k].Path > it.key })
		}
		if mine == 0 && b.clean(n.level-1) {
			if err := b.add(n.level, *it); err != nil {
				return err
			}
			continue
		}
		child, err := b.old.node(b.ctx, it.id, n.level-1)
		if err != nil {
			return err
		}
		if err := b.merge(child, edits[:mine]); err != nil {
			return err
		}
		edits = edits[mine:]
	}
	return nil
}

func (b *treeBuilder) mergeLeaf(n *treeNode, edits []TreeEdit) error {
	items := n.items
	for len(items) > 0 || len(edits) > 0 {
		if len(edits) == 0 || (len(items) > 0 && items[0].key < edits[0].Path) {
			if err := b.add(0, items[0]); err != nil {
				return err
			}
			items = items[1:]
			continue
		}
		e := &edits[0]
		if len(items) > 0 && items[0].key == e.Path {
			items = items[1:]
		}
		if !e.Remove {
			if err := b.add(0, treeItem{key: e.Path, id: e.Blob, size: e.Size, count: 1}); err != nil {
				return err
			}
		}
		edits = edits[1:]
	}
	return nil
}

func (b *treeBuilder) add(level int, it treeItem) error {
	for len(b.open) <= level {
		b.open = append(b.open, nil)
		b.emitted = append(b.emitted, 0)
	}
	b.open[level] = append(b.open[level], it)
	if endsNode(level, len(b.open[level]), it.key) {
		return b.close(level)
	}
	return nil
}

func (b *treeBuilder) close(level int) error {
	n := treeNode{level: level, items: b.open[level]}
	enc, id := n.encode()
	if err := b.write(id, enc); err != nil {
		return err
	}
	count, size, last := n.summary()
	b.open[level] = b.open[level][:0]
	b.emitted[level]++
	return b.add(level+1, treeItem{key: last, id: id, size: size, count: count})
}

// finish closes what is open. The root is the only node of the lowest level
// that has but one.
func (b *treeBuilder) finish() (TreeID, error) {
	for l := 0; l < len(b.open); l++ {
		if l > 0 && len(b.open[l]) == 1 && b.emitted[l] == 0 && l == len(b.open)-1 {
			return b.open[l][0].id, nil
		}
		if len(b.open[l]) > 0 {
			if err := b.close(l); err != nil {
				return TreeID{}, err
			}
		}
	}
	return TreeID{}, nil
}
