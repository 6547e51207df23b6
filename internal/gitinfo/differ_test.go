package gitinfo

import (
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/index"
)

func TestUncertain(t *testing.T) {
	var (
		second = time.Unix(1.7e9, 0)
		at     = second.Add(400)
		blob   = plumbing.Hash{1}
	)
	entry := func(size uint32, mtime, ctime time.Time, h plumbing.Hash) *index.Entry {
		return &index.Entry{Size: size, ModifiedAt: mtime, CreatedAt: ctime, Hash: h}
	}
	of := func(size int64, mtime, ctime time.Time) stamp {
		return stamp{size: size, mtime: mtime.UnixNano(), ctime: ctime.UnixNano(), ino: 1}
	}
	never := time.Unix(0, 0)
	for _, c := range []struct {
		name  string
		entry *index.Entry
		stamp stamp
		index time.Time // when it was written
		want  bool
	}{
		{"same", entry(5, at, at, blob), of(5, at, at), at.Add(1), false},
		{"another size", entry(5, at, at, blob), of(6, at, at), at.Add(1), true},
		{"another mtime", entry(5, at, at, blob), of(5, at.Add(1), at), at.Add(time.Minute), true},
		{"another ctime", entry(5, at, at, blob), of(5, at, at.Add(1)), at.Add(time.Minute), true},
		{"no ctime in the index", entry(5, at, time.Time{}, blob), of(5, at, at), at.Add(1), false},
		{"no ctime on this system", entry(5, at, at, blob), of(5, at, never), at.Add(1), false},
		{"no mtime", entry(5, time.Time{}, at, blob), of(5, never, at), at, true},
		{"racy", entry(5, at, at, blob), of(5, at, at), at, true},
		{"newer than the index", entry(5, at, at, blob), of(5, at, at), at.Add(-1), true},
		{"racy to the second", entry(5, second, second, blob), of(5, second, second), at, true},
		{"not racy to the second", entry(5, second, second, blob), of(5, second, second), second.Add(time.Second), false},
		{"empty", entry(0, at, at, emptyBlob), of(0, at, at), at.Add(1), false},
		{"emptied, and git is not sure", entry(0, at, at, blob), of(0, at, at), at.Add(1), true},
		{"larger than 4 GiB", entry(5, at, at, blob), of(5+1<<32, at, at), at.Add(1), false},
	} {
		ix := &indexFile{mtime: c.index}
		if got := ix.uncertain(c.entry, c.stamp); got != c.want {
			t.Errorf("%s: got %v", c.name, got)
		}
	}
}

func TestCanonical(t *testing.T) {
	for mode, want := range map[uint32]uint32{
		0o100644: 0o100644, 0o100755: 0o100755, 0o100664: 0o100644, 0o100775: 0o100755, 0o120000: 0o120000, 0o160000: 0o160000,
	} {
		if got := canonical(mode); got != want {
			t.Errorf("%o: got %o, want %o", mode, got, want)
		}
	}
}

func TestSettled(t *testing.T) {
	now := time.Unix(1.7e9, 0)
	ago := func(d time.Duration) int64 { return now.Add(-d).UnixNano() }
	for _, c := range []struct {
		s    stamp
		want bool
	}{
		{stamp{mtime: ago(time.Hour), ctime: ago(time.Hour)}, true},
		{stamp{mtime: ago(time.Hour), ctime: ago(time.Second)}, false},
		{stamp{mtime: ago(-time.Hour), ctime: ago(time.Hour)}, true}, // set by hand
		{stamp{mtime: ago(time.Hour)}, true},
		{stamp{mtime: ago(2 * time.Second)}, false},
		{stamp{mtime: ago(-time.Hour)}, false},
	} {
		if got := c.s.settled(now); got != c.want {
			t.Errorf("%+v: got %v", c.s, got)
		}
	}
}
