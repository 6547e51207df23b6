package policy

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mstore/mstore/internal/expr"
)

func TestParseErrors(t *testing.T) {
	for _, c := range []struct {
		key, value, text string
		pos              int
	}{
		{"keep-last", "", `keep-last: "": want a number, 0 or more`, -1},
		{"keep-last", "-1", `keep-last: "-1" at character 1: want a whole number, 0 or more`, 0},
		{"keep-last", " 1.5", `keep-last: " 1.5" at character 3: want a whole number, 0 or more`, 2},
		{"keep-daily", "3000000000", `keep-daily: "3000000000" at character 1: the number is larger than 2147483647`, 0},
		{"never-below", "x", `never-below: "x" at character 1: want a whole number, 0 or more`, 0},
		{"keep-within", "30x", `keep-within: "30x" at character 3: unknown unit "x", want s, m, h, d, w, mo or y`, 2},
		{"keep-within", "1y6mox", `keep-within: "1y6mox" at character 4: unknown unit "mox", want s, m, h, d, w, mo or y`, 3},
		{"keep-within", "30", `keep-within: "30" at character 3: want a unit (s, m, h, d, w, mo or y)`, 2},
		{"keep-within", "-30d", `keep-within: "-30d" at character 1: want a whole number and a unit (s, m, h, d, w, mo or y)`, 0},
		{"keep-within", "1.5d", `keep-within: "1.5d" at character 2: unknown unit ".", want s, m, h, d, w, mo or y`, 1},
		{"keep-within", "1d2d", `keep-within: "1d2d" at character 4: unit d twice`, 3},
		{"keep-within", "99999999999999999999d", `keep-within: "99999999999999999999d" at character 1: the number is too large`, 0},
		{"keep-within", "200y93y", `keep-within: "200y93y" at character 7: unit y twice`, 6},
		{"keep-within", "200y4900w", `keep-within: "200y4900w" at character 5: the duration is longer than 292 years`, 4},
		{"keep-within", " ", `keep-within: " ": want a duration, such as 30d`, -1},
		{"keep-best", "", `keep-best: "" at character 1: want METRIC:min or METRIC:max, and perhaps :N`, 0},
		{"keep-best", "loss", `keep-best: "loss" at character 1: want METRIC:min or METRIC:max, and perhaps :N`, 0},
		{"keep-best", ":min", `keep-best: ":min" at character 1: the name of the metric is missing`, 0},
		{"keep-best", "loss:min,", `keep-best: "loss:min," at character 10: want METRIC:min or METRIC:max, and perhaps :N`, 9},
		{"keep-best", "loss:least", `keep-best: "loss:least" at character 6: want min or max, or a number after it, found "least"`, 5},
		{"keep-best", "a:max, loss:min:0", `keep-best: "a:max, loss:min:0" at character 17: want 1 or more; to keep none leave loss:min out`, 16},
		{"keep-best", "loss:min:-2", `keep-best: "loss:min:-2" at character 10: want min or max, or a number after it, found "-2"`, 9},
		{"keep-best", "loss:min:1,loss:min:2", `keep-best: "loss:min:1,loss:min:2" at character 12: loss:min is there twice`, 11},
		{"keep-best", "a\nb:min", `keep-best: "a\nb:min" at character 1: the name of the metric holds a control character`, 0},
		{"keep-where", "", `keep-where: "" at character 1: expected a field, found the end`, 0},
		{"keep-where", "version >", `keep-where: "version >" at character 10: expected a value, found the end`, 9},
		{"keep-where", "version > 1 and age < 3d", `keep-where: "version > 1 and age < 3d" at character 17: no field age`, 16},
		{"keep-where", "author < 3", `keep-where: "author < 3" at character 1: author is a string, and 3 is not`, 0},
		{"ttl", "7d", `ttl: "7d": ttl is of branches only: gc.branch.GLOB.ttl`, -1},
		{"model.*.json.ttl", "7d", `ttl: "7d": ttl is of branches only: gc.branch.GLOB.ttl`, -1},
		{"branch.x.ttl", "7", `ttl: "7" at character 2: want a unit (s, m, h, d, w, mo or y)`, 1},
		{"branch.x.", "7", `: there is no such rule`, -1},
		{"branch.x", "7", `gc.branch.x: "7": want gc.branch.GLOB.RULE`, -1},
		{"branch..ttl", "7d", `gc.branch..ttl: "7d": want gc.branch.GLOB.RULE`, -1},
		{"model.keep-last", "7", `gc.model.keep-last: "7": want gc.model.GLOB.RULE`, -1},
		{"model.[.keep-last", "7", `keep-last: "[": this is not a pattern`, -1},
		{"branch.a\nb.keep-last", "7", `keep-last: "a\nb": this is not a pattern`, -1},
		{"model.*.json.keep-lots", "7", `keep-lots: "7": there is no such rule; there are keep-last, keep-within,`, -1},
		{"keep-lots", "7", `keep-lots: "7": there is no such rule`, -1},
	} {
		key := "gc." + c.key
		if !IsRule(key) {
			t.Errorf("%s is no rule", key)
		}
		err := CheckSetting(key, c.value)
		var bad *SyntaxError
		if !errors.As(err, &bad) || bad.Pos != c.pos || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s %q: %v (%#v); want %s, at %d", key, c.value, err, bad, c.text, c.pos)
			continue
		}
		_, err = Parse(map[string]string{key: c.value})
		if !errors.As(err, &bad) || !strings.HasPrefix(err.Error(), "setting "+key+": ") {
			t.Errorf("Parse: %v", err)
		}
	}
	var field *expr.FieldError
	if err := CheckSetting("gc.keep-where", "metric.loss < 1"); !errors.As(err, &field) || field.Field != "metric.loss" {
		t.Error(err)
	}
	var syntax *expr.SyntaxError
	if err := CheckSetting("gc.keep-where", "version <"); !errors.As(err, &syntax) {
		t.Error(err)
	}
}

