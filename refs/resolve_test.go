package refs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
)

// repo is a store with names, for the tests of the grammar.
type repo struct {
	t   *testing.T
	j   *journal.Journal
	s   *journal.State
	now time.Time
}

var start = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

func newRepo(t *testing.T) *repo {
	t.Helper()
	r := &repo{t: t, now: start}
	r.j = journal.New(backend.NewMem(), journal.Options{Clock: func() time.Time { return r.now }})
	var err error
	if r.s, err = r.j.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *repo) append(ops ...journal.Op) {
	r.t.Helper()
	s, err := r.j.Append(r.t.Context(), r.s, ops, time.Time{})
	if err != nil {
		r.t.Fatal(err)
	}
	r.s = s
	r.now = r.now.Add(24 * time.Hour)
}

func (r *repo) commit(kind journal.NameKind, name, message string, merged ...journal.Target) journal.Target {
	r.t.Helper()
	v := objects.Version{Seq: 1, Generation: 1, Time: start, Message: message}
	op := journal.Op{Kind: journal.OpCommit, NameKind: kind, Name: name}
	if n, ok := r.s.Names[name]; ok {
		v.Parents, v.Seq = []objects.VersionID{n.To.ID}, n.To.Seq+1
		op.Parent = n.To
		if !n.Forked {
			op.Target.Line = n.To.Line
		}
	}
	for _, m := range merged {
		v.Parents = append(v.Parents, m.ID)
	}
	op.Merged = merged
	op.Target.Seq = v.Seq
	op.Record, op.Target.ID = v.Encode()
	r.append(op)
	return r.s.Names[name].To
}

func (r *repo) set(kind journal.NameKind, name string, to journal.Target) {
	r.t.Helper()
	r.append(journal.Op{Kind: journal.OpSetName, NameKind: kind, Name: name, Target: to})
}

func (r *repo) resolver() *Resolver {
	return &Resolver{History: r.j.History(r.s), Branch: "main", Now: r.now}
}

