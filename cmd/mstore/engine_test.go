//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mstore/mstore/store"
	"golang.org/x/sync/errgroup"
)

// The tests of this kind run processes of mstore on a real S3 engine. engineLimit is
// what one of them may take: the engine's own recovery takes seconds, the machine may be
// slow.
const engineLimit = 4 * time.Minute

// acked is a version that was acknowledged, and what it must hold.
type acked struct {
	id, path string
	data     []byte
}

// ledgerOfAcked is safe for concurrent use.
type ledgerOfAcked struct {
	mu  sync.Mutex
	all []acked
}

func (l *ledgerOfAcked) add(a acked) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, a)
}

func (l *ledgerOfAcked) list() []acked {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.all)
}

// client is a working directory that is attached to a store in a bucket.
type client struct {
	t    *testing.T
	dir  string
	name string
	url  string
	led  *ledgerOfAcked
}

// newClient attaches a new working directory; the first one makes the store.
func newClient(t *testing.T, name, url string, led *ledgerOfAcked) *client {
	t.Helper()
	c := &client{t: t, dir: busyDir(t), name: name, url: url, led: led}
	if out, err := c.run("init", "--storage", url); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return c
}

// busyDir is a directory that goes when the test is over, and what still works in it, a
// collection in the background, is done or has given up.
func busyDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "engine-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		var err error
		for range 600 {
			if err = os.RemoveAll(dir); err == nil {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
		t.Error(err)
	})
	return dir
}

// command is mstore in the client's directory.
func (c *client) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "mstore", args...)
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), "MSTORE_DIR=", "NO_COLOR=1", "HOME="+c.dir, "AWS_EC2_METADATA_DISABLED=true")
	return cmd
}

// run runs mstore to its end and returns what it said on stdout; the error has the rest.
func (c *client) run(args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), engineLimit)
	defer cancel()
	cmd := c.command(ctx, args...)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err := cmd.Run()
	if ctx.Err() != nil {
		err = fmt.Errorf("still running after %v: %w", engineLimit, err)
	}
	if err != nil {
		err = fmt.Errorf("%s: mstore %s: %w\n%s", c.name, strings.Join(args, " "), err, said.Bytes())
	}
	return out.Bytes(), err
}

// must is run for what must not fail.
func (c *client) must(args ...string) []byte {
	c.t.Helper()
	out, err := c.run(args...)
	if err != nil {
		c.t.Fatal(err)
	}
	return out
}

// save is a model as a training leaves it: step changes some of its numbers.
func save(name string, step, numbers int) []byte {
	seed := uint64(0)
	for _, b := range []byte(name) {
		seed = seed*31 + uint64(b)
	}
	b := fmt.Appendf(nil, "{\"name\": %q, \"step\": %d, \"weights\": [", name, step)
	for i := range numbers {
		r := rand.New(rand.NewPCG(seed<<20|uint64(i), uint64((step+i)/19)))
		b = fmt.Appendf(b, "%v,\n", r.Float64())
	}
	return append(b, "0]}\n"...)
}

func (c *client) path() string { return c.name + "/model.json" }

func (c *client) write(data []byte) error {
	name := filepath.Join(c.dir, filepath.FromSlash(c.path()))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, data, 0o644)
}

// commit saves one step of the client's model, which is acknowledged when it returns nil.
func (c *client) commit(step int) error {
	data := save(c.name, step, 1000)
	if err := c.write(data); err != nil {
		return err
	}
	out, err := c.run("commit", "--json", c.path(), "-m", fmt.Sprintf("%s %d", c.name, step))
	if err != nil {
		return err
	}
	return c.ack(out, data)
}

func (c *client) ack(out, data []byte) error {
	var doc struct {
		ID      string `json:"id"`
		Created *bool  `json:"created"`
	}
	if err := json.Unmarshal(out, &doc); err != nil || doc.ID == "" {
		return fmt.Errorf("commit said %q: %w", out, err)
	}
	if doc.Created != nil && !*doc.Created {
		return errors.New("commit made nothing")
	}
	c.led.add(acked{doc.ID, c.path(), data})
	return nil
}

// together runs f for each client at once.
func together(clients []*client, f func(c *client) error) error {
	errs := make([]error, len(clients))
	var wg sync.WaitGroup
	for i, c := range clients {
		wg.Go(func() { errs[i] = f(c) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// steps commits from one step up to before another.
func steps(from, to int) func(c *client) error {
	return func(c *client) error {
		for i := from; i < to; i++ {
			if err := c.commit(i); err != nil {
				return err
			}
		}
		return nil
	}
}

// proven looks at a store from a new working directory, which has no copies of
// anything: the versions of main are one line, numbered from 1, those that were
// acknowledged are among them and read back byte for byte, no step is there twice, and
// fsck is content. It returns the number of versions. gone tells of what may have expired.
func proven(t *testing.T, url string, led *ledgerOfAcked, gone bool) int {
	t.Helper()
	c := newClient(t, "judge", url, nil)
	s, err := store.Open(t.Context(), c.dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	line := map[string]bool{}
	said := map[string]bool{}
	var last *store.Version
	for v, err := range s.Log(t.Context(), store.LogOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		if last != nil && (v.Seq != last.Seq-1 || last.Parents[0] != v.ID) {
			t.Fatalf("below v%d with parents %v lies v%d %s", last.Seq, last.Parents, v.Seq, v.ID)
		}
		if said[v.Message] {
			t.Errorf("twice: %q", v.Message)
		}
		last, line[v.ID.String()], said[v.Message] = v, true, true
	}
	if last == nil || last.Seq != 1 {
		t.Fatalf("the line begins with %+v", last)
	}
	read := func(a acked) ([]byte, error) {
		r, err := s.OpenModel(t.Context(), a.id, a.path)
		if err != nil {
			return nil, err
		}
		var b bytes.Buffer
		_, err = r.WriteTo(&b)
		return b.Bytes(), err
	}
	var lost atomic.Int64
	var readers errgroup.Group
	readers.SetLimit(8)
	for _, a := range led.list() {
		if !line[a.id] {
			t.Errorf("acknowledged, and not there: %s of %s", a.id, a.path)
			continue
		}
		readers.Go(func() error {
			b, err := read(a)
			switch {
			case gone && errors.Is(err, store.ErrExpired):
				lost.Add(1)
			case err != nil:
				t.Errorf("reading %s of %s: %v", a.path, a.id, err)
			case !bytes.Equal(b, a.data):
				t.Errorf("%s of %s has other bytes", a.path, a.id)
			}
			return nil
		})
	}
	_ = readers.Wait() // told above
	if out, err := c.run("fsck"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	t.Logf("%d versions, %d acknowledged, %d of those expired", len(line), len(led.list()), lost.Load())
	return len(line)
}
