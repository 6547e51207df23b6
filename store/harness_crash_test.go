package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/sampling"
	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/objects"
)

// noise makes n bytes that do not compress.
func noise(seed byte, n int) string {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(b)
	return string(b)
}

// crashSeed begins the random part of every power cut; failures print it.
const crashSeed = 20261101

// ticking returns a clock that advances by step at each look, for any number
// of goroutines.
func ticking(start time.Time, step time.Duration) func() time.Time {
	var mu sync.Mutex
	return func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		start = start.Add(step)
		return start
	}
}

// laterClock begins after everything that a test has set up.
func laterClock() func() time.Time {
	return ticking(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC), time.Second)
}

// openOn opens the store in fsys as Open does, without making anything.
func openOn(fsys vfs.FS, clock func() time.Time) (*Store, error) {
	s := newStore(fsys, backend.NewDir(vfs.Sub(fsys, DirName)), Options{Clock: clock})
	return s, s.checkFormat(context.Background())
}

// files is a set of models: their content by path.
type files map[string]string

func (f files) with(kv ...string) files {
	c := maps.Clone(f)
	if c == nil {
		c = files{}
	}
	for i := 0; i < len(kv); i += 2 {
		if kv[i+1] == "" {
			delete(c, kv[i])
		} else {
			c[kv[i]] = kv[i+1]
		}
	}
	return c
}

// ledger is what must be on the current branch: the models of each
// acknowledged version, oldest first.
type ledger []files

// put makes the files of a directory those of f; everything becomes durable.
func put(t testing.TB, m *vfs.Mem, f files) {
	t.Helper()
	on, err := onDisk(m)
	if err != nil {
		t.Fatal(err)
	}
	for p := range on {
		if _, ok := f[p]; !ok {
			if err := m.Remove(p); err != nil {
				t.Fatal(err)
			}
		}
	}
	for p, data := range f {
		if on[p] != data {
			write(t, m, p, []byte(data))
		}
	}
	syncAll(t, m, ".")
}

