package main

import (
	"os"
	"os/exec"
	"path/filepath"
)

// diffPairs are the models that the scenario diff compares, with what is hoped for.
var diffPairs = []struct{ name, ext, what, target string }{
	{"json", ".json", "JSON of 20 MB, 1% of the numbers", "1 s CPU"},
	{"bf16", ".safetensors", "bf16 of 200 MB, all tensors", "1 s CPU"},
	{"fp32", ".safetensors", "fp32 of 200 MB, all tensors", "1 s CPU"},
	{"layers", ".safetensors", "bf16 of 200 MB, 2 of 24 layers", "1 s CPU"},
}

// runDiff measures what it costs to tell what changed between two saves of a model, as
// they are committed one after the other and after a repack, beside git, which tells that
// bytes did, and Python, which merely reads both.
func runDiff(b *bench) error {
	corpus, err := b.corpus("pairs", 0.02)
	if err != nil {
		return err
	}
	for _, p := range diffPairs {
		files := []string{filepath.Join(corpus, p.name+"1"+p.ext), filepath.Join(corpus, p.name+"2"+p.ext)}
		dir, err := b.fresh("corpus", "diff")
		if err != nil {
			return err
		}
		model := "model" + p.ext
		err = b.each(dir, func(s *system) error {
			if s.name != "mstore" && s.name != "git" {
				return nil
			}
			for _, f := range files {
				if err := copyFile(filepath.Join(dir, model), f); err != nil {
					return err
				}
				b.settle()
				if _, err := b.exec(s.save(model)...); err != nil {
					return err
				}
			}
			return b.diffs(s, dir, p.what, p.target)
		})
		if err != nil {
			return err
		}
		if python, err := exec.LookPath("python3"); err == nil && p.ext == ".json" {
			u, err := repeat(b.runs, nil, func() (usage, error) {
				return b.exec(command{argv: append([]string{python, "-c", loadBoth}, files...), dir: corpus})
			})
			if err != nil {
				return err
			}
			b.report.add(row{what: "json.load of both", system: "python3", u: u, size: -1})
		}
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	return nil
}

const loadBoth = `
import json, sys
for name in sys.argv[1:]:
    with open(name) as f:
        json.load(f)
`

// diffs measures the comparison of the last two saves.
func (b *bench) diffs(s *system, dir, what, target string) error {
	if s.name == "git" {
		diff := command{dir: dir, argv: []string{"git", "diff", "--stat", "HEAD~1", "HEAD"}}
		u, err := repeat(b.runs, nil, func() (usage, error) { return b.exec(diff) })
		if err != nil {
			return err
		}
		b.row(what, s, u, -1, "", "`diff --stat`: bytes or lines")
		return nil
	}
	measure := func(when string, args ...string) error {
		u, err := repeat(b.runs, nil, func() (usage, error) { return b.exec(b.own(dir, append([]string{"diff"}, args...)...)) })
		if err != nil {
			return err
		}
		b.row(what+when, s, u, -1, target, "")
		return nil
	}
	if err := measure("", "v1", "v2"); err != nil {
		return err
	}
	if err := measure(", one side a file", "v1"); err != nil {
		return err
	}
	if _, err := b.exec(b.own(dir, "repack")); err != nil {
		return err
	}
	return measure(", after repack", "v1", "v2")
}
