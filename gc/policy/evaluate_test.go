package policy

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestNoPolicy(t *testing.T) {
	h := days(2)
	expect(t, h.input(), nil, "0 a: no policy", "1 a: no policy; head of main")
	expect(t, &Input{}, nil)
	expect(t, h.input("main"), []string{"keep-last 0", "keep-within off"}, "0 a: no policy", "1 a: no policy; head of main")
	// Deleted branches are under the empty policy as well.
	in := h.input("main")
	in.Heads = nil
	expect(t, in, nil, "0 a: no policy", "1 a: no policy")
}

func TestInForceAtHead(t *testing.T) {
	h := &history{}
	h.commit("main", noon, "a=1", "b=2", "c=3", "d=4!")
	h.commit("main", noon, "a=5", "-b", "c=6!")
	h.commit("main", noon, "b=7")
	h.commit("main", noon)
	rule := []string{"keep-where version = 99"}
	no := ": not kept by keep-where version = 99"
	expect(t, h.input(), rule, "-0 a"+no, "-0 b"+no, "-0 c"+no, "1 a: head of main", "2 b: head of main")
}

// An item whose content is gone takes up no place.
func TestGone(t *testing.T) {
	h := &history{}
	h.commit("main", noon, "a=1")
	h.commit("main", noon, "a=2!")
	h.commit("main", noon, "a=3")
	expect(t, h.input(), []string{"keep-last 2"}, "0 a: last 2", "2 a: last 2; head of main")
}

func TestOnlyChangesCount(t *testing.T) {
	h := &history{}
	h.commit("main", noon, "a=1", "b=1b")
	for i := range 5 {
		h.commit("main", noon, fmt.Sprintf("b=%dx", i))
	}
	expect(t, h.input(), []string{"keep-last 1"}, "0 a: last 1; head of main", "-0 b: not kept by keep-last 1", "-1 b: not kept by keep-last 1",
		"-2 b: not kept by keep-last 1", "-3 b: not kept by keep-last 1", "-4 b: not kept by keep-last 1", "5 b: last 1; head of main")
}

func TestForks(t *testing.T) {
	h := &history{}
	h.commit("main", noon, "a=1", "b=1b")
	h.commit("main", noon, "a=2")
	h.fork("exp", "main")
	h.commit("main", noon, "a=3")
	h.commit("exp", noon, "a=4")
	h.commit("main", noon, "a=5", "b=5b")
	// b of 0 is in force on exp; 1 is the second newest a of exp but the third of main.
	expect(t, h.input(), []string{"keep-last 2"}, "-0 a: not kept by keep-last 2", "0 b: last 2; head of exp", "1 a: last 2",
		"2 a: last 2", "3 a: last 2; head of exp", "4 a: last 2; head of main", "4 b: last 2; head of main")
}

func TestBranchAtOldVersion(t *testing.T) {
	h := days(4)
	h.heads["old"] = 1
	in := h.input("main")
	in.Heads = append(in.Heads, Head{"old", 1})
	expect(t, in, []string{"keep-last 1"}, "-0 a: not kept by keep-last 1", "1 a: last 1; head of old",
		"-2 a: not kept by keep-last 1", "3 a: last 1; head of main")
}

func TestDeletedBranches(t *testing.T) {
	h := days(2)
	h.fork("gone", "main")
	h.commit("gone", noon, "a=g1")
	h.commit("gone", noon, "a=g2")
	h.commit("main", noon.AddDate(0, 0, 3), "a=m")
	rules := []string{"keep-where version = 99", "branch.gone.keep-last 1"}
	// The branch's rules apply to what is left of it, without a head.
	expect(t, h.input("main"), rules, "-0 a: not kept by keep-last 1, keep-where version = 99", "-1 a: not kept by keep-last 1, keep-where version = 99",
		"-2 a: not kept by keep-last 1, keep-where version = 99", "3 a: last 1", "4 a: head of main")
	// What the policy says of others does not.
	expect(t, h.input("main"), []string{"keep-last 1", "branch.gone.keep-last off", "branch.gone.keep-where version = 99"},
		"-0 a: not kept by keep-last 1, keep-where version = 99", "-1 a: not kept by keep-last 1, keep-where version = 99",
		"-2 a: not kept by keep-where version = 99", "-3 a: not kept by keep-where version = 99", "4 a: last 1; head of main")
}

