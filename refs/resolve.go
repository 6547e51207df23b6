package refs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tj/go-naturaldate"

	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
)

var (
	// ErrBadRevision: a text that is no revision.
	ErrBadRevision = errors.New("not a revision")
	// ErrNotFound: nothing has that name, number, ID or time.
	ErrNotFound = errors.New("no such version")
	// ErrNoVersions: HEAD before the first commit.
	ErrNoVersions = errors.New("there are no versions yet")
)

// AmbiguousError says that an ID prefix fits several versions.
type AmbiguousError struct {
	Prefix     string
	Candidates []journal.Target // some of them
}

func (e *AmbiguousError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%q is ambiguous; it could be", e.Prefix)
	for i, c := range e.Candidates {
		if i > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, " %s (v%d)", c.ID.String()[:min(len(e.Prefix)+4, 2*objects.IDSize)], c.Seq)
	}
	return b.String()
}

// Resolver resolves revisions in one snapshot.
type Resolver struct {
	History *journal.History
	Branch  string    // the current branch
	Now     time.Time // what "yesterday" refers to; its location is that of dates
}

// SplitPath separates REV:PATH. ok is false when there is no colon.
func SplitPath(arg string) (rev, path string, ok bool) {
	depth := 0
	for i := range len(arg) {
		switch arg[i] {
		case '{':
			depth++
		case '}':
			depth--
		case ':':
			if depth == 0 {
				return arg[:i], arg[i+1:], true
			}
		}
	}
	return arg, "", false
}

// splitSuffix separates the steps back, such as ~N~N or ~N^N, from the rest.
func splitSuffix(rev string) (base, steps string) {
	base = strings.TrimRight(rev, "~^0123456789")
	if i := strings.IndexAny(rev[len(base):], "~^"); i >= 0 {
		return rev[:len(base)+i], rev[len(base)+i:]
	}
	return rev, ""
}

// Resolve finds the version that rev names. Errors wrap ErrBadRevision,
// ErrNotFound, ErrNoVersions, are an *AmbiguousError, or those of the journal.
func (r *Resolver) Resolve(ctx context.Context, rev string) (journal.Target, error) {
	base, steps := splitSuffix(rev)
	t, err := r.base(ctx, rev, base)
	for err == nil && steps != "" {
		how := steps[0]
		next := strings.IndexAny(steps[1:], "~^") + 1
		if next == 0 {
			next = len(steps)
		}
		n := uint64(1)
		if digits := steps[1:next]; digits != "" {
			if n, err = strconv.ParseUint(digits, 10, 64); err != nil {
				return t, fmt.Errorf("%q: %w", rev, ErrBadRevision)
			}
		}
		steps = steps[next:]
		if how == '^' {
			t, err = r.parent(ctx, rev, t, n)
			continue
		}
		if n >= t.Seq {
			return t, fmt.Errorf("%q: %w: v%d has %d ancestors", rev, ErrNotFound, t.Seq, t.Seq-1)
		}
		t, err = r.seq(ctx, rev, t, t.Seq-n)
	}
	return t, err
}

// parent finds the n-th parent, counting from 1; 0 is the version itself.
func (r *Resolver) parent(ctx context.Context, rev string, t journal.Target, n uint64) (journal.Target, error) {
	if n == 0 {
		return t, nil
	}
	parents, err := r.History.Parents(ctx, t)
	if err != nil {
		return t, err
	}
	if n > uint64(len(parents)) {
		return t, fmt.Errorf("%q: %w: v%d has %d parents", rev, ErrNotFound, t.Seq, len(parents))
	}
	return parents[n-1], nil
}

func (r *Resolver) seq(ctx context.Context, rev string, t journal.Target, n uint64) (journal.Target, error) {
	found, err := r.History.FindSeq(ctx, t, n)
	if errors.Is(err, journal.ErrNotFound) {
		return t, fmt.Errorf("%q: %w: the newest is v%d", rev, ErrNotFound, t.Seq)
	}
	return found, err
}

func (r *Resolver) base(ctx context.Context, rev, s string) (journal.Target, error) {
	if at := strings.Index(s, "@"); at > 0 {
		return r.at(ctx, rev, s[:at], s[at+1:])
	}
	if isVersionNumber(s) {
		n, err := strconv.ParseUint(s[1:], 10, 64)
		if err != nil {
			return journal.Target{}, fmt.Errorf("%q: %w", rev, ErrNotFound)
		}
		head, err := r.name(rev, "HEAD")
		if err != nil {
			return head, err
		}
		return r.seq(ctx, rev, head, n)
	}
	if isHex(s) {
		return r.id(ctx, s)
	}
	return r.name(rev, s)
}

