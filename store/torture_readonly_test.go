//go:build linux

package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func init() { tortureRoles["readonly"] = tortureReadOnly }

// listing describes all files of a directory: modes, sizes, times and content.
func listing(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		fi, err := d.Info()
		if err != nil {
			return err
		}
		text := fmt.Sprint(fi.Mode(), fi.Size(), fi.ModTime().UnixNano())
		if fi.Mode().IsRegular() {
			b, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			text += fmt.Sprintf(" %x", sha256.Sum256(b))
		}
		all[name] = text
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// tortureReadOnly tries everything on a store that cannot be written to, and says
// what came of it.
func tortureReadOnly(j *tortureJob, _ <-chan string) error {
	s, err := j.open(nil)
	if err != nil {
		return err
	}
	defer s.Close()
	ctx := context.Background()
	of := func(_ any, err error) error { return err }
	rules := map[string]string{"keep-last": "1"}
	for _, c := range []struct {
		name string
		run  func() error
		read bool
	}{
		{"log", func() error {
			for _, err := range s.Log(ctx, LogOptions{}) {
				if err != nil {
					return err
				}
			}
			return nil
		}, true},
		{"cat", func() error {
			r, err := s.OpenModel(ctx, "v3", "a.json")
			if err == nil {
				_, err = r.WriteTo(io.Discard)
			}
			return err
		}, true},
		{"status", func() error { return of(s.Status(ctx)) }, true},
		{"gc --dry-run", func() error { return of(s.GC(ctx, GCOptions{Rules: rules, DryRun: true})) }, true},
		{"fsck", func() error {
			rep, err := s.Fsck(ctx, FsckOptions{})
			if err == nil && len(rep.Problems) != j.Step {
				err = fmt.Errorf("%d problems, want %d: %+v", len(rep.Problems), j.Step, rep.Problems)
			}
			return err
		}, true},
		{"gc", func() error { return of(s.GC(ctx, GCOptions{Rules: rules})) }, false},
		{"gc --now", func() error { return of(s.GC(ctx, GCOptions{Rules: rules, Now: true})) }, false},
		{"expire", func() error { return of(s.Expire(ctx, "v2", "a.json", ExpireOptions{})) }, false},
		{"hold", func() error { return of(s.Hold(ctx, "v1", "", "")) }, false},
		{"undelete", func() error { _, _, err := s.Undelete(ctx); return err }, false},
		{"repack", func() error { return of(s.Repack(ctx, RepackOptions{All: true})) }, false},
		{"commit", func() error {
			return of(s.Commit(ctx, CommitOptions{Stdin: strings.NewReader("{}"), As: "new.json", Author: "x"}))
		}, false},
		{"fsck --repair", func() error { return of(s.Fsck(ctx, FsckOptions{Repair: true})) }, false},
	} {
		err := c.run()
		n := note{What: "good", Text: fmt.Sprintf("%s: %v", c.name, err)}
		if c.read && err != nil || !c.read && !errors.Is(err, ErrReadOnly) {
			n.What = "bad"
		}
		say(n)
	}
	return nil
}

// TestTortureReadOnly: whatever would write says that the store is read-only, and
// touches nothing.
func TestTortureReadOnly(t *testing.T) {
	build := func(t *testing.T, damage bool) (dir string) {
		dir = filepath.Join(t.TempDir(), "project")
		s, _, err := Init(t.Context(), dir, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for i := range 5 {
			for _, p := range []string{"a.json", "b.json"} {
				if err := os.WriteFile(filepath.Join(dir, p), content{i, 0, 5 * i}.bytes(false), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			save(t, s, CommitOptions{Paths: []string{"a.json", "b.json"}})
			if i == 3 {
				if _, err := s.GC(t.Context(), GCOptions{Rules: map[string]string{"keep-last": "2"}}); err != nil {
					t.Fatal(err)
				}
			}
		}
		if damage {
			if err := os.Remove(filepath.Join(s.dir, formatKey)); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	try := func(t *testing.T, j tortureJob, real string, adjust func(*exec.Cmd)) {
		j.Role = "readonly"
		j.Step = 1 // problem: the format file
		before := listing(t, real)
		p, err := j.start(adjust)
		if err != nil {
			t.Fatal(err)
		}
		said := 0
		for n := range p.notes {
			t.Log(n.Text)
			if said++; n.What != "good" {
				t.Error(n.What, n.Text)
			}
		}
		if err := p.wait(); err != nil || said != 13 {
			t.Fatalf("%d commands: %v", said, err)
		}
		after := listing(t, real)
		for name := range after {
			if before[name] != after[name] {
				t.Errorf("%s was %q, is %q", name, before[name], after[name])
			}
		}
		if len(before) != len(after) {
			t.Errorf("%d files, were %d", len(after), len(before))
		}
	}
	bind := func(t *testing.T, from string) (to string) {
		to = filepath.Join(t.TempDir(), "readonly")
		mount(t, from, to, "", syscall.MS_BIND, "")
		if err := syscall.Mount("", to, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
			t.Skipf("mounting read-only: %v", err)
		}
		return to
	}
	t.Run("all on a read-only disk", func(t *testing.T) {
		real := build(t, true)
		dir := bind(t, real)
		try(t, tortureJob{Root: dir, Store: filepath.Join(dir, DirName)}, real, nil)
	})
	t.Run("the store on a read-only disk", func(t *testing.T) {
		real := build(t, true)
		dir := bind(t, real)
		work := t.TempDir()
		try(t, tortureJob{Root: work, Store: filepath.Join(dir, DirName)}, real, nil)
	})
	t.Run("of another user", func(t *testing.T) {
		real := build(t, true)
		if os.Geteuid() != 0 {
			t.Skip("only root can become another user")
		}
		bin := filepath.Join(t.TempDir(), "child")
		b, err := os.ReadFile(os.Args[0])
		if err == nil {
			err = os.WriteFile(bin, b, 0o755)
		}
		for dir := filepath.Dir(bin); err == nil && dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
			err = os.Chmod(dir, 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
		try(t, tortureJob{Root: real, Store: filepath.Join(real, DirName)}, real, func(c *exec.Cmd) {
			c.Path, c.Dir = bin, filepath.Dir(bin)
			c.Env = append(c.Env, "HOME="+filepath.Dir(bin))
			c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		})
	})
}
