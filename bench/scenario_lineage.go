package main

import "fmt"

func runLineage(b *bench) error {
	corpus, err := b.corpus("lineage", 0.1)
	if err != nil {
		return err
	}
	v, err := b.newSaves(corpus, "model.json", scaled(b, 100, 10))
	if err != nil {
		return err
	}
	err = b.each(v.dir, func(s *system) error {
		if s.read == nil {
			return nil // keeps no history
		}
		us, err := b.saveAll(s, v, fmt.Sprintf("%d saves", len(v.files)), "5.5 MB, 60 ms CPU")
		if err != nil {
			return err
		}
		b.row("the first of them", s, us[0], -1, "100 ms CPU", "one run")
		if err := b.readLineage(s, v, ""); err != nil || s.gc == nil {
			return err
		}
		if err := b.tidy(s, "after gc", "3.5 MB"); err != nil {
			return err
		}
		if err := b.readLineage(s, v, ", after gc"); err != nil || s.fast == nil {
			return err
		}
		return b.fastSaves(s, v)
	})
	if err != nil {
		return err
	}
	if !b.has("zstd") {
		return nil
	}
	if err := b.patches(v.files); err != nil {
		b.gaveUp("zstd patch", err)
	}
	return b.sweep(v.dir)
}

// readLineage measures the ways to read a lineage back.
func (b *bench) readLineage(s *system, v *saves, when string) error {
	for _, c := range []struct {
		save   int
		target string
	}{{len(v.files), "60 ms"}, {(len(v.files) + 1) / 2, "120 ms"}} {
		u, err := b.checkout(s, v, c.save)
		if err != nil {
			return err
		}
		b.row(fmt.Sprintf("checkout of v%d%s", c.save, when), s, u, -1, c.target, "bytes compared")
	}
	u, err := repeat(b.runs, nil, func() (usage, error) { return b.exec(s.check...) })
	if err != nil {
		return err
	}
	b.row("fsck"+when, s, u, -1, "1.2 s CPU", rate(v.raw, u))
	return b.readBack(s, v, "read first, middle, last"+when)
}

// fastSaves measures quick saves on top of some ordinary ones, in a new
// repository.
func (b *bench) fastSaves(s *system, v *saves) error {
	s, err := b.begin(s.open(b), v.dir)
	if err != nil {
		return err
	}
	n := min(10, len(v.files)/2)
	w := saves{dir: v.dir, name: v.name, files: v.files[:2*n]}
	if _, err := b.saveEach(&w, w.files[:n], s.save); err != nil {
		return err
	}
	before, err := s.stored()
	if err != nil {
		return err
	}
	us, err := b.saveEach(&w, w.files[n:], s.fast)
	if err != nil {
		return err
	}
	after, err := s.stored()
	if err != nil {
		return err
	}
	b.row("a save with --fast", s, median(us), (after-before)/int64(n), "35 ms CPU", fmt.Sprintf("median of %d, on top of %d ordinary ones; stored is what one adds", n, n))
	return b.readBack(s, &w, "read, saved with --fast")
}
