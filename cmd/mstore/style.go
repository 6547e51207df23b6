package main

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/fatih/color"
)

// style is how text looks on one stream; without colours all are plain.
type style struct {
	colored                                bool
	version, branch, tag, alias, dim, bold *color.Color
	added, changed, removed                *color.Color
	warn, bad, good                        *color.Color
}

func newStyle(on bool) *style {
	c := func(attrs ...color.Attribute) *color.Color {
		c := color.New(attrs...)
		if on {
			c.EnableColor()
		} else {
			c.DisableColor()
		}
		return c
	}
	return &style{
		colored: on,
		version: c(color.FgYellow),
		branch:  c(color.FgGreen, color.Bold),
		tag:     c(color.FgYellow, color.Bold),
		alias:   c(color.FgCyan, color.Bold),
		dim:     c(color.Faint),
		bold:    c(color.Bold),
		added:   c(color.FgGreen),
		changed: c(color.FgBlue),
		removed: c(color.FgRed),
		warn:    c(color.FgYellow, color.Bold),
		bad:     c(color.FgRed, color.Bold),
		good:    c(color.FgGreen),
	}
}

// cleanText makes text of unknown origin safe for a terminal: control
// characters other than newline and tab, and bytes that are not UTF-8, are
// written as escapes.
func cleanText(s string) string { return clean(s, "\n\t") }

// cleanLine is cleanText for what must stay on one line.
func cleanLine(s string) string { return clean(s, "") }

func clean(s, keep string) string {
	bad := func(r rune) bool {
		return r == utf8.RuneError || unicode.Is(unicode.Cf, r) || unicode.IsControl(r) && !strings.ContainsRune(keep, r)
	}
	if strings.IndexFunc(s, bad) < 0 {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if bad(r) {
			q := strconv.QuoteToASCII(s[:n])
			b.WriteString(q[1 : len(q)-1])
		} else {
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}

// shellQuote makes s one word of a POSIX shell.
func shellQuote(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+@:~,=", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