// syncAll makes every directory entry durable.
func syncAll(t testing.TB, m *vfs.Mem, dir string) {
	t.Helper()
	entries, err := m.ReadDir(dir)
	if err == nil {
		err = m.SyncDir(dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() {
			syncAll(t, m, path.Join(dir, e.Name()))
		}
	}
}

// onDisk reads all models of a directory.
func onDisk(fsys vfs.FS) (files, error) {
	f := files{}
	err := eachFile(fsys, ".", func(p string) error {
		if strings.HasPrefix(p, DirName+"/") {
			return nil
		}
		b, err := vfs.ReadFile(fsys, p, 1<<30)
		f[p] = string(b)
		return err
	})
	return f, err
}

func eachFile(fsys vfs.FS, dir string, fn func(p string) error) error {
	entries, err := fsys.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		p := path.Join(dir, e.Name())
		if e.IsDir() {
			err = eachFile(fsys, p, fn)
		} else {
			err = fn(p)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// temps lists files that somebody did not finish.
func temps(fsys vfs.FS) (names []string) {
	_ = eachFile(fsys, ".", func(p string) error {
		if b := path.Base(p); strings.HasPrefix(b, vfs.TempPrefix) || strings.HasPrefix(b, TempPrefix) {
			names = append(names, p)
		}
		return nil
	})
	return names
}

// modelsOf reads all models of a version.
func modelsOf(s *Store, v *Version) (files, error) {
	ctx := context.Background()
	f := files{}
	for m, err := range s.Models(ctx, v, "") {
		if err != nil {
			return nil, err
		}
		r, err := s.OpenModel(ctx, v.ID.String(), m.Path)
		if err != nil {
			return nil, err
		}
		var b strings.Builder
		if _, err := r.WriteTo(&b); err != nil {
			return nil, err
		}
		f[m.Path] = b.String()
	}
	return f, nil
}

func sameFiles(got, want files) error {
	if maps.Equal(got, want) {
		return nil
	}
	return fmt.Errorf("got %s, want %s", describeFiles(got), describeFiles(want))
}

func describeFiles(f files) string {
	var out []string
	for _, p := range slices.Sorted(maps.Keys(f)) {
		out = append(out, fmt.Sprintf("%s (%d bytes, %.8x)", p, len(f[p]), objects.HashPiece([]byte(f[p]))))
	}
	return fmt.Sprint(out)
}

// verify compares the history of HEAD with what must be there: the ledger, and
// then maybe a version that holds pending (nil: none). It returns the number
// of versions. Of a long history it reads the content of some versions only.
func (l ledger) verify(s *Store, pending files) (int, error) {
	var got []*Version
	for v, err := range s.Log(context.Background(), LogOptions{}) {
		if errors.Is(err, ErrNotFound) && len(l) == 0 {
			break
		}
		if err != nil {
			return 0, fmt.Errorf("log: %w", err)
		}
		got = append(got, v)
	}
	slices.Reverse(got)
	want := l
	if pending != nil && len(got) == len(l)+1 {
		want = append(slices.Clone(l), pending)
	}
	if len(got) != len(want) {
		return 0, fmt.Errorf("%d versions, want %d", len(got), len(want))
	}
	for i, v := range got {
		if v.Seq != uint64(i)+1 || i > 0 && v.Parents[0] != got[i-1].ID {
			return 0, fmt.Errorf("version %d of the line is %s with parents %v", i+1, v.Name, v.Parents)
		}
		if len(got) > 20 && i < len(got)-2 && i%29 != 0 {
			continue
		}
		f, err := modelsOf(s, v)
		if err == nil {
			err = sameFiles(f, want[i])
		}
		if err != nil {
			return 0, fmt.Errorf("%s: %w", v.Name, err)
		}
	}
	return len(got), nil
}

// clean runs fsck.
func clean(s *Store) error {
	rep, err := s.Fsck(context.Background(), FsckOptions{})
	if err == nil && !rep.OK {
		err = fmt.Errorf("fsck: %+v", rep.Problems)
	}
	return err
}

// mutates tells whether an operation changes what a crash leaves.
func mutates(kind string) bool {
	switch kind {
	case vfs.OpCreate, vfs.OpMkdir, vfs.OpMkdirAll, vfs.OpLink, vfs.OpRename, vfs.OpRemove, vfs.OpSyncDir, vfs.OpWrite, vfs.OpSync:
		return true
	}
	return false
}

// crashEverywhere plays run on a copy of base again and again, each time with
// the process dying at the next operation that changes anything (a death at a
// read leaves the same), until run comes to its end. Operations that skip, if
// not nil, wants left out are passed over. After each death, and at the end,
// check looks at what a killed process leaves, at what a power cut leaves at
// worst, and at a power cut that lets some of the rest through. acked says that
// run returned without an error. An ordinary run tries some of the operations.
func crashEverywhere(t *testing.T, base *vfs.Mem, run func(s *Store) error, skip func(k int, op vfs.Op) bool, check func(m *vfs.Mem, acked bool) error) {
	t.Helper()
	ops, points := []vfs.Op(nil), 0
	try := sampling.Of(t, 4, 15)
	for k := -1; k <= len(ops); k++ { // the first time nobody dies
		if k >= 0 && k < len(ops) && (skip != nil && skip(k, ops[k]) || !try()) {
			continue
		}
		m := base.ProcessCrash()
		clock := laterClock()
		m.SetClock(clock)
		f := vfs.NewFault(m)
		var mu sync.Mutex
		var done []vfs.Op
		f.OnOp(func(op vfs.Op) error {
			mu.Lock()
			defer mu.Unlock()
			if k >= 0 && len(done) > k {
				return vfs.ErrCrashed
			}
			if !mutates(op.Kind) {
				return nil
			}
			if done = append(done, op); k >= 0 && len(done) > k {
				return vfs.ErrCrashed
			}
			return nil
		})
		s, err := openOn(f, clock)
		if err == nil {
			err = run(s)
		}
		mu.Lock()
		at := vfs.Op{}
		if k < 0 {
			ops = done
		} else if len(done) > k {
			at = done[k]
		}
		mu.Unlock()
		if k < 0 && err != nil {
			t.Fatalf("without a crash: %v", err)
		}
		points++
		rng := rand.New(rand.NewPCG(crashSeed, uint64(k)))
		for i, state := range []string{"killed", "power cut", "partial power cut"} {
			after := []func() *vfs.Mem{m.ProcessCrash, func() *vfs.Mem { return m.CrashClone(nil) }, func() *vfs.Mem { return m.CrashClone(rng) }}
			m := after[i]()
			m.SetClock(laterClock())
			if cerr := check(m, err == nil); cerr != nil {
				t.Fatalf("%s at operation %d (%s %q), seed %d; the command said %v: %v", state, k, at.Kind, at.Name, crashSeed, err, cerr)
			}
		}
	}
	t.Logf("%d operations change something, crashed at %d", len(ops), points-2)
}
