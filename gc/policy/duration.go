package policy

import (
	"fmt"
	"math"
	"strings"
	"time"
)

const day = 24 * time.Hour

// durationUnits are the units of durations. All have a fixed length, so that a
// duration means the same at any time of the year. "mo" stands before "m".
var durationUnits = []struct {
	name   string
	length time.Duration
}{
	{"s", time.Second}, {"mo", 30 * day}, {"m", time.Minute}, {"h", time.Hour}, {"d", day},
	{"w", 7 * day}, {"y", 365 * day},
}

const unitNames = "s, m, h, d, w, mo or y"

// ParseDuration reads a duration of whole numbers with units: 30m, 12h, 30d,
// 2w, 6mo, 1y6mo. A month has 30 days and a year 365. "0" needs no unit. Every
// error is a *SyntaxError without a rule.
func ParseDuration(s string) (time.Duration, error) {
	fail := func(pos int, format string, args ...any) (time.Duration, error) {
		return 0, &SyntaxError{Value: s, Pos: pos, Msg: fmt.Sprintf(format, args...)}
	}
	pos, end := trimmed(s)
	if s[pos:end] == "0" {
		return 0, nil
	}
	if pos == end {
		return fail(-1, "want a duration, such as 30d")
	}
	var sum time.Duration
	var used [8]bool
	for pos < end {
		start := pos
		var n int64
		for ; pos < end && s[pos] >= '0' && s[pos] <= '9'; pos++ {
			digit := int64(s[pos] - '0')
			if n > (math.MaxInt64-digit)/10 {
				return fail(start, "the number is too large")
			}
			n = n*10 + digit
		}
		if pos == start {
			return fail(pos, "want a whole number and a unit (%s)", unitNames)
		}
		if pos == end {
			return fail(pos, "want a unit (%s)", unitNames)
		}
		unit := -1
		for i, u := range durationUnits {
			if strings.HasPrefix(s[pos:end], u.name) {
				unit = i
				break
			}
		}
		// "30dx" names a unit that does not exist as much as "30x" does.
		word := pos
		for word < end && (s[word] < '0' || s[word] > '9') {
			word++
		}
		if unit < 0 || durationUnits[unit].name != s[pos:word] {
			return fail(pos, "unknown unit %q, want %s", s[pos:word], unitNames)
		}
		if used[unit] {
			return fail(pos, "unit %s twice", s[pos:word])
		}
		used[unit] = true
		length := durationUnits[unit].length
		if n > int64((math.MaxInt64-sum)/length) {
			return fail(start, "the duration is longer than 292 years")
		}
		sum += time.Duration(n) * length
		pos = word
	}
	return sum, nil
}

// FormatDuration writes a duration in days, hours, minutes and seconds as
// ParseDuration reads it. Parts of a second are left out; a negative duration
// is written as 0s.
func FormatDuration(d time.Duration) string {
	var b strings.Builder
	for _, u := range []struct {
		name   string
		length time.Duration
	}{{"d", day}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}} {
		if n := d / u.length; n > 0 {
			fmt.Fprintf(&b, "%d%s", n, u.name)
			d %= u.length
		}
	}
	if b.Len() == 0 {
		return "0s"
	}
	return b.String()
}

// trimmed is where s begins and ends without the spaces around it.
func trimmed(s string) (start, end int) {
	const spaces = " \t\r\n"
	start = len(s) - len(strings.TrimLeft(s, spaces))
	return start, max(start, len(strings.TrimRight(s, spaces)))
}
