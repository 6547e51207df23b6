package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mstore/mstore/bench/history"
)

func runSmall(b *bench) error {
	models, err := b.fresh("corpus", "small")
	if err != nil {
		return err
	}
	const saves = 10
	return b.each(models, func(s *system) error {
		if s.small == nil {
			return nil
		}
		for n := 1; n <= saves; n++ {
			if err := writeTiny(filepath.Join(models, "model.json"), n); err != nil {
				return err
			}
			if _, err := b.exec(s.save("model.json")...); err != nil {
				return err
			}
		}
		log, show, help := s.small()
		for _, q := range []struct {
			what string
			c    command
		}{{"log -n 1", log}, {"show", show}, {"--help", help}} {
			u, err := repeat(7*b.runs, nil, func() (usage, error) { return b.exec(q.c) })
			if err != nil {
				return err
			}
			b.row(q.what, s, u, -1, "6 ms CPU", fmt.Sprintf("%d versions", saves))
		}
		return nil
	})
}

// writeTiny writes the tiny model's n-th state.
func writeTiny(path string, n int) error {
	return os.WriteFile(path, fmt.Appendf(nil, `{"step": %d, "loss": %.17g, "weights": [%d, %d]}`+"\n", n, 1/float64(n), n*7919%1000, n), 0o644)
}

func runLogPath(b *bench) error {
	n := scaled(b, 10_000, 200)
	models, err := b.fresh("corpus", "logpath")
	if err != nil {
		return err
	}
	return b.each(models, func(s *system) error {
		if s.logPath == nil {
			return nil
		}
		if err := b.longHistory(s, models, n); err != nil {
			return err
		}
		log := s.logPath("model.json")
		var lines counter
		log.stdout = &lines
		if _, err := b.exec(log); err != nil { // the index catches up
			return err
		}
		if lines.lines < n {
			return fmt.Errorf("log of %d versions printed %d lines", n, lines.lines)
		}
		log.stdout = io.Discard
		u, err := repeat(b.runs, nil, func() (usage, error) { return b.exec(log) })
		if err != nil {
			return err
		}
		size, err := s.stored()
		if err != nil {
			return err
		}
		b.row("log PATH", s, u, size, "50 ms CPU", fmt.Sprintf("%d versions", n))
		return nil
	})
}

type counter struct{ lines int }

func (c *counter) Write(p []byte) (int, error) {
	c.lines += strings.Count(string(p), "\n")
	return len(p), nil
}

// longHistory saves n states of model.json: in one go where there is a way,
// else one process a save.
func (b *bench) longHistory(s *system, models string, n int) error {
	switch {
	case s.name == "git":
		imp := command{dir: models, argv: []string{"git", "fast-import", "--quiet"}, stdin: fastImport(n)}
		_, err := b.exec(imp)
		return err
	case s.name == "mstore" && history.Open != nil:
		src, err := history.Open(models)
		if err != nil {
			return err
		}
		defer src.Close()
		_, err = history.Build(b.ctx, src, n, nil)
		return err
	}
	for i := 1; i <= n; i++ {
		if err := writeTiny(filepath.Join(models, "model.json"), i); err != nil {
			return err
		}
		if _, err := b.exec(s.save("model.json")...); err != nil {
			return err
		}
		if i%1000 == 0 {
			b.logf("%s: %d versions", s.name, i)
		}
	}
	return nil
}

// fastImport is the stream from which git makes n commits of model.json.
func fastImport(n int) io.Reader {
	r, w := io.Pipe()
	go func() {
		for i := 1; i <= n; i++ {
			data := fmt.Sprintf(`{"step": %d}`, i)
			_, err := fmt.Fprintf(w, "commit refs/heads/main\ncommitter bench <bench@example.org> %d +0000\ndata 4\nsave\nM 100644 inline model.json\ndata %d\n%s\n",
				1_700_000_000+i, len(data), data)
			if err != nil {
				return // the reader has gone
			}
		}
		w.Close()
	}()
	return r
}

func runHistory(b *bench) error {
	if history.Open == nil {
		b.report.note("Skipped: this build has no store for bench/history.")
		return nil
	}
	n := scaled(b, 100_000, 2_000)
	dir, err := b.fresh("corpus", "history")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	src, err := history.Open(dir)
	if err != nil {
		return err
	}
	defer src.Close()
	took, err := history.Build(b.ctx, src, n, func(done int) { b.logf("%d versions", done) })
	if err != nil {
		return err
	}
	b.report.note(fmt.Sprintf("%d versions made in %s (%.0f a second).", n, took.Round(time.Second), float64(n)/took.Seconds()))
	lookups, err := history.Lookups(b.ctx, src, n)
	if err != nil {
		return err
	}
	for _, l := range lookups {
		b.report.add(row{what: l.What, system: "mstore", u: usage{wall: l.Wall}, size: -1, target: "10 reads", note: fmt.Sprintf("%d reads", l.Reads)})
	}
	return nil
}
