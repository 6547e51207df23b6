package policy

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"
)

// shape is a history for benchmarks.
type shape struct {
	versions, changes, paths int
	branches                 int // each forks off main, and changes as much
	deleted                  int // of the branches
	tags                     int
}

func (s shape) String() string {
	return fmt.Sprintf("%dx%d-of-%d-branches-%d-tags-%d", s.versions, s.changes, s.paths, s.branches, s.tags)
}

func (s shape) input() *Input {
	rnd := rand.New(rand.NewPCG(1, 2))
	paths := make([]string, s.paths)
	for i := range paths {
		paths[i] = fmt.Sprintf("group-%02d/model-%06d.json", i%50, i)
	}
	in := &Input{SafetyReason: "old"}
	main, fork := -1, max(2, s.versions/max(1, s.branches+1))
	for v := range s.versions {
		x := Version{Entry: uint64(v + 1), Parent: main, Branch: "main", Time: noon.Add(time.Duration(v) * 10 * time.Minute),
			Metrics: map[string]any{"loss": rnd.Float64()}, Seq: uint64(v + 1)}
		if s.branches > 0 && v%fork == fork-1 {
			x.Branch = fmt.Sprintf("exp/%d", v/fork)
			if v/fork >= s.deleted {
				in.Heads = append(in.Heads, Head{x.Branch, v})
			}
		} else {
			main = v
		}
		first := rnd.IntN(s.paths)
		for c := range s.changes {
			var change Change
			binary.LittleEndian.PutUint64(change.Blob[:], rnd.Uint64())
			change.Path, change.Size = paths[(first+c)%s.paths], 1000
			change.Removed = rnd.IntN(50) == 0
			x.Changes = append(x.Changes, change)
		}
		in.Versions = append(in.Versions, x)
	}
	in.Heads = append(in.Heads, Head{"main", main})
	for i := range s.tags {
		in.Pins = append(in.Pins, Pin{rnd.IntN(s.versions), "", fmt.Sprintf("tag t%d", i)})
	}
	return in
}

func BenchmarkEvaluate(b *testing.B) {
	p := mustParse(b, config("keep-last 10", "keep-within 30d", "keep-hourly 24", "keep-daily 7", "keep-weekly 5", "keep-monthly 12", "keep-yearly 3",
		"keep-best loss:min:3", "keep-where metrics.loss < 0.0001", "never-below 2", "model.group-01/**.keep-last 3", "branch.exp/*.keep-last 2"))
	for _, s := range []shape{
		{versions: 100_000, changes: 10, paths: 1000},
		{versions: 100_000, changes: 10, paths: 1000, branches: 1000, deleted: 500, tags: 100},
		{versions: 20_000, changes: 100, paths: 1000, branches: 10_000, deleted: 9_000},
		{versions: 10, changes: 100_000, paths: 100_000},
		{versions: 1000, changes: 1000, paths: 100_000, branches: 500, tags: 100},
		{versions: 100_000, changes: 10, paths: 1},
	} {
		if s.paths == 1 {
			s.changes = 1
		}
		b.Run(s.String(), func(b *testing.B) {
			in := s.input()
			b.ReportAllocs()
			var before, after runtime.MemStats
			var r *Result
			runtime.GC()
			runtime.ReadMemStats(&before)
			for b.Loop() {
				var err error
				if r, err = p.Evaluate(in); err != nil {
					b.Fatal(err)
				}
			}
			runtime.GC()
			runtime.ReadMemStats(&after)
			kept := 0
			for i := range r.Items {
				if r.Items[i].Keep {
					kept++
				}
			}
			b.ReportMetric(float64(len(r.Items)), "items")
			b.ReportMetric(float64(kept), "kept")
			b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/1e6, "result-MB")
			runtime.KeepAlive(in)
		})
	}
}
