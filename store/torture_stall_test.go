//go:build unix

package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mstore/mstore/gc"
	"github.com/mstore/mstore/gc/policy"
	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/journal"
)

func init() { tortureRoles["stall"] = tortureStall }

// tortureStall does one thing, and tells and waits for an order before it makes each
// journal entry from number Step on, counted from 0.
func tortureStall(j *tortureJob, orders <-chan string) error {
	var mu sync.Mutex
	puts := 0
	s, err := hooked(j, func(op, key string) error {
		mu.Lock()
		defer mu.Unlock()
		if op == backend.OpPut && strings.HasPrefix(key, "journal/e") {
			if puts >= j.Step {
				say(note{What: "at", Text: key})
				<-orders
			}
			puts++
		}
		return nil
	})
	if err != nil {
		return err
	}
	ctx := context.Background()
	what, arg, _ := strings.Cut(j.Task, " ")
	var res *CommitResult
	switch what {
	case "commit":
		res, err = s.Commit(ctx, CommitOptions{Paths: []string{arg}, Author: "tester"})
	case "pipe":
		data, rerr := os.ReadFile(filepath.Join(j.Root, arg))
		if rerr != nil {
			return rerr
		}
		res, err = s.Commit(ctx, CommitOptions{Stdin: bytes.NewReader(data), As: arg, Author: "tester"})
	case "gc":
		_, err = s.GC(ctx, GCOptions{Rules: map[string]string{"keep-last": arg}, Now: true})
	case "repack":
		_, err = s.Repack(ctx, RepackOptions{All: true})
	case "undelete":
		_, _, err = s.Undelete(ctx)
	default:
		return fmt.Errorf("stall: %q", j.Task)
	}
	if err != nil {
		say(note{What: "refused", Text: err.Error(), ID: fmt.Sprint(errors.Is(err, ErrConflict))})
		return nil
	}
	n := note{What: "acked"}
	if res != nil {
		n.ID = res.Version.ID.String()
	}
	say(n)
	return nil
}

// stalled is a store of five versions of a model, and what a stopped process and
// others did to it. The first version holds content 0, and so on.
type stalled struct {
	t    *testing.T
	dir  string
	s    *Store
	want map[string][]byte // by version, of m.json
	fast bool              // commits store no differences: repack has something to gain
}

func newStalled(t *testing.T, fast bool) *stalled {
	t.Helper()
	x := &stalled{t: t, dir: t.TempDir(), want: map[string][]byte{}, fast: fast}
	var err error
	if x.s, _, err = Init(t.Context(), x.dir, Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = x.s.Close() })
	for i := range 5 {
		x.commit(i)
	}
	x.fast = false
	return x
}

// data is content number i; the next differs from it in a few numbers.
func (x *stalled) data(i int) []byte { return content{7, 0, 3 * i}.bytes(false) }

// put writes the model into a workspace: "", or "other", where the stopped process is.
func (x *stalled) put(workspace string, i int) {
	x.t.Helper()
	if err := os.MkdirAll(filepath.Join(x.dir, workspace), 0o755); err != nil {
		x.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(x.dir, workspace, "m.json"), x.data(i), 0o644); err != nil {
		x.t.Fatal(err)
	}
}

func (x *stalled) commit(i int) string {
	x.t.Helper()
	x.put("", i)
	res := save(x.t, x.s, CommitOptions{Paths: []string{"m.json"}, Fast: x.fast})
	x.want[res.Version.ID.String()] = x.data(i)
	return res.Version.ID.String()
}

func (x *stalled) gc(last string, now bool) {
	x.t.Helper()
	if _, err := x.s.GC(x.t.Context(), GCOptions{Rules: map[string]string{"keep-last": last}, Now: now}); err != nil {
		x.t.Fatal(err)
	}
}

// stop starts a process, and stops it before it makes its entry number put.
func (x *stalled) stop(what string, put int) *process {
	x.t.Helper()
	j := tortureJob{Role: "stall", Task: what, Root: filepath.Join(x.dir, "other"), Store: filepath.Join(x.dir, DirName), Step: put}
	p, err := j.start(nil)
	if err != nil {
		x.t.Fatal(err)
	}
	x.t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	if n := p.next(x.t); n.What != "at" {
		x.t.Fatalf("%s did not stop: %+v", what, n)
	}
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		x.t.Fatal(err)
	}
	return p
}

// goOn lets a stopped process go on to its next entry, or the end.
func (x *stalled) goOn(p *process) note {
	x.t.Helper()
	err := p.cmd.Process.Signal(syscall.SIGCONT)
	if err == nil {
		_, err = fmt.Fprintln(p.in, "go on")
	}
	if err != nil {
		x.t.Fatal(err)
	}
	return p.next(x.t)
}

