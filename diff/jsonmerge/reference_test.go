package jsonmerge

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/mstore/mstore/diff/internal/jsondoctest"
)

// reference merges decoded values in the simplest way: objects by name, arrays of objects
// by their id, other arrays as sequences in which no element occurs twice.
type reference struct {
	prefer    int
	conflicts int
	wild      bool // it met what it cannot judge
}

type absent struct{}

func same(x, y any) bool { return reflect.DeepEqual(plain(x), plain(y)) }

// plain forgets the order of members.
func plain(v any) any {
	switch v := v.(type) {
	case *jsondoctest.Object:
		m := map[string]any{}
		for n, x := range v.Values {
			m[n] = plain(x)
		}
		return m
	case []any:
		list := []any{}
		for _, x := range v {
			list = append(list, plain(x))
		}
		return list
	}
	return v
}

// value merges a value that may be absent anywhere.
func (r *reference) value(b any, s [3]any) any {
	switch {
	case same(s[ours], s[theirs]), same(b, s[theirs]):
		return s[ours]
	case same(b, s[ours]):
		return s[theirs]
	}
	if x, ok := b.(*jsondoctest.Object); ok {
		if y, ok := s[ours].(*jsondoctest.Object); ok {
			if z, ok := s[theirs].(*jsondoctest.Object); ok {
				return r.object(x, y, z)
			}
		}
	}
	if x, ok := b.([]any); ok {
		if y, ok := s[ours].([]any); ok {
			if z, ok := s[theirs].([]any); ok {
				return r.array(x, [3][]any{nil, y, z})
			}
		}
	}
	r.conflicts++
	return s[r.prefer]
}

func (r *reference) object(x, y, z *jsondoctest.Object) any {
	get := func(o *jsondoctest.Object, n string) any {
		if v, ok := o.Values[n]; ok {
			return v
		}
		return absent{}
	}
	out := jsondoctest.NewObject()
	for _, n := range slices.Compact(slices.Sorted(slices.Values(slices.Concat(y.Names, z.Names)))) {
		if v := r.value(get(x, n), [3]any{nil, get(y, n), get(z, n)}); v != (absent{}) {
			out.Set(n, v)
		}
	}
	return out
}

// label says which element an element is: that of base, or a new one.
type label struct {
	base int
	key  string
}

func (r *reference) array(b []any, s [3][]any) any {
	keys := [3][]string{keysOf(b), keysOf(s[ours]), keysOf(s[theirs])}
	ids := func(i int, list []any) bool { return len(list) == 0 || keys[i] != nil }
	keyed := ids(0, b) && ids(1, s[ours]) && ids(2, s[theirs]) && len(keys[0])+len(keys[1])+len(keys[2]) > 0
	if keyed && !(half(keys[0], keys[1]) && half(keys[0], keys[2])) {
		r.wild = true // a sequence in which elements moved has more than one alignment
		keyed = false
	}
	var labels [3][]label
	for _, side := range []int{ours, theirs} {
		if keyed {
			for _, k := range keys[side] {
				labels[side] = append(labels[side], label{slices.Index(keys[0], k), k})
			}
		} else {
			labels[side] = sequence(b, s[side])
		}
	}
	at := func(side, i int) int { // where that element of base is
		return slices.IndexFunc(labels[side], func(l label) bool { return l.base == i })
	}
	inBoth := func(l label) bool { return l.base >= 0 && at(ours, l.base) >= 0 && at(theirs, l.base) >= 0 }
	var order [3][]int
	for _, side := range []int{ours, theirs} {
		for _, l := range labels[side] {
			if inBoth(l) {
				order[side] = append(order[side], l.base)
			}
		}
	}
	lead := ours
	if keyed && !slices.IsSorted(order[theirs]) && !slices.Equal(order[ours], order[theirs]) {
		lead = theirs
		if !slices.IsSorted(order[ours]) {
			r.conflicts++
			lead = r.prefer
		}
	}
	// What each side alone has behind an element that both have.
	behind := func(side, i int) (list []int) {
		k := 0
		if i >= 0 {
			k = at(side, i) + 1
		}
		for ; k < len(labels[side]) && !inBoth(labels[side][k]); k++ {
			list = append(list, k)
		}
		return list
	}
	out := []any{}
	emit := func(side, k int) {
		l := labels[side][k]
		e := [3]any{nil, absent{}, absent{}}
		e[side] = s[side][k]
		var base any = absent{}
		if l.base >= 0 {
			base = b[l.base]
		} else if j := slices.Index(labels[other(side)], l); keyed && j >= 0 {
			if side != lead {
				return
			}
			e[other(side)] = s[other(side)][j]
		}
		if v := r.value(base, e); v != (absent{}) {
			out = append(out, v)
		}
	}
	region := func(i int) {
		x, y := behind(lead, i), behind(other(lead), i)
		isNew := func(side int) func(int) bool {
			return func(k int) bool { return labels[side][k].base < 0 }
		}
		values := func(side int, list []int) (vs []any) {
			for _, k := range list {
				if isNew(side)(k) {
					vs = append(vs, s[side][k])
				}
			}
			return vs
		}
		v, w := values(lead, x), values(other(lead), y)
		if !keyed && len(v) > 0 && len(w) > 0 {
			side := lead
			if !same(v, w) {
				r.conflicts++
				side = r.prefer
			}
			if side == lead {
				y = slices.DeleteFunc(y, isNew(other(lead)))
			} else {
				x = slices.DeleteFunc(x, isNew(lead))
			}
		}
		for _, k := range x {
			emit(lead, k)
		}
		for _, k := range y {
			emit(other(lead), k)
		}
	}
	region(-1)
	for _, i := range order[lead] {
		out = append(out, r.value(b[i], [3]any{nil, s[ours][at(ours, i)], s[theirs][at(theirs, i)]}))
		region(i)
	}
	return out
}

