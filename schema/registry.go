package schema

import "slices"

// Registry holds the kinds that apply to a store. It may be used concurrently.
type Registry struct{ entries []*entry }

// entry is a kind of which only what recognises it needs to be known at first.
type entry struct {
	name  string
	match []Match
	kind  func() *Kind
}

// NewRegistry puts kinds before those that are built in, and in the place of those of
// the same name. Of its own kinds of one name the first counts.
func NewRegistry(own ...*Kind) (*Registry, error) {
	builtin, err := builtins()
	if err != nil {
		return nil, err
	}
	r := &Registry{}
	for _, k := range own {
		r.add(&entry{k.Name, k.Match, func() *Kind { return k }})
	}
	for _, e := range builtin {
		r.add(e)
	}
	return r, nil
}

func (r *Registry) add(e *entry) {
	if r.entry(e.name) == nil {
		r.entries = append(r.entries, e)
	}
}

func (r *Registry) entry(name string) *entry {
	i := slices.IndexFunc(r.entries, func(e *entry) bool { return e.name == name })
	if i < 0 {
		return nil
	}
	return r.entries[i]
}

// Kinds lists them in the order in which they are tried.
func (r *Registry) Kinds() []*Kind {
	var list []*Kind
	for _, e := range r.entries {
		list = append(list, e.kind())
	}
	return list
}

// Kind returns the kind of that name, or nil.
func (r *Registry) Kind(name string) *Kind {
	if e := r.entry(name); e != nil {
		return e.kind()
	}
	return nil
}

// candidates are the kinds that a model of that name and format can be of, in order, and
// whether the name alone decides: then there is only one. A kind that asks for nothing
// more than the format is the last, as none after it is ever chosen.
func (r *Registry) candidates(name, format string) (list []candidate, decided bool) {
	for _, e := range r.entries {
		for i := range e.match {
			m := &e.match[i]
			if len(m.Names) > 0 && m.fitting(name, format) && m.unconditional() {
				return []candidate{{e.kind(), []*Match{m}}}, true
			}
		}
	}
	for _, e := range r.entries {
		var c candidate
		last := false
		for i := range e.match {
			if m := &e.match[i]; m.fitting(name, format) {
				c.matches = append(c.matches, m)
				last = last || m.unconditional()
			}
		}
		if len(c.matches) == 0 {
			continue
		}
		c.kind = e.kind()
		if list = append(list, c); last {
			break
		}
	}
	return list, false
}

type candidate struct {
	kind    *Kind
	matches []*Match
}

// fits tells whether a document with these members at the top is of the kind.
func (c *candidate) fits(has map[string]bool) bool {
	return slices.ContainsFunc(c.matches, func(m *Match) bool { return m.fits(has) })
}
