package gitinfo

import (
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

const (
	clean = false
	dirty = true
)

// situations are changes to a project with one commit.
var situations = []struct {
	name string
	do   func(p *project)
	want bool
}{
	{"clean", func(*project) {}, clean},
	{"edited", func(p *project) { p.write("README", "read me again\n") }, dirty},
	{"edited, same size", func(p *project) { p.write("README", "READ ME\n") }, dirty},
	{"edited at once after the commit", func(p *project) {
		p.write("README", "one")
		p.git("commit", "-qam", "second")
		p.write("README", "two")
	}, dirty},
	{"emptied", func(p *project) { p.write("README", "") }, dirty},
	{"no longer empty", func(p *project) { p.write("empty", "x") }, dirty},
	{"edited and reverted", func(p *project) {
		p.write("README", "READ ME\n")
		p.write("README", "read me\n")
	}, clean},
	{"touched", func(p *project) { p.age("README") }, clean},
	{"replaced by a copy", func(p *project) {
		p.write("new", "read me\n")
		p.must(os.Rename(p.path("new"), p.path("README")))
	}, clean},
	{"staged", func(p *project) {
		p.write("src/lib/a.py", "a = 2\n")
		p.git("add", "src/lib/a.py")
	}, dirty},
	{"staged and edited back", func(p *project) {
		p.write("src/lib/a.py", "a = 2\n")
		p.git("add", "src/lib/a.py")
		p.write("src/lib/a.py", "a = 1\n")
	}, dirty},
	{"staged and unstaged", func(p *project) {
		p.write("src/lib/c.py", "c = 2\n")
		p.git("add", ".")
		p.git("rm", "-q", "--cached", "src/lib/c.py")
	}, clean},
	{"new file staged", func(p *project) {
		p.write("src/lib/c.py", "c = 2\n")
		p.git("add", ".")
	}, dirty},
	{"new file noted", func(p *project) {
		p.write("src/lib/c.py", "c = 2\n")
		p.git("add", "-N", ".")
	}, dirty},
	{"new file noted and gone", func(p *project) {
		p.write("src/lib/c.py", "c = 2\n")
		p.git("add", "-N", ".")
		p.must(os.Remove(p.path("src/lib/c.py")))
	}, clean},
	{"untracked", func(p *project) { p.write("src/new", "new\n") }, clean},
	{"removed", func(p *project) { p.must(os.Remove(p.path("src/train.py"))) }, dirty},
	{"directory removed", func(p *project) { p.must(os.RemoveAll(p.path("src"))) }, dirty},
	{"removal staged", func(p *project) { p.git("rm", "-q", "src/train.py") }, dirty},
	{"removal of the last staged", func(p *project) { p.git("rm", "-q", "src.txt") }, dirty},
	{"removal staged, file kept", func(p *project) { p.git("rm", "-q", "--cached", "src/train.py") }, dirty},
	{"file replaced by a directory", func(p *project) {
		p.must(os.Remove(p.path("README")))
		p.must(os.Mkdir(p.path("README"), 0o777))
	}, dirty},
	{"directory replaced by a file", func(p *project) {
		p.must(os.RemoveAll(p.path("data")))
		p.write("data", "data")
	}, dirty},
	{"directory replaced by a link to the same", func(p *project) {
		p.must(os.Rename(p.path("src/lib"), p.path("lib")))
		p.must(os.Symlink("../lib", p.path("src/lib")))
	}, dirty},
	{"made executable", func(p *project) { p.must(os.Chmod(p.path("README"), 0o755)) }, dirty},
	{"made not executable", func(p *project) { p.must(os.Chmod(p.path("data/run me.sh"), 0o644)) }, dirty},
	{"modes do not count", func(p *project) {
		p.git("config", "core.fileMode", "false")
		p.must(os.Chmod(p.path("README"), 0o755))
	}, clean},
	{"mode staged", func(p *project) { p.git("update-index", "--chmod=+x", "README") }, dirty},
	{"link changed", func(p *project) {
		p.must(os.Remove(p.path("link")))
		p.must(os.Symlink("src/train.PY", p.path("link")))
	}, dirty},
	{"link made anew", func(p *project) {
		p.must(os.Remove(p.path("link")))
		p.must(os.Symlink("src/train.py", p.path("link")))
	}, clean},
	{"link replaced by its target", func(p *project) {
		p.must(os.Remove(p.path("link")))
		p.write("link", "src/train.py")
	}, dirty},
	{"link as a file", func(p *project) {
		p.git("config", "core.symlinks", "false")
		p.must(os.Remove(p.path("link")))
		p.write("link", "src/train.py")
	}, clean},
	{"file replaced by a link", func(p *project) {
		p.must(os.Remove(p.path("src/train.py")))
		p.must(os.Symlink("lib/a.py", p.path("src/train.py")))
	}, dirty},
	{"line ends converted", func(p *project) {
		p.git("config", "core.autocrlf", "true")
		p.must(os.Remove(p.path("README")))
		p.git("checkout", "-q", "README")
		p.age("README")
	}, clean},
	{"line ends converted and edited", func(p *project) {
		p.git("config", "core.autocrlf", "true")
		p.write("README", "read me!\r\n")
	}, dirty},
	{"assumed unchanged", func(p *project) {
		p.git("update-index", "--assume-unchanged", "README")
		p.write("README", "x")
	}, clean},
	{"skip-worktree", func(p *project) {
		p.git("update-index", "--skip-worktree", "README", "src/lib/a.py")
		p.must(os.RemoveAll(p.path("src/lib")))
		p.git("update-index", "--skip-worktree", "src/lib/b.py")
	}, clean},
	{"flagged, another edited", func(p *project) {
		p.git("update-index", "--assume-unchanged", "README")
		p.git("update-index", "--skip-worktree", "src.txt")
		p.write("src/train.py", "print(2)\n")
	}, dirty},
	{"assumed unchanged but staged", func(p *project) {
		p.write("README", "x")
		p.git("add", "README")
		p.git("update-index", "--assume-unchanged", "README")
	}, dirty},
	{"index of version 4", func(p *project) {
		p.git("update-index", "--index-version", "4")
		p.git("update-index", "--assume-unchanged", "src/lib/b.py")
		p.write("src/lib/b.py", "x")
	}, clean},
	{"index of version 4, edited", func(p *project) {
		p.git("update-index", "--index-version", "4")
		p.write("src/lib/a.py", "x")
	}, dirty},
	{"no cache-tree", func(p *project) {
		p.must(os.Remove(p.path(".git/index")))
		p.git("read-tree", "--empty")
		p.git("add", ".")
	}, clean},
	{"cache-tree invalid in part", func(p *project) {
		p.write("src/lib/c.py", "c")
		p.git("add", ".")
		p.git("rm", "-qf", "src/lib/c.py")
	}, clean},
	{"cache-tree of another commit", func(p *project) {
		p.write("src/lib/a.py", "a = 3\n")
		p.git("commit", "-qam", "second")
		p.git("reset", "-q", "--soft", "HEAD~1")
	}, dirty},
	{"index removed", func(p *project) { p.must(os.Remove(p.path(".git/index"))) }, dirty},
	{"packed", func(p *project) { p.git("gc", "-q") }, clean},
	{"packed, deltas, no cache-tree", func(p *project) {
		for i := range 5 {
			for j := range 30 {
				p.write("many/file"+strings.Repeat("x", j), strings.Repeat("line\n", 10+i))
			}
			p.git("add", ".")
			p.git("commit", "-qm", "more")
		}
		p.git("gc", "-q")
		p.git("read-tree", "--empty")
		p.git("add", ".")
	}, clean},
	{"packed, staged", func(p *project) {
		p.git("gc", "-q")
		p.git("rm", "-q", "--cached", "src/lib/b.py")
	}, dirty},
	{"detached", func(p *project) { p.git("checkout", "-q", "--detach") }, clean},
	{"branch with a slash", func(p *project) {
		p.git("checkout", "-q", "-b", "team/a/b")
		p.git("pack-refs", "--all")
	}, clean},
	{"branch where packed branches were below", func(p *project) {
		p.git("branch", "x/y")
		p.git("pack-refs", "--all", "--prune")
		p.git("branch", "-D", "-q", "x/y")
		p.git("checkout", "-q", "-b", "x")
		p.git("pack-refs", "--all", "--prune")
		p.must(os.MkdirAll(p.path(".git/refs/heads/x"), 0o777))
	}, clean},
	{"symbolic branch", func(p *project) {
		p.git("branch", "real")
		p.git("symbolic-ref", "refs/heads/alias", "refs/heads/real")
		p.git("symbolic-ref", "HEAD", "refs/heads/alias")
	}, clean},
	{"unborn branch", func(p *project) { p.git("checkout", "-q", "--orphan", "other") }, dirty},
	{"conflict", func(p *project) {
		p.git("checkout", "-q", "-b", "other")
		p.write("README", "other\n")
		p.git("commit", "-qam", "other")
		p.git("checkout", "-q", "main")
		p.write("README", "main\n")
		p.git("commit", "-qam", "main")
		if _, err := p.try("merge", "-q", "other"); err == nil {
			p.Fatal("no conflict")
		}
	}, dirty},
	{"merged", func(p *project) {
		p.git("checkout", "-q", "-b", "other")
		p.write("README", "other\n")
		p.git("commit", "-qam", "other")
		p.git("checkout", "-q", "main")
		p.write("src.txt", "main\n")
		p.git("commit", "-qam", "main")
		p.git("merge", "-q", "-m", "merge", "other")
	}, clean},
}

func TestSituations(t *testing.T) {
	for _, c := range situations {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newProject(t)
			p.commit()
			if runtime.GOOS == "windows" && strings.Contains(c.name, "execut") {
				t.Skip("no modes here")
			}
			c.do(p)
			compare(t, p, c.want)
		})
	}
}

// compare asks Read in several ways and git once.
func compare(t *testing.T, p *project, dirty bool) {
	t.Helper()
	cache, settled := &mem{}, &mem{}
	var count counter
	var got []State
	for range 3 {
		got = append(got, p.read(reader{now: time.Now}, nil), p.read(reader{now: time.Now}, cache), p.read(count.reader(), settled))
	}
	want := p.want()
	got = append(got, p.read(reader{now: time.Now}, nil), p.read(count.reader(), settled))
	if want.Dirty != dirty {
		t.Errorf("git itself says %v", want.Dirty)
	}
	for i, st := range got {
		if st != want {
			t.Fatalf("call %d: got %+v, git says %+v", i, st, want)
		}
	}
}
