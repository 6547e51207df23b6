package policy

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/mstore/mstore/internal/expr"
)

// naive evaluates a policy as its documentation reads: it lays out the tree of
// every version and follows every line for every path.
type naive struct {
	in      *Input
	config  map[string]string
	ref     time.Time
	trees   []map[string]int // version that put what is in force at a path
	reasons map[[2]string]map[reason]bool
	asked   map[[2]string]map[rule]map[string]bool
	exists  map[[2]string]bool
}

func itemKey(version int, path string) [2]string { return [2]string{fmt.Sprint(version), path} }

// ruleFor finds the setting that applies, by the words of the documentation.
func (n *naive) ruleFor(r rule, path, branch string) *setting {
	best, text := "", ""
	var bestLevel, bestLen int
	for key, value := range n.config {
		name, ok := strings.CutSuffix(key, "."+ruleNames[r])
		if !ok {
			continue
		}
		name = strings.TrimPrefix(name, "gc")
		lv, pattern, match := 1, "", true
		if p, ok := strings.CutPrefix(name, ".model."); ok {
			g, _ := modelGlob(p)
			lv, pattern, match = 2, p, g.match(strings.Split(path, "/"))
		} else if p, ok := strings.CutPrefix(name, ".branch."); ok {
			g, _ := branchGlob(p)
			lv, pattern, match = 3, p, g.match(strings.Split(branch, "/"))
		}
		if match && cmp.Or(lv-bestLevel, len(pattern)-bestLen, strings.Compare(best, pattern)) > 0 {
			best, bestLevel, bestLen, text = pattern, lv, len(pattern), value
		}
	}
	if bestLevel == 0 {
		return nil
	}
	s, err := parseSetting(r, text)
	if err != nil {
		panic(err)
	}
	if s.off {
		return nil
	}
	return s
}

func (n *naive) add(version int, path string, rank rank, text string) {
	if k := itemKey(version, path); n.exists[k] {
		if n.reasons[k] == nil {
			n.reasons[k] = map[reason]bool{}
		}
		n.reasons[k][reason{rank, text}] = true
	}
}

func (n *naive) evaluate() []string {
	vs := n.in.Versions
	paths := map[string]bool{}
	for v := range vs {
		tree := map[string]int{}
		if p := vs[v].Parent; p >= 0 {
			tree = maps.Clone(n.trees[p])
		}
		for _, c := range vs[v].Changes {
			delete(tree, c.Path)
			if !c.Removed && !c.Gone {
				tree[c.Path] = v
				n.exists[itemKey(v, c.Path)] = true
			}
			paths[c.Path] = true
		}
		n.trees = append(n.trees, tree)
	}
	onLine := map[int]bool{}
	mark := func(v int) { maps.Copy(onLine, n.history(v)) }
	for _, h := range n.in.Heads {
		mark(h.Version)
		for path := range paths {
			n.line(h.Version, path, h.Branch, true)
		}
		for path, v := range n.trees[h.Version] {
			n.add(v, path, rankHead, "head of "+h.Branch)
		}
	}
	for v := len(vs) - 1; v >= 0; v-- {
		if s := n.ruleFor(ttl, "", vs[v].Branch); s != nil && vs[v].Time.Before(n.ref.Add(-s.d)) && !onLine[v] {
			continue
		}
		if !onLine[v] && !vs[v].Safety {
			mark(v)
			for path := range paths {
				n.line(v, path, vs[v].Branch, false)
			}
		}
	}
	for _, p := range n.in.Pins {
		for path, v := range n.trees[p.Version] {
			if p.Path == "" || p.Path == path {
				n.add(v, path, rankPin, p.Reason)
			}
		}
	}
	return n.show(onLine)
}

// history is what leads to a version, by first parents and by merges.
func (n *naive) history(tip int) map[int]bool {
	all := map[int]bool{tip: true}
	for v := tip; v >= 0; v-- {
		if x := &n.in.Versions[v]; all[v] {
			if x.Parent >= 0 {
				all[x.Parent] = true
			}
			for _, p := range x.Merged {
				all[p] = true
			}
		}
	}
	return all
}

