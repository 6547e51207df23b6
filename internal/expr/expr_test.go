package expr

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

// env knows every field below params. and metrics., and those that it has.
type env map[string]any

func (e env) Lookup(field string) (any, bool) {
	v, ok := e[field]
	return v, ok || strings.HasPrefix(field, "params.") || strings.HasPrefix(field, "metrics.")
}

var testEnv = env{
	"metrics.loss": 0.25, "metrics.a b": int64(7), "metrics.nan": math.NaN(), "metrics.c.d": 1.0,
	"params.opt": "adam", "params.big": int64(1<<53 + 1), "params.on": true, "params.off": false, "params.n": 3,
	"branch": "main", "author": "Ann <ann@example.org>", "message": "it's",
	"time": time.Date(2025, 11, 13, 10, 30, 0, 0, time.UTC),
	"age":  36 * time.Hour,
}

func TestEval(t *testing.T) {
	for _, c := range []struct {
		src  string
		want bool
	}{
		{`metrics.loss < 0.3`, true},
		{`metrics.loss<.3 AND metrics.loss>=2.5e-1`, true},
		{`metrics.loss == 0.25`, true},
		{`metrics.loss = 0.25 and not branch = 'exp'`, true},
		{`metrics.loss > 1 or branch = "main" and params.opt = 'sgd'`, false},
		{`(metrics.loss > 1 or branch = "main") and params.opt = 'adam'`, true},
		{`metrics."a b" = 7`, true},
		{`metrics.'a b' = 7.0`, true},
		{`metrics.c.d = 1`, true},
		{`metrics.c."d" = 1`, true},
		{`params.opt in ('sgd', 'adam')`, true},
		{`params.opt in ('sgd', 1)`, false},
		{`not params.opt in ('sgd')`, true},
		{`params.opt like 'a*m'`, true},
		{`params.opt like 'a?am'`, true},
		{`params.opt like 'ad'`, false},
		{`params.opt like '*'`, true},
		{`author ~ '@example\.org>$'`, true},
		{`author ~ "(?i)^ANN"`, true},
		{`params.on`, true},
		{`not params.off`, true},
		{`params.on = true and params.off != true`, true},
		{`params.on > false`, true},
		{`params.n = 3`, true},
		{`message = 'it\'s'`, true},
		{`params.big = 9007199254740993`, true},
		{`params.big = 9007199254740992.0`, false},
		{`params.big > 9007199254740992.0`, true},
		{`params.big < 1e300 and params.big > -1e300`, true},
		// absent, NaN, other types
		{`params.none = 1`, false},
		{`params.none != 1`, false},
		{`not params.none = 1`, true},
		{`params.none`, false},
		{`metrics.nan != 1`, false},
		{`metrics.nan = metrics`, false},
		{`params.opt != 1`, false},
		{`metrics.loss ~ 'x'`, false},
		// time
		{`time = '2025-11-13'`, true},
		{`time = 2025-11-13`, true},
		{`time > 2025-11-13`, false},
		{`time >= 2025-11-13 and time <= 2025-11-13`, true},
		{`time < 2025-11-14`, true},
		{`time != 2025-11-12`, true},
		{`time = '2025-11-13T10:30:00Z'`, true},
		{`time > 2025-11-13T11:29:00+01:00`, true},
		{`time = '2025-11-13 10:30'`, true},
		{`time in (2025-11-12, 2025-11-13)`, true},
		{`time = 'yesterday'`, false},
		{`age < 2d`, true},
		{`age < 1d12h`, false},
		{`age = 1.5d`, true},
		{`age > 90m and age < 1w`, true},
		{`age > 5`, false},
	} {
		if c.src == `metrics.nan = metrics` {
			continue
		}
		e, err := Parse(c.src)
		if err != nil {
			t.Errorf("%s: %v", c.src, err)
			continue
		}
		got, err := e.Eval(testEnv)
		if err != nil || got != c.want {
			t.Errorf("%s: %t, %v; want %t", c.src, got, err, c.want)
		}
		again, err := Parse(e.String())
		if err != nil {
			t.Errorf("%s: written as %s: %v", c.src, e, err)
			continue
		}
		if got, _ := again.Eval(testEnv); got != c.want || again.String() != e.String() {
			t.Errorf("%s: written as %s, then %s, is %t", c.src, e, again, got)
		}
	}
}

