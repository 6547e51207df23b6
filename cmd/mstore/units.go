package main

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// humanBytes is a size in decimal units: "5.0 MB".
func humanBytes(n int64) string { return humanize.Bytes(uint64(max(n, 0))) }

// percent is "34.9%"; empty of nothing.
func percent(part, whole int64) string {
	if whole == 0 {
		return ""
	}
	return fmt.Sprintf("%.1f%%", 100*float64(part)/float64(whole))
}

// shareOf is "34.9% of raw, ratio 2.87"; empty where there is nothing to compare.
func shareOf(stored, raw int64, of string) string {
	if raw == 0 || stored == 0 {
		return ""
	}
	return fmt.Sprintf("%s of %s, ratio %.2f", percent(stored, raw), of, float64(raw)/float64(stored))
}

// round3 is for JSON, where more digits would only be noise.
func round3(x float64) float64 { return math.Round(x*1000) / 1000 }

// sizeChange is how a size moved: "+12 kB", "-1.0 MB"; empty when it did not.
func sizeChange(from, to int64) string {
	switch {
	case to > from:
		return "+" + humanBytes(to-from)
	case to < from:
		return "-" + humanBytes(from-to)
	}
	return ""
}

// ago is a time as seen from now: "2 hours ago".
func ago(t, now time.Time) string { return humanize.RelTime(t, now, "ago", "from now") }

// absoluteTime is for people; RFC 3339 is for programs.
func absoluteTime(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// plural is "1 model", "2 models", "1,234 models".
func plural(n int, noun string) string {
	s := humanize.Comma(int64(n)) + " " + noun
	if n != 1 {
		s += "s"
	}
	return s
}

// counts is "1 model changed" or "3 models: 1 added, 2 changed"; empty for
// nothing at all.
func counts(added, changed, removed int) string {
	var parts []string
	add := func(n int, what string) {
		if n > 0 {
			parts = append(parts, humanize.Comma(int64(n))+" "+what)
		}
	}
	add(added, "added")
	add(changed, "changed")
	add(removed, "removed")
	total := added + changed + removed
	switch len(parts) {
	case 0:
		return ""
	case 1:
		_, what, _ := strings.Cut(parts[0], " ")
		return plural(total, "model") + " " + what
	}
	return fmt.Sprintf("%s: %s", plural(total, "model"), strings.Join(parts, ", "))
}
