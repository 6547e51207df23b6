package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func runMany(b *bench) error {
	models, err := b.corpus("many", 0.02)
	if err != nil {
		return err
	}
	n := 0
	if err := countModels(models, &n); err != nil {
		return err
	}
	path := filepath.Join("group000", "model000500.json")
	return b.each(models, func(s *system) error {
		if s.read == nil {
			return nil // keeps no history
		}
		b.settle()
		u, err := b.exec(s.save(".")...)
		if err != nil {
			return err
		}
		size, err := s.stored()
		if err != nil {
			return err
		}
		b.row(fmt.Sprintf("first commit of %d", n), s, u, size, "", "one run")
		if s.name == "restic" || s.name == "borg" {
			return nil // their saves of one path leave the other models out
		}
		return b.changeOne(s, models, path)
	})
}

func countModels(dir string, n *int) error {
	return models(dir, func(string, int64) error { *n++; return nil })
}

// changeOne measures commits of one changed model, and what each adds to the
// store beyond the bytes of the model.
func (b *bench) changeOne(s *system, models, path string) error {
	file := filepath.Join(models, path)
	was, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	defer os.WriteFile(file, was, 0o644) // the corpus as it was, for the next peer
	var grown []int64
	edits := 0
	u, err := repeat(b.runs, func() error {
		edits++
		return writeTiny(file, edits)
	}, func() (usage, error) {
		before, err := s.stored()
		if err != nil {
			return usage{}, err
		}
		u, err := b.exec(s.save(path)...)
		if err != nil {
			return u, err
		}
		after, err := s.stored()
		if err != nil {
			return u, err
		}
		st, err := os.Stat(file)
		if err != nil {
			return u, err
		}
		grown = append(grown, max(0, after-before-st.Size()))
		return u, nil
	})
	if err != nil {
		return err
	}
	grew := middle(grown, func(n int64) int64 { return n })
	b.row("one changed", s, u, grew, "50 ms CPU, 16 KB", fmt.Sprintf("%d bytes of metadata", grew))
	return nil
}