func TestIsRule(t *testing.T) {
	for _, key := range []string{"gc.keep-last", "gc.never-below", "gc.ttl", "gc.keep-new", "gc.model.*.json.keep-last", "gc.branch.x", "gc.never-ever"} {
		if !IsRule(key) {
			t.Error(key)
		}
	}
	for _, key := range []string{"", "gc", "gc.", "gc.grace", "gc.auto", "gc.parity", "gc.keeper", "keep-last", "xgc.keep-last", "gc.models", "gc.branch", "user.name"} {
		if IsRule(key) {
			t.Error(key)
		}
		if err := CheckSetting(key, "nonsense"); err != nil {
			t.Error(err)
		}
	}
	p := mustParse(t, map[string]string{"gc.grace": "x", "gc.auto": "y", "user.name": "z"})
	if !p.Empty() || p.String() != "no policy" {
		t.Error(p)
	}
}

func TestString(t *testing.T) {
	p := mustParse(t, config("keep-within  30d ", "keep-last 010", "branch.scratch/*.ttl 2w", "branch.exp.never-below 3", "keep-best a:b:max , loss:min:3",
		"model.live/**.keep-last 0", "model.*.v1.json.keep-where metrics.acc>.9 AND (author='a\nb')", "model.live/**.keep-within 0d", "keep-daily off"))
	want := "keep-last 10, keep-within 30d, keep-daily off, keep-best a:b:max:1,loss:min:3; " +
		"model *.v1.json: keep-where metrics.acc > 0.9 and author = 'a b'; model live/**: keep-last off, keep-within off; " +
		"branch exp: never-below 3; branch scratch/*: ttl 2w"
	if d := cmp.Diff(want, p.String()); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"a:b", "acc", "loss"}, p.Metrics()); d != "" {
		t.Error(d)
	}
	if err := p.Set("keep-last", "3"); err != nil {
		t.Error(err)
	}
	if err := p.Set("keep-last", "x"); err == nil {
		t.Error("Set accepts x")
	}
	if err := p.Set("ttl", "3d"); err == nil {
		t.Error("Set accepts ttl")
	}
	if !strings.HasPrefix(p.String(), "keep-last 3, ") {
		t.Error(p)
	}
}

func TestEmpty(t *testing.T) {
	for _, c := range []struct {
		line  string
		empty bool
	}{
		{"never-below 3", true}, {"keep-last 0", true}, {"model.*.keep-within off", true}, {"branch.*.ttl off", true},
		{"keep-last 1", false}, {"model.*.keep-best x:min", false}, {"branch.*.keep-where version=1", false}, {"branch.*.ttl 1d", false},
	} {
		if p := mustParse(t, config(c.line)); p.Empty() != c.empty {
			t.Error(c.line)
		}
	}
	if !new(Policy).Empty() {
		t.Error("zero value")
	}
}

