package schema

import (
	"math"
	"regexp"

	"github.com/mstore/mstore/internal/expr"
)

// pathNode is a place in the paths that somebody follows.
type pathNode struct {
	parent *pathNode
	edges  []pathEdge
	ends   []collector
	live   int  // collectors here and below that are not done
	named  bool // name is wanted
	name   string
}

type pathEdge struct {
	step step
	node *pathNode
}

// collector is told of every value at the end of its path.
type collector interface {
	begin(w *walker, kind byte, off int64)
	scalar(v any) // string, int64, float64, bool or nil
	end(w *walker, n int64)
}

// at returns the node at the end of a path.
func (n *pathNode) at(p Path) *pathNode {
	for _, s := range p.steps {
		var next *pathNode
		for _, e := range n.edges {
			if e.step == s {
				next = e.node
			}
		}
		if next == nil {
			next = &pathNode{parent: n}
			n.edges = append(n.edges, pathEdge{s, next})
		}
		n = next
	}
	return n
}

// group is the node of the last wildcard of the path that ends in n; its name is kept.
func (n *pathNode) group(p Path) *pathNode {
	for i := len(p.steps) - 1; i >= 0; i-- {
		if p.steps[i].wild {
			n.named = true
			return n
		}
		n = n.parent
	}
	return nil
}

func (n *pathNode) add(c collector) {
	n.ends = append(n.ends, c)
	for ; n != nil; n = n.parent {
		n.live++
	}
}

// done ends the interest of one collector at the node.
func (n *pathNode) done() {
	for ; n != nil; n = n.parent {
		n.live--
	}
}

// nobody is a collector without a use for some of what it is told.
type nobody struct{}

func (nobody) begin(*walker, byte, int64) {}
func (nobody) scalar(any)                 {}
func (nobody) end(*walker, int64)         {}

// figure adds up one operation of a Stat along one path.
type figure struct {
	op    string
	node  *pathNode
	group *pathNode // whose name is the group
	by    *regexp.Regexp
	n     int64 // places, or numbers
	// container tells whether the value at hand is an object or an array.
	container bool
	value     any
	sum       float64
	whole     int64 // the sum, while all numbers are whole
	isReal    bool
	lo, hi    any
	first     any
	last      any
	groups    map[string]float64
	differ    map[any]bool
}

// maxDistinct bounds what distinct values and groups cost in memory.
const maxDistinct = 100_000

func newFigure(top *pathNode, s *Stat, p Path) *figure {
	f := &figure{op: s.Op, by: s.By}
	f.node = top.at(p)
	if s.By != nil {
		f.group = f.node.group(p)
		f.groups = map[string]float64{}
	}
	if s.Op == "distinct" {
		f.differ = map[any]bool{}
	}
	f.node.add(f)
	return f
}

func (f *figure) begin(_ *walker, kind byte, _ int64) {
	if f.op == "count" {
		f.n++
	}
	f.container = kind == '{' || kind == '['
}

func (f *figure) end(_ *walker, n int64) {
	if f.op == "size" && f.n == 0 && f.container {
		f.n, f.value = 1, n
		f.node.done()
	}
}

func (f *figure) scalar(v any) {
	switch f.op {
	case "value":
		if f.n == 0 && v != nil {
			f.n, f.value = 1, v
			f.node.done()
		}
		return
	case "distinct":
		f.n++
		if x, ok := v.(float64); ok && x == math.Trunc(x) && math.Abs(x) < 1<<53 {
			v = int64(x) // 1.0 is 1
		}
		if len(f.differ) < maxDistinct {
			f.differ[v] = true
		}
		return
	case "size", "count":
		return
	}
	x, ok := expr.Float(v)
	if !ok {
		return
	}
	if f.n == 0 {
		f.lo, f.hi, f.first = v, v, v
	}
	f.n++
	f.last = v
	if lo, _ := expr.Float(f.lo); x < lo {
		f.lo = v
	}
	if hi, _ := expr.Float(f.hi); x > hi {
		f.hi = v
	}
	f.sum += x
	if n, ok := v.(int64); ok {
		f.whole += n
	} else {
		f.isReal = true
	}
	if f.group != nil {
		key := f.group.name
		if m := f.by.FindStringSubmatch(key); m != nil {
			key = m[len(m)-1]
		}
		if _, ok := f.groups[key]; ok || len(f.groups) < maxDistinct {
			f.groups[key] += x
		}
	}
}

// result is the figure; nil when the path selected nothing.
func (f *figure) result() any {
	if f.n == 0 && f.op != "count" {
		return nil
	}
	switch f.op {
	case "value", "size":
		return f.value
	case "count":
		return f.n
	case "distinct":
		return int64(len(f.differ))
	case "sum":
		if f.group != nil {
			most := math.Inf(-1)
			for _, s := range f.groups {
				most = max(most, s)
			}
			return finite(most)
		}
		if !f.isReal && math.Abs(f.sum) < 1<<62 {
			return f.whole
		}
		return finite(f.sum)
	case "min":
		return f.lo
	case "max":
		return f.hi
	case "mean":
		return finite(f.sum / float64(f.n))
	case "first":
		return f.first
	case "last":
		return f.last
	case "span":
		return minus(f.hi, f.lo)
	}
	return nil
}

func finite(x float64) any {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return x
}

// minus subtracts numbers; whole ones stay whole.
func minus(a, b any) any {
	f, okf := expr.Float(a)
	g, okg := expr.Float(b)
	if !okf || !okg {
		return nil
	}
	x, okx := a.(int64)
	y, oky := b.(int64)
	if okx && oky && math.Abs(f-g) < 1<<62 {
		return x - y
	}
	return finite(f - g)
}

// compute puts a figure together.
func (s *Stat) compute(figures []*figure, known map[string]any) any {
	switch s.Op {
	case "minus":
		return minus(known[s.Of[0]], known[s.Of[1]])
	case "per":
		a, okA := expr.Float(known[s.Of[0]])
		b, okB := expr.Float(known[s.Of[1]])
		if !okA || !okB || b == 0 {
			return nil
		}
		return finite(a / b)
	}
	for _, f := range figures {
		if f.n > 0 {
			return f.result()
		}
	}
	if s.Op == "count" {
		return int64(0)
	}
	return nil
}
