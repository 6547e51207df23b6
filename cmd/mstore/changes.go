package main

import (
	"context"

	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/store"
)

// changesOf is what a version changed. The store is asked only where the version
// does not list it itself.
func changesOf(ctx context.Context, s *store.Store, v *store.Version) ([]objects.Change, error) {
	if len(v.Changes) > 0 || v.Added+v.Changed+v.Removed == 0 {
		return v.Changes, nil
	}
	return s.Changes(ctx, v)
}

// marked is a path with the sign of its status, in the status's colour.
func (st *style) marked(c objects.Change) cell {
	path := cleanLine(c.Path)
	switch c.Status {
	case objects.Added:
		return cell{text: "+ " + path, look: st.added}
	case objects.Changed:
		return cell{text: "~ " + path, look: st.changed}
	case objects.Removed:
		return cell{text: "- " + path, look: st.removed}
	}
	return cell{text: "  " + path}
}

// markExpired adds a word to the row of a model whose content was let go, or is promised.
func (st *style) markExpired(ctx context.Context, all *store.Expired, c objects.Change, row []cell) ([]cell, error) {
	if c.Status == objects.Removed {
		return row, nil
	}
	x, err := all.Of(ctx, c.Blob)
	if x != nil {
		row = append(row, cell{text: "expired " + x.Time.UTC().Format("2006-01-02"), look: st.removed})
	}
	if err != nil || x != nil {
		return row, err
	}
	p, err := all.Promise(ctx, c.Blob)
	if p != nil {
		row = append(row, st.promised(p))
	}
	return row, err
}

// promised says where a content lies that is not here.
func (st *style) promised(p *store.Promise) cell {
	return cell{text: "promised by " + cleanLine(p.Remote), look: st.dim}
}

// changeRow is one model of a list of changes: marked path, size, size change.
func (st *style) changeRow(c objects.Change) []cell {
	var size, delta string
	switch c.Status {
	case objects.Changed:
		size, delta = humanBytes(c.Size), sizeChange(c.PrevSize, c.Size)
	case objects.Removed:
		delta = sizeChange(c.Size, 0)
	default:
		size = humanBytes(c.Size)
	}
	return []cell{
		st.marked(c), {text: size, right: true}, {text: delta, right: true, look: st.dim},
	}
}
