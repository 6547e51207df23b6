package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/mstore/mstore/store"
)

// app is what all commands share: where they run, and what they read from and
// write to. It is made once for each process.
type app struct {
	stdin  io.Reader
	out    *output   // stdout; flushed at the end of run
	stderr io.Writer // errors in writing to it are dropped
	getenv func(string) string
	now    func() time.Time

	// Global flags.
	chdir      string
	storeDir   string // where the store lies: a directory, or a URL
	json       bool
	quiet      bool
	noColor    bool
	cpuProfile string
	memProfile string

	// Set before a command runs.
	started   bool   // the command line was understood
	storeFlag bool   // --store was given, not only MSTORE_DIR
	cwd       string // absolute; what the user's paths are relative to
	style     *style // of stdout
	errStyle  *style // of stderr
	progress  *progress
}

func newApp(stdin io.Reader, stdout, stderr io.Writer, getenv func(string) string) *app {
	plain := newStyle(false)
	return &app{
		stdin: stdin, out: newOutput(stdout), stderr: stderr, getenv: getenv, now: time.Now,
		style: plain, errStyle: plain, progress: new(progress),
	}
}

// run carries out one command line and returns the exit code.
func (a *app) run(ctx context.Context, args []string) int {
	root := newRootCommand(a)
	root.SetArgs(args)
	root.SetIn(a.stdin)
	root.SetOut(a.out)
	root.SetErr(a.stderr)
	a.json = wantsJSON(args)

	err := root.ExecuteContext(ctx)
	a.progress.close()
	if !a.started && err != nil && !isUsage(err) {
		err = usagef("'mstore --help' lists the commands", "%s", err)
	}
	if e := a.out.Flush(); err == nil {
		err = e
	}
	code := exitCode(ctx, err)
	a.reportError(err, code)
	return code
}

func isUsage(err error) bool {
	var usage *usageError
	return errors.As(err, &usage)
}

// wantsJSON looks for --json in a command line that may not parse.
func wantsJSON(args []string) bool {
	for _, arg := range args {
		switch arg {
		case "--":
			return false
		case "--json", "--json=true":
			return true
		}
	}
	return false
}

// start settles what depends on the global flags.
func (a *app) start() error {
	a.started = true
	cwd, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("finding the working directory: %w", err)
	}
	if a.chdir != "" {
		cwd = absolute(cwd, a.chdir)
		if fi, err := os.Stat(cwd); err != nil {
			return fmt.Errorf("-C %s: %w: %w", a.chdir, store.ErrNoStore, err)
		} else if !fi.IsDir() {
			return usagef("", "-C %s: not a directory", a.chdir)
		}
	}
	a.cwd = cwd
	if a.storeFlag = a.storeDir != ""; !a.storeFlag {
		a.storeDir = a.getenv("MSTORE_DIR")
	}
	if a.storeDir != "" {
		a.storeDir = a.location(a.storeDir)
	}
	color := !a.noColor && a.getenv("NO_COLOR") == "" && a.getenv("TERM") != "dumb"
	a.style = newStyle(color && isTerminal(a.out.w))
	a.errStyle = newStyle(color && isTerminal(a.stderr))
	a.progress = newProgress(a.stderr, !a.quiet && !a.json && isTerminal(a.stderr))
	return nil
}

func absolute(dir, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}

func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// options are the store's, for every command alike.
func (a *app) options() store.Options {
	return store.Options{StoreDir: a.storeDir, Release: release, Clock: a.now, Warn: a.warn, Progress: a.progress.update}
}

// open finds the store. Close it.
func (a *app) open(ctx context.Context) (*store.Store, error) {
	return store.Open(ctx, a.cwd, a.options())
}

// with opens the store, runs f and closes the store again.
func (a *app) with(ctx context.Context, f func(*store.Store) error) error {
	s, err := a.open(ctx)
	if err != nil {
		return err
	}
	return errors.Join(f(s), s.Close())
}

// rels turns paths that the user typed into paths relative to the root.
func (a *app) rels(s *store.Store, paths []string) ([]string, error) {
	out := make([]string, len(paths))
	for i, p := range paths {
		rel, err := s.Rel(a.cwd, p)
		if err != nil {
			return nil, err
		}
		out[i] = rel
	}
	return out, nil
}

// say tells people something, on stderr.
func (a *app) say(format string, args ...any) {
	if !a.quiet && !a.json {
		a.progress.close()
		fmt.Fprintf(a.stderr, format+"\n", args...)
	}
}

// warn tells people something that --quiet does not hide. May be called by
// several goroutines.
func (a *app) warn(msg string) {
	a.progress.close()
	fmt.Fprintf(a.stderr, "%s %s\n", a.errStyle.warn.Sprint("warning:"), cleanText(msg))
}

// jsonFlag gives a command --json.
func (a *app) jsonFlag(cmd *cobra.Command, usage string) {
	cmd.Flags().BoolVar(&a.json, "json", a.json, usage)
}
