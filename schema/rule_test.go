package schema

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

func TestFigures(t *testing.T) {
	doc := `{"i":[3,1,2,2.0],"f":[1.5,-0.5,null,"x",true,2],"n":7,"r":7.0,"s":"text","b":false,"null":null,"empty":[],"none":{},
		"o":{"a":1,"b":{"c":2},"c":[3]},"big":[9223372036854775807,1],"huge":[1e308,1e308],"wide":[-9223372036854775808,9223372036854775807],
		"p":{"A->B":{"w":0.5},"A->C":{"w":0.75},"B->A":{"w":1},"x":{"w":-1}},"m":[[1,2],[3]],"far":1e999}`
	for _, w := range []struct {
		stat string
		want any
	}{
		{`value: $.n`, int64(7)}, {`value: $.r`, 7.0}, {`value: $.s`, "text"}, {`value: $.b`, false}, {`value: $.far`, math.MaxFloat64},
		{`value: $.null`, nil}, {`value: $.o`, nil}, {`value: $.absent`, nil}, {`value: '$.i[*]'`, int64(3)}, {`value: '$.f[2:4]'`, "x"},
		{`value: [$.absent, $.null, $.n]`, int64(7)}, {`value: [$.o, $.s]`, "text"}, {`value: '$.m[*][1]'`, int64(2)}, {`value: $`, nil},

		{`size: $.i`, int64(4)}, {`size: $.o`, int64(3)}, {`size: $.empty`, int64(0)}, {`size: $.none`, int64(0)}, {`size: $`, int64(16)},
		{`size: $.absent`, nil}, {`size: $.n`, nil}, {`size: $.null`, nil}, {`size: [$.null, $.s, $.o]`, int64(3)}, {`size: '$.m[*]'`, int64(2)}, {`size: '$.m[1]'`, int64(1)},

		{`count: '$.i[*]'`, int64(4)}, {`count: '$.o[*]'`, int64(3)}, {`count: $.o`, int64(1)}, {`count: $.null`, int64(1)}, {`count: '$.empty[*]'`, int64(0)},
		{`count: $.absent`, int64(0)}, {`count: ['$.empty[*]', '$.m[*]']`, int64(2)}, {`count: '$.m[*][*]'`, int64(3)}, {`count: '$.i[1:3]'`, int64(2)}, {`count: '$.i[7]'`, int64(0)},

		{`distinct: '$.i[*]'`, int64(3)}, {`distinct: '$.f[*]'`, int64(6)}, {`distinct: $.absent`, nil}, {`distinct: '$.o[*]'`, int64(1)},

		{`sum: '$.i[*]'`, 8.0}, {`sum: '$.i[0:3]'`, int64(6)}, {`sum: '$.f[*]'`, 3.0}, {`sum: '$.empty[*]'`, nil}, {`sum: $.s`, nil}, {`sum: '$.huge[*]'`, nil},
		{`sum: '$.big[*]'`, 9223372036854775808.0}, {`sum: '$.m[*][*]'`, int64(6)},
		{`sum: '$.p[*].w', by: '^(.*)->'`, 1.25}, {`sum: '$.p[*].w', by: '.*->(.*)'`, 1.0}, {`sum: '$.p[*].w', by: '->'`, 2.25}, {`sum: '$.p[*].none', by: x`, nil},
		{`sum: '$.m[*][*]', by: '.*'`, 4.0}, {`sum: $.n, by: x`, int64(7)},

		{`min: '$.i[*]'`, int64(1)}, {`max: '$.i[*]'`, int64(3)}, {`min: '$.f[*]'`, -0.5}, {`max: '$.f[*]'`, int64(2)}, {`min: $.s`, nil}, {`max: '$.empty[*]'`, nil},
		{`mean: '$.i[*]'`, 2.0}, {`mean: '$.f[*]'`, 1.0}, {`mean: $.absent`, nil}, {`mean: '$.huge[*]'`, nil},
		{`first: '$.i[*]'`, int64(3)}, {`last: '$.i[*]'`, 2.0}, {`first: '$.f[2:]'`, int64(2)}, {`last: '$.f[:3]'`, -0.5}, {`first: $.absent`, nil},
		{`span: '$.i[*]'`, int64(2)}, {`span: '$.f[*]'`, 2.5}, {`span: $.n`, int64(0)}, {`span: '$.wide[*]'`, 18446744073709551616.0}, {`span: $.absent`, nil},
		{`minus: [seven, three]`, int64(4)}, {`minus: [seven, half]`, 6.5}, {`minus: [seven, word]`, nil}, {`minus: [nothing, seven]`, nil},
		{`per: [seven, half]`, 14.0}, {`per: [three, seven]`, 3.0 / 7}, {`per: [seven, zero]`, nil}, {`per: [word, seven]`, nil}, {`per: [seven, nothing]`, nil},
	} {
		rep := checkAs(t, `
values: {seven: {value: $.n}, three: {value: '$.i[0]'}, half: {value: '$.p["A->B"].w'}, word: {value: $.s}, zero: {size: $.empty}, nothing: {value: $.null}}
stats: {x: {`+w.stat+`}}`, doc)
		if got := stat(rep, "x"); got != w.want {
			t.Errorf("%s is %v (%T), want %v (%T)", w.stat, got, got, w.want, w.want)
		}
		if len(rep.Findings) > 0 || !rep.Valid() {
			t.Errorf("%s: %v", w.stat, rep.Findings)
		}
	}
}