func TestPins(t *testing.T) {
	h := &history{}
	h.commit("main", noon, "a=1", "b=1b")
	h.commit("main", noon, "a=2")
	h.commit("main", noon, "a=3", "-b")
	h.commit("main", noon, "a=4")
	no := ": not kept by keep-last 1"
	in := h.input()
	in.Pins = []Pin{{1, "", "tag release"}}
	expect(t, in, []string{"keep-last 1"}, "-0 a"+no, "0 b: last 1; tag release", "1 a: tag release", "-2 a"+no, "3 a: last 1; head of main")
	in.Pins = []Pin{{0, "a", "hold"}, {2, "b", "hold on nothing"}, {2, "c", "hold on no path"}}
	expect(t, in, []string{"keep-last 1"}, "0 a: hold", "0 b: last 1", "-1 a"+no, "-2 a"+no, "3 a: last 1; head of main")
}

func TestSafety(t *testing.T) {
	h := days(1)
	s := h.add("", 0, noon.AddDate(1, 0, 0), "a=s", "b=sb")
	h.Versions[s].Safety = true
	h.commit("main", noon.AddDate(0, 0, 1), "a=2")
	in := h.input("main")
	in.SafetyReason = "safety version older than 30 days"
	// Under no rule, and not the reference; neither is it from the future.
	for _, rule := range []string{"never-below 9", "keep-last 9", "keep-within 9y", "keep-where version > 0"} {
		r := evaluate(t, in, rule)
		if got := show(r)[1:3]; got[0] != "-1 a: safety version older than 30 days" || got[1] != "-1 b: safety version older than 30 days" {
			t.Error(rule, got)
		}
		if !r.Reference.Equal(noon.AddDate(0, 0, 1)) {
			t.Error(r.Reference)
		}
	}
	in.Pins = []Pin{{1, "", "safety version of today"}}
	expect(t, in, nil, "0 a: no policy", "1 a: safety version of today", "1 b: safety version of today", "2 a: no policy; head of main")
	in.Pins = []Pin{{1, "b", "hold"}}
	in.SafetyReason = ""
	expect(t, in, nil, "0 a: no policy", "-1 a: safety version", "1 b: hold", "2 a: no policy; head of main")
	// The reference is the same where it is the last version.
	h2 := days(1)
	h2.Versions[h2.add("", 0, noon.AddDate(1, 0, 0), "a=s")].Safety = true
	if r := evaluate(t, h2.input("main")); !r.Reference.Equal(noon) {
		t.Error(r.Reference)
	}
	// A branch made of it makes it an ordinary version.
	in.Heads = append(in.Heads, Head{"rescue", 1})
	in.Pins = nil
	expect(t, in, []string{"keep-last 1"}, "-0 a: not kept by keep-last 1", "1 a: last 1; from the future; head of rescue",
		"1 b: last 1; from the future; head of rescue", "2 a: last 1; head of main")
	// So does a deleted one.
	in.Heads = in.Heads[:1]
	h.heads["rescue"] = 1
	h.commit("rescue", noon, "b=r")
	in.Versions = h.Versions
	expect(t, in, []string{"keep-last 1"}, "-0 a: not kept by keep-last 1", "1 a: last 1; from the future",
		"1 b: from the future", "2 a: last 1; from the future; head of main", "3 b: last 1")
}

