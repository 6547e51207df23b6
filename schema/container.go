package schema

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// level returns an empty here for the members of the next level, reusing the last.
func (w *walker) level() *here {
	n := len(w.stack)
	if n < cap(w.stack) {
		w.stack = w.stack[:n+1]
	} else {
		w.stack = append(w.stack, nil)
	}
	if w.stack[n] == nil {
		w.stack[n] = &here{}
	}
	h := w.stack[n]
	h.plans, h.paths = h.plans[:0], h.paths[:0]
	return h
}

func (w *walker) object(h *here, off int64) error {
	if _, err := w.d.ReadToken(); err != nil {
		return w.wrong(err)
	}
	var have map[string]any // names, for plans that judge them
	var seen []bool         // required members of all plans
	for i := range h.plans {
		seen = append(seen, make([]bool, len(h.plans[i].plan.required))...)
		if p := h.plans[i].plan; len(p.keys)+len(p.demands) > 0 && have == nil {
			have = map[string]any{}
		}
	}
	depth := len(w.stack)
	defer func() { w.stack = w.stack[:depth] }()
	var unquoted []byte
	n := int64(0)
	for {
		switch w.d.PeekKind() {
		case '}':
			if _, err := w.d.ReadToken(); err != nil {
				return w.wrong(err)
			}
			w.closeObject(h, off, n, seen, have)
			w.ended(h, n)
			return nil
		case '"':
		default:
			_, err := w.d.ReadToken()
			if err == nil {
				err = io.ErrUnexpectedEOF
			}
			return w.wrong(err)
		}
		raw, err := w.d.ReadValue()
		if err != nil {
			return w.wrong(err)
		}
		name := raw[1 : len(raw)-1]
		if strings.IndexByte(string(name), '\\') >= 0 {
			if unquoted, err = jsontext.AppendUnquote(unquoted[:0], raw); err == nil {
				name = unquoted
			}
		}
		n++
		w.stack = w.stack[:depth]
		next := w.level()
		at := 0
		for i := range h.plans {
			l := h.plans[i]
			for k, r := range l.plan.required {
				if r == string(name) {
					seen[at+k] = true
				}
			}
			at += len(l.plan.required)
			if l.plan.hasMembers {
				l.plan.member(name, func(sub *plan) {
					l.plan = sub
					next.plans = append(next.plans, l)
				})
			}
		}
		if have != nil {
			have[string(name)] = nil
		}
		next.member(h, name)
		for i := range h.paths {
			if f := &h.paths[i]; f.node == f.run.top && f.run.onMember != nil {
				f.run.onMember(string(name), next)
			}
		}
		if err := w.value(next); err != nil {
			return err
		}
	}
}

// member calls f with each plan for the member of that name.
func (p *plan) member(name []byte, f func(*plan)) {
	sub, named := p.props[string(name)]
	if named {
		f(sub)
	}
	for _, x := range p.patterns {
		if x.re.Match(name) {
			named = true
			f(x.plan)
		}
	}
	if !named && p.extra != nil {
		f(p.extra)
	}
}

// member adds those who follow paths through the member of that name.
func (h *here) member(from *here, name []byte) {
	for i := range from.paths {
		f := from.paths[i]
		for _, e := range f.node.edges {
			if e.node.live > 0 && (e.step.wild || e.step.byName && e.step.name == string(name)) {
				h.paths = append(h.paths, follow{f.run, e.node})
				if e.node.named { // somebody wants to know the name
					e.node.name = string(name)
				}
			}
		}
	}
}

func (w *walker) closeObject(h *here, off, n int64, seen []bool, have map[string]any) {
	at := 0
	for i := range h.plans {
		l, p := h.plans[i], h.plans[i].plan
		for k, r := range p.required {
			if !seen[at+k] {
				w.find(l, off, strconv.Quote(r), "a member "+strconv.Quote(r), "required")
			}
		}
		at += len(p.required)
		for _, d := range p.demands {
			if _, ok := have[d.member]; !ok {
				continue
			}
			for _, o := range d.others {
				if _, ok := have[o]; !ok {
					w.find(l, off, strconv.Quote(o), "a member "+strconv.Quote(o)+" beside "+strconv.Quote(d.member), "dependentRequired")
				}
			}
		}
		if p.minP != nil && n < int64(*p.minP) {
			w.find(l, off, fmt.Sprintf("an object of %d", n), fmt.Sprintf("at least %d members", *p.minP), "minProperties")
		}
		if p.maxP != nil && n > int64(*p.maxP) {
			w.find(l, off, fmt.Sprintf("an object of %d", n), fmt.Sprintf("at most %d members", *p.maxP), "maxProperties")
		}
		for k := range p.keys {
			if j := &p.keys[k]; !j.ok(have) {
				w.find(l, off, "an object", j.want, j.keyword)
			}
		}
	}
}

func (w *walker) array(h *here, off int64) error {
	if _, err := w.d.ReadToken(); err != nil {
		return w.wrong(err)
	}
	depth := len(w.stack)
	defer func() { w.stack = w.stack[:depth] }()
	for n := int64(0); ; n++ {
		if w.d.PeekKind() == ']' {
			if _, err := w.d.ReadToken(); err != nil {
				return w.wrong(err)
			}
			w.closeArray(h, off, n)
			w.ended(h, n)
			return nil
		}
		w.stack = w.stack[:depth]
		next := w.level()
		for i := range h.plans {
			l := h.plans[i]
			if n < int64(len(l.plan.prefix)) {
				l.plan = l.plan.prefix[n]
				next.plans = append(next.plans, l)
			} else if l.plan.items != nil {
				l.plan = l.plan.items
				next.plans = append(next.plans, l)
			}
		}
		for i := range h.paths {
			f := h.paths[i]
			for _, e := range f.node.edges {
				if e.node.live > 0 && e.step.matchesIndex(n) {
					next.paths = append(next.paths, follow{f.run, e.node})
					if e.node.named {
						e.node.name = strconv.FormatInt(n, 10)
					}
				}
			}
		}
		if err := w.value(next); err != nil {
			return err
		}
	}
}

func (w *walker) closeArray(h *here, off, n int64) {
	for i := range h.plans {
		l, p := h.plans[i], h.plans[i].plan
		if p.minI != nil && n < int64(*p.minI) {
			w.find(l, off, fmt.Sprintf("an array of %d", n), fmt.Sprintf("at least %d elements", *p.minI), "minItems")
		}
		if p.maxI != nil && n > int64(*p.maxI) {
			w.find(l, off, fmt.Sprintf("an array of %d", n), fmt.Sprintf("at most %d elements", *p.maxI), "maxItems")
		}
	}
}
