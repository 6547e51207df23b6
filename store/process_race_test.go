package store

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const (
	writerEnv = "MSTORE_TEST_WRITER" // "DIR NUMBER COMMITS": be a writer there
	killSeed  = 3
)

// TestWriterProcess is a process of TestWriterProcesses, not a test.
func TestWriterProcess(t *testing.T) {
	var dir string
	var i, each int
	if _, err := fmt.Sscan(os.Getenv(writerEnv), &dir, &i, &each); err != nil {
		t.Skip("only as a child of TestWriterProcesses")
	}
	s, err := Open(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for n := range each {
		a := writerData(i, n)
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(a.path)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, a.path), []byte(a.data), 0o644); err != nil {
			t.Fatal(err)
		}
		res, err := s.Commit(context.Background(), CommitOptions{Paths: []string{a.path}, Author: "tester"})
		if err != nil || !res.Created {
			t.Fatalf("commit %d: %+v, %v", n, res, err)
		}
		fmt.Printf("acked %d %s\n", n, res.Version.ID)
	}
}

func writerData(i, n int) acked {
	return acked{path: fmt.Sprintf("w%d/m.json", i), data: fmt.Sprintf(`{"writer": %d, "n": %d, "x": %q}`, i, n, strings.Repeat("x", 50*i))}
}

// TestWriterProcesses: processes commit at once, some are killed in the midst
// of it; what was acknowledged is there, in one line.
func TestWriterProcesses(t *testing.T) {
	for _, kill := range []bool{false, true} {
		t.Run(fmt.Sprintf("kill %v", kill), func(t *testing.T) {
			dir := t.TempDir()
			s, _, err := Init(t.Context(), dir, Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			rng := rand.New(rand.NewPCG(killSeed, 1))
			const writers, each = 8, 10
			var mu sync.Mutex
			var told []acked
			var wg sync.WaitGroup
			for i := range writers {
				after := -1
				if kill && i%2 == 1 {
					after = rng.IntN(each - 1)
				}
				wg.Go(func() {
					got, err := writerProcess(dir, i, each, after)
					if err != nil && after < 0 {
						t.Errorf("process %d: %v", i, err)
					}
					if after < 0 && len(got) != each {
						t.Errorf("process %d: %d commits", i, len(got))
					}
					mu.Lock()
					told = append(told, got...)
					mu.Unlock()
				})
			}
			wg.Wait()
			checkLine(t, s, told, kill)
			t.Logf("%d versions acknowledged (seed %d)", len(told), killSeed)
		})
	}
}

// writerProcess runs a writer and kills it, if after is not negative, when it
// has acknowledged so many versions and one more is under way.
func writerProcess(dir string, i, each, after int) (told []acked, err error) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestWriterProcess$")
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d %d", writerEnv, dir, i, each))
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return nil, err
	}
	var other []string
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		a := acked{}
		n := 0
		if _, err := fmt.Sscanf(lines.Text(), "acked %d %s", &n, &a.id); err != nil {
			other = append(other, lines.Text())
			continue
		}
		want := writerData(i, n)
		a.path, a.data = want.path, want.data
		if told = append(told, a); len(told) == after+1 && after >= 0 {
			_ = cmd.Process.Kill()
		}
	}
	if err := cmd.Wait(); err != nil {
		return told, fmt.Errorf("%w: %s", err, strings.Join(other, "\n"))
	}
	return told, nil
}