func TestFromTheFuture(t *testing.T) {
	h := &history{}
	h.commit("main", noon, "a=1", "b=1b")
	h.commit("main", noon.AddDate(80, 0, 0), "a=2")
	h.commit("main", noon.AddDate(0, 0, 1), "a=3", "b=3b")
	h.commit("main", noon.AddDate(0, 0, 2), "a=4", "b=4b")
	// It neither moves the window nor uses up a year, and stays whole. By its
	// date what came before it was in force until now.
	expect(t, h.input(), []string{"keep-within 1h", "keep-yearly 2"},
		"0 a: within 1h", "0 b: within 1h; from the future",
		"1 a: from the future", "2 a: within 1h", "2 b: within 1h", "3 a: within 1h; yearly 2; head of main", "3 b: within 1h; yearly 2; head of main")
	in := h.input()
	in.Now = noon.AddDate(90, 0, 0)
	r := evaluate(t, in, "keep-within 1h", "keep-yearly 2")
	if got := kept(r); got != "1 3 3" || !r.Reference.Equal(in.Now) {
		t.Error(show(r))
	}
}

func TestSameContent(t *testing.T) {
	h := &history{}
	h.commit("main", noon, "a=x", "b=y", "c=z")
	h.commit("main", noon, "a=q", "b=x", "c=zz")
	h.commit("main", noon, "a=x", "b=y")
	h.fork("exp", "main")
	h.commit("exp", noon, "b=z")
	h.commit("main", noon, "b=yy")
	expect(t, h.input(), []string{"keep-last 1"},
		"0 a: same content as v3", "-0 b: not kept by keep-last 1", "0 c: same content as exp@v4:b",
		"-1 a: not kept by keep-last 1", "1 b: same content as v3:a", "1 c: last 1; head of exp; head of main",
		"2 a: last 1; head of exp; head of main", "-2 b: not kept by keep-last 1", "3 b: last 1; head of exp", "4 b: last 1; head of main")
}

func TestSameContentAsSafetyVersion(t *testing.T) {
	h := &history{}
	h.commit("main", noon, "a=x")
	h.Versions[h.add("", 0, noon, "a=y")].Safety = true
	h.commit("main", noon, "a=y")
	h.commit("main", noon, "a=z")
	in := h.input("main")
	in.Pins = []Pin{{1, "", "safety version of today"}}
	expect(t, in, []string{"keep-last 1"}, "-0 a: not kept by keep-last 1", "1 a: safety version of today",
		"2 a: same content as safety version v2", "3 a: last 1; head of main")
}

func TestExpiredBlobs(t *testing.T) {
	h := &history{}
	for _, c := range []string{"a=xx", "a=yyy", "a=xx", "a=z", "a=yyy"} {
		h.commit("main", noon, c)
	}
	want := []Blob{{blobOf("xx"), 2}, {blobOf("z"), 1}}
	if d := cmp.Diff(want, evaluate(t, h.input(), "keep-last 1").Expired()); d != "" {
		t.Error(d)
	}
	if got := evaluate(t, h.input()).Expired(); got != nil {
		t.Error(got)
	}
}