// TestResolve tries every form of the grammar, and what is refused. Every
// entry is a day after the one before.
func TestResolve(t *testing.T) {
	r := newRepo(t)
	var main, exp []journal.Target // by sequence number
	main, exp = append(main, journal.Target{}), append(exp, journal.Target{})
	for i := range 20 { // 1 to 20 November
		main = append(main, r.commit(journal.Branch, "main", fmt.Sprint("main ", i)))
	}
	r.set(journal.Branch, "exp", main[15]) // 21 November
	exp = append(exp, main[1:16]...)
	for i := range 10 { // 22 November to 1 December
		exp = append(exp, r.commit(journal.Branch, "exp", fmt.Sprint("exp ", i)))
	}
	for _, seq := range []int{3, 5, 7} { // 2 to 4 December
		r.set(journal.Alias, "champion", main[seq])
	}
	r.set(journal.Tag, "release/1.0", main[9])                                                                 // 5 December
	r.set(journal.Alias, "shadow", main[2])                                                                    // 6 December
	r.append(journal.Op{Kind: journal.OpDeleteName, NameKind: journal.Alias, Name: "shadow", Target: main[2]}) // 7 December
	safety := r.commit(journal.Safety, "safety/2026-12-09T12-00-00", "what was there")                         // 8 December
	r.set(journal.Branch, "empty-ish", exp[25])                                                                // 9 December
	r.set(journal.Branch, "joined", main[4])                                                                   // 10 December
	joined := r.commit(journal.Branch, "joined", "a merge", exp[20], main[9])                                  // 11 December
	r.now = r.now.AddDate(0, 0, -2)                                                                            // of what is asked
	full := func(v journal.Target) string { return v.ID.String() }

	for _, c := range []struct {
		rev  string
		want journal.Target
	}{
		{"HEAD", main[20]},
		{"HEAD~", main[19]},
		{"HEAD~0", main[20]},
		{"HEAD~1", main[19]},
		{"HEAD~~", main[18]},
		{"HEAD~2~3~", main[14]},
		{"HEAD^", main[19]},
		{"HEAD^^", main[18]},
		{"HEAD^0", main[20]},
		{"joined^", main[4]},
		{"joined^1", main[4]},
		{"joined^2", exp[20]},
		{"joined^3", main[9]},
		{"joined^2~6^1", exp[13]},
		{"joined^3~2", main[7]},
		{"joined~", main[4]},
		{"joined@{1}^", main[3]},
		{full(joined) + "^3", main[9]},
		{"HEAD~19", main[1]},
		{"v1", main[1]},
		{"v012", main[12]},
		{"V12", main[12]},
		{"v12~2", main[10]},
		{"main", main[20]},
		{"exp", exp[25]},
		{"exp~10", main[15]},
		{"exp~12", main[13]},
		{"exp@v25", exp[25]},
		{"exp@v16", exp[16]},
		{"exp@v3", main[3]},
		{"exp@v16~1", main[15]},
		{"main@v16", main[16]},
		{"HEAD@v4", main[4]},
		{"release/1.0", main[9]},
		{"release/1.0~8", main[1]},
		{"release/1.0@v2", main[2]},
		{"champion", main[7]},
		{"champion@{0}", main[7]},
		{"champion@{1}", main[5]},
		{"champion@{2}", main[3]},
		{"champion@{1}~2", main[3]},
		{"champion@v1", main[1]},
		{"HEAD@{3}", main[17]},
		{"main@{19}", main[1]},
		{"exp@{10}", main[15]},
		{"champion@{2026-12-02}", main[3]},
		{"champion@{2026-12-03}", main[5]},
		{"champion@{2026-12-03 11:00}", main[3]},
		{"champion@{2026-12-03T13:00:00Z}", main[5]},
		{"champion@{2026-12-03T13:00:00+02:00}", main[3]},
		{"champion@{6d}", main[7]},
		{"champion@{7 days ago}", main[5]},
		{"HEAD@{yesterday}", main[20]},
		{"HEAD@{2026-11-03}~", main[2]},
		{"shadow@{1}", main[2]},
		{"shadow@{2026-12-06}", main[2]},
		{"safety/2026-12-09T12-00-00", safety},
		{full(main[4]), main[4]},
		{full(main[4])[:8], main[4]},
		{strings.ToUpper(full(main[4])[:8]), main[4]},
		{full(exp[20])[:9] + "~1", exp[19]},
		{full(safety)[:10], safety},
	} {
		got, err := r.resolver().Resolve(t.Context(), c.rev)
		if err != nil || got != c.want {
			t.Errorf("%s is v%d, %v, want v%d", c.rev, got.Seq, err, c.want.Seq)
		}
	}

	for _, c := range []struct {
		rev  string
		want error
		text string // in the message
	}{
		{"", ErrBadRevision, ""},
		{"~", ErrBadRevision, ""},
		{"@", ErrBadRevision, ""},
		{"@v3", ErrBadRevision, ""},
		{"@{1}", ErrBadRevision, ""},
		{"HEAD~x", ErrBadRevision, ""},
		{"HEAD^x", ErrBadRevision, ""},
		{"^", ErrBadRevision, ""},
		{"exp^2", ErrNotFound, "v25 has 1 parents"},
		{"joined^4", ErrNotFound, "3 parents"},
		{"v1^", ErrNotFound, "0 parents"},
		{"joined^99999999999999999999", ErrBadRevision, ""},
		{"HEAD~99999999999999999999", ErrBadRevision, ""},
		{"HEAD@", ErrBadRevision, "want"},
		{"HEAD@3", ErrBadRevision, "want"},
		{"HEAD@{}", ErrBadRevision, "want"},
		{"HEAD@{3", ErrBadRevision, "want"},
		{"HEAD@{banana}", ErrBadRevision, "banana"},
		{"a b", ErrBadRevision, ""},
		{"-x", ErrBadRevision, ""},
		{"a:b", ErrBadRevision, ""},
		{"x\ny", ErrBadRevision, ""},
		{strings.Repeat("a", 65), ErrBadRevision, ""},
		{"HEAD~20", ErrNotFound, "19 ancestors"},
		{"HEAD~18446744073709551615~2", ErrNotFound, ""},
		{"HEAD~18446744073709551615~18446744073709551615", ErrNotFound, ""},
		{"v0", ErrNotFound, ""},
		{"v21", ErrNotFound, "v20"},
		{"v99999999999999999999999", ErrNotFound, ""},
		{"exp@v26", ErrNotFound, "v25"},
		{"exp@v99999999999999999999", ErrNotFound, ""},
		{"release/1.0@v10", ErrNotFound, ""},
		{"nobody", ErrNotFound, ""},
		{"abc", ErrNotFound, ""},
		{"Main", ErrNotFound, `"main"`},
		{"head", ErrBadRevision, ""},
		{"nobody@{1}", ErrNotFound, ""},
		{"champion@{3}", ErrNotFound, "reach back"},
		{"champion@{2026-12-01}", ErrNotFound, "reach back"},
		{"shadow", ErrNotFound, ""},
		{"shadow@{0}", ErrNotFound, "deleted"},
		{"shadow@{2026-12-08}", ErrNotFound, "deleted"},
		{"safety/none", ErrNotFound, ""},
		{"0000000", ErrNotFound, ""},
	} {
		_, err := r.resolver().Resolve(t.Context(), c.rev)
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%q: %v, want %v with %q", c.rev, err, c.want, c.text)
		}
	}
}

func TestNoVersions(t *testing.T) {
	r := newRepo(t)
	for _, rev := range []string{"HEAD", "v1", "HEAD~2", "HEAD@v1"} {
		if _, err := r.resolver().Resolve(t.Context(), rev); !errors.Is(err, ErrNoVersions) {
			t.Errorf("%s: %v, want ErrNoVersions", rev, err)
		}
	}
	if _, err := r.resolver().Resolve(t.Context(), "HEAD@{0}"); !errors.Is(err, ErrNotFound) {
		t.Errorf("HEAD@{0}: %v", err)
	}
}

