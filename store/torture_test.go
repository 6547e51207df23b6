//go:build unix

package store

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/journal"
)

const (
	tortureEnv      = "MSTORE_TORTURE"       // how long the tests with real processes go on: "60s"
	tortureChildEnv = "MSTORE_TORTURE_CHILD" // a tortureJob: be a process of such a test
	sharedModel     = "shared/model.json"
)

// tortureTime is how long a test goes on; long is for those who ask for it.
func tortureTime(t *testing.T, short, plain time.Duration) time.Duration {
	t.Helper()
	if v := os.Getenv(tortureEnv); v != "" {
		d, err := time.ParseDuration(v)
		if err != nil {
			t.Fatalf("%s: %v", tortureEnv, err)
		}
		return d
	}
	if testing.Short() {
		return short
	}
	return plain
}

// content names bytes that can be made again: what a writer saved in one of its runs
// at one of its steps. A step changes one number in a hundred and adds some.
type content struct{ Writer, Run, Step int }

func (c content) bytes(shared bool) []byte {
	like := c.Writer
	if shared { // all of them save much the same
		like = 1000
	}
	b := fmt.Appendf(nil, "{\"writer\": %d, \"run\": %d, \"step\": %d, \"states\": [", c.Writer, c.Run, c.Step)
	for i := range 400 + 3*c.Step {
		r := rand.New(rand.NewPCG(uint64(like)<<32|uint64(i), uint64((c.Step+i*7)/97)))
		b = fmt.Appendf(b, "%v,\n", r.Float64())
	}
	return append(b, "0]}\n"...)
}

// tortureJob is what a process is to do.
type tortureJob struct {
	Role   string // one of tortureRoles
	Task   string // of the role stall: what it is to do
	Root   string // the directory of the workspace
	Store  string // of the store
	Number int
	Run    int
	Step   int
	Seed   uint64
}

func (j *tortureJob) open(warn func(string)) (*Store, error) {
	return Open(context.Background(), j.Root, Options{StoreDir: j.Store, Warn: warn})
}

// note is a line that such a process says.
type note struct {
	What  string // acked, held, gc, undeleted, refused, at, failed
	ID    string
	Files map[string]content
	Text  string
}

var saying sync.Mutex

func say(n note) {
	b, err := json.Marshal(n)
	if err != nil {
		panic(err)
	}
	saying.Lock()
	defer saying.Unlock()
	_, _ = os.Stdout.Write(append(append([]byte("note "), b...), '\n'))
}

// process is a running child.
type process struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	notes chan note // closed at the end
	other bytes.Buffer
}

// start runs the test binary as a process of its own; adjust may be nil.
func (j *tortureJob) start(adjust func(*exec.Cmd)) (*process, error) {
	b, err := json.Marshal(j)
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.Command(os.Args[0], "-test.run=^TestTortureProcess$", "-test.timeout=20m"), notes: make(chan note, 100)}
	p.cmd.Env = append(os.Environ(), tortureChildEnv+"="+string(b))
	if adjust != nil {
		adjust(p.cmd)
	}
	p.cmd.Stderr = p.cmd.Stdout
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.notes)
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var n note
			if s, ok := strings.CutPrefix(lines.Text(), "note "); !ok || json.Unmarshal([]byte(s), &n) != nil {
				fmt.Fprintln(&p.other, lines.Text())
				continue
			}
			p.notes <- n
		}
	}()
	return p, nil
}

// next waits for a note.
func (p *process) next(t *testing.T) note {
	t.Helper()
	select {
	case n, ok := <-p.notes:
		if !ok {
			t.Fatalf("the process has ended: %v: %s", p.cmd.Wait(), p.other.String())
		}
		return n
	case <-time.After(time.Minute):
		_ = p.cmd.Process.Kill()
		t.Fatalf("the process says nothing: %s", p.other.String())
	}
	return note{}
}

// wait waits for the end. All notes must have been read.
func (p *process) wait() error {
	for range p.notes {
	}
	err := p.cmd.Wait()
	_ = p.in.Close()
	if err != nil {
		return fmt.Errorf("%w: %s", err, p.other.String())
	}
	return nil
}

// killed tells whether a process ended because it was killed.
func killed(err error) bool {
	var x *exec.ExitError
	if !errors.As(err, &x) {
		return false
	}
	st, ok := x.Sys().(syscall.WaitStatus)
	return ok && st.Signaled() && st.Signal() == syscall.SIGKILL
}

// TestTortureProcess is a process of the tests of this kind, not a test. It ends when
// whoever began it has.
func TestTortureProcess(t *testing.T) {
	var j tortureJob
	if err := json.Unmarshal([]byte(os.Getenv(tortureChildEnv)), &j); err != nil {
		t.Skip("only as a child of the other TestTorture tests")
	}
	orders := make(chan string)
	go func() {
		lines := bufio.NewScanner(os.Stdin)
		for lines.Scan() {
			orders <- lines.Text()
		}
		os.Exit(9)
	}()
	if err := tortureRoles[j.Role](&j, orders); err != nil {
		say(note{What: "failed", Text: err.Error()})
		t.Fatal(err)
	}
}

