package journal

import (
	"context"
	"fmt"

	"github.com/mstore/mstore/objects"
)

// Changes lists what a version changed against its first parent, by path: from its
// record, or from the trees where the record does not list it.
func (h *History) Changes(ctx context.Context, v *objects.Version, parent Target, nodes objects.NodeReader) ([]objects.Change, error) {
	if len(v.Changes) > 0 || v.Added+v.Changed+v.Removed == 0 {
		return v.Changes, nil
	}
	var from objects.TreeID
	if parent.Entry != 0 {
		e, err := h.Entry(ctx, parent.Entry)
		if err != nil {
			return nil, err
		}
		p, _, err := e.Version()
		if err != nil {
			return nil, err
		}
		if p == nil {
			return nil, fmt.Errorf("journal entry %d holds no version: %w", parent.Entry, ErrCorrupt)
		}
		from = p.Tree
	}
	var out []objects.Change
	for d, err := range objects.DiffTrees(ctx, objects.OpenTree(from, nodes), objects.OpenTree(v.Tree, nodes)) {
		if err != nil {
			return nil, err
		}
		out = append(out, d.Change())
	}
	return out, nil
}