// toEnd lets a stopped process go on to its end.
func (x *stalled) toEnd(p *process) note {
	x.t.Helper()
	n := x.goOn(p)
	for n.What == "at" {
		n = x.goOn(p)
	}
	if err := p.wait(); err != nil {
		x.t.Fatal(err)
	}
	if n.What != "acked" && (n.What != "refused" || n.ID != "true") {
		x.t.Errorf("it ended with %+v, which is neither success nor a conflict", n)
	}
	return n
}

// check demands that what is kept can be read, and that all else has expired or can
// be read; readable are the contents that must be there.
func (x *stalled) check(readable ...int) {
	x.t.Helper()
	line := oneLine(x.t, x.s)
	there := map[string]bool{}
	for _, v := range line {
		want, known := x.want[v.ID.String()]
		if !known {
			x.t.Errorf("%s was not acknowledged", v.Name)
			continue
		}
		expired, err := readBack(x.t.Context(), x.s, v.ID.String(), "m.json", want)
		if err != nil || v == line[0] && expired {
			x.t.Errorf("%s, expired %v: %v", v.Name, expired, err)
		}
		there[string(want)] = there[string(want)] || !expired
	}
	for _, i := range readable {
		if !there[string(x.data(i))] {
			x.t.Errorf("content %d cannot be read", i)
		}
	}
	mustFsck(x.t, x.s)
}

// TestTortureStalledWriter: a writer is stopped between its pack and its entry, while
// others take the pack for a dead writer's.
func TestTortureStalledWriter(t *testing.T) {
	for what, meanwhile := range map[string]func(x *stalled){
		"gc":            func(x *stalled) { x.gc("1", true) },
		"commit and gc": func(x *stalled) { x.commit(8); x.gc("1", true) },
		"two gcs": func(x *stalled) {
			x.gc("1", true)
			x.commit(8)
			x.gc("1", true)
		},
		"gc and folds": func(x *stalled) { x.gc("1", true); x.fold() },
		"a day and gc": func(x *stalled) { // the pack has been seen a day before
			x.gc("1", false)
			for _, after := range []time.Duration{25 * time.Hour, 25*time.Hour + 15*24*time.Hour} {
				x.s.o.Clock = func() time.Time { return time.Now().Add(after) }
				x.s.j = journal.New(x.s.b, journal.Options{Clock: x.s.o.Clock})
				x.gc("1", false)
			}
			x.s.o.Clock = time.Now
			x.s.j = journal.New(x.s.b, journal.Options{})
		},
		"gc and undelete": func(x *stalled) {
			x.gc("1", false)
			if _, _, err := x.s.Undelete(x.t.Context()); err != nil {
				x.t.Fatal(err)
			}
		},
		"repack": func(x *stalled) {
			if _, err := x.s.Repack(x.t.Context(), RepackOptions{All: true}); err != nil {
				x.t.Fatal(err)
			}
		},
	} {
		for _, how := range []string{"commit", "pipe"} {
			for name, n := range map[string]int{"new content": 9, "content that expires": 0} {
				t.Run(what+"/"+how+"/"+name, func(t *testing.T) {
					t.Parallel()
					x := newStalled(t, false)
					x.put("other", n)
					p := x.stop(how+" m.json", 0)
					meanwhile(x)
					got := x.toEnd(p)
					if how == "commit" && got.What != "acked" {
						t.Errorf("a commit of a file can start over: %+v", got)
					}
					if got.What == "acked" {
						x.want[got.ID] = x.data(n)
						x.check(n)
					}
					x.check()
					x.gc("1", true)
					noDebris(t, x.s)
					x.check()
				})
			}
		}
	}
}

