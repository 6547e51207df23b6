package store

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path"
	"testing"
	"time"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/vfs"
)

// testClock advances by an hour at each look, so that no file time is racy. It
// may be used concurrently.
func testClock() func() time.Time {
	return ticking(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), time.Hour)
}

// openMem opens the store that lies in fsys, models and all, and makes one
// where there is none.
func openMem(ctx context.Context, fsys vfs.FS, clock func() time.Time) (*Store, error) {
	if err := fsys.MkdirAll(DirName); err != nil {
		return nil, err
	}
	s := newStore(fsys, backend.NewDir(vfs.Sub(fsys, DirName)), Options{Clock: clock})
	_, err := s.init(ctx)
	return s, err
}

func newMemStore(t testing.TB) (*Store, *vfs.Mem) {
	t.Helper()
	m := vfs.NewMem()
	clock := testClock()
	m.SetClock(clock)
	if os.Getenv(onBucketEnv) != "" {
		return newBucketStore(t, m, clock), m
	}
	s, err := openMem(t.Context(), m, clock)
	if err != nil {
		t.Fatal(err)
	}
	return s, m
}

// write puts a file into the working directory, in place of another.
func write(t testing.TB, fsys vfs.FS, name string, data []byte) {
	t.Helper()
	if err := fsys.MkdirAll(path.Dir(name)); err != nil {
		t.Fatal(err)
	}
	if err := vfs.WriteFileAtomic(fsys, name, data, true); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, fsys vfs.FS, name string) []byte {
	t.Helper()
	b, err := vfs.ReadFile(fsys, name, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// model makes JSON of about n bytes, different for every seed.
func model(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 7))
	b := []byte(`{"states": [`)
	for len(b) < n {
		b = fmt.Appendf(b, "%v, ", r.NormFloat64())
	}
	return append(b, "0]}\n"...)
}

func save(t testing.TB, s *Store, o CommitOptions) *CommitResult {
	t.Helper()
	o.Author = "tester"
	res, err := s.Commit(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func cat(t testing.TB, s *Store, rev, p string) []byte {
	t.Helper()
	r, err := s.OpenModel(context.Background(), rev, p)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := r.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func mustFsck(t testing.TB, s *Store) {
	t.Helper()
	rep, err := s.Fsck(context.Background(), FsckOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range rep.Problems {
		t.Errorf("%+v", p)
	}
	if !rep.OK {
		t.Fatal("fsck finds problems")
	}
}
