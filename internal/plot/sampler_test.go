package plot

import (
	"cmp"
	"math"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

func drawPoints(t *rapid.T, distinct bool) []Point {
	x := rapid.OneOf(rapid.Int64Range(-50, 50), rapid.Int64Range(-1<<62, 1<<62))
	y := rapid.OneOf(rapid.Just(math.NaN()), rapid.Float64Range(-5, 5), rapid.Float64())
	seen := map[int64]bool{}
	var list []Point
	for range rapid.IntRange(1, 200).Draw(t, "n") {
		p := Point{x.Draw(t, "x"), y.Draw(t, "y")}
		if distinct && seen[p.X] || math.IsInf(p.Y, 0) {
			continue
		}
		seen[p.X] = true
		list = append(list, p)
	}
	return list
}

func fill(s *Sampler, points []Point) {
	for _, p := range points {
		if p.Gap() {
			s.AddGap(p.X)
		} else {
			s.Add(p.X, p.Y)
		}
	}
}

// As long as there is room everything is kept, in order.
func TestSamplerKeepsAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		points := drawPoints(t, true)
		s := NewSampler(len(points))
		fill(s, points)
		want := slices.SortedFunc(slices.Values(points), func(a, b Point) int { return cmp.Compare(a.X, b.X) })
		if diff := gocmp.Diff(want, s.Points(), cmpopts.EquateNaNs(), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("-want +got:\n%s", diff)
		}
	})
}

// What is kept of each cell is what a look at all of its points finds.
func TestSamplerAgainstNaive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		points := drawPoints(t, false)
		s := NewSampler(rapid.IntRange(1, 20).Draw(t, "cells"))
		fill(s, points)
		if len(s.cells) > s.max {
			t.Fatalf("%d cells, at most %d are allowed", len(s.cells), s.max)
		}
		got := map[uint64][]Point{}
		for _, p := range s.Points() {
			got[s.key(p.X)] = append(got[s.key(p.X)], p)
		}
		cells := map[uint64][]Point{}
		values := 0
		for _, p := range points {
			if k := s.key(p.X); !p.Gap() {
				cells[k] = append(cells[k], p)
				values++
			} else if _, ok := cells[k]; !ok {
				cells[k] = nil
			}
		}
		if s.Len() != values {
			t.Errorf("Len is %d, want %d", s.Len(), values)
		}
		for k, all := range cells {
			kept := got[k]
			if len(all) == 0 {
				if len(kept) != 1 || !kept[0].Gap() {
					t.Errorf("cell %d is a gap, but there is %v", k, kept)
				}
				continue
			}
			if len(kept) == 0 || len(kept) > 4 {
				t.Fatalf("cell %d has %d points", k, len(kept))
			}
			for _, p := range kept {
				if !slices.Contains(all, p) {
					t.Errorf("cell %d: %v was never added", k, p)
				}
			}
			byX := func(a, b Point) int { return cmp.Compare(a.X, b.X) }
			byY := func(a, b Point) int { return cmp.Compare(a.Y, b.Y) }
			for what, f := range map[string]func([]Point) float64{
				"first": func(l []Point) float64 { return float64(slices.MinFunc(l, byX).X) },
				"last":  func(l []Point) float64 { return float64(slices.MaxFunc(l, byX).X) },
				"min":   func(l []Point) float64 { return slices.MinFunc(l, byY).Y },
				"max":   func(l []Point) float64 { return slices.MaxFunc(l, byY).Y },
			} {
				if f(kept) != f(all) {
					t.Errorf("cell %d, %s: %v, want %v", k, what, f(kept), f(all))
				}
			}
		}
		if len(got) != len(cells) {
			t.Errorf("%d cells, want %d", len(got), len(cells))
		}
	})
}

// The order in which points come is of no account.
func TestSamplerOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		points := drawPoints(t, true)
		a, b := NewSampler(8), NewSampler(8)
		fill(a, points)
		fill(b, rapid.Permutation(points).Draw(t, "order"))
		if diff := gocmp.Diff(a.Points(), b.Points(), cmpopts.EquateNaNs()); diff != "" {
			t.Fatal(diff)
		}
	})
}
