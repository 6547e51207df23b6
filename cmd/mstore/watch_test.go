//go:build unix

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// watching is mstore watch at work.
type watching struct {
	t     *testing.T
	dir   string
	cmd   *exec.Cmd
	lines chan string // of stdout
	err   lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

const patient = 2 * time.Minute

// run runs mstore to its end.
func run(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("mstore", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("mstore %q: %v\n%s", args, err, out)
	}
	return string(out)
}

func startWatch(t *testing.T, dir string, args ...string) *watching {
	t.Helper()
	w := &watching{t: t, dir: dir, lines: make(chan string, 100)}
	w.cmd = exec.Command("mstore", append([]string{"watch"}, args...)...)
	w.cmd.Dir, w.cmd.Stderr = dir, &w.err
	out, err := w.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.cmd.Process.Kill() })
	go func() {
		defer close(w.lines)
		for in := bufio.NewScanner(out); in.Scan(); {
			w.lines <- in.Text()
		}
	}()
	return w
}

// until waits for a line of stdout that ends a save of these files.
func (w *watching) until(want string) {
	w.t.Helper()
	deadline := time.After(patient)
	for {
		select {
		case line, ok := <-w.lines:
			if !ok {
				w.t.Fatalf("ended without %q\n%s", want, w.err.String())
			}
			if strings.Contains(line, want) {
				return
			}
		case <-deadline:
			w.t.Fatalf("no version of %q\n%s", want, w.err.String())
		}
	}
}

func (w *watching) untilSaid(want string) {
	w.t.Helper()
	for end := time.Now().Add(patient); !strings.Contains(w.err.String(), want); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatalf("it never said %q\n%s", want, w.err.String())
		}
	}
}

// stop ends it by a signal, and returns the lines that were left.
func (w *watching) stop(sig os.Signal) (rest []string) {
	w.t.Helper()
	if err := w.cmd.Process.Signal(sig); err != nil {
		w.t.Fatal(err)
	}
	return w.end(0)
}

func (w *watching) end(code int) (rest []string) {
	w.t.Helper()
	for line := range w.lines {
		rest = append(rest, line)
	}
	err := w.cmd.Wait()
	var exit *exec.ExitError
	if got := w.cmd.ProcessState.ExitCode(); got != code || err != nil && !errors.As(err, &exit) {
		w.t.Fatalf("exit code %d, want %d: %v\n%s", got, code, err, w.err.String())
	}
	return rest
}

func (w *watching) write(name, text string) {
	w.t.Helper()
	file := filepath.Join(w.dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *watching) rename(from, to string) {
	w.t.Helper()
	if err := os.Rename(filepath.Join(w.dir, from), filepath.Join(w.dir, to)); err != nil {
		w.t.Fatal(err)
	}
}

// saved demands that the newest version has these bytes of a model.
func (w *watching) saved(name, want string) {
	w.t.Helper()
	if got := run(w.t, w.dir, "cat", "HEAD:"+name); got != want {
		w.t.Errorf("HEAD:%s is %q, want %q", name, got, want)
	}
}

// A training as it goes, whether the system tells of changes or not.
func TestWatch(t *testing.T) {
	if testing.Short() {
		t.Skip("dozens of processes")
	}
	for _, how := range []string{"notified", "polling"} {
		t.Run(how, func(t *testing.T) {
			dir := t.TempDir()
			run(t, dir, "init")
			args := []string{"runs", "model.json", "--settle", "200ms"}
			if how == "polling" {
				args = append(args, "--poll", "50ms")
			}
			before := &watching{t: t, dir: dir}
			before.write("runs/first.json", `{"n": 1}`)
			w := startWatch(t, dir, args...)
			w.until("v1 runs/first.json")

			w.write("model.json", `{"n": 2}`) // named, and was not there
			w.until("v2 model.json 8 B")
			w.write("runs/slow.json", `{"n": `)
			w.untilSaid("runs/slow.json is not saved: ")
			w.write("runs/slow.json", `{"n": 3}`)
			w.until("v3 runs/slow.json")
			w.write("runs/.first.json.tmp", `{"n": 4}`)
			w.rename("runs/.first.json.tmp", "runs/first.json")
			w.until("v4 runs/first.json")
			w.write("runs/deep/er/new.json", `{"n": 5}`)
			w.until("v5 runs/deep/er/new.json")
			w.rename("runs", "away")
			w.rename("away", "runs")
			w.write("runs/deep/er/new.json", `{"n": 6}`)
			w.until("v6 runs/deep/er/new.json")
			if err := os.RemoveAll(filepath.Join(dir, "runs")); err != nil {
				t.Fatal(err)
			}
			w.write("runs/first.json", `{"n": 7}`)
			w.until("v7 runs/first.json")
			w.write("other.json", `{}`) // not watched; saved by another
			run(t, dir, "commit", "other.json")
			w.write("runs/first.json", `{"n": 9}`)
			w.until("v9 runs/first.json")

			w.write("model.json", `{"n": 10}`)
			if rest := w.stop(syscall.SIGTERM); len(rest) != 1 || rest[0] != "v10 model.json 9 B" {
				t.Errorf("at the end it saved %q", rest)
			}
			w.saved("model.json", `{"n": 10}`)
			w.saved("runs/first.json", `{"n": 9}`)
			w.saved("runs/slow.json", `{"n": 3}`) // what was deleted stays
			if out := run(t, dir, "log", "--oneline"); strings.Count(out, "saved by watch") != 9 {
				t.Errorf("log:\n%s", out)
			}
			run(t, dir, "fsck")
		})
	}
}

// The last save in a span is not lost, and neither is the one at the last moment.
func TestWatchEvery(t *testing.T) {
	if testing.Short() {
		t.Skip("some processes")
	}
	dir := t.TempDir()
	run(t, dir, "init")
	w := startWatch(t, dir, ".", "--settle", "100ms", "--every", "24h", "--json", "-m", "run 7", "--param", "lr=0.1")
	w.write("a.json", `{"n": 1}`)
	w.until(`"path":"a.json"`)
	for i := range 5 {
		w.write("a.json", fmt.Sprintf(`{"n": %d}`, i))
	}
	w.write("b.json", `{}`)
	rest := w.stop(syscall.SIGINT)
	if len(rest) != 1 || !strings.Contains(rest[0], `"version":"v2"`) || !strings.Contains(rest[0], `"message":"run 7"`) || !strings.Contains(rest[0], `"params":{"lr":0.1}`) {
		t.Errorf("at the end it saved %q", rest)
	}
	w.saved("a.json", `{"n": 4}`)
	w.saved("b.json", `{}`)
}

// A store that goes ends it, with the code for that.
func TestWatchStoreGoes(t *testing.T) {
	if testing.Short() {
		t.Skip("some processes")
	}
	dir := t.TempDir()
	run(t, dir, "init")
	w := startWatch(t, dir, "runs", "--settle", "50ms")
	w.untilSaid("watching")
	if err := os.RemoveAll(filepath.Join(dir, ".mstore")); err != nil {
		t.Fatal(err)
	}
	w.write("runs/a.json", `{}`)
	w.end(exitNotFound)
}
