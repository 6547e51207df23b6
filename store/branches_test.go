package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/mstore/mstore/diff/jsonmerge"
)

func TestPreferences(t *testing.T) {
	p, err := newPreferences([]string{"**", "a/*.json"}, []string{"m", "a/**"})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]jsonmerge.Prefer{"x": jsonmerge.Ours, "m": jsonmerge.Theirs, "d/m": jsonmerge.Theirs,
		"a/x": jsonmerge.Theirs, "a/x.json": jsonmerge.Ours} {
		if got, err := p.of(path); got != want || err != nil {
			t.Errorf("%s: %v %v, want %v", path, got, err, want)
		}
	}
	if p, err = newPreferences(nil, nil); err != nil {
		t.Fatal(err)
	}
	if got, err := p.of("x"); got != jsonmerge.None || err != nil {
		t.Errorf("none: %v %v", got, err)
	}
	for _, globs := range [][2][]string{{{"**"}, {"**"}}, {{"x"}, {"*"}}} {
		if p, err = newPreferences(globs[0], globs[1]); err != nil {
			t.Fatal(err)
		}
		if _, err := p.of("x"); !errors.Is(err, ErrUsage) {
			t.Errorf("%q: %v", globs, err)
		}
	}
}

func (b *branching) moves(name string, n int) (out []string) {
	b.t.Helper()
	for m, err := range b.Reflog(b.t.Context(), name) {
		if err != nil {
			b.t.Fatal(err)
		}
		at := func(p *Position) string {
			if p == nil {
				return "-"
			}
			return p.Name
		}
		out = append(out, strings.TrimSpace(fmt.Sprintf("%d %s %s>%s %s %s", m.N, m.Kind, at(m.From), at(m.To), m.Reason, m.Who)))
		if len(out) == n {
			break
		}
	}
	return out
}

func TestReflogAndRename(t *testing.T) {
	b := newBranching(t)
	b.commit("a", "1")
	b.on("exp")
	b.commit("a", "2")
	b.on("main")
	b.merge("exp", MergeOptions{})
	b.commit("b", "3")
	if _, err := b.Revert(t.Context(), "HEAD", MergeOptions{Commit: CommitOptions{Author: "tester"}}); err != nil {
		t.Fatal(err)
	}
	b.on("exp")
	b.commit("c", "4")
	if _, err := b.CherryPick(t.Context(), "main~1", MergeOptions{Commit: CommitOptions{Author: "tester", Message: "picked"}}); err != nil {
		t.Fatal(err)
	}
	b.merge("main", MergeOptions{})
	want := []string{"0 branch v4>v5 merge main (v4) into exp tester", "1 branch v3>v4 cherry-pick: picked tester",
		"2 branch v2>v3 commit: c 4 tester", "3 branch v1>v2 commit: a 2 tester", "4 branch ->v1 made"}
	if d := gocmp.Diff(want, b.moves("exp", 0)); d != "" {
		t.Error(d)
	}
	want = []string{"0 branch v3>v4 revert v3: b 3 tester", "1 branch v2>v3 commit: b 3 tester", "2 branch v1>v2 merge exp: fast-forward from v1"}
	if d := gocmp.Diff(want, b.moves("main", 3)); d != "" {
		t.Error(d)
	}
	for _, m := range b.moves("exp", 0) { // NAME@{N} is what the reflog says
		var n int
		var kind, fromTo string
		if _, err := fmt.Sscan(m, &n, &kind, &fromTo); err != nil {
			t.Fatal(err)
		}
		v, err := b.Show(t.Context(), fmt.Sprintf("exp@{%d}", n))
		if err != nil || !strings.HasSuffix(fromTo, ">"+v.Name) {
			t.Errorf("exp@{%d} is %v %v, the reflog says %s", n, v, err, fromTo)
		}
	}

	number := func() uint64 {
		sn, err := b.load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return sn.st.Number
	}
	if _, err := b.SetUpstream(t.Context(), "main", "exp"); err != nil {
		t.Fatal(err)
	}
	before := number()
	n, err := b.RenameBranch(t.Context(), "", "wide")
	if err != nil || n.Name != "wide" || !n.Current || number() != before+1 {
		t.Errorf("%+v %v, %d entries", n, err, number()-before)
	}
	if names, err := b.Names(t.Context(), Branch); err != nil || len(names) != 2 || names[0].Upstream.Name != "wide" {
		t.Errorf("%+v %v", names, err)
	}
	if got := b.moves("exp", 1); !slices.Equal(got, []string{"0 branch v5>- renamed to wide"}) {
		t.Errorf("%q", got)
	}
	if got := b.moves("", 0); !slices.Equal(got, []string{"0 branch ->v5 renamed from exp"}) {
		t.Errorf("%q", got)
	}
	if v := b.commit("d", "5"); v.Branch != "wide" || v.Name != "v6" {
		t.Errorf("%s on %s", v.Name, v.Branch)
	}
	for _, c := range []struct {
		old, name string
		want      error
	}{{"nobody", "x", ErrNotFound}, {"main", "WIDE", ErrConflict}, {"main", "a:b", ErrUsage}} {
		if _, err := b.RenameBranch(t.Context(), c.old, c.name); !errors.Is(err, c.want) {
			t.Errorf("%s to %s: %v", c.old, c.name, err)
		}
	}
	if n, err := b.RenameBranch(t.Context(), "wide", "Wide"); err != nil || n.Name != "Wide" { // the case alone
		t.Errorf("%v", err)
	}
	mustFsck(t, b.Store)
}

