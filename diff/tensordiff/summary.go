package tensordiff

import (
	"cmp"
	"fmt"
	"strings"
)

const maxNamed = 5 // layers in a summary

// summary says in one line what changed; all are the groups in their order.
func summary(r *Result, all []*group) string {
	n := &r.Counts
	var say []string
	if s := structural(n); s != "" {
		say = append(say, s)
	}
	differ := n.Removed + n.Added + n.Renamed + n.Reshaped + n.Retyped + n.Changed
	switch {
	case differ == 0 && n.Unknown > 0:
		say = append(say, fmt.Sprintf("%d of %s could not be compared", n.Unknown, count(n.Unknown+n.Equal, "tensor")))
	case differ == 0:
		say = append(say, "no tensor differs")
	default:
		say = append(say, byLayer(n, all, differ)...)
		if n.Unknown > 0 {
			say = append(say, fmt.Sprintf("%s could not be compared", count(n.Unknown, "tensor")))
		}
	}
	if k := len(r.Metadata); k > 0 {
		say = append(say, count(k, "metadata entry")+" "+verb(k, "differs", "differ"))
	}
	return strings.Join(say, "; ")
}

func structural(n *Counts) string {
	var say []string
	for _, x := range []struct {
		n int
		s Status
	}{{n.Added, Added}, {n.Removed, Removed}, {n.Renamed, Renamed}, {n.Reshaped, Reshaped}, {n.Retyped, Retyped}} {
		if x.n > 0 {
			what := fmt.Sprint(x.n)
			if len(say) == 0 {
				what = count(x.n, "tensor")
			}
			say = append(say, what+" "+string(x.s))
		}
	}
	return strings.Join(say, ", ")
}

// byLayer says which layers changed, and what of the rest.
func byLayer(n *Counts, all []*group, differ int) (say []string) {
	var layers, others []string
	kinds := map[Kind][2]int{} // groups, and those that changed
	for _, g := range all {
		k := kinds[g.Kind]
		k[0]++
		if g.TensorsChanged > 0 {
			k[1]++
			switch g.Kind {
			case KindLayer:
				layers = append(layers, g.Name)
			case KindOther:
				others = append(others, g.Name)
			}
		}
		kinds[g.Kind] = k
	}
	switch {
	case n.Layers == 0 && kinds[KindEmbedding][0]+kinds[KindOptimizer][0] == 0:
		return append(say, fmt.Sprintf("%d of %s differ", differ, count(differ+n.Equal+n.Unknown, "tensor")))
	case n.Layers > 0 && len(layers) == 0:
		say = append(say, fmt.Sprintf("none of %s changed", count(n.Layers, "layer")))
	case n.Layers > 0:
		say = append(say, fmt.Sprintf("%d of %s changed: %s", len(layers), count(n.Layers, "layer"), some(layers)))
	}
	if k := kinds[KindEmbedding]; k[0] > 0 {
		say = append(say, "embeddings "+verb(k[1], "changed", "changed", "unchanged"))
	}
	if len(others) > 0 {
		say = append(say, some(others)+" changed")
	}
	if k := kinds[KindOptimizer]; k[0] > 0 {
		say = append(say, "optimizer state "+verb(k[1], "changed", "changed", "unchanged"))
	}
	return say
}

// some names the first of a list.
func some(names []string) string {
	if rest := len(names) - maxNamed; rest > 0 {
		return strings.Join(names[:maxNamed], ", ") + fmt.Sprintf(" and %d more", rest)
	}
	return strings.Join(names, ", ")
}

// count is a number of things.
func count(n int, thing string) string {
	if n != 1 {
		if s, ok := strings.CutSuffix(thing, "y"); ok {
			thing = s + "ies"
		} else {
			thing += "s"
		}
	}
	return fmt.Sprintf("%d %s", n, thing)
}

// verb is the word for one, for several, or for none if there is one for that.
func verb(n int, one, many string, none ...string) string {
	switch {
	case n == 1:
		return one
	case n == 0 && len(none) > 0:
		return none[0]
	}
	return many
}

// natural orders names so that a number comes before a larger one.
func natural(a, b string) int {
	for len(a) > 0 && len(b) > 0 {
		x, y := digits(a), digits(b)
		if x == 0 || y == 0 {
			if a[0] != b[0] {
				return cmp.Compare(a[0], b[0])
			}
			a, b = a[1:], b[1:]
			continue
		}
		p, q := strings.TrimLeft(a[:x], "0"), strings.TrimLeft(b[:y], "0")
		if c := cmp.Or(cmp.Compare(len(p), len(q)), cmp.Compare(p, q)); c != 0 {
			return c
		}
		a, b = a[x:], b[y:]
	}
	return cmp.Compare(len(a), len(b))
}

// digits is how many a string begins with.
func digits(s string) (n int) {
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}
