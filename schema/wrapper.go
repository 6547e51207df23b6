package schema

import "strings"

// maxMetadata bounds the values that are kept of a wrapper's metadata.
const maxMetadata = 1000

// wrapperMeta takes the scalars of a wrapper's metadata, down to its third level; their
// names are joined with dots.
type wrapperMeta struct {
	nobody
	run    *run
	kind   byte
	off    int64
	found  string
	values map[string]any
}

func newWrapperMeta() *wrapperMeta {
	m := &wrapperMeta{run: &run{top: &pathNode{}}, values: map[string]any{}}
	m.run.top.add(m)
	p := Path{}
	for range 3 {
		p.steps = append(p.steps, step{wild: true})
		n := m.run.top.at(p)
		n.named = true
		n.add(&metaValue{meta: m, node: n})
	}
	return m
}

func (m *wrapperMeta) begin(_ *walker, kind byte, off int64) {
	m.kind, m.off, m.found = kind, off, "an array"
}

func (m *wrapperMeta) scalar(v any) { m.found = excerptOf(v) }

type metaValue struct {
	nobody
	meta *wrapperMeta
	node *pathNode
}

func (v *metaValue) scalar(x any) {
	var names []string
	for n := v.node; n.parent != nil; n = n.parent {
		names = append([]string{n.name}, names...)
	}
	if x != nil && len(v.meta.values) < maxMetadata {
		v.meta.values[strings.Join(names, ".")] = x
	}
}
