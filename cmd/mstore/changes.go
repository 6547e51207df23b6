package main

import "github.com/mstore/mstore/objects"

// mark is the sign of a status, in its colour.
func (st *style) mark(s objects.Status) cell {
	switch s {
	case objects.Added:
		return cell{text: "+", look: st.added}
	case objects.Changed:
		return cell{text: "~", look: st.changed}
	case objects.Removed:
		return cell{text: "-", look: st.removed}
	}
	return cell{text: " "}
}

// changeRow is one model of a list of changes: mark, path, size, size change.
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
		st.mark(c.Status), {text: cleanLine(c.Path)},
		{text: size, right: true}, {text: delta, right: true, look: st.dim},
	}
}
