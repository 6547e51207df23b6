package schema

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"go.yaml.in/yaml/v3"

	"github.com/mstore/mstore/internal/expr"
)

// MaxKindFile bounds the size of a kind file, in bytes.
const MaxKindFile = 60_000

var kindName = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,63}$`)

// ParseKind reads a kind file; it keeps src. Its errors are *FileError.
func ParseKind(file string, src []byte) (*Kind, error) {
	p := &kindParser{file: file, k: &Kind{Source: src}}
	if err := p.parse(); err != nil {
		return nil, err
	}
	return p.k, nil
}

// parseMatch reads the part of a kind file that says how the kind is recognised.
func parseMatch(file string, src []byte) ([]Match, error) {
	p := &kindParser{file: file, k: &Kind{}}
	n, err := p.read(src)
	if err == nil {
		err = p.fields(n, "", map[string]reader{"match": p.matches})
	}
	return p.k.Match, err
}

type kindParser struct {
	file           string
	k              *Kind
	lazy           bool                  // JSON Schemas are not looked at yet
	rules, figures map[string]*yaml.Node // by name
}

// reader takes the value of a field.
type reader func(n *yaml.Node, field string) error

func (p *kindParser) parse() error {
	n, err := p.read(p.k.Source)
	if err != nil {
		return err
	}
	return p.kind(n)
}

func (p *kindParser) read(src []byte) (*yaml.Node, error) {
	if len(src) > MaxKindFile {
		return nil, p.fail(nil, "", fmt.Errorf("%d bytes are more than the %d that a kind file may have", len(src), MaxKindFile))
	}
	n, line, err := readYAML(src)
	if err == nil && n == nil {
		err = errors.New("the file is empty")
	}
	if err != nil {
		return nil, &FileError{File: p.file, Line: line, Err: err}
	}
	return n, nil
}

func (p *kindParser) fail(n *yaml.Node, field string, err error) error {
	e := &FileError{File: p.file, Field: field, Err: err}
	if n != nil {
		e.Line = n.Line
	}
	return e
}

// fields goes through a mapping and calls the function for each of its fields; other
// fields are errors.
func (p *kindParser) fields(n *yaml.Node, field string, known map[string]reader) error {
	if n = target(n); n.Kind != yaml.MappingNode {
		return p.fail(n, field, fmt.Errorf("want fields, not %s", nodeKind(n)))
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name := n.Content[i].Value
		at := strings.TrimPrefix(field+"."+name, ".")
		read := known[name]
		if read == nil {
			names := slices.Sorted(maps.Keys(known))
			return p.fail(n.Content[i], at, fmt.Errorf("unknown field; there are %s", strings.Join(names, ", ")))
		}
		if seen[name] {
			return p.fail(n.Content[i], at, errors.New("is given twice"))
		}
		seen[name] = true
		if err := read(target(n.Content[i+1]), at); err != nil {
			return err
		}
	}
	return nil
}

// named goes through a mapping whose fields are names that the file chooses.
func (p *kindParser) named(n *yaml.Node, field string, read func(name string, key, n *yaml.Node, field string) error) error {
	if n.Kind != yaml.MappingNode {
		return p.fail(n, field, fmt.Errorf("want fields, not %s", nodeKind(n)))
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		at := field + "." + key.Value
		if key.Value == "" {
			return p.fail(key, field, errors.New("has a field without a name"))
		}
		if seen[key.Value] {
			return p.fail(key, at, errors.New("is given twice"))
		}
		seen[key.Value] = true
		if err := read(key.Value, key, target(n.Content[i+1]), at); err != nil {
			return err
		}
	}
	return nil
}

// target is the node that an alias stands for.
func target(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
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
func (p *kindParser) text(to *string) reader {
	return func(n *yaml.Node, field string) error {
		if n.Kind != yaml.ScalarNode || n.Value == "" || n.ShortTag() == "!!null" {
			return p.fail(n, field, fmt.Errorf("want text, not %s", nodeKind(n)))
		}
		*to = n.Value
		return nil
	}
}

// texts reads a string or a list of strings.
func (p *kindParser) texts(to *[]string) reader {
	return func(n *yaml.Node, field string) error {
		list := []*yaml.Node{n}
		if n.Kind == yaml.SequenceNode {
			list = n.Content
		}
		for _, c := range list {
			var s string
			if err := p.text(&s)(target(c), field); err != nil {
				return err
			}
			*to = append(*to, s)
		}
		return nil
	}
}

func (p *kindParser) paths(to *[]Path) reader {
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

func (p *kindParser) expr(to **expr.Expr) reader {
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

// schema reads a JSON Schema.
func (p *kindParser) schema(to *lazyPlan) reader {
	return func(n *yaml.Node, field string) error {
		*to = newLazyPlan(func() (*plan, error) {
			var v any
			if err := n.Decode(&v); err != nil {
				return nil, err
			}
			doc, err := json.Marshal(v)
			if err != nil {
				return nil, err
			}
			return compileSchema(doc)
		})
		if p.lazy {
			return nil
		}
		_, err := (*to)()
		var se *SchemaError
		if errors.As(err, &se) {
			n = pointInto(n, se.At)
		}
		if err != nil {
			return p.fail(n, field, err)
		}
		return nil
	}
}

// pointInto follows a JSON Pointer as far as it leads.
func pointInto(n *yaml.Node, ptr string) *yaml.Node {
	for part := range strings.SplitSeq(strings.TrimPrefix(ptr, "/"), "/") {
		part = unescaper.Replace(part)
		n = target(n)
		var next *yaml.Node
		switch n.Kind {
		case yaml.MappingNode:
			for i := 0; i+1 < len(n.Content); i += 2 {
				if n.Content[i].Value == part {
					next = n.Content[i+1]
				}
			}
		case yaml.SequenceNode:
			if i, err := strconv.Atoi(part); err == nil && i < len(n.Content) {
				next = n.Content[i]
			}
		}
		if next == nil {
			return n
		}
		n = next
	}
	return n
}

func (p *kindParser) kind(n *yaml.Node) error {
	k := p.k
	p.rules, p.figures = map[string]*yaml.Node{}, map[string]*yaml.Node{}
	err := p.fields(n, "", map[string]reader{
		"kind": p.text(&k.Name), "title": p.text(&k.Title), "match": p.matches,
		"schema": p.schema(&k.must), "expects": p.schema(&k.should),
		"stats": p.stats(&k.Stats), "values": p.stats(&k.Values),
		"rules": p.readRules, "source": p.paths(&k.From),
		"params": p.extracts(&k.Params), "metrics": p.extracts(&k.Metrics),
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
	return p.check()
}

func (p *kindParser) matches(n *yaml.Node, field string) error {
	list := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		list = n.Content
	}
	for _, c := range list {
		var m Match
		err := p.fields(c, field, map[string]reader{
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

func (p *kindParser) extracts(to *[]Extract) reader {
	return func(n *yaml.Node, field string) error {
		return p.named(n, field, func(name string, _, n *yaml.Node, field string) error {
			var src string
			if err := p.text(&src)(n, field); err != nil {
				return err
			}
			path, err := ParsePath(src)
			if err != nil {
				return p.fail(n, field, err)
			}
			*to = append(*to, Extract{name, path})
			return nil
		})
	}
}