// line applies the rules to one path on the line that ends at tip.
func (n *naive) line(tip int, path, branch string, head bool) {
	vs := n.in.Versions
	var s [numRules]*setting
	any := false
	for r := range ttl {
		s[r] = n.ruleFor(r, path, branch)
		any = any || s[r] != nil && r.isKeep()
	}
	var items []int // newest first
	for v := tip; v >= 0; v = vs[v].Parent {
		if from, ok := n.trees[v][path]; ok && from == v {
			items = append(items, v)
		}
	}
	history := n.history(tip)
	for v := range history {
		if from, ok := n.trees[v][path]; ok && from == v {
			k := itemKey(v, path)
			if !any {
				n.add(v, path, rankNoPolicy, "no policy")
			}
			for r, x := range s {
				if x == nil {
					continue
				}
				if n.asked[k] == nil {
					n.asked[k] = map[rule]map[string]bool{}
				}
				if n.asked[k][rule(r)] == nil {
					n.asked[k][rule(r)] = map[string]bool{}
				}
				n.asked[k][rule(r)][x.String()] = true
			}
		}
	}
	keep := func(r rule, v int) { n.add(v, path, rank(r), s[r].reason()) }
	for i, v := range items {
		for _, r := range []rule{keepLast, neverBelow} {
			if s[r] != nil && i < s[r].n {
				keep(r, v)
			}
		}
	}
	formats := map[rule]func(time.Time) string{
		keepHourly:  func(t time.Time) string { return t.Format("2006-01-02T15") },
		keepDaily:   func(t time.Time) string { return t.Format("2006-01-02") },
		keepWeekly:  func(t time.Time) string { y, w := t.ISOWeek(); return fmt.Sprint(y, "-", w) },
		keepMonthly: func(t time.Time) string { return t.Format("2006-01") },
		keepYearly:  func(t time.Time) string { return t.Format("2006") },
	}
	for r, format := range formats {
		if s[r] == nil {
			continue
		}
		seen := map[string]bool{}
		for _, v := range items {
			slot := format(vs[v].Time.UTC())
			if !vs[v].Time.After(n.ref) && !seen[slot] && len(seen) < s[r].n {
				seen[slot] = true
				keep(r, v)
			}
		}
	}
	if s[keepBest] != nil {
		for _, b := range s[keepBest].best {
			n.best(b, items, path)
		}
	}
	for v := range history {
		from, ok := n.trees[v][path]
		t := vs[v].Time
		if ok && t.After(n.ref) {
			n.add(from, path, rankFuture, "from the future")
		}
		if x := s[keepWithin]; ok && x != nil {
			start := n.ref.Add(-x.d)
			inWindow := !t.Before(start) && !t.After(n.ref)
			followed := false // later than the window's beginning
			for c := range history {
				followed = followed || vs[c].Parent == v && vs[c].Time.After(start)
			}
			lasted := t.Before(start) && followed || v == tip && head && !t.After(n.ref)
			if inWindow || lasted {
				keep(keepWithin, from)
			}
		}
		if x := s[keepWhere]; ok && x != nil {
			if yes, err := x.where.Eval(versionEnv(&vs[v])); err != nil {
				panic(err)
			} else if yes {
				keep(keepWhere, from)
			}
		}
	}
}

func (n *naive) best(b bestOf, items []int, path string) {
	metric := func(v int) any { return n.in.Versions[v].Metrics[b.metric] }
	var have []int
	for _, v := range items {
		if _, ok := expr.Compare(metric(v), 0); ok {
			have = append(have, v)
		}
	}
	slices.SortStableFunc(have, func(x, y int) int {
		order, _ := expr.Compare(metric(x), metric(y))
		if b.max {
			order = -order
		}
		return order
	})
	for _, v := range have[:min(b.n, len(have))] {
		n.add(v, path, rank(keepBest), fmt.Sprintf("best %s (%s) %d: %v", b.metric, b.direction(), b.n, metric(v)))
	}
}

