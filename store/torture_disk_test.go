//go:build linux

package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mstore/mstore/internal/vfs"
)

// mount mounts something at a directory, and takes it away at the end; what is not
// allowed skips the test.
func mount(t *testing.T, source, dir, kind string, flags uintptr, data string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root may mount")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount(source, dir, kind, flags, data); err != nil {
		t.Skipf("mounting at %s: %v", dir, err)
	}
	t.Cleanup(func() {
		err := syscall.Unmount(dir, 0)
		if errors.Is(err, syscall.EBUSY) {
			err = syscall.Unmount(dir, syscall.MNT_DETACH)
		}
		if err != nil {
			t.Errorf("unmounting %s: %v", dir, err)
		}
	})
}

// fullDisk is a store on a disk that is full.
type fullDisk struct {
	t     *testing.T
	dir   string
	s     *Store
	acked []note
	step  int
}

func (f *fullDisk) write(name string, b []byte) error {
	name = filepath.Join(f.dir, filepath.FromSlash(name))
	err := os.MkdirAll(filepath.Dir(name), 0o755)
	if err == nil {
		err = os.WriteFile(name, b, 0o644)
	}
	return err
}

// fill takes all the space that is left.
func (f *fullDisk) fill(name string) {
	f.t.Helper()
	file, err := os.OpenFile(filepath.Join(f.dir, name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		f.t.Fatal(err)
	}
	defer file.Close()
	for err == nil {
		_, err = file.WriteString(noise(1, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		f.t.Fatal(err)
	}
}

// commit saves one of two models, from a pipe, as no file would fit.
func (f *fullDisk) commit() error {
	f.step++
	c := content{f.step % 2, 0, f.step}
	p := fmt.Sprintf("w%d/m.json", c.Writer)
	res, err := f.s.Commit(context.Background(), CommitOptions{Stdin: strings.NewReader(string(c.bytes(false))), As: p, Author: "tester"})
	if err != nil {
		return err
	}
	f.acked = append(f.acked, note{What: "acked", ID: res.Version.ID.String(), Files: map[string]content{p: c}})
	return nil
}

// good demands that the store is whole: what was acknowledged is there, or has
// expired by what mayExpire says.
func (f *fullDisk) good(mayExpire func(err error) bool) (expired int) {
	f.t.Helper()
	ctx := context.Background()
	s, err := Open(ctx, f.dir, Options{})
	if err != nil {
		f.t.Fatal(err)
	}
	defer s.Close()
	place := map[string]bool{}
	for _, v := range oneLine(f.t, s) {
		place[v.ID.String()] = true
	}
	for _, n := range f.acked {
		for p, c := range n.Files {
			r, err := s.OpenModel(ctx, n.ID, p)
			if errors.Is(err, ErrExpired) && mayExpire != nil && mayExpire(err) {
				expired++
				continue
			}
			var b strings.Builder
			if err == nil {
				_, err = r.WriteTo(&b)
			}
			if err != nil || b.String() != string(c.bytes(false)) || !place[n.ID] {
				f.t.Fatalf("%s:%s (%v), in the log %v: %v", n.ID, p, c, place[n.ID], err)
			}
		}
	}
	mustFsck(f.t, s)
	return expired
}

// commands are what is tried on a full disk, by name, in order.
func (f *fullDisk) commands() []struct {
	name string
	run  func() error
} {
	ctx, s := context.Background(), f.s
	first := f.acked[0]
	of := func(_ any, err error) error { return err }
	type command = struct {
		name string
		run  func() error
	}
	var path, held string
	for path = range first.Files {
	}
	for held = range f.acked[1].Files {
	}
	return []command{
		{"commit", f.commit},
		{"hold", func() error { return of(s.Hold(ctx, f.acked[1].ID, held, "keep this")) }},
		{"gc", func() error { return of(s.GC(ctx, GCOptions{Rules: map[string]string{"keep-last": "5"}})) }},
		{"gc now", func() error {
			return of(s.GC(ctx, GCOptions{Rules: map[string]string{"keep-last": "5"}, Now: true}))
		}},
		{"expire", func() error {
			err := of(s.Expire(ctx, first.ID, path, ExpireOptions{}))
			if errors.Is(err, ErrNotFound) || errors.Is(err, ErrExpired) { // it has gone already
				err = nil
			}
			return err
		}},
		{"repack", func() error { return of(s.Repack(ctx, RepackOptions{All: true})) }},
		{"undelete", func() error { _, _, err := s.Undelete(ctx); return err }},
		{"fold", func() error {
			st, err := s.j.Load(ctx)
			if err == nil {
				_, err = s.j.Fold(ctx, st, s.packSet(st))
			}
			return err
		}},
		{"checkout", func() error { return of(s.Checkout(ctx, CheckoutOptions{Rev: f.acked[len(f.acked)-2].ID})) }},
		{"fsck", func() error { return of(s.Fsck(ctx, FsckOptions{})) }},
		{"fsck --repair", func() error { return of(s.Fsck(ctx, FsckOptions{Repair: true})) }},
	}
}

// TestTortureFullDisk: every command on a disk that is full, and again when there is
// space.
func TestTortureFullDisk(t *testing.T) {
	for _, exact := range []bool{true, false} { // else a little is left
		if testing.Short() && !exact {
			continue
		}
		t.Run(fmt.Sprintf("to the last byte %v", exact), func(t *testing.T) {
			f := &fullDisk{t: t, dir: filepath.Join(t.TempDir(), "disk")}
			mount(t, "tmpfs", f.dir, "tmpfs", 0, "size=6m")
			size := 5<<20 + 200<<10
			if os.Getenv(tortureEnv) != "" {
				size = 4 << 20
			}
			if err := f.write("ballast", []byte(noise(2, size))); err != nil {
				t.Fatal(err)
			}
			var err error
			if f.s, _, err = Init(t.Context(), f.dir, Options{}); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = f.s.Close() })
			for err == nil {
				err = f.commit()
			}
			if !errors.Is(err, vfs.ErrNoSpace) || !strings.Contains(err.Error(), "no space left") {
				t.Fatalf("the disk is full, and a commit says: %v", err)
			}
			if len(f.acked) < 20 {
				t.Fatalf("%d commits only", len(f.acked))
			}
			t.Logf("full after %d commits", len(f.acked))
			f.good(nil)
			mayExpire := func(err error) bool {
				return strings.Contains(err.Error(), "policy: keep-last 5") || strings.Contains(err.Error(), "policy: expire ")
			}
			if exact {
				f.fill("filler")
			}
			for _, c := range f.commands() {
				err := c.run()
				t.Logf("full: %s: %v", c.name, err)
				if err != nil && (!errors.Is(err, vfs.ErrNoSpace) || !strings.Contains(err.Error(), "no space left")) {
					t.Errorf("%s on a full disk: %v", c.name, err)
				}
				if left := debrisIn(t, f.s.dir); len(left) > 0 {
					t.Errorf("%s on a full disk left %q", c.name, left)
				}
				f.good(mayExpire)
				if exact {
					f.fill("filler") // also what was freed
				}
			}
			if err := os.Remove(filepath.Join(f.dir, "ballast")); err != nil {
				t.Fatal(err)
			}
			for _, c := range f.commands() {
				if err := c.run(); err != nil {
					t.Errorf("%s with space: %v", c.name, err)
				}
				f.good(mayExpire)
			}
			if f.good(mayExpire) == 0 {
				t.Error("a gc with space let nothing go")
			}
			if left := debrisIn(t, f.s.dir); len(left) > 0 {
				t.Errorf("left %q", left)
			}
		})
	}
}

// TestTortureRepairOnFullDisk: what cannot be repaired for want of space can be when
// there is some.
func TestTortureRepairOnFullDisk(t *testing.T) {
	f := &fullDisk{t: t, dir: filepath.Join(t.TempDir(), "disk")}
	mount(t, "tmpfs", f.dir, "tmpfs", 0, "size=6m")
	if err := f.write("ballast", []byte(noise(2, 2<<20))); err != nil {
		t.Fatal(err)
	}
	var err error
	if f.s, _, err = Init(t.Context(), f.dir, Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.s.Close() })
	if err := f.write("big.json", content{1, 0, 9000}.bytes(false)); err != nil {
		t.Fatal(err)
	}
	want := save(t, f.s, CommitOptions{Paths: []string{"big.json"}})
	packs, err := filepath.Glob(filepath.Join(f.s.dir, "objects", "*.pack"))
	if err != nil || len(packs) != 1 {
		t.Fatal(packs, err)
	}
	file, err := os.OpenFile(packs[0], os.O_RDWR, 0)
	if err == nil {
		_, err = file.WriteAt([]byte("damage"), 5000)
	}
	if err := errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
	f.fill("filler")
	rep, err := f.s.Fsck(t.Context(), FsckOptions{Repair: true})
	if !errors.Is(err, vfs.ErrNoSpace) {
		t.Fatalf("repair on a full disk: %+v, %v", rep, err)
	}
	t.Log(err)
	if left := debrisIn(t, f.s.dir); len(left) > 0 {
		t.Errorf("left %q", left)
	}
	if rep, err = f.s.Fsck(t.Context(), FsckOptions{}); err != nil || rep.OK || len(rep.Problems) == 0 {
		t.Fatalf("it must still be damaged: %+v, %v", rep, err)
	}
	if err := os.Remove(filepath.Join(f.dir, "ballast")); err != nil {
		t.Fatal(err)
	}
	rep, err = f.s.Fsck(t.Context(), FsckOptions{Repair: true})
	if err != nil || !rep.OK || rep.Repaired == 0 {
		t.Fatalf("repair with space: %+v, %v", rep, err)
	}
	if got := cat(t, f.s, want.Version.ID.String(), "big.json"); string(got) != string(content{1, 0, 9000}.bytes(false)) {
		t.Fatal("what was repaired is not what was saved")
	}
	mustFsck(t, f.s)
}