// TestTortureStalledCollection: a gc, a repack or an undelete is stopped before its
// first or second entry, while others change what it has planned on.
func TestTortureStalledCollection(t *testing.T) {
	hold := func(x *stalled) {
		if _, err := x.s.Hold(x.t.Context(), "v1", "", "test"); err != nil {
			x.t.Fatal(err)
		}
	}
	tag := func(x *stalled) {
		if _, err := x.s.SetName(x.t.Context(), Tag, "keep", "v1", false); err != nil {
			x.t.Fatal(err)
		}
	}
	undelete := func(x *stalled) {
		if _, _, err := x.s.Undelete(x.t.Context()); err != nil {
			x.t.Fatal(err)
		}
	}
	again := func(x *stalled) { x.commit(0) } // the content that is to go
	for _, c := range []struct {
		what      string
		put       int // it is stopped before this one
		name      string
		meanwhile func(x *stalled)
		readable  []int
	}{
		{"gc 2", 0, "commit", func(x *stalled) { x.commit(9) }, []int{4, 9}},
		{"gc 2", 0, "commits", func(x *stalled) { x.commit(9); x.commit(10); x.commit(11) }, []int{4, 9, 10, 11}},
		{"gc 2", 0, "commit of what goes", again, []int{0, 4}},
		{"gc 2", 0, "hold", hold, []int{0, 3, 4}},
		{"gc 2", 0, "tag", tag, []int{0, 3, 4}},
		{"gc 2", 0, "gc", func(x *stalled) { x.gc("2", true) }, []int{3, 4}},
		{"gc 2", 0, "gc that condemns", func(x *stalled) { x.gc("3", false) }, []int{3, 4}},
		{"gc 2", 0, "gc, folds", func(x *stalled) { x.gc("2", true); x.fold() }, []int{3, 4}},
		{"gc 2", 1, "undelete", undelete, []int{0, 1, 2, 3, 4}},
		{"gc 2", 1, "undelete and commit", func(x *stalled) { undelete(x); again(x) }, []int{0, 1, 2, 3, 4}},
		{"gc 2", 1, "commit of what goes", again, []int{0, 3, 4}},
		{"gc 2", 1, "commit and undelete", func(x *stalled) { again(x); undelete(x) }, []int{0, 1, 2, 3, 4}},
		{"gc 2", 1, "undelete and gc", func(x *stalled) { undelete(x); x.gc("2", false) }, []int{3, 4}},
		{"gc 2", 1, "gc", func(x *stalled) { x.gc("2", true) }, []int{3, 4}},
		{"gc 2", 1, "repack", func(x *stalled) { _, _ = x.s.Repack(x.t.Context(), RepackOptions{All: true}) }, []int{3, 4}},
		{"gc 2", 1, "folds", func(x *stalled) { x.fold() }, []int{3, 4}},
		{"repack", 0, "commit", func(x *stalled) { x.commit(9) }, []int{0, 1, 2, 3, 4, 9}},
		{"repack", 0, "gc", func(x *stalled) { x.gc("2", true) }, []int{3, 4}},
		{"repack", 0, "gc that condemns", func(x *stalled) { x.gc("2", false) }, []int{3, 4}},
		{"repack", 0, "gc, undelete", func(x *stalled) { x.gc("2", false); undelete(x) }, []int{0, 1, 2, 3, 4}},
		{"undelete", 0, "gc", func(x *stalled) { x.gc("2", true) }, []int{3, 4}},
		{"undelete", 0, "commit", again, []int{0, 1, 2, 3, 4}},
	} {
		t.Run(fmt.Sprintf("%s at %d/%s", c.what, c.put, c.name), func(t *testing.T) {
			t.Parallel()
			x := newStalled(t, c.what == "repack")
			if c.what == "undelete" {
				x.gc("2", false)
			}
			x.put("other", 0)
			p := x.stop(c.what, c.put)
			c.meanwhile(x)
			got := x.toEnd(p)
			t.Logf("%+v", got)
			x.check(c.readable...)
			x.commit(12)
			x.check(c.readable...)
			x.gc("2", true)
			noDebris(t, x.s)
			x.check()
		})
	}
}

// TestTortureKilledCollection: a gc is killed between its first and its second entry,
// or before the second of its repack, after others have committed while it was
// writing; what they saved is a difference to what it moved elsewhere, and a later gc
// must know.
func TestTortureKilledCollection(t *testing.T) {
	for _, entries := range []int{1, 2} { // that it makes
		for _, commits := range []int{1, 2, 3} {
			t.Run(fmt.Sprintf("%d entries, %d commits", entries, commits), func(t *testing.T) {
				t.Parallel()
				x := newStalled(t, false)
				x.put("other", 0)
				p := x.stop("gc 2", 0)
				var last []int
				for i := range commits {
					x.commit(5 + i)
					last = append(last, 5+i)
				}
				for range entries {
					if n := x.goOn(p); n.What != "at" {
						t.Fatalf("%+v", n)
					}
				}
				_ = p.cmd.Process.Kill()
				if err := p.wait(); !killed(err) {
					t.Fatal(err)
				}
				x.check(last...)
				for i := range 4 {
					if i > 0 {
						x.commit(20 + i)
					}
					if _, err := x.s.collector().Collect(t.Context(), gcLast(t, "2")); err != nil {
						t.Fatal(err)
					}
					x.check()
				}
				x.gc("2", true)
				x.check(22, 23)
			})
		}
	}
}

// gcLast is a collection by itself, without the repack that gc makes after it.
func gcLast(t *testing.T, n string) gc.CollectOptions {
	t.Helper()
	p := &policy.Policy{}
	if err := p.Set("keep-last", n); err != nil {
		t.Fatal(err)
	}
	return gc.CollectOptions{Policy: p, Now: true, Clock: time.Now()}
}