func keysOf(list []any) (keys []string) {
	for _, v := range list {
		o, ok := v.(*jsondoctest.Object)
		if !ok || o.Values["id"] == nil {
			return nil
		}
		keys = append(keys, fmt.Sprint(o.Values["id"]))
	}
	return keys
}

func half(x, y []string) bool {
	n := 0
	for _, k := range y {
		if slices.Contains(x, k) {
			n++
		}
	}
	return 2*n >= min(len(x), len(y))
}

// sequence labels what is equal in base, and what lies between by position.
func sequence(b, s []any) []label {
	labels := make([]label, 0, len(s))
	i := 0
	for j := 0; j <= len(s); j++ {
		to := len(b)
		if j < len(s) {
			if to = slices.IndexFunc(b, func(v any) bool { return same(v, s[j]) }); to < 0 {
				continue
			}
		}
		for len(labels) < j {
			if i < to {
				labels = append(labels, label{base: i})
			} else {
				labels = append(labels, label{base: -1})
			}
			i++
		}
		if j < len(s) {
			labels = append(labels, label{base: to})
		}
		i = to + 1
	}
	return labels
}

// tame makes documents for which the reference holds.
func tame(t *rapid.T, depth int, fresh *int) any {
	kind := rapid.IntRange(0, 3).Draw(t, "kind")
	if depth == 0 {
		kind = 0
	}
	switch kind {
	case 1:
		o := jsondoctest.NewObject()
		for _, n := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}), 0, 5, rapid.ID[string]).Draw(t, "names") {
			o.Set(n, tame(t, depth-1, fresh))
		}
		return o
	case 2:
		list := []any{}
		for range rapid.IntRange(0, 6).Draw(t, "elements") {
			list = append(list, unique(fresh))
		}
		return list
	case 3:
		list := []any{}
		for range rapid.IntRange(0, 6).Draw(t, "elements") {
			list = append(list, withID(t, depth, fresh))
		}
		return list
	}
	return unique(fresh)
}

func unique(fresh *int) any {
	*fresh++
	return fmt.Sprintf("s%d", *fresh)
}

func withID(t *rapid.T, depth int, fresh *int) any {
	o := jsondoctest.NewObject()
	o.Set("id", unique(fresh))
	o.Set("v", tame(t, depth-1, fresh))
	return o
}

// touch changes a tame document, and it stays one.
func touch(t *rapid.T, v any, fresh *int) any {
	switch v := v.(type) {
	case *jsondoctest.Object:
		n := rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}).Draw(t, "member")
		if _, ok := v.Values["id"]; ok {
			n = "v"
		}
		x, ok := v.Values[n]
		switch {
		case !ok:
			v.Set(n, tame(t, 1, fresh))
		case n != "v" && rapid.IntRange(0, 3).Draw(t, "delete") == 0:
			v.Delete(n)
		default:
			v.Set(n, touch(t, x, fresh))
		}
		return v
	case []any:
		if len(v) == 0 {
			return v
		}
		i := rapid.IntRange(0, len(v)-1).Draw(t, "element")
		_, object := v[0].(*jsondoctest.Object)
		switch rapid.IntRange(0, 4).Draw(t, "what") {
		case 0:
			return slices.Delete(v, i, i+1)
		case 1:
			if object {
				return slices.Insert(v, i, withID(t, 1, fresh))
			}
			return slices.Insert(v, i, unique(fresh))
		case 2:
			if object {
				return rapid.Permutation(v).Draw(t, "order")
			}
		}
		v[i] = touch(t, v[i], fresh)
		return v
	}
	return unique(fresh)
}

func TestAgainstReference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fresh := 0
		b := tame(t, 4, &fresh)
		x, y := jsondoctest.Clone(b), jsondoctest.Clone(b)
		for range rapid.IntRange(1, 4).Draw(t, "changes of ours") {
			x = touch(t, x, &fresh)
		}
		// Now and then both make the same change.
		if rapid.IntRange(0, 3).Draw(t, "shared") == 0 {
			y = jsondoctest.Clone(x)
		}
		for range rapid.IntRange(1, 4).Draw(t, "changes of theirs") {
			y = touch(t, y, &fresh)
		}
		docs := [3][]byte{jsondoctest.Encode(t, b), jsondoctest.Encode(t, x), jsondoctest.Encode(t, y)}
		for _, p := range []Prefer{Ours, Theirs} {
			ref := reference{prefer: int(p)}
			want := ref.value(b, [3]any{nil, x, y})
			got, r := merged(t, docs[0], docs[1], docs[2], p, memory(t))
			if ref.wild {
				continue
			}
			if w := jsondoctest.Canonical(jsondoctest.Encode(t, want)); jsondoctest.Canonical([]byte(got)) != w {
				t.Fatalf("preferring %d\nbase %s\nours %s\ntheirs %s\nbecame %s\nnot %s", p, docs[0], docs[1], docs[2], got, w)
			}
			if int(r.Total) != ref.conflicts {
				t.Fatalf("%d conflicts, not %d\nbase %s\nours %s\ntheirs %s", r.Total, ref.conflicts, docs[0], docs[1], docs[2])
			}
		}
	})
}
