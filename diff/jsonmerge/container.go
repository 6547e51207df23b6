package jsonmerge

import "github.com/mstore/mstore/diff/internal/jsondoc"

// layout is how a container is written: what stands before, between and behind children.
type layout struct {
	from     int // the document it is read off
	v        value
	first    jsondoc.Span // of the first child, with its name
	second   jsondoc.Span
	children int // 0, 1, or 2 and more
}

// readLayout looks at the first two children.
func (m *merger) readLayout(side int, v value) (layout, error) {
	l := layout{from: side, v: v}
	for it := m.docs[side].Children(v); l.children < 2; l.children++ {
		ok, err := it.Next()
		if err != nil {
			return l, err
		}
		if !ok {
			break
		}
		if l.children == 0 {
			l.first = it.Span()
		} else {
			l.second = it.Span()
		}
	}
	return l, nil
}

// assembly puts the children of one merged container together. Between them stands what
// stands between their neighbours.
type assembly struct {
	m     *merger
	like  layout // ours, or theirs where ours is empty
	kind  jsondoc.Kind
	begun bool
}

func (m *merger) assemble(t triple) (*assembly, error) {
	like, err := m.readLayout(ours, t[ours])
	if err == nil && like.children == 0 {
		like, err = m.readLayout(theirs, t[theirs])
	}
	return &assembly{m: m, like: like, kind: t[ours].Kind}, err
}

// child begins a child: what is written next is its text. before is the end of the child
// that comes before it in ours, if it is a child of ours that has one, else 0; start is
// where it begins itself.
func (a *assembly) child(before, start int64) {
	out := &a.m.out
	l := &a.like
	switch {
	case !a.begun:
		a.begun = true
		out.add(l.from, l.v.Start, l.first.Start)
	case before > 0:
		out.add(ours, before, start)
	case l.children > 1:
		out.add(l.from, l.first.End, l.second.Start)
	default:
		out.comma()
		out.add(l.from, l.v.Start+1, l.first.Start)
	}
}

// finish ends the container, with what stands before the bracket of its model.
func (a *assembly) finish() error {
	out := &a.m.out
	if !a.begun {
		out.empty(a.kind)
		return nil
	}
	l := &a.like
	end, err := a.m.docs[l.from].SpaceBefore(l.v.End - 1)
	if err != nil {
		return err
	}
	out.add(l.from, end, l.v.End)
	return nil
}
