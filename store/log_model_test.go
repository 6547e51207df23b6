package store

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/mstore/mstore/index"
	"github.com/mstore/mstore/internal/expr"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
)

// logModel is a random history, in a journal and in memory.
type logModel struct {
	s        *Store
	st       *journal.State
	versions []logVersion // by entry
	byID     map[objects.VersionID]int
	heads    map[string]int // of branches
	tags     map[string]int
	now      time.Time
}

type logVersion struct {
	*objects.Version
	id     objects.VersionID
	entry  uint64
	branch string
	line   uint64
}

func (m *logModel) append(t *rapid.T, ops ...journal.Op) {
	st, err := m.s.j.Append(t.Context(), m.st, ops, m.now)
	if err != nil {
		t.Fatal(err)
	}
	if m.st = st; rapid.IntRange(0, 19).Draw(t, "fold") == 0 {
		if m.st, err = m.s.j.Fold(t.Context(), st, m.s.packSet(st)); err != nil {
			t.Fatal(err)
		}
	}
}

// commit makes a version on a branch, sometimes a merge.
func (m *logModel) commit(t *rapid.T) {
	branch := rapid.SampledFrom([]string{"main", "main", "exp", "dev"}).Draw(t, "branch")
	n := len(m.versions)
	v := &objects.Version{Seq: 1, Generation: 1, Models: rapid.IntRange(1, 3).Draw(t, "models"), Bytes: int64(n % 7),
		Time:    m.now.Add(time.Duration(rapid.IntRange(-50, 50).Draw(t, "time")) * time.Hour),
		Author:  rapid.SampledFrom([]string{"ann", "bob"}).Draw(t, "author"),
		Message: rapid.SampledFrom([]string{"", "one", "two"}).Draw(t, "message"),
		Params:  map[string]any{}, Metrics: map[string]any{}, Meta: map[string]any{"git.dirty": n%2 == 0},
	}
	binary.BigEndian.PutUint64(v.Tree[:], uint64(n))
	if rapid.Bool().Draw(t, "loss") {
		v.Metrics["loss"] = rapid.SampledFrom([]float64{0.5, 0.25, 1}).Draw(t, "value")
	}
	if rapid.Bool().Draw(t, "opt") {
		v.Params["opt"] = rapid.SampledFrom([]any{"sgd", "adam", int64(3)}).Draw(t, "value")
	}
	for _, p := range []string{"a.json", "dir/b.json", "dir/c.json"} {
		if rapid.Bool().Draw(t, "changes") {
			v.Changes = append(v.Changes, objects.Change{Path: p, Status: objects.Changed, Blob: objects.BlobID{byte(n % 5), 1}, Kind: "json"})
			v.Changed++
		}
	}
	op := journal.Op{Kind: journal.OpCommit, NameKind: journal.Branch, Name: branch}
	parent, there := m.heads[branch]
	if !there && n > 0 { // a new branch begins at some version
		parent, there = rapid.IntRange(0, n-1).Draw(t, "from"), true
	}
	if there {
		p := m.versions[parent]
		op.Parent = journal.Target{ID: p.id, Entry: p.entry, Seq: p.Seq, Line: p.line}
		v.Parents, v.Seq = []objects.VersionID{p.id}, p.Seq+1
		if head, ok := m.heads[branch]; ok && m.st.Names[branch].To == op.Parent && !m.st.Names[branch].Forked && head == parent {
			op.Target.Line = p.line
		}
		if rapid.IntRange(0, 3).Draw(t, "merge") == 0 {
			if other := rapid.IntRange(0, n-1).Draw(t, "other"); other != parent {
				o := m.versions[other]
				op.Merged = []journal.Target{{ID: o.id, Entry: o.entry, Seq: o.Seq, Line: o.line}}
				v.Parents = append(v.Parents, o.id)
			}
		}
	}
	op.Target.Seq = v.Seq
	op.Record, op.Target.ID = v.Encode()
	m.append(t, op)
	to := m.st.Names[branch].To
	m.byID[to.ID] = n
	m.heads[branch] = n
	m.versions = append(m.versions, logVersion{v, to.ID, to.Entry, branch, to.Line})
}

