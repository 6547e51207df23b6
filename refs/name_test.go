package refs

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestCheckName(t *testing.T) {
	for _, name := range []string{
		"main", "a", "release/1.0", "café", "x_y-z.1", "v", "v1a", "vNext", "1", "12", "123", "abc",
		"beefy", "HEADS", "head/1", "日本", strings.Repeat("x", 200), "safe/ty", "safety", "a.b", "a-",
	} {
		if err := CheckName(name); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{
		"", "HEAD", "head", "Head", "v1", "V12", "v0", "beef", "BEEF", "1234", "00000", strings.Repeat("a", 64),
		"a b", "a\tb", "a\nb", "a\x00b", "a\x7fb", "a\u00a0b", "a\u2028b", "\xff", "a@b", "a:b", "a~1", "a^", `a\b`, "a{b}", "@{1}",
		"-x", "-", ".x", ".", "..", "/a", "a/", "a//b", strings.Repeat("x", 201),
		"safety/x", "Safety/x", "quarantine/x",
	} {
		if err := CheckName(name); !errors.Is(err, ErrBadName) {
			t.Errorf("%q is accepted (%v)", name, err)
		}
	}
}

// A name that is allowed can be written as a revision, whole.
func FuzzCheckName(f *testing.F) {
	for _, s := range []string{"main", "a/b", "v1", "HEAD~2", "x@{1}", "beef"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if CheckName(name) != nil {
			return
		}
		if base, _ := splitSuffix(name); base != name || strings.Contains(name, "@") || isVersionNumber(name) || isHex(name) {
			t.Errorf("%q would be read as something else", name)
		}
		if _, _, ok := SplitPath(name); ok {
			t.Errorf("%q holds a path", name)
		}
	})
}

func TestParseTime(t *testing.T) {
	zone := time.FixedZone("CET", 3600)
	now := time.Date(2026, 11, 20, 10, 0, 0, 0, zone)
	day := func(y int, m time.Month, d int) time.Time {
		return time.Date(y, m, d+1, 0, 0, 0, 0, zone).Add(-1)
	}
	for _, c := range []struct {
		text string
		want time.Time
	}{
		{"2025-11-13", day(2025, 11, 13)},
		{" 2025-11-13 ", day(2025, 11, 13)},
		{"2024-02-29", day(2024, 2, 29)},
		{"2025-11-13 10:30", time.Date(2025, 11, 13, 10, 30, 0, 0, zone)},
		{"2025-11-13T10:30", time.Date(2025, 11, 13, 10, 30, 0, 0, zone)},
		{"2025-11-13 10:30:15", time.Date(2025, 11, 13, 10, 30, 15, 0, zone)},
		{"2025-11-13T10:30:15", time.Date(2025, 11, 13, 10, 30, 15, 0, zone)},
		{"2025-11-13T10:30:15Z", time.Date(2025, 11, 13, 10, 30, 15, 0, time.UTC)},
		{"2025-11-13T10:30:15.5+02:00", time.Date(2025, 11, 13, 8, 30, 15, 5e8, time.UTC)},
		{"now", now},
		{"yesterday", now.Add(-24 * time.Hour)},
		{"Yesterday", now.Add(-24 * time.Hour)},
		{"36h", now.Add(-36 * time.Hour)},
		{"7d", now.Add(-7 * 24 * time.Hour)},
		{"2w", now.Add(-14 * 24 * time.Hour)},
		{"3 days ago", now.Add(-72 * time.Hour)},
		{"2 weeks ago", now.Add(-14 * 24 * time.Hour)},
		{"1 hour ago", now.Add(-time.Hour)},
	} {
		got, err := ParseTime(c.text, now)
		if err != nil || !got.Equal(c.want) {
			t.Errorf("%q is %s, %v, want %s", c.text, got, err, c.want)
		}
	}
	for _, bad := range []string{"", "banana", "2025-13-01", "2025-02-30", "2025-11-13 25:00", "13.11.2025", "99999w"} {
		if got, err := ParseTime(bad, now); err == nil {
			t.Errorf("%q is %s", bad, got)
		}
	}
}

func TestParseDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0d": 0, "1d": 24 * time.Hour, "30d": 720 * time.Hour, "2w": 336 * time.Hour, "1h30m": 90 * time.Minute, "99999d": 99999 * 24 * time.Hour,
	} {
		if got, err := ParseDuration(text); err != nil || got != want {
			t.Errorf("%q is %s, %v, want %s", text, got, err, want)
		}
	}
	for _, bad := range []string{"", "d", "1x", "1 d", "d1", "1d2", "999999d", "99999w", "1w1d"} {
		if got, err := ParseDuration(bad); err == nil {
			t.Errorf("%q is %s", bad, got)
		}
	}
}
