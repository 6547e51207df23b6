package store

import (
	"context"
	"strings"
	"testing"
)

// TestExpireWithUnreadablePack: a pack that cannot be read while content is let go, be it
// for a moment, does not take what lists the models of other versions with it.
func TestExpireWithUnreadablePack(t *testing.T) {
	ctx := context.Background()
	_, base := newMemStore(t)
	s, err := openOn(base, testClock())
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range []string{"a", "b", "c", "b", "a"} { // the last two bring back trees and contents of earlier versions
		write(t, base, p, model(uint64(i%3), 3000))
		save(t, s, CommitOptions{Paths: []string{p}})
	}
	syncAll(t, base, ".")
	var packs []string
	if err := eachFile(base, DirName+"/objects", func(p string) error {
		if strings.HasSuffix(p, ".pack") {
			packs = append(packs, p)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	closeStore(s)
	for _, p := range packs {
		m := base.ProcessCrash()
		whole := read(t, m, p)
		if err := m.Remove(p); err != nil {
			t.Fatal(err)
		}
		write(t, m, p, whole[:len(whole)-50])
		s, err := openOn(m, testClock())
		if err != nil {
			t.Fatal(err)
		}
		_, expireErr := s.Expire(ctx, "v3", "c", ExpireOptions{Force: true})
		closeStore(s)
		if _, err := m.Lstat(p); err == nil {
			if err := m.Remove(p); err != nil {
				t.Fatal(err)
			}
		}
		write(t, m, p, whole)
		if s, err = openOn(m, testClock()); err != nil {
			t.Fatal(err)
		}
		for v, err := range s.Log(ctx, LogOptions{}) {
			if err != nil {
				t.Fatal(err)
			}
			for _, err := range s.Models(ctx, v, "") {
				if err != nil {
					t.Errorf("without %s expire said %v; then %s: %v", p, expireErr, v.Name, err)
				}
			}
		}
		closeStore(s)
	}
}
