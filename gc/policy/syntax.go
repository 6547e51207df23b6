package policy

import (
	"fmt"
	"strings"
)

// SyntaxError says what is wrong with the value of a rule, and where.
type SyntaxError struct {
	Rule  string // "" of a duration that belongs to no rule
	Value string
	Pos   int // byte offset in Value; -1 if it is the whole
	Msg   string
	Err   error // of keep-where: what package expr says
}

func (e *SyntaxError) Error() string {
	var b strings.Builder
	if e.Rule != "" {
		b.WriteString(e.Rule + ": ")
	}
	fmt.Fprintf(&b, "%q", e.Value)
	if e.Pos >= 0 {
		fmt.Fprintf(&b, " at character %d", e.Pos+1)
	}
	return b.String() + ": " + e.Msg
}

func (e *SyntaxError) Unwrap() error { return e.Err }
