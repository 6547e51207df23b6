//go:build unix

package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/objects/pack"
)

const tortureSeed = 20261125

// storm is a number of processes that work on one store.
type storm struct {
	dir      string
	seed     uint64
	writers  int
	gcs      int
	undelete int
	kill     bool // at random moments, again and again; else at the end only

	mu     sync.Mutex
	acked  []note
	counts map[string]int
	bad    []string
}

// newStorm makes a store in which what is let go stays for a second. It has a version: on
// a slow machine all writers may be killed before they make their first.
func newStorm(t *testing.T, seed uint64) *storm {
	t.Helper()
	st := &storm{dir: t.TempDir(), seed: seed, counts: map[string]int{}}
	s, _, err := Init(t.Context(), st.dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.SetConfig(t.Context(), "gc.grace", "1s", false); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Commit(t.Context(), CommitOptions{AllowEmpty: true}); err != nil {
		t.Fatal(err)
	}
	return st
}

// run lets the processes work for some time, while this one reads.
func (st *storm) run(t *testing.T, d time.Duration) {
	t.Helper()
	end := time.Now().Add(d)
	var wg sync.WaitGroup
	for i := range st.writers + st.gcs + st.undelete {
		j := tortureJob{Role: "writer", Root: st.dir, Store: filepath.Join(st.dir, DirName), Number: i, Seed: st.seed + uint64(i)}
		switch {
		case i >= st.writers+st.gcs:
			j.Role = "undelete"
		case i >= st.writers:
			j.Role = "gc"
		case i%2 == 1: // in a workspace of its own
			j.Root = filepath.Join(st.dir, fmt.Sprintf("workspace%d", i))
			if err := os.Mkdir(j.Root, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(st.seed, uint64(i)))
			for ; time.Now().Before(end) && st.good(); j.Run++ {
				until := time.Until(end)
				if st.kill {
					until = min(until, time.Duration(100+rng.IntN(1500))*time.Millisecond)
				}
				st.live(&j, until)
			}
		})
	}
	wg.Go(func() { st.read(end) })
	wg.Wait()
	for _, b := range st.bad {
		t.Errorf("seed %d: %s", st.seed, b)
	}
	t.Logf("seed %d, %v: %v", st.seed, d, st.counts)
}

func (st *storm) good() bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	return len(st.bad) == 0
}

func (st *storm) count(what string) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.counts[what]++
}

func (st *storm) complain(format string, args ...any) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.bad = append(st.bad, fmt.Sprintf(format, args...))
}

// live is the life of one process.
func (st *storm) live(j *tortureJob, d time.Duration) {
	p, err := j.start(nil)
	if err != nil {
		st.complain("%v", err)
		return
	}
	go func() { // at once when something is wrong, so that it can be looked at
		for end := time.Now().Add(d); time.Now().Before(end) && st.good(); {
			time.Sleep(min(time.Until(end), 20*time.Millisecond))
		}
		st.count("kills")
		_ = p.cmd.Process.Kill()
	}()
	for n := range p.notes {
		what := n.What
		switch what {
		case "acked", "held":
			for _, c := range n.Files {
				j.Step = max(j.Step, c.Step+1)
			}
			st.mu.Lock()
			st.acked = append(st.acked, n)
			st.mu.Unlock()
		case "gc", "refused":
			what += " " + strings.Join(strings.Fields(strings.Split(n.Text, ":")[0]), " ")
		case "failed":
			st.complain("%s %d: %s", j.Role, j.Number, n.Text)
		}
		st.count(what)
	}
	if err := p.wait(); !killed(err) {
		st.complain("%s %d was not killed: %v", j.Role, j.Number, err)
	}
}

