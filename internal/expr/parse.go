package expr

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// maxDepth and maxLen bound what Parse accepts.
const (
	maxDepth = 100
	maxLen   = 64 << 10
)

// Expr is a parsed expression. It is immutable, and may be used by any number
// of goroutines.
type Expr struct{ root node }

type node interface {
	eval(Env) (bool, error)
	format(b *strings.Builder, parent int)
}

type (
	logic struct { // and, or
		op       string
		operands []node
	}
	negation   struct{ x node }
	comparison struct {
		Cond
		pos int
	}
)

// Parse reads an expression. Every error is a *SyntaxError.
func Parse(src string) (*Expr, error) {
	if len(src) > maxLen {
		return nil, &SyntaxError{maxLen, "expression is too long"}
	}
	p := &parser{lex: lexer{src: src}}
	if err := p.advance(); err != nil {
		return nil, err
	}
	root, err := p.logic("or")
	if err != nil {
		return nil, err
	}
	if p.tok.kind != tokEnd {
		return nil, p.expected("and, or, or the end")
	}
	return &Expr{root}, nil
}

// And joins expressions, of which nil ones are left out; nil when none is left.
func And(list ...*Expr) *Expr {
	all := &logic{op: "and"}
	for _, e := range list {
		if e != nil {
			all.operands = append(all.operands, e.root)
		}
	}
	switch len(all.operands) {
	case 0:
		return nil
	case 1:
		return &Expr{all.operands[0]}
	}
	return &Expr{all}
}

// Matches is the expression that a field matches a regular expression (RE2, unanchored).
// The error is regexp's.
func Matches(field, pattern string) (*Expr, error) {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, err
	}
	return &Expr{&comparison{Cond: Cond{Field: field, Op: "~", Value: pattern, re: re}}}, nil
}

// IsNumber is the expression that a field is a number.
func IsNumber(field string) *Expr {
	side := func(op string) node { return &comparison{Cond: Cond{Field: field, Op: op, Value: int64(0)}} }
	return &Expr{&logic{op: "or", operands: []node{side(">="), side("<")}}}
}

// ParseField reads the name of one field as expressions have it. Every error is a
// *SyntaxError.
func ParseField(src string) (string, error) {
	p := &parser{lex: lexer{src: src}}
	if err := p.advance(); err != nil {
		return "", err
	}
	field, err := p.field()
	if err == nil && p.tok.kind != tokEnd {
		err = p.expected("the end")
	}
	return field, err
}

type parser struct {
	lex   lexer
	tok   token
	depth int
}

func (p *parser) advance() (err error) {
	p.tok, err = p.lex.next()
	return err
}

func (p *parser) expected(what string) error {
	return &SyntaxError{p.tok.pos, fmt.Sprintf("expected %s, found %s", what, p.tok)}
}

func (p *parser) isOp(s string) bool { return p.tok.kind == tokOp && p.tok.text == s }

func (p *parser) isWord(s string) bool {
	return p.tok.kind == tokWord && strings.EqualFold(p.tok.text, s)
}

// logic reads operands joined by or, or one level down by and.
func (p *parser) logic(op string) (node, error) {
	operand := p.unary
	if op == "or" {
		operand = func() (node, error) { return p.logic("and") }
	}
	x, err := operand()
	if err != nil {
		return nil, err
	}
	list := []node{x}
	for p.isWord(op) {
		if err := p.advance(); err != nil {
			return nil, err
		}
		if x, err = operand(); err != nil {
			return nil, err
		}
		list = append(list, x)
	}
	if len(list) == 1 {
		return list[0], nil
	}
	return &logic{op, list}, nil
}

func (p *parser) unary() (node, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, &SyntaxError{p.tok.pos, "expression is nested too deeply"}
	}
	defer func() { p.depth-- }()
	switch {
	case p.isWord("not"):
		if err := p.advance(); err != nil {
			return nil, err
		}
		x, err := p.unary()
		if err != nil {
			return nil, err
		}
		return &negation{x}, nil
	case p.isOp("("):
		if err := p.advance(); err != nil {
			return nil, err
		}
		x, err := p.logic("or")
		if err != nil {
			return nil, err
		}
		if !p.isOp(")") {
			return nil, p.expected("and, or, or )")
		}
		return x, p.advance()
	}
	return p.comparison()
}

