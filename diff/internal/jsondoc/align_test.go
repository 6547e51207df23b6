package jsondoc

import (
	"testing"

	"pgregory.net/rapid"
)

// The runs are in order and equal, and together as long as a longest common subsequence.
func TestAlign(t *testing.T) {
	seq := rapid.SliceOfN(rapid.Uint64Range(0, 6), 0, 40)
	rapid.Check(t, func(t *rapid.T) {
		a, b := seq.Draw(t, "a"), seq.Draw(t, "b")
		n, i, j := 0, 0, 0
		for _, r := range new(Aligner).Align(a, b) {
			if r.N <= 0 || r.A < i || r.B < j {
				t.Fatalf("run %+v behind %d, %d", r, i, j)
			}
			for k := range r.N {
				if a[r.A+k] != b[r.B+k] {
					t.Fatalf("run %+v is not equal", r)
				}
			}
			n, i, j = n+r.N, r.A+r.N, r.B+r.N
		}
		if want := longest(a, b); n != want {
			t.Fatalf("%d in common, not %d", n, want)
		}
	})
}

// longest is the length of a longest common subsequence.
func longest(a, b []uint64) int {
	row := make([]int, len(b)+1)
	for _, x := range a {
		left := 0
		for j, y := range b {
			up := row[j+1]
			if x == y {
				row[j+1] = left + 1
			} else {
				row[j+1] = max(row[j+1], row[j])
			}
			left = up
		}
	}
	return row[len(b)]
}

// Beyond the bounds what both begin and end with is still found.
func TestAlignBounds(t *testing.T) {
	var a, b []uint64
	for i := range uint64(20_000) {
		a, b = append(a, i), append(b, i)
		if i > 5000 && i < 15_000 && i%2 == 0 {
			b[i] += 1 << 40
		}
	}
	al := new(Aligner)
	n := 0
	for _, r := range al.Align(a, b) {
		n += r.N
	}
	if n != 5002+5001 {
		t.Errorf("%d elements aligned", n)
	}
	if al.work > 2*maxEdits*maxEdits+len(a) {
		t.Errorf("%d steps", al.work)
	}
	al.work = maxWork + 1
	if runs := al.Align([]uint64{1, 2, 3, 4}, []uint64{1, 3, 2, 4}); len(runs) != 2 {
		t.Errorf("%v after the work was used up", runs)
	}
}

func TestFindKey(t *testing.T) {
	for _, c := range []struct{ a, b, want string }{
		{`[{"id":1},{"id":2}]`, `[{"id":2}]`, "id"},
		{`[{"w":1,"pattern_id":1},{"pattern_id":2,"w":2}]`, `[{"pattern_id":2,"w":7}]`, "pattern_id"},
		{`[{"name":"a","id":7},{"name":"b","id":8}]`, `[{"name":"a","id":8}]`, "id"},
		{`[{"name":"a","id":7},{"name":"b","id":7}]`, `[{"name":"a","id":8}]`, "name"},            // not unique in a
		{`[{"id":1},{"id":2},{"id":3}]`, `[{"id":7},{"id":8},{"id":3}]`, ""},                      // too few partners
		{`[{"id":1},{"w":2}]`, `[{"id":1}]`, ""},                                                  // not in all
		{`[{"id":1},5]`, `[{"id":1}]`, ""},                                                        // not all objects
		{`[{"id":[1]},{"id":[2]}]`, `[{"id":[1]}]`, ""},                                           // no scalars
		{`[{"w":0.1},{"w":0.2}]`, `[{"w":0.1},{"w":0.3}]`, ""},                                    // of another name, and changed
		{`[{"chord":"C"},{"chord":"D"},{"chord":"E"}]`, `[{"chord":"E"},{"chord":"D"}]`, "chord"}, // a part of it
		{`[{"id":1}]`, `[]`, "id"},
		{`[]`, `[{"chord":1}]`, ""},
		{`[]`, `[]`, ""},
		{`[{"id":1},{"id":1.0}]`, `[{"id":1}]`, ""},
	} {
		docs := []*Doc{mustOpen(t, c.a, 0), mustOpen(t, c.b, 0)}
		var lists []Elements
		for _, d := range docs {
			e, err := d.Elements(d.Root)
			if err != nil {
				t.Fatal(err)
			}
			lists = append(lists, e)
		}
		key, err := FindKey(docs, lists)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if key != nil {
			got = key.Name
		}
		if got != c.want {
			t.Errorf("%s and %s are aligned by %q, not %q", c.a, c.b, got, c.want)
		}
	}
}