func (m *logModel) tag(t *rapid.T) {
	name := rapid.SampledFrom([]string{"gold", "silver"}).Draw(t, "tag")
	n := rapid.IntRange(0, len(m.versions)-1).Draw(t, "tagged")
	v := m.versions[n]
	m.append(t, journal.Op{Kind: journal.OpSetName, NameKind: journal.Tag, Name: name, Reason: "made",
		Target: journal.Target{ID: v.id, Entry: v.entry, Seq: v.Seq, Line: v.line}})
	m.tags[name] = n
}

// want is the answer, found by looking at everything.
func (m *logModel) want(o LogOptions) []string {
	tips := []int{}
	if o.All {
		for _, of := range []map[string]int{m.heads, m.tags} {
			for _, n := range of {
				tips = append(tips, n)
			}
		}
	} else if n, ok := m.heads[cmp.Or(strings.TrimSuffix(o.Rev, "HEAD"), "main")]; ok {
		tips = append(tips, n)
	} else {
		tips = append(tips, m.tags[o.Rev])
	}
	ancestors := func(tips []int, first bool) map[int]bool {
		set := map[int]bool{}
		for todo := slices.Clone(tips); len(todo) > 0; {
			n := todo[len(todo)-1]
			if todo = todo[:len(todo)-1]; set[n] {
				continue
			}
			set[n] = true
			for i, p := range m.versions[n].Parents {
				if i == 0 || !first {
					todo = append(todo, m.byID[p])
				}
			}
		}
		return set
	}
	of := ancestors(tips, o.First)
	line := tips[:1]
	if o.All {
		line = nil
		if n, ok := m.heads["main"]; ok {
			line = []int{n}
		}
	}
	straight := ancestors(line, true)
	var where *expr.Expr
	if o.Where != "" {
		where, _ = expr.Parse(o.Where)
	}
	type answer struct {
		text  string
		value any
	}
	var list []answer
	for n := len(m.versions) - 1; n >= 0; n-- {
		v := m.versions[n]
		env := m.env(n)
		if !of[n] || !o.Since.IsZero() && v.Time.Before(o.Since) || !o.Until.IsZero() && !v.Time.Before(o.Until) ||
			o.Author != "" && v.Author != o.Author || o.Grep != "" && !strings.Contains(v.Message, o.Grep) {
			continue
		}
		if where != nil {
			if ok, _ := where.Eval(env); !ok {
				continue
			}
		}
		if len(o.Paths) > 0 && !slices.ContainsFunc(v.Changes, func(c objects.Change) bool {
			return slices.ContainsFunc(o.Paths, func(p string) bool {
				return p == "." || c.Path == p || strings.HasPrefix(c.Path, p+"/")
			})
		}) && !slices.Contains(o.Paths, ".") {
			continue
		}
		a := answer{text: fmt.Sprintf("v%d %s %t", v.Seq, v.id.Short(), !straight[n] && !o.First)}
		if o.Sort != "" {
			if a.value, _ = env.Lookup(o.Sort); a.value == nil {
				continue
			}
		}
		list = append(list, a)
	}
	if o.Sort != "" {
		rank := func(v any) int {
			if _, ok := v.(string); ok {
				return 1
			}
			return 0
		}
		slices.SortStableFunc(list, func(a, b answer) int {
			c := cmp.Compare(rank(a.value), rank(b.value))
			if c == 0 {
				c, _ = expr.Compare(a.value, b.value)
			}
			if o.Reverse {
				c = -c
			}
			return c
		})
	}
	if o.Limit > 0 {
		list = list[:min(len(list), o.Limit)]
	}
	if o.Reverse && o.Sort == "" {
		slices.Reverse(list)
	}
	texts := []string{}
	for _, a := range list {
		texts = append(texts, a.text)
	}
	return texts
}

func (m *logModel) env(n int) *expr.Version {
	v := m.versions[n]
	e := &expr.Version{Seq: v.Seq, Time: v.Time, Author: v.Author, Message: v.Message, Branch: v.branch, Models: v.Models, Bytes: v.Bytes,
		Params: v.Params, Metrics: v.Metrics, Meta: v.Meta, Changes: &expr.Changes{Now: m.now}}
	for name, at := range m.tags {
		if at == n {
			e.Tags = append(e.Tags, name)
		}
	}
	for _, c := range v.Changes {
		e.Changes.Paths = append(e.Changes.Paths, c.Path)
		e.Changes.Kinds = append(e.Changes.Kinds, c.Kind)
	}
	return e
}

