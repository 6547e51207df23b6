package schema

import (
	"errors"
	"fmt"
	"regexp"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/mstore/mstore/internal/expr"
)

var statName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func (p *kindParser) stats(to *[]Stat) reader {
	return func(n *yaml.Node, field string) error {
		return p.named(n, field, func(name string, key, n *yaml.Node, field string) error {
			s := Stat{Name: name}
			if !statName.MatchString(name) {
				return p.fail(key, field, errors.New("a name has letters, digits and _ only"))
			}
			if err := p.stat(&s, n, field); err != nil {
				return err
			}
			*to = append(*to, s)
			if p.figures[name] != nil {
				return p.fail(key, field, errors.New("there are two figures of that name"))
			}
			p.figures[name] = key
			return nil
		})
	}
}

func (p *kindParser) stat(s *Stat, n *yaml.Node, field string) error {
	known := map[string]reader{"by": func(n *yaml.Node, field string) (err error) {
		var src string
		if err := p.text(&src)(n, field); err != nil {
			return err
		}
		if s.By, err = regexp.Compile(src); err != nil {
			return p.fail(n, field, err)
		}
		return nil
	}}
	for op := range statOps {
		known[op] = func(n *yaml.Node, field string) error {
			if s.Op != "" {
				return p.fail(n, field, fmt.Errorf("is a second operation beside %s", s.Op))
			}
			s.Op = op
			if op != "minus" && op != "per" {
				return p.paths(&s.Paths)(n, field)
			}
			var names []string
			if err := p.texts(&names)(n, field); err != nil {
				return err
			}
			if len(names) != 2 {
				return p.fail(n, field, errors.New("wants the names of two other figures"))
			}
			s.Of = [2]string{names[0], names[1]}
			return nil
		}
	}
	if err := p.fields(n, field, known); err != nil {
		return err
	}
	switch {
	case s.Op == "":
		return p.fail(n, field, errors.New("names no operation"))
	case len(s.Paths) == 0 && s.Of[0] == "":
		return p.fail(n, field+"."+s.Op, errors.New("names no path"))
	case s.By != nil && s.Op != "sum":
		return p.fail(n, field+".by", errors.New("goes with sum only"))
	}
	return nil
}

func (p *kindParser) readRules(n *yaml.Node, field string) error {
	if n.Kind != yaml.SequenceNode {
		return p.fail(n, field, fmt.Errorf("want a list, not %s", nodeKind(n)))
	}
	for _, c := range n.Content {
		c = target(c)
		r := Rule{Severity: Warning, Share: 1}
		err := p.fields(c, field, map[string]reader{
			"rule": p.text(&r.Name), "message": p.text(&r.Message), "has": p.texts(&r.Has),
			"must": p.expr(&r.Must), "when": p.expr(&r.When),
			"severity": func(n *yaml.Node, field string) error {
				if r.Severity = Severity(n.Value); r.Severity != Error && r.Severity != Warning {
					return p.fail(n, field, fmt.Errorf("%q is not error or warning", n.Value))
				}
				return nil
			},
			"each": func(n *yaml.Node, field string) error {
				var list []Path
				if err := p.paths(&list)(n, field); err != nil {
					return err
				}
				if len(list) != 1 {
					return p.fail(n, field, errors.New("wants one path"))
				}
				r.Each = &list[0]
				return nil
			},
			"order": func(n *yaml.Node, field string) error {
				if n.Value != "ascending" {
					return p.fail(n, field, fmt.Errorf("%q is not ascending", n.Value))
				}
				r.Order = true
				return nil
			},
			"sample": func(n *yaml.Node, field string) error {
				if err := n.Decode(&r.Sample); err != nil || r.Sample < 1 || n.ShortTag() != "!!int" {
					return p.fail(n, field, fmt.Errorf("%q is not a number of elements, 1 or more", n.Value))
				}
				return nil
			},
			"share": func(n *yaml.Node, field string) error {
				if err := n.Decode(&r.Share); err != nil || !(r.Share > 0 && r.Share <= 1) {
					return p.fail(n, field, fmt.Errorf("%q is not a share above 0 and up to 1", n.Value))
				}
				return nil
			},
		})
		if err == nil {
			err = p.rule(c, field, &r)
		}
		if err != nil {
			return err
		}
		p.k.Rules = append(p.k.Rules, r)
		p.rules[r.Name] = c
	}
	return nil
}

// rule checks that a rule says what it wants.
func (p *kindParser) rule(n *yaml.Node, field string, r *Rule) error {
	if !kindName.MatchString(r.Name) {
		return p.fail(n, field+".rule", fmt.Errorf("%q is not the name of a rule: small letters, digits, _ and -", r.Name))
	}
	field += "." + r.Name
	wants := 0
	for _, set := range []bool{r.Must != nil, len(r.Has) > 0, r.Order} {
		if set {
			wants++
		}
	}
	switch {
	case p.rules[r.Name] != nil:
		return p.fail(n, field, errors.New("there are two rules of that name"))
	case r.Message == "":
		return p.fail(n, field+".message", errors.New("is missing: what should people be told?"))
	case wants != 1:
		return p.fail(n, field, errors.New("wants one of must, has and order"))
	case r.Each == nil && (len(r.Has) > 0 || r.Order || r.Sample > 0 || r.Share != 1):
		return p.fail(n, field, errors.New("has, order, sample and share go with each"))
	}
	if r.Each == nil {
		return nil
	}
	if r.fields = slices.Clone(r.Has); r.Must != nil {
		r.fields = r.Must.Fields()
	}
	r.asked = len(r.fields)
	for _, s := range placeholder.FindAllString(r.Message, -1) {
		name := s[1 : len(s)-1]
		if !slices.Contains(ruleWords, name) && !slices.Contains(r.fields, name) {
			r.fields = append(r.fields, name)
		}
	}
	return nil
}

// check looks whether the figures that rules and figures name are there.
func (p *kindParser) check() error {
	var known []expr.Field
	for _, s := range slices.Concat(p.k.Values, p.k.Stats) {
		for _, of := range s.Of {
			if of != "" && !slices.Contains(known, expr.Field{Name: of}) {
				return p.fail(p.figures[s.Name], section(p.k, s.Name)+"."+s.Name, fmt.Errorf("%q is not a figure above it", of))
			}
		}
		known = append(known, expr.Field{Name: s.Name})
	}
	for _, r := range p.k.Rules {
		err := error(nil)
		what := "when"
		if r.When != nil {
			err = r.When.Check(known)
		}
		if err == nil && r.Must != nil && r.Each == nil {
			what = "must"
			err = r.Must.Check(known)
		}
		if err != nil {
			return p.fail(pointInto(p.rules[r.Name], what), "rules."+r.Name+"."+what, err)
		}
	}
	return nil
}

// section is where a figure stands.
func section(k *Kind, figure string) string {
	if slices.ContainsFunc(k.Values, func(s Stat) bool { return s.Name == figure }) {
		return "values"
	}
	return "stats"
}
