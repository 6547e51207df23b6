package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// scenario is one section of the report.
type scenario struct {
	name, help string
	run        func(b *bench) error
}

var scenarios = []scenario{
	{"musichal", "183 JSON models, 207 MB: all committed, committed again unchanged, checked out, proven intact.", runMusichal},
	{"one", "One JSON model of 5 MB, committed to a new store.", runOne},
	{"lineage", "One JSON model of 5 MB saved 100 times, 1% of its numbers edited and some frames added each time; CPU and wall are those of the median save.", runLineage},
	{"weights", "Nine safetensors, 1.6 GB, one after the other as saves of one model.", runWeights},
	{"small", "Questions about a short history: start-up, mostly.", runSmall},
	{"logpath", "`log PATH` over 10,000 versions of one model, the index caught up.", runLogPath},
	{"many", "One model changed among 100,000; stored is what the store grew by, less the model itself.", runMany},
	{"large", "One file of 2 GB.", runLarge},
	{"history", "Reads to resolve a revision in a history of 100,000 versions, through the Go API.", runHistory},
}

func scenarioNames() string {
	var names []string
	for _, s := range scenarios {
		names = append(names, s.name)
	}
	return strings.Join(names, " ")
}

// each runs f with each peer on a new, empty repository beside the models. An
// error of a peer becomes a note, one of mstore a failure.
func (b *bench) each(models string, f func(s *system) error) error {
	for _, p := range b.peers {
		if b.ctx.Err() != nil {
			return b.ctx.Err()
		}
		s, err := b.begin(p.open, models)
		if err == nil {
			err = f(s)
		}
		if errors.Is(err, errDiffers) || err != nil && p.name == "mstore" {
			b.failed("%s: %v", p.name, err)
		} else if err != nil {
			b.logf("%s: %v", p.name, err)
			b.report.note(p.name + " gave up: `" + firstLine(strings.ReplaceAll(err.Error(), b.work, "")) + "`")
		}
		if err := b.sweep(models); err != nil {
			return err
		}
	}
	return nil
}

// begin makes an empty repository beside the models, in place of any other.
func (b *bench) begin(open func(*bench, string) *system, models string) (*system, error) {
	if err := b.sweep(models); err != nil {
		return nil, err
	}
	s := open(b, models)
	if err := os.MkdirAll(filepath.Dir(s.repo), 0o755); err != nil {
		return nil, err
	}
	_, err := b.exec(s.init...)
	return s, err
}

// sweep removes all repositories and what lies in the models' directory beside
// the models.
func (b *bench) sweep(models string) error {
	hidden, err := filepath.Glob(filepath.Join(models, ".[a-z]*"))
	if err != nil {
		return err
	}
	for _, path := range append(hidden, b.dir("store"), b.dir("out")) {
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	return nil
}

// row adds a line of measurements to the report; the target is mstore's only.
func (b *bench) row(what string, s *system, u usage, size int64, target, note string) {
	if s.name != "mstore" {
		target = ""
	}
	b.report.add(row{what, s.name, u, size, target, note})
}

// tryRestore measures the restoring of the last save and compares its bytes.
func (b *bench) tryRestore(s *system, models string) (usage, error) {
	var out string
	return repeat(b.runs, func() (err error) {
		out, err = b.fresh("out")
		return err
	}, func() (usage, error) {
		u, err := b.exec(s.restore(out)...)
		if err == nil {
			err = sameModels(models, out)
		}
		return u, err
	})
}
