package policy

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/mstore/mstore/internal/expr"
)

// rule is the kind of a rule. Their order is that of texts and reasons.
type rule uint8

const (
	keepLast rule = iota
	keepWithin
	keepHourly
	keepDaily
	keepWeekly
	keepMonthly
	keepYearly
	keepBest
	keepWhere
	neverBelow
	ttl
	numRules
)

var ruleNames = [numRules]string{"keep-last", "keep-within", "keep-hourly", "keep-daily", "keep-weekly",
	"keep-monthly", "keep-yearly", "keep-best", "keep-where", "never-below", "ttl"}

// Rules returns the names of all rules, in the order of texts and reasons.
func Rules() []string { return slices.Clone(ruleNames[:]) }

func ruleOf(name string) (rule, bool) {
	i := slices.Index(ruleNames[:], name)
	return rule(max(i, 0)), i >= 0
}

func (r rule) isKeep() bool { return r < neverBelow }

// setting is a rule with its value. It does not change once it is made.
type setting struct {
	rule  rule
	text  string // the value, as the policy's text shows it
	off   bool
	n     int
	d     time.Duration
	best  []bestOf
	where *expr.Expr
}

// bestOf is one part of keep-best.
type bestOf struct {
	metric string
	max    bool
	n      int
}

func (b bestOf) String() string {
	return fmt.Sprintf("%s:%s:%d", b.metric, b.direction(), b.n)
}

func (b bestOf) direction() string {
	if b.max {
		return "max"
	}
	return "min"
}

func (s *setting) String() string { return ruleNames[s.rule] + " " + s.text }

// key tells values of a rule apart, which texts of expressions may not do.
func (s *setting) key() string {
	if s.where != nil {
		return s.where.String()
	}
	return s.text
}

// reason is why an item is kept by the rule.
func (s *setting) reason() string {
	if s.rule == neverBelow {
		return "never below " + s.text
	}
	return strings.TrimPrefix(ruleNames[s.rule], "keep-") + " " + s.text
}

// rules are the settings of one level, or those that apply somewhere; nil where
// nothing is set.
type rules [numRules]*setting

// parseSetting reads a rule's value. Every error is a *SyntaxError.
func parseSetting(r rule, value string) (*setting, error) {
	s := &setting{rule: r}
	start, end := trimmed(value)
	text := value[start:end]
	if text == "off" {
		s.off, s.text = true, "off"
		return s, nil
	}
	var err error
	switch r {
	case keepWithin, ttl:
		s.d, err = ParseDuration(value)
		s.off, s.text = s.d == 0, text
	case keepBest:
		s.best, err = parseBest(value)
		s.text = joinText(s.best)
	case keepWhere:
		if s.where, err = parseWhere(value); err == nil {
			s.text = oneLine(s.where.String())
		}
	default:
		s.n, err = parseCount(value, start, end)
		s.off, s.text = s.n == 0, strconv.Itoa(s.n)
	}
	if err != nil {
		var bad *SyntaxError
		if errors.As(err, &bad) {
			bad.Rule, bad.Value = ruleNames[r], value
		}
		return nil, err
	}
	if s.off {
		s.text = "off"
	}
	return s, nil
}

func joinText[T fmt.Stringer](list []T) string {
	var texts []string
	for _, x := range list {
		texts = append(texts, x.String())
	}
	return strings.Join(texts, ",")
}

// oneLine replaces what would break the policy's text into lines.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s)
}

// parseCount reads the number in value[start:end].
func parseCount(value string, start, end int) (int, error) {
	if start == end {
		return 0, &SyntaxError{Value: value, Pos: -1, Msg: "want a number, 0 or more"}
	}
	for i := start; i < end; i++ {
		if value[i] < '0' || value[i] > '9' {
			return 0, &SyntaxError{Value: value, Pos: i, Msg: "want a whole number, 0 or more"}
		}
	}
	n, err := strconv.ParseInt(value[start:end], 10, 32)
	if err != nil {
		return 0, &SyntaxError{Value: value, Pos: start, Msg: fmt.Sprintf("the number is larger than %d", math.MaxInt32)}
	}
	return int(n), nil
}

// parseBest reads METRIC:min|max[:N],...
func parseBest(value string) ([]bestOf, error) {
	fail := func(pos int, format string, args ...any) ([]bestOf, error) {
		return nil, &SyntaxError{Value: value, Pos: pos, Msg: fmt.Sprintf(format, args...)}
	}
	var list []bestOf
	for from := 0; from <= len(value); {
		to := len(value)
		if i := strings.IndexByte(value[from:], ','); i >= 0 {
			to = from + i
		}
		start, end := trimmed(value[from:to])
		start, end = start+from, end+from
		b := bestOf{n: 1}
		// The name of a metric may hold colons, so the end is read first.
		name, last, found := cutLast(value[start:end])
		if found && last != "min" && last != "max" {
			at := start + len(name) + 1
			n, err := parseCount(value, at, end)
			if err != nil {
				return fail(at, "want min or max, or a number after it, found %q", last)
			}
			if n == 0 {
				return fail(at, "want 1 or more; to keep none leave %s out", name)
			}
			b.n = n
			name, last, found = cutLast(name)
		}
		if !found || last != "min" && last != "max" {
			return fail(start, "want METRIC:min or METRIC:max, and perhaps :N")
		}
		b.metric, b.max = name, last == "max"
		if name == "" {
			return fail(start, "the name of the metric is missing")
		}
		if oneLine(name) != name {
			return fail(start, "the name of the metric holds a control character")
		}
		for _, other := range list {
			if other.metric == b.metric && other.max == b.max {
				return fail(start, "%s:%s is there twice", b.metric, b.direction())
			}
		}
		list = append(list, b)
		from = to + 1
	}
	return list, nil
}

func cutLast(s string) (before, after string, found bool) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

func parseWhere(value string) (*expr.Expr, error) {
	e, err := expr.Parse(value)
	if err == nil {
		err = e.Check(Fields)
	}
	if err == nil {
		return e, nil
	}
	pos := -1
	var syntax *expr.SyntaxError
	var field *expr.FieldError
	if errors.As(err, &syntax) {
		pos = syntax.Pos
	} else if errors.As(err, &field) {
		pos = field.Pos
	}
	msg := strings.TrimPrefix(err.Error(), fmt.Sprintf("expression, at character %d: ", pos+1))
	return nil, &SyntaxError{Value: value, Pos: pos, Msg: msg, Err: err}
}
