package index

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mstore/mstore/objects"
)

func TestEmptyAndSmall(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "index")
	ix := Open(dir, Options{})
	sameAnswers(t, ix, &history{}, Where{}, Where{Paths: []string{"a"}})
	h := makeHistory(1, 200, 20, 2, 2)
	sameAnswers(t, ix, h, someQuestions(h)...)
	if _, err := os.Stat(dir); err == nil {
		t.Error("a small history made an index")
	}
}

func TestCatchUp(t *testing.T) {
	ctx := context.Background()
	ix := Open(t.TempDir(), Options{})
	all := makeHistory(1, 6400, 50, 3, 3)
	for _, n := range []int{1, 300, 301, 555, 556, 600, 5000, 5001, 6400} {
		h := all.upTo(n)
		if n%10 == 7 {
			continue
		}
		sameAnswers(t, ix, h, someQuestions(all)...)
	}
	st, err := ix.Stat(ctx, all)
	if err != nil || st.Entries != 6400 || st.Versions != 5760 || st.Bytes == 0 {
		t.Errorf("Stat: %+v, %v", st, err)
	}
	all.reads = 0
	ix.With(ctx, all, func(q *Query) error {
		if q.Last() != 6400 || q.Indexed() != 6400 {
			t.Errorf("last %d, indexed %d", q.Last(), q.Indexed())
		}
		for range q.Find(Where{Paths: []string{"models"}}) {
		}
		return nil
	})
	if all.reads > 0 {
		t.Errorf("%d entries read from the journal by an index that has them all", all.reads)
	}
	if err := ix.Rebuild(ctx, all); err != nil {
		t.Fatal(err)
	}
	sameAnswers(t, ix, all, someQuestions(all)...)
	if err := ix.Remove(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(ix.dir); err == nil {
		t.Error("Remove left the directory")
	}
	if err := ix.Remove(); err != nil {
		t.Errorf("second Remove: %v", err)
	}
}

func TestManySmallSteps(t *testing.T) {
	ix := Open(t.TempDir(), Options{Batch: 8})
	all := makeHistory(2, 400, 50, 1, 1)
	for n := 8; n <= 400; n += 8 {
		if n%10 == 7 {
			continue
		}
		sameAnswers(t, ix, all.upTo(n), Where{Paths: []string{"models/group-01"}})
	}
	sameAnswers(t, ix, all, someQuestions(all)...)
	tables, _ := filepath.Glob(filepath.Join(ix.dir, "db", "*.sst"))
	if len(tables) > 25 {
		t.Errorf("%d tables: compaction does nothing", len(tables))
	}
}

func TestOtherJournal(t *testing.T) {
	ix := Open(t.TempDir(), Options{Batch: 10})
	a, b := makeHistory(1, 300, 9, 1, 1), makeHistory(2, 250, 9, 1, 1)
	b.salt = 1
	for _, h := range []*history{a, b, a.upTo(200), b.upTo(5), a} {
		sameAnswers(t, ix, h, someQuestions(a)...)
	}
}

func TestLargeVersions(t *testing.T) {
	h := makeHistory(3, 40, 5, 1, 1)
	for i, r := range h.entries {
		if r.Version == nil {
			continue
		}
		switch i % 3 {
		case 0: // as many changes as can be listed, long names
			r.Changes = nil
			for j := range objects.MaxChanges {
				r.Changes = append(r.Changes, objects.Change{
					Path: fmt.Sprintf("%s/%04d", strings.Repeat("directory", 90), j), Status: objects.Added, Blob: objects.BlobID{byte(i), byte(j), byte(j >> 8), 1},
				})
			}
		case 1: // a value larger than a transaction
			r.Params["config"] = strings.Repeat(fmt.Sprint("text", i), 400_000)
		case 2: // a head larger than a chunk
			for j := range 20_000 {
				r.Params[fmt.Sprint("key", j)] = int64(j)
			}
		}
	}
	ix := Open(t.TempDir(), Options{Batch: 1})
	sameAnswers(t, ix, h.upTo(15), Where{Paths: []string{strings.Repeat("directory", 90)}})
	sameAnswers(t, ix, h, Where{Paths: []string{strings.Repeat("directory", 90) + "/0500"}}, Where{Blob: whole(objects.BlobID{3, 7, 0, 1})})
	err := ix.With(context.Background(), h, func(q *Query) error {
		if q.Indexed() != 40 {
			t.Errorf("indexed %d of 40", q.Indexed())
		}
		hits, err := q.Sorted("params.config", false, 1, Where{})
		if err != nil || len(hits) != 1 || len(hits[0].Value.(string)) < 2_000_000 {
			t.Errorf("large value: %d hits, %v", len(hits), err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestErrors(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	ix := Open(t.TempDir(), Options{Batch: 10})
	h := makeHistory(1, 5000, 9, 1, 1)
	if err := ix.With(ctx, h, func(*Query) error { return errTest }); !errors.Is(err, errTest) {
		t.Errorf("fn's error: %v", err)
	}
	err := ix.With(ctx, h, func(q *Query) error {
		_, err := q.Sorted("nonsense", false, 0, Where{})
		return err
	})
	if err == nil {
		t.Error("a field that is not indexed is no error")
	}
	more := makeHistory(1, 6000, 9, 1, 1)
	more.err = errTest
	if err := ix.With(ctx, more, func(*Query) error { return nil }); !errors.Is(err, errTest) {
		t.Errorf("source's error: %v", err)
	}
	more.err = nil
	sameAnswers(t, ix, more, someQuestions(more)...)
	cancel()
	if err := ix.With(ctx, more, func(*Query) error { return nil }); err == nil {
		err = ix.With(ctx, more, func(q *Query) error {
			for _, err := range q.Find(Where{}) {
				return err
			}
			return nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	}
}

func TestUnwritable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	os.WriteFile(file, nil, 0o666)
	h := makeHistory(1, 12_000, 9, 1, 1)
	ix := Open(filepath.Join(file, "index"), Options{})
	sameAnswers(t, ix, h, someQuestions(h)...)
	sameAnswers(t, ix, h.upTo(2000), someQuestions(h)...)
	sameAnswers(t, Open(file, Options{}), h, someQuestions(h)...)
}