func TestLevels(t *testing.T) {
	h := &history{}
	for i := range 4 {
		h.commit("main", noon, fmt.Sprintf("live/m.json=l%d", i), fmt.Sprintf("m.json=j%d", i), fmt.Sprintf("x.bin=b%d", i))
	}
	h.fork("scratch/1", "main")
	for i := range 3 {
		h.commit("scratch/1", noon, fmt.Sprintf("m.json=s%d", i), fmt.Sprintf("x.bin=t%d", i))
	}
	counts := func(rules ...string) string {
		n := map[string]int{}
		for _, x := range evaluate(t, h.input("main", "scratch/1"), rules...).Items {
			if x.Keep {
				n[fmt.Sprintf("%s@%s", x.Path, h.Versions[x.Version].Branch)]++
			}
		}
		return fmt.Sprint(n["live/m.json@main"], n["m.json@main"], n["x.bin@main"], n["m.json@scratch/1"], n["x.bin@scratch/1"])
	}
	for _, c := range []struct {
		want  string
		rules []string
	}{
		{"2 2 2 2 2", []string{"keep-last 2"}},
		{"3 3 2 3 2", []string{"keep-last 2", "model.*.json.keep-last 3"}},
		{"1 3 2 3 2", []string{"keep-last 2", "model.*.json.keep-last 3", "model.live/**.keep-last 1"}},         // longer
		{"4 3 2 3 2", []string{"keep-last 2", "model.*.json.keep-last 3", "model.live/m*.keep-last off"}},       // nothing set: all
		{"3 3 2 1 1", []string{"keep-last 2", "model.*.json.keep-last 3", "branch.scratch/*.keep-last 1"}},      // branch over model
		{"2 2 2 1 1", []string{"keep-last 2", "branch.scratch/*.keep-last 1", "branch.scratch/?.keep-daily 0"}}, // other rules stay
		{"2 2 2 2 2", []string{"keep-last 2", "branch.s*.keep-last 1"}},                                         // the whole name
		{"1 1 1 1 1", []string{"keep-last 2", "branch.**.keep-last 1"}},
		{"4 4 1 3 1", []string{"branch.*.keep-last 1", "branch.*.keep-within off", "branch.scratch/*.keep-last 1", "model.*.json.keep-where version > 0"}},
		{"4 4 4 1 1", []string{"branch.scratch/*.keep-last 1"}},
	} {
		if got := counts(c.rules...); got != c.want {
			t.Errorf("%v: %s, want %s", c.rules, got, c.want)
		}
	}
	// Equally long: the first in text order.
	if got := counts("model.?.json.keep-last 1", "model.m.jso?.keep-last 4", "model.*.json.keep-last 2"); got != "2 2 4 2 3" {
		t.Error(got)
	}
}

func TestExpiredBranches(t *testing.T) {
	h := days(1)
	for _, b := range []string{"scratch/a", "scratch/b", "other", "keep/c"} {
		h.fork(b, "main")
	}
	h.commit("scratch/a", noon, "a=1")
	h.commit("other", noon, "a=2")
	h.commit("keep/c", noon, "a=3")
	h.commit("scratch/b", noon.Add(time.Second), "a=4")
	h.commit("main", noon.AddDate(0, 0, 7), "a=5")
	in := h.input("scratch/a", "scratch/b", "other", "keep/c", "main")
	names := func(current string, lines ...string) string {
		text := ""
		for _, x := range mustParse(t, config(lines...)).ExpiredBranches(in, current) {
			text += x.Branch + " "
		}
		return text
	}
	for _, c := range []struct{ current, lines, want string }{
		{"main", "branch.scratch/*.ttl 6d", "scratch/a scratch/b "},
		{"main", "branch.scratch/*.ttl 7d", ""}, // not more than that
		{"main", "branch.scratch/*.ttl 167h59m59s", "scratch/a "},
		{"scratch/a", "branch.scratch/*.ttl 6d", "scratch/b "},
		{"", "branch.**.ttl 6d", "scratch/a scratch/b other keep/c "},
		{"", "branch.**.ttl off", ""},
	} {
		if got := names(c.current, c.lines); got != c.want {
			t.Errorf("%v: %q", c, got)
		}
	}
	if got := names("", "branch.**.ttl 6d", "branch.keep/*.ttl off", "branch.scratch/a.ttl 1y"); got != "scratch/b other " {
		t.Error(got)
	}
	in.Now = noon.AddDate(-1, 0, 0)
	if got := names("", "branch.**.ttl 1s"); got != "" {
		t.Error(got)
	}
}

func TestBadInput(t *testing.T) {
	for i, in := range []*Input{
		{Versions: []Version{{Parent: 0}}}, {Versions: []Version{{Parent: -2}}}, {Versions: []Version{{Parent: -1, Merged: []int{0}}}}, {Heads: []Head{{"main", 0}}},
		{Heads: []Head{{"main", -1}}}, {Pins: []Pin{{Version: 0}}}, {Pins: []Pin{{Version: -1}}},
	} {
		if _, err := new(Policy).Evaluate(in); err == nil {
			t.Error(i)
		}
	}
}