func (n *naive) show(onLine map[int]bool) []string {
	var list []string
	kept := map[string]string{} // by blob
	for _, final := range []bool{false, true} {
		for v := range n.in.Versions {
			x := &n.in.Versions[v]
			for _, c := range x.Changes {
				k := itemKey(v, c.Path)
				if !n.exists[k] {
					continue
				}
				blob := c.Blob.String()
				if !final {
					if _, ok := kept[blob]; !ok && len(n.reasons[k]) > 0 {
						kept[blob] = fmt.Sprint(v) + " " + c.Path
					}
					continue
				}
				var texts []string
				sign := ""
				if len(n.reasons[k]) > 0 {
					for _, r := range slices.SortedFunc(maps.Keys(n.reasons[k]), func(a, b reason) int {
						return cmp.Or(cmp.Compare(a.rank, b.rank), strings.Compare(a.text, b.text))
					}) {
						texts = append(texts, r.text)
					}
				} else if other, ok := kept[blob]; ok {
					var o int
					var path string
					fmt.Sscan(other, &o, &path)
					text := "same content as "
					if b := n.in.Versions[o].Branch; n.in.Versions[o].Safety {
						text += "safety version "
					} else if b != x.Branch {
						text += b + "@"
					}
					text += fmt.Sprint("v", n.in.Versions[o].Seq)
					if path != c.Path {
						text += ":" + path
					}
					texts = append(texts, text)
				} else if !onLine[v] && !x.Safety {
					sign, texts = "-", []string{"older than the ttl of its branch"}
				} else if !onLine[v] {
					sign, texts = "-", []string{"too old"}
				} else {
					var asked []string
					for r := range ttl {
						asked = append(asked, slices.Sorted(maps.Keys(n.asked[k][r]))...)
					}
					sign, texts = "-", []string{"not kept by " + strings.Join(asked, ", ")}
				}
				list = append(list, fmt.Sprintf("%s%d %s: %s", sign, v, c.Path, strings.Join(texts, "; ")))
			}
		}
	}
	return list
}

var testPaths = []string{"a", "b.json", "d/a", "d/c.json"}

func drawInput(t *rapid.T) *Input {
	in := &Input{SafetyReason: "too old"}
	branches := []string{"main", "exp/1", "exp/2", "x"}
	ints := func(lo, hi int, name string) int { return rapid.IntRange(lo, hi).Draw(t, name) }
	heads := map[string]int{}
	at := noon
	for v := range ints(0, 25, "versions") {
		branch := rapid.SampledFrom(branches).Draw(t, "branch")
		x := Version{Entry: uint64(v + 1), Seq: 1, Parent: -1, Branch: branch, Safety: ints(0, 9, "safety") == 0}
		if p, ok := heads[branch]; ok {
			x.Parent = p
		}
		if v > 0 && (x.Parent < 0 && ints(0, 3, "root") > 0 || ints(0, 5, "fork") == 0) {
			x.Parent = ints(0, v-1, "parent")
		}
		if x.Parent >= 0 && ints(0, 4, "merge") == 0 {
			x.Merged = append(x.Merged, ints(0, v-1, "merged"))
		}
		if x.Parent >= 0 {
			x.Seq = in.Versions[x.Parent].Seq + 1
		}
		at = at.Add(rapid.SampledFrom([]time.Duration{0, 10 * time.Minute, time.Hour, day, 5 * day, 40 * day, -day, -day / 2}).Draw(t, "step"))
		x.Time = at
		if ints(0, 19, "future") == 0 {
			x.Time = at.AddDate(3, 0, 0)
		}
		if m := rapid.SampledFrom([]any{nil, 0.5, int64(1), 1.5, int64(-2), "x", true}).Draw(t, "metric"); m != nil {
			x.Metrics = map[string]any{"m": m}
		}
		if ints(0, 3, "tagged") == 0 {
			x.Tags = []string{"t", "u"}[:ints(1, 2, "tags")]
		}
		for _, path := range testPaths {
			switch ints(0, 5, "change") {
			case 0, 1, 2:
				x.Changes = append(x.Changes, Change{Path: path, Blob: blobOf(fmt.Sprint(ints(1, 60, "blob"))), Gone: ints(0, 9, "gone") == 0})
			case 3:
				x.Changes = append(x.Changes, Change{Path: path, Removed: true})
			}
		}
		in.Versions = append(in.Versions, x)
		if !x.Safety || ints(0, 2, "on safety") == 0 {
			heads[branch] = v
		}
	}
	for _, b := range branches {
		if v, ok := heads[b]; ok && ints(0, 3, "live") > 0 {
			if ints(0, 4, "moved") == 0 {
				v = ints(0, v, "head")
			}
			in.Heads = append(in.Heads, Head{b, v})
		}
	}
	if n := len(in.Versions); n > 0 {
		for i := range ints(0, 3, "pins") {
			in.Pins = append(in.Pins, Pin{ints(0, n-1, "pin"), rapid.SampledFrom(append(testPaths, "", "no")).Draw(t, "path"), fmt.Sprint("tag ", i%2)})
		}
		if ints(0, 9, "crowd") == 0 { // more reasons than a mask has bits
			for i := range 70 {
				in.Pins = append(in.Pins, Pin{i * 7 % n, "", fmt.Sprint("tag ", i)})
			}
		}
	}
	return in
}

