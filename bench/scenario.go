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

// scenarios in the order in which they run: the last ones build histories inside
// this program, which raises the least peak memory that can be told.
var scenarios = []scenario{
	{"musichal", "183 JSON models, 207 MB: all committed, committed again unchanged, checked out, proven intact.", runMusichal},
	{"one", "One JSON model of 5 MB, committed to a new store.", runOne},
	{"lineage", "One JSON model of 5 MB saved 100 times, 1% of its numbers edited and some frames added each time; CPU and wall are those of the median save.", runLineage},
	{"weights", "Nine safetensors, 1.6 GB, as nine models: all committed, committed again unchanged, checked out, proven intact.", runWeights},
	{"weightsaves", "The same nine one after the other as saves of one model; CPU and wall are those of the median save.", runWeightSaves},
	{"train", "Checkpoints of a small network in training, as saves of one model; CPU and wall are those of the median save.", runTrain},
	{"real", "Real models with their real versions (-real), one commit a version; CPU, wall and rates are those of all versions together.", runReal},
	{"small", "Questions about a short history: start-up, mostly.", runSmall},
	{"logpath", "`log PATH` over 10,000 versions of one model, the index caught up.", runLogPath},
	{"many", "One model changed among 100,000; stored is what the store grew by, less the model itself.", runMany},
	{"large", "One file of 4 GB, its tensors 2 to 64 MB.", runLarge},
	{"gc", "Retention: all but the last ten of the lineage's 100 saves let go; nothing to do; the mark of 100,000 versions.", runGC},
	{"good", "Looking at models: an audit of 183, beside Python reading them; what validation and metadata add to a commit of 1 MB.", runGood},
	{"queries", "Questions about 1,000,000 versions of 1,000 models with 10 parameters and 5 metrics each, the index caught up; git with its commit graph beside them.", runQueries},
	{"diff", "What changed between two saves of a model, beside git telling that bytes did, and Python reading both.", runDiff},
	{"bucket", "Stores in a bucket of a real S3 engine (MSTORE_TEST_S3; make engine-up), beside a plain S3 client that moves the same bytes.", runBucket},
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
		if err != nil {
			b.gaveUp(p.name, err)
		}
		if err := b.sweep(models); err != nil {
			return err
		}
	}
	return nil
}

// gaveUp says that a program could not be measured to the end: a note, unless
// it is mstore, or has restored something else than was saved.
func (b *bench) gaveUp(name string, err error) {
	if name == "mstore" || errors.Is(err, errDiffers) {
		b.failed("%s: %v", name, err)
		return
	}
	b.logf("%s: %v", name, err)
	b.report.note(name + " gave up: `" + firstLine(strings.ReplaceAll(err.Error(), b.work, "")) + "`")
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
	return b.restoring(s.restore, func(out string) error { return sameModels(models, out) })
}

// restoring measures what restores something into a new directory; same
// compares what came out.
func (b *bench) restoring(restore func(out string) []command, same func(out string) error) (usage, error) {
	var out string
	return repeat(b.runs, func() (err error) {
		out, err = b.fresh("out")
		return err
	}, func() (usage, error) {
		u, err := b.exec(restore(out)...)
		if err == nil {
			err = same(out)
		}
		return u, err
	})
}

// tidy measures the peer's gc and what is left after it.
func (b *bench) tidy(s *system, what, target string) error {
	u, err := b.exec(s.gc...)
	if err != nil {
		return err
	}
	size, err := s.stored()
	if err != nil {
		return err
	}
	b.row(what, s, u, size, target, "CPU and wall of gc, one run")
	return nil
}

// atMost lowers the number of runs while f runs.
func (b *bench) atMost(runs int, f func() error) error {
	was := b.runs
	b.runs = min(b.runs, runs)
	defer func() { b.runs = was }()
	return f()
}
