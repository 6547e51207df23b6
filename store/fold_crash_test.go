package store

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/journal"
)

// foldBase makes a store whose next commit folds the journal for the given
// time, and writes what that commit will save.
func foldBase(t testing.TB, folds int) (*vfs.Mem, ledger, files) {
	t.Helper()
	m, _ := newBase(t)
	s, err := openOn(m, testClock())
	if err != nil {
		t.Fatal(err)
	}
	var l ledger
	next := func() files {
		f := files{"m.json": fmt.Sprintf(`{"n": %d}`, len(l)), "same.json": "{}"}
		if len(l) == 0 {
			f["big.json"] = string(model(9, 20_000))
		}
		put(t, m, f)
		return f
	}
	for {
		st, err := s.j.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		f := next()
		if st.Number >= uint64(folds)*journal.FoldEvery && st.Number-st.Watermark() == journal.FoldEvery-1 {
			syncAll(t, m, ".")
			return m, l, f
		}
		save(t, s, CommitOptions{Paths: []string{"."}})
		l = append(l, f)
	}
}

// foldBases are made once: they cost hundreds of commits.
var foldBases = sync.OnceValue(func() func(t testing.TB, folds int) (*vfs.Mem, ledger, files) {
	var mu sync.Mutex
	type base struct {
		m *vfs.Mem
		l ledger
		f files
	}
	made := map[int]base{}
	return func(t testing.TB, folds int) (*vfs.Mem, ledger, files) {
		t.Helper()
		mu.Lock()
		defer mu.Unlock()
		b, ok := made[folds]
		if !ok {
			b.m, b.l, b.f = foldBase(t, folds)
			made[folds] = b
		}
		return b.m.ProcessCrash(), slices.Clone(b.l), b.f
	}
})()

// TestCrashOfFold: the commit that folds is safe before the fold begins, and
// whatever of the fold is done, the store is good.
func TestCrashOfFold(t *testing.T) {
	most := 2
	if testing.Short() {
		most = 0
	}
	for folds := range most + 1 {
		t.Run(fmt.Sprintf("after %d", folds), func(t *testing.T) {
			base, l, pending := foldBases(t, folds)
			// The removals of old entries are much of a muchness.
			skip := func(k int, op vfs.Op) bool {
				return op.Kind == vfs.OpRemove && strings.HasPrefix(path.Base(op.Name), "e0") && k%32 != 0
			}
			n := 0
			crashEverywhere(t, base, commitAll, skip, func(m *vfs.Mem, acked bool) error {
				n++
				if folds > 0 && n > 3 && (n/3+n)%3 != 0 { // one of the three states each
					return nil
				}
				return checkFold(m, l, pending, acked, n%7 == 0)
			})
		})
	}
}

// checkFold looks at a store after a commit that folds was interrupted,
// repeats it, and, if asked to, folds once more.
func checkFold(m *vfs.Mem, l ledger, pending files, acked, again bool) error {
	ctx := context.Background()
	s, err := openOn(m, laterClock())
	if err != nil {
		return err
	}
	n, err := l.verify(s, pending)
	if err != nil || acked && n != len(l)+1 {
		return fmt.Errorf("%d versions, acknowledged %v: %w", n, acked, err)
	}
	if again {
		if err := clean(s); err != nil {
			return err
		}
	}
	if err := commitAll(s); err != nil {
		return fmt.Errorf("repeated: %w", err)
	}
	st, err := s.j.Load(ctx)
	if err != nil {
		return err
	}
	more := append(slices.Clone(l), pending)
	if st.FoldDue() { // the repeated commit found nothing to do
		if _, err := s.Commit(ctx, CommitOptions{AllowEmpty: true, Author: "tester"}); err != nil {
			return err
		}
		more = append(more, pending)
		if st, err = s.j.Load(ctx); err != nil || st.FoldDue() {
			return fmt.Errorf("the fold was not repeated: entry %d, watermark %d, %v", st.Number, st.Watermark(), err)
		}
	}
	entries, err := m.ReadDir(DirName + "/journal")
	if err != nil || len(entries) > 3*journal.FoldEvery {
		return fmt.Errorf("%d files in the journal, %v", len(entries), err)
	}
	if !again {
		return clean(s)
	}
	for i := range 3 { // more folds, which remove what the crash left
		if _, err := s.Commit(ctx, CommitOptions{AllowEmpty: true, Author: "tester"}); err != nil {
			return err
		}
		st, err := s.j.Load(ctx)
		if err == nil {
			_, err = s.j.Fold(ctx, st, s.packSet(st))
		}
		if err != nil {
			return fmt.Errorf("fold %d after the crash: %w", i, err)
		}
		more = append(more, pending)
	}
	if _, err := more.verify(s, nil); err != nil {
		return err
	}
	entries, err = m.ReadDir(DirName + "/journal")
	if err != nil {
		return err
	}
	checkpoints := 0
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "c") {
			checkpoints++
		}
	}
	if checkpoints > 2 || len(entries) > 12 {
		return fmt.Errorf("%d checkpoints, %d files in the journal", checkpoints, len(entries))
	}
	return clean(s)
}