func drawConfig(t *rapid.T) map[string]string {
	values := map[string][]string{
		"keep-last": {"1", "2", "3", "0"}, "keep-within": {"1h", "1d", "30d", "off"}, "keep-hourly": {"2", "9"}, "keep-daily": {"1", "3", "off"},
		"keep-weekly": {"1", "2"}, "keep-monthly": {"2"}, "keep-yearly": {"1", "2"}, "never-below": {"1", "3"},
		"keep-best":  {"m:min:2", "m:max", "m:max:3,m:min", "off"},
		"keep-where": {"metrics.m > 0", "tag = 'u'", "branch like 'exp*'", "not tag = 't' and version > 3", "off"},
	}
	names := slices.Sorted(maps.Keys(values))
	config := map[string]string{}
	for range rapid.IntRange(0, 6).Draw(t, "settings") {
		name := rapid.SampledFrom(names).Draw(t, "rule")
		where := rapid.SampledFrom([]string{"", "", "model.*.json.", "model.d/*.", "model.a.", "model.?.", "branch.main.", "branch.exp/*.", "branch.exp/1.", "branch.**."}).Draw(t, "level")
		config["gc."+where+name] = rapid.SampledFrom(values[name]).Draw(t, "value")
	}
	if rapid.IntRange(0, 2).Draw(t, "ttl") == 0 {
		where := rapid.SampledFrom([]string{"exp/*", "exp/1", "main", "**"}).Draw(t, "branches")
		config["gc.branch."+where+".ttl"] = rapid.SampledFrom([]string{"1h", "1d", "30d", "off"}).Draw(t, "ttl value")
	}
	return config
}

func TestSameAsNaive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in, config := drawInput(t), drawConfig(t)
		p, err := Parse(config)
		if err != nil {
			t.Fatal(err)
		}
		r, err := p.Evaluate(in)
		if err != nil {
			t.Fatal(err)
		}
		n := &naive{in: in, config: config, ref: r.Reference, reasons: map[[2]string]map[reason]bool{},
			asked: map[[2]string]map[rule]map[string]bool{}, exists: map[[2]string]bool{}}
		if d := gocmp.Diff(n.evaluate(), show(r)); d != "" {
			t.Fatalf("%v: (-naive +got):\n%s", p, d)
		}
		if p.Empty() {
			for _, x := range r.Items {
				if !x.Keep && x.Reasons[0] != "too old" {
					t.Fatalf("an empty policy expires %v", x)
				}
			}
		}
	})
}
