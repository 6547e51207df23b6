package policy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mstore/mstore/objects"
)

// noon is when the histories of tests begin: a Wednesday.
var noon = time.Date(2025, 1, 15, 12, 0, 0, 0, time.UTC)

func blobOf(s string) (id objects.BlobID) {
	copy(id[:], s)
	return id
}

// history builds inputs.
type history struct {
	Input
	heads map[string]int
}

// commit adds a version. Changes are "a=x" (content x at path a), "a=x!" (and
// it is gone) and "-a" (removed).
func (h *history) commit(branch string, at time.Time, changes ...string) *Version {
	if h.heads == nil {
		h.heads = map[string]int{}
	}
	parent, ok := h.heads[branch]
	if !ok {
		parent = -1
	}
	h.heads[branch] = h.add(branch, parent, at, changes...)
	return &h.Versions[len(h.Versions)-1]
}

func (h *history) add(branch string, parent int, at time.Time, changes ...string) int {
	n := len(h.Versions)
	v := Version{Entry: uint64(n + 1), Seq: 1, Parent: parent, Branch: branch, Time: at}
	if parent >= 0 {
		v.Seq = h.Versions[parent].Seq + 1
	}
	for _, c := range changes {
		path, content, put := strings.Cut(c, "=")
		content, gone := strings.CutSuffix(content, "!")
		v.Changes = append(v.Changes, Change{Path: strings.TrimPrefix(path, "-"), Blob: blobOf(content),
			Size: int64(len(content)), Removed: !put, Gone: gone})
	}
	h.Versions = append(h.Versions, v)
	return n
}

// fork starts a branch at the head of another.
func (h *history) fork(branch, from string) { h.heads[branch] = h.heads[from] }

// input has heads for the branches named; without any, for all.
func (h *history) input(branches ...string) *Input {
	if len(branches) == 0 {
		for _, v := range h.Versions {
			if _, ok := h.heads[v.Branch]; ok && !contains(branches, v.Branch) {
				branches = append(branches, v.Branch)
			}
		}
	}
	in := h.Input
	in.Heads = nil
	for _, b := range branches {
		in.Heads = append(in.Heads, Head{b, h.heads[b]})
	}
	return &in
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// days makes n versions of path a on main, a day apart.
func days(n int) *history {
	h := &history{}
	for i := range n {
		h.commit("main", noon.AddDate(0, 0, i), fmt.Sprintf("a=a%d", i))
	}
	return h
}

func mustParse(t testing.TB, config map[string]string) *Policy {
	t.Helper()
	p, err := Parse(config)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// config reads "KEY VALUE" lines, without the gc. before the keys.
func config(lines ...string) map[string]string {
	m := map[string]string{}
	for _, l := range lines {
		key, value, _ := strings.Cut(l, " ")
		m["gc."+key] = value
	}
	return m
}

// show writes items as "INDEX PATH: REASONS", with a minus before what expires.
func show(r *Result) []string {
	var list []string
	for _, x := range r.Items {
		sign := ""
		if !x.Keep {
			sign = "-"
		}
		list = append(list, fmt.Sprintf("%s%d %s: %s", sign, x.Version, x.Path, strings.Join(x.Reasons, "; ")))
	}
	return list
}

func evaluate(t testing.TB, in *Input, lines ...string) *Result {
	t.Helper()
	r, err := mustParse(t, config(lines...)).Evaluate(in)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// expect compares a result with what show writes of it.
func expect(t *testing.T, in *Input, rules []string, want ...string) {
	t.Helper()
	if d := cmp.Diff(want, show(evaluate(t, in, rules...))); d != "" {
		t.Errorf("%v (-want +got):\n%s", rules, d)
	}
}

// kept lists the indexes of versions of which something is kept by a reason
// other than being the head.
func kept(r *Result) string {
	var b strings.Builder
	for _, x := range r.Items {
		if x.Keep && !(len(x.Reasons) == 1 && strings.HasPrefix(x.Reasons[0], "head of ")) {
			fmt.Fprintf(&b, "%d ", x.Version)
		}
	}
	return strings.TrimSpace(b.String())
}
