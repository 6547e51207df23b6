package schema

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/mstore/mstore/internal/expr"
)

// ruleState is a rule at work on the elements of one document.
type ruleState struct {
	rule  *Rule
	top   *pathNode
	node  *pathNode // of the elements
	nodes []*pathNode

	off    int64 // of the element at hand
	values []any // of its fields; nil: not there
	value  any   // the element, if it is a scalar
	prev   float64
	place  int64 // of prev
	has    bool  // prev is set
	index  *pathNode

	seen, n, bad int64 // elements; those that count; those for which it does not hold
	over         bool
	found        string // path of the first element for which it does not hold
	at           int64
	sample       []any // its fields
	key          string
	what         any
}

// there stands for a field that is no scalar.
type there struct{}

func newRuleState(r *Rule) *ruleState {
	s := &ruleState{rule: r, top: &pathNode{}, values: make([]any, len(r.fields))}
	s.node = s.top.at(*r.Each)
	s.node.named = true
	if r.Order {
		s.index = s.node.group(*r.Each)
	}
	s.watch(s.node, s)
	for i, f := range r.fields {
		if f == "value" || f == "key" {
			continue
		}
		s.watch(s.top.at(r.Each.below(f)), &fieldWatch{rule: s, i: i})
	}
	return s
}

func (s *ruleState) watch(n *pathNode, c collector) {
	n.add(c)
	s.nodes = append(s.nodes, n)
}

// fieldWatch takes one field of an element.
type fieldWatch struct {
	nobody
	rule *ruleState
	i    int
}

func (f *fieldWatch) begin(*walker, byte, int64) { f.rule.values[f.i] = there{} }
func (f *fieldWatch) scalar(v any)               { f.rule.values[f.i] = v }

func (s *ruleState) begin(_ *walker, _ byte, off int64) {
	s.off, s.value = off, nil
	clear(s.values)
}

func (s *ruleState) scalar(v any) { s.value = v }

func (s *ruleState) end(w *walker, _ int64) {
	if s.over {
		return
	}
	ok, counts := s.holds()
	s.seen++
	if counts {
		s.n++
	}
	if counts && !ok {
		if s.bad++; s.bad == 1 {
			s.found, s.at, s.key, s.what = w.path(), s.off, s.node.name, s.value
			s.sample = append([]any(nil), s.values...)
		}
	}
	if s.rule.Sample > 0 && s.seen >= s.rule.Sample {
		s.over = true
		for _, n := range s.nodes {
			n.done()
		}
	}
}

// holds judges the element at hand. One that lacks a field that the rule asks for does
// not count.
func (s *ruleState) holds() (ok, counts bool) {
	r := s.rule
	switch {
	case len(r.Has) > 0:
		for _, v := range s.values[:r.asked] {
			if v == nil {
				return false, true
			}
		}
		return true, true
	case r.Order:
		x, isNumber := expr.Float(s.value)
		if !isNumber {
			return false, false
		}
		// Members of an object may stand in another order than their indices.
		place := s.place + 1
		if s.index != nil {
			if n, err := strconv.ParseInt(s.index.name, 10, 64); err == nil {
				place = n
			}
		}
		ok = !s.has || x == s.prev || (x > s.prev) == (place > s.place)
		s.prev, s.place, s.has = x, place, true
		return ok, true
	}
	for i, f := range r.fields[:r.asked] {
		if f == "value" && s.value == nil || f != "value" && f != "key" && s.values[i] == nil {
			return false, false
		}
	}
	ok, err := r.Must.Eval(s)
	return ok && err == nil, true
}

// Lookup gives an expression the fields of the element at hand.
func (s *ruleState) Lookup(field string) (any, bool) {
	switch field {
	case "value":
		return s.value, true
	case "key":
		return s.node.name, true
	}
	for i, f := range s.rule.fields {
		if f == field {
			if _, container := s.values[i].(there); container {
				return nil, true
			}
			return s.values[i], true
		}
	}
	return nil, true
}

// finding is what the rule objects to; ok is true when it objects to nothing.
func (s *ruleState) finding() (f Finding, ok bool) {
	good := s.n - s.bad
	if s.n == 0 || float64(good) >= s.rule.Share*float64(s.n)-1e-9 {
		return f, true
	}
	words := map[string]any{"n": s.n, "bad": s.bad, "good": good, "share": percent(s.bad, s.n), "key": s.key, "value": s.what}
	for i, name := range s.rule.fields {
		if _, taken := words[name]; !taken {
			words[name] = s.sample[i]
		}
	}
	return Finding{Severity: s.rule.Severity, Rule: s.rule.Name, Path: s.found, off: s.at,
		Found: fmt.Sprintf("%d of %d", s.bad, s.n), Expected: s.rule.want(), Message: fill(s.rule.Message, words)}, false
}

// want is what a rule demands, for people.
func (r *Rule) want() string {
	var what string
	switch {
	case r.Order:
		what = "ascending"
	case len(r.Has) > 0:
		what = "has " + strings.Join(r.Has, ", ")
	default:
		what = r.Must.String()
	}
	if r.Each != nil && r.Share < 1 {
		what += fmt.Sprintf(" for at least %s", strconv.FormatFloat(r.Share*100, 'g', 4, 64)+"%")
	}
	return what
}

func percent(n, of int64) string {
	return strconv.FormatFloat(math.Round(float64(n)/float64(of)*1000)/10, 'f', -1, 64) + "%"
}

var placeholder = regexp.MustCompile(`\{[A-Za-z_][A-Za-z0-9_.]*\}`)

// ruleWords are what the message of a rule with each may name besides fields.
var ruleWords = []string{"n", "bad", "good", "share", "key", "value"}

// fill puts values into a message: {n} of {bad}.
func fill(text string, words map[string]any) string {
	return placeholder.ReplaceAllStringFunc(text, func(s string) string {
		v, ok := words[s[1:len(s)-1]]
		if !ok {
			return s
		}
		return showValue(v)
	})
}

// figures gives an expression the figures of a document.
type figures map[string]any

// Lookup implements expr.Env.
func (f figures) Lookup(field string) (any, bool) { return f[field], true }

// judge applies a rule to the figures. One whose figures are not all there does not
// apply: whether they must be there is the schema's business.
func (r *Rule) judge(known figures) (f Finding, ok bool) {
	if !r.applies(known) {
		return f, true
	}
	for _, name := range r.Must.Fields() {
		if known[name] == nil {
			return f, true
		}
	}
	if holds, err := r.Must.Eval(known); holds && err == nil {
		return f, true
	}
	var found []string
	for _, name := range r.Must.Fields() {
		found = append(found, name+" = "+showValue(known[name]))
	}
	return Finding{Severity: r.Severity, Rule: r.Name, Found: strings.Join(found, ", "), Expected: r.Must.String(),
		Message: fill(r.Message, known), off: -1}, false
}

// applies tells whether the rule's condition holds.
func (r *Rule) applies(known figures) bool {
	if r.When == nil {
		return true
	}
	ok, err := r.When.Eval(known)
	return ok && err == nil
}