func TestFiguresAreBounded(t *testing.T) {
	var list []string
	for i := range maxDistinct + 10 {
		list = append(list, fmt.Sprintf(`"k%d":%d`, i, i))
	}
	rep := checkAs(t, `stats: {d: {distinct: '$[*]'}, most: {sum: '$[*]', by: '.*'}, n: {count: '$[*]'}}`, "{"+strings.Join(list, ",")+"}")
	if d, n := stat(rep, "d"), stat(rep, "n"); d != int64(maxDistinct) || n != int64(maxDistinct+10) || stat(rep, "most") == nil {
		t.Errorf("%v distinct of %v", d, n)
	}
}

func TestRules(t *testing.T) {
	const fine = ""
	for _, w := range []struct{ about, rule, doc, want string }{
		{"must", `must: n > 1, message: "n is {n}"`, `{"n":1}`, "n is 1"},
		{"must holds", `must: n > 1, message: "n is {n}"`, `{"n":2}`, fine},
		{"must without the figure", `must: n > 1, message: "n is {n}"`, `{}`, fine},
		{"must with one of two figures", `must: n > 1 and m > 1, message: x`, `{"n":0}`, fine},
		{"must of null", `must: n > 1, message: x`, `{"n":null}`, fine},
		{"must of text", `must: s = 'a', message: "s is {s}, not a"`, `{"s":"b"}`, "s is b, not a"},
		{"whole and real", `must: n = 440.0, message: x`, `{"n":440}`, fine},
		{"real and whole", `must: n = 440, message: x`, `{"n":440.0}`, fine},
		{"beyond float64", `must: n = 9007199254740992, message: "{n}"`, `{"n":9007199254740993}`, "9007199254740993"},
		{"negation", `must: not n = 1, message: "{n}"`, `{"n":1}`, "1"},
		{"when holds", `when: m = 1, must: n > 1, message: x`, `{"m":1,"n":1}`, "x"},
		{"when does not hold", `when: m = 1, must: n > 1, message: x`, `{"m":2,"n":1}`, fine},
		{"when without the figure", `when: m = 1, must: n > 1, message: x`, `{"n":1}`, fine},
		{"unknown placeholder", `must: n > 1, message: "{n} {what} {} {n"`, `{"n":1}`, "1 {what} {} {n"},
		{"numbers in messages", `must: n > 1e9, message: "{n} {m}"`, `{"n":1e6,"m":0.125}`, "1000000 0.125"},

		{"each", `each: '$.l[*]', must: x > 1, message: "{bad} of {n}, {good} good, {share}, x is {x}"`, `{"l":[{"x":2},{"x":1},{"x":0},{"x":3}]}`, "2 of 4, 2 good, 50%, x is 1"},
		{"each of an object", `each: '$.l[*]', must: x > 1, message: "{x} of {key}"`, `{"l":{"a":{"x":2},"b c":{"x":1},"d":{"x":0}}}`, "1 of b c"},
		{"key of a list", `each: '$.l[*]', must: value > 1, message: "{value} at {key}"`, `{"l":[2,3,0.5]}`, "0.5 at 2"},
		{"each of nothing", `each: '$.l[*]', must: x > 1, message: x`, `{"l":[]}`, fine},
		{"each without the field", `each: '$.l[*]', must: x > 1, message: "{bad} of {n}"`, `{"l":[{},{"y":1},5,{"x":null},{"x":1}]}`, "1 of 1"},
		{"each with a container", `each: '$.l[*]', must: x > 1, message: "{bad} of {n}, {x}"`, `{"l":[{"x":[2]},{"x":2}]}`, "1 of 2, ?"},
		{"nested field", `each: '$.l[*]', must: a.b != 1, message: "{a.b}"`, `{"l":[{"a":{"b":2}},{"b":1},{"a":{"b":1}}]}`, "1"},
		{"two fields", `each: '$.l[*]', must: x > 1 or y > 1, message: "{x} {y}"`, `{"l":[{"x":0,"y":2},{"x":2},{"x":0,"y":0}]}`, "0 0"},
		{"fields of the message only", `each: '$.l[*]', must: x > 1, message: "{name} {deep.er} {gone}"`, `{"l":[{"name":"no","x":2},{"deep":{"er":true},"x":1,"name":"yes"}]}`, "yes true ?"},
		{"value", `each: '$.l[*]', must: value != 'bad', message: "{value} {key}"`, `{"l":["good","bad"]}`, "bad 1"},
		{"value of a container", `each: '$.l[*]', must: value > 1, message: x`, `{"l":[[0],{}]}`, fine},
		{"key", `each: '$.l[*]', must: "key ~ '^[a-z]+$'", message: "{key}"`, `{"l":{"ok":0,"No":1}}`, "No"},
		{"each with when", `each: '$.l[*]', when: n > 1, must: value > 1, message: x`, `{"l":[0],"n":1}`, fine},
		{"each of the whole", `each: $, must: x > 1, message: "{x}"`, `{"x":1}`, "1"},

		{"has", `each: '$.l[*]', has: x, message: "{bad} of {n} lack it"`, `{"l":[{"x":0},{"y":0},{"x":null},3,{"x":{}}]}`, "3 of 5 lack it"},
		{"has two", `each: '$.l[*]', has: [x, y.z], message: "{bad}, {id}"`, `{"l":[{"x":0,"y":{"z":0}},{"id":7,"x":0,"y":0}]}`, "1, 7"},
		{"has, fully", `each: '$.l[*]', has: x, message: "{id}"`, `{"l":[{"x":0}]}`, fine},

		{"order", `each: '$.l[*]', order: ascending, message: "{bad} of {n}, {value} at {key}"`, `{"l":[1,2,1.5,1.75,3,"x",0]}`, "2 of 6, 1.5 at 2"},
		{"order of equals", `each: '$.l[*]', order: ascending, message: x`, `{"l":[1,1.0,1]}`, fine},
		{"order of fields", `each: '$.l[*].t', order: ascending, message: "{value}"`, `{"l":[{"t":1},{},{"t":0}]}`, "0"},
		{"order by index", `each: '$.l[*]', order: ascending, message: x`, `{"l":{"0":0,"1":1,"10":10,"11":11,"2":2}}`, fine},
		{"no order by index", `each: '$.l[*]', order: ascending, message: "{value}"`, `{"l":{"0":0,"10":10,"2":12}}`, "12"},
		{"order by name", `each: '$.l[*]', order: ascending, message: "{key}"`, `{"l":{"a":0,"c":2,"b":1}}`, "b"},

		{"share", `each: '$.l[*]', share: 0.5, must: value = 1, message: "{bad} of {n}"`, `{"l":[1,0,1,0]}`, fine},
		{"below the share", `each: '$.l[*]', share: 0.5, must: value = 1, message: "{bad} of {n}"`, `{"l":[1,0,0]}`, "2 of 3"},
		{"share of a third", `each: '$.l[*]', share: 0.33, must: value = 1, message: "{share}"`, `{"l":[1,0,0]}`, fine},
		{"share in tenths", `each: '$.l[*]', share: 0.7, must: value = 1, message: "{share}"`, `{"l":[1,1,1,1,1,1,1,0,0,0]}`, fine},
		{"share in words", `each: '$.l[*]', share: 0.9, must: value = 1, message: "{share}"`, `{"l":[1,1,0]}`, "33.3%"},
	} {
		rep := checkAs(t, "values: {n: {value: $.n}, m: {value: $.m}, s: {value: $.s}}\nrules:\n  - {rule: r, "+w.rule+"}", w.doc)
		if w.want == fine {
			if len(rep.Findings) > 0 {
				t.Errorf("%s: %v", w.about, rep.Findings)
			}
			continue
		}
		if f := only(t, rep); f.Message != w.want || f.Severity != Warning || f.Rule != "r" || !rep.Valid() || f.Expected == "" {
			t.Errorf("%s: %+v, want %s", w.about, f, w.want)
		}
	}
}

