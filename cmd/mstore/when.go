package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/tj/go-naturaldate"
)

// parseDate reads the time of a commit: RFC 3339, a date (midnight, UTC), a
// date with a time of day (UTC), or seconds since 1970.
func parseDate(s string) (time.Time, error) {
	if sec, err := strconv.ParseInt(strings.TrimPrefix(s, "@"), 10, 64); err == nil {
		// Year 9999 is the last that RFC 3339 can write.
		if sec < -62135596800 || sec > 253402300799 {
			return time.Time{}, usagef("", "time %q: out of range", s)
		}
		return time.Unix(sec, 0).UTC(), nil
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly, time.DateTime, "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02T15:04"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, usagef("use 2026-11-23, 2026-11-23T10:15:00Z or seconds since 1970", "time %q: not understood", s)
}

// parseSince reads what parseDate reads, a length of time before now ("7d",
// "36h", "1w2d"), or words ("yesterday", "3 days ago", "last monday").
func parseSince(s string, now time.Time) (time.Time, error) {
	now = now.UTC()
	t, err := parseDate(s)
	if err == nil {
		return t, nil
	}
	if _, e := strconv.ParseFloat(s, 64); e == nil {
		return t, err
	}
	if d, err := parseSpan(s); err == nil {
		return now.Add(-d), nil
	}
	if words, ok := naturalWords(s); ok {
		t, err := naturaldate.Parse(words, now)
		if err == nil && (!t.Equal(now) || strings.Contains(words, "no")) { // now, noon
			return t.UTC(), nil
		}
	}
	return time.Time{}, usagef("use 7d, 36h, yesterday, '3 days ago', 2026-11-23 or 2026-11-23T10:15:00Z", "time %q: not understood", s)
}

// parseUntil reads what parseSince reads, and returns the moment after it; of a date alone
// that is after its last.
func parseUntil(s string, now time.Time) (time.Time, error) {
	t, err := parseSince(s, now)
	if day, e := time.Parse(time.DateOnly, strings.TrimSpace(s)); e == nil {
		return day.AddDate(0, 0, 1), nil
	}
	return t.Add(time.Nanosecond), err
}

var spanUnits = map[string]time.Duration{
	"s": time.Second, "m": time.Minute, "h": time.Hour,
	"d": 24 * time.Hour, "w": 7 * 24 * time.Hour, "y": 365 * 24 * time.Hour,
}

// parseSpan reads a length of time such as "7d" or "1w2d12h"; m is minutes.
func parseSpan(s string) (time.Duration, error) {
	bad := fmt.Errorf("length of time %q: not understood", s)
	var sum time.Duration
	for rest := s; rest != "" || sum == 0; {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		unit := len(rest) - len(strings.TrimLeft(rest[digits:], "abcdefghijklmnopqrstuvwxyz")) - digits
		n, err := strconv.ParseInt(rest[:digits], 10, 32)
		u := spanUnits[rest[digits:digits+unit]]
		if err != nil || u == 0 || n == 0 || n > int64(math.MaxInt64/u) || sum+time.Duration(n)*u < sum {
			return 0, bad
		}
		sum += time.Duration(n) * u
		rest = rest[digits+unit:]
	}
	return sum, nil
}

// naturalWords tells whether every word of s is one that naturaldate knows, which
// takes other words in silence, as the present; and returns them in its spelling.
func naturalWords(s string) (string, bool) {
	words := strings.Fields(strings.ToLower(s))
	for i, w := range words {
		if w == "a" || w == "an" {
			words[i] = "one"
		}
		if isNumberWord(w) {
			continue
		}
		if !strings.Contains(knownWords, " "+strings.TrimSuffix(w, "s")+" ") {
			return "", false
		}
	}
	return strings.Join(words, " "), len(words) > 0
}

// isNumberWord tells whether w is a count, a day of the month or a time of day:
// "3", "1st", "10am", "10:15".
func isNumberWord(w string) bool {
	for _, suffix := range []string{"am", "pm", "st", "nd", "rd", "th"} {
		if t, ok := strings.CutSuffix(w, suffix); ok {
			w = t
			break
		}
	}
	return w != "" && len(w) <= 8 && strings.Trim(w, "0123456789:") == ""
}

const knownWords = " now today yesterday ago last past previou at on in the a an noon midnight of " +
	"one two three four five six seven eight nine ten " +
	"second sec minute min hour day week month year " +
	"monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thur thu fri sat sun " +
	"january february march april may june july august september october november december " +
	"jan feb mar apr jun jul aug sep sept oct nov dec "
