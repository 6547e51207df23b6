package store

import (
	"errors"
	"fmt"
	"math/bits"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/vfs"
)

// bisectHistory makes n versions of a model, bad from first on, with another model in
// every third of them.
func bisectHistory(t testing.TB, n, first int) *vfs.Mem {
	t.Helper()
	s, m := newMemStore(t)
	for i := 1; i <= n; i++ {
		word := "good"
		if i >= first {
			word = "bad"
		}
		write(t, m, "model.json", fmt.Appendf(nil, `{"save": %d, "is": %q}`, i, word))
		write(t, m, "same.json", []byte(`{}`))
		if i%3 == 0 {
			write(t, m, "sub/third.json", fmt.Appendf(nil, `{"save": %d}`, i))
		} else if i%3 == 1 && i > 1 {
			if err := m.Remove("sub/third.json"); err != nil {
				t.Fatal(err)
			}
		}
		save(t, s, CommitOptions{Paths: []string{"."}, Metrics: map[string]any{"save": int64(i)}})
	}
	return m
}

// scratchIs tells whether the models in the directory of a search are those of a version.
func scratchIs(s *Store, fsys vfs.FS, v *Version) error {
	want, err := modelsOf(s, v)
	if err != nil {
		return err
	}
	got := files{}
	err = eachFile(vfs.Sub(fsys, bisectDir), ".", func(p string) error {
		if strings.HasPrefix(p, DirName+"/") {
			return nil
		}
		b, err := vfs.ReadFile(fsys, bisectDir+"/"+p, 1<<20)
		got[p] = string(b)
		return err
	})
	if err == nil {
		err = sameFiles(got, want)
	}
	if err != nil {
		return fmt.Errorf("the directory of the search is not %s: %w", v.Name, err)
	}
	return nil
}

// finishBisect goes on with a search, or begins it, tests by what lies in its directory,
// and returns the first bad version and the number of tests.
func finishBisect(t testing.TB, s *Store, fsys vfs.FS, o BisectOptions) (first *Version, tests int, err error) {
	ctx := t.Context()
	b, err := s.OpenBisect(ctx)
	if errors.Is(err, ErrNoBisect) {
		b, err = s.StartBisect(ctx, o)
	}
	if err != nil {
		return nil, 0, err
	}
	defer b.Close()
	for {
		c, err := b.Checkout(ctx)
		if err != nil {
			return nil, tests, err
		}
		if c == nil {
			d, err := b.Status(ctx)
			if err != nil {
				return nil, tests, err
			}
			return d.First, tests, nil
		}
		if err := scratchIs(s, fsys, c.Version); err != nil {
			return nil, tests, err
		}
		tests++
		model, err := vfs.ReadFile(fsys, bisectDir+"/model.json", 1<<20)
		if err != nil {
			return nil, tests, err
		}
		verdict := VerdictGood
		if strings.Contains(string(model), "bad") {
			verdict = VerdictBad
		}
		if err := b.Mark(ctx, verdict); err != nil {
			return nil, tests, err
		}
	}
}

// A search that dies at any moment goes on where it was, on what it finds in its
// directory, and finds the first bad version in no more tests than are left.
func TestBisectCrash(t *testing.T) {
	const n, firstBad = 12, 8
	base := bisectHistory(t, n, firstBad)
	o := BisectOptions{Bad: "HEAD", Good: []string{"v1"}}
	run := func(s *Store) error {
		_, _, err := finishBisect(t, s, s.root, o)
		return err
	}
	crashEverywhere(t, base, run, nil, func(m *vfs.Mem, acked bool) error {
		s, err := openOn(m, laterClock())
		if err != nil {
			return err
		}
		known := 0
		if d, err := s.BisectStatus(t.Context()); err == nil {
			known = len(d.Log)
		} else if !errors.Is(err, ErrNoBisect) || acked {
			return err
		}
		first, tests, err := finishBisect(t, s, m, o)
		if err != nil {
			return err
		}
		if first == nil || first.Seq != firstBad {
			return fmt.Errorf("found %v, want v%d", first, firstBad)
		}
		if most := bits.Len(n - 2); known+tests > most {
			return fmt.Errorf("%d tests before the crash and %d after it, want %d at the most", known, tests, most)
		}
		if on, err := onDisk(m); err != nil || !strings.Contains(on["model.json"], "12") {
			return fmt.Errorf("the models in the root are touched: %s (%v)", describeFiles(on), err)
		}
		if was, err := s.ResetBisect(); !was || err != nil {
			return fmt.Errorf("reset: %v %v", was, err)
		}
		if _, err := m.Lstat(bisectDir); !notExist(err) {
			return fmt.Errorf("reset leaves the directory: %v", err)
		}
		return clean(s)
	})
}

// A disk that fails or is full at any moment leaves a search that goes on.
func TestBisectFaults(t *testing.T) {
	const n, firstBad = 9, 3
	base := bisectHistory(t, n, firstBad)
	o := BisectOptions{Bad: "HEAD", Good: []string{"v1"}}
	for k := int64(0); ; k++ {
		m := base.ProcessCrash()
		m.SetClock(laterClock())
		f := vfs.NewFault(m)
		var ops atomic.Int64
		f.OnOp(func(op vfs.Op) error {
			if !mutates(op.Kind) {
				return nil
			}
			if ops.Add(1) == k+1 {
				return vfs.ErrNoSpace
			}
			return nil
		})
		s, err := openOn(f, laterClock())
		if err != nil {
			t.Fatal(err)
		}
		_, _, failed := finishBisect(t, s, f, o)
		first, _, err := finishBisect(t, s, f, o)
		if err != nil || first == nil || first.Seq != firstBad {
			t.Fatalf("fault at operation %d (%v): found %v, %v", k, failed, first, err)
		}
		if ops.Load() <= k {
			return
		}
	}
}

// The search by an expression reads few entries of a long journal.
func TestBisectWhereReads(t *testing.T) {
	const n, firstBad = 700, 431
	base := bisectHistory(t, n, firstBad)
	count := backend.NewCounter(backend.NewDir(vfs.Sub(base, DirName)))
	s := newStore(base, count, Options{Clock: laterClock()})
	d, err := s.BisectWhere(t.Context(), BisectOptions{Bad: "HEAD", Good: []string{"v1"}, Where: fmt.Sprintf("metrics.save >= %d", firstBad)})
	if err != nil {
		t.Fatal(err)
	}
	if d.First == nil || d.First.Seq != firstBad || d.Dir != "" {
		t.Fatalf("%+v", d)
	}
	if len(d.Log) > bits.Len(n-2) {
		t.Errorf("%d tests", len(d.Log))
	}
	c := count.Counts()
	reads := int(c.Gets + c.Lists + c.Stats)
	t.Logf("%d reads for %d tests among %d versions", reads, len(d.Log), n)
	if most := 10 * (len(d.Log) + 4); reads > most { // the two ends, the result, the snapshot
		t.Errorf("%d reads, want %d at the most", reads, most)
	}
}
