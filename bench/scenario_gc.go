package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/mstore/mstore/bench/history"
)

// runGC measures retention, which no peer has for single models; what is beside it is
// what git needs for a history of ten versions.
func runGC(b *bench) error {
	if err := b.gcLineage(); err != nil {
		return err
	}
	if err := b.gcNothing(); err != nil {
		return err
	}
	for _, models := range []int{1, 10} {
		if err := b.gcHistory(models); err != nil {
			return err
		}
	}
	return nil
}

// gcLineage lets go all but the last ten of the lineage's saves.
func (b *bench) gcLineage() error {
	corpus, err := b.corpus("lineage", 0.1)
	if err != nil {
		return err
	}
	v, err := b.newSaves(corpus, "model.json", scaled(b, 100, 20))
	if err != nil {
		return err
	}
	return b.each(v.dir, func(s *system) error {
		last := *v
		if s.name != "mstore" {
			if s.name != "git" {
				return nil
			}
			last.files = v.files[len(v.files)-10:]
		}
		if _, err := b.saveEach(&last, last.files, s.save); err != nil {
			return err
		}
		if s.name == "git" {
			return b.tidy(s, "gc, of the last ten alone", "")
		}
		u, err := b.exec(b.own(v.dir, "gc", "--keep-last", "10", "--now"))
		if err != nil {
			return err
		}
		size, err := s.stored()
		if err != nil {
			return err
		}
		parity, err := diskSize(filepath.Join(s.repo, "parity"), "")
		if err != nil {
			return err
		}
		b.row("gc to the last ten", s, u, size-parity, "0.3 s CPU, 2.0 MB", fmt.Sprintf("of %d; without %s of parity", len(v.files), megabytes(parity)))
		_, err = b.exec(s.check...)
		return err
	})
}

// gcNothing runs gc where there is nothing to do.
func (b *bench) gcNothing() error {
	corpus, err := b.corpus("musichal", 0.1)
	if err != nil {
		return err
	}
	return b.each(corpus, func(s *system) error {
		if s.name != "mstore" {
			return nil
		}
		if _, err := b.exec(s.save(".")...); err != nil {
			return err
		}
		gc := b.own(corpus, "gc", "--keep-last", "10")
		if _, err := b.exec(gc); err != nil {
			return err
		}
		u, err := repeat(b.runs, nil, func() (usage, error) { return b.exec(gc) })
		if err != nil {
			return err
		}
		b.row("gc with nothing to do", s, u, -1, "50 ms", "183 models")
		return nil
	})
}

// gcHistory marks a long history, every version of which changes so many models.
func (b *bench) gcHistory(models int) error {
	if history.Open == nil {
		return nil
	}
	n := scaled(b, 100_000, 2_000)
	history.Models = models
	defer func() { history.Models = 1 }()
	dir, err := b.fresh("corpus", "gchistory")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	src, err := history.Open(dir)
	if err != nil {
		return err
	}
	defer src.Close()
	if _, err := history.Build(b.ctx, src, n, nil); err != nil {
		return err
	}
	if got, _, err := src.Resolve("HEAD"); err != nil || got != n { // it is on disk then
		return fmt.Errorf("HEAD is v%d of %d: %w", got, n, err)
	}
	u, err := repeat(b.runs, nil, func() (usage, error) {
		return b.exec(b.own(dir, "gc", "--dry-run", "--keep-last", "1000", "--keep-daily", "30", "--json"))
	})
	if err != nil {
		return err
	}
	b.report.add(row{what: "mark", system: "mstore", u: u, size: -1, target: "2 s, 300 MB", note: fmt.Sprintf("%d versions, %d contents; a dry run", n, models*n)})
	return nil
}

// own is a command line of mstore, run in dir.
func (b *bench) own(dir string, args ...string) command {
	return command{dir: dir, argv: append([]string{b.mstore}, args...)}
}