// read reads what was acknowledged until the end, and now and then all of it.
func (st *storm) read(end time.Time) {
	ctx := context.Background()
	s, err := Open(ctx, st.dir, Options{})
	if err != nil {
		st.complain("%v", err)
		return
	}
	defer s.Close()
	rng := rand.New(rand.NewPCG(st.seed, 99))
	for time.Now().Before(end) && st.good() {
		st.mu.Lock()
		var n note
		if len(st.acked) > 0 {
			n = st.acked[len(st.acked)-1-rng.IntN(min(len(st.acked), 50))]
		}
		st.mu.Unlock()
		for p, c := range n.Files {
			expired, err := readBack(ctx, s, n.ID, p, c.bytes(p == sharedModel))
			switch {
			case err != nil:
				again, err2 := readBack(ctx, s, n.ID, p, c.bytes(p == sharedModel))
				st.complain("reading while others work: %v; and a moment later: expired %v, %v", err, again, err2)
			case expired:
				st.count("reads of what has expired")
			default:
				st.count("reads")
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// readBack compares a model with what it must be, unless a policy has let it go.
func readBack(ctx context.Context, s *Store, id, p string, want []byte) (expired bool, err error) {
	r, err := s.OpenModel(ctx, id, p)
	var b bytes.Buffer
	if err == nil {
		_, err = r.WriteTo(&b)
	}
	if errors.Is(err, ErrExpired) && strings.Contains(err.Error(), "by policy: keep-last ") {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("%s:%s: %w", id, p, err)
	}
	if !bytes.Equal(b.Bytes(), want) {
		return false, fmt.Errorf("%s:%s holds %d bytes other than the %d that were saved: %.60q, want %.60q", id, p, b.Len(), len(want), b.Bytes(), want)
	}
	return false, nil
}

// check demands that all is as it was promised to those who were acknowledged.
func (st *storm) check(t *testing.T) {
	t.Helper()
	ctx := context.Background()
	s, err := Open(ctx, st.dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	line := oneLine(t, s)
	st.checkAcked(t, s, line)
	checkLast(t, s, line, 3)
	checkExpiries(t, s, line)
	mustFsck(t, s)

	time.Sleep(1100 * time.Millisecond) // files that were written to just now may have a writer
	if _, err := s.GC(ctx, GCOptions{Rules: map[string]string{"keep-last": "3"}, Now: true}); err != nil {
		t.Fatal(err)
	}
	noDebris(t, s)
	st.checkAcked(t, s, line)
	checkLast(t, s, line, 3)
	checkExpiries(t, s, line)
	mustFsck(t, s)
}

// oneLine returns the history, newest first, which must be one line.
func oneLine(t *testing.T, s *Store) (line []*Version) {
	t.Helper()
	for v, err := range s.Log(t.Context(), LogOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		line = append(line, v)
	}
	for i, v := range line {
		last := i == len(line)-1
		if v.Seq != uint64(len(line)-i) || last != (len(v.Parents) == 0) || !last && v.Parents[0] != line[i+1].ID {
			t.Fatalf("%s is in place %d of %d", v.Name, i, len(line))
		}
	}
	return line
}

func (st *storm) checkAcked(t *testing.T, s *Store, line []*Version) {
	t.Helper()
	place := map[string]*Version{}
	for _, v := range line {
		place[v.ID.String()] = v
	}
	gone, held := 0, map[string]bool{}
	for _, n := range st.acked {
		if n.What == "held" {
			held[n.ID] = true
		}
	}
	for _, n := range st.acked {
		v := place[n.ID]
		if v == nil {
			t.Fatalf("seed %d: acknowledged version %s (%v) is not in the log", st.seed, n.ID, n.Files)
		}
		if v.Author != "tester" || len(v.Changes) != len(n.Files) {
			t.Fatalf("seed %d: the record of %s is not what was saved: %+v", st.seed, v.Name, v.Version)
		}
		for p, c := range n.Files {
			expired, err := readBack(t.Context(), s, n.ID, p, c.bytes(p == sharedModel))
			if err != nil {
				t.Fatalf("seed %d: acknowledged: %v", st.seed, err)
			}
			if own := p != sharedModel; expired && held[n.ID] && own {
				t.Fatalf("seed %d: %s:%s is held, and has expired", st.seed, v.Name, p)
			}
			if expired {
				gone++
			}
		}
	}
	t.Logf("seed %d: %d versions, %d acknowledged, %d held, %d contents of these have expired", st.seed, len(line), len(st.acked), len(held), gone)
}

// checkLast demands that the newest n contents of each model can be read.
func checkLast(t *testing.T, s *Store, line []*Version, n int) {
	t.Helper()
	count := map[string]int{}
	for _, v := range line {
		for _, ch := range v.Changes {
			if count[ch.Path]++; count[ch.Path] <= n {
				cat(t, s, v.ID.String(), ch.Path)
			}
		}
	}
}

// checkExpiries demands that each content that was let go had as many newer ones,
// then, as the policy keeps.
func checkExpiries(t *testing.T, s *Store, line []*Version) {
	t.Helper()
	sn, err := s.load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	changed := map[string][]uint64{} // entries that changed a model, newest first
	for _, v := range line {
		for _, ch := range v.Changes {
			changed[ch.Path] = append(changed[ch.Path], v.Entry)
		}
	}
	let := map[objects.BlobID]bool{}
	for e, err := range sn.h.Entries(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		for i := range e.Ops {
			op := &e.Ops[i]
			if op.Kind != journal.OpExpire {
				continue
			}
			text, _, _ := strings.Cut(strings.TrimPrefix(op.Reason, "keep-last "), ",")
			least, err := strconv.Atoi(text)
			if err != nil {
				t.Fatalf("the reason is %q", op.Reason)
			}
			for _, x := range op.Expired {
				newer := 0
				for _, at := range changed[x.Path] {
					if at > x.Entry && at < e.Number {
						newer++
					}
				}
				if newer < least {
					t.Fatalf("entry %d let go what entry %d made of %s: there were %d newer ones, %s", e.Number, x.Entry, x.Path, newer, op.Reason)
				}
				let[x.Blob] = true
			}
		}
	}
	for _, v := range line { // what cannot be read was let go
		for _, ch := range v.Changes {
			if _, err := s.OpenModel(t.Context(), v.ID.String(), ch.Path); errors.Is(err, ErrExpired) != (err != nil) || err != nil && !let[ch.Blob] {
				t.Fatalf("%s:%s: %v", v.Name, ch.Path, err)
			}
		}
	}
}

// noDebris demands that no file is left that nobody needs.
func noDebris(t *testing.T, s *Store) {
	t.Helper()
	if left := debrisIn(t, s.dir); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
	sn, err := s.load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(sn.st.Condemned) > 0 {
		t.Errorf("condemned, and not removed: %v", sn.st.SortedCondemned())
	}
	live, err := sn.h.LivePacks(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	infos, err := s.b.List(t.Context(), pack.Prefix, "", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range infos {
		if name, ok := pack.ParseKey(i.Key); ok && !slices.ContainsFunc(live, func(p pack.Info) bool { return p.Name == name }) {
			t.Errorf("no journal names %s", i.Key)
		}
	}
	t.Logf("%d packs", len(live))
}

// TestTortureKills: processes commit, and others let go what a policy does not keep;
// all are killed at random moments.
func TestTortureKills(t *testing.T) {
	st := newStorm(t, tortureSeed)
	st.writers, st.gcs, st.kill = 8, 1, true
	st.run(t, tortureTime(t, 2*time.Second, 6*time.Second))
	st.check(t)
}

// TestTortureTwoCollections: two collect at once while six commit.
func TestTortureTwoCollections(t *testing.T) {
	st := newStorm(t, tortureSeed+100)
	st.writers, st.gcs = 6, 2
	st.run(t, tortureTime(t, time.Second, 3*time.Second))
	st.check(t)
}

// TestTortureUndelete: what was condemned is taken back while others remove it.
func TestTortureUndelete(t *testing.T) {
	st := newStorm(t, tortureSeed+200)
	st.writers, st.gcs, st.undelete, st.kill = 3, 2, 1, true
	st.run(t, tortureTime(t, time.Second, 3*time.Second))
	st.check(t)
}
