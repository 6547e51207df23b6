package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"
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

// whole is a directory of models that is saved, restored and checked as one:
// its corpus, how often it is measured, and mstore's targets.
type whole struct {
	kind            string
	quick           float64
	runs, peerRuns  int // at most; 0: as often as -runs says
	again, gc       bool
	commit, restore string
	unchanged, fsck string
}

func runMusichal(b *bench) error {
	return b.runWhole(whole{kind: "musichal", quick: 0.02, again: true, gc: true,
		commit: "35 MB, 3.5 s CPU", unchanged: "15 ms CPU", restore: "1.5 s", fsck: "1.0 s CPU"})
}

func runWeights(b *bench) error {
	return b.runWhole(whole{kind: "weights", quick: 0.02, peerRuns: 1, again: true, gc: true,
		commit: "500 MB, 15 s CPU", restore: "5 s", fsck: "4 s CPU"})
}

func runLarge(b *bench) error {
	return b.runWhole(whole{kind: "large", quick: 0.02, runs: 1, peerRuns: 1,
		commit: "400 MB peak", restore: "400 MB peak", fsck: "400 MB peak"})
}

func (b *bench) runWhole(w whole) error {
	models, err := b.corpus(w.kind, w.quick)
	if err != nil {
		return err
	}
	raw, err := rawSize(models)
	if err != nil {
		return err
	}
	return b.each(models, func(s *system) error {
		runs := w.peerRuns
		if s.name == "mstore" {
			runs = w.runs
		}
		if runs == 0 {
			runs = b.runs
		}
		return b.atMost(runs, func() error { return b.measureWhole(s, w, models, raw) })
	})
}

func (b *bench) measureWhole(s *system, w whole, models string, raw int64) error {
	u, err := b.first(s, models, ".")
	if err != nil {
		return err
	}
	size, err := s.stored()
	if err != nil {
		return err
	}
	notes := []string{"of " + megabytes(raw) + " MB raw"}
	if b.runs == 1 {
		notes = append(notes, "one run")
	}
	b.row("first commit", s, u, size, w.commit, strings.Join(notes, ", "))
	if w.again && s.read != nil {
		if u, err = repeat(b.runs, nil, func() (usage, error) { return b.exec(s.save(".")...) }); err != nil {
			return err
		}
		b.row("commit, unchanged", s, u, -1, w.unchanged, "")
	}
	if u, err = b.tryRestore(s, models); err != nil {
		return err
	}
	b.row("checkout of all", s, u, -1, w.restore, "bytes compared")
	if u, err = repeat(b.runs, nil, func() (usage, error) { return b.exec(s.check...) }); err != nil {
		return err
	}
	b.row("fsck", s, u, -1, w.fsck, rate(raw, u))
	if !w.gc || s.gc == nil {
		return nil
	}
	if err := b.tidy(s, "after gc", ""); err != nil {
		return err
	}
	if u, err = b.tryRestore(s, models); err != nil {
		return err
	}
	b.row("checkout of all, after gc", s, u, -1, w.restore, "bytes compared")
	return nil
}

// rate is how many bytes a second of processor time took.
func rate(raw int64, u usage) string { return perSecond(raw, u.cpu, "MB/s of CPU") }

func perSecond(raw int64, d time.Duration, unit string) string {
	if d == 0 {
		return ""
	}
	return fmt.Sprintf("%.0f %s", float64(raw)/1e6/d.Seconds(), unit)
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
		b.row("first commit", s, u, size, "100 ms CPU", "")
		return nil
	})
}
