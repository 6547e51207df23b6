package expr

import "strings"

// Env gives the values of one version's fields.
type Env interface {
	// Lookup returns the value of a field: a string, bool, int, int64, float64,
	// time.Time or time.Duration, or nil when this version does not have it; or a
	// []string, of which one that satisfies a comparison is enough. known is false
	// when no version can have such a field.
	Lookup(field string) (value any, known bool)
}

// Eval tells whether the version satisfies the expression. Its only error is
// a *FieldError, for a field that env does not know; operands after the one
// that decides are not looked up.
func (e *Expr) Eval(env Env) (bool, error) { return e.root.eval(env) }

func (n *logic) eval(env Env) (bool, error) {
	for _, x := range n.operands {
		ok, err := x.eval(env)
		if err != nil || ok == (n.op == "or") {
			return ok, err
		}
	}
	return n.op == "and", nil
}

func (n *negation) eval(env Env) (bool, error) {
	ok, err := n.x.eval(env)
	return !ok && err == nil, err
}

func (n *comparison) eval(env Env) (bool, error) {
	v, known := env.Lookup(n.Field)
	if !known {
		return false, &FieldError{Pos: n.pos, Field: n.Field}
	}
	return n.Match(v), nil
}

// Fields lists the fields that the expression names, each once, in the order
// of their first appearance.
func (e *Expr) Fields() []string {
	var list []string
	seen := map[string]bool{}
	walk(e.root, func(c *comparison) {
		if !seen[c.Field] {
			seen[c.Field] = true
			list = append(list, c.Field)
		}
	})
	return list
}

func walk(n node, fn func(*comparison)) {
	switch n := n.(type) {
	case *comparison:
		fn(n)
	case *negation:
		walk(n.x, fn)
	case *logic:
		for _, x := range n.operands {
			walk(x, fn)
		}
	}
}

// String writes the expression so that Parse reads the same again.
func (e *Expr) String() string {
	var b strings.Builder
	e.root.format(&b, 0)
	return b.String()
}

func (n *logic) format(b *strings.Builder, parent int) {
	level := 1
	if n.op == "and" {
		level = 2
	}
	// An operand of the same kind is in parentheses in the source.
	if parent >= level {
		b.WriteByte('(')
		defer b.WriteByte(')')
	}
	for i, x := range n.operands {
		if i > 0 {
			b.WriteString(" " + n.op + " ")
		}
		x.format(b, level)
	}
}

func (n *negation) format(b *strings.Builder, _ int) {
	b.WriteString("not ")
	n.x.format(b, 3)
}

func (n *comparison) format(b *strings.Builder, _ int) {
	b.WriteString(FormatField(n.Field) + " " + n.Op + " ")
	list, ok := n.Value.([]any)
	if !ok {
		b.WriteString(formatValue(n.Value))
		return
	}
	for i, v := range list {
		b.WriteString([]string{"(", ", "}[min(i, 1)] + formatValue(v))
	}
	b.WriteByte(')')
}

// FormatField writes a field as Parse reads it: what stands after the first
// dot is quoted when it has characters other than letters, digits, _, - and
// dots between them.
func FormatField(field string) string {
	head, key, dotted := strings.Cut(field, ".")
	if !dotted {
		return field
	}
	for part := range strings.SplitSeq(key, ".") {
		plain := part != ""
		for i := range len(part) {
			plain = plain && (isWordByte(part[i]) || part[i] == '-')
		}
		if !plain {
			return head + `."` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(key) + `"`
		}
	}
	return field
}
