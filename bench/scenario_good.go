package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// runGood measures what looking at models costs: an audit of all, beside Python's json
// module merely reading them, and what validation and metadata add to a commit.
func runGood(b *bench) error {
	corpus, err := b.corpus("musichal", 0.1)
	if err != nil {
		return err
	}
	own := &system{name: "mstore"}
	audit := b.own(corpus, "audit", ".")
	audit.code = 1 // two are broken
	u, err := repeat(b.runs, nil, func() (usage, error) { return b.exec(audit) })
	if err != nil {
		return err
	}
	b.row("audit", own, u, -1, "4 s CPU, 250 MB", "two are broken")
	if python, err := exec.LookPath("python3"); err == nil {
		u, err := repeat(b.runs, nil, func() (usage, error) {
			return b.exec(command{argv: []string{python, "-c", readAll, corpus}, dir: corpus})
		})
		if err != nil {
			return err
		}
		b.report.add(row{what: "json.load of all", system: "python3", u: u, size: -1})
	}
	return b.each(corpus, func(s *system) error {
		if s.name != "mstore" {
			return nil
		}
		return b.goodCommits(corpus, s)
	})
}

// readAll reads every JSON file below a directory; broken ones are passed over.
const readAll = `
import json, os, sys
for d, _, names in os.walk(sys.argv[1]):
    for n in names:
        if n.endswith(".json"):
            try:
                with open(os.path.join(d, n)) as f:
                    json.load(f)
            except ValueError:
                pass
`

// goodCommits commits a training result of about 1 MB again and again.
func (b *bench) goodCommits(corpus string, s *system) error {
	var text []byte
	err := filepath.WalkDir(corpus, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.Contains(name, "training") {
			return err
		}
		got, err := os.ReadFile(name)
		if distance(len(got), 1_000_000) < distance(len(text), 1_000_000) {
			text = got
		}
		return err
	})
	if err != nil {
		return err
	}
	if len(text) == 0 {
		return errors.New("the corpus has no training results")
	}
	name := filepath.Join(corpus, "one_training.json")
	defer os.Remove(name)
	for _, way := range []struct {
		what string
		args []string
		off  bool
	}{{"commit, all off", []string{"--validate=off"}, true}, {"commit, metadata", []string{"--validate=off"}, false}, {"commit, metadata and validation", nil, false}} {
		for _, key := range []string{"meta.git", "meta.system"} {
			if _, err := b.exec(b.own(corpus, "config", key, fmt.Sprint(!way.off))); err != nil {
				return err
			}
		}
		u, err := repeat(3*b.runs, func() error {
			text = append(text, ' ')
			return os.WriteFile(name, text, 0o644)
		}, func() (usage, error) {
			return b.exec(b.own(corpus, append([]string{"commit", filepath.Base(name)}, way.args...)...))
		})
		if err != nil {
			return err
		}
		target := ""
		if way.args == nil {
			target = "15 ms more than all off"
		}
		b.row(way.what, s, u, -1, target, fmt.Sprintf("of %s, changed", megabytes(int64(len(text)))))
	}
	return nil
}

func distance(a, b int) int { return max(a-b, b-a) }