// An ID prefix that fits several versions lists them; the same version in two
// entries is not ambiguous.
func TestAmbiguous(t *testing.T) {
	r := newRepo(t)
	byPrefix := map[string][]journal.Target{}
	var pair []journal.Target
	for i := 0; pair == nil; i++ {
		v := r.commit(journal.Branch, fmt.Sprint("b", i), fmt.Sprint(i))
		p := v.ID.String()[:4]
		if byPrefix[p] = append(byPrefix[p], v); len(byPrefix[p]) == 2 {
			pair = byPrefix[p]
		}
		if r.s.FoldDue() {
			r.fold()
		}
	}
	prefix := pair[0].ID.String()[:4]
	_, err := r.resolver().Resolve(t.Context(), prefix)
	var amb *AmbiguousError
	if !errors.As(err, &amb) || amb.Prefix != prefix || len(amb.Candidates) != 2 {
		t.Fatalf("%s: %v", prefix, err)
	}
	for _, v := range pair {
		if !strings.Contains(err.Error(), v.ID.String()[:8]+" (v1)") {
			t.Errorf("%q does not name %s", err, v.ID)
		}
		if got, err := r.resolver().Resolve(t.Context(), v.ID.String()[:20]); err != nil || got != v {
			t.Errorf("%+v, %v, want %+v", got, err, v)
		}
	}
	again := r.commit(journal.Branch, "again", "0") // what b0 holds, once more
	if got, err := r.resolver().Resolve(t.Context(), again.ID.String()[:20]); err != nil || got.ID != again.ID {
		t.Errorf("a version recorded twice: %+v, %v", got, err)
	}
	long := &AmbiguousError{Prefix: strings.Repeat("0", 63), Candidates: make([]journal.Target, 2)}
	if !strings.Contains(long.Error(), "ambiguous") {
		t.Error(long)
	}
}

func (r *repo) fold() {
	r.t.Helper()
	s, err := r.j.Fold(context.Background(), r.s, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	r.s = s
}

func TestSplitPath(t *testing.T) {
	for _, c := range []struct {
		arg, rev, path string
		ok             bool
	}{
		{"v3:model.json", "v3", "model.json", true},
		{"v3", "v3", "", false},
		{"HEAD~2:a/b:c", "HEAD~2", "a/b:c", true},
		{"main@{2026-11-13 10:30}:a.json", "main@{2026-11-13 10:30}", "a.json", true},
		{"main@{2026-11-13 10:30}", "main@{2026-11-13 10:30}", "", false},
		{":a", "", "a", true},
		{"v3:", "v3", "", true},
		{"v3:{x}:y", "v3", "{x}:y", true},
		{"", "", "", false},
	} {
		rev, path, ok := SplitPath(c.arg)
		if rev != c.rev || path != c.path || ok != c.ok {
			t.Errorf("%q: %q %q %v, want %q %q %v", c.arg, rev, path, ok, c.rev, c.path, c.ok)
		}
	}
}

// FuzzResolve: no text makes the resolver panic, and every error is one of
// the kinds that it documents.
func FuzzResolve(f *testing.F) {
	j := journal.New(backend.NewMem(), journal.Options{Clock: func() time.Time { return start }})
	s, err := j.Init(context.Background())
	if err != nil {
		f.Fatal(err)
	}
	for range 3 {
		v := objects.Version{Seq: 1, Time: start}
		op := journal.Op{Kind: journal.OpCommit, NameKind: journal.Branch, Name: "main"}
		if n, ok := s.Names["main"]; ok {
			v.Seq, op.Parent, op.Target.Line = n.To.Seq+1, n.To, n.To.Line
		}
		op.Target.Seq = v.Seq
		op.Record, op.Target.ID = v.Encode()
		if s, err = j.Append(context.Background(), s, []journal.Op{op}, time.Time{}); err != nil {
			f.Fatal(err)
		}
	}
	for _, rev := range []string{"HEAD~2", "v3", "main@{1}", "main@{yesterday}", "main@v2~", "HEAD^2", "main^^~1^0", "beef", "x@{2026-11-13}"} {
		f.Add(rev)
	}
	r := &Resolver{History: j.History(s), Branch: "main", Now: start}
	f.Fuzz(func(t *testing.T, rev string) {
		got, err := r.Resolve(context.Background(), rev)
		var amb *AmbiguousError
		switch {
		case err == nil && got.Entry == 0:
			t.Errorf("%q is no version", rev)
		case err != nil && !errors.Is(err, ErrBadRevision) && !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrNoVersions) && !errors.As(err, &amb):
			t.Errorf("%q: %v", rev, err)
		}
	})
}
