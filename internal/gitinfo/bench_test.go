package gitinfo

import (
	"context"
	"fmt"
	"testing"
	"time"
)

// benchProject has 500 files in 40 directories.
func benchProject(b *testing.B) *project {
	p := newProject(b)
	for i := range 500 {
		name := fmt.Sprintf("src/part%d/deep%d/file_with_a_name_%d.py", i%20, i%2, i)
		p.write(name, fmt.Sprint("x = ", i, "\n"))
		p.age(name)
	}
	p.git("add", ".")
	p.git("commit", "-qm", "first")
	b.ResetTimer()
	b.ReportAllocs()
	return p
}

func BenchmarkRead(b *testing.B) {
	run := func(b *testing.B, cache Cache, prepare func(p *project)) {
		p := benchProject(b)
		prepare(p)
		dir := p.path("src/part1")
		r := reader{now: func() time.Time { return time.Now().Add(time.Hour) }}
		if cache != nil {
			p.read(r, cache)
		}
		for b.Loop() {
			if st, ok, err := r.read(context.Background(), dir, cache); st.Dirty || !ok || err != nil {
				b.Fatal(st, ok, err)
			}
		}
	}
	touchAll := func(p *project) {
		for i := range 500 {
			p.age(fmt.Sprintf("src/part%d/deep%d/file_with_a_name_%d.py", i%20, i%2, i))
		}
	}
	b.Run("warm", func(b *testing.B) { run(b, &mem{}, func(*project) {}) })
	b.Run("warm, all touched", func(b *testing.B) { run(b, &mem{}, touchAll) })
	b.Run("no cache", func(b *testing.B) { run(b, nil, func(*project) {}) })
	b.Run("no cache, all touched", func(b *testing.B) { run(b, nil, touchAll) })
	b.Run("no cache, packed", func(b *testing.B) { run(b, nil, func(p *project) { p.git("gc", "-q") }) })
}