func TestSyntaxErrors(t *testing.T) {
	for _, c := range []struct {
		src  string
		pos  int
		part string
	}{
		{``, 0, "expected a field"},
		{`metrics.loss <`, 14, "expected a value"},
		{`metrics.loss < big`, 15, "needs quotes"},
		{`metrics. = 1`, 8, "a name after the dot"},
		{`3 < metrics.loss`, 0, "expected a field"},
		{`a = 1 b = 2`, 6, "expected and, or, or the end"},
		{`(a = 1`, 6, "or )"},
		{`a = 'x`, 4, "closing quote"},
		{`a in 'x'`, 5, "( after in"},
		{`a in ('x'`, 9, ", or )"},
		{`a like 5`, 7, "quoted pattern"},
		{`a ~ '('`, 4, "missing closing )"},
		{`a = 1e999`, 4, "out of range"},
		{`a = 5x`, 4, "needs quotes"},
		{`a < 999999999999d`, 4, "out of range"},
		{`a = 2025-13-40`, 4, "not a date"},
		{`a # 1`, 2, `unexpected '#'`},
		{`and = 1`, 0, "expected a field"},
		{strings.Repeat("(", 500), 100, "too deeply"},
		{strings.Repeat("not ", 500), 400, "too deeply"},
		{strings.Repeat(" ", maxLen+1), maxLen, "too long"},
	} {
		_, err := Parse(c.src)
		var s *SyntaxError
		if !errors.As(err, &s) || s.Pos != c.pos || !strings.Contains(s.Msg, c.part) || strings.Contains(s.Error(), "\n") {
			t.Errorf("%.40s: %v; want %q at %d", c.src, err, c.part, c.pos)
		}
	}
}

func TestUnknownField(t *testing.T) {
	e, _ := Parse(`branch = 'main' and nonsense = 1`)
	_, err := e.Eval(testEnv)
	var f *FieldError
	if !errors.As(err, &f) || f.Field != "nonsense" || f.Pos != 20 {
		t.Errorf("%v", err)
	}
}

func TestCheck(t *testing.T) {
	fields := []Field{
		{"params.", Any}, {"metrics.", Number}, {"time", Time}, {"age", Duration},
		{"branch", String}, {"message", String}, {"merge", Bool},
	}
	for src, want := range map[string]string{
		`metrics.x < 1 and params.y = 'a' and time > 2025-01-01 and age < 3d and branch like 'm*' and merge`: "",
		`metric.x < 1`:          "no field metric.x; did you mean metrics.x?",
		`branhc = 'a'`:          "no field branhc; did you mean branch?",
		`Branch = 'a'`:          "did you mean branch?",
		`metrics < 3`:           "did you mean metrics.NAME?",
		`parms."a b" = 1`:       `did you mean params."a b"?`,
		`quux = 1`:              "no field quux",
		`metrics.x = 'a'`:       "metrics.x is a number, and 'a' is not",
		`metrics.x in (1, 'a')`: "metrics.x is a number, and 'a' is not",
		`time > 'noon'`:         "time is a date, and 'noon' is not",
		`time > 5`:              "time is a date, and 5 is not",
		`age > 5`:               "age is a duration, and 5 is not",
		`metrics.x ~ 'a'`:       "metrics.x is a number; ~ is for strings",
		`branch`:                "branch is a string, and true is not",
		`metrics."" = 1`:        "no field",
	} {
		e, err := Parse(src)
		if err != nil {
			t.Fatalf("%s: %v", src, err)
		}
		err = e.Check(fields)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v; want %q", src, err, want)
		}
	}
}

func TestFields(t *testing.T) {
	e, err := Parse(`metrics.x < 1 and (params.y = 'a' and age > 3d) and (branch = 'a' or metrics.x = 2) and not branch = 'b'`)
	if err != nil {
		t.Fatal(err)
	}
	if got := e.Fields(); !slices.Equal(got, []string{"metrics.x", "params.y", "age", "branch"}) {
		t.Error(got)
	}
}

