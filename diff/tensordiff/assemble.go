package tensordiff

import (
	"cmp"
	"math"
	"slices"
)

// result puts together what was found.
func (c *comparison) result() *Result {
	r := &Result{Before: c.a.file(), After: c.b.file(), Tensors: []Tensor{}, Layers: []Layer{}, Metadata: metadata(c.a.list.Metadata, c.b.list.Metadata), Problems: []Problem{}}
	groups := map[string]*group{}
	for _, p := range c.pairs {
		t := c.tensor(p)
		r.Counts.add(t.Status)
		g := groups[t.Layer]
		if g == nil {
			_, kind := layerOf(t.Name)
			g = &group{Layer: Layer{Name: t.Layer, Kind: kind}}
			groups[t.Layer] = g
		}
		g.add(&t, &p.sums)
		if t.Status != Equal {
			r.Tensors = append(r.Tensors, t)
		}
	}
	slices.SortFunc(r.Tensors, func(a, b Tensor) int {
		return cmp.Or(cmp.Compare(order[a.Status], order[b.Status]), cmp.Compare(weight(&b), weight(&a)), cmp.Compare(a.Name, b.Name))
	})
	all := sorted(groups)
	for _, g := range all {
		if g.Kind == KindLayer {
			r.Counts.Layers++
		}
		if g.TensorsChanged > 0 {
			r.Layers = append(r.Layers, g.Layer)
			if g.Kind == KindLayer {
				r.Counts.LayersChanged++
			}
		}
	}
	r.Equal = len(r.Tensors) == 0 && len(r.Metadata) == 0
	r.Summary = summary(r, all)
	for _, s := range []*side{c.a, c.b} {
		for _, p := range s.list.Problems {
			r.Problems = append(r.Problems, Problem{s.Side, p.String()})
		}
	}
	r.Tensors, r.Omitted.Tensors = limit(r.Tensors, c.o.Limit)
	r.Layers, r.Omitted.Layers = limit(r.Layers, c.o.Limit)
	r.Metadata, r.Omitted.Metadata = limit(r.Metadata, c.o.Limit)
	return r
}

// limit cuts a list to n; 0 leaves it.
func limit[T any](s []T, n int) ([]T, int) {
	if n <= 0 || len(s) <= n {
		return s, 0
	}
	return s[:n], len(s) - n
}

// order is where a status stands in a listing.
var order = map[Status]int{Removed: 1, Added: 2, Renamed: 3, Reshaped: 4, Retyped: 5, Changed: 6, Unknown: 7}

// weight is how much a tensor changed. All zeros before is as much as can be;
// opaque data has only its share.
func weight(t *Tensor) float64 {
	switch {
	case t.Delta == nil:
		return -1
	case t.Delta.Opaque:
		return float64(t.Delta.Share)
	case math.IsNaN(float64(t.Delta.RelativeL2)):
		return math.Inf(1)
	}
	return float64(t.Delta.RelativeL2)
}

// tensor is a pair as a result has it.
func (c *comparison) tensor(p *pair) Tensor {
	t := Tensor{Status: p.status, Delta: p.delta, Note: p.note}
	if p.i >= 0 {
		e := &c.a.list.Tensors[p.i]
		t.Name, t.DTypeBefore, t.ShapeBefore, t.Elements = c.a.names[p.i], e.DType, shape(e.Shape), e.Elements
	}
	if p.j >= 0 {
		e := &c.b.list.Tensors[p.j]
		if p.status == Renamed {
			t.From = t.Name
		}
		t.Name, t.DTypeAfter, t.ShapeAfter, t.Elements = c.b.names[p.j], e.DType, shape(e.Shape), e.Elements
	}
	t.Layer, _ = layerOf(t.Name)
	return t
}

// shape is never nil, which would be no side at all.
func shape(s []int64) []int64 {
	if s == nil {
		return []int64{}
	}
	return s
}

func (n *Counts) add(s Status) {
	switch s {
	case Removed:
		n.Removed++
	case Added:
		n.Added++
	case Renamed:
		n.Renamed++
	case Reshaped:
		n.Reshaped++
	case Retyped:
		n.Retyped++
	case Changed:
		n.Changed++
	case Unknown:
		n.Unknown++
	case Equal:
		n.Equal++
	}
}

// group is a layer while its tensors are added up.
type group struct {
	Layer
	dd, aa float64
}

func (g *group) add(t *Tensor, s *sums) {
	g.Tensors++
	if t.Status == Equal {
		return
	}
	g.TensorsChanged++
	if t.Status != Changed && t.Status != Unknown {
		g.Structural++
	}
	if t.Delta != nil {
		g.dd += s.dd
		g.aa += s.aa
	}
}

// sorted settles the norms of groups, and brings them in the order of a result.
func sorted(groups map[string]*group) []*group {
	var all []*group
	for _, g := range groups {
		g.L2, g.RelativeL2 = Number(math.Sqrt(g.dd)), ratio(g.dd, g.aa)
		all = append(all, g)
	}
	first := func(g *group) int { return min(g.Structural, 1) }
	weight := func(g *group) float64 {
		if math.IsNaN(float64(g.RelativeL2)) {
			return math.Inf(1)
		}
		return float64(g.RelativeL2)
	}
	slices.SortFunc(all, func(a, b *group) int {
		return cmp.Or(cmp.Compare(first(b), first(a)), cmp.Compare(weight(b), weight(a)), cmp.Compare(b.TensorsChanged, a.TensorsChanged), natural(a.Name, b.Name))
	})
	return all
}
