package journal

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/mstore/mstore/internal/backend"
)

// graph knows the ancestors of versions as plain sets.
type graph struct {
	all       []Target
	ancestors map[Target]map[Target]bool // each with itself
}

func (g *graph) add(t Target, parents ...Target) {
	set := map[Target]bool{t: true}
	for _, p := range parents {
		for x := range g.ancestors[p] {
			set[x] = true
		}
	}
	g.all = append(g.all, t)
	g.ancestors[t] = set
}

func (g *graph) relate(a, b Target) (rel Relation) {
	var both []Target
	for x := range g.ancestors[a] {
		if g.ancestors[b][x] {
			both = append(both, x)
		} else {
			rel.Ahead++
		}
	}
	for x := range g.ancestors[b] {
		if !g.ancestors[a][x] {
			rel.Behind++
		}
	}
	for _, x := range both {
		if !slices.ContainsFunc(both, func(y Target) bool { return y != x && g.ancestors[y][x] }) {
			rel.Bases = append(rel.Bases, x)
		}
	}
	slices.SortFunc(rel.Bases, func(x, y Target) int { return cmp.Compare(y.Entry, x.Entry) })
	return rel
}

// Ancestry and merge bases are those of the sets of ancestors, on random histories
// with forks, merges of any version, branches that are moved back, several roots, and
// the tail folded away now and then.
func TestGraphOfRandomHistories(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			w := newStore(t, backend.NewMem())
			g := &graph{ancestors: map[Target]map[Target]bool{}}
			branches := []string{"a", "b", "c", "d", "e"}[:1+r.IntN(5)]
			some := func() Target { return g.all[r.IntN(len(g.all))] }
			size := 20 + r.IntN(200)
			mergy := 2 + r.IntN(12)
			for len(g.all) < size {
				branch := branches[r.IntN(len(branches))]
				at, exists := w.s.Names[branch]
				switch {
				case len(g.all) > 0 && (!exists && r.IntN(8) > 0 || exists && r.IntN(20) == 0):
					w.append(Op{Kind: OpSetName, NameKind: Branch, Name: branch, Target: some()})
				case exists && r.IntN(mergy) == 0:
					parents := []Target{at.To}
					for range 1 + r.IntN(2) {
						if m := some(); !slices.Contains(parents, m) {
							parents = append(parents, m)
						}
					}
					g.add(w.commit(branch, parents[1:]...), parents...)
				case exists:
					g.add(w.commit(branch), at.To)
				default:
					g.add(w.commit(branch))
				}
				if r.IntN(60) == 0 {
					w.fold()
				}
			}
			w.verify()
			h := w.j.History(w.s)
			for range 300 {
				a, b := some(), some()
				got, err := h.Relate(t.Context(), a, b)
				if err != nil {
					t.Fatal(err)
				}
				want := g.relate(a, b)
				if d := gocmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
					t.Fatalf("%v and %v: (-want +got)\n%s", a, b, d)
				}
				tips := []Target{some(), some()}[:1+r.IntN(2)]
				contains, err := h.Contains(t.Context(), tips, a)
				if err != nil {
					t.Fatal(err)
				}
				wanted := slices.ContainsFunc(tips, func(tip Target) bool { return g.ancestors[tip][a] })
				if contains != wanted {
					t.Fatalf("%v contain %v: %v, want %v", tips, a, contains, wanted)
				}
			}
		})
	}
}

// Questions about ancestors in a long history read directories and bases, not what
// lies between.
func TestGraphReadsDirectories(t *testing.T) {
	w := newStore(t, backend.NewMem())
	w.commits(10)
	base := w.s.Names["main"].To
	w.append(Op{Kind: OpSetName, NameKind: Branch, Name: "exp", Target: base})
	exp := w.commit("exp")
	for range 6 {
		w.commits(400)
		w.fold()
	}
	main := w.s.Names["main"].To
	h := w.j.History(w.s)
	rel, err := h.Relate(t.Context(), exp, main)
	if err != nil || len(rel.Bases) != 1 || rel.Bases[0] != base || rel.Ahead != 1 || rel.Behind != 2400 {
		t.Errorf("%+v %v", rel, err)
	}
	if ok, err := h.Contains(t.Context(), []Target{main}, exp); ok || err != nil {
		t.Errorf("contains %v %v", ok, err)
	}
	if len(h.order) > 1 {
		t.Errorf("%d blocks of entries were read", len(h.order))
	}
}

// A parent that is not where an entry says is damage.
func TestVerifyParents(t *testing.T) {
	for name, change := range map[string]func(op *Op){
		"another place of the merged":      func(op *Op) { op.Merged[0].Entry-- },
		"another line of the merged":       func(op *Op) { op.Merged[0].Line++ },
		"an older one on the same line":    func(op *Op) { op.Parent.Entry-- },
		"another number of the merged":     func(op *Op) { op.Merged[0].Seq++ },
		"a first parent that is elsewhere": func(op *Op) { op.Parent.Line = 3; op.Parent.Seq = 9 },
	} {
		t.Run(name, func(t *testing.T) {
			w := newStore(t, backend.NewMem())
			w.commits(3)
			w.append(Op{Kind: OpSetName, NameKind: Branch, Name: "exp", Target: w.s.Names["main"].To})
			exp := w.commit("exp")
			w.commits(1)
			ops := commitOps(w.s, "main", "merge", exp)
			change(&ops[0])
			w.append(ops...)
			found := 0
			if _, err := w.j.Verify(t.Context(), w.s, func(Finding) { found++ }); err != nil || found == 0 {
				t.Errorf("%d findings, %v", found, err)
			}
		})
	}
}
