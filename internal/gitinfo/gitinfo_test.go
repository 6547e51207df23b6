package gitinfo

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// Where the answer is not git's.
func TestOtherThanGit(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(p *project)
		want bool
	}{
		// git says dirty until the file is added again.
		{"line ends converted in place", func(p *project) { p.write("README", "read me\r\n") }, clean},
		{"line ends of a binary file", func(p *project) {
			p.write("binary", "\x00\n")
			p.git("add", ".")
			p.git("commit", "-qm", "binary")
			p.write("binary", "\x00\r\n")
		}, dirty},
		// git looks at the seconds of ctime only, where they are the same.
		{"edited, same size and mtime", func(p *project) {
			fi, err := os.Stat(p.path("README"))
			p.must(err)
			tick()
			p.write("README", "READ ME\n")
			p.must(os.Chtimes(p.path("README"), fi.ModTime(), fi.ModTime()))
		}, dirty},
		{"index without checksum", func(p *project) { // git 2.40 writes them
			b, err := os.ReadFile(p.path(".git/index"))
			p.must(err)
			clear(b[len(b)-20:])
			p.must(os.WriteFile(p.path(".git/index"), b, 0o666))
		}, clean},
	} {
		t.Run(c.name, func(t *testing.T) {
			if runtime.GOOS == "windows" && strings.Contains(c.name, "mtime") {
				t.Skip("no ctime here")
			}
			p := newProject(t)
			p.commit()
			c.do(p)
			if st := p.read(reader{now: time.Now}, nil); st.Dirty != c.want {
				t.Errorf("got %+v", st)
			}
		})
	}
}

func TestBeforeTheFirstCommit(t *testing.T) {
	p := newProject(t)
	compare(t, p, clean)
	p.write("a", "a")
	compare(t, p, clean)
	p.git("add", ".")
	compare(t, p, dirty)
}

func TestManyWorktrees(t *testing.T) {
	p := newProject(t)
	p.commit()
	other := p.at(filepath.Join(filepath.Dir(p.dir), "other"))
	p.git("worktree", "add", "-q", "-b", "side", other.dir)
	compare(t, other, clean)
	p.write("README", "x")
	compare(t, other, clean)
	compare(t, p, dirty)
	p.git("checkout", "-q", ".")
	other.write("README", "x")
	compare(t, p, clean)
	compare(t, other, dirty)
	other.git("commit", "-qam", "second")
	p.git("pack-refs", "--all")
	compare(t, other, clean)
	other.git("checkout", "-q", "--detach")
	compare(t, other, clean)
	other.git("update-ref", "refs/worktree/mine", "HEAD")
	other.git("symbolic-ref", "HEAD", "refs/worktree/mine")
	compare(t, other, clean)
	// The usual place for a bare repository that has work trees only.
	p.git("config", "core.bare", "true")
	compare(t, other, clean)
	if st, ok, err := Read(context.Background(), p.dir, nil); ok || err != nil {
		t.Fatalf("bare: %+v, %v, %v", st, ok, err)
	}
}

func TestSubmodule(t *testing.T) {
	lib := newProject(t)
	lib.commit()
	p := newProject(t)
	p.commit()
	p.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", lib.dir, "lib")
	compare(t, p, dirty)
	p.git("commit", "-qm", "lib")
	compare(t, p, clean)
	sub := p.at(p.path("lib"))
	compare(t, sub, clean)
	sub.write("README", "x")
	compare(t, sub, dirty)
	if st := p.read(reader{now: time.Now}, nil); st.Dirty {
		t.Error("an edit in the submodule counts")
	}
	sub.git("commit", "-qam", "second")
	p.git("add", "lib")
	compare(t, p, dirty)
}

func TestSharedObjects(t *testing.T) {
	lib := newProject(t)
	lib.commit()
	lib.git("gc", "-q")
	p := newProject(t)
	p.dir = filepath.Join(filepath.Dir(p.dir), "clone")
	lib.git("clone", "-q", "--shared", lib.dir, p.dir)
	compare(t, p, clean)
	rel, err := filepath.Rel(p.path(".git/objects"), lib.path(".git/objects"))
	p.must(err)
	p.write(".git/objects/info/alternates", "# borrowed\n"+filepath.ToSlash(rel)+"\n")
	compare(t, p, clean)
	p.git("rm", "-q", "--cached", "README")
	compare(t, p, dirty)
}

func TestUnsupported(t *testing.T) {
	for _, c := range []struct {
		name    string
		do      func(p *project)
		unknown bool // of the kind errors.ErrUnsupported
	}{
		{"split index", func(p *project) { p.git("update-index", "--split-index") }, true},
		{"sparse index", func(p *project) {
			p.git("sparse-checkout", "init", "--cone", "--sparse-index")
		}, true},
		{"index of another version", func(p *project) { p.write(".git/index", "DIRC\x00\x00\x00\x09\x00\x00\x00\x00") }, true},
		{"index cut short", func(p *project) { p.must(os.Truncate(p.path(".git/index"), 200)) }, false},
		{"index empty", func(p *project) { p.must(os.Truncate(p.path(".git/index"), 0)) }, false},
		{"index overwritten", func(p *project) {
			b, err := os.ReadFile(p.path(".git/index"))
			p.must(err)
			b[len(b)/2] ^= 1
			p.must(os.WriteFile(p.path(".git/index"), b, 0o666))
		}, false},
		{"objects lost", func(p *project) {
			p.must(os.RemoveAll(p.path(".git/objects")))
			p.must(os.Mkdir(p.path(".git/objects"), 0o777))
		}, false},
		{"configuration broken", func(p *project) { p.write(".git/config", "[core\n") }, false},
		{"repository format", func(p *project) { p.git("config", "core.repositoryFormatVersion", "7") }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newProject(t)
			p.commit()
			want := State{Root: p.dir, Branch: "main", Commit: p.git("rev-parse", "HEAD")}
			c.do(p)
			st, ok, err := Read(context.Background(), p.path("src"), &mem{})
			if !ok || err == nil || st != want {
				t.Fatalf("got %+v, %v, %v", st, ok, err)
			}
			if errors.Is(err, errors.ErrUnsupported) != c.unknown {
				t.Fatalf("%v", err)
			}
		})
	}
}

func TestSHA256(t *testing.T) {
	p := newProject(t, "--object-format=sha256")
	p.commit()
	st, ok, err := Read(context.Background(), p.dir, nil)
	want := State{Root: p.dir, Branch: "main", Commit: p.git("rev-parse", "HEAD")}
	if !ok || !errors.Is(err, errors.ErrUnsupported) || st != want || len(st.Commit) != 64 {
		t.Fatalf("got %+v, %v, %v", st, ok, err)
	}
}

func TestBrokenHead(t *testing.T) {
	for _, head := range []string{"", "\n", "ref: \n", "ref: refs/heads/../../config\n", "ref: config\n", "1234\n", "ref: refs/heads/loop\n"} {
		p := newProject(t)
		p.commit()
		p.write(".git/refs/heads/loop", "ref: refs/heads/loop\n")
		p.write(".git/HEAD", head)
		st, ok, err := Read(context.Background(), p.dir, nil)
		if !ok || err == nil || st.Commit != "" || st.Root != p.dir {
			t.Errorf("HEAD %q: got %+v, %v, %v", head, st, ok, err)
		}
	}
}

func TestStop(t *testing.T) {
	p := newProject(t)
	p.commit()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if st, ok, err := Read(ctx, p.dir, nil); !ok || !errors.Is(err, context.Canceled) || st.Commit == "" {
		t.Fatalf("got %+v, %v, %v", st, ok, err)
	}
}
