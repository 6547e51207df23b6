// Package jsonpath writes steps of JSONPath (RFC 9535) for people.
package jsonpath

import (
	"fmt"
	"regexp"
	"strings"
)

var plain = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// IsPlain tells whether a name needs no quotes.
func IsPlain(name string) bool { return plain.MatchString(name) }

// Member is the step to a member: .name, or ['a name'] where it needs quotes.
func Member(name string) string {
	if IsPlain(name) {
		return "." + name
	}
	var b strings.Builder
	b.WriteString("['")
	for _, r := range name {
		switch {
		case r == '\'' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteString("']")
	return b.String()
}
