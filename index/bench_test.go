package index

import (
	"context"
	"testing"

	"github.com/mstore/mstore/internal/expr"
)

func benchIndex(b *testing.B, n, models int) (*Index, *history) {
	b.Helper()
	h := makeHistory(1, n, models, 10, 5)
	ix := Open(b.TempDir(), Options{})
	if err := ix.With(context.Background(), h, func(*Query) error { return nil }); err != nil {
		b.Fatal(err)
	}
	return ix, h
}

func ask(b *testing.B, ix *Index, h *history, fn func(*Query) int) {
	b.Helper()
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		err := ix.With(context.Background(), h, func(q *Query) error {
			n = fn(q)
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n), "hits")
}

func count(q *Query, w Where) (n int) {
	for _, err := range q.Find(w) {
		if err != nil {
			panic(err)
		}
		n++
	}
	return n
}

func mustParse(src string) *expr.Expr {
	e, err := expr.Parse(src)
	if err != nil {
		panic(err)
	}
	return e
}

func BenchmarkOpen(b *testing.B) {
	ix, h := benchIndex(b, 10_000, 1)
	ask(b, ix, h, func(*Query) int { return 0 })
}

func BenchmarkPath(b *testing.B) {
	ix, h := benchIndex(b, 11_200, 1) // 10,080 hits
	ask(b, ix, h, func(q *Query) int { return count(q, Where{Paths: []string{"models/group-00/model-00000.json"}}) })
}

func BenchmarkDirectory(b *testing.B) {
	ix, h := benchIndex(b, 10_000, 1000)
	ask(b, ix, h, func(q *Query) int { return count(q, Where{Paths: []string{"models/group-03"}}) })
}

func BenchmarkBlob(b *testing.B) {
	ix, h := benchIndex(b, 10_000, 1000)
	blob := h.entries[5000].Changes[0].Blob
	ask(b, ix, h, func(q *Query) int { return count(q, Where{Blob: whole(blob)}) })
}

func BenchmarkMetricBelow(b *testing.B) {
	ix, h := benchIndex(b, 10_000, 1000)
	w := Where{Expr: mustParse("metrics.metric1 < 0.01")}
	ask(b, ix, h, func(q *Query) int { return count(q, w) })
}

func BenchmarkSortedMetric(b *testing.B) {
	ix, h := benchIndex(b, 10_000, 1000)
	ask(b, ix, h, func(q *Query) int {
		hits, _ := q.Sorted("metrics.metric1", false, 10, Where{})
		return len(hits)
	})
}

func BenchmarkOpenAndFindIn100k(b *testing.B) {
	ix, h := benchIndex(b, 100_000, 10_000)
	path := h.entries[50_000].Changes[0].Path
	ask(b, ix, h, func(q *Query) int { return count(q, Where{Paths: []string{path}}) })
}

func BenchmarkMessageRegexp(b *testing.B) {
	ix, h := benchIndex(b, 10_000, 1000)
	w := Where{Expr: mustParse(`message ~ 'epoch 77[0-9]$'`)}
	ask(b, ix, h, func(q *Query) int { return count(q, w) })
}

func BenchmarkCatchUp(b *testing.B) {
	h := makeHistory(1, 50_000, 1000, 10, 5)
	ctx := context.Background()
	var st Stat
	for b.Loop() {
		ix := Open(b.TempDir(), Options{})
		if err := ix.Rebuild(ctx, h); err != nil {
			b.Fatal(err)
		}
		st, _ = ix.Stat(ctx, h)
	}
	b.ReportMetric(float64(st.Versions*b.N)/b.Elapsed().Seconds(), "versions/s")
	b.ReportMetric(float64(st.Bytes)/float64(st.Versions), "bytes/version")
}

func BenchmarkWalk(b *testing.B) {
	h := makeHistory(1, 10_000, 1000, 10, 5)
	for b.Loop() {
		Walk(context.Background(), h, func(q *Query) error {
			count(q, Where{Paths: []string{"models/group-03"}})
			return nil
		})
	}
}
