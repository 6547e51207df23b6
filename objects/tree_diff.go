package objects

import (
	"context"
	"fmt"
	"iter"
)

// TreeDiff is one path at which two trees differ. From or To is nil where the
// tree lacks the path.
type TreeDiff struct {
	Path     string
	From, To *TreeEntry
}

// Change describes the difference as a version's record does.
func (d *TreeDiff) Change() Change {
	switch {
	case d.From == nil:
		return Change{Path: d.Path, Status: Added, Blob: d.To.Blob, Size: d.To.Size}
	case d.To == nil:
		return Change{Path: d.Path, Status: Removed, Blob: d.From.Blob, Size: d.From.Size, PrevSize: d.From.Size}
	}
	return Change{Path: d.Path, Status: Changed, Blob: d.To.Blob, Size: d.To.Size, PrevSize: d.From.Size}
}

// DiffTrees yields where two trees differ, in order of path. Nodes that both
// have are not read.
func DiffTrees(ctx context.Context, from, to *Tree) iter.Seq2[TreeDiff, error] {
	return diffTrees(ctx, from, to, nil)
}

// DiffNewTree is DiffTrees for a tree of which nothing is believed: opened is told of
// each node of to that was read, among which are all those that from does not have, and
// a node that is not what the one above it says is an error that wraps ErrCorrupt, so
// that no tree is longer than what it lists.
func DiffNewTree(ctx context.Context, from, to *Tree, opened func(TreeID)) iter.Seq2[TreeDiff, error] {
	return diffTrees(ctx, from, to, opened)
}

func diffTrees(ctx context.Context, from, to *Tree, opened func(TreeID)) iter.Seq2[TreeDiff, error] {
	return func(yield func(TreeDiff, error) bool) {
		if from.ID == to.ID {
			return
		}
		a, err := newTreeCursor(ctx, from)
		if err != nil {
			yield(TreeDiff{}, err)
			return
		}
		b, err := newTreeCursor(ctx, to)
		if err != nil {
			yield(TreeDiff{}, err)
			return
		}
		if b.opened = opened; opened != nil && to.ID != (TreeID{}) {
			opened(to.ID)
		}
		for {
			d, ok, err := nextDiff(a, b)
			if err != nil {
				yield(TreeDiff{}, err)
				return
			}
			if !ok || !yield(d, nil) {
				return
			}
		}
	}
}

func nextDiff(a, b *treeCursor) (d TreeDiff, ok bool, err error) {
	for {
		x, xl := a.head()
		y, yl := b.head()
		switch {
		case x == nil && y == nil:
			return d, false, nil
		case x != nil && y != nil && xl == yl && x.id == y.id && x.key == y.key:
			a.skip()
			b.skip()
		case x != nil && xl > 0 && (y == nil || xl >= yl):
			err = a.expand()
		case y != nil && yl > 0:
			err = b.expand()
		case y == nil || (x != nil && x.key < y.key):
			a.skip()
			return TreeDiff{Path: x.key, From: x.entry()}, true, nil
		case x == nil || y.key < x.key:
			b.skip()
			return TreeDiff{Path: y.key, To: y.entry()}, true, nil
		default:
			a.skip()
			b.skip()
			return TreeDiff{Path: x.key, From: x.entry(), To: y.entry()}, true, nil
		}
		if err != nil {
			return d, false, err
		}
	}
}

func (it *treeItem) entry() *TreeEntry {
	return &TreeEntry{Path: it.key, Blob: it.id, Size: it.size}
}

// treeCursor stands before an item of a tree: a model, or a child not opened.
type treeCursor struct {
	ctx   context.Context
	tree  *Tree
	stack []treeNode // copies, whose items already passed are cut off

	opened func(TreeID) // nil: nodes are believed
	passed string       // the last item that was passed
}

func newTreeCursor(ctx context.Context, t *Tree) (*treeCursor, error) {
	n, err := t.root(ctx)
	if err != nil {
		return nil, err
	}
	return &treeCursor{ctx: ctx, tree: t, stack: []treeNode{*n}}, nil
}

// head returns the item and its level: 0 for a model, l for a node of level
// l-1; nil at the end.
func (c *treeCursor) head() (*treeItem, int) {
	for len(c.stack) > 0 {
		top := &c.stack[len(c.stack)-1]
		if len(top.items) > 0 {
			return &top.items[0], top.level
		}
		c.stack = c.stack[:len(c.stack)-1]
	}
	return nil, 0
}

func (c *treeCursor) skip() {
	top := &c.stack[len(c.stack)-1]
	c.passed = top.items[0].key
	top.items = top.items[1:]
}

func (c *treeCursor) expand() error {
	it, level := c.head()
	n, err := c.tree.node(c.ctx, it.id, level-1)
	if err != nil {
		return err
	}
	if c.opened != nil {
		count, size, last := n.summary()
		if count != it.count || size != it.size || last != it.key || count == 0 || n.items[0].key <= c.passed && c.passed != "" {
			return fmt.Errorf("tree node %s: %w: it is not what the node above says", TreeID(it.id), ErrCorrupt)
		}
		c.opened(it.id)
	}
	passed := c.passed
	c.skip()
	c.passed = passed // what is below comes first
	c.stack = append(c.stack, *n)
	return nil
}