func (p *parser) comparison() (node, error) {
	c := &comparison{pos: p.tok.pos}
	field, err := p.field()
	if err != nil {
		return nil, err
	}
	c.Field, c.Op, c.Value = field, "=", any(true)
	switch {
	case p.tok.kind == tokOp && strings.Contains("= != <= >= < >", p.tok.text):
		c.Op = p.tok.text
		if err := p.advance(); err != nil {
			return nil, err
		}
		c.Value, err = p.value()
	case p.isWord("in"):
		c.Op = "in"
		c.Value, err = p.list()
	case p.isOp("~") || p.isWord("like"):
		c.Op = strings.ToLower(p.tok.text)
		if err := p.advance(); err != nil {
			return nil, err
		}
		if p.tok.kind != tokString {
			return nil, p.expected("a quoted pattern")
		}
		c.Value = p.tok.text
		if c.Op == "~" {
			if c.re, err = regexp.Compile(p.tok.text); err != nil {
				return nil, &SyntaxError{p.tok.pos, err.Error()}
			}
		}
		err = p.advance()
	}
	return c, err
}

func (p *parser) list() ([]any, error) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	if !p.isOp("(") {
		return nil, p.expected("( after in")
	}
	var list []any
	for {
		if err := p.advance(); err != nil {
			return nil, err
		}
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		list = append(list, v)
		if p.isOp(")") {
			return list, p.advance()
		}
		if !p.isOp(",") {
			return nil, p.expected(", or )")
		}
	}
}

// isVersionName tells whether a word is vN, which stands for the number.
func isVersionName(s string) bool {
	return len(s) > 1 && s[0] == 'v' && strings.Trim(s[1:], "0123456789") == ""
}

func (p *parser) value() (v any, err error) {
	switch {
	case p.tok.kind == tokValue:
		v = p.tok.val
	case p.tok.kind == tokString:
		v = p.tok.text
	case p.isWord("true"):
		v = true
	case p.isWord("false"):
		v = false
	case p.tok.kind == tokWord && isVersionName(p.tok.text):
		if v, err = strconv.ParseInt(p.tok.text[1:], 10, 64); err != nil {
			return nil, &SyntaxError{p.tok.pos, p.tok.text + " is out of range"}
		}
	case p.tok.kind == tokWord:
		return nil, &SyntaxError{p.tok.pos, fmt.Sprintf("expected a value, found %s; a string needs quotes", p.tok)}
	default:
		return nil, p.expected("a value")
	}
	return v, p.advance()
}

var keywords = map[string]bool{
	"and": true, "or": true, "not": true, "in": true, "like": true, "true": true, "false": true,
}

// field reads dotted parts. The first is a plain word; of the rest any may be
// quoted, or begin with a digit.
func (p *parser) field() (string, error) {
	if p.tok.kind != tokWord || keywords[strings.ToLower(p.tok.text)] {
		return "", p.expected("a field")
	}
	name := p.tok.text
	end := p.lex.pos
	for end < len(p.lex.src) && p.lex.src[end] == '.' {
		p.lex.pos = end + 1
		part, err := p.part()
		if err != nil {
			return "", err
		}
		name += "." + part
		end = p.lex.pos
	}
	return name, p.advance()
}

func (p *parser) part() (string, error) {
	l := &p.lex
	start := l.pos
	if start < len(l.src) && (l.src[start] == '"' || l.src[start] == '\'') {
		return l.quoted()
	}
	for l.pos < len(l.src) && (isWordByte(l.src[l.pos]) || l.src[l.pos] == '-') {
		l.pos++
	}
	if l.pos == start {
		return "", &SyntaxError{start, "expected a name after the dot"}
	}
	return l.src[start:l.pos], nil
}
