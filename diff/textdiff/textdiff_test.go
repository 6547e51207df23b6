package textdiff

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func source(s string) *bytes.Reader { return bytes.NewReader([]byte(s)) }

func mustDiff(t interface {
	Helper()
	Fatal(...any)
}, a, b string, o Options) *Result {
	t.Helper()
	r, err := Diff(context.Background(), source(a), source(b), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestDiff(t *testing.T) {
	for _, c := range []struct {
		name, a, b string
		want       Result
	}{
		{"equal", "a\nb\n", "a\nb\n", Result{Equal: true, FromLines: 2, ToLines: 2}},
		{"both empty", "", "", Result{Equal: true}},
		{"one line", "a\nb\nc\n", "a\nB\nc\n", Result{FromLines: 3, ToLines: 3, Removed: 1, Added: 1,
			Hunks: []byte("@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n")}},
		{"from nothing", "", "a\n", Result{ToLines: 1, Added: 1, Hunks: []byte("@@ -0,0 +1,1 @@\n+a\n")}},
		{"no line break at the end", "a\n", "a", Result{FromLines: 1, ToLines: 1, Removed: 1, Added: 1,
			Hunks: []byte("@@ -1,1 +1,1 @@\n-a\n+a\n\\ No newline at end of file\n")}},
		{"NUL", "a\x00", "a\n", Result{Binary: true}},
		{"not UTF-8", "a\n", "\xff", Result{Binary: true}},
		{"the same binary", "\x00", "\x00", Result{Binary: true, Equal: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if d := cmp.Diff(&c.want, mustDiff(t, c.a, c.b, Options{})); d != "" {
				t.Error(d)
			}
		})
	}
}

// A line that begins like a sign of the format must not be counted as one.
func TestCountsSigns(t *testing.T) {
	r := mustDiff(t, "+x\n-y\n@@\n", "+x\n--- z\n@@\n", Options{})
	if r.Removed != 1 || r.Added != 1 {
		t.Errorf("removed %d, added %d", r.Removed, r.Added)
	}
}

func text() *rapid.Generator[string] {
	line := rapid.SampledFrom([]string{"a\n", "b\n", "cé\n", "\n", "- d\n", "\\ e\n", "€", "\xe2\x82", "\x00"})
	return rapid.Custom(func(t *rapid.T) string {
		n := rapid.SampledFrom([]int{3, 6, 7, 7, 7}).Draw(t, "kinds") // mostly text
		i := rapid.IntRange(0, 8)
		var b strings.Builder
		for range rapid.IntRange(0, 40).Draw(t, "lines") {
			k := i.Draw(t, "line")
			if k <= n {
				b.WriteString([]string{"a\n", "b\n", "cé\n", "\n", "- d\n", "\\ e\n", "€", "+", line.Draw(t, "any")}[k])
			}
		}
		return b.String()
	})
}

// The hunks turn one text into the other.
func TestHunksApply(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := text().Draw(t, "a"), text().Draw(t, "b")
		r := mustDiff(t, a, b, Options{})
		if r.Binary {
			return
		}
		got, err := apply(a, string(r.Hunks))
		if err != nil || got != b {
			t.Fatalf("%q\n%s\ngives %q, want %q (%v)", a, r.Hunks, got, b, err)
		}
	})
}

// apply is a patch program for one file.
func apply(a, hunks string) (string, error) {
	from := strings.SplitAfter(a, "\n")
	if from[len(from)-1] == "" {
		from = from[:len(from)-1]
	}
	var out []string
	at := 0
	sign := byte(' ')
	for _, line := range strings.SplitAfter(hunks, "\n") {
		switch {
		case line == "":
		case strings.HasPrefix(line, "@@"):
			var start, n, to, m int
			if _, err := fmt.Sscanf(line, "@@ -%d,%d +%d,%d @@", &start, &n, &to, &m); err != nil {
				return "", err
			}
			if n > 0 {
				start--
			}
			out = append(out, from[at:start]...)
			at = start
		case line[0] == '\\' && sign != '+': // of the old text
		case line[0] == '\\':
			out[len(out)-1] = strings.TrimSuffix(out[len(out)-1], "\n")
		case line[0] == '+':
			out = append(out, line[1:])
		case strings.TrimSuffix(from[at], "\n") != strings.TrimSuffix(line[1:], "\n"):
			return "", fmt.Errorf("line %d is %q, the hunk says %q", at, from[at], line)
		default:
			if line[0] == ' ' {
				out = append(out, from[at])
			}
			at++
		}
		if line != "" {
			sign = line[0]
		}
	}
	return strings.Join(append(out, from[at:]...), ""), nil
}

// What is only counted is counted alike, across the edges of blocks too.
func TestCountAgrees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pad := strings.Repeat("é\n", rapid.SampledFrom([]int{0, 1, 87381, 87382, 174762}).Draw(t, "pad"))
		a, b := pad+text().Draw(t, "a"), pad+text().Draw(t, "b")
		want := mustDiff(t, a, b, Options{})
		got := mustDiff(t, a, b, Options{MaxBytes: 1})
		if len(a) <= 1 && len(b) <= 1 {
			return
		}
		if got.TooLarge == got.Binary {
			t.Fatalf("%+v", got)
		}
		got.TooLarge = false
		want.Hunks, want.Added, want.Removed = nil, 0, 0
		if d := cmp.Diff(want, got); d != "" {
			t.Fatal(d)
		}
	})
}

type short struct{ *bytes.Reader }

func (s short) Size() int64 { return s.Reader.Size() + 1 }

func TestErrors(t *testing.T) {
	for _, o := range []Options{{}, {MaxBytes: 1}} {
		if _, err := Diff(t.Context(), short{source("aaaa")}, source("b"), o); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("a source that ends early: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := Diff(ctx, source("aaaa"), source("b"), o); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	}
}
