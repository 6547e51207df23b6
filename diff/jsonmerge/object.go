package jsonmerge

import "github.com/mstore/mstore/diff/internal/jsondoc"

// lookup finds members of an object by name. While they are asked for in the order of the
// document, that takes no memory.
type lookup struct {
	d      *jsondoc.Doc
	v      value
	it     jsondoc.Children
	starts map[uint64]int64 // of the names, by their hashes; nil at first
}

func (m *merger) lookup(side int, v value) lookup {
	d := m.docs[side]
	return lookup{d: d, v: v, it: d.Children(v)}
}

// get returns the member of that name; ok is false when there is none.
func (l *lookup) get(hash uint64) (v value, ok bool, err error) {
	if l.starts == nil {
		ok, err := l.it.Next()
		if err != nil || ok && l.it.Name.Hash == hash {
			return l.it.Value, ok, err
		}
		l.starts = make(map[uint64]int64, l.v.Count)
		for it := l.d.Children(l.v); ; {
			ok, err := it.Next()
			if err != nil {
				return v, false, err
			}
			if !ok {
				break
			}
			l.starts[it.Name.Hash] = it.Name.Start
		}
	}
	start, ok := l.starts[hash]
	if !ok {
		return v, false, nil
	}
	_, v, err = l.d.Member(start)
	return v, err == nil, err
}

// objects merges member by member, in the order of ours; what only theirs has comes last.
func (m *merger) objects(t triple) error {
	a, err := m.assemble(t)
	if err != nil {
		return err
	}
	inBase, inTheirs := m.lookup(base, t[base]), m.lookup(theirs, t[theirs])
	both := int64(0) // members in ours and theirs
	before := int64(0)
	for it := m.docs[ours].Children(t[ours]); ; {
		ok, err := it.Next()
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		e := triple{ours: it.Value}
		if e[base], _, err = inBase.get(it.Name.Hash); err != nil {
			return err
		}
		if e[theirs], ok, err = inTheirs.get(it.Name.Hash); err != nil {
			return err
		}
		if ok {
			both++
		}
		name := it.Name
		m.path = append(m.path, segment{Doc: m.docs[ours], Member: true, Name: name})
		err = m.child(a, e, before, it.Span())
		m.path = m.path[:len(m.path)-1]
		if err != nil {
			return err
		}
		before = it.Value.End
	}
	if both < t[theirs].Count {
		if err := m.onlyTheirs(a, t, &inBase); err != nil {
			return err
		}
	}
	return a.finish()
}

// child writes what becomes of a member that ours has, if it stays.
func (m *merger) child(a *assembly, e triple, before int64, span jsondoc.Span) error {
	if e[theirs].Kind == 0 {
		stays, err := m.staysOf(ours, e)
		if err == nil && stays {
			a.child(before, span.Start)
			m.out.add(ours, span.Start, span.End)
		}
		return err
	}
	a.child(before, span.Start)
	m.out.add(ours, span.Start, e[ours].Start)
	if e[base].Kind != 0 {
		return m.merge(e)
	}
	return m.inserted(e)
}

// inserted writes a value that both sides added.
func (m *merger) inserted(e triple) error {
	side := ours
	if e[ours].Hash == e[theirs].Hash {
		m.res.Both++
	} else {
		var err error
		if side, err = m.conflict(Inserted, e); err != nil {
			return err
		}
	}
	m.take(side, e[side])
	return nil
}

// onlyTheirs writes the members that ours does not have, if they stay.
func (m *merger) onlyTheirs(a *assembly, t triple, inBase *lookup) error {
	inOurs := m.lookup(ours, t[ours])
	for it := m.docs[theirs].Children(t[theirs]); ; {
		ok, err := it.Next()
		if !ok || err != nil {
			return err
		}
		if _, ok, err = inOurs.get(it.Name.Hash); err != nil {
			return err
		}
		if ok {
			continue
		}
		e := triple{theirs: it.Value}
		if e[base], _, err = inBase.get(it.Name.Hash); err != nil {
			return err
		}
		m.path = append(m.path, segment{Doc: m.docs[theirs], Member: true, Name: it.Name})
		stays, err := m.staysOf(theirs, e)
		m.path = m.path[:len(m.path)-1]
		if err != nil {
			return err
		}
		if stays {
			span := it.Span()
			a.child(0, 0)
			m.out.add(theirs, span.Start, span.End)
		}
	}
}

// staysOf tells whether a value that only one side has stays: the other deleted it, or it
// is new.
func (m *merger) staysOf(side int, e triple) (bool, error) {
	if e[base].Kind == 0 {
		m.took(side)
		return true, nil
	}
	if !e.changed(side) {
		m.took(other(side))
		return false, nil
	}
	taken, err := m.conflict(Deleted, e)
	return taken == side, err
}
