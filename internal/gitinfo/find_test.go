package gitinfo

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestNoProject(t *testing.T) {
	dir := t.TempDir()
	if fi, err := os.Stat(filepath.Join(filepath.VolumeName(dir), string(filepath.Separator), ".git")); err == nil {
		t.Skip("a project at the root: ", fi.Name())
	}
	if err := os.Mkdir(filepath.Join(dir, ".git"), 0o777); err != nil { // no repository
		t.Fatal(err)
	}
	st, ok, err := Read(context.Background(), dir, &mem{})
	if ok || err != nil || st != (State{}) {
		t.Fatalf("got %+v, %v, %v", st, ok, err)
	}
}

func TestStart(t *testing.T) {
	p := newProject(t)
	p.commit()
	want := p.want()
	outside := t.TempDir()
	for _, dir := range []string{"src/lib", "src/not/there", "link-to-src"} {
		if dir == "link-to-src" {
			dir = filepath.Join(outside, dir)
			if err := os.Symlink(p.path("src"), dir); err != nil {
				t.Skip(err)
			}
		} else {
			dir = p.path(dir)
		}
		st, ok, err := Read(context.Background(), dir, nil)
		if !ok || err != nil || st != want {
			t.Errorf("from %q: got %+v, %v, %v", dir, st, ok, err)
		}
	}
	t.Chdir(p.path("src"))
	if st, ok, err := Read(context.Background(), ".", nil); !ok || err != nil || st != want {
		t.Errorf("from .: got %+v, %v, %v", st, ok, err)
	}
}

func TestBare(t *testing.T) {
	p := newProject(t)
	p.commit()
	p.git("clone", "-q", "--bare", ".", "backup.git")
	for _, dir := range []string{"backup.git", "backup.git/refs", ".git", ".git/objects"} {
		if st, ok, err := Read(context.Background(), p.path(dir), nil); ok || err != nil {
			t.Errorf("%s: got %+v, %v, %v", dir, st, ok, err)
		}
	}
}

// A project may lie in another one, and the work tree somewhere else.
func TestNested(t *testing.T) {
	p := newProject(t)
	p.commit()
	inner := p.at(p.path("vendored"))
	p.must(os.Mkdir(inner.dir, 0o777))
	inner.git("init", "-q", "-b", "other")
	inner.commit()
	compare(t, inner, clean)

	home := p.at(filepath.Join(filepath.Dir(p.dir), "home"))
	p.must(os.MkdirAll(home.path("dotfiles"), 0o777))
	files := home.at(home.path("dotfiles"))
	files.git("init", "-q", "-b", "main")
	home.write("profile", "x")
	files.git("config", "core.worktree", "../..")
	files.git("add", "../profile")
	files.git("commit", "-qm", "first")
	st := files.read(reader{now: time.Now}, nil)
	if st.Root != home.dir || st.Dirty {
		t.Errorf("got %+v", st)
	}
	files.git("config", "core.worktree", "../../../elsewhere")
	if st, ok, err := Read(context.Background(), files.dir, nil); ok || err != nil {
		t.Errorf("outside of the work tree: got %+v, %v, %v", st, ok, err)
	}
}

func TestBrokenGitFile(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "gitdir: ", "gitdir: nowhere\n", "hello\n"} {
		if err := os.WriteFile(filepath.Join(dir, ".git"), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		st, ok, err := Read(context.Background(), dir, nil)
		if !ok || err == nil || st != (State{Root: dir}) {
			t.Errorf("%q: got %+v, %v, %v", text, st, ok, err)
		}
	}
}
