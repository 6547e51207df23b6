package backend_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/backend/backendtest"
	"github.com/mstore/mstore/internal/vfs"
)

const (
	raceEnv   = "MSTORE_TEST_RACE_DIR"
	processes = 4
	writers   = 4 // in each process
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(raceEnv); dir != "" {
		if err := raceChild(dir, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// raceChild races for each key on a line "BASE KEY" of its input and answers
// with the writers that won it, numbered from BASE.
func raceChild(dir string, in io.Reader, out io.Writer) error {
	root, err := vfs.OpenRoot(dir)
	if err != nil {
		return err
	}
	d := backend.NewDir(root)
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		var base int
		var key string
		if _, err := fmt.Sscan(lines.Text(), &base, &key); err != nil {
			return err
		}
		var wg sync.WaitGroup
		errs := make([]error, writers)
		for i := range writers {
			wg.Go(func() { errs[i] = d.Put(ctx, key, []byte(backendtest.RaceContent(key, base+i))) })
		}
		wg.Wait()
		winners := "won"
		for i, err := range errs {
			if err == nil {
				winners += fmt.Sprintf(" %d", base+i)
			} else if !errors.Is(err, backend.ErrExists) {
				return err
			}
		}
		if _, err := fmt.Fprintln(out, winners); err != nil {
			return err
		}
	}
	return lines.Err()
}

// TestDirRaceOfProcesses: whichever process a writer is in, one of all wins.
func TestDirRaceOfProcesses(t *testing.T) {
	dir := t.TempDir()
	rounds := 200
	if testing.Short() {
		rounds = 20
	}
	type child struct {
		in     io.WriteCloser
		out    *bufio.Reader
		cmd    *exec.Cmd
		stderr bytes.Buffer
	}
	children := make([]*child, processes)
	for i := range children {
		c := &child{cmd: exec.Command(os.Args[0])}
		c.cmd.Env = append(os.Environ(), raceEnv+"="+dir)
		c.cmd.Stderr = &c.stderr
		in, inErr := c.cmd.StdinPipe()
		out, outErr := c.cmd.StdoutPipe()
		if err := errors.Join(inErr, outErr); err != nil {
			t.Fatal(err)
		}
		if err := c.cmd.Start(); err != nil {
			t.Fatal(err)
		}
		c.in, c.out = in, bufio.NewReader(out)
		children[i] = c
		defer c.cmd.Process.Kill()
	}
	_, d := openDir(t, dir)
	perProcess := make([]int, processes)
	for round := range rounds {
		key := fmt.Sprintf("journal/e%06d", round)
		for i, c := range children {
			fmt.Fprintln(c.in, i*writers, key)
		}
		var winners []string
		for i, c := range children {
			line, err := c.out.ReadString('\n')
			if err != nil {
				c.cmd.Wait()
				t.Fatalf("process %d: %v: %s", i, err, &c.stderr)
			}
			won := strings.Fields(line)[1:]
			perProcess[i] += len(won)
			winners = append(winners, won...)
		}
		if len(winners) != 1 {
			t.Fatalf("%s: the winners are %q", key, winners)
		}
		data, err := backend.ReadAll(ctx, d, key, 1<<20)
		var winner int
		fmt.Sscan(winners[0], &winner)
		if err != nil || string(data) != backendtest.RaceContent(key, winner) {
			t.Fatalf("%s: writer %d won, the content is %.40q, %v", key, winner, data, err)
		}
	}
	for _, c := range children {
		c.in.Close()
		if err := c.cmd.Wait(); err != nil {
			t.Errorf("%v: %s", err, &c.stderr)
		}
	}
	infos, err := d.List(ctx, "", "", 0)
	if err != nil || len(infos) != rounds {
		t.Errorf("%d keys after %d rounds, %v", len(infos), rounds, err)
	}
	if entries, err := os.ReadDir(dir + "/journal"); err != nil || len(entries) != rounds {
		t.Errorf("%d files after %d rounds, %v", len(entries), rounds, err)
	}
	t.Logf("wins per process: %v", perProcess)
}