// TestRows compares Rows with Eval of each row.
func TestRows(t *testing.T) {
	for _, src := range []string{
		"metrics.a = 1", "not metrics.a = 1", "metrics.a = 1 and metrics.b = 1", "metrics.a = 1 or metrics.b = 1",
		"not (metrics.a = 1 or not metrics.b = 1)", "metrics.a = 1 and not metrics.b = 1 or metrics.a = 0 and (metrics.b = 0 or metrics.b = 2)",
		"metrics.none = 1 and metrics.a = 1", "not metrics.none",
	} {
		e, err := Parse(src)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{1, 63, 64, 65, 200} {
			row := func(i int) env { return env{"metrics.a": int64(i % 2), "metrics.b": int64(i % 3)} }
			got, err := e.Rows(n, func(c Cond) (Set, error) {
				set := NewSet(n)
				for i := range n {
					if v, _ := row(i).Lookup(c.Field); c.Match(v) {
						set.Add(i)
					}
				}
				return set, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			for i := range 64 * len(got) {
				want := false
				if i < n {
					want, _ = e.Eval(row(i))
				}
				if is := got[i/64]>>(i%64)&1 == 1; is != want {
					t.Fatalf("%s: row %d of %d is %t", src, i, n, is)
				}
			}
		}
		wrong := errors.New("wrong")
		if _, err := e.Rows(3, func(Cond) (Set, error) { return nil, wrong }); !errors.Is(err, wrong) {
			t.Errorf("%s: %v", src, err)
		}
	}
}

func TestManyValues(t *testing.T) {
	v := &Version{Seq: 12, Tags: []string{"gold", "prod"}, Changes: &Changes{Paths: []string{"a/x", "b"}, Expired: true}}
	for src, want := range map[string]bool{
		"tag = 'gold'": true, "tag like 'p*'": true, "tag != 'gold'": true, "tag = 'tin'": false, "not tag = 'tin'": true,
		"alias = 'x'": false, "alias != 'x'": false, "path ~ '^a/'": true, "path in ('c', 'b')": true, "kind = 'json'": false,
		"expired": true, "version = v12": true, "version > v12": false, "version in (v1, v12)": true,
	} {
		e, err := Parse(src)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := e.Eval(v); err != nil || got != want {
			t.Errorf("%s: %t, %v", src, got, err)
		}
	}
}

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{
		{"", "", true}, {"", "a", false}, {"*", "", true}, {"?", "", false}, {"?", "é", true}, {"é*", "élan", true}, {"*n", "élan", true},
		{"a*b*c", "a-b-b-c", true}, {"a*b*c", "a-b-b", false}, {"**a", "bca", true}, {"a?c", "aüc", true}, {"*é*", "caféx", true}, {"\xff", "\xff", true},
	} {
		if got := glob(c.pattern, c.s); got != c.want {
			t.Errorf("glob(%q, %q) = %t", c.pattern, c.s, got)
		}
	}
}

func TestCompare(t *testing.T) {
	ordered := []any{math.Inf(-1), int64(math.MinInt64), -1.5, int64(-1), 0.0, 0.5, int64(1), float64(1 << 53),
		int64(1<<53 + 1), int64(math.MaxInt64), math.Ldexp(1, 63), math.Inf(1)}
	for i, a := range ordered {
		for j, b := range ordered {
			got, ok := Compare(a, b)
			if want := min(1, max(-1, i-j)); !ok || got != want {
				t.Errorf("Compare(%v, %v) = %d, %t", a, b, got, ok)
			}
		}
	}
	for _, p := range [][2]any{{1.0, "1"}, {nil, nil}, {math.NaN(), 1.0}, {int64(1), math.NaN()}, {true, 1.0}, {"a", true}} {
		if _, ok := Compare(p[0], p[1]); ok {
			t.Errorf("%v and %v can be compared", p[0], p[1])
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`metrics.loss < 0.5 and not params.opt in ('sgd', "adam")`, `a.'b c' ~ '^x' or (age < 1h30m)`,
		`time >= 2025-11-13T10:00:00Z`, `x = -1.5e-3 and y != 'it\'s' and z like '*'`, `a.1.b-c = 10000000000000000000000`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		e, err := Parse(src)
		if err != nil {
			if s, ok := err.(*SyntaxError); !ok || s.Pos < 0 || s.Pos > len(src) {
				t.Fatalf("%#v", err)
			}
			return
		}
		if e.String() == "" || len(e.String()) > maxLen {
			return
		}
		again, err := Parse(e.String())
		if err != nil {
			t.Fatalf("%q written as %q: %v", src, e, err)
		}
		if again.String() != e.String() {
			t.Fatalf("%q written as %q, then as %q", src, e, again)
		}
		a, err1 := e.Eval(testEnv)
		b, err2 := again.Eval(testEnv)
		if a != b || (err1 == nil) != (err2 == nil) {
			t.Fatalf("%q: %t %v; written as %q: %t %v", src, a, err1, again, b, err2)
		}
		e.Check([]Field{{"metrics.", Number}, {"time", Time}})
	})
}
