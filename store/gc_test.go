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

// saves commits n contents of m.json and returns them.
func saves(t *testing.T, s *Store, m *vfs.Mem, n int) (l ledger) {
	t.Helper()
	for i := range n {
		data := edited(model(3, 20_000), i)
		write(t, m, "m.json", data)
		save(t, s, CommitOptions{Paths: []string{"m.json"}, Message: fmt.Sprint(i)})
		l = append(l, files{"m.json": string(data)})
	}
	return l
}

// TestOpenModelFallback: the newest intact content before a damaged or expired one
// is opened, and that is said.
func TestOpenModelFallback(t *testing.T) {
	s, m := newMemStore(t)
	var warned []string
	s.o.Warn = func(w string) { warned = append(warned, w) }
	l := saves(t, s, m, 4)
	if _, err := s.Expire(t.Context(), "v3", "m.json", ExpireOptions{}); err != nil {
		t.Fatal(err)
	}
	r, f, err := s.OpenModelFallback(t.Context(), "v3", "m.json")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if _, err := r.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	if f == nil || f.From != "v2" || !errors.Is(f.Err, ErrExpired) || b.String() != l[1]["m.json"] {
		t.Errorf("fallback %+v", f)
	}
	if len(warned) != 1 || !strings.Contains(warned[0], "v2") {
		t.Errorf("warned %q", warned)
	}
	if _, f, err := s.OpenModelFallback(t.Context(), "v4", "m.json"); err != nil || f != nil {
		t.Errorf("of an intact one: %+v, %v", f, err)
	}
	for _, rev := range []string{"v1", "v2"} {
		if _, err := s.Expire(t.Context(), rev, "m.json", ExpireOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := s.OpenModelFallback(t.Context(), "v3", "m.json"); !errors.Is(err, ErrExpired) {
		t.Errorf("with nothing before: %v", err)
	}
}

// TestFsckSample: samples go on where the last one ended, so that a few of them find
// any damage; the structure of everything is checked by each.
func TestFsckSample(t *testing.T) {
	s, m := newMemStore(t)
	for i := range 8 { // packs of about one size
		name := fmt.Sprintf("m%d.bin", i)
		write(t, m, name, []byte(noise(byte(i), 5000)))
		save(t, s, CommitOptions{Paths: []string{name}})
	}
	st, err := s.j.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	name := DirName + "/" + st.Packs[3].Name.Key()
	bad := read(t, m, name)
	bad[200] ^= 1
	if err := m.Rewrite(name, bad); err != nil {
		t.Fatal(err)
	}
	found, bytes := 0, int64(0)
	for range 8 {
		rep, err := s.Fsck(t.Context(), FsckOptions{Sample: 0.125})
		if err != nil {
			t.Fatal(err)
		}
		if !rep.OK {
			found++
		}
		bytes += rep.Bytes
	}
	if found == 0 || found > 3 {
		t.Errorf("%d of 8 samples of an eighth found the damage", found)
	}
	if bytes > 80_000 {
		t.Errorf("8 samples read %d bytes", bytes)
	}
	if rep, err := s.Fsck(t.Context(), FsckOptions{Since: st.Time.Add(time.Hour)}); err != nil || !rep.OK || rep.Bytes != 0 {
		t.Errorf("since then there is nothing: %+v, %v", rep, err)
	}
	if rep, err := s.Fsck(t.Context(), FsckOptions{Since: st.Time.Add(-1000 * time.Hour)}); err != nil || rep.OK {
		t.Errorf("since before: %+v, %v", rep, err)
	}
	if c, ok := s.lastScrub(); !ok || c.OK || c.Sampled.IsZero() || !c.Full.IsZero() {
		t.Errorf("remembered: %+v", c)
	}
}

// TestGCPays: only when enough has come since the last gc, and never when that is
// turned off.
func TestGCPays(t *testing.T) {
	s, m := newMemStore(t)
	saves(t, s, m, 2)
	pays := func() bool {
		st, err := s.j.Load(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		return s.gcPays(st)
	}
	if pays() {
		t.Error("pays after two commits")
	}
	told := false
	for i := range autoPacks {
		res := save(t, s, CommitOptions{Paths: []string{"m.json"}, AllowEmpty: true, Message: fmt.Sprint(i)})
		told = told || res.GCPays
	}
	if !pays() || !told {
		t.Errorf("after %d commits: pays %v, told %v", autoPacks, pays(), told)
	}
	if err := s.SetConfig(t.Context(), "gc.auto", "false", false); err != nil {
		t.Fatal(err)
	}
	if pays() {
		t.Error("pays, and is turned off")
	}
	if err := s.SetConfig(t.Context(), "gc.auto", "true", false); err != nil {
		t.Fatal(err)
	}
	if _, err := s.GC(t.Context(), GCOptions{Auto: true}); err != nil {
		t.Fatal(err)
	}
	if pays() {
		t.Error("pays right after a gc")
	}
}

// TestRepairOfNewestEntry: without parity, the newest commit's entry is made again
// from the footer of its pack.
func TestRepairOfNewestEntry(t *testing.T) {
	s, m := newMemStore(t)
	if err := s.SetConfig(t.Context(), "store.parity", "off", false); err != nil {
		t.Fatal(err)
	}
	l := saves(t, s, m, 3)
	st, err := s.j.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("%s/journal/e%016x", DirName, st.Number)
	good := read(t, m, name)
	for _, bad := range [][]byte{good[:len(good)/2], []byte(noise(1, len(good))), {}} {
		if err := m.Rewrite(name, bad); err != nil {
			t.Fatal(err)
		}
		s, err := openOn(m, testClock())
		if err != nil {
			t.Fatal(err)
		}
		rep, err := s.Fsck(t.Context(), FsckOptions{Repair: true})
		if err != nil || !rep.OK || rep.Repaired == 0 {
			t.Fatalf("%+v, %v", rep, err)
		}
		if string(read(t, m, name)) != string(good) {
			t.Error("other bytes than before")
		}
		if _, err := l.verify(s, nil); err != nil {
			t.Error(err)
		}
		// What the repair wrote into the journal goes, for the next turn.
		if err := m.Remove(fmt.Sprintf("%s/journal/e%016x", DirName, st.Number+1)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestPolicyLevels: settings for models and branches go before those for all, and a
// scratch branch goes with its ttl, its contents with it.
func TestPolicyLevels(t *testing.T) {
	s, m := newMemStore(t)
	for i := range 4 {
		write(t, m, "a.json", edited(model(1, 2000), i))
		write(t, m, "b.json", edited(model(2, 2000), i))
		save(t, s, CommitOptions{Paths: []string{"."}})
	}
	if _, err := s.SetName(t.Context(), Branch, "scratch/x", "v4", false); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Checkout(t.Context(), CheckoutOptions{Rev: "scratch/x"}); err != nil {
		t.Fatal(err)
	}
	write(t, m, "a.json", []byte(`"scratch"`))
	scratch := save(t, s, CommitOptions{Paths: []string{"a.json"}}).Version
	if _, err := s.Checkout(t.Context(), CheckoutOptions{Rev: "main"}); err != nil {
		t.Fatal(err)
	}
	for k, v := range map[string]string{"gc.keep-last": "3", "gc.model.b.json.keep-last": "1", "gc.branch.scratch/*.ttl": "1d"} {
		if err := s.SetConfig(t.Context(), k, v, false); err != nil {
			t.Fatal(err)
		}
	}
	readable := func() (a, b int) {
		for i := 1; i <= 4; i++ {
			for p, n := range map[string]*int{"a.json": &a, "b.json": &b} {
				if r, err := s.OpenModel(t.Context(), fmt.Sprintf("main@v%d", i), p); err == nil {
					*n++
					_ = r.Close()
				} else if !errors.Is(err, ErrExpired) {
					t.Fatal(err)
				}
			}
		}
		return a, b
	}
	if _, err := s.GC(t.Context(), GCOptions{Now: true}); err != nil {
		t.Fatal(err)
	}
	if a, b := readable(); a != 3 || b != 1 {
		t.Errorf("%d of a.json and %d of b.json are there, want 3 and 1", a, b)
	}
	if r, err := s.OpenModel(t.Context(), scratch.ID.String(), "a.json"); err != nil {
		t.Errorf("the scratch branch is young: %v", err)
	} else {
		_ = r.Close()
	}
	write(t, m, "a.json", []byte(`"two days later"`))
	save(t, s, CommitOptions{Paths: []string{"a.json"}, Time: scratch.Time.Add(48 * time.Hour)})
	res, err := s.GC(t.Context(), GCOptions{Now: true})
	if err != nil || len(res.Branches) != 1 {
		t.Fatalf("%+v, %v", res, err)
	}
	if _, err := s.Show(t.Context(), "scratch/x"); !errors.Is(err, ErrNotFound) {
		t.Errorf("the scratch branch: %v", err)
	}
	if v, err := s.Show(t.Context(), scratch.ID.String()); err != nil || v.ID != scratch.ID {
		t.Errorf("its version stays: %v", err)
	}
	mustFsck(t, s)
}
