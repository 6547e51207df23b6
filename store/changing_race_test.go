package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mstore/mstore/internal/vfs"
)

// changing makes a store over a file system in which a file is rewritten at
// its first n reads.
func changing(t *testing.T, n int) (*Store, *vfs.Mem, *int) {
	t.Helper()
	m, _ := newBase(t, files{"a": "0"})
	write(t, m, "a", []byte(noise(1, 1000)))
	f := vfs.NewFault(m)
	reads := new(int)
	f.OnOp(func(op vfs.Op) error {
		if op.Kind == vfs.OpRead && op.Name == "a" {
			if *reads++; *reads <= n {
				return m.Rewrite("a", []byte(noise(byte(*reads), 1000)))
			}
		}
		return nil
	})
	s, err := openOn(f, testClock())
	if err != nil {
		t.Fatal(err)
	}
	return s, m, reads
}

func TestFileThatChangesOnce(t *testing.T) {
	s, m, _ := changing(t, 1)
	if err := commitAll(s); err != nil {
		t.Fatal(err)
	}
	if got, want := cat(t, s, "v2", "a"), read(t, m, "a"); string(got) != string(want) {
		t.Fatal("what was saved is not what is there")
	}
	mustFsck(t, s)
}

func TestFileThatKeepsChanging(t *testing.T) {
	s, m, reads := changing(t, 1<<30)
	err := commitAll(s)
	if !errors.Is(err, ErrConflict) || !strings.Contains(err.Error(), `"a"`) {
		t.Fatalf("got %v", err)
	}
	if *reads < 3 {
		t.Fatalf("refused after %d reads", *reads)
	}
	if err := (ledger{{"a": "0"}}).matches(s); err != nil {
		t.Fatal(err)
	}
	if left := temps(m); len(left) > 0 {
		t.Fatalf("left: %q", left)
	}
	mustFsck(t, s)
}

// TestRacyTimestamps: content that changes while clock and size stay the same
// is seen, and so is one whose mtime is put back.
func TestRacyTimestamps(t *testing.T) {
	for _, at := range []time.Time{
		time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC),         // a file system that counts seconds
		time.Date(2026, 11, 23, 10, 0, 0, 123456789, time.UTC), // one that counts nanoseconds
	} {
		for _, step := range []time.Duration{0, time.Nanosecond, time.Millisecond, 10 * time.Millisecond} {
			t.Run(fmt.Sprint(at.Nanosecond(), " ", step), func(t *testing.T) {
				m, _ := newBase(t)
				clock := ticking(at, step)
				if at.Nanosecond() == 0 {
					fine := clock
					m.SetClock(func() time.Time { return fine().Truncate(time.Second) })
				} else {
					m.SetClock(clock)
				}
				s, err := openOn(m, clock)
				if err != nil {
					t.Fatal(err)
				}
				write(t, m, "a", []byte("0"))
				for i := 1; i < 9; i++ {
					save(t, s, CommitOptions{Paths: []string{"a"}})
					if i%3 == 1 {
						if _, err := s.Status(context.Background()); err != nil {
							t.Fatal(err)
						}
					}
					if i%3 == 2 { // written by checkout
						if _, err := s.Checkout(t.Context(), CheckoutOptions{Rev: "v1"}); err != nil {
							t.Fatal(err)
						}
					}
					was, err := m.Lstat("a")
					if err != nil {
						t.Fatal(err)
					}
					if err := m.Rewrite("a", []byte{byte('0' + i)}); err != nil {
						t.Fatal(err)
					}
					if i%2 == 0 {
						if err := m.SetMtime("a", was.ModTime()); err != nil {
							t.Fatal(err)
						}
					}
					st, err := s.Status(context.Background())
					if err != nil || len(st.Changes) != 1 {
						t.Fatalf("content %d: status does not see the change: %+v, %v", i, st, err)
					}
				}
				res := save(t, s, CommitOptions{Paths: []string{"a"}})
				if got := cat(t, s, res.Version.ID.String(), "a"); string(got) != "8" {
					t.Fatalf("saved %q", got)
				}
			})
		}
	}
}
