package policy

import (
	"slices"
	"strings"
)

// Policy is the rules of all levels. The zero value sets none, so it keeps
// everything. Any number of goroutines may use it while none calls Set.
type Policy struct {
	global   rules
	models   []*scope
	branches []*scope
}

// scope is the rules for the names that match a pattern. Scopes of one level
// stand in the order in which they count: long patterns first, then by text.
type scope struct {
	pattern string
	glob    glob
	rules   rules
}

// each calls fn for every setting, the global ones first.
func (p *Policy) each(fn func(*setting)) {
	all := []rules{p.global}
	for _, list := range [][]*scope{p.models, p.branches} {
		for _, s := range list {
			all = append(all, s.rules)
		}
	}
	for _, rules := range all {
		for _, s := range rules {
			if s != nil {
				fn(s)
			}
		}
	}
}

// Empty tells whether the policy keeps everything and lets no branch go: no
// keep rule and no ttl is set to anything but off on any level.
func (p *Policy) Empty() bool {
	empty := true
	p.each(func(s *setting) {
		empty = empty && (s.off || s.rule == neverBelow)
	})
	return empty
}

// Metrics returns the metrics that keep-best and keep-where name on any level, sorted, each
// once.
func (p *Policy) Metrics() []string {
	var list []string
	p.each(func(s *setting) {
		for _, b := range s.best {
			list = append(list, b.metric)
		}
		if s.where != nil {
			for _, f := range s.where.Fields() {
				if m, ok := strings.CutPrefix(f, "metrics."); ok {
					list = append(list, m)
				}
			}
		}
	})
	slices.Sort(list)
	return slices.Compact(list)
}

// Asks tells whether the policy looks at more of a version than its time: at metrics,
// parameters or texts.
func (p *Policy) Asks() bool {
	asks := false
	p.each(func(s *setting) { asks = asks || len(s.best) > 0 || s.where != nil })
	return asks
}

// String writes the policy on one line, the same for the same settings:
// "keep-last 10, keep-within 30d; branch scratch/*: ttl 7d"; "no policy" where
// nothing is set.
func (p *Policy) String() string {
	var parts []string
	if text := p.global.String(); text != "" {
		parts = append(parts, text)
	}
	for i, list := range [][]*scope{p.models, p.branches} {
		byText := slices.SortedFunc(slices.Values(list), func(a, b *scope) int { return strings.Compare(a.pattern, b.pattern) })
		for _, s := range byText {
			parts = append(parts, []string{"model ", "branch "}[i]+s.pattern+": "+s.rules.String())
		}
	}
	if len(parts) == 0 {
		return "no policy"
	}
	return strings.Join(parts, "; ")
}

func (r rules) String() string {
	var texts []string
	for _, s := range r {
		if s != nil {
			texts = append(texts, s.String())
		}
	}
	return strings.Join(texts, ", ")
}

// noKeep tells whether no keep rule applies, so that everything is kept.
func (r *rules) noKeep() bool {
	for i, s := range r {
		if rule(i).isKeep() && s != nil && !s.off {
			return false
		}
	}
	return true
}

// branchRules are the settings of the branch level for a branch.
func (p *Policy) branchRules(name string) rules {
	return winners(rules{}, p.branches, name)
}

// modelRules are the settings of the other levels for a model.
func (p *Policy) modelRules(path string) rules {
	return winners(p.global, p.models, path)
}

func winners(base rules, scopes []*scope, name string) rules {
	if len(scopes) == 0 {
		return base
	}
	var set [numRules]bool
	parts := strings.Split(name, "/")
	for _, s := range scopes {
		if !s.glob.match(parts) {
			continue
		}
		for i, x := range s.rules {
			if x != nil && !set[i] {
				base[i], set[i] = x, true
			}
		}
	}
	return base
}

// over returns the rules with those of a more specific level put over them.
func (r rules) over(more *rules) rules {
	for i, s := range more {
		if s != nil {
			r[i] = s
		}
	}
	return r
}