// The first moves of a long history are told without reading it.
func TestReflogReadsLittle(t *testing.T) {
	b := newBranching(t)
	for i := range 20 {
		b.commit("a", fmt.Sprint(i))
	}
	for range 3 {
		sn, err := b.load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.j.Fold(t.Context(), sn.st, b.packSet(sn.st)); err != nil {
			t.Fatal(err)
		}
		for i := range 200 {
			if _, err := b.SetName(t.Context(), Alias, fmt.Sprintf("p%d", i%2), "v1", false); err != nil {
				t.Fatal(err)
			}
			if err := b.DeleteName(t.Context(), Alias, fmt.Sprintf("p%d", i%2), false); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := b.moves("p1", 3); len(got) != 3 || !strings.HasPrefix(got[0], "0 alias v1>- deleted") {
		t.Errorf("%q", got)
	}
	if got := b.moves("main", 2); !slices.Equal(got, []string{"0 branch v19>v20 commit: a 19 tester", "1 branch v18>v19 commit: a 18 tester"}) {
		t.Errorf("%q", got)
	}
}

func TestSwitch(t *testing.T) {
	b := newBranching(t)
	if res, err := b.Switch(t.Context(), SwitchOptions{Branch: "trunk", Create: true}); err != nil || !res.Switched || res.Version != nil {
		t.Fatalf("%+v %v", res, err)
	}
	if v := b.commit("a", "1"); v.Branch != "trunk" {
		t.Errorf("on %s", v.Branch)
	}
	write(t, b.m, "a", []byte("unsaved"))
	b.on("exp")
	if string(read(t, b.m, "a")) != "unsaved" {
		t.Error("what was not saved was taken back by a branch with the same models")
	}
	b.commit()
	write(t, b.m, "a", []byte("unsaved again"))
	res, err := b.Switch(t.Context(), SwitchOptions{Branch: "trunk"})
	if err != nil || res.SafetyName == "" || string(read(t, b.m, "a")) != "1" {
		t.Errorf("%+v %v", res, err)
	}
	for _, c := range []struct {
		o    SwitchOptions
		want error
	}{{SwitchOptions{Branch: "nobody"}, ErrNotFound}, {SwitchOptions{Branch: "exp", Create: true}, ErrConflict}, {SwitchOptions{Branch: "x", Create: true, Rev: "v9"}, ErrNotFound},
		{SwitchOptions{Branch: "a:b", Create: true}, ErrUsage}, {SwitchOptions{Branch: res.SafetyName}, ErrNotFound}} {
		if _, err := b.Switch(t.Context(), c.o); !errors.Is(err, c.want) {
			t.Errorf("%+v: %v", c.o, err)
		}
	}
	mustFsck(t, b.Store)
}