func (r *Resolver) name(rev, s string) (journal.Target, error) {
	st := r.History.State()
	if s == "HEAD" {
		n, ok := st.Names[r.Branch]
		if !ok {
			return journal.Target{}, fmt.Errorf("%q: %w on branch %s", rev, ErrNoVersions, r.Branch)
		}
		return n.To, nil
	}
	if n, ok := st.Names[s]; ok {
		return n.To, nil
	}
	if err := CheckName(s); err != nil && !strings.HasPrefix(s, "safety/") && !strings.HasPrefix(s, "quarantine/") {
		return journal.Target{}, fmt.Errorf("%q: %w", rev, ErrBadRevision)
	}
	hint := ""
	for _, name := range slices.Sorted(maps.Keys(st.Names)) {
		if strings.EqualFold(name, s) {
			hint = fmt.Sprintf("; there is %q", name)
		}
	}
	return journal.Target{}, fmt.Errorf("%q: %w%s", rev, ErrNotFound, hint)
}

func (r *Resolver) id(ctx context.Context, s string) (journal.Target, error) {
	s = strings.ToLower(s)
	if len(s) > 2*objects.IDSize {
		return journal.Target{}, fmt.Errorf("%q: %w", s, ErrBadRevision)
	}
	found, err := r.History.FindID(ctx, s, 6)
	switch {
	case err != nil:
		return journal.Target{}, err
	case len(found) == 0:
		return journal.Target{}, fmt.Errorf("%q: %w", s, ErrNotFound)
	case len(found) > 1:
		for _, t := range found[1:] { // the same version, recorded twice, is not ambiguous
			if t.ID != found[0].ID {
				return journal.Target{}, &AmbiguousError{Prefix: s, Candidates: found}
			}
		}
	}
	return found[0], nil
}

func (r *Resolver) at(ctx context.Context, rev, name, what string) (journal.Target, error) {
	if isVersionNumber(what) {
		n, err := strconv.ParseUint(what[1:], 10, 64)
		if err != nil {
			return journal.Target{}, fmt.Errorf("%q: %w", rev, ErrNotFound)
		}
		t, err := r.name(rev, name)
		if err != nil {
			return t, err
		}
		return r.seq(ctx, rev, t, n)
	}
	if len(what) < 3 || what[0] != '{' || what[len(what)-1] != '}' {
		return journal.Target{}, fmt.Errorf("%q: %w: want NAME@vN, NAME@{N} or NAME@{TIME}", rev, ErrBadRevision)
	}
	what = what[1 : len(what)-1]
	if name == "HEAD" {
		name = r.Branch
	}
	var m journal.Move
	var err error
	if n, perr := strconv.ParseUint(what, 10, 64); perr == nil {
		m, err = r.History.MoveCount(ctx, name, n)
	} else {
		var t time.Time
		if t, err = ParseTime(what, r.Now); err != nil {
			return journal.Target{}, fmt.Errorf("%q: %w: %w", rev, ErrBadRevision, err)
		}
		m, err = r.History.MoveAt(ctx, name, t)
	}
	if errors.Is(err, journal.ErrNotFound) {
		return journal.Target{}, fmt.Errorf("%q: %w: the log of %q does not reach back so far", rev, ErrNotFound, name)
	}
	if err != nil {
		return journal.Target{}, err
	}
	if m.To.Entry == 0 {
		return journal.Target{}, fmt.Errorf("%q: %w: %q was deleted then", rev, ErrNotFound, name)
	}
	return m.To, nil
}

// ParseTime reads a point in the past: an RFC 3339 time, a date with or without
// a time of day (a date alone is its last moment), a duration such as 36h or 7d
// before now, or words such as "yesterday" or "2 weeks ago".
func ParseTime(s string, now time.Time) (time.Time, error) {
	s = strings.TrimSpace(s)
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t, nil
	}
	for _, layout := range []string{"2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02T15:04"} {
		if t, err := time.ParseInLocation(layout, s, now.Location()); err == nil {
			return t, nil
		}
	}
	if t, err := time.ParseInLocation("2006-01-02", s, now.Location()); err == nil {
		return t.AddDate(0, 0, 1).Add(-1), nil
	}
	if d, err := ParseDuration(s); err == nil {
		return now.Add(-d), nil
	}
	switch strings.ToLower(s) {
	case "now":
		return now, nil
	case "yesterday":
		return now.Add(-24 * time.Hour), nil
	}
	if m := ago().FindStringSubmatch(strings.ToLower(s)); m != nil { // naturaldate goes back to midnight
		if d, err := ParseDuration(m[1] + m[2]); err == nil {
			return now.Add(-d), nil
		}
	}
	t, err := naturaldate.Parse(s, now, naturaldate.WithDirection(naturaldate.Past))
	if err != nil || !t.Before(now) {
		return time.Time{}, fmt.Errorf("%q is not a time", s)
	}
	return t, nil
}

var ago = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([0-9]+) *([dw])(?:ay|eek)s? ago$`) })

var days = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([0-9]{1,5})([dw])$`) })

// ParseDuration reads what time.ParseDuration reads, and 30d and 2w.
func ParseDuration(s string) (time.Duration, error) {
	if m := days().FindStringSubmatch(s); m != nil {
		n, _ := strconv.Atoi(m[1])
		if m[2] == "w" {
			n *= 7
		}
		if n > math.MaxInt64/int(24*time.Hour) {
			return 0, fmt.Errorf("%q is longer than 292 years", s)
		}
		return time.Duration(n) * 24 * time.Hour, nil
	}
	return time.ParseDuration(s)
}