func TestRuleFinding(t *testing.T) {
	rep := checkAs(t, `
stats: {n: {value: $.n}, m: {value: $.m}}
rules:
  - {rule: figures, severity: error, must: n > 1 and m = 'a', message: m}
  - {rule: elements, each: '$.l[*]', share: 0.95, must: x > 1, message: m}
  - {rule: members, each: '$.l[*]', has: [x, y], message: m}
  - {rule: order, each: '$.l[*].x', order: ascending, message: m}`, "{\"n\":2,\"m\":\"b\",\n\"l\":[{\"x\":2},\n{\"x\":1}]}")
	var got []string
	for _, f := range rep.Findings {
		got = append(got, fmt.Sprintf("%s %s %s | %s | %s", f.Severity, f.Rule, f.String(), f.Found, f.Expected))
	}
	want := `error figures m | n = 2, m = b | n > 1 and m = 'a'
warning members 2:6: $.l[0]: m | 2 of 2 | has x, y
warning elements 3:1: $.l[1]: m | 1 of 2 | x > 1 for at least 95%
warning order 3:6: $.l[1].x: m | 1 of 2 | ascending`
	if strings.Join(got, "\n") != want {
		t.Errorf("\n%s", strings.Join(got, "\n"))
	}
}

// A sample looks at the first elements only, whether they count or not.
func TestSample(t *testing.T) {
	const rules = `
rules:
  - {rule: few, each: '$.l[*]', sample: 3, must: value = 1, message: "{bad} of {n}"}
  - {rule: fields, each: '$.l[*]', sample: 3, must: x = 1, message: "{bad} of {n}"}
  - {rule: many, each: '$.l[*]', sample: 100, must: value = 1, message: "{bad} of {n}"}
stats: {count: {count: '$.l[*]'}, last: {last: '$.l[*]'}}`
	for doc, want := range map[string]string{
		`[1,1,1,0,0]`:                     "many 2 of 5",
		`[0,1,0,0,0]`:                     "few 2 of 3, many 4 of 5",
		`[{"x":0},{},{"x":1},{"x":0},1]`:  "fields 1 of 2",
		`[{},{},{},{"x":0},{"x":0}]`:      "",
		`[{"x":0},{"x":0},{"x":0},"x",1]`: "fields 3 of 3, many 1 of 2",
	} {
		rep := checkAs(t, rules, `{"l":`+doc+`}`)
		var list []string
		for _, f := range rep.Findings {
			list = append(list, f.Rule+" "+f.Message)
		}
		if got := strings.Join(list, ", "); got != want {
			t.Errorf("%s: %s, want %s", doc, got, want)
		}
		if n := stat(rep, "count"); n != int64(5) { // they have not stopped
			t.Errorf("%s: %v elements", doc, n)
		}
	}
	// What nobody asks for any more is not looked at: it is skipped, not followed.
	k := parseKind(t, "kind: k\nmatch: {name: '*'}\nrules: [{rule: few, each: '$.l[*]', sample: 3, must: value = 1, message: m}]")
	r := newRun(candidate{kind: k}, &Options{Limit: 1})
	s := r.rules[0]
	for i := range 5 {
		if left := s.top.live; (left == 0) != (i >= 3) {
			t.Errorf("%d collectors are left after %d elements", left, i)
		}
		s.begin(nil, '0', int64(i))
		s.scalar(int64(1))
		s.end(nil, 0)
	}
	if s.seen != 3 || s.n != 3 {
		t.Errorf("%d elements, %d count", s.seen, s.n)
	}
}
