//go:build unix

package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects/pack"
)

// replicateEnv names the store and the mirror of a process that only replicates.
const replicateEnv = "MSTORE_TEST_REPLICATE"

// TestReplicateProcess is that process.
func TestReplicateProcess(t *testing.T) {
	var dir, to string
	if _, err := fmt.Sscan(os.Getenv(replicateEnv), &dir, &to); err != nil {
		t.Skip("for TestReplicateKilled")
	}
	s, err := Open(context.Background(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Replicate(context.Background(), to, ReplicateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// TestReplicateKilled: processes that replicate are killed at random, while the store goes
// on; each time the mirror is whole.
func TestReplicateKilled(t *testing.T) {
	r := rand.New(rand.NewPCG(crashSeed, 28))
	dir, to := t.TempDir(), filepath.Join(t.TempDir(), "mirror")
	s, _, err := Init(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	rounds := 25
	if testing.Short() {
		rounds = 6
	}
	at, killed := uint64(0), 0
	open := func() (*backend.Dir, func()) {
		root, err := vfs.OpenRoot(to)
		if err != nil {
			t.Fatal(err)
		}
		d := backend.NewDir(root)
		return d, func() { _ = errors.Join(d.Close(), root.Close()) }
	}
	for i := range rounds {
		for k := range 3 {
			name := filepath.Join(dir, fmt.Sprintf("m%d.bin", k))
			if err := os.WriteFile(name, []byte(noise(byte(i*3+k), 300_000)), 0o644); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Commit(t.Context(), CommitOptions{Paths: []string{"."}}); err != nil {
				t.Fatal(err)
			}
		}
		switch i % 5 {
		case 2:
			err = s.foldNow(t.Context())
		case 3:
			_, err = s.Repack(t.Context(), RepackOptions{All: true})
		case 4:
			err = keepLast("2", true)(s)
		}
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(os.Args[0], "-test.run=^TestReplicateProcess$")
		cmd.Env = append(os.Environ(), replicateEnv+"="+dir+" "+to)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(time.Duration(r.IntN(1000))*time.Millisecond, func() { _ = cmd.Process.Kill() })
		if cmd.Wait() != nil {
			killed++
		}
		timer.Stop()
		if _, err := os.Stat(to); err != nil {
			continue // it had not begun
		}
		d, done := open()
		now, err := consistent(d)
		done()
		if err != nil || now < at {
			t.Fatalf("round %d: entry %d after %d: %v", i, now, at, err)
		}
		at = now
	}
	t.Logf("%d of %d were killed", killed, rounds)
	if _, err := s.Replicate(t.Context(), to, ReplicateOptions{Verify: true}); err != nil {
		t.Fatal(err)
	}
	d, done := open()
	defer done()
	if left := temps(os2vfs(t, to)); len(left) > 0 {
		t.Logf("unfinished files, which are swept after a day: %d", len(left))
	}
	dropStray(t, s)
	wantSame(t, s, d)
}

// dropStray deletes what a process has left that was killed while it folded the journal:
// segments of the archive and of the index that no checkpoint names, which nobody copies.
func dropStray(t *testing.T, s *Store) {
	t.Helper()
	v, err := s.j.Survey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, c := range v.Checkpoints {
		for _, a := range c.Archives() {
			named[a.Key] = true
		}
		for _, g := range c.Segments {
			named[g.Key()] = true
		}
	}
	for key := range filesIn(t, s.b) {
		if _, isSegment := pack.ParseSegmentKey(key); (isSegment || journal.IsArchiveKey(key)) && !named[key] {
			if err := s.b.Delete(t.Context(), key); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func os2vfs(t *testing.T, dir string) vfs.FS {
	root, err := vfs.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	return root
}