func (m *logModel) draw(t *rapid.T) LogOptions {
	revs := []string{"main", "HEAD"}
	for name := range m.heads {
		revs = append(revs, name)
	}
	for name := range m.tags {
		revs = append(revs, name)
	}
	slices.Sort(revs)
	if _, ok := m.heads["main"]; !ok {
		revs = slices.DeleteFunc(revs, func(r string) bool { return r == "main" || r == "HEAD" })
	}
	o := LogOptions{
		Rev:     rapid.SampledFrom(revs).Draw(t, "rev"),
		All:     rapid.IntRange(0, 3).Draw(t, "all") == 0,
		Limit:   rapid.SampledFrom([]int{0, 0, 1, 3}).Draw(t, "limit"),
		Reverse: rapid.Bool().Draw(t, "reverse"),
		Sort:    rapid.SampledFrom([]string{"", "", "metrics.loss", "params.opt", "time", "size", "author", "version"}).Draw(t, "sort"),
		Where: rapid.SampledFrom([]string{"", "", "metrics.loss < 0.5", "params.opt = 'sgd' or tag = 'gold'", "not tag like '*'", "path like 'dir/*'",
			"kind = 'json' and git.dirty", "version > 3 and not author = 'ann'", "branch != 'main'", "age > 10h", "not expired", "params.opt in (3, 'adam')"}).Draw(t, "where"),
		Author: rapid.SampledFrom([]string{"", "", "ann"}).Draw(t, "author"),
		Grep:   rapid.SampledFrom([]string{"", "", "o"}).Draw(t, "grep"),
	}
	if !o.All {
		o.First = rapid.IntRange(0, 3).Draw(t, "first") == 0
	}
	if rapid.IntRange(0, 2).Draw(t, "by path") == 0 {
		o.Paths = rapid.SliceOfN(rapid.SampledFrom([]string{"a.json", "dir", "dir/b.json", "none", "."}), 1, 2).Draw(t, "paths")
	}
	if rapid.IntRange(0, 3).Draw(t, "since") == 0 {
		o.Since = m.now.Add(-30 * time.Hour)
	}
	if rapid.IntRange(0, 3).Draw(t, "until") == 0 {
		o.Until = m.now.Add(20 * time.Hour)
	}
	return o
}

// TestLogIsTheSameWithAndWithoutIndex asks random questions of random histories, of the
// index, of the journal, and of a model.
func TestLogIsTheSameWithAndWithoutIndex(t *testing.T) {
	dirs, base := 0, t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		dirs++
		s, _ := newMemStore(t)
		m := &logModel{s: s, byID: map[objects.VersionID]int{}, heads: map[string]int{}, tags: map[string]int{},
			now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
		s.o.Clock = func() time.Time { return m.now }
		var err error
		if m.st, err = s.j.Load(rt.Context()); err != nil {
			rt.Fatal(err)
		}
		ix := index.Open(fmt.Sprint(base, "/", dirs), index.Options{Batch: rapid.Uint64Range(1, 20).Draw(rt, "batch")})
		for range rapid.IntRange(1, 3).Draw(rt, "rounds") {
			for range rapid.IntRange(1, 15).Draw(rt, "steps") {
				m.commit(rt)
				if rapid.IntRange(0, 4).Draw(rt, "tag") == 0 {
					m.tag(rt)
				}
			}
			for range 4 {
				o := m.draw(rt)
				want := m.want(o)
				for how, set := range map[string]func(){
					"walk":  func() { s.index, s.indexPays = nil, 1<<60 },
					"index": func() { s.index, s.indexPays = ix, 0 },
				} {
					set()
					got := []string{}
					for v, err := range s.Log(rt.Context(), o) {
						var field *expr.FieldError
						if (errors.Is(err, ErrUsage) || errors.As(err, &field)) && len(want) == 0 {
							break // it says why there is nothing
						}
						if err != nil {
							rt.Fatalf("%s: %+v: %v", how, o, err)
						}
						got = append(got, fmt.Sprintf("%s %s %t", v.Name, v.ID.Short(), v.Aside))
					}
					if d := gocmp.Diff(want, got); d != "" {
						rt.Fatalf("%s: %+v: -want +got:\n%s", how, o, d)
					}
				}
			}
		}
	})
}
