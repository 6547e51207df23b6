package expr

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// SyntaxError says what is wrong with an expression, and where.
type SyntaxError struct {
	Pos int    // offset in bytes
	Msg string // what was expected
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("expression, at character %d: %s", e.Pos+1, e.Msg)
}

type tokenKind uint8

const (
	tokEnd tokenKind = iota
	tokWord
	tokString // quoted, or a bare date
	tokValue  // a number or a duration
	tokOp     // an operator or punctuation
)

type token struct {
	kind tokenKind
	pos  int
	text string // the word, the operator, the string without its quotes
	val  any    // of tokValue
}

func (t token) String() string {
	switch t.kind {
	case tokEnd:
		return "the end"
	case tokString:
		return quote(t.text)
	case tokValue:
		return formatValue(t.val)
	}
	return strconv.Quote(t.text)
}

var (
	dateRE = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^\d{4}-\d{2}-\d{2}([Tt ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?([Zz]|[+-]\d{2}:\d{2})?)?`)
	})
	numberRE = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^-?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?`) })
	durRE    = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^-?((\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h|d|w))+`) })
	durPart  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h|d|w)`) })
)

var units = map[string]time.Duration{
	"ns": 1, "us": time.Microsecond, "µs": time.Microsecond, "ms": time.Millisecond,
	"s": time.Second, "m": time.Minute, "h": time.Hour,
	"d": 24 * time.Hour, "w": 7 * 24 * time.Hour,
}

type lexer struct {
	src string
	pos int
}

func (l *lexer) next() (token, error) {
	for l.pos < len(l.src) && strings.IndexByte(" \t\r\n", l.src[l.pos]) >= 0 {
		l.pos++
	}
	start := l.pos
	if start == len(l.src) {
		return token{kind: tokEnd, pos: start}, nil
	}
	rest := l.src[start:]
	c := rest[0]
	switch {
	case c == '\'' || c == '"':
		s, err := l.quoted()
		return token{kind: tokString, pos: start, text: s}, err
	case isDigit(c) || (c == '-' || c == '.') && len(rest) > 1 && (isDigit(rest[1]) || rest[1] == '.'):
		return l.literal(rest)
	case isWordByte(c):
		for l.pos < len(l.src) && (isWordByte(l.src[l.pos]) || l.src[l.pos] == '-') {
			l.pos++
		}
		return token{kind: tokWord, pos: start, text: l.src[start:l.pos]}, nil
	}
	for _, op := range []string{"==", "!=", "<=", ">=", "=", "<", ">", "~", "(", ")", ",", "."} {
		if strings.HasPrefix(rest, op) {
			l.pos += len(op)
			if op == "==" {
				op = "="
			}
			return token{kind: tokOp, pos: start, text: op}, nil
		}
	}
	r, _ := utf8.DecodeRuneInString(rest)
	return token{}, &SyntaxError{start, fmt.Sprintf("unexpected %q", r)}
}

// literal reads a bare date, a duration or a number.
func (l *lexer) literal(rest string) (token, error) {
	start := l.pos
	t := token{pos: start}
	text, bad := "", error(nil)
	if text = dateRE().FindString(rest); text != "" {
		t.kind, t.text = tokString, text
		if _, _, ok := parseDate(text); !ok {
			bad = &SyntaxError{start, fmt.Sprintf("%q is not a date", text)}
		}
	} else if text = durRE().FindString(rest); text != "" {
		t.kind = tokValue
		d, ok := parseDuration(text)
		if t.val = d; !ok {
			bad = &SyntaxError{start, fmt.Sprintf("duration %q is out of range", text)}
		}
	} else if text = numberRE().FindString(rest); text != "" {
		t.kind = tokValue
		if i, err := strconv.ParseInt(text, 10, 64); err == nil {
			t.val = i
		} else if f, err := strconv.ParseFloat(text, 64); err == nil {
			t.val = f
		} else {
			bad = &SyntaxError{start, fmt.Sprintf("number %q is out of range", text)}
		}
	} else {
		return t, &SyntaxError{start, "expected a number"}
	}
	l.pos += len(text)
	if bad == nil && l.pos < len(l.src) && isWordByte(l.src[l.pos]) {
		bad = &SyntaxError{start, fmt.Sprintf("%q is neither a number, a duration nor a date; a string needs quotes",
			rest[:len(text)+1])}
	}
	return t, bad
}

func (l *lexer) quoted() (string, error) {
	start, q := l.pos, l.src[l.pos]
	var b strings.Builder
	for i := start + 1; i < len(l.src); i++ {
		switch c := l.src[i]; {
		case c == q:
			l.pos = i + 1
			return b.String(), nil
		case c == '\\' && i+1 < len(l.src) && (l.src[i+1] == '\\' || l.src[i+1] == '\'' || l.src[i+1] == '"'):
			i++
			b.WriteByte(l.src[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", &SyntaxError{start, "string without its closing quote"}
}

func parseDuration(s string) (time.Duration, bool) {
	var sum float64
	var whole time.Duration
	for _, m := range durPart().FindAllStringSubmatch(s, -1) {
		u := units[m[2]]
		if i, err := strconv.ParseInt(m[1], 10, 64); err == nil && i < math.MaxInt64/int64(u) {
			whole += time.Duration(i) * u
			sum += float64(i) * float64(u)
			continue
		}
		f, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			return 0, false
		}
		sum += f * float64(u)
		if sum > math.MaxInt64/2 {
			return 0, false
		}
		whole += time.Duration(math.Round(f * float64(u)))
	}
	if sum > math.MaxInt64/2 {
		return 0, false
	}
	if s[0] == '-' {
		whole = -whole
	}
	return whole, true
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isWordByte(c byte) bool {
	return c == '_' || isDigit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}
