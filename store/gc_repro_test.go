package store

import (
	"errors"
	"strings"
	"testing"

	"github.com/mstore/mstore/internal/vfs"
)

// TestParityIsNotMadeOfDamage: a file that was damaged since parity was made is not
// taken for what it should be when parity is made anew.
func TestParityIsNotMadeOfDamage(t *testing.T) {
	for _, what := range []string{"/journal/e", "/objects/"} {
		for _, hurt := range []string{"flip", "cut", "lose"} {
			m, _ := newBase(t, files{"a": "1"}, files{"a": "2"})
			s, err := openOn(m, testClock())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.GC(t.Context(), GCOptions{}); err != nil {
				t.Fatal(err)
			}
			write(t, m, "b", []byte("3"))
			save(t, s, CommitOptions{Paths: []string{"b"}})
			st, err := s.j.Load(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			name := ""
			if err := eachFile(m, DirName, func(p string) error {
				if name == "" && strings.Contains(p, what) && !strings.Contains(p, vfs.TempPrefix) {
					name = p
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			b := read(t, m, name)
			b[len(b)/2] ^= 1
			if hurt == "cut" {
				b = b[:len(b)-3]
			}
			if err = m.Rewrite(name, b); err == nil && hurt == "lose" {
				err = m.Remove(name)
			}
			if err != nil {
				t.Fatal(err)
			}
			if s, err = openOn(m, testClock()); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := s.protect(t.Context(), st, true); err != nil {
					t.Fatal(err)
				}
			}
			if s, err = openOn(m, testClock()); err != nil {
				t.Fatal(err)
			}
			rep, err := s.Fsck(t.Context(), FsckOptions{Repair: true})
			if err != nil || !rep.OK || rep.Repaired == 0 {
				t.Errorf("%s, %s: %v, %+v", name, hurt, err, rep)
			}
		}
	}
}

// TestExpireWhatNothingProtects: the last content of a model that is gone from the
// branch is not protected, nor is what has the same content.
func TestExpireWhatNothingProtects(t *testing.T) {
	m, _ := newBase(t, files{"a": "1", "b": "2"}, files{"a": "2", "b": "2"}, files{"a": "3"})
	s, err := openOn(m, testClock())
	if err != nil {
		t.Fatal(err)
	}
	res, err := s.Expire(t.Context(), "v1", "b", ExpireOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got := blobsOf(res, false); len(got) != 1 {
		t.Fatalf("%v", got)
	}
	mustFsck(t, s)
}

// TestUndeleteOfDifferences: what was let go for a time is a difference to what was
// then removed at once; taken back, it can be read, or is told to have expired.
func TestUndeleteOfDifferences(t *testing.T) {
	base := model(3, 20_000)
	m, _ := newBase(t, files{"a": string(base)}, files{"a": string(edited(base, 1))}, files{"a": "3"})
	s, err := openOn(m, testClock())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Expire(t.Context(), "v2", "", ExpireOptions{Grace: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Expire(t.Context(), "v1", "", ExpireOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Undelete(t.Context()); err != nil {
		t.Fatal(err)
	}
	if text, err := readModel(s, "v2", "a"); err == nil && text != string(edited(base, 1)) || err != nil && !errors.Is(err, ErrExpired) {
		t.Errorf("%v", err)
	}
	if _, err := readModel(s, "v1", "a"); !errors.Is(err, ErrExpired) {
		t.Errorf("%v", err)
	}
	mustFsck(t, s)
}