func TestDuration(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"0": 0, "0s": 0, "30m": 30 * time.Minute, "12h": 12 * time.Hour, "30d": 30 * day, "2w": 14 * day, "6mo": 180 * day,
		"1y6mo": 545 * day, "1mo1m": 30*day + time.Minute, " 7d\n": 7 * day, "292y": 292 * 365 * day,
	} {
		got, err := ParseDuration(s)
		if err != nil || got != want {
			t.Errorf("%s: %v %v", s, got, err)
		}
		if again, err := ParseDuration(FormatDuration(got)); err != nil || again != got {
			t.Errorf("%s: %s: %v %v", s, FormatDuration(got), again, err)
		}
	}
	for d, want := range map[time.Duration]string{0: "0s", -5: "0s", 1500 * time.Millisecond: "1s", 36 * time.Hour: "1d12h", 400*day + 61*time.Second: "400d1m1s"} {
		if got := FormatDuration(d); got != want {
			t.Errorf("%v: %s", d, got)
		}
	}
	if _, err := ParseDuration("3 d"); err == nil || err.Error() != `"3 d" at character 2: unknown unit " d", want s, m, h, d, w, mo or y` {
		t.Error(err)
	}
}

func TestGlobs(t *testing.T) {
	for _, c := range []struct {
		pattern string
		yes, no string
	}{
		{"*.json", "a.json x/y/a.json .json", "a.jsonx json x.json/a"},
		{"m", "m x/m", "m/x xm"},
		{"/m", "m", "x/m"},
		{"live/*", "live/a", "live live/a/b x/live/a"},
		{"live/", "live/a live/a/b", "live x/live/a"},
		{"live/**", "live/a live/a/b", "live xlive/a"},
		{"**/live/*", "live/a x/live/a x/y/live/a", "live live/a/b"},
		{"a/**/b", "a/b a/x/b a/x/y/b a/b/b", "a b a/b/c xa/b"},
		{"**/a/**/b*", "a/b a/a/b x/a/y/bb a/b/x/b", "a/c b"},
		{"a/**/**", "a/b a/b/c", "a b/a"},
		{"**", "a a/b", ""},
		{"[ab]?/x\\*", "a1/x* b_/x*", "c1/x* a1/xy"},
		{"é*", "é élan x/éa", "e"},
		{"a**", "a ab", "b"},
	} {
		g, err := modelGlob(c.pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range strings.Fields(c.yes) {
			if !g.match(strings.Split(name, "/")) {
				t.Errorf("%s does not match %s", c.pattern, name)
			}
		}
		for _, name := range strings.Fields(c.no) {
			if g.match(strings.Split(name, "/")) {
				t.Errorf("%s matches %s", c.pattern, name)
			}
		}
	}
}

func FuzzCheckSetting(f *testing.F) {
	for _, s := range [][2]string{
		{"gc.keep-last", "10"}, {"gc.keep-within", "1y6mo"}, {"gc.model.*.json.keep-best", "loss:min:3,a:b:max"},
		{"gc.branch.scratch/*.ttl", "30x"}, {"gc.keep-where", "metrics.a > 1 and tag like 'x*'"}, {"gc.model.[.never-below", "off"}, {"gc.grace", "1d"},
	} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, key, value string) {
		err := CheckSetting(key, value)
		p, err2 := Parse(map[string]string{key: value})
		if (err == nil) != (err2 == nil) {
			t.Fatalf("%v, but %v", err, err2)
		}
		if err != nil {
			var bad *SyntaxError
			if !errors.As(err, &bad) || bad.Pos < -1 || bad.Pos > len(bad.Value) || !IsRule(key) {
				t.Fatalf("%#v", err)
			}
			return
		}
		if text := p.String(); text == "" || strings.ContainsAny(text, "\n\r") {
			t.Fatalf("%q", text)
		}
		if !IsRule(key) {
			return
		}
		// A value's text means the same and is its own text. Of expressions
		// package expr sees to that; line ends in them are shown as spaces.
		p.each(func(s *setting) {
			again, err := parseSetting(s.rule, s.text)
			if err != nil || s.rule != keepWhere && (again.text != s.text || again.n != s.n || again.d != s.d || again.off != s.off || len(again.best) != len(s.best)) {
				t.Fatalf("%q becomes %q: %v", s.text, again.text, err)
			}
		})
		h := days(2)
		if _, err := p.Evaluate(h.input()); err != nil {
			t.Fatal(err)
		}
	})
}
