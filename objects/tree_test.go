package objects

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

type memNodes map[TreeID][]byte

func (m memNodes) TreeNode(_ context.Context, id TreeID) ([]byte, error) {
	b, ok := m[id]
	if !ok {
		return nil, fmt.Errorf("node %s: not there", id)
	}
	return b, VerifyTreeNode(id, b)
}

func (m memNodes) put(id TreeID, b []byte) error { m[id] = slices.Clone(b); return nil }

func edits(m map[string]int64) (out []TreeEdit) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		e := TreeEdit{TreeEntry: TreeEntry{Path: k, Size: m[k], Blob: HashBlob(fmt.Append(nil, m[k]))}, Remove: m[k] < 0}
		if e.Remove {
			e.TreeEntry = TreeEntry{Path: k}
		}
		out = append(out, e)
	}
	return out
}

func contents(t interface{ Fatal(...any) }, tr *Tree, prefix string) map[string]int64 {
	got := map[string]int64{}
	last := ""
	for e, err := range tr.Below(context.Background(), prefix) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Path <= last {
			t.Fatal("out of order", e.Path)
		}
		last = e.Path
		got[e.Path] = e.Size
	}
	return got
}

// TestTreeRandom makes random edits and compares with a map: the entries, the
// history independence, lookups, prefixes, differences and the totals.
func TestTreeRandom(t *testing.T) {
	ctx := context.Background()
	rapid.Check(t, func(t *rapid.T) {
		nodes := memNodes{}
		tree := OpenTree(TreeID{}, nodes)
		want := map[string]int64{}
		for range rapid.IntRange(1, 6).Draw(t, "rounds") {
			before := maps.Clone(want)
			m := map[string]int64{}
			keys := rapid.IntRange(1, 2000).Draw(t, "keys")
			seed := rapid.Uint64().Draw(t, "seed")
			r := rand.New(rand.NewPCG(seed, 1))
			for range rapid.IntRange(0, 400).Draw(t, "edits") {
				k := fmt.Sprintf("d%d/m%d.json", r.IntN(7), r.IntN(keys))
				if r.IntN(3) == 0 {
					m[k] = -1
					delete(want, k)
				} else {
					m[k] = int64(r.IntN(1 << 20))
					want[k] = m[k]
				}
			}
			next, err := tree.Apply(ctx, edits(m), nodes.put)
			if err != nil {
				t.Fatal(err)
			}
			if got := contents(t, next, ""); !maps.Equal(got, want) {
				t.Fatalf("have %d entries, want %d", len(got), len(want))
			}
			fresh, err := OpenTree(TreeID{}, nodes).Apply(ctx, edits(want), nodes.put)
			if err != nil {
				t.Fatal(err)
			}
			if fresh.ID != next.ID {
				t.Fatal("the tree depends on its history")
			}
			n, size, err := next.Totals(ctx)
			var sum int64
			for _, s := range want {
				sum += s
			}
			if err != nil || n != len(want) || size != sum {
				t.Fatalf("totals %d, %d, %v; want %d, %d", n, size, err, len(want), sum)
			}
			for k := range m {
				e, ok, err := next.Get(ctx, k)
				if s, in := want[k]; err != nil || ok != in || e.Size != s {
					t.Fatalf("get %q: %v %v %v", k, e, ok, err)
				}
			}
			for d, err := range DiffTrees(ctx, tree, next) {
				if err != nil {
					t.Fatal(err)
				}
				b, in := before[d.Path]
				a, out := want[d.Path]
				if (d.From != nil) != in || (d.To != nil) != out || (in && out && a == b) || (in && d.From.Size != b) || (out && d.To.Size != a) {
					t.Fatalf("difference at %q: %+v", d.Path, d)
				}
				delete(before, d.Path)
				delete(m, d.Path)
			}
			for k := range m { // not reported: must be the same in both
				if a, in := before[k]; in != hasKey(want, k) || a != want[k] {
					t.Fatalf("difference at %q not found", k)
				}
			}
			for k := range contents(t, next, "d3/") {
				if !strings.HasPrefix(k, "d3/") {
					t.Fatalf("%q is not below d3/", k)
				}
			}
			tree = next
		}
	})
}

func hasKey(m map[string]int64, k string) bool { _, ok := m[k]; return ok }

// TestTreeOneAmongMany bounds what committing one model among 100,000 writes.
func TestTreeOneAmongMany(t *testing.T) {
	ctx := context.Background()
	nodes := memNodes{}
	m := map[string]int64{}
	for i := range 100_000 {
		m[fmt.Sprintf("runs/%03d/checkpoint_%05d.json", i%500, i)] = int64(i)
	}
	tree, err := OpenTree(TreeID{}, nodes).Apply(ctx, edits(m), nodes.put)
	if err != nil {
		t.Fatal(err)
	}
	worst := 0
	for i := 0; i < 100_000; i += 997 {
		k := fmt.Sprintf("runs/%03d/checkpoint_%05d.json", i%500, i)
		written := 0
		next, err := tree.Apply(ctx, edits(map[string]int64{k: 7}), func(id TreeID, b []byte) error {
			written += len(b)
			return nodes.put(id, b)
		})
		if err != nil || next.ID == tree.ID {
			t.Fatal(err, "tree did not change")
		}
		worst = max(worst, written)
	}
	if worst > 10_000 {
		t.Errorf("%d bytes of new tree for one model", worst)
	}
	t.Logf("%d bytes at the most", worst)
}

func FuzzTreeNode(f *testing.F) {
	n := treeNode{items: []treeItem{{key: "a/b", size: 5, count: 1}, {key: "a/c", size: 300, count: 1}}}
	b, _ := n.encode()
	f.Add(b)
	n.level = 2
	b, _ = n.encode()
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := decodeTreeNode(b)
		if err != nil {
			return
		}
		if again, _ := n.encode(); string(again) != string(b) {
			t.Fatalf("accepted %x, writes %x", b, again)
		}
	})
}
