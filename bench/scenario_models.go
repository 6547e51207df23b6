package main

import (
	"fmt"
	"io"
	"path/filepath"
)

// first measures the first save of everything in models, each run into a new
// repository, and leaves the last one in place.
func (b *bench) first(s *system, models, path string) (u usage, err error) {
	open := s.open(b)
	return repeat(b.runs, func() error {
		fresh, err := b.begin(open, models)
		if err == nil {
			*s = *fresh
			b.settle()
		}
		return err
	}, func() (usage, error) { return b.exec(s.save(path)...) })
}

// open is how the system was made.
func (s *system) open(b *bench) func(*bench, string) *system {
	for _, p := range b.peers {
		if p.name == s.name {
			return p.open
		}
	}
	panic("no peer " + s.name)
}

func runMusichal(b *bench) error {
	models, err := b.corpus("musichal", 0.02)
	if err != nil {
		return err
	}
	raw, err := rawSize(models)
	if err != nil {
		return err
	}
	return b.each(models, func(s *system) error {
		u, err := b.first(s, models, ".")
		if err != nil {
			return err
		}
		size, err := s.stored()
		if err != nil {
			return err
		}
		b.row("first commit", s, u, size, "2.0 s CPU", "of "+megabytes(raw)+" MB raw")
		if s.read != nil {
			if u, err = repeat(b.runs, nil, func() (usage, error) { return b.exec(s.save(".")...) }); err != nil {
				return err
			}
			b.row("commit, unchanged", s, u, -1, "15 ms CPU", "")
		}
		if u, err = b.tryRestore(s, models); err != nil {
			return err
		}
		b.row("checkout of all", s, u, -1, "1.0 s CPU", "bytes compared")
		if u, err = repeat(b.runs, nil, func() (usage, error) { return b.exec(s.check...) }); err != nil {
			return err
		}
		b.row("fsck", s, u, -1, "600 MB/s of CPU", rate(raw, u))
		return nil
	})
}

func rate(raw int64, u usage) string {
	if u.cpu == 0 {
		return ""
	}
	return fmt.Sprintf("%.0f MB/s of CPU", float64(raw)/1e6/u.cpu.Seconds())
}

func runOne(b *bench) error {
	lineage, err := b.corpus("lineage", 0.1)
	if err != nil {
		return err
	}
	models, err := b.fresh("corpus", "one")
	if err != nil {
		return err
	}
	if err := copyFile(filepath.Join(models, "model.json"), filepath.Join(lineage, "v050.json")); err != nil {
		return err
	}
	return b.each(models, func(s *system) error {
		u, err := b.first(s, models, "model.json")
		if err != nil {
			return err
		}
		size, err := s.stored()
		if err != nil {
			return err
		}
		b.row("first commit", s, u, size, "60 ms CPU", "")
		return nil
	})
}

// saveAll saves the files, one after the other, as one model, and measures
// each save; then it reads some of them back and compares.
func (b *bench) saveAll(s *system, dir, name string, files []string, readBack ...int) (saves, reads usage, err error) {
	var us []usage
	for _, f := range files {
		if err := copyFile(filepath.Join(dir, name), f); err != nil {
			return saves, reads, err
		}
		u, err := b.exec(s.save(name)...)
		if err != nil {
			return saves, reads, err
		}
		us = append(us, u)
	}
	saves = median(us)
	if s.read == nil {
		return saves, reads, nil
	}
	us = nil
	for _, n := range readBack {
		c, err := newComparer(files[n-1])
		if err != nil {
			return saves, reads, err
		}
		cmds := s.read(name, n, len(files))
		cmds[len(cmds)-1].stdout = struct{ io.Writer }{c}
		u, err := b.exec(cmds...)
		if err == nil {
			err = c.end()
		}
		c.Close()
		if err != nil {
			return saves, reads, fmt.Errorf("reading save %d: %w", n, err)
		}
		us = append(us, u)
	}
	return saves, median(us), nil
}

func (b *bench) runSaves(kind string, quickScale float64, name string, limit int) error {
	corpus, err := b.corpus(kind, quickScale)
	if err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(corpus, "*.*"))
	if err != nil {
		return err
	}
	files = files[:min(limit, len(files))]
	models, err := b.fresh("corpus", kind+"-work")
	if err != nil {
		return err
	}
	return b.each(models, func(s *system) error {
		if s.read == nil {
			return nil // keeps no history
		}
		saves, reads, err := b.saveAll(s, models, name, files, 1, (len(files)+1)/2, len(files))
		if err != nil {
			return err
		}
		size, err := s.stored()
		if err != nil {
			return err
		}
		b.row(fmt.Sprintf("%d saves", len(files)), s, saves, size, "", "CPU and wall of one save")
		b.row("read first, middle, last", s, reads, -1, "", "bytes compared")
		return nil
	})
}

func runLineage(b *bench) error {
	return b.runSaves("lineage", 0.1, "model.json", scaled(b, 100, 10))
}

func runWeights(b *bench) error {
	return b.runSaves("weights", 0.02, "model.safetensors", 100)
}

func runLarge(b *bench) error {
	models, err := b.corpus("large", 0.02)
	if err != nil {
		return err
	}
	runs := b.runs
	b.runs = 1 // minutes otherwise
	defer func() { b.runs = runs }()
	return b.each(models, func(s *system) error {
		u, err := b.first(s, models, "large.safetensors")
		if err != nil {
			return err
		}
		size, err := s.stored()
		if err != nil {
			return err
		}
		b.row("first commit", s, u, size, "200 MB peak", "one run")
		if u, err = b.tryRestore(s, models); err != nil {
			return err
		}
		b.row("checkout", s, u, -1, "200 MB peak", "bytes compared")
		if u, err = b.exec(s.check...); err != nil {
			return err
		}
		b.row("fsck", s, u, -1, "200 MB peak", "")
		return nil
	})
}