// tortureRoles are what such processes can be.
var tortureRoles = map[string]func(j *tortureJob, orders <-chan string) error{
	"writer": tortureWriter, "gc": tortureGC, "undelete": tortureUndelete,
}

// tortureWriter commits until it is killed.
func tortureWriter(j *tortureJob, _ <-chan string) error {
	s, err := j.open(nil)
	if err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(j.Seed, uint64(j.Run)))
	own := fmt.Sprintf("w%d/m.json", j.Number)
	for step := j.Step; ; step++ {
		c := content{j.Number, j.Run, step}
		n := note{What: "acked", Files: map[string]content{}}
		o := CommitOptions{Author: "tester", Message: fmt.Sprint(c), AllowEmpty: false}
		kind := rng.IntN(4)
		if kind == 0 {
			o.Stdin, o.As = bytes.NewReader(c.bytes(true)), sharedModel
			n.Files[sharedModel] = c
		} else {
			o.Paths = []string{own}
			n.Files[own] = c
			if filepath.Dir(j.Store) != j.Root && kind == 1 { // nobody else has this file
				o.Paths = append(o.Paths, sharedModel)
				n.Files[sharedModel] = c
			}
		}
		for _, p := range o.Paths {
			name := filepath.Join(j.Root, filepath.FromSlash(p))
			if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
				return err
			}
			if err := os.WriteFile(name, c.bytes(p == sharedModel), 0o644); err != nil {
				return err
			}
		}
		res, err := s.Commit(context.Background(), o)
		if errors.Is(err, ErrConflict) && o.Stdin != nil { // a pipe cannot be read twice
			say(note{What: "refused", Text: err.Error()})
			continue
		}
		if err != nil {
			return fmt.Errorf("commit of %v: %w", n.Files, err)
		}
		if !res.Created {
			return fmt.Errorf("commit of %v made nothing", n.Files)
		}
		n.ID = res.Version.ID.String()
		say(n)
		if rng.IntN(12) == 0 && kind != 0 {
			if _, err := s.Hold(context.Background(), n.ID, own, "torture"); err != nil {
				return fmt.Errorf("hold of %v: %w", n, err)
			}
			n.What = "held"
			say(n)
		}
	}
}

// tortureGC tidies up, in one way or another, until it is killed.
func tortureGC(j *tortureJob, _ <-chan string) error {
	s, err := j.open(nil)
	if err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(j.Seed, uint64(j.Run)))
	ctx := context.Background()
	for {
		what, err := "", error(nil)
		switch rng.IntN(10) {
		case 0, 1:
			what = "repack"
			_, err = s.Repack(ctx, RepackOptions{All: rng.IntN(3) == 0})
		case 2:
			what = "fold"
			var st *journal.State
			if st, err = s.j.Load(ctx); err == nil {
				_, err = s.j.Fold(ctx, st, s.packSet(st))
			}
			if errors.Is(err, journal.ErrLost) {
				err = nil
			}
		default:
			o := GCOptions{Rules: map[string]string{"keep-last": "3"}, Now: rng.IntN(2) == 0}
			if rng.IntN(2) == 0 {
				o.Rules = map[string]string{"keep-last": "10", "keep-within": "2s"}
			}
			what = fmt.Sprintf("gc now %v", o.Now)
			var res *GCResult
			if res, err = s.GC(ctx, o); err == nil {
				what += fmt.Sprintf(": %d expired, %d removed", len(res.Expired()), res.Removed)
			}
		}
		if errors.Is(err, ErrConflict) {
			say(note{What: "refused", Text: what + ": " + err.Error()})
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		say(note{What: "gc", Text: what})
	}
}

// tortureUndelete takes back what was let go until it is killed.
func tortureUndelete(j *tortureJob, _ <-chan string) error {
	s, err := j.open(nil)
	if err != nil {
		return err
	}
	for {
		packs, _, err := s.Undelete(context.Background())
		if err != nil {
			return fmt.Errorf("undelete: %w", err)
		}
		if packs > 0 {
			say(note{What: "undeleted", Text: fmt.Sprint(packs)})
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// debrisIn lists files below a directory that somebody did not finish.
func debrisIn(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, _ os.DirEntry, err error) error {
		if b := filepath.Base(name); strings.HasPrefix(b, vfs.TempPrefix) || strings.HasPrefix(b, TempPrefix) {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// hooked opens a store whose backend calls before ahead of each operation.
func hooked(j *tortureJob, before func(op, key string) error) (*Store, error) {
	s, err := j.open(nil)
	if err != nil {
		return nil, err
	}
	h := newStore(s.root, &backend.Hook{Backend: s.b, Before: before}, s.o)
	h.rootDir, h.dir, h.index, h.closers = s.rootDir, s.dir, s.index, s.closers
	return h, nil
}

// fold moves everything into the archive, so often that the entries are gone.
func (x *stalled) fold() {
	x.t.Helper()
	for i := range 3 {
		if err := x.s.SetConfig(x.t.Context(), "user.name", fmt.Sprint(i), false); err != nil {
			x.t.Fatal(err)
		}
		st, err := x.s.j.Load(x.t.Context())
		if err == nil {
			_, err = x.s.j.Fold(x.t.Context(), st, x.s.packSet(st))
		}
		if err != nil {
			x.t.Fatal(err)
		}
	}
}
