package jsonpath

import "testing"

func TestMember(t *testing.T) {
	for name, want := range map[string]string{
		"loss": ".loss", "_a1": "._a1", "": "['']", "1a": "['1a']", "a b": "['a b']", "é": "['é']", "a.b": "['a.b']",
		`it's`: `['it\'s']`, `a\b`: `['a\\b']`, "a\nb": `['a\nb']`, "\x01\x7f": `['\u0001\u007f']`, "cut…": "['cut…']",
	} {
		if got := Member(name); got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
		if IsPlain(name) != (want[0] == '.') {
			t.Errorf("%q is plain: %t", name, IsPlain(name))
		}
	}
}
