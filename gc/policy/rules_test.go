package policy

import (
	"fmt"
	"math"
	"testing"
	"time"
)

func TestCounts(t *testing.T) {
	in := days(5).input()
	for _, c := range []struct{ rule, kept string }{
		{"keep-last 1", "4"}, {"keep-last 3", "2 3 4"}, {"keep-last 5", "0 1 2 3 4"}, {"keep-last 99", "0 1 2 3 4"},
		{"keep-daily 2", "3 4"}, {"keep-hourly 2", "3 4"}, {"keep-yearly 3", "4"}, {"keep-monthly 1", "4"},
		// Wednesday to Sunday are one week.
		{"keep-weekly 3", "4"},
	} {
		if got := kept(evaluate(t, in, c.rule)); got != c.kept {
			t.Errorf("%s keeps %s, want %s", c.rule, got, c.kept)
		}
	}
}

func TestCalendar(t *testing.T) {
	at := func(s string) time.Time {
		x, err := time.Parse("2006-01-02T15:04:05", s)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	times := []string{
		0: "1969-12-28T23:59:59", // a Sunday before 1970
		1: "1969-12-29T00:00:00",
		2: "2024-12-29T10:00:00", // Sunday of 2024-W52
		3: "2024-12-30T10:00:00", // Monday of 2025-W01
		4: "2025-01-05T23:59:59",
		5: "2025-01-06T00:00:00",
		6: "2025-01-06T00:59:59",
		7: "2025-01-06T01:00:00",
		8: "2025-02-01T00:00:00",
	}
	h := &history{}
	for i, s := range times {
		h.commit("main", at(s), fmt.Sprintf("a=a%d", i))
	}
	for _, c := range []struct{ rule, kept string }{
		{"keep-hourly 100", "0 1 2 3 4 6 7 8"},
		{"keep-hourly 3", "6 7 8"},
		{"keep-daily 100", "0 1 2 3 4 7 8"},
		{"keep-weekly 100", "0 1 2 4 7 8"},
		{"keep-weekly 3", "4 7 8"},
		{"keep-monthly 100", "1 3 7 8"},
		{"keep-yearly 100", "1 3 8"},
		{"keep-yearly 2", "3 8"},
	} {
		if got := kept(evaluate(t, h.input(), c.rule)); got != c.kept {
			t.Errorf("%s keeps %s, want %s", c.rule, got, c.kept)
		}
	}
	// Hours are those of UTC, wherever the version was made.
	east := time.FixedZone("east", 5*3600+1800)
	h = &history{}
	h.commit("main", time.Date(2025, 1, 1, 5, 15, 0, 0, east), "a=1") // 23:45 of the day before
	h.commit("main", time.Date(2025, 1, 1, 5, 29, 0, 0, east), "a=2") // 23:59
	h.commit("main", time.Date(2025, 1, 1, 5, 30, 0, 0, east), "a=3") // 00:00
	for _, rule := range []string{"keep-hourly 9", "keep-daily 9", "keep-monthly 9", "keep-yearly 9"} {
		if got := kept(evaluate(t, h.input(), rule)); got != "1 2" {
			t.Errorf("%s keeps %s", rule, got)
		}
	}
}

func TestClockGoesBack(t *testing.T) {
	// Days 3, 1, 2, 1, 3: the newest of each day counts, however they are mixed.
	h := &history{}
	for i, d := range []int{3, 1, 2, 1, 3} {
		h.commit("main", noon.AddDate(0, 0, d), fmt.Sprintf("a=a%d", i))
	}
	if got := kept(evaluate(t, h.input(), "keep-daily 3")); got != "2 3 4" {
		t.Error(got)
	}
	// The last is dated before the others, so that they are from the future.
	h.commit("main", noon, "a=last")
	expect(t, h.input(), []string{"keep-daily 1"}, "0 a: from the future", "1 a: from the future", "2 a: from the future",
		"3 a: from the future", "4 a: from the future", "5 a: daily 1; head of main")
}

func TestWithin(t *testing.T) {
	h := &history{}
	h.commit("main", noon, "a=1", "b=1b", "c=1c")
	h.commit("main", noon.Add(1*time.Hour), "a=2", "b=2b")
	h.commit("main", noon.Add(2*time.Hour), "a=3")
	h.commit("main", noon.Add(3*time.Hour), "a=4")
	in := h.input()
	for _, c := range []struct{ d, kept string }{
		{"1s", "0 1 2 3"}, // what was in force when the newest came: c of 0, b of 1, a of 2
		{"59m", "0 1 2 3"}, {"1h", "0 1 2 3"}, {"61m", "0 1 1 2 3"}, {"2h", "0 1 1 2 3"},
		{"2h1s", "0 0 0 1 1 2 3"},
	} {
		if got := kept(evaluate(t, in, "keep-within "+c.d)); got != c.kept {
			t.Errorf("within %s: %s, want %s", c.d, got, c.kept)
		}
	}
	// A version at the very beginning of the window ends its predecessor.
	expect(t, days(3).input(), []string{"keep-within 1d"},
		"-0 a: not kept by keep-within 1d", "1 a: within 1d", "2 a: within 1d; head of main")
	expect(t, days(3).input(), []string{"keep-within 1d1s"},
		"0 a: within 1d1s", "1 a: within 1d1s", "2 a: within 1d1s; head of main")
	// The head of a branch that rests is in force still.
	h = days(1)
	h.fork("rest", "main")
	h.commit("rest", noon, "a=r")
	h.commit("main", noon.AddDate(1, 0, 0), "a=new")
	expect(t, h.input("main", "rest"), []string{"keep-within 1h"},
		"0 a: within 1h", "1 a: within 1h; head of rest", "2 a: within 1h; head of main")
	// When it was deleted is not known.
	expect(t, h.input("main"), []string{"keep-within 1h"},
		"0 a: within 1h", "-1 a: not kept by keep-within 1h", "2 a: within 1h; head of main")
}

func TestBest(t *testing.T) {
	h := days(8)
	for i, m := range []any{0.5, int64(1), 0.25, math.NaN(), "0.1", 0.25, int64(-1), nil} {
		if m != nil {
			h.Versions[i].Metrics = map[string]any{"loss": m}
		}
	}
	in := h.input()
	for _, c := range []struct{ rule, kept string }{
		{"loss:min", "6"}, {"loss:min:2", "5 6"}, {"loss:min:3", "2 5 6"}, {"loss:min:99", "0 1 2 5 6"},
		{"loss:max", "1"}, {"loss:max:2", "0 1"}, {"loss:max:3", "0 1 5"}, {"loss:max:2,loss:min:1", "0 1 6"},
		{"other:max:2", ""},
	} {
		if got := kept(evaluate(t, in, "keep-best "+c.rule)); got != c.kept {
			t.Errorf("best %s keeps %s, want %s", c.rule, got, c.kept)
		}
	}
	expect(t, in, []string{"keep-best loss:max,loss:min:3"},
		"-0 a: not kept by keep-best loss:max:1,loss:min:3", "1 a: best loss (max) 1: 1", "2 a: best loss (min) 3: 0.25",
		"-3 a: not kept by keep-best loss:max:1,loss:min:3", "-4 a: not kept by keep-best loss:max:1,loss:min:3",
		"5 a: best loss (min) 3: 0.25", "6 a: best loss (min) 3: -1", "7 a: head of main")
	// Integers that are the same float, infinities, and the two zeros.
	h = days(6)
	for i, m := range []any{int64(1<<53 + 1), float64(1 << 53), math.Inf(-1), math.Inf(1), 0.0, math.Copysign(0, -1)} {
		h.Versions[i].Metrics = map[string]any{"m": m}
	}
	expect(t, h.input(), []string{"keep-best m:max:2,m:min:2"},
		"0 a: best m (max) 2: 9007199254740993", "-1 a: not kept by keep-best m:max:2,m:min:2", "2 a: best m (min) 2: -Inf",
		"3 a: best m (max) 2: +Inf", "-4 a: not kept by keep-best m:max:2,m:min:2", "5 a: best m (min) 2: 0; head of main")
}

func TestWhere(t *testing.T) {
	h := &history{}
	h.commit("main", noon, "a=1", "b=1b", "c=1c")
	h.commit("main", noon, "b=2b").Metrics = map[string]any{"acc": 0.95}
	h.commit("main", noon, "a=3", "-c")
	v := h.commit("main", noon, "a=4")
	v.Tags, v.Aliases, v.Source = []string{"x", "rel"}, []string{"next", "live"}, "train.py"
	h.commit("main", noon, "a=5", "b=5b")
	in := h.input()
	// The whole version stays: the contents that it took over too.
	expect(t, in, []string{"keep-where metrics.acc>=0.9"}, "0 a: where metrics.acc >= 0.9", "-0 b: not kept by keep-where metrics.acc >= 0.9",
		"0 c: where metrics.acc >= 0.9", "1 b: where metrics.acc >= 0.9", "-2 a: not kept by keep-where metrics.acc >= 0.9",
		"-3 a: not kept by keep-where metrics.acc >= 0.9", "4 a: head of main", "4 b: head of main")
	for where, want := range map[string]string{
		"version = 1": "0 0 0", "branch = 'x'": "", "tag = 'rel'": "1 3", "tag = 'x' and alias = 'live'": "1 3", "source like 'train*'": "1 3",
		"not tag like '*'": "0 0 0 1 2 4 4", "time = '2025-01-15' and version = 3": "1 2", "author = 'x'": "", "models > 0 or size > 0": "",
		"params.x = 1": "",
	} {
		if got := kept(evaluate(t, in, "keep-where "+where)); got != want {
			t.Errorf("where %s keeps %s, want %s", where, got, want)
		}
	}
}

func TestNeverBelow(t *testing.T) {
	in := days(4).input()
	expect(t, in, []string{"keep-within 1h", "never-below 3"}, "-0 a: not kept by keep-within 1h, never-below 3",
		"1 a: never below 3", "2 a: within 1h; never below 3", "3 a: within 1h; never below 3; head of main")
	// By itself it lets nothing go.
	expect(t, in, []string{"never-below 1"}, "0 a: no policy", "1 a: no policy", "2 a: no policy", "3 a: never below 1; no policy; head of main")
}

func TestReasonsAreComplete(t *testing.T) {
	h := days(2)
	h.Versions[1].Metrics = map[string]any{"loss": 0.0123}
	h.Pins = []Pin{{1, "", "tag release"}, {1, "a", "hold"}, {1, "", "tag release"}, {1, "", "last 3"}, {0, "b", "nothing"}, {0, "", ""}}
	expect(t, h.input(), []string{"keep-last 3", "keep-within 30m", "keep-daily 1", "keep-best loss:min", "keep-where metrics.loss < 1", "never-below 1"},
		"0 a: last 3; within 30m; pinned",
		"1 a: last 3; within 30m; daily 1; best loss (min) 1: 0.0123; where metrics.loss < 1; never below 1; hold; tag release; head of main")
}

// More reasons than a mask has bits.
func TestManyReasons(t *testing.T) {
	h := days(1)
	var lines []string
	for i := range 100 {
		b := fmt.Sprintf("b%03d", i)
		h.fork(b, "main")
		lines = append(lines, fmt.Sprintf("branch.%s.keep-last %d", b, i+1))
	}
	h.Heads = nil
	in := &h.Input
	for i := range 100 {
		in.Heads = append(in.Heads, Head{fmt.Sprintf("b%03d", i), 0})
	}
	r := evaluate(t, in, lines...)
	if len(r.Items) != 1 || len(r.Items[0].Reasons) != 200 || r.Items[0].Reasons[100] != "head of b000" || r.Items[0].Reasons[199] != "head of b099" {
		t.Error(show(r))
	}
}
