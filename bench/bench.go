package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// bench is one run of the program.
type bench struct {
	ctx      context.Context
	work     string // directory for everything
	root     string // of the module
	mstore   string // the binary under test
	gen      string // the corpus generator
	quick    bool
	real     []string // directories of real histories
	runs     int
	peers    []peer
	missing  []string
	report   report
	failures int
}

func (b *bench) logf(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// failed notes an error of mstore or of the benchmark itself.
func (b *bench) failed(format string, args ...any) {
	b.failures++
	s := fmt.Sprintf(format, args...)
	b.logf("FAILED %s", s)
	b.report.note("**failed**: " + firstLine(s))
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	return s
}

func (b *bench) makeWork() (err error) {
	if b.work == "" {
		b.work, err = os.MkdirTemp("", "mstore-bench-")
	} else if b.work, err = filepath.Abs(b.work); err == nil {
		err = os.MkdirAll(b.work, 0o755)
	}
	if err == nil {
		err = os.MkdirAll(b.dir("home"), 0o755)
	}
	return err
}

// removeWork removes what this program made; the directory too if it is ours.
func (b *bench) removeWork(ours bool) {
	for _, d := range []string{"bin", "corpus", "home", "out", "store"} {
		_ = os.RemoveAll(b.dir(d)) // leftovers in a temporary directory harm nobody
	}
	if ours {
		_ = os.RemoveAll(b.work)
	}
}

func (b *bench) dir(elem ...string) string {
	return filepath.Join(append([]string{b.work}, elem...)...)
}

// build builds mstore (unless there is one) and the corpus generator.
func (b *bench) build(mstore string) error {
	out, err := exec.CommandContext(b.ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return fmt.Errorf("finding the module: %w", err)
	}
	b.root = strings.TrimSpace(string(out))
	exe := ""
	if runtime.GOOS == "windows" {
		exe = ".exe"
	}
	b.gen, b.mstore = b.dir("bin", "gen"+exe), b.dir("bin", "mstore"+exe)
	targets := map[string]string{b.gen: "./bench/gen", b.mstore: "./cmd/mstore"}
	if mstore != "" {
		delete(targets, b.mstore)
		if b.mstore, err = filepath.Abs(mstore); err != nil {
			return err
		}
	}
	for bin, pkg := range targets {
		cmd := exec.CommandContext(b.ctx, "go", "build", "-trimpath", "-o", bin, pkg)
		cmd.Dir, cmd.Stderr, cmd.Env = b.root, os.Stderr, append(os.Environ(), "CGO_ENABLED=0")
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("building %s: %w", pkg, err)
		}
	}
	return nil
}

// scaled is n, or quick with -quick.
func scaled[T any](b *bench, n, quick T) T {
	if b.quick {
		return quick
	}
	return n
}

// corpus generates a corpus once and returns its directory.
func (b *bench) corpus(kind string, quickScale float64) (string, error) {
	dir := b.dir("corpus", kind)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	b.logf("generating %s", kind)
	_, err := b.exec(command{argv: []string{b.gen, kind, dir, "-scale", fmt.Sprint(scaled(b, 1, quickScale))}})
	if err != nil {
		os.RemoveAll(dir) // half a corpus must not be taken for one
	}
	return dir, err
}

// fresh empties a directory of the work directory, or makes it.
func (b *bench) fresh(elem ...string) (string, error) {
	dir := b.dir(elem...)
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	return dir, os.MkdirAll(dir, 0o755)
}

// settle waits until file times differ from those of what is written next:
// programs with a stat cache read files again that changed just now.
func (b *bench) settle() {
	select {
	case <-time.After(1100 * time.Millisecond):
	case <-b.ctx.Done():
	}
}
