package schema

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/bmatcuk/doublestar/v4"
	"go.yaml.in/yaml/v3"

	"github.com/mstore/mstore/internal/expr"
)

// MaxKindFile bounds the size of a kind file, in bytes.
const MaxKindFile = 60_000

// KindError: a kind file that cannot be understood.
type KindError struct {
	File  string
	Line  int // 0: unknown
	Field string
	Err   error
}

func (e *KindError) Error() string {
	where := e.File
	if e.Line > 0 {
		where += fmt.Sprintf(":%d", e.Line)
	}
	if e.Field != "" {
		where += ": " + e.Field
	}
	return where + ": " + e.Err.Error()
}

func (e *KindError) Unwrap() error { return e.Err }

var kindName = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,63}$`)

// ParseKind reads a kind file. Its errors are *KindError.
func ParseKind(file string, src []byte) (*Kind, error) {
	p := &kindParser{file: file, k: &Kind{Source: src}}
	if len(src) > MaxKindFile {
		return nil, p.fail(nil, "", fmt.Errorf("%d bytes are more than the %d that a kind file may have", len(src), MaxKindFile))
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(src, &doc); err != nil {
		return nil, &KindError{File: file, Err: errors.New(strings.TrimPrefix(err.Error(), "yaml: "))}
	}
	if len(doc.Content) == 0 {
		return nil, p.fail(nil, "", errors.New("the file is empty"))
	}
	if err := p.kind(doc.Content[0]); err != nil {
		return nil, err
	}
	return p.k, nil
}

type kindParser struct {
	file string
	k    *Kind
}

func (p *kindParser) fail(n *yaml.Node, field string, err error) error {
	e := &KindError{File: p.file, Field: field, Err: err}
	if n != nil {
		e.Line = n.Line
	}
	return e
}

// fields goes through a mapping and calls the function for each of its fields; other
// fields are errors.
func (p *kindParser) fields(n *yaml.Node, field string, known map[string]func(n *yaml.Node, field string) error) error {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind != yaml.MappingNode {
		return p.fail(n, field, fmt.Errorf("want fields, not %s", nodeKind(n)))
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name := n.Content[i].Value
		at := strings.TrimPrefix(field+"."+name, ".")
		read := known[name]
		if read == nil {
			var names []string
			for k := range known {
				names = append(names, k)
			}
			slices.Sort(names)
			return p.fail(n.Content[i], at, fmt.Errorf("unknown field; there are %s", strings.Join(names, ", ")))
		}
		if seen[name] {
			return p.fail(n.Content[i], at, errors.New("is given twice"))
		}
		seen[name] = true
		if err := read(n.Content[i+1], at); err != nil {
			return err
		}
	}
	return nil
}

func nodeKind(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "fields"
	case yaml.SequenceNode:
		return "a list"
	}
	return fmt.Sprintf("%q", n.Value)
}

// text reads a string.
func (p *kindParser) text(to *string) func(*yaml.Node, string) error {
	return func(n *yaml.Node, field string) error {
		if n.Kind != yaml.ScalarNode || n.Value == "" {
			return p.fail(n, field, fmt.Errorf("want text, not %s", nodeKind(n)))
		}
		*to = n.Value
		return nil
	}
}

// texts reads a string or a list of strings.
func (p *kindParser) texts(to *[]string) func(*yaml.Node, string) error {
	return func(n *yaml.Node, field string) error {
		list := []*yaml.Node{n}
		if n.Kind == yaml.SequenceNode {
			list = n.Content
		}
		for _, c := range list {
			var s string
			if err := p.text(&s)(c, field); err != nil {
				return err
			}
			*to = append(*to, s)
		}
		return nil
	}
}

func (p *kindParser) paths(to *[]Path) func(*yaml.Node, string) error {
	return func(n *yaml.Node, field string) error {
		var list []string
		if err := p.texts(&list)(n, field); err != nil {
			return err
		}
		for _, s := range list {
			x, err := ParsePath(s)
			if err != nil {
				return p.fail(n, field, err)
			}
			*to = append(*to, x)
		}
		return nil
	}
}

func (p *kindParser) expr(to **expr.Expr) func(*yaml.Node, string) error {
	return func(n *yaml.Node, field string) error {
		var s string
		if err := p.text(&s)(n, field); err != nil {
			return err
		}
		e, err := expr.Parse(s)
		if err != nil {
			return p.fail(n, field, err)
		}
		*to = e
		return nil
	}
}

func (p *kindParser) schema(to **plan) func(*yaml.Node, string) error {
	return func(n *yaml.Node, field string) error {
		var v any
		if err := n.Decode(&v); err != nil {
			return p.fail(n, field, err)
		}
		doc, err := json.Marshal(v)
		if err != nil {
			return p.fail(n, field, err)
		}
		x, err := compileSchema(doc)
		if err != nil {
			return p.fail(n, field, err)
		}
		*to = x
		return nil
	}
}

func (p *kindParser) kind(n *yaml.Node) error {
	k := p.k
	err := p.fields(n, "", map[string]func(*yaml.Node, string) error{
		"kind": p.text(&k.Name), "title": p.text(&k.Title), "match": p.matches,
		"schema": p.schema(&k.must), "expects": p.schema(&k.should),
		"stats":  func(n *yaml.Node, field string) error { return p.stats(&k.Stats, n, field) },
		"values": func(n *yaml.Node, field string) error { return p.stats(&k.Values, n, field) },
		"rules":  p.rules, "source": p.paths(&k.From),
		"params":  func(n *yaml.Node, field string) error { return p.extracts(&k.Params, n, field) },
		"metrics": func(n *yaml.Node, field string) error { return p.extracts(&k.Metrics, n, field) },
	})
	if err != nil {
		return err
	}
	if !kindName.MatchString(k.Name) {
		return p.fail(n, "kind", fmt.Errorf("%q is not the name of a kind: small letters, digits, _ and -", k.Name))
	}
	if len(k.Match) == 0 {
		return p.fail(n, "match", errors.New("is missing: how is the kind recognised?"))
	}
	return p.check(n)
}

func (p *kindParser) matches(n *yaml.Node, field string) error {
	list := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		list = n.Content
	}
	for _, c := range list {
		var m Match
		err := p.fields(c, field, map[string]func(*yaml.Node, string) error{
			"name": p.texts(&m.Names), "has": p.texts(&m.Has), "lacks": p.texts(&m.Lacks), "format": p.texts(&m.Formats)})
		if err != nil {
			return err
		}
		for _, g := range m.Names {
			if !doublestar.ValidatePattern(g) {
				return p.fail(c, field+".name", fmt.Errorf("%q is not a glob", g))
			}
		}
		for _, f := range m.Formats {
			if !slices.Contains(Formats, f) {
				return p.fail(c, field+".format", fmt.Errorf("%q is not one of %s", f, strings.Join(Formats, ", ")))
			}
		}
		if len(m.Names)+len(m.Has)+len(m.Formats) == 0 {
			return p.fail(c, field, errors.New("names nothing: give name, has or format"))
		}
		p.k.Match = append(p.k.Match, m)
	}
	return nil
}

func (p *kindParser) extracts(to *[]Extract, n *yaml.Node, field string) error {
	if n.Kind != yaml.MappingNode {
		return p.fail(n, field, fmt.Errorf("want fields, not %s", nodeKind(n)))
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		x := Extract{Name: n.Content[i].Value}
		var src string
		if err := p.text(&src)(n.Content[i+1], field+"."+x.Name); err != nil {
			return err
		}
		var err error
		if x.Path, err = ParsePath(src); err != nil {
			return p.fail(n.Content[i+1], field+"."+x.Name, err)
		}
		*to = append(*to, x)
	}
	return nil
}

var statName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func (p *kindParser) stats(to *[]Stat, n *yaml.Node, field string) error {
	if n.Kind != yaml.MappingNode {
		return p.fail(n, field, fmt.Errorf("want fields, not %s", nodeKind(n)))
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, body := n.Content[i], n.Content[i+1]
		at := field + "." + name.Value
		s := Stat{Name: name.Value}
		if !statName.MatchString(s.Name) {
			return p.fail(name, at, errors.New("a name has letters, digits and _ only"))
		}
		known := map[string]func(*yaml.Node, string) error{"by": func(n *yaml.Node, field string) (err error) {
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
		if err := p.fields(body, at, known); err != nil {
			return err
		}
		if s.Op == "" {
			return p.fail(body, at, errors.New("names no operation"))
		}
		if s.By != nil && s.Op != "sum" {
			return p.fail(body, at+".by", errors.New("goes with sum only"))
		}
		*to = append(*to, s)
	}
	return nil
}

func (p *kindParser) rules(n *yaml.Node, field string) error {
	if n.Kind != yaml.SequenceNode {
		return p.fail(n, field, fmt.Errorf("want a list, not %s", nodeKind(n)))
	}
	for _, c := range n.Content {
		r := Rule{Severity: Warning, Share: 1}
		err := p.fields(c, field, map[string]func(*yaml.Node, string) error{
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
				if err := n.Decode(&r.Sample); err != nil || r.Sample < 1 {
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
	case slices.ContainsFunc(p.k.Rules, func(q Rule) bool { return q.Name == r.Name }):
		return p.fail(n, field, errors.New("there are two rules of that name"))
	case r.Message == "":
		return p.fail(n, field+".message", errors.New("is missing: what should people be told?"))
	case wants != 1:
		return p.fail(n, field, errors.New("wants one of must, has and order"))
	case r.Each == nil && (len(r.Has) > 0 || r.Order || r.Sample > 0 || r.Share != 1):
		return p.fail(n, field, errors.New("has, order, sample and share go with each"))
	}
	if r.Each != nil && r.Must != nil {
		r.fields = r.Must.Fields()
	} else if r.Each != nil {
		r.fields = r.Has
	}
	return nil
}

// check looks whether the figures that rules and figures name are there.
func (p *kindParser) check(n *yaml.Node) error {
	var known []expr.Field
	for _, s := range slices.Concat(p.k.Values, p.k.Stats) {
		if slices.ContainsFunc(known, func(f expr.Field) bool { return f.Name == s.Name }) {
			return p.fail(n, "stats."+s.Name, errors.New("there are two figures of that name"))
		}
		for _, of := range s.Of {
			if of != "" && !slices.ContainsFunc(known, func(f expr.Field) bool { return f.Name == of }) {
				return p.fail(n, "stats."+s.Name, fmt.Errorf("%q is not a figure above it", of))
			}
		}
		known = append(known, expr.Field{Name: s.Name})
	}
	for _, r := range p.k.Rules {
		for what, e := range map[string]*expr.Expr{"when": r.When, "must": r.Must} {
			if e == nil || what == "must" && r.Each != nil {
				continue
			}
			if err := e.Check(known); err != nil {
				return p.fail(n, "rules."+r.Name+"."+what, err)
			}
		}
	}
	return nil
}

//go:embed kinds/*.yaml
var kindFiles embed.FS

// builtinOrder is the order in which built-in kinds are tried.
var builtinOrder = []string{"rhythm_oracle", "harmonic_transitions", "correlation", "audio_oracle", "training_results",
	"safetensors", "gguf", "onnx", "numpy", "json"}

// builtins reads the kinds that are part of mstore, once.
var builtins = sync.OnceValues(func() ([]*Kind, error) {
	var out []*Kind
	for _, name := range builtinOrder {
		file := path.Join("kinds", name+".yaml")
		src, err := kindFiles.ReadFile(file)
		if err != nil {
			return nil, err
		}
		k, err := ParseKind(file, src)
		if err != nil {
			return nil, err
		}
		k.Builtin = true
		out = append(out, k)
	}
	return out, nil
})
