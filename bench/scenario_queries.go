package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/mstore/mstore/bench/history"
)

// wideFlag makes this program build a history and nothing else, in a process of its own,
// so that its memory is not taken for what questions take.
const wideFlag = "build-wide"

func buildWide(b *bench, dir string, n int) error {
	h := history.Wide{Versions: n, Models: 1000, Params: 10, Metrics: 5}
	return h.Build(b.ctx, dir, func(done int) { b.logf("%d versions", done) })
}

// question is one command line of mstore, and of git where it has the like.
type question struct {
	what   string
	target string
	mstore []string
	git    []string
}

var questions = []question{
	{"log -n 20", "no matter how long", []string{"log", "-n", "20"}, []string{"log", "-n", "20"}},
	{"log -n 20 --where, a metric", "100 ms CPU", []string{"log", "-n", "20", "--where", "metrics.m0 < 0.0075"}, nil},
	{"the same with or and not", "100 ms CPU", []string{"log", "-n", "20", "--where", "metrics.m0 < 0.007 or params.p2 = 'lion' and not metrics.m3 < 1.09"}, nil},
	{"one that no version has", "100 ms CPU", []string{"log", "--where", "params.p4 = -1"}, nil},
	{"best --metric", "100 ms CPU", []string{"best", "--metric", "m1", "--min"}, nil},
	{"log --sort a metric -n 20", "100 ms CPU", []string{"log", "--sort", "metrics.m2", "-n", "20"}, nil},
	{"log -n 20 PATH", "100 ms CPU", []string{"log", "-n", "20", "models/group03/model0123.json"}, []string{"log", "-n", "20", "--", "models/group03/model0123.json"}},
	{"log PATH, about 1,000 of them", "100 ms CPU", []string{"log", "--oneline", "models/group03/model0123.json"}, []string{"log", "--oneline", "--", "models/group03/model0123.json"}},
	{"log --since --until, an hour", "100 ms CPU", []string{"log", "--since", "2024-02-01T10:00:00Z", "--until", "2024-02-01T11:00:00Z"}, []string{"log", "--since", "2024-02-01T10:00:00Z", "--until", "2024-02-01T11:00:00Z"}},
	{"find HASH", "100 ms CPU", []string{"find", "00000000000000000000000000000000000000000000000000000000000000ab"}, nil},
	{"log --grep, a regexp", "500 ms CPU", []string{"log", "--grep", "run 777 after epoch 4[0-9],"}, []string{"log", "-E", "--grep", "run 777 after epoch 4[0-9],"}},
	{"the same, that fits nothing", "500 ms CPU", []string{"log", "--grep", "epoch 5[0-9]{3}$"}, []string{"log", "-E", "--grep", "epoch 5[0-9]{3}$"}},
	{"--where message like", "500 ms CPU", []string{"log", "--where", "message like '*run 123 after epoch 321,*'"}, nil},
}

func runQueries(b *bench) error {
	n := scaled(b, 1_000_000, 3_000)
	dir, err := b.fresh("corpus", "queries")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if _, err := b.exec(command{argv: []string{self, "-" + wideFlag, strconv.Itoa(n), "-work", dir}}); err != nil {
		return err
	}
	u, err := b.exec(b.own(dir, "reindex"))
	if err != nil {
		return err
	}
	size, err := diskSize(filepath.Join(dir, ".mstore", "work", "index"), "")
	if err != nil {
		return err
	}
	b.report.add(row{what: "first catch-up", system: "mstore", u: u, size: size, target: "50,000 a second, 400 bytes each",
		note: fmt.Sprintf("%.0f versions a second, %d bytes each; one run", float64(n)/u.wall.Seconds(), size/int64(n))})
	repo := ""
	if b.has("git") {
		if repo, err = b.fresh("corpus", "queriesgit"); err != nil {
			return err
		}
		defer os.RemoveAll(repo)
		if _, err := b.exec(command{dir: repo, argv: []string{"git", "init", "-q", "-b", "main"}},
			command{dir: repo, argv: []string{"git", "fast-import", "--quiet"}, stdin: history.Wide{Versions: n, Models: 1000}.FastImport()},
			command{dir: repo, argv: []string{"git", "commit-graph", "write", "--reachable", "--changed-paths"}}); err != nil {
			return err
		}
	}
	for _, q := range questions {
		ask := func(system string, c command) error {
			if _, err := b.exec(c); err != nil {
				return err
			}
			u, err := repeat(b.runs, nil, func() (usage, error) { return b.exec(c) })
			if err == nil {
				b.report.add(row{what: q.what, system: system, u: u, size: -1, target: q.target})
			}
			return err
		}
		c := b.own(dir, q.mstore...)
		if q.mstore[0] == "find" {
			c.code = 3
		}
		if err := ask("mstore", c); err != nil {
			return err
		}
		if q.git != nil && repo != "" {
			if err := ask("git", command{dir: repo, argv: append([]string{"git"}, q.git...)}); err != nil {
				return err
			}
		}
	}
	b.report.note(fmt.Sprintf("%d versions of 1,000 models, each with 10 parameters, 5 metrics and what a commit finds out by itself; git has their messages and paths, and its commit graph.", n))
	return nil
}
