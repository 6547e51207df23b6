package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"runtime/debug"
	"strings"
)

func main() {
	debug.SetGCPercent(25) // a low peak of our own: see the package comment
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	var (
		pattern = flag.String("run", "", "only the scenarios whose name matches this `regexp`: "+scenarioNames())
		quick   = flag.Bool("quick", false, "small corpora: tries everything out, measures little")
		runs    = flag.Int("runs", 3, "runs of each measurement; the median is reported")
		peers   = flag.String("peers", "git,git-lfs,restic,borg,zstd", "what to measure beside mstore; none for nothing")
		work    = flag.String("work", "", "work directory (default: a new one below "+os.TempDir()+")")
		keep    = flag.Bool("keep", false, "keep the work directory with corpora and stores")
		mstore  = flag.String("mstore", "", "measure this binary instead of building one")
		wide    = flag.Int(wideFlag, 0, "only build a history of `n` versions in the work directory")
		dirs    []string
	)
	flag.Func("real", "`directory` for the scenario real, as DIR/NAME/NNN-VERSION/files; may be repeated", func(dir string) error {
		dirs = append(dirs, dir)
		return nil
	})
	flag.Parse()
	re, err := regexp.Compile(*pattern)
	if err != nil {
		return err
	}
	if flag.NArg() > 0 || *runs < 1 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	b := &bench{ctx: ctx, work: *work, quick: *quick, runs: *runs, real: dirs}
	if *wide > 0 {
		return buildWide(b, *work, *wide)
	}
	if err := b.makeWork(); err != nil {
		return err
	}
	if !*keep {
		defer b.removeWork(*work == "")
	} else {
		b.logf("work directory: %s", b.work)
	}
	if err := b.build(*mstore); err != nil {
		return err
	}
	b.findPeers(strings.Split(*peers, ","))
	b.report.head(b)
	for _, s := range scenarios {
		if !re.MatchString(s.name) || ctx.Err() != nil {
			continue
		}
		b.logf("== %s: %s", s.name, s.help)
		b.report.section(s.name, s.help)
		if err := s.run(b); err != nil {
			b.failed("%s: %v", s.name, err)
		}
		b.report.flush(os.Stdout)
	}
	b.report.foot(b)
	b.report.flush(os.Stdout)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if b.failures > 0 {
		return fmt.Errorf("%d failures, see above", b.failures)
	}
	return nil
}
